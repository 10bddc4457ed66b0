"""Where watches speak: announcing them in channels, what Slack itself holds, and places that are gone."""

from dataclasses import replace
from datetime import datetime

import structlog

from bot.model.accounts import Vaults
from bot.model.clock import Clock
from bot.model.due import Again, Claimed
from bot.model.errors import PlaceGone, StoreError
from bot.model.quiet import quiet_hours
from bot.model.watches import Target, Watch
from bot.store.watches import Watches
from bot.usecases import watch_jobs
from bot.usecases.delivering import Deliveries, once_posted, posted_before

log = structlog.get_logger()


class WatchPlaces:
    """The due work of kinds `announce` and `failsafe`, and the end of watches whose place is gone."""

    def __init__(self, *, watches: Watches, deliveries: Deliveries, vaults: Vaults, clock: Clock) -> None:
        self._watches = watches
        self._deliveries = deliveries
        self._vaults = vaults
        self._clock = clock

    async def announce(self, job: Claimed) -> Again | None:
        """Announce a watch in its channel, where nobody did because the process died; or tell its owner that the
        channel is lost."""
        watch = await self._watches.get(str(job.payload["w"]))
        if watch is not None and "lost" in job.payload:
            name = self._vaults.name_of(watch.vault_host)
            await self._deliveries.tell_of_end(watch, name, str(job.payload["lost"]))
            for one in [watch, *(await remove_whole(self._watches, watch) or [])]:
                await self._deliveries.release(one)
            return None
        if watch is None or watch.announced_ts or watch.told.muted:
            return None
        try:
            posted = posted_before(job) or await self._deliveries.announce(
                watch, self._vaults.name_of(watch.vault_host)
            )
        except PlaceGone as gone:
            await self.gone(watch, gone)
            return None
        try:
            await self._watches.change(replace(watch, announced_ts=posted.ts))
        except StoreError:
            return once_posted(job, posted, self._clock())
        return None

    async def failsafe(self, job: Claimed) -> Again | None:
        """Let Slack hold one plain message for after the last reminder, and no other."""
        watch = await self._watches.get(str(job.payload["w"]))
        if watch is None or watch.expires is None:
            return None
        post_at = await self._untold_at(watch, watch.expires)
        if watch.failsafe is not None:
            if watch.failsafe.post_at == post_at:
                return None
            await self._deliveries.release(watch)
            watch = await self._watches.change(replace(watch, failsafe=None))
            if watch is None:  # changed meanwhile: what Slack held is taken back, and is to be held anew
                return Again(due_at=self._clock(), payload=job.payload)
        if post_at is not None:
            try:
                held = await self._deliveries.hold(watch, post_at)
            except PlaceGone as gone:
                await self.gone(watch, gone)
                return None
            if await self._watches.change(replace(watch, failsafe=held)) is None:
                await self._deliveries.release(replace(watch, failsafe=held))
                return Again(due_at=self._clock(), payload=job.payload)
        return None

    async def _untold_at(self, watch: Watch, expires: datetime) -> datetime | None:
        """When nobody will have told the last lead time, though it was due: then Slack is to speak. None where no lead
        time is to come."""
        now = self._clock()
        next_due = (await self._watches.next_due([watch.id])).get(watch.id)
        if next_due is None or next_due >= expires:
            return None
        last = watch_jobs.last_moment(watch, now, quiet_hours(await self._watches.preferences(watch.owner)))
        if last is None:
            return None
        told_at = max(last, watch.snoozed_until or last)
        post_at = min(told_at + watch_jobs.MOST_UNTOLD, expires)
        # Slack takes nothing for a moment that is past.
        return post_at if post_at > now + watch_jobs.LEAST_HELD else None

    async def gone(self, watch: Watch, gone: PlaceGone) -> None:
        """End a watch that can no longer be told where it was wished for, and say so to its owner elsewhere.

        One that a watch over all uploads has made takes that one along: it would only be made again.
        """
        whole = await self._watches.get(watch.parent) if watch.parent else None
        ended = whole or await self._watches.get(watch.id)
        # Of several reminders that find the place gone at the same moment, one silences the watch and has it told.
        while ended is not None and not ended.told.muted:
            log.warning("a watch ended, since its place is gone", reason=str(gone.details["reason"]))
            if ended.place.is_direct:
                await remove_whole(self._watches, ended)
                return
            silent = replace(ended, told=replace(ended.told, muted=True, lost=True))
            lost = watch_jobs.lost(ended, str(gone.details["reason"]), self._clock())
            if await self._watches.change(silent, jobs=[lost], drop_all=True):
                return
            ended = await self._watches.get(ended.id)


async def remove_whole(watches: Watches, watch: Watch) -> list[Watch] | None:
    """Remove a watch, with those that it has made or keeps silent if it is one over all uploads; return these others,
    None when it was gone already."""
    if await watches.remove(watch.id) is None:
        return None
    if watch.target is not Target.OWN:
        return []
    others = [
        one
        for one in await watches.of_account(watch.owner, watch.vault_host)
        if one.parent == watch.id
        or (one.told.muted and one.place == watch.place and one.target is Target.UPLOAD)
    ]
    return [one for one in others if await watches.remove(one.id) is not None]
