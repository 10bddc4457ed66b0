"""Linked accounts: model in, model out, credentials sealed on the way."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, delete, literal, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningUpdate

from bot.model.accounts import AccountSummary, LinkedAccount, SlackUser
from bot.model.due import Job, account_prefix
from bot.model.errors import KeyMissing, SealBroken
from bot.model.secret import Secret
from bot.store import due_work
from bot.store.account_rows import (
    KINDS,
    account_of,
    account_or_none,
    identity,
    summary_of,
    values_of,
    warn,
)
from bot.store.database import Database
from bot.store.inserts import insert_into
from bot.store.resealing import reseal
from bot.store.seal import Keyring
from bot.store.tables import accounts, homes, link_tickets
from bot.store.watches import drop_of_account

_table = accounts.c
_is_person = (_table.workspace == bindparam("of_workspace"), _table.slack_user_id == bindparam("of_user"))
_is_row = (*_is_person, _table.vault_host == bindparam("of_host"))
# The moment of the link goes with the version: a row that was removed and linked again starts counting anew, and
# the release before this one replaces rows without counting.
_is_as_read = (*_is_row, _table.version == bindparam("of_version"), _table.linked_at == bindparam("of_link"))

# Built once: compiling costs more than running.
_FIND = select(accounts).where(*_is_person).order_by(_table.linked_at, _table.vault_host)
_FIND_ONE = select(accounts).where(*_is_row)
_PEOPLE_AS = (
    select(_table.workspace, _table.slack_user_id, _table.team_id)
    .where(
        _table.workspace == bindparam("of_workspace"),
        _table.vault_host == bindparam("of_host"),
        _table.vault_user_id == bindparam("of_vault_user"),
    )
    .order_by(_table.slack_user_id)
)
_HOSTS = select(_table.vault_host).where(*_is_person).order_by(_table.linked_at, _table.vault_host)
_LOCK_ONE = _FIND_ONE.with_for_update()
_CHANGE = update(accounts).where(*_is_row)
_REMOVE = delete(accounts).where(*_is_row).returning(*accounts.c)
_KEEP_REFRESH_TOKEN = (
    update(accounts)
    .where(*_is_as_read)
    .values(refresh_token=bindparam("new_token"), version=_table.version + 1)
    .returning(*accounts.c)
)
_RENEW = (
    update(accounts)
    .where(*_is_as_read)
    .values(
        credential=bindparam("new_credential"),
        valid_until=bindparam("new_end"),
        session_started=bindparam("now"),
        last_used=bindparam("now"),
        ended_at=None,
        version=_table.version + 1,
    )
    .returning(*accounts.c)
)
_MARK_ENDED = (
    update(accounts)
    .where(*_is_as_read, _table.ended_at.is_(None))
    .values(ended_at=bindparam("now"))
    .returning(_table.version)
)
_NOTE_USE = update(accounts).where(*_is_as_read).values(last_used=bindparam("now"), ended_at=None)
_PREFER = update(accounts).where(*_is_row).values(preferred_at=bindparam("now")).returning(_table.version)

_SUMMARIES = select(
    *(column for column in accounts.c if column.name not in KINDS),
    _table.refresh_token.is_not(None).label("renewable"),
).order_by(*accounts.primary_key.columns)
_known = union_all(
    select(_table.workspace, _table.slack_user_id, _table.team_id, literal(0).label("place")),
    select(link_tickets.c.workspace, link_tickets.c.slack_user_id, link_tickets.c.team_id, literal(1)),
    select(homes.c.workspace, homes.c.slack_user_id, homes.c.team_id, literal(2)),
).subquery()
_PEOPLE = select(_known.c.workspace, _known.c.slack_user_id, _known.c.team_id).order_by(
    _known.c.workspace, _known.c.slack_user_id, _known.c.place
)
_PEOPLE_OF_WORKSPACE = _PEOPLE.where(_known.c.workspace == bindparam("of_workspace"))
_PEOPLE_WITH_ID = _PEOPLE.where(_known.c.slack_user_id == bindparam("of_user"))


@dataclass(frozen=True, slots=True)
class Removed:
    """What `Accounts.remove` found: whether there was a row, and the account where its seal could be opened."""

    existed: bool
    account: LinkedAccount | None


class Accounts:
    """Who is linked to what. Every method may raise StoreUnavailable or StoreUnreadable.

    What changes the account it is given does so only while the row is as it was when that account was read.
    """

    def __init__(self, db: Database, keyring: Keyring) -> None:
        self._db = db
        self._keyring = keyring
        add = insert_into(accounts, db.engine.dialect.name)
        self._add = add.on_conflict_do_nothing().returning(_table.vault_host)

    async def find(self, slack_user: SlackUser) -> list[LinkedAccount]:
        """Return the person's accounts, oldest link first.

        One that cannot be opened is left out, as if it were not linked, and logged: linking it again mends it.
        Only when that leaves nothing of something, SealBroken or KeyMissing is raised.
        """
        rows = await self._db.rows(_FIND, _person(slack_user))
        found: list[LinkedAccount] = []
        failure: SealBroken | KeyMissing | None = None
        for row in rows:
            try:
                found.append(account_of(row, self._keyring))
            except (SealBroken, KeyMissing) as error:
                failure = error
                warn(row, error)
        if failure and not found:
            raise failure
        return found

    async def find_one(self, slack_user: SlackUser, vault_host: str) -> LinkedAccount | None:
        """Return the person's account at one Vault, or None; SealBroken or KeyMissing when it cannot be opened."""
        found = await self._db.rows(_FIND_ONE, _row(slack_user, vault_host))
        return account_of(found[0], self._keyring) if found else None

    async def hosts_of(self, slack_user: SlackUser) -> list[str]:
        """Return the hosts of the person's links, oldest first, also of those that cannot be opened."""
        return [row.vault_host for row in await self._db.rows(_HOSTS, _person(slack_user))]

    async def people_as(self, workspace: str, vault_host: str, vault_user_id: str) -> list[SlackUser]:
        """Return who of this workspace is linked as that Vault user, by user id; opens no seal."""
        given = {"of_workspace": workspace, "of_host": vault_host, "of_vault_user": vault_user_id}
        async with self._db.read() as connection:
            return _people(list(await connection.execute(_PEOPLE_AS, given)))

    async def save(self, account: LinkedAccount, *, jobs: Sequence[Job] = ()) -> LinkedAccount | None:
        """Store an account in place of the person's earlier one at this Vault, if any, and return that.

        None when there was none, or none whose seal could be opened. Of several saves at once each gets the one
        before it, so that no Vault session is forgotten. The jobs of the earlier one go, and `jobs` come instead.
        What the person prefers stays as it was; the account counts as used when it was linked, unless it says more.
        """
        values = values_of(account, self._keyring)
        row = _row(account.slack_user, account.vault_host)
        async with self._db.write() as connection:
            earlier = await self._put(connection, values, row)
            await due_work.drop_prefix(connection, account_prefix(account.slack_user, account.vault_host))
            await due_work.put(connection, jobs)
        return account_or_none(earlier, self._keyring)

    async def keep_refresh_token(self, account: LinkedAccount, refresh_token: Secret) -> LinkedAccount | None:
        """Store a new refresh token and return the account with it; None when it was changed or removed."""
        sealed = self._sealed("refresh_token", account, refresh_token)
        return await self._changed(_KEEP_REFRESH_TOKEN, account, {"new_token": sealed})

    async def renew(
        self, account: LinkedAccount, credential: Secret, *, started: datetime, valid_until: datetime | None
    ) -> LinkedAccount | None:
        """Store a new Vault session and return the account with it; None as above. Whether it has ended is for
        `note_use` to say, once Vault has accepted it.

        `started` is when the session began, which counts as its first use; `valid_until` as in LinkedAccount.
        """
        sealed = self._sealed("credential", account, credential)
        values = {"new_credential": sealed, "now": started, "new_end": valid_until}
        return await self._changed(_RENEW, account, values)

    async def mark_ended(self, account: LinkedAccount, now: datetime, *, jobs: Sequence[Job] = ()) -> bool:
        """Mark the account as ended and schedule `jobs` with it; return whether it was this call that did it."""
        async with self._db.write() as connection:
            values = {**_as_read(account), "now": now}
            marked = (await connection.execute(_MARK_ENDED, values)).one_or_none() is not None
            if marked:
                await due_work.put(connection, jobs)
        return marked

    async def note_use(self, account: LinkedAccount, now: datetime, *, jobs: Sequence[Job] = ()) -> None:
        """Keep that Vault accepted the credential at this moment: so it has not ended. `jobs` are scheduled with it."""
        async with self._db.write() as connection:
            await connection.execute(_NOTE_USE, {**_as_read(account), "now": now})
            await due_work.put(connection, jobs)

    async def prefer(self, slack_user: SlackUser, vault_host: str, now: datetime) -> bool:
        """Make this Vault the person's default from now on; False when they have no link there."""
        async with self._db.write() as connection:
            values = {**_row(slack_user, vault_host), "now": now}
            return (await connection.execute(_PREFER, values)).one_or_none() is not None

    async def remove(self, slack_user: SlackUser, vault_host: str) -> Removed:
        """Delete the person's account at one Vault with its jobs, watches and samples, and tell what it was."""
        async with self._db.write() as connection:
            row = (await connection.execute(_REMOVE, _row(slack_user, vault_host))).one_or_none()
            await drop_of_account(connection, slack_user, vault_host)
        return Removed(existed=row is not None, account=account_or_none(row, self._keyring))

    async def people_of_workspace(self, workspace: str) -> list[SlackUser]:
        """Return everybody of this workspace who has accounts or link tickets, or has opened the app's home, each
        once, by user id."""
        async with self._db.read() as connection:
            rows = await connection.execute(_PEOPLE_OF_WORKSPACE, {"of_workspace": workspace})
        return _people(list(rows))

    async def people_with_id(self, slack_user_id: str) -> list[SlackUser]:
        """Return who is known under this user id, as above, one for each workspace."""
        async with self._db.read() as connection:
            rows = await connection.execute(_PEOPLE_WITH_ID, {"of_user": slack_user_id})
        return _people(list(rows))

    async def summaries(self) -> list[AccountSummary]:
        """Return all accounts as an operator may see them, by workspace, user and host; opens no seal."""
        async with self._db.read() as connection:
            rows: Iterable[Any] = await connection.execute(_SUMMARIES)
        return [summary_of(row) for row in rows]

    async def reseal(self) -> int:
        """Seal every credential and refresh token with the newest key; returns and raises as `resealing.reseal`."""
        return await reseal(self._db, self._keyring, accounts, KINDS)

    async def _put(
        self, connection: AsyncConnection, values: Mapping[str, Any], row: Mapping[str, str]
    ) -> Row[Any] | None:
        """Insert, or else lock the row that is there and change it; return the row as it was."""
        while True:
            if (await connection.execute(self._add, values)).one_or_none():
                return None
            if earlier := (await connection.execute(_LOCK_ONE, row)).one_or_none():
                kept = {"preferred_at": earlier.preferred_at, "version": earlier.version + 1}
                await connection.execute(_CHANGE.values({**values, **kept}), row)
                return earlier
            # Removed between the two statements: it can be inserted now.

    async def _changed(
        self, statement: ReturningUpdate[Any], account: LinkedAccount, values: Mapping[str, object]
    ) -> LinkedAccount | None:
        async with self._db.write() as connection:
            row = (await connection.execute(statement, {**_as_read(account), **values})).one_or_none()
        return account_of(row, self._keyring) if row else None

    def _sealed(self, column: str, account: LinkedAccount, secret: Secret) -> str:
        person = account.slack_user
        return self._keyring.seal(
            secret, identity(column, person.workspace, person.user_id, account.vault_host)
        )


def _person(slack_user: SlackUser) -> dict[str, str]:
    return {"of_workspace": slack_user.workspace, "of_user": slack_user.user_id}


def _row(slack_user: SlackUser, vault_host: str) -> dict[str, str]:
    return {**_person(slack_user), "of_host": vault_host}


def _as_read(account: LinkedAccount) -> dict[str, object]:
    row = _row(account.slack_user, account.vault_host)
    return {**row, "of_version": account.version, "of_link": account.linked_at}


def _people(rows: Iterable[Any]) -> list[SlackUser]:
    # Of one person's rows, which may name several teams, the first counts: an account before all else.
    return list(dict.fromkeys(SlackUser(row.workspace, row.slack_user_id, row.team_id) for row in rows))
