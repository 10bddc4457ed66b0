"""When live cards may be edited: as often as Slack takes it, and not more often than anybody could read."""

from datetime import datetime, timedelta

from bot.model.accounts import SlackUser
from bot.model.clock import Clock, from_milliseconds, milliseconds_of
from bot.model.due import Again, Claimed, Payload
from bot.model.live_cards import EDIT_EVERY, EDITS_APART
from bot.model.watches import Watch
from bot.store.once import Once

KEPT_FOR = timedelta(minutes=10)
"""How long a turn that is past is known; longer than what the clocks of two machines differ."""
SLOT_MS = EDITS_APART // timedelta(milliseconds=1)
MOST_AHEAD = timedelta(hours=1) // EDITS_APART
"""A turn further away than that is none: the time was put back."""
LATE_SLOTS = 6
"""A turn still stands so many turns later, since a worker looks only now and then: 46 edits in a minute at the most."""


LEAST_WAIT = timedelta(seconds=1)


class CardPace:
    """Gives each edit in a workspace a turn of its own, however many processes there are: a turn is a slot of time,
    taken in the database by whoever comes first."""

    def __init__(self, *, once: Once, clock: Clock) -> None:
        self._once = once
        self._clock = clock
        self._next: dict[str, int] = {}
        self._blocked: dict[str, datetime] = {}

    async def wait(self, watch: Watch, job: Claimed) -> Again | None:
        """Return when the job's turn is, or None where it is now. StoreError."""
        now, drawn_at = self._clock(), watch.told.drawn_at
        blocked = self._blocked.get(watch.owner.workspace, now)
        if blocked > now:
            return _again(blocked, now, job.payload)
        if drawn_at is not None and now < drawn_at + EDIT_EVERY:
            return _again(drawn_at + EDIT_EVERY, now, job.payload)
        slot, mine = _slot_of(now), job.payload.get("slot")
        if isinstance(mine, int) and mine <= slot <= mine + LATE_SLOTS:
            return None
        if isinstance(mine, int) and slot < mine <= slot + MOST_AHEAD:
            return _again(_moment_of(mine), now, job.payload)
        taken = await self.take(watch.owner)
        if taken <= slot:
            return None
        return _again(_moment_of(taken), now, {**job.payload, "slot": taken})

    async def take(self, owner: SlackUser) -> int:
        """Take the next free turn in the owner's workspace. StoreError."""
        workspace, now = owner.workspace, _slot_of(self._clock())
        known = self._next.get(workspace, 0)
        slot = known if now < known <= now + MOST_AHEAD else now
        while not await self._once.first(f"card:{workspace}:{slot}", KEPT_FOR + (slot - now) * EDITS_APART):
            slot += 1
        self._next[workspace] = slot + 1
        return slot

    def block(self, owner: SlackUser, seconds: float | None) -> None:
        """Slack asked for a pause: nothing is edited in that workspace meanwhile."""
        if seconds is not None:
            self._blocked[owner.workspace] = self._clock() + timedelta(seconds=seconds)


def _again(due_at: datetime, now: datetime, payload: Payload) -> Again:
    """Not within a second, by which the database's clock may be ahead of ours: the job would come back at once."""
    return Again(due_at=max(due_at, now + LEAST_WAIT), payload=payload)


def _slot_of(moment: datetime) -> int:
    return milliseconds_of(moment) // SLOT_MS


def _moment_of(slot: int) -> datetime:
    return from_milliseconds(slot * SLOT_MS)
