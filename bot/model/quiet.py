"""Quiet hours and mornings in a person's own time zone, also on the days when clocks change."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.model.reminders import LEAST_USE
from bot.model.watches import Preferences

MORNING = 8 * 60
"""Minutes since midnight."""
LEAST_SNOOZE = timedelta(hours=4)
"""At two in the night, "tomorrow morning" means the one after this night's sleep."""


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A time of day in which a person does not want to hear anything that can wait."""

    zone: ZoneInfo
    start: int
    end: int

    def covers(self, moment: datetime) -> bool:
        """Whether the moment lies within; the end itself does not."""
        local = moment.astimezone(self.zone)
        minute = local.hour * 60 + local.minute
        if self.start <= self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end

    def end_after(self, moment: datetime) -> datetime:
        """The first end of quiet hours after the moment, in UTC."""
        return next_time_of_day(moment, self.end, self.zone)

    def start_before(self, moment: datetime) -> datetime:
        """The last start of quiet hours at or before the moment, in UTC."""
        local = moment.astimezone(self.zone)
        for days in (0, 1, 2):
            found = _at(local - timedelta(days=days), self.start, self.zone)
            if found <= moment:
                return found
        raise AssertionError("a day has each time of day at least once in two days")

    def adjusted(self, due: datetime, expires: datetime | None, now: datetime) -> datetime:
        """Return when to say what is due at `due`: after the quiet hours, or before them where after would be too
        late to be of use."""
        if not self.covers(due):
            return due
        after = self.end_after(due)
        if expires is None or after <= expires - LEAST_USE:
            return after
        return max(min(self.start_before(due) - timedelta(minutes=1), due), now)


def quiet_hours(preferences: Preferences) -> QuietHours | None:
    """Return the person's quiet hours; None where there are none."""
    start, end = preferences.quiet_from, preferences.quiet_to
    if start is None or end is None or start == end:
        return None
    return QuietHours(zone_of(preferences.time_zone), start, end)


def tomorrow_morning(now: datetime, zone: ZoneInfo) -> datetime:
    """Return the next morning that leaves some rest until then, in UTC."""
    return next_time_of_day(now + LEAST_SNOOZE, MORNING, zone)


def zone_of(name: str) -> ZoneInfo:
    """Return the time zone of that name, or UTC where nobody knows it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def next_time_of_day(after: datetime, minutes: int, zone: ZoneInfo) -> datetime:
    """Return the first moment after `after` at which clocks in `zone` show that time of day, in UTC.

    A time that clocks jump over counts as the moment of the jump; of one that comes twice, the first.
    """
    local = after.astimezone(zone)
    for days in (0, 1, 2):
        # An hour that clocks show twice has its times twice: whoever asks between the two gets the second.
        for fold in (0, 1):
            found = _at(local + timedelta(days=days), minutes, zone, fold)
            if found > after:
                return found
    raise AssertionError("a day has each time of day at least once in two days")


def _at(day: datetime, minutes: int, zone: ZoneInfo, fold: int = 0) -> datetime:
    naive = day.replace(
        hour=minutes // 60, minute=minutes % 60, second=0, microsecond=0, tzinfo=None, fold=fold
    )
    return naive.replace(tzinfo=zone).astimezone(UTC)
