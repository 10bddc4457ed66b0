"""Watches: a person's standing wish to be told about an upload, about all their uploads, or about a whole Vault."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from bot.model.accounts import SlackUser
from bot.model.uploads import UploadSession

MOST_LEAD_TIMES = 6
SHORTEST_LEAD_TIME = timedelta(seconds=5)
LONGEST_LEAD_TIME = timedelta(days=3)
"""An upload session lives 72 hours by default; more before its end it does not exist."""


class Target(StrEnum):
    """What is watched."""

    UPLOAD = "upload"
    OWN = "own"
    """All uploads of the person, also those that begin later."""
    VAULT = "vault"
    """Everyone's uploads, for a Vault Admin who puts it into a channel."""
    CARD = "card"
    """One upload, shown on a card that keeps itself up to date; what matters is also told below the card."""


class Topic(StrEnum):
    """What a watch tells of beside its lead times; each can be switched off."""

    UNCOMMITTED = "uncommitted"
    STALLED = "stalled"
    FORECAST = "forecast"
    ENDED = "ended"


class Over(StrEnum):
    """Why a live card is not kept up to date: all but UNLINKED and UNREAD are for good."""

    STOPPED = "stopped"
    REPLACED = "replaced"
    """By another card of the same upload in the same thread."""
    UNLINKED = "unlinked"
    """Its owner's link has ended; it goes on when they link again."""
    UNREAD = "unread"
    """Vault does not let its owner read the upload, or gives no answer; it goes on when Vault does."""
    COMMITTED = "committed"
    GONE = "gone"
    EXPIRED = "expired"
    ABORTED = "aborted"
    UNSEEN = "unseen"
    """Its expiry is past, and nobody could see how it ended."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a watch speaks: a channel or thread, or the owner's direct messages (no channel, or its id).

    Slack: ids of direct messages begin with D.
    """

    channel_id: str = ""
    thread_ts: str = ""

    @property
    def is_direct(self) -> bool:
        """Whether only the owner reads it."""
        return not self.channel_id or self.channel_id.startswith("D")


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """The numbers as they were read last, for when they cannot be read afresh."""

    upload: UploadSession
    read_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What the watch has already told, so that it tells nothing twice. `stalled` and `forecast` go back when the
    upload moves again, or will make it after all."""

    uncommitted: bool = False
    stalled: bool = False
    forecast: bool = False
    ended: bool = False
    crowded: bool = False
    """Of a watched Vault: that most of its upload sessions are taken."""
    lead: int | None = None
    """The shortest lead time that was told, in seconds: neither it nor a longer one comes again."""
    muted: bool = False
    """Stopped by hand, though a watch over all uploads would make it again: kept, and silent."""
    lost: bool = False
    """Its place is gone: silent, and kept until its owner has been told."""
    seen_until: datetime | None = None
    """Of a watched Vault: up to which moment its expiring sessions have been told."""
    asked: bool = False
    """Of a live card: that it answered a question asked in public."""
    reader: str = ""
    """Of a live card: the Vault user whose rights it was made with; another one's numbers never come into it."""
    drawn: str = ""
    """Of a live card: a digest of what it shows, empty before it was drawn."""
    drawn_at: datetime | None = None
    over: Over | None = None
    """Of a live card: why it is not kept up to date. Where it is `muted` too, it is drawn a last time and forgotten."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Failsafe:
    """A plain message that Slack itself holds, for when every replica of ours is dead."""

    channel_id: str
    message_id: str
    post_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Watch:
    """One watch. There is one per person, Vault, upload and place; watching again changes it.

    `parent` is the watch over all uploads that made this one, empty for one made by hand. `expires` is the upload's
    end as it was read last. `snoozed_until` holds back all but the end. `announced_ts` is the message that announced
    it, or of a live card the card itself. `version` counts changes.
    """

    id: str
    owner: SlackUser
    vault_host: str
    target: Target
    upload_id: str
    place: Place
    lead_times: tuple[timedelta, ...]
    topics: frozenset[Topic]
    created_at: datetime
    expires: datetime | None = None
    snapshot: Snapshot | None = None
    told: Told = field(default_factory=Told)
    snoozed_until: datetime | None = None
    announced_ts: str = ""
    failsafe: Failsafe | None = None
    parent: str = ""
    version: int = 0

    @property
    def job_prefix(self) -> str:
        """How the keys of all its jobs begin."""
        return watch_prefix(self.id)

    @property
    def thread_ts(self) -> str:
        """The thread in which it speaks, empty for none: of a live card at least the one below the card."""
        return self.place.thread_ts or (self.announced_ts if self.target is Target.CARD else "")

    def wants(self, topic: Topic) -> bool:
        """Whether it tells of that."""
        return topic in self.topics


def watch_prefix(watch_id: str) -> str:
    """Return how the keys of all jobs of one watch begin: they go when it goes."""
    return f"watch:{watch_id}:"


def ordered(lead_times: Iterable[timedelta]) -> tuple[timedelta, ...]:
    """Return lead times without repetition, the longest first; ValueError with a sentence for what cannot be."""
    found = sorted(set(lead_times), reverse=True)
    if len(found) > MOST_LEAD_TIMES:
        raise ValueError(f"give at most {MOST_LEAD_TIMES} times before expiry")
    if any(not SHORTEST_LEAD_TIME <= lead <= LONGEST_LEAD_TIME for lead in found):
        raise ValueError("a time before expiry is between 5s and 3d")
    return tuple(found)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """How many bytes of an upload were there at a moment."""

    at: datetime
    uploaded: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Preferences:
    """How a person wants to be told. Times of day are minutes since midnight in `time_zone` (an IANA name as Slack
    knows it); quiet hours may go over midnight, and are off where both are None."""

    time_zone: str = "UTC"
    time_zone_read_at: datetime | None = None
    quiet_from: int | None = None
    quiet_to: int | None = None
    lead_times: tuple[timedelta, ...] | None = None
    """The person's own default; None: the operator's."""
