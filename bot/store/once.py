"""What is to be done once, however often it is asked for: by whichever process comes first."""

from datetime import timedelta
from functools import cache

from sqlalchemy import Executable, bindparam, delete

from bot.model.clock import Clock
from bot.store.database import Database
from bot.store.digests import digest_of
from bot.store.inserts import insert_into
from bot.store.tables import once

SWEPT = 100
"""Of so many entries about one takes the ones that are over along."""

_table = once.c


@cache  # compiling costs more than running
def _take(dialect: str) -> Executable:
    insert = insert_into(once, dialect)
    # A key whose time is over is free, whether or not it was swept away.
    return insert.on_conflict_do_update(
        index_elements=[_table.digest],
        set_={"until": insert.excluded.until},
        where=_table.until <= bindparam("now"),
    ).returning(_table.digest)


_GIVE_BACK = delete(once).where(_table.digest == bindparam("of_digest"))
_SWEEP = delete(once).where(_table.until <= bindparam("now"))


class Once:
    """Keys that were taken, for as long as each is to be known. Every method may raise StoreUnavailable."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._taken = 0

    async def first(self, key: str, kept_for: timedelta) -> bool:
        """Take a key for so long, and return whether nobody had taken it: no process on the same database."""
        now, digest = self._clock(), digest_of(key)
        async with self._db.write() as connection:
            if self._taken % SWEPT == 0:
                await connection.execute(_SWEEP, {"now": now})
            self._taken += 1
            values = {"digest": digest, "until": now + kept_for, "now": now}
            return (await connection.execute(_take(connection.dialect.name), values)).first() is not None

    async def give_back(self, key: str) -> None:
        """Let a key be taken again, since what it was taken for was not done."""
        async with self._db.write() as connection:
            await connection.execute(_GIVE_BACK, {"of_digest": digest_of(key)})
