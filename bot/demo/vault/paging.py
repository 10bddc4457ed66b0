"""Pages of a list: a cursor remembers the last item sent, and when the first page was asked for."""

import base64
import binascii
import bisect
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from urllib.parse import quote

from bot.demo.vault.envelope import invalid

Item = TypeVar("Item")
Key = tuple[str | float, ...]

CURSOR_LIFE = timedelta(minutes=30)
"""A cursor is good for this long from the first query (facts §1.7)."""
LONGEST_PAGE = 1000


@dataclass(frozen=True)
class Page:
    """Some items' positions in the list, and the cursor of those that follow."""

    start: int
    stop: int
    cursor: str | None


def cut_page(
    items: Sequence[Item], key: Callable[[Item], Key], *, limit: int, cursor: str | None, now: datetime
) -> Page:
    """The page after the cursor of a list that is sorted by `key`."""
    first_asked, start = now.timestamp(), 0
    if cursor is not None:
        first_asked, last_key = _read_cursor(cursor)
        if now.timestamp() - first_asked >= CURSOR_LIFE.total_seconds():
            raise invalid("The cursor has expired.")
        try:
            start = bisect.bisect_right(items, last_key, key=key)
        except TypeError:
            raise invalid("The cursor is not valid.") from None
    stop = min(start + limit, len(items))
    if stop == len(items):
        return Page(start, stop, None)
    return Page(start, stop, _write_cursor(first_asked, key(items[stop - 1])))


def read_limit(text: str | None) -> int:
    """A page's length, 1 to 1000 (facts §2.1)."""
    if text is None:
        return LONGEST_PAGE
    if not re.fullmatch("[0-9]{1,4}", text) or not 1 <= int(text) <= LONGEST_PAGE:
        raise invalid(f"Parameter [limit] must be between 1 and {LONGEST_PAGE}.")
    return int(text)


def as_query(cursor: str) -> str:
    """The cursor as it stands in an address."""
    return f"cursor={quote(cursor, safe='')}"


def _write_cursor(first_asked: float, key: Key) -> str:
    return base64.urlsafe_b64encode(json.dumps([first_asked, *key]).encode()).decode()


def _read_cursor(cursor: str) -> tuple[float, Key]:
    try:
        first_asked, *key = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        return float(first_asked), tuple(key)
    except (binascii.Error, ValueError, TypeError):
        raise invalid("The cursor is not valid.") from None
