"""Bytes over time as one person's looks found them, thinned as they grow old. Called within the transactions of
`watches`."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, bindparam, delete, exists, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.model.accounts import SlackUser
from bot.model.watches import Sample
from bot.store.inserts import insert_into
from bot.store.tables import samples

ALL_KEPT_FOR = timedelta(hours=2)
"""The forecast looks back for one hour."""
THEN_ONE_IN = timedelta(minutes=30)

_table = samples.c
_MILLISECOND = timedelta(milliseconds=1)
_at_vault = (
    _table.workspace == bindparam("of_workspace"),
    _table.slack_user_id == bindparam("of_user"),
    _table.vault_host == bindparam("of_host"),
)
_of_uploads = (*_at_vault, _table.upload_id.in_(bindparam("of_uploads", expanding=True)))


@cache  # compiling costs more than running
def _add(dialect: str) -> Any:
    statement = insert_into(samples, dialect)
    return statement.on_conflict_do_update(
        index_elements=list(samples.primary_key.columns), set_={"uploaded": statement.excluded.uploaded}
    )


def _span(at: ColumnElement[datetime]) -> ColumnElement[int]:
    """Which half hour since 1970 a moment lies in."""
    return type_coerce(at, BigInteger) // (THEN_ONE_IN // _MILLISECOND)


# Built once: compiling costs more than running.
_earlier = samples.alias("earlier")
_THIN = delete(samples).where(
    *_of_uploads,
    _table.at < bindparam("recent"),
    exists()
    .where(
        _earlier.c.workspace == _table.workspace,
        _earlier.c.slack_user_id == _table.slack_user_id,
        _earlier.c.vault_host == _table.vault_host,
        _earlier.c.upload_id == _table.upload_id,
        _earlier.c.at < _table.at,
        _span(_earlier.c.at) == _span(_table.at),
    )
    .correlate(samples),
)
_FIND = select(_table.at, _table.uploaded).where(*_of_uploads).order_by(_table.at)
_DROP = delete(samples).where(*_of_uploads)
_DROP_ALL = delete(samples).where(*_at_vault)


async def add(
    connection: AsyncConnection,
    slack_user: SlackUser,
    vault_host: str,
    at: datetime,
    uploaded: Mapping[str, int],
) -> None:
    """Add one sample of each upload, and thin what is older than two hours before `at`."""
    if not uploaded:
        return
    rows = [
        {
            "workspace": slack_user.workspace,
            "slack_user_id": slack_user.user_id,
            "vault_host": vault_host,
            "upload_id": upload_id,
            "at": at,
            "uploaded": count,
        }
        for upload_id, count in sorted(uploaded.items())
    ]
    await connection.execute(_add(connection.dialect.name), rows)
    values = _values(slack_user, vault_host, uploaded)
    await connection.execute(_THIN, {**values, "recent": at - ALL_KEPT_FOR})


async def find(
    connection: AsyncConnection, slack_user: SlackUser, vault_host: str, upload_id: str
) -> list[Sample]:
    """Return the samples of one upload, the oldest first."""
    rows = await connection.execute(_FIND, _values(slack_user, vault_host, [upload_id]))
    return [Sample(at=row.at, uploaded=row.uploaded) for row in rows]


async def drop(
    connection: AsyncConnection, slack_user: SlackUser, vault_host: str, upload_id: str | None = None
) -> None:
    """Delete the person's samples of one upload, or of all uploads in that Vault."""
    if upload_id is None:
        await connection.execute(_DROP_ALL, _place(slack_user, vault_host))
    else:
        await connection.execute(_DROP, _values(slack_user, vault_host, [upload_id]))


def _place(slack_user: SlackUser, vault_host: str) -> dict[str, Any]:
    return {"of_workspace": slack_user.workspace, "of_user": slack_user.user_id, "of_host": vault_host}


def _values(slack_user: SlackUser, vault_host: str, upload_ids: Collection[str]) -> dict[str, Any]:
    return {**_place(slack_user, vault_host), "of_uploads": list(upload_ids)}
