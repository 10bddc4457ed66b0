"""The statements of due work, built once for each database, and what a worker may have made of a job."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    and_,
    bindparam,
    cast,
    delete,
    extract,
    func,
    literal,
    or_,
    select,
    tuple_,
    type_coerce,
    update,
)

from bot.model.clock import aware
from bot.model.due import Again, Claimed, Payload
from bot.store.tables import due_work

PARKED = datetime(9999, 12, 31, tzinfo=UTC)
"""When a parked row is due: in no worker's lifetime."""
UNKNOWN_KIND = "no worker of this release knows this kind"
"""The `last_error` of a row that was parked until a release comes that knows it."""
LONGEST_ERROR = 300

_table = due_work.c
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is to become of a job that a worker holds: see the class methods."""

    claimed: Claimed
    change: str
    values: dict[str, Any]

    @classmethod
    def done(cls, claimed: Claimed) -> Self:
        """The job is finished and goes."""
        return cls(claimed, "done", {})

    @classmethod
    def again(cls, claimed: Claimed, again: Again) -> Self:
        """The job comes back; ValueError or TypeError where its moment or payload cannot be stored."""
        payload = None if again.payload is None else as_text(again.payload)
        return cls(claimed, "again", {"due": aware(again.due_at), "new_payload": payload})

    @classmethod
    def postponed(cls, claimed: Claimed, seconds: float, error: str, *, counted: bool = True) -> Self:
        """The job failed and is tried again after a pause; one that is not `counted` was no failure of ours."""
        values = {"pause": round(seconds * 1000), "error": clipped(error), "uncounted": 0 if counted else 1}
        return cls(claimed, "postponed", values)

    @classmethod
    def given_back(cls, claimed: Claimed) -> Self:
        """The job was not done, and any worker may take it now."""
        return cls(claimed, "postponed", {"pause": 0, "error": None, "uncounted": 1})

    @classmethod
    def parked(cls, claimed: Claimed, error: str) -> Self:
        """The job stays, untried, until somebody schedules it again."""
        return cls(claimed, "parked", {"error": clipped(error)})

    @property
    def place(self) -> dict[str, str]:
        """The row, for as long as this claim stands."""
        return {"of_key": self.claimed.key, "of_claim": self.claimed.claim}


class Statements:
    """All that is done with claims. Moments that are not given are the database's own on PostgreSQL (`now()`, which
    an index can be searched by), or else the parameter `now` in ms since 1970."""

    def __init__(self, lease: timedelta, *, database_time: bool) -> None:
        self.now: ColumnElement[int] = (
            cast(func.floor(extract("epoch", func.now()) * 1000), BigInteger)
            if database_time
            else bindparam("now", type_=BigInteger)
        )
        until = self.now + literal(lease // _MILLISECOND, BigInteger)
        not_held = or_(_table.claim.is_(None), _table.claim.not_in(bindparam("held", expanding=True)))
        due = (
            select(_table.key)
            .where(_table.due_at <= self.now, not_held)
            .order_by(_table.due_at)
            .limit(bindparam("limit"))
            .with_for_update(skip_locked=True)
            .cte("due")
        )
        self.claim = (
            update(due_work)
            .where(_table.key.in_(select(due.c.key)))
            .values(due_at=until, claim=bindparam("token"), attempts=_table.attempts + 1)
            .returning(
                _table.key, _table.kind, _table.wanted_at, _table.payload, _table.attempts, _table.claim
            )
        )
        # SQLite does not search its index for pairs, hence the keys alone too.
        pairs = and_(
            _table.key.in_(bindparam("keys", expanding=True)),
            tuple_(_table.key, _table.claim).in_(bindparam("pairs", expanding=True)),
        )
        # Whoever locks several rows does so in the order of their keys: two that meet wait, and never for each other.
        self.lock = select(_table.key, _table.claim).where(pairs).order_by(_table.key).with_for_update()
        ours = self.lock.cte("ours")
        self.renew = (
            update(due_work)
            .where(_table.key.in_(select(ours.c.key)))
            .values(due_at=until)
            .returning(_table.key)
        )
        self.remove = (
            delete(due_work).where(_table.key.in_(select(ours.c.key))).returning(_table.key, _table.claim)
        )
        mine = (_table.key == bindparam("of_key"), _table.claim == bindparam("of_claim"))
        self.changes = {
            "done": delete(due_work).where(*mine),
            "again": update(due_work)
            .where(*mine)
            .values(
                wanted_at=bindparam("due"),
                due_at=bindparam("due"),
                payload=func.coalesce(bindparam("new_payload"), _table.payload),
                claim=None,
                attempts=0,
                last_error=None,
            ),
            "postponed": update(due_work)
            .where(*mine)
            .values(
                due_at=self.now + bindparam("pause", type_=BigInteger),
                claim=None,
                attempts=_table.attempts - bindparam("uncounted"),
                last_error=func.coalesce(bindparam("error"), _table.last_error),
            ),
            "parked": update(due_work)
            .where(*mine)
            .values(due_at=PARKED, claim=None, last_error=bindparam("error")),
        }
        waiting = select(_table.due_at).where(_table.due_at < PARKED).order_by(_table.due_at).limit(1)
        self.next_due = waiting
        self.pause = waiting.where(not_held).with_only_columns(
            type_coerce(_table.due_at, BigInteger) - self.now
        )
        self.revive = (
            update(due_work)
            .where(
                _table.due_at == PARKED,
                _table.last_error == UNKNOWN_KIND,
                _table.kind.in_(bindparam("kinds", expanding=True)),
            )
            .values(due_at=self.now, attempts=0, last_error=None)
        )
        leased, parked = _table.claim.is_not(None), _table.due_at == PARKED
        self.counts = select(
            _table.kind,
            func.count().filter(~leased, ~parked).label("pending"),
            func.count().filter(leased).label("leased"),
            func.count().filter(parked).label("parked"),
            func.count().filter(_table.due_at <= self.now).label("waiting"),
            # By what was promised: each try that fails moves `due_at` on, and what always fails would never be late.
            (self.now - func.min(type_coerce(_table.wanted_at, BigInteger)).filter(~parked)).label("overdue"),
        ).group_by(_table.kind)


def as_text(payload: Payload) -> str:
    """Return a payload as it is stored; TypeError where JSON has no words for it."""
    return json.dumps(dict(payload), separators=(",", ":"))


def clipped(error: str) -> str:
    """Return a reason in a form and length that every database takes."""
    return error.encode(errors="replace").decode().replace("\0", "")[:LONGEST_ERROR]
