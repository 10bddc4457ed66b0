"""Telling what is due, with fresh numbers where they can be had, once, and late rather than never."""

from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from bot.model.accounts import Asker
from bot.model.audit import Action
from bot.model.clock import Clock, milliseconds_of
from bot.model.due import Again, Claimed
from bot.model.errors import (
    LinkEnded,
    OutOfTime,
    StoreError,
    VaultError,
)
from bot.model.outlook import recent_pace, still_true, told_by_a_lead_time, untold
from bot.model.quiet import quiet_hours
from bot.model.references import new_reference
from bot.model.reminders import Kind
from bot.model.uploads import UploadSession
from bot.model.watches import Snapshot, Target, Topic, Watch
from bot.store.watches import Watches
from bot.usecases import watch_jobs
from bot.usecases.acting import Acting
from bot.usecases.auditing import Auditing
from bot.usecases.delivering import Deliveries, once_posted
from bot.usecases.endings import JOB_MAY_TAKE, NEXT_LOOKS, Endings, has_run_out, may_be_committed
from bot.usecases.homes import HomeCare
from bot.usecases.live_cards import LiveCards
from bot.usecases.looking import Look, Looking
from bot.usecases.sending import Sending
from bot.usecases.vault_news import VaultNews
from bot.vault.client import VaultClient

log = structlog.get_logger()


class Reminding:
    """The due work of kind `remind`."""

    def __init__(
        self,
        *,
        watches: Watches,
        acting: Acting,
        client: VaultClient,
        endings: Endings,
        sending: Sending,
        vault_news: VaultNews,
        live: LiveCards,
        deliveries: Deliveries,
        auditing: Auditing,
        homes: HomeCare,
        clock: Clock,
        stall_after: timedelta,
    ) -> None:
        self._watches = watches
        self._endings = endings
        self._sending = sending
        self._vault_news = vault_news
        self._live = live
        self._looking = Looking(acting=acting, client=client)
        self._deliveries = deliveries
        self._auditing = auditing
        self._homes = homes
        self._clock = clock
        self._stall_after = stall_after

    async def remind(self, job: Claimed) -> Again | None:
        """Tell one thing of one watch, or leave it out where it is no longer true or no longer of use."""
        watch = await self._watches.get(str(job.payload["w"]))
        if watch is None or watch.told.muted:
            return None
        now = self._clock()
        later = await self._held_until(watch, job, now)
        if later is not None:
            return Again(due_at=later, payload=job.payload)
        if watch.target is Target.VAULT:
            return await self._vault_news.tell(watch, job, now)
        if job.payload["k"] == Kind.LEAD and self._is_superseded(watch, job, now):
            return None
        asker = Asker(watch.owner, new_reference())
        async with self._auditing.recording(
            Action.REMIND, asker, upload_id=watch.upload_id, note=str(job.payload["k"])
        ) as record:
            record.vault_host = watch.vault_host
            look = await self._looking.at(watch, asker)
            if look.person is not None:
                record.acted_as(watch.vault_host, look.person.account.identity)
            if look.upload is not None:
                record.saw(look.upload)
        if job.payload["k"] in (watch_jobs.ENDED, Kind.EXPIRED):
            return await self._the_end(watch, job, look)
        if look.is_gone:
            await self._turned_into_the_end(watch)
            return None
        return await self._of_an_upload(watch, job, look)

    async def _held_until(self, watch: Watch, job: Claimed, now: datetime) -> datetime | None:
        """Until when the person does not want to hear of it; None when now is right."""
        is_end = job.payload["k"] in (watch_jobs.ENDED, Kind.EXPIRED)
        if watch.snoozed_until is not None and watch.snoozed_until > now and not is_end:
            return watch.snoozed_until
        if watch.place.is_direct:
            quiet = quiet_hours(await self._watches.preferences(watch.owner))
            # Of what is over there is nothing that somebody could still do at night.
            last_use = None if is_end else watch.expires
            if quiet is not None and (later := quiet.adjusted(now, last_use, now)) > now:
                return later
        return None

    def _is_superseded(self, watch: Watch, job: Claimed, now: datetime) -> bool:
        """Whether a later reminder of the same watch is due as well, as after downtime: one message says it all."""
        if watch.expires is None or now >= watch.expires:
            return True
        mine = timedelta(seconds=int(job.payload.get("lead") or 0))
        return any(lead < mine and watch.expires - lead <= now for lead in watch.lead_times)

    async def _of_an_upload(self, watch: Watch, job: Claimed, look: Look) -> Again | None:
        """A lead time, or what a look found, of an upload that is there or cannot be looked at."""
        kind, now = Kind(str(job.payload["k"])), self._clock()
        lead = timedelta(seconds=int(job.payload["lead"] or 0)) if kind is Kind.LEAD else None
        if look.upload is not None:
            if watch.expires != look.upload.expires:
                moved = await self._moved(watch, look.upload, now)
                if moved is None:
                    return Again(due_at=now, payload=job.payload)
                if lead is not None and (
                    look.upload.expires - lead > now or self._is_superseded(moved, job, now)
                ):
                    return None  # scheduled anew, or one with a shorter lead time is
                watch = moved
            phase = look.upload.phase(now, self._stall_after)
            if not still_true(kind, phase):
                told = untold(watch.told, kind, phase)
                changed = await self._watches.change(replace(watch, told=told))
                return None if changed else Again(due_at=now, payload=job.payload)
        if lead is not None and watch.failsafe is not None and lead == min(watch.lead_times):
            await self._deliveries.release(watch)
        reminder = self._sending.reminder(watch, kind, look, job, lead=lead)
        if look.upload is not None:
            samples = await self._watches.samples(watch.owner, watch.vault_host, look.upload.id)
            reminder = replace(reminder, pace=recent_pace(look.upload, samples, now) or None)
        posted = await self._sending.send(watch, job, reminder)
        if posted is not None and lead is not None:
            try:
                await self._note_told(watch, lead, look.upload, now)
            except StoreError:
                return once_posted(job, posted, now)
        return None

    async def _note_told(
        self, watch: Watch, lead: timedelta, upload: UploadSession | None, now: datetime
    ) -> None:
        """Keep which lead time was told, and what it said of the upload besides, with the numbers it said."""
        found: Watch | None = watch
        while found is not None and not found.told.muted:
            told, snapshot = found.told, found.snapshot
            if upload is not None:
                told = told_by_a_lead_time(told, upload.phase(now, self._stall_after))
                snapshot = Snapshot(upload=upload, read_at=now)
            told = replace(told, lead=min(int(lead.total_seconds()), told.lead or int(lead.total_seconds())))
            seen = replace(found, told=told, snapshot=snapshot)
            if seen == found or await self._watches.change(seen):
                return
            found = await self._watches.get(watch.id)

    async def _moved(self, watch: Watch, upload: UploadSession, now: datetime) -> Watch | None:
        """Vault changed the end itself: what is promised moves with it. None when the watch was changed meanwhile."""
        snapshot = Snapshot(upload=upload, read_at=now)
        moved = replace(watch, expires=upload.expires, snapshot=snapshot)
        if watch.expires is not None and upload.expires > watch.expires:
            moved = replace(moved, told=replace(moved.told, lead=None))
        quiet = quiet_hours(await self._watches.preferences(watch.owner))
        jobs = watch_jobs.promised(moved, now, quiet, before=watch.expires)
        held = [watch_jobs.failsafe(moved, now)] if moved.failsafe else []
        drop = watch_jobs.merged(moved, jobs, now)
        return await self._watches.change(moved, jobs=[*jobs, *held], drop=drop)

    async def _turned_into_the_end(self, watch: Watch) -> None:
        """The upload is gone: not this, but its end is to be told, by a job of its own."""
        now = self._clock()
        if not watch.told.ended:
            told = replace(watch, told=replace(watch.told, ended=True))
            job = watch_jobs.say(told, watch_jobs.ENDED, now, since=milliseconds_of(now))
            await self._watches.change(told, jobs=[job])

    async def _the_end(self, watch: Watch, job: Claimed, look: Look) -> Again | None:
        """Tell how it ended, and end the watch with it."""
        now = self._clock()
        if look.upload is not None and look.upload.expires > now:
            there = replace(watch, told=replace(watch.told, ended=False))
            moved = await self._moved(there, look.upload, now)
            return None if moved else Again(due_at=now, payload=job.payload)
        is_noticed = job.payload["k"] == watch_jobs.ENDED
        since = watch_jobs.gone_since(watch, job, now)
        kind = Kind.EXPIRED if has_run_out(watch.expires, since) else Kind.GONE
        if job.payload.get("aborted"):
            kind = Kind.ABORTED
        elif look.is_gone and look.person is not None and watch.snapshot is not None:
            try:
                kind = await self._endings.how(look.person, watch.snapshot, since)
            except (VaultError, LinkEnded, OutOfTime) as error:
                log.info("how an upload ended is not known", error=type(error).__name__)
            may_come = kind is not Kind.COMMITTED and may_be_committed(watch.snapshot, since)
            if may_come and now - since < JOB_MAY_TAKE:
                wait = next((one for one in NEXT_LOOKS if one > now - since), NEXT_LOOKS[0])
                return Again(due_at=now + wait, payload={**job.payload, "since": milliseconds_of(since)})
        elif is_noticed and look.person is not None:
            return Again(due_at=now + NEXT_LOOKS[-1], payload=job.payload)
        elif is_noticed:
            # Once the person has linked again, the next look notices it again.
            await self._watches.change(replace(watch, told=replace(watch.told, ended=False)))
            return None
        if watch.failsafe is not None:
            await self._deliveries.release(watch)
        if kind in (Kind.EXPIRED, Kind.ABORTED) or watch.wants(Topic.ENDED):
            # The two jobs that tell an end may be due at one moment: the one that takes the other away tells it.
            other = watch_jobs.say_key(watch, watch_jobs.ENDED)
            mine = await self._watches.change(
                watch, drop=[watch_jobs.expired_key(watch) if is_noticed else other]
            )
            if mine is None:
                return Again(due_at=now, payload=job.payload)
            posted = await self._sending.send(mine, job, self._sending.reminder(mine, kind, look, job))
            if posted is None:
                return None  # its place is gone, and so is the watch; or it was changed at this very moment
            try:
                await self._over(watch, kind, look)
            except StoreError:
                return once_posted(job, posted, now)
            return None
        await self._over(watch, kind, look)
        return None

    async def _over(self, watch: Watch, kind: Kind, look: Look) -> None:
        """Forget a watch whose end was told; a live card once it has been drawn a last time."""
        if watch.target is Target.CARD:
            await self._live.end(watch, kind, look.trouble)
        else:
            await self._watches.remove(watch.id)
        await self._homes.changed(watch.owner)
