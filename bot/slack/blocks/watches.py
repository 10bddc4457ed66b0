"""Messages about watches: what was promised, what a person watches, and how a watch ends by somebody's wish."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from bot.model import text as words
from bot.model.accounts import Vault
from bot.model.quiet import QuietHours
from bot.model.reminders import upcoming
from bot.model.statuses import UploadStatus
from bot.model.uploads import Phase
from bot.model.watches import Over, Target, Watch
from bot.slack.blocks import live_cards
from bot.slack.blocks.kit import (
    LONGEST_TEXT,
    Block,
    Message,
    actions,
    code,
    context,
    divider,
    escape,
    header,
    section,
)
from bot.slack.blocks.upload_status import SIGNS, WHAT_COMMIT_MEANS, Look, amount
from bot.slack.blocks.watch_words import (
    IN_BLOCKS,
    IN_TEXT,
    Ink,
    channel,
    listed,
    named,
    snooze_menu,
    span,
    stop_button,
    subject,
    thing,
    what_is_told,
    where,
)

MOST_ROWS = 20
NOTHING_WATCHED = "You watch nothing."
HOW_TO_WATCH = "`/upload-status watch <id>` watches an upload, `/upload-status watch all` all of yours."
CHANNEL_IS_TOLD = "The channel has been told."
STAYS_LISTED = "`/upload-status watches` lists what you watch."
BUT_IN_TIME = "What would come too late to be of use comes before that; how it ends is told at once."
OF_ONE_UPLOAD = (Target.UPLOAD, Target.CARD)


class Made(Protocol):
    """A watch that was made or changed; `status` where it is over one upload. `passed` are lead times whose moment
    is over."""

    @property
    def watch(self) -> Watch: ...
    @property
    def vault(self) -> Vault: ...
    @property
    def status(self) -> UploadStatus | None: ...
    @property
    def passed(self) -> Sequence[timedelta]: ...
    @property
    def changed(self) -> bool: ...


class Line(Protocol):
    """A watch in somebody's list; `next_due` is None where nothing is promised for a certain moment."""

    @property
    def watch(self) -> Watch: ...
    @property
    def vault_name(self) -> str: ...
    @property
    def next_due(self) -> datetime | None: ...


def watched(made: Made, look: Look, quiet: QuietHours | None = None) -> Message:
    """What was promised, how the upload stands, and when the next reminder comes. `quiet` are its owner's."""
    text, drawn = (_promise(made, look, ink, quiet) for ink in (IN_TEXT, IN_BLOCKS))
    watch = made.watch
    blocks = [
        section("\n".join([f"*{drawn[0]}*", *drawn[1:]]), accessory=snooze_menu(watch)),
        actions(stop_button(watch, "Stop this watch")),
        context(STAYS_LISTED),
    ]
    return Message(text=" ".join([*text, STAYS_LISTED]), blocks=blocks)


def _promise(made: Made, look: Look, ink: Ink, quiet: QuietHours | None) -> list[str]:
    watch, vault = made.watch, made.vault.name
    also = " now, and those that begin later" if watch.target is Target.OWN else ""
    found = [f"{'Changed: ' if made.changed else ''}I watch {subject(watch, vault, ink)}{also}."]
    if made.status is not None:
        found.append(_standing(made.status, look, ink))
    whom = "you by direct message" if watch.place.is_direct else channel(watch.place)
    found.append(f"{'Of each I' if watch.target is Target.OWN else 'I'} tell {whom} {what_is_told(watch)}.")
    if made.passed:
        leads = listed([span(lead) for lead in made.passed])
        found.append(f"{leads} before it expires {'is' if len(made.passed) == 1 else 'are'} over already.")
    found.append(_next(watch, look.now, ink, quiet))
    if watch.announced_ts and not made.changed:
        found.append(CHANNEL_IS_TOLD)
    if look.several_vaults and watch.target is Target.UPLOAD:
        found.append(f"Vault: {escape(vault)}.")
    if made.status is not None and made.status.understood:
        found.append(f"Reading this as {code(made.status.understood)}.")
    return [sentence for sentence in found if sentence]


def _standing(status: UploadStatus, look: Look, ink: Ink) -> str:
    """How the upload stands; what is said here is not told again by itself."""
    upload = status.upload
    phase = upload.phase(look.now, look.stall_after)
    told = f"{phase}: {amount(upload, ', ')}."
    ends = f"{ink.moment(upload.expires)} (in {words.duration(upload.time_left(look.now))})"
    sign = f"{SIGNS[phase]} " if ink is IN_BLOCKS else ""
    if phase is Phase.UPLOADED:
        return f"{sign}{told} {WHAT_COMMIT_MEANS} before {ends}, or Vault deletes every byte."
    if phase is Phase.STALLED:
        return f"{sign}{told} Last part {words.ago(upload.last_uploaded, look.now)}. Expires {ends}."
    return f"{sign}{told} Expires {ends}."


def _next(watch: Watch, now: datetime, ink: Ink, quiet: QuietHours | None) -> str:
    """The next moment that something is promised for, quiet hours heeded."""
    if watch.expires is None:
        return ""
    moments = [moment for _, moment in upcoming(watch.lead_times, watch.expires, now)]
    if quiet is not None and watch.place.is_direct:
        moments = [quiet.adjusted(moment, watch.expires, now) for moment in moments]
    if not moments:
        return "The next reminder comes when there is news, or when it has expired."
    return f"Next reminder: {_due(min(moments), now, ink)}."


def _due(moment: datetime, now: datetime, ink: Ink) -> str:
    return f"{ink.moment(moment)} (in {words.duration(moment - now)})" if moment > now else "now"


def watch_list(lines: Sequence[Line], look: Look, done: Message | None = None) -> Message:
    """What a person watches, the next due first. `done` says what was just done to one of them."""
    shown = [line for line in lines if not line.watch.told.muted]
    rows = MOST_ROWS
    text, blocks = _some(shown, rows, look, done)
    # A row that the text could not tell of is better left out of the blocks too.
    while rows > 1 and len(text) > LONGEST_TEXT:
        rows -= 1
        text, blocks = _some(shown, rows, look, done)
    return Message(text=text, blocks=blocks)


def _some(lines: Sequence[Line], rows: int, look: Look, done: Message | None) -> tuple[str, list[Block]]:
    said, blocks = ([done.text], [done.blocks[0]]) if done else ([], [])
    if not lines:
        how = escape(HOW_TO_WATCH)
        return " ".join([*said, NOTHING_WATCHED, how]), [*blocks, section(NOTHING_WATCHED), context(how)]
    title = f"You watch: {len(lines)}"
    said.append(f"{title}.")
    blocks += [header(title), divider()]
    for line in lines[:rows]:
        said.append(f"\n• {_row(line, look, IN_TEXT)}.")
        blocks += row(line, look, "Stop this watch", in_list=True)
    if len(lines) > rows:
        more = f"And {len(lines) - rows} more. `/upload-status unwatch all` stops every one."
        said.append(f"\n{more}")
        blocks.append(section(more))
    return " ".join(said), blocks


def row(line: Line, look: Look, spoken: str, *, in_list: bool = False) -> list[Block]:
    """A watch in two blocks, with Snooze and with Stop, of which `spoken` tells screen readers; `in_list` as in
    `stop_button`. A live card is no reminder, so there is nothing to snooze."""
    is_card = line.watch.target is Target.CARD
    menu = None if is_card else snooze_menu(line.watch, in_list=in_list)
    return [
        section(_row(line, look, IN_BLOCKS), accessory=menu),
        actions(stop_button(line.watch, spoken, in_list=in_list)),
    ]


def _row(line: Line, look: Look, ink: Ink) -> str:
    watch, in_blocks = line.watch, ink is IN_BLOCKS
    name = subject(watch, line.vault_name, ink)
    facts = [where(watch.place)]
    if watch.target is Target.CARD:
        facts = [f"card kept up to date {live_cards.where_kept(watch.place)}"]
        if watch.told.over is Over.UNLINKED:
            facts.append("once you have linked again")
        if watch.expires is not None:
            facts.append(f"expires {_due(watch.expires, look.now, ink)}")
    elif watch.snoozed_until is not None and watch.snoozed_until > look.now:
        facts.append(f"snoozed until {ink.moment(watch.snoozed_until)}")
    elif line.next_due is not None:
        facts.append(f"next reminder {_due(line.next_due, look.now, ink)}")
    else:
        facts.append("next reminder when there is news")
    if watch.target in OF_ONE_UPLOAD and look.several_vaults:
        facts.append(f"Vault: {escape(line.vault_name)}")
    told = "  ·  ".join(facts) if in_blocks else ", ".join(facts)
    if watch.target not in OF_ONE_UPLOAD:
        return f"*{name}*\n{told}" if in_blocks else f"{name}: {told}"
    if in_blocks:
        return f"*{name}*\n{told}\n{code(watch.upload_id)}"
    return f"{name} ({escape(watch.upload_id)}): {told}"


def announcement(watch: Watch, vault_name: str, owner: str) -> Message:
    """What a channel reads before it is told anything; `owner` is a mention of whoever put the watch there."""
    i_tell = "of each I tell" if watch.target is Target.OWN else "I tell"
    text, drawn = (
        f"{owner} watches {thing(watch, vault_name, ink)} here: {i_tell} this channel {what_is_told(watch)}."
        for ink in (IN_TEXT, IN_BLOCKS)
    )
    rights = f"Its numbers are read with the Vault rights of {owner}."
    ask = f"Anyone here may press Stop; {owner} is then asked, unless it is theirs to stop."
    return Message(
        text=f"{text} {rights} {ask}",
        blocks=[section(f"{drawn}\n{rights}"), actions(stop_button(watch, "Stop this watch")), context(ask)],
    )


def stopped(watches: Sequence[Watch], name_of: Callable[[str], str]) -> Message:
    """What is no longer watched; `name_of` tells a Vault's name from its host."""
    if not watches:
        nothing = f"{NOTHING_WATCHED} There was nothing to stop."
        return Message(text=nothing, blocks=[section(nothing)])
    text, drawn = (_no_longer(watches, name_of, ink) for ink in (IN_TEXT, IN_BLOCKS))
    return Message(text=text, blocks=[section(drawn)])


def _no_longer(watches: Sequence[Watch], name_of: Callable[[str], str], ink: Ink) -> str:
    cards = [watch for watch in watches if watch.target is Target.CARD]
    others = [watch for watch in watches if watch.target is not Target.CARD]
    found = [f"I no longer keep {live_cards.cards_of(cards, ink)} up to date."] if cards else []
    names = [
        f"{subject(watch, name_of(watch.vault_host), ink)}{'' if watch.place.is_direct else f' {where(watch.place)}'}"
        for watch in others
    ]
    return " ".join([*([f"I no longer watch {named(names)}."] if others else []), *found])


def snoozed(watch: Watch, vault_name: str, look: Look) -> Message:
    """Until when a watch is silent."""
    until = watch.snoozed_until
    if until is None or until <= look.now:
        said = "{} expires too soon for that, so its reminders come as promised."
        text, drawn = (said.format(subject(watch, vault_name, ink)) for ink in (IN_TEXT, IN_BLOCKS))
        return Message(text=text, blocks=[section(drawn)])
    text, drawn = (
        f"Reminders about {subject(watch, vault_name, ink)} are silent until {_due(until, look.now, ink)}."
        for ink in (IN_TEXT, IN_BLOCKS)
    )
    return Message(text=f"{text} {BUT_IN_TIME}", blocks=[section(f"{drawn}\n{BUT_IN_TIME}")])
