"""What people do about the watches they have: read, snooze and stop them."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from bot.model.accounts import Asker, SlackUser, Vaults
from bot.model.audit import Action
from bot.model.clock import Clock
from bot.model.errors import NotYourWatch, PlaceGone, SlackUnavailable, WatchNotFound
from bot.model.pasting import Pasted
from bot.model.quiet import tomorrow_morning, zone_of
from bot.model.reminders import LEAST_USE
from bot.model.watches import Over, Target, Watch
from bot.store.watches import Watches
from bot.usecases import watch_jobs
from bot.usecases.auditing import Auditing
from bot.usecases.delivering import Deliveries
from bot.usecases.live_cards import finish
from bot.usecases.preferring import Preferring
from bot.usecases.watch_places import remove_whole

log = structlog.get_logger()

SNOOZES = {"1h": timedelta(hours=1), "4h": timedelta(hours=4)}
MORNING = "morning"


@dataclass(frozen=True, kw_only=True, slots=True)
class WatchLine:
    """A watch in the person's list, with the moment of its next promised reminder."""

    watch: Watch
    vault_name: str
    next_due: datetime | None


class WatchCare:
    """Lists, snoozes and stops watches. Every stop is written into the audit log."""

    def __init__(
        self,
        *,
        watches: Watches,
        auditing: Auditing,
        deliveries: Deliveries,
        preferring: Preferring,
        vaults: Vaults,
        clock: Clock,
    ) -> None:
        self._watches = watches
        self._auditing = auditing
        self._deliveries = deliveries
        self._preferring = preferring
        self._vaults = vaults
        self._clock = clock

    async def listed(self, asker: Asker) -> list[WatchLine]:
        """Return the person's watches, the next due first."""
        watches = await self._watches.of_person(asker.slack_user)
        due = await self._watches.next_due([watch.id for watch in watches])
        lines = [
            WatchLine(
                watch=watch, vault_name=self._vaults.name_of(watch.vault_host), next_due=due.get(watch.id)
            )
            for watch in watches
        ]
        last = max(due.values(), default=self._clock()) + timedelta(days=1)
        return sorted(lines, key=lambda line: (line.next_due or last, line.watch.created_at))

    async def stop(self, asker: Asker, watch_id: str) -> Watch:
        """End one watch of the person's own, or, as an administrator of the Slack workspace, one in a channel.

        WatchNotFound; NotYourWatch, after which the owner should be asked.
        """
        watch = await self._watches.get(watch_id)
        if watch is None or watch.told.muted:
            raise WatchNotFound
        if watch.owner != asker.slack_user and not await self._may_stop(asker.slack_user, watch):
            raise NotYourWatch(owner=f"<@{watch.owner.user_id}>")
        return await self._stopped(asker, watch)

    async def stop_upload(self, asker: Asker, pasted: Pasted) -> list[Watch]:
        """End all of the person's watches over one upload, in whatever place. WatchNotFound."""
        ids = {pasted.upload_id, *pasted.others}
        vault = self._vaults.named(pasted.vault) if pasted.vault else None
        found = [
            watch
            for watch in await self._watches.of_person(asker.slack_user)
            if watch.upload_id in ids
            and not watch.told.muted
            and vault in (None, self._vaults.at(watch.vault_host))
        ]
        if not found:
            raise WatchNotFound
        return [await self._stopped(asker, watch) for watch in found]

    async def stop_all(self, asker: Asker) -> list[Watch]:
        """End every watch of the person."""
        watches = await self._watches.of_person(asker.slack_user)
        # Those over all uploads last, when there is nothing left that they would take along.
        ordered = sorted(watches, key=lambda watch: watch.target is Target.OWN)
        return [await self._stopped(asker, watch, for_good=True) for watch in ordered if not watch.told.muted]

    async def owner_of(self, watch_id: str) -> Watch:
        """Return a watch that somebody wants to be stopped; WatchNotFound."""
        watch = await self._watches.get(watch_id)
        if watch is None or watch.told.muted:
            raise WatchNotFound
        return watch

    async def snooze(self, asker: Asker, watch_id: str, word: str) -> Watch:
        """Hold back a watch of the person's own for `1h`, `4h` or until `morning`; what would come too late to be of
        use comes before. WatchNotFound."""
        watch = await self._watches.get(watch_id)
        if watch is None or watch.told.muted or watch.owner != asker.slack_user:
            raise WatchNotFound
        if watch.target is Target.CARD:
            raise WatchNotFound  # there is nothing to hold back: no list offers it
        now = self._clock()
        if word in SNOOZES:
            until = now + SNOOZES[word]
        else:
            preferences = await self._preferring.preferences(asker.slack_user)
            until = tomorrow_morning(now, zone_of(preferences.time_zone))
        changed = await self._silent(watch, until, now)
        if changed is None:
            return await self.snooze(asker, watch_id, word)
        if watch.target is Target.OWN:
            for made in await self._watches.of_account(watch.owner, watch.vault_host):
                if made.parent == watch.id and not made.told.muted:
                    await self._silent(made, until, now)
        return changed

    async def _silent(self, watch: Watch, until: datetime, now: datetime) -> Watch | None:
        """Hold a watch back until then, or less long where that would be of no use; None when it was changed."""
        if watch.expires is not None:
            until = max(min(until, watch.expires - LEAST_USE), now)
        held = [watch_jobs.failsafe(watch, now)] if watch.failsafe else []
        return await self._watches.change(replace(watch, snoozed_until=until), jobs=held)

    async def _may_stop(self, slack_user: SlackUser, watch: Watch) -> bool:
        same = slack_user.workspace == watch.owner.workspace
        return same and not watch.place.is_direct and await self._deliveries.is_admin(slack_user)

    async def _stopped(self, asker: Asker, watch: Watch, *, for_good: bool = False) -> Watch:
        """End a watch, or keep it as a silent one where a watch over all uploads would make it again. A live card goes
        once it was drawn a last time."""
        async with self._auditing.recording(Action.UNWATCH, asker, upload_id=watch.upload_id) as record:
            record.vault_host = watch.vault_host
            if watch.target is Target.CARD:
                is_over = await finish(self._watches, watch, Over.STOPPED, self._clock())
                ended = [watch] if is_over else None
            elif not for_good and await self._would_return(watch):
                ended = await self._muted(watch)
            else:
                others = await remove_whole(self._watches, watch)
                ended = None if others is None else [watch, *others]
            if ended is None:
                raise WatchNotFound
        for one in ended:
            if one.failsafe is not None:
                try:
                    await self._deliveries.release(one)
                except (SlackUnavailable, PlaceGone):
                    log.warning("a message that Slack holds was not taken back")
        return watch

    async def _would_return(self, watch: Watch) -> bool:
        if watch.target is not Target.UPLOAD:
            return False
        return any(
            one.target is Target.OWN and one.place == watch.place
            for one in await self._watches.of_account(watch.owner, watch.vault_host)
        )

    async def _muted(self, watch: Watch) -> list[Watch] | None:
        """Silence a watch for as long as its upload lives; None when it has ended meanwhile."""
        found: Watch | None = watch
        while found is not None:
            silent = replace(found, told=replace(found.told, muted=True), failsafe=None)
            if await self._watches.change(silent, drop_all=True):
                return [found]
            found = await self._watches.get(watch.id)
        return None
