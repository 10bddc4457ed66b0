"""Who has opened the app's home, and what it shows them: just enough to leave it alone while nothing changes.

`drawn` is a mark while somebody draws, and a digest of what is shown once that is done. Whoever draws puts their own
mark there first: of two that draw at the same time, only the one that began last goes on to show anything.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import bindparam, delete, select, update

from bot.model.accounts import SlackUser
from bot.model.due import home_key
from bot.store import due_work
from bot.store.database import Database
from bot.store.inserts import insert_into
from bot.store.tables import due_work as due_table
from bot.store.tables import homes

_table = homes.c
_is_person = (_table.workspace == bindparam("of_workspace"), _table.slack_user_id == bindparam("of_user"))


@cache  # compiling costs more than running
def _put(dialect: str) -> Any:
    statement = insert_into(homes, dialect)
    changed = {column.name: statement.excluded[column.name] for column in _table if not column.primary_key}
    return statement.on_conflict_do_update(index_elements=list(homes.primary_key.columns), set_=changed)


# Built once: compiling costs more than running.
_FIND = select(homes).where(*_is_person)
_LOCK = _FIND.with_for_update()
_MARK = update(homes).where(*_is_person).values(drawn=bindparam("mark"))
_SETTLE = (
    update(homes).where(*_is_person, _table.drawn == bindparam("mark")).values(drawn=bindparam("digest"))
)
_FORGET = delete(homes).where(*_is_person)
_NOT_NEEDED = delete(due_table).where(due_table.c.key == bindparam("of_key"), due_table.c.claim.is_(None))


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenedHome:
    """A home as it was left: by whom, when it was last looked at, and the mark or digest of what it shows."""

    slack_user: SlackUser
    opened_at: datetime
    drawn: str


class Homes:
    """The homes of everybody who has opened theirs. Every method may raise StoreUnavailable or StoreUnreadable."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def find(self, slack_user: SlackUser) -> OpenedHome | None:
        """Return a person's home; None for somebody who has not opened it."""
        async with self._db.read() as connection:
            row = (await connection.execute(_FIND, _person(slack_user))).one_or_none()
        if row is None:
            return None
        person = SlackUser(row.workspace, row.slack_user_id, row.team_id)
        return OpenedHome(slack_user=person, opened_at=row.opened_at, drawn=row.drawn)

    async def begin(self, slack_user: SlackUser, now: datetime, mark: str) -> None:
        """Note that the person looks at their home, and that somebody draws it. A redrawing that waits for its moment
        is no longer needed."""
        values = {
            "workspace": slack_user.workspace,
            "slack_user_id": slack_user.user_id,
            "team_id": slack_user.team_id,
            "opened_at": now,
            "drawn": mark,
        }
        async with self._db.write() as connection:
            await connection.execute(_put(connection.dialect.name), values)
            await connection.execute(_NOT_NEEDED, {"of_key": home_key(slack_user)})

    async def begin_again(self, slack_user: SlackUser, mark: str) -> str | None:
        """Note that somebody draws a home which nobody has just opened; return what stood there as `drawn`, None,
        and nothing is noted, for somebody who has no home."""
        async with self._db.write() as connection:
            row = (await connection.execute(_LOCK, _person(slack_user))).one_or_none()
            if row is None:
                return None
            await connection.execute(_MARK, {**_person(slack_user), "mark": mark})
        return str(row.drawn)

    async def settle(self, slack_user: SlackUser, mark: str, digest: str) -> bool:
        """Note what is shown now; False, and nothing is noted, where somebody else began to draw meanwhile, or the
        person was forgotten."""
        async with self._db.write() as connection:
            given = {**_person(slack_user), "mark": mark, "digest": digest}
            return (await connection.execute(_SETTLE, given)).rowcount > 0

    async def forget(self, slack_user: SlackUser, *, with_job: bool = True) -> bool:
        """Delete what is known of a person's home, with the job that would redraw it; say whether there was any."""
        async with self._db.write() as connection:
            gone = (await connection.execute(_FORGET, _person(slack_user))).rowcount > 0
            if with_job:
                await due_work.drop(connection, [home_key(slack_user)])
        return gone


def _person(slack_user: SlackUser) -> dict[str, str]:
    return {"of_workspace": slack_user.workspace, "of_user": slack_user.user_id}
