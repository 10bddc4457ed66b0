"""Work that is due at a moment: one row for each job, taken by any number of workers, lost by none.

A claim pushes a row's `due_at` forward by the lease, so what a dead worker held comes due again by itself. Every
claim has a token of its own, and nothing is written for a job without it: a worker that was thought dead, or whose
job was changed meanwhile, changes nothing. So a job is run at least once.
"""

import json
import logging
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Row, bindparam, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningDelete

from bot.model.clock import Clock, milliseconds_of
from bot.model.due import Again, Claimed, Job, Payload
from bot.store.database import Database
from bot.store.due_claims import Outcome, Statements, as_text
from bot.store.due_clock import DueClock
from bot.store.inserts import insert_into
from bot.store.tables import due_work

LEASE = timedelta(seconds=30)
"""At least three times the longest time that an event loop may stand still."""
_HIGHEST = "\U0010ffff"

log = logging.getLogger(__name__)

_table = due_work.c


@cache  # compiling costs more than running
def _put(dialect: str) -> Any:
    statement = insert_into(due_work, dialect)
    changed = {column.name: statement.excluded[column.name] for column in _table if not column.primary_key}
    return statement.on_conflict_do_update(index_elements=[_table.key], set_=changed)


def _delete(which: ColumnElement[bool]) -> ReturningDelete[tuple[str]]:
    # Rows are locked in the order of their keys by everybody, so that nobody waits in a circle.
    found = select(_table.key).where(which).order_by(_table.key).with_for_update().cte("found")
    # Python's SQLite driver counts no rows where a statement begins with WITH: hence the keys.
    return delete(due_work).where(_table.key.in_(select(found.c.key))).returning(_table.key)


# Built once: compiling costs more than running.
_CANCEL = _delete(_table.key.in_(bindparam("keys", expanding=True)))
_NOTE = (
    update(due_work)
    .where(_table.key == bindparam("of_key"), _table.claim == bindparam("of_claim"))
    .values(payload=bindparam("new_payload"))
)


async def put(connection: AsyncConnection, jobs: Iterable[Job]) -> None:
    """Schedule jobs within a transaction of the caller's. One whose key is there already is changed, its attempts
    are forgotten, and a run in progress can no longer store its outcome.

    ValueError or TypeError, before anything is written, where a moment or payload cannot be stored.
    """
    rows = [
        {
            "key": job.key,
            "kind": job.kind,
            "payload": as_text(job.payload),
            "wanted_at": job.due_at,
            "due_at": job.due_at,
            "claim": None,
            "attempts": 0,
            "last_error": None,
        }
        # In the order of their keys: see `_delete`.
        for job in sorted(jobs, key=lambda job: job.key)
    ]
    if rows:
        await connection.execute(_put(connection.dialect.name), rows)


async def drop(connection: AsyncConnection, keys: Collection[str]) -> int:
    """Cancel, within a transaction of the caller's, the jobs with these keys; return how many there were."""
    return len((await connection.execute(_CANCEL, {"keys": list(keys)})).all())


async def drop_prefix(connection: AsyncConnection, prefix: str) -> int:
    """Cancel, within a transaction of the caller's, all jobs whose key begins so; return how many there were.

    A run in progress can no longer store its outcome. ValueError for an empty prefix, which would mean all.
    """
    if not prefix:
        raise ValueError("a prefix must not be empty")
    begins = _begins(prefix, connection.dialect.name)
    return len((await connection.execute(_delete(begins))).all())


def _begins(prefix: str, dialect: str) -> ColumnElement[bool]:
    # The order of texts is each PostgreSQL database's own choice, and SQLite's LIKE knows no upper and lower case.
    if dialect == "postgresql":
        return _table.key.startswith(prefix, autoescape=True)
    return (_table.key >= prefix) & (_table.key < prefix + _HIGHEST)


@dataclass(frozen=True, kw_only=True, slots=True)
class DueCounts:
    """How much work there is. `pending` is by kind what waits for its moment or for a worker, `waiting` is how many
    jobs could be taken now, `overdue` for how many seconds the oldest job that is not parked ought to have been done,
    whether it was tried meanwhile or not; 0 when none is late."""

    pending: Mapping[str, int]
    leased: int
    parked: int
    waiting: int
    overdue: float


class DueWork:
    """All due work of one database. Every method may raise StoreUnavailable or StoreUnreadable.

    The time is that of `clock` where one is given, else the database's on PostgreSQL, whose replicas may run on
    machines that disagree, and this machine's on SQLite; the attribute `clock` gives it. Moments are kept to the
    millisecond.
    """

    def __init__(self, db: Database, clock: Clock | None = None, lease: timedelta = LEASE) -> None:
        self._db = db
        self.clock = DueClock(db, clock)
        self._statements = Statements(lease, database_time=self.clock.is_databases)
        self._listeners: list[Callable[[], None]] = []
        self.lease = lease

    def on_change(self, call: Callable[[], None]) -> None:
        """Call this, in this process, whenever `schedule` has stored something."""
        self._listeners.append(call)

    async def schedule(self, jobs: Iterable[Job]) -> None:
        """Store jobs, each in place of the one that has its key, if any: see `put`."""
        async with self._db.write() as connection:
            await put(connection, jobs)
        for call in self._listeners:
            call()

    async def cancel(self, keys: Collection[str]) -> int:
        """Remove the jobs with these keys and return how many there were; none of those running can store anything."""
        async with self._db.write() as connection:
            return await drop(connection, keys)

    async def cancel_prefix(self, prefix: str) -> int:
        """Remove all jobs whose key begins so: see `drop_prefix`."""
        async with self._db.write() as connection:
            return await drop_prefix(connection, prefix)

    async def claim(self, limit: int, *, held: Collection[Claimed] = ()) -> list[Claimed]:
        """Take at most `limit` jobs that are due, for the length of a lease, and return them, longest due first.

        `held` are those that the caller is still busy with: they stay his even when the time has made a leap past
        their lease, unless they were scheduled anew. A row that cannot be read is parked and left out.
        """
        given = {"limit": limit, "token": secrets.token_urlsafe(12), **self._held(held), **self._now()}
        async with self._db.write() as connection:
            rows = (await connection.execute(self._statements.claim, given)).all()
        found: list[Claimed] = []
        unreadable: list[Outcome] = []
        for row in rows:
            try:
                found.append(_claimed(row, json.loads(row.payload)))
            except ValueError:
                log.error("due work of kind %s has an unreadable payload and is parked", row.kind)
                unreadable.append(Outcome.parked(_claimed(row, {}), "its payload is unreadable"))
        if unreadable:
            await self.settle(unreadable)
        return sorted(found, key=lambda claimed: claimed.due_at)

    async def renew(self, claims: Collection[Claimed]) -> set[str]:
        """Lengthen the lease of jobs that are being worked on, and return the keys of those that are still ours."""
        if not claims:
            return set()
        async with self._db.write() as connection:
            result = await connection.execute(self._statements.renew, {**_pairs(claims), **self._now()})
            return set(result.scalars())

    async def note(self, claimed: Claimed, payload: Payload) -> bool:
        """Store another payload for a job that is being worked on, and keep holding it; False as in `finish`.

        After a failure, or when the lease ran out, the job comes back with it. TypeError as in `put`.
        """
        given = {"of_key": claimed.key, "of_claim": claimed.claim, "new_payload": as_text(payload)}
        async with self._db.write() as connection:
            return (await connection.execute(_NOTE, given)).rowcount > 0

    async def settle(self, outcomes: Collection[Outcome]) -> list[Claimed]:
        """Store what became of jobs, all in one transaction, and return those that were no longer the caller's: for
        these nothing was stored."""
        # Most jobs are done with, and one statement is enough for those.
        remove = all(outcome.change == "done" for outcome in outcomes)
        statement = self._statements.remove if remove else self._statements.lock
        refused: list[Claimed] = []
        changes: dict[str, list[dict[str, Any]]] = {}
        async with self._db.write() as connection:
            given = _pairs([outcome.claimed for outcome in outcomes])
            ours = {tuple(row) for row in await connection.execute(statement, given)}
            for outcome in outcomes:
                if (outcome.claimed.key, outcome.claimed.claim) not in ours:
                    refused.append(outcome.claimed)
                elif not remove:
                    changes.setdefault(outcome.change, []).append(self._values(outcome))
            for change, values in changes.items():
                await connection.execute(self._statements.changes[change], values)
        return refused

    async def finish(self, claimed: Claimed, again: Again | None) -> bool:
        """Remove a job that is done, or let it come back; False when it was no longer ours, and nothing changed."""
        return not await self.settle([Outcome.again(claimed, again) if again else Outcome.done(claimed)])

    async def postpone(self, claimed: Claimed, seconds: float, error: str) -> bool:
        """Let a job that failed come back after some seconds; False as in `finish`.

        `error` is kept in the row, so it must hold nothing that others said.
        """
        return not await self.settle([Outcome.postponed(claimed, seconds, error)])

    async def park(self, claimed: Claimed, error: str) -> bool:
        """Keep a job, without trying it again until it is scheduled anew; False as in `finish`."""
        return not await self.settle([Outcome.parked(claimed, error)])

    async def give_back(self, claims: Collection[Claimed]) -> None:
        """Let any worker take these at once, as if they had never been claimed."""
        if claims:
            await self.settle([Outcome.given_back(claimed) for claimed in claims])

    async def revive(self, kinds: Collection[str]) -> int:
        """Make due again what an earlier release parked because it did not know these kinds; return how much."""
        async with self._db.write() as connection:
            given = {"kinds": list(kinds), **self._now()}
            return (await connection.execute(self._statements.revive, given)).rowcount

    async def next_due(self) -> datetime | None:
        """Return when the next job may be taken, which may be past; None when nothing waits."""
        async with self._db.read() as connection:
            moment: datetime | None = await connection.scalar(self._statements.next_due)
        return moment

    async def pause(self, *, held: Collection[Claimed] = ()) -> float | None:
        """Return in how many seconds, 0 or more, the next job may be taken; None when nothing waits.

        Unlike `next_due` this needs no clock that agrees with the database's; `held` as in `claim`.
        """
        async with self._db.read() as connection:
            given = {**self._held(held), **self._now()}
            left: int | None = await connection.scalar(self._statements.pause, given)
        return None if left is None else max(0, left) / 1000

    async def counts(self) -> DueCounts:
        """Count all rows; this reads every one of them."""
        async with self._db.read() as connection:
            rows = (await connection.execute(self._statements.counts, self._now())).all()
        return DueCounts(
            pending={row.kind: row.pending for row in rows if row.pending},
            leased=sum(row.leased for row in rows),
            parked=sum(row.parked for row in rows),
            waiting=sum(row.waiting for row in rows),
            overdue=max(0, *(row.overdue or 0 for row in rows), 0) / 1000,
        )

    def _now(self) -> dict[str, int]:
        return {} if self.clock.is_databases else {"now": milliseconds_of(self.clock())}

    def _values(self, outcome: Outcome) -> dict[str, Any]:
        now = self._now() if outcome.change == "postponed" else {}
        return {**outcome.place, **outcome.values, **now}

    @staticmethod
    def _held(held: Collection[Claimed]) -> dict[str, list[str]]:
        return {"held": list({claimed.claim for claimed in held})}


def _pairs(claims: Collection[Claimed]) -> dict[str, Any]:
    return {
        "keys": [claimed.key for claimed in claims],
        "pairs": [(claimed.key, claimed.claim) for claimed in claims],
    }


def _claimed(row: Row[Any], payload: Any) -> Claimed:
    if not isinstance(payload, dict):
        raise ValueError("a payload is an object")
    return Claimed(
        key=row.key,
        kind=row.kind,
        due_at=row.wanted_at,
        payload=payload,
        attempts=row.attempts,
        claim=row.claim,
    )
