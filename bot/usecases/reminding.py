"""Telling what is due, with fresh numbers where they can be had, once, and late rather than never.

Delivery is at least once: before a message goes out, its job notes that it is going; after a crash between that and
the end of the job, the message is looked for before it is sent again, where Slack lets us look.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from bot.model.accounts import Asker, Vaults
from bot.model.audit import Action
from bot.model.clock import Clock, from_milliseconds, milliseconds_of
from bot.model.due import Again, Claimed
from bot.model.errors import (
    LinkEnded,
    NoStagingAccess,
    NotFoundInVault,
    NotLinked,
    OutOfTime,
    PlaceGone,
    UnknownVault,
    VaultError,
)
from bot.model.outlook import recent_pace, still_true, told_by_a_lead_time, untold
from bot.model.quiet import quiet_hours
from bot.model.references import new_reference
from bot.model.reminders import Kind, Posted, Reminder, Trouble, lateness
from bot.model.uploads import UploadSession
from bot.model.watches import Snapshot, Target, Topic, Watch
from bot.store.due_work import DueWork
from bot.store.watches import Watches
from bot.usecases import watch_jobs
from bot.usecases.acting import Acting, Person
from bot.usecases.auditing import Auditing
from bot.usecases.delivering import Deliveries
from bot.usecases.endings import JOB_MAY_TAKE, NEXT_LOOKS, Endings, has_run_out, may_be_committed
from bot.usecases.owners import OwnerNames
from bot.usecases.watch_places import WatchPlaces
from bot.vault.client import VaultClient

log = structlog.get_logger()

LOOK_SECONDS = 12.0
"""A reminder that is due does not wait longer for Vault; it comes with the numbers of the last look."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What Vault says now, or why it is not asked."""

    person: Person | None = None
    upload: UploadSession | None = None
    trouble: Trouble | None = None

    @property
    def is_gone(self) -> bool:
        """Whether Vault answered that there is no such upload."""
        return self.upload is None and self.trouble is None


class Reminding:
    """The due work of kind `remind`."""

    def __init__(
        self,
        *,
        watches: Watches,
        due: DueWork,
        acting: Acting,
        client: VaultClient,
        endings: Endings,
        owner_names: OwnerNames,
        deliveries: Deliveries,
        places: WatchPlaces,
        auditing: Auditing,
        vaults: Vaults,
        clock: Clock,
        stall_after: timedelta,
    ) -> None:
        self._watches = watches
        self._due = due
        self._acting = acting
        self._client = client
        self._endings = endings
        self._owner_names = owner_names
        self._deliveries = deliveries
        self._places = places
        self._auditing = auditing
        self._vaults = vaults
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
            return await self._of_a_vault(watch, job, now)
        if job.payload["k"] == Kind.LEAD and self._is_superseded(watch, job, now):
            return None
        asker = Asker(watch.owner, new_reference())
        async with self._auditing.recording(
            Action.REMIND, asker, upload_id=watch.upload_id, note=str(job.payload["k"])
        ) as record:
            record.vault_host = watch.vault_host
            look = await self._look(watch, asker)
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

    async def _look(self, watch: Watch, asker: Asker) -> Look:
        try:
            person = await self._acting.person(asker, watch.vault_host)
        except (NotLinked, UnknownVault):
            return Look(trouble=Trouble.LINK_ENDED)
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                upload = await self._acting.ask(
                    person, lambda access: self._client.upload(access, watch.upload_id), unasked=True
                )
        except NotFoundInVault:
            return Look(person=person)
        except (LinkEnded, NoStagingAccess):
            return Look(trouble=Trouble.LINK_ENDED)
        except (VaultError, OutOfTime, TimeoutError) as error:
            log.info("a reminder comes without a fresh look", error=type(error).__name__)
            return Look(person=person, trouble=Trouble.VAULT_DOWN)
        return Look(person=person, upload=upload)

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
        reminder = self._reminder(watch, kind, look, job, lead=lead)
        if look.upload is not None:
            samples = await self._watches.samples(watch.owner, watch.vault_host, look.upload.id)
            reminder = replace(reminder, pace=recent_pace(look.upload, samples, now) or None)
        if await self._send(watch, job, reminder) and kind is Kind.LEAD and look.upload is not None:
            told = told_by_a_lead_time(watch.told, look.upload.phase(now, self._stall_after))
            if told != watch.told:
                await self._watches.change(replace(watch, told=told))
        return None

    async def _moved(self, watch: Watch, upload: UploadSession, now: datetime) -> Watch | None:
        """Vault changed the end itself: what is promised moves with it. None when the watch was changed meanwhile."""
        snapshot = Snapshot(upload=upload, read_at=now)
        moved = replace(watch, expires=upload.expires, snapshot=snapshot)
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
        if look.is_gone and look.person is not None and watch.snapshot is not None:
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
        if kind is Kind.EXPIRED or watch.wants(Topic.ENDED):
            # The two jobs that tell an end may be due at one moment: the one that takes the other away tells it.
            other = watch_jobs.say_key(watch, watch_jobs.ENDED)
            mine = await self._watches.change(
                watch, drop=[watch_jobs.expired_key(watch) if is_noticed else other]
            )
            if mine is None:
                return Again(due_at=now, payload=job.payload)
            if await self._send(mine, job, self._reminder(mine, kind, look, job)) is None:
                return None  # its place is gone, and so is the watch; or it was changed at this very moment
        await self._watches.remove(watch.id)
        return None

    async def _of_a_vault(self, watch: Watch, job: Claimed, now: datetime) -> Again | None:
        """What an Admin's watch over a Vault tells, from a fresh list."""
        asker = Asker(watch.owner, new_reference())
        try:
            async with self._auditing.recording(Action.REMIND, asker, note=str(job.payload["k"])) as record:
                person = await self._acting.person(asker, watch.vault_host, record.heard)
                record.acted_as(watch.vault_host, person.account.identity)
                uploads = await self._acting.ask(person, self._client.uploads, unasked=True)
        except (NotLinked, LinkEnded, UnknownVault, NoStagingAccess):
            return None
        kind = Kind(str(job.payload["k"]))
        lead = timedelta(seconds=int(job.payload.get("lead") or 0))
        active = sorted((one for one in uploads if one.expires > now), key=lambda one: one.expires)
        expiring = [one for one in active if one.expires - lead <= now] if lead else []
        if kind is Kind.VAULT_EXPIRING and not expiring:
            return None
        reminder = replace(
            self._reminder(watch, kind, Look(person=person), job, lead=lead),
            expiring=expiring,
            owner_names=await self._owner_names.of(person, expiring),
            in_use=len(active),
        )
        await self._send(watch, job, reminder)
        return None

    def _reminder(
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

    async def _send(self, watch: Watch, job: Claimed, reminder: Reminder) -> Posted | None:
        """Send once; SlackUnavailable when Slack may take it later. A place that is gone ends the watch."""
        before = job.payload.get("sending")
        try:
            if isinstance(before, int):
                found = await self._deliveries.look_for(watch, job.key, from_milliseconds(before))
                if found is not None:
                    return found
            going = {"sending": milliseconds_of(self._clock()), **job.payload}
            if not await self._due.note(job, going):
                return None  # cancelled or changed at this very moment
            return await self._deliveries.deliver(reminder, job.key)
        except PlaceGone as gone:
            await self._places.gone(watch, gone)
            return None
