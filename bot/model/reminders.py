"""Reminders: what is told, and when a promised one falls due."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from bot.model.uploads import UploadSession
from bot.model.watches import Watch

LATE_AFTER = timedelta(minutes=2)
"""A reminder that comes later than this says so."""
EXPIRY_GRACE = timedelta(seconds=30)
"""After the expiry, before it is told: Vault's clock and ours may differ a little."""
CROWDED, NOT_CROWDED = 40, 35
"""Of the 50 upload sessions that a Vault holds by default: told at the one, told again only after the other."""
LEAST_USE = timedelta(minutes=30)
"""A lead reminder that would leave less than this is not held back by quiet hours."""


class Kind(StrEnum):
    """What a reminder tells."""

    LEAD = "lead"
    UNCOMMITTED = "uncommitted"
    STALLED = "stalled"
    MOVING = "moving"
    FORECAST = "forecast"
    COMMITTED = "committed"
    GONE = "gone"
    """No longer active: committed, aborted or expired, and nobody can tell which."""
    EXPIRED = "expired"
    ABORTED = "aborted"
    """By somebody here, with this bot: nobody has to find out how it ended."""
    CROWDED = "crowded"
    VAULT_EXPIRING = "vault_expiring"


class Trouble(StrEnum):
    """Why the numbers in a reminder are not fresh."""

    LINK_ENDED = "link_ended"
    VAULT_DOWN = "vault_down"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reminder:
    """One delivery, ready to be drawn.

    `upload` is as read at `as_of`; `trouble` says why that is not this moment. `late` is how long after its due
    moment it comes, zero when in time. `lead` is the lead time that fell due.
    """

    kind: Kind
    watch: Watch
    vault_name: str
    upload: UploadSession | None
    as_of: datetime
    now: datetime
    lead: timedelta | None = None
    trouble: Trouble | None = None
    late: timedelta = timedelta(0)
    pace: float | None = None
    """Bytes per second of the last hour; None where that is not known, or nothing came."""
    expiring: Sequence[UploadSession] = field(default=())
    """Of a watched Vault: the sessions that are about to expire."""
    owner_names: Sequence[str] = field(default=())
    in_use: int = 0


@dataclass(frozen=True, slots=True)
class Posted:
    """Where Slack put a message."""

    channel_id: str
    ts: str


def lateness(due_at: datetime, now: datetime) -> timedelta:
    """Return how late a delivery is; zero when within what nobody would call late."""
    late = now - due_at
    return late if late > LATE_AFTER else timedelta(0)


def upcoming(
    lead_times: Sequence[timedelta], expires: datetime, now: datetime
) -> list[tuple[timedelta, datetime]]:
    """Return the lead times whose moment is still to come, with that moment, the first first."""
    left = expires - now
    return [(lead, expires - lead) for lead in sorted(lead_times, reverse=True) if left > lead]
