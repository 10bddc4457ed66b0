"""Looking at what people watch: one list call serves all that one person watches in one Vault."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from bot.model.accounts import Asker, LinkMethod, Vault, Vaults
from bot.model.clock import Clock, from_milliseconds, milliseconds_of
from bot.model.due import Again, Claimed, Job, account_of
from bot.model.errors import (
    BotError,
    LinkEnded,
    NotLinked,
    StoreError,
    UnknownVault,
    VaultTemporary,
)
from bot.model.outlook import FASTEST, news, pause_before_next_look
from bot.model.quiet import QuietHours, quiet_hours
from bot.model.references import new_reference
from bot.model.reminders import CROWDED, NOT_CROWDED, Kind
from bot.model.uploads import Phase, UploadSession
from bot.model.watches import Over, Snapshot, Target, Watch
from bot.store.watches import Watches
from bot.usecases import watch_jobs
from bot.usecases.acting import Acting, Person
from bot.usecases.live_cards import LiveCards
from bot.usecases.own_uploads import OwnUploads
from bot.vault.client import VaultClient

log = structlog.get_logger()

JITTER = 0.1
UNREAD_AFTER = timedelta(hours=1)
"""A live card whose numbers are older says so, and that Vault does not answer."""
UNSERVED_PAUSE = timedelta(hours=1)
SNAPSHOT_AT_MOST = timedelta(minutes=10)
"""How old a snapshot may be of an upload in which nothing has changed."""
RESERVE = 0.2
"""Share of a Vault's burst limit that is kept for people's own commands."""
BURST_PAUSE = timedelta(seconds=65)
MOST_BURST_PAUSES = 4
"""Vault counts calls in windows of five minutes; what it said of an earlier one no longer counts."""
IDLE_TIME_AT_LEAST = timedelta(minutes=8)
"""A little less than the shortest idle time a Vault can have."""
OF_ONE_UPLOAD = (Target.UPLOAD, Target.CARD)
SAID_BY_A_LEAD_TIME = (Kind.UNCOMMITTED, Kind.STALLED)
NEWS_OF_THE_MOMENT = (Kind.STALLED, Kind.MOVING, Kind.FORECAST)


class Polling:
    """The due work of kind `poll`."""

    def __init__(
        self,
        *,
        watches: Watches,
        acting: Acting,
        client: VaultClient,
        vaults: Vaults,
        clock: Clock,
        poll_every: timedelta,
        stall_after: timedelta,
        keep_alive: bool,
        with_failsafe: bool,
        live: LiveCards,
    ) -> None:
        self._watches = watches
        self._live = live
        self._own_uploads = OwnUploads(watches=watches, stall_after=stall_after, with_failsafe=with_failsafe)
        self._acting = acting
        self._client = client
        self._vaults = vaults
        self._clock = clock
        self._poll_every = poll_every
        self._stall_after = stall_after
        self._keep_alive = keep_alive

    async def poll(self, job: Claimed) -> Again | None:
        """Look at all that one person watches in one Vault; None when there is nothing to look at any more."""
        slack_user, host = account_of(job.payload)
        vault = self._vaults.at(host)
        watches = await self._watches.of_account(slack_user, host)
        now = self._clock()
        if not watches:
            return None
        if vault is None:
            # The operator does not serve it just now, and may again.
            await self._live.not_read(watches, Over.UNREAD)
            return Again(due_at=now + UNSERVED_PAUSE, payload=_bare(job))
        waited = int(job.payload.get("waited") or 0)
        if self._is_short(vault) and waited < MOST_BURST_PAUSES:
            payload = {**job.payload, "waited": waited + 1}
            return Again(due_at=now + BURST_PAUSE * random.uniform(1, 1 + JITTER), payload=payload)  # noqa: S311
        try:
            person = await self._acting.person(Asker(slack_user, new_reference()), vault.name)
            next_look = _moment(job.payload.get("next"))
            if next_look is not None and now < next_look - timedelta(seconds=1):
                await self._acting.ask(person, self._client.keep_alive, unasked=True)
                return self._again(job, person, next_look, now)
            uploads = await self._acting.ask(person, self._client.uploads, unasked=True)
        except (LinkEnded, NotLinked, UnknownVault):
            await self._live.not_read(watches, Over.UNLINKED)
            # Reminders still come, with the numbers of the last look; linking again starts the looks again.
            return None
        except BotError as error:
            log.info("a look was not possible", vault=vault.name, error=type(error).__name__)
            passes = isinstance(error, VaultTemporary | StoreError)
            await self._live.not_read(watches, Over.UNREAD, since=UNREAD_AFTER if passes else timedelta(0))
            return Again(due_at=now + self._poll_every * 2, payload=_bare(job))
        now = self._clock()
        watched = await self._take_in(person, watches, uploads, now)
        pause = min(
            pause_before_next_look(watched, now, poll_every=self._poll_every, stall_after=self._stall_after),
            self._before_next_lead(watches, uploads, now),
            self._before_next_edit(watches, watched, now),
        )
        pause *= random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - not a secret
        return self._again(job, person, now + pause, now)

    def _again(self, job: Claimed, person: Person, next_look: datetime, now: datetime) -> Again:
        """The next look; before it, where that is far, a sign of life for a session that would end by idleness."""
        account = person.account
        dies = account.method is LinkMethod.PASSWORD and not account.renewable
        if self._keep_alive and dies and next_look - now > IDLE_TIME_AT_LEAST:
            payload = {**_bare(job), "next": milliseconds_of(next_look)}
            return Again(due_at=now + IDLE_TIME_AT_LEAST, payload=payload)
        return Again(due_at=next_look, payload=_bare(job))

    def _before_next_lead(
        self, watches: Sequence[Watch], uploads: Sequence[UploadSession], now: datetime
    ) -> timedelta:
        """How long until a watch over a whole Vault has the next upload to tell of."""
        moments = [
            upload.expires - lead - now
            for watch in watches
            if watch.target is Target.VAULT
            for upload in uploads
            for lead in watch.lead_times
            if upload.expires - lead > now
        ]
        return max(min(moments, default=UNSERVED_PAUSE), min(FASTEST, self._poll_every))

    def _before_next_edit(
        self, watches: Sequence[Watch], uploads: Sequence[UploadSession], now: datetime
    ) -> timedelta:
        """How long until a live card is looked at again: one whose upload moves is not put off."""
        live = {watch.upload_id for watch in watches if watch.target is Target.CARD}
        moves = any(
            upload.id in live and upload.phase(now, self._stall_after) is Phase.UPLOADING
            for upload in uploads
        )
        return self._poll_every if moves else UNSERVED_PAUSE

    def _is_short(self, vault: Vault) -> bool:
        burst = self._client.burst(vault)
        return burst is not None and burst.remaining < burst.limit * RESERVE

    async def _take_in(
        self, person: Person, watches: Sequence[Watch], uploads: Sequence[UploadSession], now: datetime
    ) -> list[UploadSession]:
        """Write down what the look found and what is to be told of it; return the uploads that are watched."""
        owner, host = person.asker.slack_user, person.vault.host
        quiet = quiet_hours(await self._watches.preferences(owner))
        active = {upload.id: upload for upload in uploads if upload.expires > now}
        vault_user_id = person.account.identity.vault_user_id
        children = await self._own_uploads.new_children(vault_user_id, watches, active.values(), now, quiet)
        of_uploads = [watch for watch in (*watches, *children) if watch.target in OF_ONE_UPLOAD]
        watched = {watch.upload_id for watch in of_uploads} & set(active)
        await self._watches.add_samples(
            owner, host, now, {upload_id: active[upload_id].uploaded for upload_id in watched}
        )
        next_due = await self._watches.next_due([watch.id for watch in of_uploads])
        for watch in of_uploads:
            upload = active.get(watch.upload_id)
            if watch.told.muted:
                # A card that is over goes by its own job, once it was drawn a last time.
                if upload is None and not watch.told.lost and watch.target is Target.UPLOAD:
                    await self._watches.remove(watch.id)
            elif await self._live.retired(watch, vault_user_id, is_there=upload is not None):
                pass  # said on the card itself
            elif upload is None:
                await self._is_gone(watch, now)
            else:
                await self._is_there(watch, upload, now, quiet, next_due.get(watch.id))
        for watch in watches:
            if watch.target is Target.VAULT and not watch.told.muted:
                await self._look_over(watch, uploads, now)
        return [active[upload_id] for upload_id in watched]

    async def _is_there(
        self,
        watch: Watch,
        upload: UploadSession,
        now: datetime,
        quiet: QuietHours | None,
        next_due: datetime | None,
    ) -> None:
        samples = await self._watches.samples(watch.owner, watch.vault_host, upload.id)
        found, told = news(watch, upload, samples, now, self._stall_after)
        if next_due is not None and next_due <= now:
            # A lead time is due at this moment, as after downtime: it says how the upload stands.
            left = {kind for kind in found if kind in SAID_BY_A_LEAD_TIME}
            found = [kind for kind in found if kind not in left]
            # Not told yet: it may have looked before this did. Once sent, it says itself what it has told.
            told = replace(
                told,
                uncommitted=told.uncommitted and Kind.UNCOMMITTED not in left,
                stalled=told.stalled and Kind.STALLED not in left,
            )
        if _is_held(watch, now, quiet):
            # Told afterwards if it is so then: what went by in the night is no news in the morning.
            found = [kind for kind in found if kind not in NEWS_OF_THE_MOMENT]
            told = replace(told, stalled=watch.told.stalled, forecast=watch.told.forecast)
        seen = replace(
            watch,
            expires=upload.expires,
            snapshot=Snapshot(upload=upload, read_at=now),
            told=replace(told, ended=False, over=None),
        )
        jobs, drop = [watch_jobs.say(seen, kind, now) for kind in found], list[str]()
        jobs += self._live.job_for(seen)
        if not jobs and _is_as_before(watch, seen):
            return
        if watch.expires is not None and upload.expires > watch.expires:
            seen = replace(seen, told=replace(seen.told, lead=None))
        if watch.expires != upload.expires:
            promised = watch_jobs.promised(seen, now, quiet, before=watch.expires)
            drop = watch_jobs.merged(seen, promised, now)
            jobs += [*promised, *([watch_jobs.failsafe(seen, now)] if seen.failsafe else [])]
        # A change that somebody else made meanwhile goes first; the next look will find all of this again.
        if await self._watches.change(seen, jobs=jobs, drop=drop) is None and watch.target is Target.CARD:
            # But a card that was just drawn must not show the same until then.
            again = await self._watches.get(watch.id)
            if again is not None and not again.told.muted:
                await self._is_there(again, upload, now, quiet, next_due)

    async def _is_gone(self, watch: Watch, now: datetime) -> None:
        """Vault no longer lists it: how it ended is found out where it is told."""
        if watch.told.ended or (watch.expires is not None and now >= watch.expires):
            return
        told = replace(watch, told=replace(watch.told, ended=True))
        since = milliseconds_of(now)
        await self._watches.change(told, jobs=[watch_jobs.say(told, watch_jobs.ENDED, now, since=since)])

    async def _look_over(self, watch: Watch, uploads: Sequence[UploadSession], now: datetime) -> None:
        """What an Admin's watch over a whole Vault tells."""
        active = [upload for upload in uploads if upload.expires > now]
        told, jobs = watch.told, list[Job]()
        if len(active) >= CROWDED and not told.crowded:
            told, jobs = replace(told, crowded=True), [watch_jobs.say(watch, Kind.CROWDED, now)]
        elif len(active) < NOT_CROWDED:
            told = replace(told, crowded=False)
        since = told.seen_until or watch.created_at
        crossed = [
            lead
            for lead in watch.lead_times
            if any(since < upload.expires - lead <= now for upload in active)
        ]
        if crossed:
            lead = int(max(crossed).total_seconds())
            jobs.append(watch_jobs.say(watch, Kind.VAULT_EXPIRING, now, lead=lead))
        await self._watches.change(replace(watch, told=replace(told, seen_until=now)), jobs=jobs)


def _is_as_before(before: Watch, seen: Watch) -> bool:
    """Whether a look found nothing that would have to be written down."""
    old, new = before.snapshot, seen.snapshot
    return (
        old is not None
        and new is not None
        and old.upload == new.upload
        and new.read_at - old.read_at < SNAPSHOT_AT_MOST
        and (before.told, before.expires) == (seen.told, seen.expires)
    )


def _is_held(watch: Watch, now: datetime, quiet: QuietHours | None) -> bool:
    """Whether the person does not want to hear of it now, and need not."""
    if watch.snoozed_until is not None and watch.snoozed_until > now:
        return True
    return bool(quiet and watch.place.is_direct and quiet.adjusted(now, watch.expires, now) > now)


def _bare(job: Claimed) -> dict[str, str | int | None]:
    return {key: value for key, value in job.payload.items() if key not in ("waited", "next")}


def _moment(milliseconds: object) -> datetime | None:
    return from_milliseconds(milliseconds) if isinstance(milliseconds, int) else None
