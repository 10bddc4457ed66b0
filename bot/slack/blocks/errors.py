"""Failures as people read them: one sentence of what happened, one of what to do, a reference for the unexpected."""

from bot.model.errors import BotError, UnknownWords
from bot.slack.blocks.kit import Block, Message, actions, context, escape, section

UNEXPECTED = "Something went wrong on my side."
UNEXPECTED_REMEDY = "Please try again. If it happens again, give this reference to the operator of this app."
OLD_BUTTON = "That button is from an older version of this message. Ask again with `/upload-status list`."
UNKNOWN_COMMAND = "I answer only to `/upload-status`. Try `/upload-status help`."


def failure(
    error: BotError | None,
    reference: str,
    *,
    more_text: str = "",
    more_blocks: list[Block] | None = None,
    link: Block | None = None,
) -> Message:
    """The message for a failure; None stands for one that nobody foresaw. `link` is a button to the link page."""
    sentence, remedy, shown_reference = _words(error, reference)
    blocks = [section(f"*{sentence}*\n{remedy}".rstrip() if remedy else f"*{sentence}*")]
    blocks += more_blocks or []
    if link:
        blocks.append(actions(link))
    if shown_reference:
        blocks.append(context(shown_reference))
    pieces = (sentence, remedy, more_text, shown_reference)
    return Message(text=" ".join(piece for piece in pieces if piece), blocks=blocks)


def in_a_line(error: BotError, reference: str) -> str:
    """A failure beside what went well; what only the operator can use reads as one that nobody foresaw."""
    return " ".join(piece for piece in _words(None if error.for_the_operator else error, reference) if piece)


def usage_failure(
    error: UnknownWords, usage: Message, *, more_text: str = "", more_blocks: list[Block] | None = None
) -> Message:
    """Words nobody knows are answered with what may have been meant, and how it goes."""
    sentence = escape(f"{error.sentence} {error.remedy}".strip())
    text = " ".join(piece for piece in (sentence, more_text, usage.text) if piece)
    return Message(text=text, blocks=[section(sentence), *(more_blocks or []), *usage.blocks])


def notice(sentence: str) -> Message:
    """One plain sentence."""
    return Message(text=sentence, blocks=[section(sentence)])


def _words(error: BotError | None, reference: str) -> tuple[str, str, str]:
    """What happened, what to do, and the reference where one is needed."""
    sentence = escape(error.sentence if error else UNEXPECTED)
    remedy = escape(error.remedy if error else UNEXPECTED_REMEDY)
    return sentence, remedy, f"Reference: {reference}" if error is None or not error.expected else ""
