"""What a message's shortcut answers where the message names several uploads, or none."""

from collections.abc import Sequence

from bot.model import text as words
from bot.model.errors import BotError
from bot.model.pasting import Pasted
from bot.model.statuses import UploadStatus
from bot.slack.blocks import errors
from bot.slack.blocks.kit import Block, Message, actions, button, code, context, date, header, section
from bot.slack.blocks.upload_list import line, owned_by, row
from bot.slack.blocks.upload_status import Look

MOST = 5
"""Uploads of one message that are looked up."""
NOTHING = "I found no upload id in this message."
WHAT_IS_ONE = (
    "An upload id is 32 hex digits, or about 75 letters, digits, dots, - and _; the address of an upload in Vault's "
    "API will do as well. If you know the id, type `/upload-status` and the id behind it, or choose from "
    "`/upload-status list`."
)

Found = Sequence[tuple[Pasted, UploadStatus | BotError]]


def several(found: Found, look: Look, *, further: int = 0, reference: str = "") -> Message:
    """Each upload in a row, and in a line what stands in the way of the others, in the order of the message.

    `further` ids stand in it too and were not looked up. `reference` is shown where something failed in a way that
    nobody foresaw.
    """
    title = f"Uploads in this message: {len(found) + further}"
    lines, blocks = [title], [header(title)]
    for pasted, one in found:
        told, drawn = _refused(pasted, one, reference) if isinstance(one, BotError) else _shown(one, look)
        lines.append(told)
        blocks += drawn
    if further:
        left_out = (
            f"{words.plural(further, 'more id')} not looked up: I take the first {len(found)} of a message."
        )
        how = "Type `/upload-status` and the id behind it to see one."
        lines.append(f"{left_out} {how}")
        blocks.append(section(f"{left_out} {how}"))
    lines.append(f"As of {words.utc(look.now)}.")
    blocks.append(context(f"As of {date(look.now, '{time}')}"))
    return Message(text="\n".join(lines), blocks=blocks)


def none_there() -> Message:
    """The answer about a message that names no upload."""
    return Message(text=f"{NOTHING} {WHAT_IS_ONE}", blocks=[section(f"*{NOTHING}*"), context(WHAT_IS_ONE)])


def _shown(status: UploadStatus, look: Look) -> tuple[str, list[Block]]:
    upload = status.upload
    more = f"  ·  {owned_by(upload, status.account.identity.vault_user_id)}"
    if look.several_vaults:
        more += f"  ·  Vault: {status.vault.name}"
    target = {"u": upload.id, "v": status.vault.host}
    show = button("Show", "refresh:found", value=target, spoken=f"Show {upload.name}")
    share = button("Share", "share", value=target, spoken=f"Share {upload.name} here")
    return line(upload, look, more), [row(upload, look, more), actions(show, share)]


def _refused(pasted: Pasted, error: BotError, reference: str) -> tuple[str, list[Block]]:
    told = errors.in_a_line(error, reference)
    named = "" if pasted.upload_id in told else f"{code(pasted.upload_id)}: "
    return f"• {named}{told}", [section(f"{named}{told}")]
