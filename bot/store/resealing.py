"""After a new key came: every sealed value of a table gets the newest one, batch by batch."""

import logging
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, Table, bindparam, or_, select, tuple_, update

from bot.model.errors import SealBroken
from bot.store.database import Database
from bot.store.seal import SEAL_PREFIX, Keyring, row_identity

RESEAL_BATCH = 200

log = logging.getLogger(__name__)


async def reseal(db: Database, keyring: Keyring, table: Table, kinds: Mapping[str, str]) -> int:
    """Seal every value that has an older key again with the newest, and return how many were.

    `kinds` are the table's sealed columns, each with the first part of its values' `row_identity`; the primary key
    is the rest. A value that somebody changes meanwhile stays as they left it. One that is broken is logged and
    left alone. KeyMissing when a value's key is not in the ring; StoreUnavailable or StoreUnreadable.
    """
    newest = f"{SEAL_PREFIX}{keyring.newest_id}."
    place: tuple[str, ...] = ("",) * len(table.primary_key.columns)
    count = 0
    while rows := await _with_older_key(db, table, kinds, newest, place):
        fresh: list[tuple[str, dict[str, str]]] = []
        for row in rows:
            place = tuple(row[: len(place)])
            for column, kind in kinds.items():
                old = row._mapping[column]  # noqa: SLF001 - SQLAlchemy's own public name for it
                if old is None or old.startswith(newest):
                    continue
                try:
                    secret = keyring.open(old, row_identity(kind, *place))
                except SealBroken as error:
                    log.warning("%s of %s cannot be opened: %s", kind, " ".join(place), error.sentence)
                    continue
                new = keyring.seal(secret, row_identity(kind, *place))
                names = {f"of_{number}": value for number, value in enumerate(place)}
                fresh.append((column, {**names, "old": old, "new": new}))
        async with db.write() as connection:
            for column, values in fresh:
                count += (await connection.execute(_change(table, column), values)).rowcount
    return count


async def _with_older_key(
    db: Database, table: Table, kinds: Mapping[str, str], newest: str, after: tuple[str, ...]
) -> list[Row[Any]]:
    key = tuple(table.primary_key.columns)
    columns = [table.c[name] for name in kinds]
    older = or_(*(~column.startswith(newest, autoescape=True) for column in columns))
    statement = select(*key, *columns).where(tuple_(*key) > after, older).order_by(*key).limit(RESEAL_BATCH)
    async with db.read() as connection:
        return list((await connection.execute(statement)).all())


def _change(table: Table, column: str) -> Any:
    here = (one == bindparam(f"of_{number}") for number, one in enumerate(table.primary_key.columns))
    return update(table).where(*here, table.c[column] == bindparam("old")).values({column: bindparam("new")})
