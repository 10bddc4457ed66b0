"""The one way this program learns what time it is."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]
"""Gives the present moment as an aware UTC datetime. Handed to whoever needs it; nobody calls datetime.now()."""


def system_clock() -> datetime:
    """Return the machine's time as an aware UTC datetime."""
    return datetime.now(UTC)


def aware(moment: datetime) -> datetime:
    """Return `moment` in UTC; ValueError for one without a zone, which could mean any hour of the day."""
    if moment.tzinfo is None:
        raise ValueError("a datetime needs a time zone")
    return moment.astimezone(UTC)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def milliseconds_of(moment: datetime) -> int:
    """Return a moment as milliseconds since 1970 UTC, finer digits cut off; ValueError for one without a zone."""
    return (aware(moment) - _EPOCH) // _MILLISECOND


def from_milliseconds(count: int) -> datetime:
    """Return the moment so many milliseconds after 1970 UTC."""
    return _EPOCH + count * _MILLISECOND
