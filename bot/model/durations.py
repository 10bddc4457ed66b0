"""Lengths of time as operators and people write them: `90s`, `15m`, `4h`, `2d`."""

import re
from datetime import timedelta

_FORM = re.compile(r"(\d{1,6})\s*([smhd])", re.IGNORECASE)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def parse_duration(text: str) -> timedelta:
    """Return the length written; ValueError with a sentence for anything else."""
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise ValueError("write a number and a unit, such as 90s, 15m, 4h or 2d")
    return timedelta(**{_UNITS[match[2].lower()]: int(match[1])})
