"""Reminders. Whoever is woken by one reads its first line alone: which file, what about it, and how long."""

from datetime import timedelta

from bot.model import text as words
from bot.model.reminders import LATE_AFTER, Kind, Reminder, Trouble
from bot.model.uploads import NO_LONGER_ACTIVE, Phase, UploadSession, forecast
from bot.model.watches import Target
from bot.slack.blocks.kit import (
    Block,
    Message,
    actions,
    button,
    clip,
    context,
    divider,
    escape,
    section,
)
from bot.slack.blocks.linking import link_button
from bot.slack.blocks.upload_status import NO_PART_YET, SIGNS, Look, amount
from bot.slack.blocks.watch_words import (
    IN_BLOCKS,
    IN_TEXT,
    MOST_SESSIONS,
    Ink,
    person,
    snooze_menu,
    span,
    stop_button,
    subject,
)

ENDINGS = (Kind.COMMITTED, Kind.GONE, Kind.EXPIRED, Kind.ABORTED)
MOST_ROWS = 10
LONGEST_ROW_NAME = 100
COMMIT_IT = "There is no file until it is committed: commit it with the tool that sent it"
LOST = "Vault deletes its parts, so the upload has to be started again."
PROBABLY_LOST = "If it was not, Vault deletes its parts, and the upload has to be started again."
WATCH_ENDED = "This watch has ended."
CARD_ENDED = "The card above is no longer kept up to date."


def reminder(told: Reminder, look: Look) -> Message:
    """One reminder, for its owner or for the channel that it was put into: there without any path."""
    if told.watch.target is Target.VAULT:
        return _of_a_vault(told, look)
    return _of_an_upload(told, look)


def _of_an_upload(told: Reminder, look: Look) -> Message:
    text = [
        f"{_headline(told, look, IN_TEXT)}.",
        *_important(told, look, IN_TEXT),
        *_details(told, look, IN_TEXT),
    ]
    first = "\n".join(
        [f"{_sign(told, look)} *{_headline(told, look, IN_BLOCKS)}*", *_important(told, look, IN_BLOCKS)]
    )
    blocks = [
        section(first, accessory=None if _is_over(told) or not _is_watched(told) else snooze_menu(told.watch))
    ]
    if told.upload is not None and not _is_over(told):
        blocks.append(section(f"{words.bar(told.upload.percent)}  *{amount(told.upload, '  ·  ')}*"))
    blocks.append(context("  ·  ".join(piece.removesuffix(".") for piece in _details(told, look, IN_BLOCKS))))
    if row := _buttons(told):
        blocks.append(actions(*row))
    return Message(text=" ".join(text), blocks=blocks)


def _headline(told: Reminder, look: Look, ink: Ink) -> str:
    """Which file, what about it, and how long."""
    name, upload = subject(told.watch, told.vault_name, ink), told.upload
    if told.kind is Kind.GONE:
        return f"{name}: {NO_LONGER_ACTIVE}. It was committed or aborted, and I cannot see which"
    if told.kind is Kind.ABORTED:
        return f"{name} was aborted"
    if upload is None:
        return f"{name} {_ends(told)}"
    if told.kind is Kind.COMMITTED:
        return f"{name} is committed: {words.size(upload.size)} are there as a file"
    if told.kind is Kind.EXPIRED:
        return f"{name} {_how_it_expired(told, upload)}"
    state = _state(told, upload, look)
    if told.trouble is not None:
        state = f"as of {words.ago(told.as_of, told.now)}, {state}"
    if told.kind is Kind.MOVING:
        return f"{name} is moving again and {_ends(told)}: {state}"
    if told.kind is Kind.FORECAST:
        return f"{name} {_ends(told)}, before it can be done at this pace: {state}"
    return f"{name} {_ends(told)}: {state}"


def _ends(told: Reminder) -> str:
    """How long, by the lead time itself where the reminder comes on time: `expires in 4 h`, not in 3 h 59 min."""
    expires = told.upload.expires if told.upload else told.watch.expires
    if expires is None:
        return "is being watched"
    left = expires - told.now
    if left <= timedelta(0):
        return f"expired {words.ago(expires, told.now)}"
    if told.lead is not None and timedelta(0) <= told.lead - left <= LATE_AFTER:
        return f"expires in {span(told.lead)}"
    return f"expires in {words.duration(left)}"


def _state(told: Reminder, upload: UploadSession, look: Look) -> str:
    """How it stood when its numbers were read."""
    match upload.phase(told.as_of, look.stall_after):
        case Phase.UPLOADED:
            return "all bytes are there, but it is not committed"
        case Phase.NOT_STARTED:
            return NO_PART_YET
        case Phase.STALLED:
            return f"stalled at {upload.percent}%, no part for {words.duration(told.as_of - upload.last_uploaded)}"
    seen = forecast(upload, told.now) if told.kind is Kind.LEAD and told.trouble is None else None
    slow = ", too slow to make it" if seen is not None and not seen.in_time else ""
    return f"{upload.percent}% there, {words.size(upload.remaining)} to go{slow}"


def _how_it_expired(told: Reminder, upload: UploadSession) -> str:
    if told.trouble is not None:
        return "is past its expiry, and I cannot see whether it was committed in time"
    if upload.all_bytes_there:
        return f"has expired: all {words.size(upload.size)} were there, but it was not committed"
    if upload.nothing_there:
        return "has expired: no part had come"
    lost = f"{words.size(upload.uploaded)} in {words.plural(upload.uploaded_parts, 'part')}"
    return f"has expired: {lost} are lost"


def _important(told: Reminder, look: Look, ink: Ink) -> list[str]:
    """Sentences of what to do, and of what the numbers are worth."""
    return [piece for piece in (_advice(told, look, ink), _trouble(told), _late(told)) if piece]


def _late(told: Reminder) -> str:
    return f"This reminder is late by {words.duration(told.late)}: I was not running." if told.late else ""


def _advice(told: Reminder, look: Look, ink: Ink) -> str:
    upload = told.upload
    ended = CARD_ENDED if told.watch.target is Target.CARD else WATCH_ENDED
    if told.kind is Kind.COMMITTED:
        return f"There is nothing more to do. {ended}"
    if told.kind is Kind.GONE:
        return f"If you expected neither, look for the file in file staging. {ended}"
    if told.kind is Kind.ABORTED:
        return f"{LOST} {ended}"
    if upload is None:
        return "I have no numbers of it."
    left = upload.time_left(told.now).total_seconds()
    if told.kind is Kind.EXPIRED or left <= 0:
        lost = PROBABLY_LOST if told.trouble else LOST
        return f"It expired {ink.moment(upload.expires)}. {lost} {ended if _is_over(told) else ''}".rstrip()
    if upload.all_bytes_there:
        return f"{COMMIT_IT} before {ink.moment(upload.expires)}, or Vault deletes every byte."
    if upload.remaining == 0:
        return ""
    needed = f"it needs {words.pace(upload.remaining / max(left, 1))} from now on."
    if told.trouble is not None:
        return f"If nothing has come since, {needed}"
    return f"I{needed[1:]} {_at_this_pace(told, upload, look)}".rstrip()


def _at_this_pace(told: Reminder, upload: UploadSession, look: Look) -> str:
    """What its average pace says; of one that is told to be too slow of late, the average alone."""
    seen, pace = forecast(upload, told.now), upload.pace
    if seen is None or pace is None or upload.phase(told.as_of, look.stall_after) is not Phase.UPLOADING:
        return ""
    average = f"At its average pace, {words.pace(pace)},"
    if not seen.in_time:
        return f"{average} it comes about {words.rough(seen.spare)} too late."
    if told.kind is Kind.FORECAST:
        return f"Its average pace was {words.pace(pace)}; in the last hour it was too slow."
    return f"{average} it finishes about {words.rough(seen.spare)} before that."


def _trouble(told: Reminder) -> str:
    if told.trouble is None:
        return ""
    age = f", so these numbers are {words.duration(told.now - told.as_of)} old" if told.upload else ""
    vault = escape(told.vault_name)
    if told.trouble is Trouble.VAULT_DOWN:
        return f"Vault ({vault}) could not be reached just now{age}."
    if _in_channel(told):
        return f"The link of {person(told.watch.owner.user_id)} to Vault ({vault}) has ended{age}."
    again = "so that I can look again" if _is_over(told) or told.upload is None else "to get fresh ones"
    return f"Your link to Vault ({vault}) has ended{age}. Link again {again}."


def _details(told: Reminder, look: Look, ink: Ink) -> list[str]:
    """The small print, each fact as a sentence."""
    upload, found = told.upload, list[str]()
    if upload is not None:
        phase = _phase(told, upload, look)
        # Beside the bar the numbers stand already.
        beside_bar = ink is IN_BLOCKS and not _is_over(told)
        found = [f"{phase}." if beside_bar else f"{phase}: {amount(upload, ', ')}."]
        if upload.nothing_there:
            found.append(f"{NO_PART_YET.capitalize()}.")
        else:
            found.append(f"Last part {ink.moment(upload.last_uploaded)}.")
        if not _is_over(told):
            found.append(f"Expires {ink.moment(upload.expires)}.")
        found.append(f"Owner: Vault user {escape(upload.owner)}.")
    if look.several_vaults:
        found.append(f"Vault: {escape(told.vault_name)}.")
    found.append(f"As of {ink.moment(told.as_of)}.")
    if _in_channel(told):
        found.append(f"Read with the Vault rights of {person(told.watch.owner.user_id)}.")
    return found


def _phase(told: Reminder, upload: UploadSession, look: Look) -> str:
    if told.kind is Kind.EXPIRED and told.trouble is None:
        return Phase.EXPIRED
    return "Last seen" if _is_over(told) else upload.phase(told.as_of, look.stall_after)


def _sign(told: Reminder, look: Look) -> str:
    if told.kind is Kind.EXPIRED:
        return SIGNS[Phase.EXPIRED]
    if told.upload is None or _is_over(told):
        return "⚪" if told.kind is not Kind.COMMITTED else "🟢"
    return SIGNS[told.upload.phase(told.as_of, look.stall_after)]


def _is_over(told: Reminder) -> bool:
    return told.kind in ENDINGS


def _in_channel(told: Reminder) -> bool:
    return not told.watch.place.is_direct


def _is_watched(told: Reminder) -> bool:
    """Whether it comes to a person who may want to hear less of it."""
    return not _in_channel(told) and told.watch.target is not Target.CARD


def _buttons(told: Reminder) -> list[Block]:
    watch, in_channel = told.watch, _in_channel(told)
    link = []
    is_card = watch.target is Target.CARD
    if told.trouble is Trouble.LINK_ENDED and not in_channel:
        link = [link_button(label="Link again", vault_host=watch.vault_host)]
    if is_card:
        return link  # the card above has all the others
    if _is_over(told):
        return [] if in_channel else [*link, button("All uploads", "open_list", value={"all": 1})]
    label = "Refresh" if in_channel else "Show"
    value = {"u": watch.upload_id, "v": watch.vault_host}
    show = button(label, "refresh", value=value, spoken=f"{label} the upload")
    return [*(link or [show]), stop_button(watch, "Stop these reminders")]


def _of_a_vault(told: Reminder, look: Look) -> Message:
    """What an Admin's watch over a whole Vault tells."""
    vault = escape(told.vault_name)
    if told.kind is Kind.CROWDED:
        headline = f"{told.in_use} of {MOST_SESSIONS} upload sessions of {vault} are in use"
        after = f"With {MOST_SESSIONS} in use nobody can begin another, until one is committed, aborted or expires."
    else:
        count = len(told.expiring)
        soon = f"within {span(told.lead)}" if told.lead else "soon"
        headline = (
            f"{words.plural(count, 'upload')} in {vault} {'expires' if count == 1 else 'expire'} {soon}"
        )
        after = (
            f"The {MOST_ROWS} that expire first, and {count - MOST_ROWS} more." if count > MOST_ROWS else ""
        )
    text, rows = list[str](), list[Block]()
    names = [
        *told.owner_names,
        *(f"Vault user {one.owner}" for one in told.expiring[len(told.owner_names) :]),
    ]
    for upload, owner in list(zip(told.expiring, names, strict=False))[:MOST_ROWS]:
        text.append(f"• {_row(told, upload, owner, look, IN_TEXT)}.")
        rows.append(section(_row(told, upload, owner, look, IN_BLOCKS)))
    important = [piece for piece in (after, _trouble(told), _late(told)) if piece]
    rights = f"Read with the Vault rights of {person(told.watch.owner.user_id)}."
    blocks = [section("\n".join([f"⚠️ *{headline}*", *important])), *([divider(), *rows] if rows else [])]
    blocks += [
        context(rights, f"As of {IN_BLOCKS.moment(told.as_of)}"),
        actions(
            button("Uploads you can see", "open_list", value={"v": told.watch.vault_host}),
            stop_button(told.watch, "Stop these reminders"),
        ),
    ]
    whole = [f"{headline}.", *important, *text, rights, f"As of {IN_TEXT.moment(told.as_of)}."]
    return Message(text=" ".join(whole), blocks=blocks)


def _row(told: Reminder, upload: UploadSession, owner: str, look: Look, ink: Ink) -> str:
    name, phase = ink.name(clip(upload.name, LONGEST_ROW_NAME)), upload.phase(told.now, look.stall_after)
    left = words.duration(upload.time_left(told.now))
    ends = f"expires in {left} ({ink.moment(upload.expires)})"
    return f"{name}: {phase}, {upload.percent}%, {ends}, {clip(escape(owner), LONGEST_ROW_NAME)}"
