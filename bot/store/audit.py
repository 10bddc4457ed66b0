"""The audit log: rows are only ever added, each chained to the one before by its hash.

All that wait at a moment are written in one transaction, which holds the row of the chain's ends. That row is
sealed: who can write to the database but has no key can change nothing unnoticed, except by putting back an older
state of both tables together. A process that has seen newer rows notices that too; else only a hash noted elsewhere.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row, literal

from bot.model.audit import Action, AuditEntry, AuditRow, Outcome
from bot.model.errors import AuditBroken, BotError, KeyMissing
from bot.store import audit_rows
from bot.store.audit_chain import GENESIS, MAX_FAULTS, ChainCheck, Ends, seal_of, sealing_key
from bot.store.audit_rows import COLUMNS, Stored, cells_of, row_of
from bot.store.database import Database
from bot.store.inserts import insert_into
from bot.store.seal import Keyring
from bot.store.tables import Moment, audit_ends

PRUNED_AT_ONCE = 5000
"""Nothing can be written while rows are being pruned, so that is done in short steps."""

_BEFORE_ALL = -(2**63)


@dataclass(frozen=True, slots=True)
class Examined:
    """What a look at the whole chain found; without `faults` it is whole."""

    rows: int
    last_hash: str
    faults: list[str]


@dataclass(frozen=True, slots=True)
class _Held:
    """The ends of the chain, checked, in a transaction that alone may move them."""

    connection: Connection
    ends: Ends
    key_id: str


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An entry on its way into the database."""

    cells: tuple[int | str, ...]
    written: asyncio.Future[AuditRow]


class AuditLog:
    """The one chain of all processes on this database.

    Every method may raise StoreUnavailable or StoreUnreadable; those that write also AuditBroken when the chain's
    end was changed from outside, and KeyMissing when it is sealed with a key that the ring lacks.
    """

    def __init__(self, db: Database, keyring: Keyring) -> None:
        self._db = db
        self._keyring = keyring
        add_ends = insert_into(audit_ends, db.engine.dialect.name)
        self._add_ends = add_ends.on_conflict_do_nothing().returning(audit_ends.c.id)
        self._waiting: list[_Waiting] = []
        self._flushing: asyncio.Task[None] | None = None
        self._seen = (0, "")
        """Number and hash of the newest row that this process has written."""

    async def write(self, entry: AuditEntry) -> AuditRow:
        """Add a row and return it once it is safely stored, as it is stored: moments are cut to milliseconds.

        Who stops waiting does not stop the row. ValueError when the entry's moment has no zone.
        """
        waiting = _Waiting(cells_of(entry), asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())
        return await waiting.written

    async def close(self) -> None:
        """Wait until everything that was to be written is written, or has failed."""
        while self._flushing is not None and not self._flushing.done():
            await asyncio.wait([self._flushing])

    async def verify(self) -> list[str]:
        """Return what is wrong with the chain as sentences, the first 20; none when it is whole."""
        return (await self.examine()).faults

    async def examine(self, newest: int | None = None) -> Examined:
        """Read the whole chain as it is at this moment, and recompute it. Nothing is changed, nobody has to wait.

        With `newest` only so many rows at the end; the one before them is believed.
        """
        async with self._db.read() as connection:
            # One view of the database for all that follows; it ends when the connection is given back.
            begin = "BEGIN" if self._db.is_sqlite else "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
            await connection.exec_driver_sql(begin)
            found = (await connection.execute(audit_rows.ENDS)).one_or_none()
            if found is None:
                rows = (await connection.execute(audit_rows.NEXT_ROWS, {"after": _BEFORE_ALL})).all()
                faults = ["The ends of the chain are missing, but rows are there."] if rows else []
                return Examined(len(rows), GENESIS, faults)
            ends, faults = _ends(found), self._faults_of_seal(found)
            if not isinstance(found.first_seq, int) or not isinstance(found.last_seq, int):
                return Examined(0, str(ends.last_hash), faults)
            count, last = 0, _BEFORE_ALL
            if newest is not None and ends.last_seq - newest > ends.first_seq:
                last = ends.last_seq - newest
                row = (await connection.execute(audit_rows.NEXT_ROWS, {"after": last - 1})).first()
                ends = replace(
                    ends,
                    first_seq=last,
                    first_hash=str(row.hash) if row is not None and row.seq == last else "",
                )
            check = ChainCheck(ends)
            while not check.full:
                rows = (await connection.execute(audit_rows.NEXT_ROWS, {"after": last})).all()
                if not rows:
                    break
                for row in rows:
                    check.look(tuple(row))
                count, last = count + len(rows), rows[-1].seq
        return Examined(count, ends.last_hash, (faults + check.finish())[:MAX_FAULTS])

    async def rows(
        self, since: datetime | None = None, until: datetime | None = None
    ) -> AsyncGenerator[AuditRow, None]:
        """Yield the rows from `since` on (aware) and before `until`, in the order of the chain.

        AuditBroken at a row that holds what this program never writes.
        """
        statement = audit_rows.NEXT_ROWS
        if since is not None:
            statement = statement.where(audit_rows.stored_rows.c.at >= literal(since, Moment))
        if until is not None:
            statement = statement.where(audit_rows.stored_rows.c.at < literal(until, Moment))
        last = _BEFORE_ALL
        while True:
            async with self._db.read() as connection:
                found = (await connection.execute(statement, {"after": last})).all()
            if not found:
                return
            for stored in found:
                try:
                    row = row_of(tuple(stored))
                except ValueError as error:
                    raise AuditBroken(reason=str(error)) from None
                yield row
            last = found[-1].seq

    async def prune(self, before: datetime, now: datetime) -> int:
        """Delete the rows older than `before` (aware) that stand at the beginning, and return how many.

        In short steps; each leaves a row in the log that says how many rows went. AuditBroken, and they stay, when
        one of them was changed: what shows it is not thrown away.
        """
        count = 0
        while gone := await self._db.transact(partial(self._prune_some, min(before, now), now)):
            count += gone
        return count

    async def reseal(self) -> bool:
        """Seal the ends with the newest key, and return whether they had an older one."""

        def work(connection: Connection) -> bool:
            held = self._hold_ends(connection)
            older = held.key_id != self._keyring.newest_id
            if older:
                self._move(replace(held, key_id=self._keyring.newest_id), held.ends)
            return older

        return await self._db.transact(work)

    async def _flush(self) -> None:
        """Write group after group until nobody waits. There is never more than one such task."""
        while self._waiting:
            group, self._waiting = self._waiting, []
            try:
                stored = await self._db.transact(partial(self._add, [one.cells for one in group]))
                rows = [row_of(row) for row in stored]
                self._seen = (rows[-1].seq, rows[-1].hash)
            except Exception as error:  # noqa: BLE001 - everybody who waits hears of it
                for one in group:
                    if not one.written.done():
                        one.written.set_exception(_for_one(error))
            except asyncio.CancelledError:
                for one in group:
                    one.written.cancel()
                raise
            else:
                for one, row in zip(group, rows, strict=True):
                    if not one.written.done():
                        one.written.set_result(row)

    def _add(self, entries: Sequence[tuple[int | str, ...]], connection: Connection) -> list[Stored]:
        held = self._hold_ends(connection)
        return self._append(held, held.ends, entries)

    def _prune_some(self, before: datetime, now: datetime, connection: Connection) -> int:
        held = self._hold_ends(connection)
        first, last = held.ends.first_seq, held.ends.last_seq
        kept = connection.scalar(audit_rows.FIRST_KEPT, {"before": before})
        up_to = min(last if kept is None else kept - 1, first + PRUNED_AT_ONCE)
        if up_to <= first:
            return 0
        old = [tuple(row) for row in connection.execute(audit_rows.OLDEST_ROWS, {"up_to": up_to})]
        ends = replace(held.ends, first_seq=up_to, first_hash=old[-1][-1] if old else "")
        check = ChainCheck(replace(held.ends, last_seq=up_to, last_hash=ends.first_hash))
        for row in old:
            check.look(row)
        if faults := check.finish():
            raise AuditBroken(reason=faults[0].rstrip("."))
        connection.execute(audit_rows.PRUNE, {"up_to": up_to})
        note = f"{up_to - first} rows, up to number {up_to}"
        entry = AuditEntry(at=now, action=Action.PRUNE, outcome=Outcome.DONE, note=note)
        self._append(held, ends, [cells_of(entry)])
        return up_to - first

    def _hold_ends(self, connection: Connection) -> _Held:
        """Return the ends, proved to be ours, once nobody else can move them in this transaction."""
        found = connection.execute(audit_rows.LOCK_ENDS).one_or_none()
        if found is None:
            connection.execute(self._add_ends, self._sealed(Ends(), self._keyring.newest_id))
            found = connection.execute(audit_rows.LOCK_ENDS).one()
        ends = _ends(found)
        key_id = sealing_key(ends, found.mac, self._keyring)
        newest = connection.execute(audit_rows.ENDMOST, {"last": ends.last_seq}).all()
        there = [(ends.last_seq, ends.last_hash)] if ends.last_seq > ends.first_seq else []
        if [tuple(row) for row in newest] != there:
            raise AuditBroken(reason="its newest row is not the one that the sealed end names")
        seq, last_hash = self._seen
        if ends.last_seq < seq or (ends.last_seq == seq and ends.last_hash not in (last_hash, GENESIS)):
            raise AuditBroken(reason="rows that were written are gone")
        return _Held(connection, ends, key_id)

    def _append(self, held: _Held, ends: Ends, entries: Sequence[tuple[int | str, ...]]) -> list[Stored]:
        rows, moved = ends.extended(entries)
        held.connection.execute(audit_rows.ADD, [dict(zip(COLUMNS, row, strict=True)) for row in rows])
        self._move(held, moved)
        return rows

    def _move(self, held: _Held, ends: Ends) -> None:
        # The key stays the same until `reseal`: while an operator restarts one process after the other with a new
        # key in front, those that do not know it yet must go on writing.
        held.connection.execute(audit_rows.MOVE_ENDS, self._sealed(ends, held.key_id))

    def _sealed(self, ends: Ends, key_id: str) -> dict[str, Any]:
        return {"id": 1, **asdict(ends), "mac": seal_of(ends, self._keyring, key_id)}

    def _faults_of_seal(self, found: Row[Any]) -> list[str]:
        try:
            sealing_key(_ends(found), found.mac, self._keyring)
        except KeyMissing as error:
            return [f"The seal of the ends cannot be checked. {error.sentence}"]
        except AuditBroken:
            return ["The ends of the chain were changed: their seal is broken."]
        return []


def _ends(found: Row[Any]) -> Ends:
    return Ends(found.first_seq, found.first_hash, found.last_seq, found.last_hash)


def _for_one(error: Exception) -> Exception:
    """Return the failure of a group for one of those who wait: each raises, and so changes, its own."""
    if not isinstance(error, BotError):
        return error
    own = type(error)(**error.details)
    own.__cause__ = error
    return own
