"""Sizes, durations and bars as people read them."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model import text
from tests.factories import GB, HOUR, MB, MINUTE, NOW, SECOND

KB = 1024
TB = 1024 * GB
UNITS = {"bytes": 1, "byte": 1, "KB": KB, "MB": MB, "GB": GB, "TB": TB}
DAY = 24 * HOUR


# Sizes


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (10485760, "10.0 MB"),
        (32862312, "31.3 MB"),
        (0, "0 bytes"),
        (1, "1 byte"),
        (512, "512 bytes"),
        (1023, "1,023 bytes"),
        (1024, "1.0 KB"),
        (1048524, "1023.9 KB"),
        (1048525, "1.0 MB"),
        (MB - 1, "1.0 MB"),
        (MB, "1.0 MB"),
        (GB - 1, "1.0 GB"),
        (500 * GB, "500.0 GB"),
        (TB, "1.0 TB"),
        (2000 * TB, "2000.0 TB"),
        (2**63 - 1, "8388608.0 TB"),
        (-5, "0 bytes"),
    ],
)
def test_size__as_vault_counts(count: int, shown: str) -> None:
    assert text.size(count) == shown


@given(st.integers(-5, 2**70), st.integers(-5, 2**70))
def test_size__never_falls_as_bytes_grow(one: int, other: int) -> None:
    smaller, larger = sorted((one, other))
    assert _bytes(text.size(smaller)) <= _bytes(text.size(larger))


@given(st.integers(0, 2**63))
def test_size__is_right_to_the_digit_shown(count: int) -> None:
    shown = text.size(count)
    unit = UNITS[shown.split()[1]]
    assert abs(_bytes(shown) - count) <= unit * 0.05001
    assert "1024" not in shown.split(".")[0] or unit == TB


def _bytes(shown: str) -> float:
    number, unit = shown.split()
    return float(number.replace(",", "")) * UNITS[unit]


# Paces


@pytest.mark.parametrize(
    ("per_second", "shown"),
    [
        (4.2 * MB, "4.2 MB/s"),
        (MB, "1.0 MB/s"),
        (1.3 * MB / 60, "1.3 MB/min"),
        (310.5 * KB / 3600, "310.5 KB/h"),
        (2.0 / 3600, "2 bytes/h"),
        (0.5 / 3600, "less than 1 byte/h"),
        (1e18, "909494.7 TB/s"),
    ],
)
def test_pace__in_a_readable_unit(per_second: float, shown: str) -> None:
    assert text.pace(per_second) == shown


@given(st.floats(min_value=0, max_value=1e19, allow_nan=False))
def test_pace__never_says_nothing_for_something(per_second: float) -> None:
    assert re.fullmatch(r"(less than )?[\d.,]+ (bytes?|[KMGT]B)/(s|min|h)", text.pace(per_second))
    assert not text.pace(per_second).startswith("0 ")


# Durations


@pytest.mark.parametrize(
    ("span", "shown"),
    [
        (timedelta(0), "less than a minute"),
        (59 * SECOND, "less than a minute"),
        (MINUTE, "1 min"),
        (8 * MINUTE + 59 * SECOND, "8 min"),
        (HOUR - SECOND, "59 min"),
        (HOUR, "1 h"),
        (2 * HOUR + 5 * MINUTE, "2 h 5 min"),
        (10 * HOUR - SECOND, "9 h 59 min"),
        (10 * HOUR, "10 h"),
        (26 * HOUR + 59 * MINUTE, "26 h"),
        (100 * HOUR - SECOND, "99 h"),
        (100 * HOUR, "4 days"),
        (12 * DAY, "12 days"),
        (-8 * MINUTE, "8 min"),
        (timedelta.max, "999,999,999 days"),
    ],
)
def test_duration__floored_to_what_matters(span: timedelta, shown: str) -> None:
    assert text.duration(span) == shown


@pytest.mark.parametrize(
    ("span", "shown"),
    [
        (40 * SECOND, "less than a minute"),
        (119 * MINUTE, "1 h 59 min"),
        (2 * HOUR + 59 * MINUTE, "2 h"),
        (25 * HOUR + 30 * MINUTE, "25 h"),
        (-3 * HOUR - MINUTE, "3 h"),
    ],
)
def test_rough__leaves_minutes_out_from_two_hours_on(span: timedelta, shown: str) -> None:
    assert text.rough(span) == shown


SPANS = st.timedeltas(timedelta(0), timedelta(days=10**6))


@pytest.mark.parametrize("shown_as", [text.duration, text.rough], ids=["duration", "rough"])
@given(one=SPANS, other=SPANS)
def test_duration__never_falls_and_never_says_more_than_there_is(
    shown_as: object, one: timedelta, other: timedelta
) -> None:
    assert callable(shown_as)
    shorter, longer = sorted((one, other))
    assert _span(shown_as(shorter)) <= _span(shown_as(longer))
    assert _span(shown_as(longer)) <= longer


def _span(shown: str) -> timedelta:
    lengths = {"min": MINUTE, "h": HOUR, "day": DAY, "days": DAY}
    found = re.findall(r"([\d,]+) (min|h|days?)", shown)
    return sum((int(number.replace(",", "")) * lengths[unit] for number, unit in found), timedelta(0))


@pytest.mark.parametrize(
    ("before", "shown"),
    [
        (8 * MINUTE, "8 min ago"),
        (MINUTE, "1 min ago"),
        (MINUTE - SECOND, "just now"),
        (timedelta(0), "just now"),
        (-HOUR, "just now"),
    ],
)
def test_ago__a_clock_that_runs_ahead_is_just_now(before: timedelta, shown: str) -> None:
    assert text.ago(NOW - before, NOW) == shown


# Plurals, moments, bars


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0 parts"), (1, "1 part"), (2, "2 parts"), (1200, "1,200 parts")]
)
def test_plural(count: int, shown: str) -> None:
    assert text.plural(count, "part") == shown


def test_utc__from_any_zone() -> None:
    moment = datetime(2026, 3, 5, 17, 14, 59, tzinfo=timezone(9 * HOUR))
    assert text.utc(moment) == "2026-03-05 08:14 UTC"


@pytest.mark.parametrize(
    ("percent", "filled"), [(-5, 0), (0, 0), (1, 1), (7, 1), (31, 4), (50, 7), (99, 14), (100, 15), (250, 15)]
)
def test_bar__begins_with_the_first_percent_and_is_full_only_at_100(percent: int, filled: int) -> None:
    assert text.bar(percent) == "▰" * filled + "▱" * (15 - filled)


@given(st.integers(0, 100), st.integers(0, 100))
def test_bar__never_falls(one: int, other: int) -> None:
    lower, higher = sorted((one, other))
    assert text.bar(lower).count("▰") <= text.bar(higher).count("▰")
    assert len(text.bar(lower)) == text.BAR_CELLS


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_ago_and_utc__never_raise(one: datetime, other: datetime) -> None:
    assert text.ago(one, other)
    assert text.utc(one).endswith(" UTC")
