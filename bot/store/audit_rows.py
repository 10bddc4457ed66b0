"""The audit log's columns: entry in, entry out, and the statements over them.

A row as it is stored is a tuple in the order of COLUMNS, its moment in milliseconds since 1970 UTC.
"""

import re
from collections.abc import Sequence
from operator import attrgetter
from typing import Any, TypeAlias

from sqlalchemy import BigInteger, Text, bindparam, column, delete, insert, select, table, update
from sqlalchemy.engine.default import DefaultDialect

from bot.model.audit import Action, AuditEntry, AuditRow, Outcome
from bot.store.tables import Moment, audit_ends, audit_log

FIELDS = (
    "at", "action", "outcome", "reference", "workspace", "team_id", "slack_user_id", "vault_host", "vault_user_id",
    "upload_id", "error", "error_type", "execution_id", "note", "file_name", "path",
)  # fmt: skip
"""What is kept of an entry, in the order of the table. Another list would give the rows that exist other hashes."""
_TEXTS_OF = attrgetter(*FIELDS[1:])
COLUMNS = ("seq", *FIELDS, "hash")

Stored: TypeAlias = Sequence[Any]
"""A row in the order of COLUMNS. Where somebody else wrote to the database, it may hold anything."""

READ_AT_ONCE = 1000

_MOMENT, _ANY_DIALECT = Moment(), DefaultDialect()
# PostgreSQL keeps no zero character, and neither database half of a surrogate pair.
_CANNOT_BE_KEPT = re.compile("[\0\ud800-\udfff]")

# The same table with its moments as they are stored, since hashes are made of those.
stored_rows = table(
    audit_log.name, *(column(name, BigInteger if name in ("seq", "at") else Text) for name in COLUMNS)
)
_ROWS = select(*stored_rows.c).order_by(stored_rows.c.seq)
NEXT_ROWS = _ROWS.where(stored_rows.c.seq > bindparam("after")).limit(READ_AT_ONCE)
OLDEST_ROWS = _ROWS.where(stored_rows.c.seq <= bindparam("up_to"))
ENDMOST = (
    select(stored_rows.c.seq, stored_rows.c.hash)
    .where(stored_rows.c.seq >= bindparam("last"))
    .order_by(stored_rows.c.seq)
    .limit(2)
)
FIRST_KEPT = (
    select(stored_rows.c.seq)
    .where(stored_rows.c.at >= bindparam("before", type_=Moment))
    .order_by(stored_rows.c.seq)
    .limit(1)
)
ADD = insert(stored_rows)
PRUNE = delete(stored_rows).where(stored_rows.c.seq <= bindparam("up_to"))
ENDS = select(audit_ends).where(audit_ends.c.id == 1)
LOCK_ENDS = ENDS.with_for_update()
MOVE_ENDS = update(audit_ends).where(audit_ends.c.id == 1)


def cells_of(entry: AuditEntry) -> tuple[int | str, ...]:
    """Return an entry in the order of FIELDS; ValueError when its moment has no zone."""
    texts = [str(text) for text in _TEXTS_OF(entry)]
    if _CANNOT_BE_KEPT.search("".join(texts)):
        texts = [_CANNOT_BE_KEPT.sub("\ufffd", text) for text in texts]
    return (_MOMENT.process_bind_param(entry.at, _ANY_DIALECT) or 0, *texts)


def row_of(stored: Stored) -> AuditRow:
    """Return a stored row as the model has it; ValueError, naming its number, when it holds what never was written."""
    seq, *cells, row_hash = stored
    values = dict(zip(FIELDS, cells, strict=True))
    try:
        at = _MOMENT.process_result_value(values.pop("at"), _ANY_DIALECT)
        if at is None:
            raise ValueError("no moment")
        action, outcome = Action(values.pop("action")), Outcome(values.pop("outcome"))
    except (ValueError, TypeError, OverflowError):
        raise ValueError(f"row {seq} holds what never was written to it") from None
    return AuditRow(seq, AuditEntry(at=at, action=action, outcome=outcome, **values), row_hash)
