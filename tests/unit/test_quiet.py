"""Quiet hours and mornings: in the person's zone, over midnight, and on days when clocks change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.quiet import QuietHours, next_time_of_day, quiet_hours, tomorrow_morning, zone_of
from bot.model.reminders import LEAST_USE
from bot.model.watches import Preferences

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = QuietHours(BERLIN, 22 * 60, 7 * 60)
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def berlin(*parts: int, fold: int = 0) -> datetime:
    """A moment by Berlin's clocks."""
    year, month, day, hour, minute = parts
    return datetime(year, month, day, hour, minute, tzinfo=BERLIN, fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("moment", "quiet"),
    [
        (berlin(2026, 11, 20, 21, 59), False),
        (berlin(2026, 11, 20, 22, 0), True),
        (berlin(2026, 11, 21, 3, 0), True),
        (berlin(2026, 11, 21, 6, 59), True),
        (berlin(2026, 11, 21, 7, 0), False),
    ],
)
def test_covers__over_midnight(moment: datetime, *, quiet: bool) -> None:
    assert NIGHT.covers(moment) is quiet


def test_covers__within_a_day() -> None:
    lunch = QuietHours(BERLIN, 12 * 60, 13 * 60)
    assert lunch.covers(berlin(2026, 11, 20, 12, 30))
    assert not lunch.covers(berlin(2026, 11, 20, 13, 0))
    assert not lunch.covers(berlin(2026, 11, 20, 23, 0))


def test_adjusted__waits_for_the_morning() -> None:
    due = berlin(2026, 11, 21, 2, 0)
    assert NIGHT.adjusted(due, due + timedelta(hours=24), NOW) == berlin(2026, 11, 21, 7, 0)


def test_adjusted__comes_before_where_the_morning_is_too_late() -> None:
    due = berlin(2026, 11, 21, 3, 0)
    assert NIGHT.adjusted(due, berlin(2026, 11, 21, 7, 10), NOW) == berlin(2026, 11, 20, 21, 59)


def test_adjusted__comes_at_once_where_before_is_over() -> None:
    now = berlin(2026, 11, 21, 1, 0)
    due = berlin(2026, 11, 21, 3, 0)
    assert NIGHT.adjusted(due, berlin(2026, 11, 21, 6, 0), now) == now


def test_adjusted__leaves_the_day_alone() -> None:
    assert NIGHT.adjusted(NOW, NOW + timedelta(hours=1), NOW) == NOW


def test_end_after__when_clocks_go_forward() -> None:
    half_past_two = QuietHours(BERLIN, 22 * 60, 2 * 60 + 30)
    # 29 March 2026: 02:00 becomes 03:00, so 02:30 is never shown; it counts as 03:30 summer time, 01:30 UTC.
    assert half_past_two.end_after(berlin(2026, 3, 28, 23, 0)) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_end_after__when_clocks_go_back_takes_the_first() -> None:
    half_past_two = QuietHours(BERLIN, 22 * 60, 2 * 60 + 30)
    assert half_past_two.end_after(berlin(2026, 10, 24, 23, 0)) == berlin(2026, 10, 25, 2, 30, fold=0)


def test_end_after__between_two_of_the_same_time_takes_the_second() -> None:
    half_past_two = QuietHours(BERLIN, 22 * 60, 2 * 60 + 30)
    second_ten_past_two = berlin(2026, 10, 25, 2, 10, fold=1)
    assert half_past_two.covers(second_ten_past_two)
    assert half_past_two.end_after(second_ten_past_two) == berlin(2026, 10, 25, 2, 30, fold=1)


def test_the_night_of_a_change_of_clocks__ends_at_seven_all_the_same() -> None:
    assert NIGHT.end_after(berlin(2026, 3, 28, 23, 0)) == datetime(2026, 3, 29, 5, tzinfo=UTC)
    assert NIGHT.end_after(berlin(2026, 10, 24, 23, 0)) == datetime(2026, 10, 25, 6, tzinfo=UTC)


def test_tomorrow_morning__leaves_a_night() -> None:
    assert tomorrow_morning(berlin(2026, 11, 20, 15, 0), BERLIN) == berlin(2026, 11, 21, 8, 0)
    assert tomorrow_morning(berlin(2026, 11, 21, 2, 0), BERLIN) == berlin(2026, 11, 21, 8, 0)
    assert tomorrow_morning(berlin(2026, 11, 21, 7, 0), BERLIN) == berlin(2026, 11, 22, 8, 0)


def test_quiet_hours__of_preferences() -> None:
    assert quiet_hours(Preferences()) is None
    assert quiet_hours(Preferences(quiet_from=60, quiet_to=60)) is None
    found = quiet_hours(Preferences(time_zone="Asia/Tokyo", quiet_from=1320, quiet_to=420))
    assert found == QuietHours(ZoneInfo("Asia/Tokyo"), 1320, 420)


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../etc/passwd", "\x00"])
def test_zone_of__unknown_is_utc(name: str) -> None:
    assert zone_of(name) == ZoneInfo("UTC")


ZONES = st.sampled_from(
    ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "Australia/Lord_Howe"]
)
MOMENTS = st.integers(1735689600, 1830297600).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
MINUTES = st.integers(0, 1439)


@given(zone=ZONES, after=MOMENTS, minutes=MINUTES)
def test_next_time_of_day__is_later_and_within_a_day_and_a_bit(
    zone: str, after: datetime, minutes: int
) -> None:
    found = next_time_of_day(after, minutes, ZoneInfo(zone))
    assert after < found <= after + timedelta(hours=26)


@given(
    zone=ZONES,
    due=MOMENTS,
    left=st.integers(1, 72 * 60),
    start=MINUTES,
    end=MINUTES,
    early=st.integers(0, 4000),
)
def test_adjusted__is_never_of_no_use(
    zone: str, due: datetime, left: int, start: int, end: int, early: int
) -> None:
    now, expires = due - timedelta(minutes=early), due + timedelta(minutes=left)
    quiet = QuietHours(ZoneInfo(zone), start, end)
    said = quiet.adjusted(due, expires, now)
    assert now <= said
    assert said <= max(due, expires - LEAST_USE)
    if said > due:
        assert not quiet.covers(said) or start == end
