"""Making and changing watches."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from bot.model.accounts import Asker, Vault, Vaults
from bot.model.audit import Action
from bot.model.clock import Clock
from bot.model.due import Job
from bot.model.errors import (
    CannotPostThere,
    NotAnAdmin,
    NothingToWatch,
    PlaceGone,
    SlackUnavailable,
    TooManyWatches,
)
from bot.model.outlook import told_at_the_start
from bot.model.pasting import Pasted
from bot.model.quiet import quiet_hours
from bot.model.reminders import upcoming
from bot.model.statuses import UploadStatus
from bot.model.uploads import Phase
from bot.model.watches import Place, Snapshot, Target, Told, Topic, Watch
from bot.store.watches import Watches
from bot.usecases import watch_jobs
from bot.usecases.acting import Acting, Person
from bot.usecases.auditing import Auditing
from bot.usecases.delivering import Deliveries
from bot.usecases.preferring import Preferring
from bot.usecases.upload_status import UploadStatuses
from bot.usecases.watch_limits import check_room, same_watch
from bot.vault.client import VaultClient

log = structlog.get_logger()

MOST_WHOLES = 5
"""Over all uploads in one Vault: each makes as many watches again as there are uploads."""
EVERYTHING = frozenset(Topic)
SNOOZES = {"1h": timedelta(hours=1), "4h": timedelta(hours=4)}
MORNING = "morning"
ZONE_IS_KNOWN_FOR = timedelta(days=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Watched:
    """A watch that was made or changed. `passed` are lead times whose moment is over already."""

    watch: Watch
    vault: Vault
    status: UploadStatus | None
    passed: tuple[timedelta, ...]
    changed: bool


class Watching:
    """Makes watches. Each is written into the audit log."""

    def __init__(
        self,
        *,
        watches: Watches,
        statuses: UploadStatuses,
        acting: Acting,
        client: VaultClient,
        auditing: Auditing,
        deliveries: Deliveries,
        preferring: Preferring,
        vaults: Vaults,
        clock: Clock,
        lead_times: Sequence[timedelta],
        stall_after: timedelta,
        with_failsafe: bool,
    ) -> None:
        self._watches = watches
        self._statuses = statuses
        self._acting = acting
        self._client = client
        self._auditing = auditing
        self._deliveries = deliveries
        self._preferring = preferring
        self._vaults = vaults
        self._clock = clock
        self._lead_times = tuple(lead_times)
        self._stall_after = stall_after
        self._with_failsafe = with_failsafe

    async def watch(
        self,
        asker: Asker,
        pasted: Pasted,
        *,
        lead_times: Sequence[timedelta] | None = None,
        place: Place = Place(),  # noqa: B008 - a frozen value
        topics: frozenset[Topic] | None = None,
    ) -> Watched:
        """Watch one upload, or change the watch that is there; a look-up's errors, NothingToWatch, TooManyWatches,
        CannotPostThere."""
        async with self._auditing.recording(Action.WATCH, asker, upload_id=pasted.upload_id) as record:
            status = await self._statuses.look_up(asker, pasted)
            record.acted_as(status.vault.host, status.account.identity)
            record.saw(status.upload)
            now, upload = self._clock(), status.upload
            if upload.phase(now, self._stall_after) is Phase.EXPIRED:
                raise NothingToWatch
            wished = Watch(
                id=_new_id(),
                owner=asker.slack_user,
                vault_host=status.vault.host,
                target=Target.UPLOAD,
                upload_id=upload.id,
                place=place,
                lead_times=(),
                topics=topics if topics is not None else EVERYTHING,
                created_at=now,
                expires=upload.expires,
                snapshot=Snapshot(upload=upload, read_at=now),
                told=told_at_the_start(upload, now, self._stall_after),
            )
            watch, changed = await self._made(asker, wished, lead_times, topics)
        to_come = {lead for lead, _ in upcoming(watch.lead_times, upload.expires, now)}
        passed = tuple(lead for lead in watch.lead_times if lead not in to_come)
        return Watched(watch=watch, vault=status.vault, status=status, passed=passed, changed=changed)

    async def watch_many(
        self,
        asker: Asker,
        target: Target,
        vault_name: str | None,
        *,
        lead_times: Sequence[timedelta] | None = None,
        place: Place = Place(),  # noqa: B008 - a frozen value
    ) -> Watched:
        """Watch all of the person's own uploads in a Vault, or the whole Vault as its Admin. NotLinked, NotAnAdmin."""
        async with self._auditing.recording(Action.WATCH, asker, note=target.value) as record:
            person = await self._person(asker, vault_name)
            record.acted_as(person.vault.host, person.account.identity)
            if target is Target.VAULT:
                user, _ = await self._acting.ask(person, self._client.me)
                if not user.sees_whole_vault:
                    raise NotAnAdmin(vault=person.vault.name)
            now = self._clock()
            wished = Watch(
                id=_new_id(),
                owner=asker.slack_user,
                vault_host=person.vault.host,
                target=target,
                upload_id="",
                place=place,
                lead_times=(),
                topics=EVERYTHING,
                created_at=now,
                told=Told(seen_until=now),
            )
            watch, changed = await self._made(asker, wished, lead_times, None)
            if changed and target is Target.OWN:
                await self._follow(watch)
        return Watched(watch=watch, vault=person.vault, status=None, passed=(), changed=changed)

    async def _follow(self, whole: Watch) -> None:
        """Bring the watches that a watch over all uploads has made in line with it, now that it was changed."""
        quiet = quiet_hours(await self._preferring.preferences(whole.owner))
        for made in await self._watches.of_account(whole.owner, whole.vault_host):
            found: Watch | None = made
            while found is not None and found.parent == whole.id and not found.told.muted:
                now = self._clock()
                wished = replace(found, lead_times=whole.lead_times, topics=whole.topics, snoozed_until=None)
                jobs = watch_jobs.promised(wished, now, quiet)
                kept = {job.key for job in jobs}
                # One that waits, for the end of a snooze or of quiet hours, is still to be told.
                old = [
                    watch_jobs.lead_key(found, lead)
                    for lead in found.lead_times
                    if lead not in whole.lead_times
                    or (found.expires is not None and found.expires - lead > now)
                ]
                held = [watch_jobs.failsafe(wished, now)] if found.failsafe else []
                if await self._watches.change(
                    wished, jobs=[*jobs, *held], drop=[key for key in old if key not in kept]
                ):
                    break
                found = await self._watches.get(made.id)

    async def _person(self, asker: Asker, vault_name: str | None) -> Person:
        if vault_name:
            return await self._acting.person(asker, vault_name)
        return (await self._acting.everywhere(asker))[0]

    async def _made(
        self,
        asker: Asker,
        wished: Watch,
        lead_times: Sequence[timedelta] | None,
        topics: frozenset[Topic] | None,
    ) -> tuple[Watch, bool]:
        """Store the wish; what was not said keeps what an earlier watch of the same has, else the default."""
        same = await same_watch(self._watches, wished)
        if same is None:
            await check_room(self._watches, asker.slack_user)
        if same is None and wished.target is Target.OWN and await self._wholes(wished) >= MOST_WHOLES:
            raise TooManyWatches(count=MOST_WHOLES, of=" over all your uploads in this Vault")
        preferences = await self._preferring.preferences(asker.slack_user)
        default = preferences.lead_times or self._lead_times
        leads = tuple(lead_times) if lead_times is not None else (same.lead_times if same else default)
        wished = replace(
            wished,
            lead_times=leads,
            topics=same.topics if same and topics is None else wished.topics,
            told=replace(wished.told, lead=same.told.lead) if same else wished.told,
        )
        now, quiet = self._clock(), quiet_hours(preferences)

        def jobs(watch: Watch) -> list[Job]:
            unannounced = not watch.place.is_direct and not watch.announced_ts
            return [
                *watch_jobs.promised(watch, now, quiet),
                *([watch_jobs.announcing(watch, now)] if unannounced else []),
                *([watch_jobs.failsafe(watch, now)] if self._with_failsafe and watch.expires else []),
            ]

        look = watch_jobs.looking(wished.owner, wished.vault_host, now + watch_jobs.FIRST_LOOK)
        watch = await self._watches.save(wished, jobs, extra=[look])
        if not watch.place.is_direct and not watch.announced_ts:
            watch = await self._announced(watch)
        return watch, same is not None and not same.told.muted

    async def _wholes(self, wished: Watch) -> int:
        watches = await self._watches.of_account(wished.owner, wished.vault_host)
        return sum(watch.target is Target.OWN for watch in watches)

    async def _announced(self, watch: Watch) -> Watch:
        """Tell the channel at once, which also shows whether the bot may speak there; else there is no watch."""
        try:
            posted = await self._deliveries.announce(watch, self._vaults.name_of(watch.vault_host))
        except PlaceGone:
            await self._watches.remove(watch.id)
            raise CannotPostThere from None
        except SlackUnavailable:
            return watch  # its job announces it in a minute
        told = await self._watches.change(
            replace(watch, announced_ts=posted.ts), drop=[watch_jobs.announcing(watch, self._clock()).key]
        )
        return told or watch


def _new_id() -> str:
    return secrets.token_hex(8)
