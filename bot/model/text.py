"""Sizes, durations, paces and plurals as people read them."""

from datetime import UTC, datetime, timedelta

_UNITS = ("KB", "MB", "GB", "TB")


def size(count: int) -> str:
    """Return bytes as Vault counts them: 1 MB = 1024 x 1024 bytes; `10.0 MB`, `512 bytes`."""
    if count < 1024:
        return plural(max(count, 0), "byte")
    value = float(count)
    for unit in _UNITS:
        value /= 1024
        # 1023.95 would be printed as "1024.0": such a value belongs to the next unit.
        if value < 1023.95 or unit == _UNITS[-1]:
            return f"{value:.1f} {unit}"
    raise AssertionError("unreachable")


def pace(bytes_per_second: float) -> str:
    """Return a pace in the unit that gives a readable number: `4.2 MB/s`, `1.3 MB/min`, `310.0 KB/h`."""
    for seconds, unit in ((1, "s"), (60, "min"), (3600, "h")):
        count = int(bytes_per_second * seconds)
        if count >= 1024 * 1024 or unit == "h":
            return f"{size(count)}/{unit}" if count else "less than 1 byte/h"
    raise AssertionError("unreachable")


def duration(span: timedelta) -> str:
    """Return a length of time, floored to what matters at that scale: `8 min`, `2 h 5 min`, `26 h`, `12 days`."""
    minutes = abs(span) // timedelta(minutes=1)
    hours = minutes // 60
    if minutes < 1:
        return "less than a minute"
    if hours < 1:
        return f"{minutes} min"
    if hours < 10:
        return f"{hours} h {minutes % 60} min" if minutes % 60 else f"{hours} h"
    if hours < 100:
        return f"{hours} h"
    return plural(hours // 24, "day")


def rough(span: timedelta) -> str:
    """Return a length of time for an estimate, where minutes beside hours would pretend to know: `2 h`."""
    hours = abs(span) // timedelta(hours=1)
    return duration(span) if hours < 2 else duration(timedelta(hours=hours))


def ago(moment: datetime, now: datetime) -> str:
    """Return how long before `now` the moment was: `8 min ago`, `just now`."""
    span = now - moment
    return "just now" if span < timedelta(minutes=1) else f"{duration(span)} ago"


def plural(count: int, noun: str) -> str:
    """Return `1 part`, `2 parts`, `1,200 parts`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def utc(moment: datetime) -> str:
    """Return a moment in UTC to the minute: `2026-03-05 08:14 UTC`."""
    return f"{moment.astimezone(UTC).isoformat(' ')[:16]} UTC"


BAR_CELLS = 15


def bar(percent: int) -> str:
    """Return a progress bar of text; never all full before 100 and never all empty after the first percent."""
    filled = min(max(percent, 0), 100) * BAR_CELLS // 100
    if percent > 0:
        filled = max(filled, 1)
    return "▰" * filled + "▱" * (BAR_CELLS - filled)
