"""The list of a person's uploads: of one Vault page by page, of several the most urgent of each."""

from collections.abc import Sequence

from bot.model import text as words
from bot.model.errors import LinkEnded
from bot.model.statuses import UploadList, UploadLists, VaultTrouble
from bot.model.uploads import Phase, UploadSession
from bot.slack.blocks import errors
from bot.slack.blocks.kit import (
    LONGEST_TEXT,
    Block,
    Message,
    actions,
    button,
    clip,
    code,
    context,
    date,
    divider,
    escape,
    header,
    section,
)
from bot.slack.blocks.upload_status import SIGNS, Look, amount

PER_PAGE = 8
FEWEST_ROWS = 3
MOST_VAULTS = 9
"""Vaults shown with their uploads. A line across, a heading and three rows for each, and five blocks round them,
are the 50 blocks that Slack takes."""

HOW_UPLOADS_END = (
    "An upload session lives up to 72 hours; a committed, aborted or expired one is no longer shown."
)


def listing(found: UploadLists, look: Look, *, page: int = 1, reference: str = "") -> Message:
    """The uploads of one Vault, that page of them or the nearest there is; or those of several, grouped.

    `reference` is shown where a Vault failed in a way nobody foresaw.
    """
    if len(found.lists) == 1 and not found.troubles:
        return _of_one_vault(found.lists[0], look, page)
    rows = max(PER_PAGE // len(found.lists), FEWEST_ROWS)
    lines, blocks = _by_vault(found, look, rows, reference)
    # A row that the text could not tell of is better left out of the blocks too: one click shows them all.
    while rows > 1 and len("\n".join(lines)) > LONGEST_TEXT:
        rows -= 1
        lines, blocks = _by_vault(found, look, rows, reference)
    return Message(text="\n".join(lines), blocks=blocks)


def near(
    uploads: Sequence[UploadSession], look: Look, vault_host: str | None = None
) -> tuple[str, list[Block]]:
    """Text and blocks for "did you mean one of these?"; nothing for none."""
    if not uploads:
        return "", []
    value = {"v": vault_host} if vault_host else {}
    rows: list[Block] = [section("*Did you mean one of your uploads?*")]
    for upload in uploads:
        show = button("Show", "refresh", value={"u": upload.id, **value}, spoken=f"Show {upload.name}")
        rows.append(section(f"{code(clip(upload.name, 220))}\n{_short(upload, look)}", accessory=show))
    named = "; ".join(f"{clip(escape(upload.name), 220)} ({escape(upload.id)})" for upload in uploads)
    return f"Did you mean one of your uploads? {named}", rows


def _of_one_vault(found: UploadList, look: Look, page: int) -> Message:
    vault = f" in {found.vault.name}" if look.several_vaults else ""
    total = len(found.uploads)
    if total == 0:
        nothing = escape(f"You have no active uploads{vault}.")
        return Message(
            text=f"{nothing} {HOW_UPLOADS_END}", blocks=[section(nothing), context(HOW_UPLOADS_END)]
        )
    pages = -(-total // PER_PAGE)
    page = min(max(page, 1), pages)
    title = f"{_whose_list(found)}{vault}: {total}"
    if pages > 1:
        title += f" (page {page} of {pages})"
    lines, rows = _rows(found, found.uploads[(page - 1) * PER_PAGE : page * PER_PAGE], look)
    return Message(
        text="\n".join([escape(title), *lines]),
        blocks=[
            header(title),
            divider(),
            *rows,
            _turning(found.vault.host, page, pages),
            context(f"As of {date(look.now, '{time}')}  ·  most urgent first"),
        ],
    )


def _by_vault(found: UploadLists, look: Look, rows: int, reference: str) -> tuple[list[str], list[Block]]:
    """Lines of text and blocks, with at most so many uploads of each Vault."""
    title = _title(found)
    lines, blocks = [escape(title)], [header(title)]
    # First what is missing: nobody shall take a Vault's silence for an empty one.
    troubles = [told_trouble(one, reference) for one in found.troubles]
    lines += [f"{name}: {told}" for name, told in troubles]
    if troubles:
        blocks.append(section("\n".join(f"⚠️ *{name}*: {told}" for name, told in troubles)))
    for number, one in enumerate(found.lists[:MOST_VAULTS], start=1):
        group, drawn = _group(one, look, rows, number)
        lines += group
        blocks += [divider(), *drawn]
    if further := found.lists[MOST_VAULTS:]:
        told = f"Further Vaults: {'; '.join(_counted(one) for one in further)}."
        how = "Show one with `/upload-status list` and its name."
        lines.append(f"{told} {how}")
        blocks.append(section(f"{told}\n{how}"))
    blocks.append(actions(button("Refresh", "open_list", value={"all": 1}, spoken="Refresh the list")))
    nothing = not any(one.uploads for one in found.lists)
    lines += [HOW_UPLOADS_END] if nothing else []
    as_of = f"As of {date(look.now, '{time}')}"
    blocks.append(context(as_of, HOW_UPLOADS_END) if nothing else context(f"{as_of}  ·  most urgent first"))
    return lines, blocks


def _title(found: UploadLists) -> str:
    everyone = any(has_others(one) for one in found.lists)
    answered, asked = len(found.lists), len(found.lists) + len(found.troubles)
    vaults = words.plural(asked, "Vault") if answered == asked else f"{answered} of {asked} Vaults"
    total = sum(len(one.uploads) for one in found.lists)
    return f"{'Uploads you can see' if everyone else 'Your uploads'} in {vaults}: {total or 'none'}"


def _group(found: UploadList, look: Look, rows: int, number: int) -> tuple[list[str], list[Block]]:
    shown = found.uploads[:rows]
    if len(shown) == len(found.uploads):
        heading, all_of_it = _counted(found), None
    else:
        heading = f"{_counted(found)}, the {len(shown)} most urgent here"
        all_of_it = button(
            f"All in {found.vault.name}",
            # The same id twice in one message could not be told apart in a list of clicks.
            f"open_list:vault_{number}",
            value={"v": found.vault.host},
            spoken=f"List all uploads in {found.vault.name}",
        )
    lines, drawn = _rows(found, shown, look)
    return [heading, *lines], [section(f"*{heading}*", accessory=all_of_it), *drawn]


def _counted(found: UploadList) -> str:
    count = len(found.uploads)
    return f"{escape(found.vault.name)}: {words.plural(count, 'upload') if count else 'no active uploads'}"


def told_trouble(trouble: VaultTrouble, reference: str) -> tuple[str, str]:
    """The Vault's name, and what a person would have read of it alone."""
    told = errors.in_a_line(trouble.error, reference)
    if isinstance(trouble.error, LinkEnded):
        told = f"{escape(trouble.error.sentence)} Link again: {code(f'/upload-status link {trouble.vault.name}')}"
    return escape(trouble.vault.name), told


def _whose_list(found: UploadList) -> str:
    return "Uploads you can see" if has_others(found) else "Your uploads"


def has_others(found: UploadList) -> bool:
    """Whether it holds uploads of other people, as an Admin's does."""
    return any(upload.owner != found.account.identity.vault_user_id for upload in found.uploads)


def _rows(found: UploadList, uploads: Sequence[UploadSession], look: Look) -> tuple[list[str], list[Block]]:
    own, everyone = found.account.identity.vault_user_id, has_others(found)
    lines, rows = [], []
    for upload in uploads:
        whose = f"  ·  {owned_by(upload, own)}" if everyone else ""
        lines.append(line(upload, look, whose))
        rows.append(_row(upload, look, found.vault.host, whose))
    return lines, rows


def _row(upload: UploadSession, look: Look, vault_host: str, whose: str) -> Block:
    show = button("Show", "refresh", value={"u": upload.id, "v": vault_host}, spoken=f"Show {upload.name}")
    return row(upload, look, whose, show)


def row(upload: UploadSession, look: Look, more: str, accessory: Block | None = None) -> Block:
    """One upload in a few lines; `more` is what else is told of it, as plain text."""
    lines = f"*{code(clip(upload.name, 220))}*\n{_short(upload, look)}{escape(more)}\n{code(upload.id)}"
    return section(lines, accessory=accessory)


def _short(upload: UploadSession, look: Look) -> str:
    phase = upload.phase(look.now, look.stall_after)
    left = words.duration(upload.time_left(look.now))
    ends = "expired" if phase is Phase.EXPIRED else f"expires in {left}"
    return f"{SIGNS[phase]} {phase}  ·  {amount(upload, '  ·  ')}  ·  {ends}"


def line(upload: UploadSession, look: Look, more: str) -> str:
    """The same in a line of text."""
    name, expires = clip(escape(upload.name), 100), words.utc(upload.expires)
    return f"• {name}: {_short(upload, look)} ({expires}){escape(more)}; id {escape(upload.id)}"


def owned_by(upload: UploadSession, own: str) -> str:
    """Whose it is, to the reader with that Vault user id."""
    return "yours" if upload.owner == own else f"owner: Vault user {upload.owner}"


def _turning(vault_host: str, page: int, pages: int) -> Block:
    row = []
    if page > 1:
        row.append(button("Previous", "open_list:previous", value={"v": vault_host, "p": page - 1}))
    if page < pages:
        row.append(button("Next", "open_list:next", value={"v": vault_host, "p": page + 1}))
    return actions(
        button("Refresh", "open_list", value={"v": vault_host, "p": page}, spoken="Refresh the list"), *row
    )
