"""What a person may be told: words, to the end of a sentence, and nothing of how the program works inside."""

import re
from collections.abc import Iterator
from typing import Any

from bot.model.errors import BotError
from bot.slack.blocks import errors, usage
from bot.slack.blocks.kit import Message
from tests.unit.slack_eyes import assert_slack_takes

REFERENCE = "K7QX2M9B"
USAGE = usage.usage(("promomats", "quality"))
_ENDS = re.compile(r"[.!?…:`)”](?=\s|$)")
_INNER = re.compile(r"Traceback|<class '|<bot\.|object at 0x|Secret\(|\bNoneType\b|Error\(")


class NotASentence(AssertionError):
    """Somebody would read this."""


def assert_sentence(text: str) -> None:
    """Words with an end, and none of ours."""
    if not text.strip() or len(re.findall(r"\w\w", text)) < 2 or not _ENDS.search(text):
        raise NotASentence(repr(text))
    if found := _INNER.search(text):
        raise NotASentence(f"{found[0]} stands in {text!r}")


def assert_told(error: BotError) -> None:
    """The failure's own sentences, and the message that `bot.slack.failures` makes of it, which Slack takes."""
    assert_sentence(error.sentence)
    if error.remedy:
        assert_sentence(error.remedy)
    shown = None if error.for_the_operator else error
    assert_message(errors.failure(shown, REFERENCE))
    assert_sentence(errors.in_a_line(error, REFERENCE))


def assert_usage(error: Any) -> None:
    """The same for words that nobody knows."""
    assert_sentence(error.sentence)
    whole = errors.usage_failure(error, USAGE)
    # What follows is the same each time.
    assert_message(Message(text=whole.text, blocks=whole.blocks[:1]))


def assert_message(message: Message) -> None:
    """Its text is a sentence, and Slack takes the whole."""
    assert_sentence(message.text)
    assert_slack_takes(message)


def texts_in(node: Any) -> Iterator[str]:
    """Every text in JSON."""
    if isinstance(node, str):
        yield node
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from texts_in(inner)
