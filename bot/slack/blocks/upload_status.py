"""The status card of one upload and the list of a person's uploads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.model import text as words
from bot.model.statuses import UploadList, UploadStatus
from bot.model.uploads import Forecast, Phase, UploadSession, forecast
from bot.slack.blocks.kit import (
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

SIGNS = {
    Phase.NOT_STARTED: "⚪",
    Phase.UPLOADING: "🔵",
    Phase.STALLED: "🟠",
    Phase.UPLOADED: "🟡",
    Phase.EXPIRED: "🔴",
}
"""Colour beside the word, never instead of it."""

PER_PAGE = 8

NO_PART_YET = "no part yet"

WHAT_COMMIT_MEANS = (
    "All bytes are there, but there is no file until the upload is committed. "
    "Commit it with the tool that sent it"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What drawing needs beside the upload: the moment, and what the installation is like."""

    now: datetime
    stall_after: timedelta
    several_vaults: bool


def card(status: UploadStatus, look: Look) -> Message:
    """The card of one upload."""
    upload = status.upload
    phase = upload.phase(look.now, look.stall_after)
    vault = status.vault.name if look.several_vaults else None
    owner = _owner(status)
    understood = f"Reading this as {code(status.understood)}" if status.understood else ""
    target = {"u": upload.id, "v": status.vault.host}
    blocks = [
        header(upload.name),
        section(code(upload.path)),
        section(f"{words.bar(upload.percent)}  *{_amount(upload, '  ·  ')}*"),
        section(
            f"{SIGNS[phase]} *{phase}*{_movement(upload, phase, look.now)}\n{_expiry(upload, phase, look.now)}"
        ),
        context(
            f"{escape(owner)}" + (f"  ·  Vault: {escape(vault)}" if vault else ""),
            f"Created {date(upload.created)}  ·  {_last_part(upload)}  ·  as of {date(look.now, '{time}')}",
            understood,
        ),
        actions(
            button("Refresh", "refresh", value=target, spoken=f"Refresh {upload.name}"),
            button("All uploads", "open_list", value={"v": status.vault.host}),
        ),
    ]
    return Message(
        text=_told(upload, phase, look.now, owner=owner, vault=vault, understood=understood), blocks=blocks
    )


def listing(found: UploadList, look: Look, *, page: int = 1) -> Message:
    """The uploads of one Vault, a page at a time; the page that is nearest to the one wished for."""
    vault = f" in {found.vault.name}" if look.several_vaults else ""
    total = len(found.uploads)
    if total == 0:
        nothing = f"You have no active uploads{vault}."
        hint = (
            "An upload session lives up to 72 hours; a committed, aborted or expired one is no longer shown."
        )
        return Message(text=f"{nothing} {hint}", blocks=[section(escape(nothing)), context(hint)])
    pages = -(-total // PER_PAGE)
    page = min(max(page, 1), pages)
    shown = found.uploads[(page - 1) * PER_PAGE : page * PER_PAGE]
    own = found.account.identity.vault_user_id
    everyone = any(upload.owner != own for upload in found.uploads)
    title = f"{'Uploads you can see' if everyone else 'Your uploads'}{vault}: {total}"
    if pages > 1:
        title += f" (page {page} of {pages})"
    blocks, lines = [header(title), divider()], [escape(title)]
    for upload in shown:
        whose = f"  ·  {_whose(upload, own)}" if everyone else ""
        blocks.append(_row(upload, look, found.vault.host, whose))
        lines.append(_line(upload, look, whose))
    blocks.append(_turning(found.vault.host, page, pages))
    blocks.append(context(f"As of {date(look.now, '{time}')}  ·  most urgent first"))
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


def _row(upload: UploadSession, look: Look, vault_host: str, whose: str) -> Block:
    show = button("Show", "refresh", value={"u": upload.id, "v": vault_host}, spoken=f"Show {upload.name}")
    lines = f"*{code(clip(upload.name, 220))}*\n{_short(upload, look)}{escape(whose)}\n{code(upload.id)}"
    return section(lines, accessory=show)


def _short(upload: UploadSession, look: Look) -> str:
    phase = upload.phase(look.now, look.stall_after)
    left = words.duration(upload.time_left(look.now))
    ends = "expired" if phase is Phase.EXPIRED else f"expires in {left}"
    return f"{SIGNS[phase]} {phase}  ·  {_amount(upload, '  ·  ')}  ·  {ends}"


def _line(upload: UploadSession, look: Look, whose: str) -> str:
    name, expires = clip(escape(upload.name), 100), words.utc(upload.expires)
    return f"• {name}: {_short(upload, look)} ({expires}){escape(whose)}; id {escape(upload.id)}"


def _turning(vault_host: str, page: int, pages: int) -> Block:
    row = []
    if page > 1:
        row.append(button("Previous", "open_list:previous", value={"v": vault_host, "p": page - 1}))
    if page < pages:
        row.append(button("Next", "open_list:next", value={"v": vault_host, "p": page + 1}))
    return actions(
        button("Refresh", "open_list", value={"v": vault_host, "p": page}, spoken="Refresh the list"), *row
    )


def _amount(upload: UploadSession, between: str) -> str:
    size = f"{words.size(upload.uploaded)} of {words.size(upload.size)}"
    return between.join((f"{upload.percent}%", size, words.plural(upload.uploaded_parts, "part")))


def _whose(upload: UploadSession, own: str) -> str:
    return "yours" if upload.owner == own else f"owner: Vault user {upload.owner}"


def _owner(status: UploadStatus) -> str:
    if status.is_own:
        return f"Owner: {status.account.vault_full_name} (you)"
    return f"Owner: Vault user {status.upload.owner}"


def _last_part(upload: UploadSession) -> str:
    return NO_PART_YET if upload.nothing_there else f"last part {date(upload.last_uploaded)}"


def _movement(upload: UploadSession, phase: Phase, now: datetime) -> str:
    """What moves, or what does not."""
    if upload.nothing_there:
        return f"  ·  created {words.ago(upload.created, now)}"
    pace = upload.pace
    average = f"  ·  about {words.pace(pace)} on average" if pace and phase is not Phase.UPLOADED else ""
    return f"  ·  last part {words.ago(upload.last_uploaded, now)}{average}"


def _expiry(upload: UploadSession, phase: Phase, now: datetime) -> str:
    """When it ends, and whether that is in time, in one or two sentences."""
    left = words.duration(upload.time_left(now))
    if phase is Phase.EXPIRED:
        return (
            f"Expired {date(upload.expires)} ({left} ago). Vault deletes its parts; start the upload again."
        )
    if phase is Phase.UPLOADED:
        return (
            f"*{WHAT_COMMIT_MEANS}* before {date(upload.expires)} (in {left}), or Vault deletes every byte."
        )
    return f"Expires {date(upload.expires)} (in {left}). {_verdict(upload, phase, now)}".rstrip()


def _verdict(upload: UploadSession, phase: Phase, now: datetime) -> str:
    seen: Forecast | None = forecast(upload, now)
    needed = upload.remaining / max(upload.time_left(now).total_seconds(), 1)
    if phase is Phase.UPLOADING and seen is not None:
        if seen.in_time:
            return f"At this pace it finishes about {words.rough(seen.spare)} before that."
        return f"⚠️ At this pace it will expire first: it needs {words.pace(seen.needed)} from now on."
    if upload.remaining == 0:
        return ""
    if phase is Phase.STALLED:
        return f"Nothing has come since; to finish in time it needs {words.pace(needed)} from now on."
    return f"To finish in time it needs {words.pace(needed)} from now on."


def _told(
    upload: UploadSession, phase: Phase, now: datetime, *, owner: str, vault: str | None, understood: str
) -> str:
    """Every fact of the card in sentences, moments in UTC."""
    expiry = _plain_dates(_expiry(upload, phase, now), upload.expires)
    pieces = [
        f"{clip(escape(upload.name), 220)}: {phase}, {_amount(upload, ', ')}.",
        expiry,
        f"{NO_PART_YET.capitalize()}."
        if upload.nothing_there
        else f"Last part {words.utc(upload.last_uploaded)} ({words.ago(upload.last_uploaded, now)}).",
        f"Created {words.utc(upload.created)} ({words.ago(upload.created, now)}).",
        f"Average pace {words.pace(upload.pace)}." if upload.pace else "",
        f"{escape(owner)}." + (f" Vault: {escape(vault)}." if vault else ""),
        f"As of {words.utc(now)}.",
        f"{understood}." if understood else "",
        f"Path: {clip(escape(upload.path), 1000)}",
    ]
    return " ".join(piece for piece in pieces if piece)


def _plain_dates(sentence: str, moment: datetime) -> str:
    return sentence.replace(date(moment), words.utc(moment)).replace("*", "").replace("⚠️ ", "")
