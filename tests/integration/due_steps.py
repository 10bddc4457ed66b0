"""Steps that tests of due work share."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from sqlalchemy import text

from bot.store.database import Database
from tests.databases import NOW


class SetClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        """Let time pass, in seconds."""
        self.now += timedelta(seconds=seconds)


async def until(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait for something that comes by itself."""
    async with asyncio.timeout(60):
        while True:
            found = condition()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.01)


async def rows(db: Database) -> list[dict[str, object]]:
    """Return the whole table, by key; moments in ms since 1970."""
    async with db.read() as connection:
        found = await connection.execute(text("SELECT * FROM due_work ORDER BY key"))
        return [dict(row) for row in found.mappings()]
