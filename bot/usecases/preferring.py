"""How a person wants to be told: quiet hours, lead times, and their time zone as Slack knows it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import structlog

from bot.model.accounts import Asker, SlackUser
from bot.model.clock import Clock
from bot.model.errors import PlaceGone, SlackUnavailable
from bot.model.quiet import QuietHours, quiet_hours
from bot.model.watches import Preferences, Watch
from bot.store.watches import Watches
from bot.usecases import watch_jobs
from bot.usecases.delivering import Deliveries

log = structlog.get_logger()

ZONE_IS_KNOWN_FOR = timedelta(days=1)


class Preferring:
    """Reads and changes preferences; what is promised moves with them."""

    def __init__(self, *, watches: Watches, deliveries: Deliveries, clock: Clock) -> None:
        self._watches = watches
        self._deliveries = deliveries
        self._clock = clock

    async def preferences(self, slack_user: SlackUser) -> Preferences:
        """Return how the person wants to be told, with a time zone that is not older than a day where Slack tells."""
        found = await self._watches.preferences(slack_user)
        now = self._clock()
        if found.time_zone_read_at is not None and now - found.time_zone_read_at < ZONE_IS_KNOWN_FOR:
            return found
        try:
            zone = await self._deliveries.time_zone(slack_user)
        except (SlackUnavailable, PlaceGone):
            log.warning("time zone not known afresh")
            return found
        found = replace(found, time_zone=zone, time_zone_read_at=now)
        await self._watches.save_preferences(slack_user, found)
        return found

    async def prefer(
        self, asker: Asker, *, quiet: tuple[int, int] | None, lead_times: Sequence[timedelta] | None
    ) -> Preferences:
        """Change quiet hours (minutes since midnight) and default lead times, and reschedule what is promised."""
        before = await self.preferences(asker.slack_user)
        after = replace(
            before,
            quiet_from=quiet[0] if quiet else None,
            quiet_to=quiet[1] if quiet else None,
            lead_times=tuple(lead_times) if lead_times is not None else None,
        )
        await self._watches.save_preferences(asker.slack_user, after)
        hours = quiet_hours(after)
        for watch in await self._watches.of_person(asker.slack_user):
            await self._reschedule(watch, hours)
        return after

    async def _reschedule(self, watch: Watch, hours: QuietHours | None) -> None:
        """Move what one watch promises; again where somebody changed the watch meanwhile."""
        found: Watch | None = watch
        while found is not None and not found.told.muted:
            now = self._clock()
            jobs = watch_jobs.promised(found, now, hours)
            held = [watch_jobs.failsafe(found, now)] if found.failsafe else []
            if await self._watches.change(
                found, jobs=[*jobs, *held], drop=watch_jobs.merged(found, jobs, now)
            ):
                return
            found = await self._watches.get(watch.id)
