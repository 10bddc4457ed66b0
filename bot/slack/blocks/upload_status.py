"""The status card of one upload."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.model import text as words
from bot.model.statuses import UploadStatus
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Public:
    """What makes a card one that others see too: who put it there, and how the bot knows it again.

    `asked` says that it answers a question asked in public, else it was shared. `watch_id` is what keeps it up to
    date, if anything does; `over` says in a sentence why nothing does any more, or just now. `ended` stands in place of
    the phase once the upload is no more.
    """

    by: str
    proof: str
    asked: bool = False
    watch_id: str = ""
    over: str = ""
    ended: "Ended | None" = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """What became of an upload that Vault no longer shows: a word with its sign, and a sentence."""

    sign: str
    word: str
    sentence: str


def card(
    status: UploadStatus, look: Look, public: Public | None = None, *, can_share: bool = True
) -> Message:
    """The card of one upload: for its reader alone, or as its reader shows it to others."""
    upload = status.upload
    phase = upload.phase(look.now, look.stall_after)
    vault = status.vault.name if look.several_vaults else None
    owner = _owner(status, public)
    understood = f"Reading this as {code(status.understood)}" if status.understood else ""
    shown_by = _shown_by(public, date(look.now), "  ·  ") if public else ""
    ended = public.ended if public else None
    standing = (
        f"{SIGNS[phase]} *{phase}*{_movement(upload, phase, look.now)}\n{_expiry(upload, phase, look.now)}"
    )
    blocks = [
        header(upload.name),
        section(code(upload.path)),
        section(f"{words.bar(upload.percent)}  *{amount(upload, '  ·  ')}*"),
        section(f"{ended.sign} *{ended.word}*\n{ended.sentence}" if ended else standing),
        context(
            f"{escape(owner)}" + (f"  ·  Vault: {escape(vault)}" if vault else ""),
            f"Created {date(upload.created)}  ·  {_last_part(upload)}  ·  as of {date(look.now, '{time}')}",
            understood,
        ),
        *([context(shown_by)] if shown_by else []),
        actions(*_buttons(status, phase, public, can_share=can_share)),
    ]
    text = _told(upload, phase, look.now, owner=owner, vault=vault, understood=understood, ended=ended)
    if public:
        text = f"{_shown_by(public, words.utc(look.now), '; ')}. {text}"
    return Message(text=text, blocks=blocks)


def _buttons(status: UploadStatus, phase: Phase, public: Public | None, *, can_share: bool) -> list[Block]:
    """What can be done about it. Each click is looked up anew, with the clicker's own rights."""
    upload, is_over = status.upload, phase is Phase.EXPIRED
    target: dict[str, str | int] = {"u": upload.id, "v": status.vault.host}
    details = button("Details", "details", value=target, spoken=f"Details of {upload.name}")
    watch = button("Watch", "watch", value=target, spoken=f"Watch {upload.name}")
    if public is None:
        return [
            button("Refresh", "refresh", value=target, spoken=f"Refresh {upload.name}"),
            details,
            *([] if is_over else [watch]),
            *(
                [button("Share", "share", value=target, spoken=f"Share {upload.name} here")]
                if can_share
                else []
            ),
            *([] if is_over else [_keep_up(target, upload.name)]),
            button("All uploads", "open_list", value={"all": 1}),
        ]
    known: dict[str, str | int] = {**target, "by": public.by, "m": public.proof}
    if public.asked:
        known["a"] = 1
    if public.watch_id:
        known["w"] = public.watch_id
    delete = button("Delete", "take_back", value=known, spoken=f"Take the card of {upload.name} back")
    if public.ended:
        return [delete]
    stop = button(
        "Stop updating", "unwatch", value={"w": public.watch_id}, spoken=f"Stop updating {upload.name}"
    )
    return [
        button("Refresh", "refresh", value=known, spoken=f"Refresh {upload.name}"),
        details,
        *([] if is_over else [watch]),
        *([stop] if public.watch_id else [] if is_over else [_keep_up(known, upload.name)]),
        delete,
    ]


def _keep_up(value: dict[str, str | int], name: str) -> Block:
    return button("Keep this up to date", "live", value=value, spoken=f"Keep the card of {name} up to date")


def _shown_by(public: Public, seen_at: str, between: str) -> str:
    """Who put the card there, and until when it is true."""
    verb = "Asked by" if public.asked else "Shared by"
    seen = f"{verb} <@{escape(public.by)}>, as they could see it {seen_at}"
    live = "kept up to date until the upload ends" if public.watch_id else ""
    kept = public.over.rstrip(".") or live
    return f"{seen}{between}{kept}" if kept else seen


def amount(upload: UploadSession, between: str) -> str:
    """Percent, bytes of bytes and parts."""
    size = f"{words.size(upload.uploaded)} of {words.size(upload.size)}"
    return between.join((f"{upload.percent}%", size, words.plural(upload.uploaded_parts, "part")))


def _owner(status: UploadStatus, public: Public | None) -> str:
    if status.is_own:
        return f"Owner: {status.account.vault_full_name}{'' if public else ' (you)'}"
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
    upload: UploadSession,
    phase: Phase,
    now: datetime,
    *,
    owner: str,
    vault: str | None,
    understood: str,
    ended: Ended | None,
) -> str:
    """Every fact of the card in sentences, moments in UTC."""
    expiry = _plain_dates(ended.sentence if ended else _expiry(upload, phase, now), upload.expires)
    pieces = [
        f"{clip(escape(upload.name), 220)}: {ended.word if ended else phase}, {amount(upload, ', ')}.",
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
