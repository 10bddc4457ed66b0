"""The status card of one upload."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.model import text as words
from bot.model.statuses import UploadStatus
from bot.model.uploads import Forecast, Phase, UploadSession, forecast
from bot.slack.blocks.kit import (
    Message,
    actions,
    button,
    clip,
    code,
    context,
    date,
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
    watch = button("Watch", "watch", value=target, spoken=f"Watch {upload.name}")
    blocks = [
        header(upload.name),
        section(code(upload.path)),
        section(f"{words.bar(upload.percent)}  *{amount(upload, '  ·  ')}*"),
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
            *([] if phase is Phase.EXPIRED else [watch]),
            button("All uploads", "open_list", value={"all": 1}),
        ),
    ]
    return Message(
        text=_told(upload, phase, look.now, owner=owner, vault=vault, understood=understood), blocks=blocks
    )


def amount(upload: UploadSession, between: str) -> str:
    """Percent, bytes of bytes and parts."""
    size = f"{words.size(upload.uploaded)} of {words.size(upload.size)}"
    return between.join((f"{upload.percent}%", size, words.plural(upload.uploaded_parts, "part")))


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
        f"{clip(escape(upload.name), 220)}: {phase}, {amount(upload, ', ')}.",
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
