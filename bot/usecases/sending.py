"""Sending one reminder, once as far as that can be."""

from datetime import timedelta

from bot.model.accounts import Vaults
from bot.model.clock import Clock, from_milliseconds, milliseconds_of
from bot.model.due import Claimed
from bot.model.errors import PlaceGone, SlackUnavailable
from bot.model.meters import NO_METERS, Meters
from bot.model.reminders import Kind, Posted, Reminder, lateness
from bot.model.watches import Watch
from bot.store.due_work import DueWork
from bot.usecases.delivering import Deliveries, posted_before
from bot.usecases.looking import Look
from bot.usecases.watch_places import WatchPlaces


class Sending:
    """Makes reminders ready to be drawn, and sends them.

    Delivery is at least once: before a message goes out, its job notes that it is going; after a crash between that
    and the end of the job, the message is looked for before it is sent again, where Slack lets us look.
    """

    def __init__(
        self,
        *,
        due: DueWork,
        deliveries: Deliveries,
        places: WatchPlaces,
        vaults: Vaults,
        clock: Clock,
        meters: Meters = NO_METERS,
    ) -> None:
        self._meters = meters
        self._due = due
        self._deliveries = deliveries
        self._places = places
        self._vaults = vaults
        self._clock = clock

    def reminder(
        self, watch: Watch, kind: Kind, look: Look, job: Claimed, *, lead: timedelta | None = None
    ) -> Reminder:
        now, snapshot = self._clock(), watch.snapshot
        return Reminder(
            kind=kind,
            watch=watch,
            vault_name=self._vaults.name_of(watch.vault_host),
            upload=look.upload or (snapshot.upload if snapshot else None),
            as_of=now if look.upload is not None or snapshot is None else snapshot.read_at,
            now=now,
            lead=lead,
            trouble=look.trouble,
            late=lateness(job.due_at, now),
        )

    async def send(self, watch: Watch, job: Claimed, reminder: Reminder) -> Posted | None:
        """Send once; SlackUnavailable when Slack may take it later. A place that is gone ends the watch."""
        earlier = posted_before(job)
        if earlier is not None:
            return earlier
        before = job.payload.get("sending")
        try:
            if isinstance(before, int):
                found = await self._deliveries.look_for(watch, job.key, from_milliseconds(before))
                if found is not None:
                    self._count(reminder, "found")
                    return found
            going = {"sending": milliseconds_of(self._clock()), **job.payload}
            if not await self._due.note(job, going):
                self._count(reminder, "changed")
                return None  # cancelled or changed at this very moment
            posted = await self._deliveries.deliver(reminder, job.key)
        except PlaceGone as gone:
            self._count(reminder, "place_gone")
            await self._places.gone(watch, gone)
            return None
        except SlackUnavailable:
            self._count(reminder, "put_off")
            raise
        self._count(reminder, "sent")
        return posted

    def _count(self, reminder: Reminder, outcome: str) -> None:
        late = outcome == "sent" and reminder.late > timedelta(0)
        self._meters.reminder(reminder.kind.value, outcome, late=late)
