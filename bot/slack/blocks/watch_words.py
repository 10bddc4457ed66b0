"""What messages about watches have in common: who is watched, where, when it is told of, and the buttons."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.model import text as words
from bot.model.watches import Place, Target, Topic, Watch
from bot.slack.blocks.kit import Block, button, clip, code, date, escape

LONGEST_NAME = 220
MOST_NAMED = 10
LONGEST_LIST = 1300
"""Two such lists go into one section, whatever their names are made of."""
SNOOZES = {"1h": "1 hour", "4h": "4 hours", "morning": "Tomorrow morning"}
MOST_SESSIONS = 50
"""Vault: active upload sessions in one Vault, of all its users, by default ("Resumable Upload Sessions")."""


@dataclass(frozen=True, slots=True)
class Ink:
    """How names and moments are written: in text for the ear, in blocks for the eye."""

    name: Callable[[str], str]
    moment: Callable[[datetime], str]


IN_TEXT = Ink(lambda name: clip(escape(name), LONGEST_NAME), words.utc)
IN_BLOCKS = Ink(lambda name: code(clip(name, LONGEST_NAME)), date)
SPOKEN = Ink(lambda name: name, words.utc)
"""For a button's own words, which nobody reads for markup."""


def person(user_id: str) -> str:
    """A mention, which Slack shows as the person's name."""
    return f"<@{escape(user_id)}>"


def channel(place: Place) -> str:
    """A channel's name, as Slack shows it to those who may see it."""
    return f"<#{escape(place.channel_id)}>"


def subject(watch: Watch, vault_name: str, ink: Ink) -> str:
    """What is watched, in the middle of a sentence."""
    if watch.target is Target.OWN:
        return f"all your uploads in {escape(vault_name)}"
    if watch.target is Target.VAULT:
        return f"the Vault {escape(vault_name)}"
    return ink.name(watch.snapshot.upload.name if watch.snapshot else watch.upload_id)


def thing(watch: Watch, vault_name: str, ink: Ink) -> str:
    """What is watched, for others than its owner."""
    if watch.target is Target.OWN:
        return f"all uploads of {person(watch.owner.user_id)} in {escape(vault_name)}"
    return subject(watch, vault_name, ink)


def where(place: Place) -> str:
    """Where a watch speaks, in the middle of a sentence."""
    return "by direct message" if place.is_direct else f"in {channel(place)}"


def span(length: timedelta) -> str:
    """A lead time in words, to the second where it has some: `24 h`, `90 s`."""
    seconds = int(length.total_seconds())
    return words.duration(length) if seconds % 60 == 0 else f"{seconds} s"


def short(length: timedelta) -> str:
    """A lead time as people type it: `24h`, `90s`."""
    seconds = int(length.total_seconds())
    for size, unit in ((3600, "h"), (60, "m")):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def listed(pieces: Sequence[str], last: str = "and") -> str:
    """Return `a`, `a and b`, `a, b and c`."""
    return f" {last} ".join(piece for piece in (", ".join(pieces[:-1]), *pieces[-1:]) if piece)


def named(names: Sequence[str]) -> str:
    """Return the names as `listed` does; where there are too many to read, some of them and how many more there are."""
    shown: list[str] = []
    for name in names[:MOST_NAMED]:
        if shown and sum(map(len, shown)) + len(name) > LONGEST_LIST:
            break
        shown.append(name)
    more = len(names) - len(shown)
    return listed([*shown, f"{more} more"] if more else shown)


def what_is_told(watch: Watch) -> str:
    """When the watch speaks, as the end of a sentence that begins with "I tell you"."""
    leads = listed([span(lead) for lead in watch.lead_times])
    before = [f"{leads} before it expires"] if leads else []
    if watch.target is Target.VAULT:
        before = [f"{leads} before an upload session expires"] if leads else []
        return listed([*before, f"when most of its {MOST_SESSIONS} upload sessions are in use"])
    topics = {
        Topic.UNCOMMITTED: "when all bytes are there but it is not committed",
        Topic.STALLED: "when it stalls or moves again",
        Topic.FORECAST: "when it gets too slow to make it",
        Topic.ENDED: "how it ended",
    }
    told = [sentence for topic, sentence in topics.items() if watch.wants(topic)]
    return listed([*before, *told, *([] if watch.wants(Topic.ENDED) else ["when it has expired"])])


def stop_button(watch: Watch, spoken: str, *, in_list: bool = False, label: str = "Stop") -> Block:
    """Stop; `in_list` says that the answer is the list again."""
    return button(label, "unwatch", value=_value(watch, in_list=in_list), spoken=spoken)


def snooze_menu(watch: Watch, *, in_list: bool = False) -> Block:
    """For how long to hold reminders back."""
    value = _value(watch, in_list=in_list)
    return {
        "type": "static_select",
        "action_id": "snooze",
        "placeholder": plain("Snooze"),
        "options": [
            {"text": plain(label), "value": json.dumps({**value, "s": word}, separators=(",", ":"))}
            for word, label in SNOOZES.items()
        ],
    }


def plain(text: str) -> Block:
    """A plain text object."""
    return {"type": "plain_text", "text": text, "emoji": False}


def _value(watch: Watch, *, in_list: bool) -> dict[str, str | int]:
    return {"w": watch.id, "l": 1} if in_list else {"w": watch.id}
