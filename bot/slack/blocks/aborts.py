"""What people read of an abort: who wanted it, and whose upload it was."""

from collections.abc import Sequence

from bot.model import text as words
from bot.model.aborts import Abort, News, Told
from bot.slack.blocks.kit import Message, code, context, escape, section
from bot.slack.blocks.watch_words import IN_BLOCKS, IN_TEXT, Ink, listed, person

STILL_THERE = (
    "I was interrupted, or Vault did not take it. Nothing is lost; abort it again if you still want to."
)
A_FILE_NOW = "It was committed before, so it is a file now, and nothing is lost."
NOT_FOUND_OUT = "I could not look for a whole day. Look for it in Vault itself."
INTERRUPTED = "I was interrupted, or Vault did not answer, so this comes late."
START_AGAIN = "To have the file in Vault, start the upload again from its first part."
WATCHERS = "Whoever watches it here is told that it has ended."


def aborted(
    abort: Abort, vault_name: str, owners: Sequence[str], *, several_vaults: bool, is_late: bool = False
) -> Message:
    """The answer to who has aborted an upload. `owners` are Slack users' ids."""
    after = [_to_the_owner(abort, owners), WATCHERS, INTERRUPTED if is_late else ""]
    return _message(abort, vault_name, f"is aborted: {_lost(abort)}.", after, several_vaults=several_vaults)


def told(one: Told, *, several_vaults: bool) -> Message:
    """A direct message about an abort."""
    abort, vault_name = one.abort, one.vault_name
    match one.news:
        case News.DONE:
            return aborted(abort, vault_name, one.owners, several_vaults=several_vaults, is_late=True)
        case News.YOURS:
            by, what = person(abort.by.user_id), f"{_lost(abort)}."
            text, seen = (
                f"{by} has aborted your upload {_name(abort, ink)}: {what}" for ink in (IN_TEXT, IN_BLOCKS)
            )
            after = [_reason(abort), START_AGAIN]
            return _drawn(text, seen, abort, vault_name, after, several_vaults=several_vaults)
        case News.NOT_DONE:
            what, after = "was not aborted: it is still there.", [STILL_THERE]
        case News.COMMITTED:
            what, after = "was not aborted.", [A_FILE_NOW]
        case News.UNKNOWN:
            what, after = "was perhaps aborted, perhaps not.", [NOT_FOUND_OUT]
    return _message(abort, vault_name, what, after, several_vaults=several_vaults)


def _message(
    abort: Abort, vault_name: str, what: str, after: Sequence[str], *, several_vaults: bool
) -> Message:
    text, seen = (f"{_name(abort, ink)} {what}" for ink in (IN_TEXT, IN_BLOCKS))
    return _drawn(text, seen, abort, vault_name, after, several_vaults=several_vaults)


def _drawn(
    text: str, seen: str, abort: Abort, vault_name: str, after: Sequence[str], *, several_vaults: bool
) -> Message:
    sentences = [sentence for sentence in after if sentence]
    vault = f"Vault: {escape(vault_name)}" if several_vaults else ""
    last = f"Upload id {escape(abort.upload_id)}."
    return Message(
        text=" ".join(piece for piece in (text, *sentences, f"{vault}." if vault else "", last) if piece),
        blocks=[
            section("\n".join((f"*{seen}*", *sentences))),
            context(vault, f"Upload id {code(abort.upload_id)}"),
        ],
    )


def _to_the_owner(abort: Abort, owners: Sequence[str]) -> str:
    if abort.is_own:
        return ""
    if not owners:
        return (
            f"Its owner, Vault user {escape(abort.owner)}, has no linked Slack account here, so I cannot tell them: "
            "please do that yourself."
        )
    return (
        f"I tell its owner, {listed([person(one) for one in owners])}, by direct message, with your reason."
    )


def _name(abort: Abort, ink: Ink) -> str:
    return ink.name(abort.upload.name if abort.upload else abort.upload_id)


def _lost(abort: Abort) -> str:
    upload = abort.upload
    if upload is None:
        return "what had come of it is deleted"
    if upload.nothing_there:
        return "no part of it had come"
    return (
        f"{words.size(upload.uploaded)} in {words.plural(upload.uploaded_parts, 'part')} are deleted for good"
    )


def _reason(abort: Abort) -> str:
    """In one line, as a sentence; none where it cannot be read any more."""
    reason = escape(" ".join(abort.reason.split()))
    return f"Reason: {reason}{'' if reason[-1:] in '.!?' else '.'}" if reason else ""
