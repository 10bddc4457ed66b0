"""The time by which work is due: one for all replicas, although their machines' clocks may disagree."""

import logging
import time
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, cast, extract, func, select

from bot.model.clock import Clock, from_milliseconds, system_clock
from bot.store.database import Database

LEAST_DIFFERENCE = timedelta(seconds=1)
"""Less is not worth correcting, and may be the time that the question took."""
LONGEST_QUESTION = 1.0
"""In seconds; an answer that took longer says too little about the moment."""

log = logging.getLogger(__name__)

_ASK = select(cast(func.floor(extract("epoch", func.clock_timestamp()) * 1000), BigInteger))


class DueClock:
    """Gives the present moment: by `clock` where one is given, else by this machine's; on PostgreSQL put right by
    the database's, as `compare` has last seen the two differ."""

    def __init__(self, db: Database, clock: Clock | None) -> None:
        self._db = db
        self._clock = clock or system_clock
        self._ahead = timedelta(0)
        self.is_databases = clock is None and not db.is_sqlite

    def __call__(self) -> datetime:
        return self._clock() + self._ahead

    async def compare(self) -> None:
        """See by how much the database's clock is ahead of this machine's. StoreUnavailable."""
        if not self.is_databases:
            return
        begun = time.monotonic()
        async with self._db.read() as connection:
            theirs = from_milliseconds((await connection.execute(_ASK)).scalar_one())
        took = time.monotonic() - begun
        if took > LONGEST_QUESTION:
            return
        ahead = theirs - self._clock() + timedelta(seconds=took / 2)
        if abs(ahead) < LEAST_DIFFERENCE:
            ahead = timedelta(0)
        if abs(ahead - self._ahead) >= LEAST_DIFFERENCE:
            log.warning("the database's clock is %.0f s ahead of this machine's", ahead.total_seconds())
        self._ahead = ahead
