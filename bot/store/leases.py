"""Leases: what only one process at a time may do. The holder has the name for a while; a dead one loses it then."""

import asyncio
import logging
import random
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from sqlalchemy import BigInteger, bindparam, cast, delete, func, or_

from bot.model.errors import OutOfTime, StoreError
from bot.store.database import Database
from bot.store.inserts import insert_into
from bot.store.tables import leases

SHORTEST_PAUSE = 0.02
LONGEST_PAUSE = 0.25
"""Seconds between two looks at a lease that another process holds; they grow from the one to the other."""

log = logging.getLogger(__name__)


class Leases:
    """Turns by name, among all processes on one database. Time is PostgreSQL's own, so the clocks of several hosts
    may differ; SQLite's is this machine's.

    Every method may raise StoreUnavailable or StoreUnreadable.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        # Within this process one waiter at a time asks the database; an entry lives as long as somebody waits.
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        now = (
            bindparam("now", type_=BigInteger)
            if db.is_sqlite
            else cast(func.extract("epoch", func.now()) * 1000, BigInteger)
        )
        wanted = insert_into(leases, db.engine.dialect.name).values(
            name=bindparam("of_name"), holder=bindparam("by"), until=now + bindparam("life", type_=BigInteger)
        )
        self._take = wanted.on_conflict_do_update(
            index_elements=[leases.c.name],
            set_={"holder": wanted.excluded.holder, "until": wanted.excluded.until},
            where=leases.c.until <= now,
        ).returning(leases.c.holder)
        ours = (leases.c.name == bindparam("of_name")) & (leases.c.holder == bindparam("by"))
        # What others left when they died goes with it.
        self._give_back = delete(leases).where(or_(ours, leases.c.until <= now))

    @asynccontextmanager
    async def hold(self, name: str, *, seconds: float = 30.0, patience: float = 12.0) -> AsyncIterator[None]:
        """Hold the lease of that name while the body runs; wait for it up to `patience` seconds.

        OutOfTime when it is not free by then, and when the body takes longer than `seconds`: it is cancelled
        there, since the next one may begin. No connection or transaction is kept meanwhile.
        """
        loop = asyncio.get_running_loop()
        give_up = loop.time() + patience
        turn = self._turns.setdefault(name, asyncio.Lock())
        await _acquired(turn, give_up)
        try:
            holder = secrets.token_hex(8)
            taken_at = await self._taken(name, holder, seconds, give_up)
            try:
                async with asyncio.timeout_at(taken_at + seconds) as limit:
                    yield
            except TimeoutError:
                if limit.expired():
                    raise OutOfTime from None
                raise
            finally:
                await self._released(name, holder)
        finally:
            turn.release()

    async def _taken(self, name: str, holder: str, seconds: float, give_up: float) -> float:
        """Wait until the lease is ours; return a moment of the loop's clock, not after its beginning."""
        loop = asyncio.get_running_loop()
        pause = SHORTEST_PAUSE
        values = {"of_name": name, "by": holder, "life": int(seconds * 1000)}
        try:
            while True:
                asked_at = loop.time()
                async with self._db.write() as connection:
                    if (await connection.execute(self._take, {**values, **self._now()})).one_or_none():
                        return asked_at
                left = give_up - loop.time()
                if left <= 0:
                    raise OutOfTime
                # Between half and all of the pause, so that several processes do not ask in step.
                await asyncio.sleep(min(left, random.uniform(pause / 2, pause)))  # noqa: S311
                pause = min(pause * 2, LONGEST_PAUSE)
        except asyncio.CancelledError:
            # It may have become ours in the very moment of the cancellation.
            await self._released(name, holder)
            raise

    async def _released(self, name: str, holder: str) -> None:
        try:
            async with self._db.write() as connection:
                await connection.execute(self._give_back, {"of_name": name, "by": holder, **self._now()})
        except StoreError as error:
            # What was done under the lease is done all the same, and the lease runs out by itself.
            log.warning("lease %s not given back: %s", name, error.sentence)

    def _now(self) -> dict[str, int]:
        """SQLite has no server with a clock, but every process that uses the file is on this machine."""
        return {"now": int(time.time() * 1000)} if self._db.is_sqlite else {}


async def _acquired(turn: asyncio.Lock, give_up: float) -> None:
    try:
        async with asyncio.timeout_at(give_up):
            await turn.acquire()
    except TimeoutError:
        raise OutOfTime from None
