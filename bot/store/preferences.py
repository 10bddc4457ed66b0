"""How people want to be told. Called within the transactions of `watches`."""

from functools import cache
from typing import Any

from sqlalchemy import bindparam, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.model.accounts import SlackUser
from bot.model.watches import Preferences
from bot.store.inserts import insert_into
from bot.store.tables import preferences
from bot.store.watch_rows import lead_times_of, lead_times_text

_table = preferences.c
_is_person = (_table.workspace == bindparam("of_workspace"), _table.slack_user_id == bindparam("of_user"))


@cache  # compiling costs more than running
def _put(dialect: str) -> Any:
    statement = insert_into(preferences, dialect)
    changed = {column.name: statement.excluded[column.name] for column in _table if not column.primary_key}
    return statement.on_conflict_do_update(index_elements=list(preferences.primary_key.columns), set_=changed)


# Built once: compiling costs more than running.
_FIND = select(preferences).where(*_is_person)
_FORGET = delete(preferences).where(*_is_person)


async def find(connection: AsyncConnection, slack_user: SlackUser) -> Preferences:
    """Return what the person prefers; the default for somebody who never said."""
    row = (await connection.execute(_FIND, _person(slack_user))).one_or_none()
    if row is None:
        return Preferences()
    return Preferences(
        time_zone=row.time_zone,
        time_zone_read_at=row.time_zone_read_at,
        quiet_from=row.quiet_from,
        quiet_to=row.quiet_to,
        lead_times=None if row.lead_times is None else lead_times_of(row.lead_times),
    )


async def put(connection: AsyncConnection, slack_user: SlackUser, preferred: Preferences) -> None:
    """Store what the person prefers, in place of what was there."""
    values = {
        "workspace": slack_user.workspace,
        "slack_user_id": slack_user.user_id,
        "time_zone": preferred.time_zone,
        "time_zone_read_at": preferred.time_zone_read_at,
        "quiet_from": preferred.quiet_from,
        "quiet_to": preferred.quiet_to,
        "lead_times": None if preferred.lead_times is None else lead_times_text(preferred.lead_times),
    }
    await connection.execute(_put(connection.dialect.name), values)


async def forget(connection: AsyncConnection, slack_user: SlackUser) -> None:
    """Delete what the person prefers."""
    await connection.execute(_FORGET, _person(slack_user))


def _person(slack_user: SlackUser) -> dict[str, str]:
    return {"of_workspace": slack_user.workspace, "of_user": slack_user.user_id}
