"""Linked accounts: model in, model out, credentials sealed on the way."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam, delete, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.model.accounts import Identity, LinkedAccount, LinkMethod, SlackUser
from bot.model.errors import KeyMissing, SealBroken
from bot.store.database import Database
from bot.store.seal import SEAL_PREFIX, Keyring, row_identity
from bot.store.tables import accounts

RESEAL_BATCH = 200

log = logging.getLogger(__name__)

_key = (accounts.c.workspace, accounts.c.slack_user_id, accounts.c.vault_host)
_is_person = (
    accounts.c.workspace == bindparam("of_workspace"),
    accounts.c.slack_user_id == bindparam("of_user"),
)
_is_row = (*_is_person, accounts.c.vault_host == bindparam("of_host"))

# Built once: compiling costs more than running.
_FIND = select(accounts).where(*_is_person).order_by(accounts.c.linked_at, accounts.c.vault_host)
_LOCK_ONE = select(accounts).where(*_is_row).with_for_update()
_CHANGE = update(accounts).where(*_is_row)
_REMOVE = delete(accounts).where(*_is_row).returning(*accounts.c)
_RESEAL = (
    update(accounts)
    .where(*_is_row, accounts.c.credential == bindparam("old"))
    .values(credential=bindparam("new"))
)


@dataclass(frozen=True, slots=True)
class Removed:
    """What `Accounts.remove` found: whether there was a row, and the account where its seal could be opened."""

    existed: bool
    account: LinkedAccount | None


class Accounts:
    """Who is linked to what. Every method may raise StoreUnavailable or StoreUnreadable."""

    def __init__(self, db: Database, keyring: Keyring) -> None:
        self._db = db
        self._keyring = keyring
        insert = sqlite.insert if db.is_sqlite else postgresql.insert
        self._add = insert(accounts).on_conflict_do_nothing().returning(accounts.c.vault_host)

    async def find(self, slack_user: SlackUser) -> list[LinkedAccount]:
        """Return the person's accounts, oldest link first.

        One that cannot be opened is left out, as if it were not linked, and logged: linking it again mends it.
        Only when that leaves nothing of something, SealBroken or KeyMissing is raised.
        """
        async with self._db.read() as connection:
            rows = (await connection.execute(_FIND, _person(slack_user))).all()
        found: list[LinkedAccount] = []
        failure: SealBroken | KeyMissing | None = None
        for row in rows:
            try:
                found.append(self._account(row))
            except (SealBroken, KeyMissing) as error:
                failure = error
                _warn(row, error)
        if failure and not found:
            raise failure
        return found

    async def save(self, account: LinkedAccount) -> LinkedAccount | None:
        """Store an account in place of the person's earlier one at this Vault, if any, and return that.

        None when there was none, or none whose seal could be opened. Of several saves at once each gets the one
        before it, so that no Vault session is forgotten.
        """
        values = self._values(account)
        row = _row(account.slack_user, account.vault_host)
        async with self._db.write() as connection:
            earlier = await self._put(connection, values, row)
        return self._account_or_none(earlier) if earlier else None

    async def remove(self, slack_user: SlackUser, vault_host: str) -> Removed:
        """Delete the person's account at one Vault and tell what it was."""
        async with self._db.write() as connection:
            row = (await connection.execute(_REMOVE, _row(slack_user, vault_host))).one_or_none()
        return Removed(existed=row is not None, account=self._account_or_none(row) if row else None)

    async def reseal(self) -> int:
        """Seal every value that has an older key again with the newest, and return how many were.

        A row that somebody saves meanwhile keeps what they saved. One that is broken is logged and left alone;
        KeyMissing when a value's key is not in the ring.
        """
        count = 0
        last: tuple[str, str, str] = ("", "", "")
        while rows := await self._with_older_key(last):
            fresh: list[dict[str, Any]] = []
            for row in rows:
                last = (row.workspace, row.slack_user_id, row.vault_host)
                identity = row_identity("account", *last)
                try:
                    secret = self._keyring.open(row.credential, identity)
                except SealBroken as error:
                    _warn(row, error)
                    continue
                place = {"of_workspace": last[0], "of_user": last[1], "of_host": last[2]}
                fresh.append({**place, "old": row.credential, "new": self._keyring.seal(secret, identity)})
            async with self._db.write() as connection:
                for values in fresh:
                    count += (await connection.execute(_RESEAL, values)).rowcount
        return count

    async def _with_older_key(self, after: tuple[str, str, str]) -> list[Row[Any]]:
        newest = f"{SEAL_PREFIX}{self._keyring.newest_id}."
        statement = (
            select(accounts)
            .where(tuple_(*_key) > after, ~accounts.c.credential.startswith(newest, autoescape=True))
            .order_by(*_key)
            .limit(RESEAL_BATCH)
        )
        async with self._db.read() as connection:
            return list((await connection.execute(statement)).all())

    async def _put(
        self, connection: AsyncConnection, values: Mapping[str, Any], row: Mapping[str, str]
    ) -> Row[Any] | None:
        """Insert, or else lock the row that is there and change it; return the row as it was."""
        while True:
            if (await connection.execute(self._add, values)).one_or_none():
                return None
            if earlier := (await connection.execute(_LOCK_ONE, row)).one_or_none():
                await connection.execute(_CHANGE.values(values), row)
                return earlier
            # Removed between the two statements: it can be inserted now.

    def _values(self, account: LinkedAccount) -> dict[str, Any]:
        person = account.slack_user
        identity = row_identity("account", person.workspace, person.user_id, account.vault_host)
        return {
            "workspace": person.workspace,
            "slack_user_id": person.user_id,
            "vault_host": account.vault_host,
            "team_id": person.team_id,
            "vault_id": account.identity.vault_id,
            "vault_user_id": account.identity.vault_user_id,
            "vault_user_name": account.vault_user_name,
            "vault_full_name": account.vault_full_name,
            "method": account.method.value,
            "credential": self._keyring.seal(account.credential, identity),
            "linked_at": account.linked_at,
            "valid_until": account.valid_until,
        }

    def _account(self, row: Row[Any]) -> LinkedAccount:
        identity = row_identity("account", row.workspace, row.slack_user_id, row.vault_host)
        return LinkedAccount(
            slack_user=SlackUser(row.workspace, row.slack_user_id, row.team_id),
            vault_host=row.vault_host,
            identity=Identity(vault_user_id=row.vault_user_id, vault_id=row.vault_id),
            vault_user_name=row.vault_user_name,
            vault_full_name=row.vault_full_name,
            method=LinkMethod(row.method),
            credential=self._keyring.open(row.credential, identity),
            linked_at=row.linked_at,
            valid_until=row.valid_until,
        )

    def _account_or_none(self, row: Row[Any]) -> LinkedAccount | None:
        try:
            return self._account(row)
        except (SealBroken, KeyMissing) as error:
            _warn(row, error)
            return None


def _person(slack_user: SlackUser) -> dict[str, str]:
    return {"of_workspace": slack_user.workspace, "of_user": slack_user.user_id}


def _row(slack_user: SlackUser, vault_host: str) -> dict[str, str]:
    return {**_person(slack_user), "of_host": vault_host}


def _warn(row: Row[Any], error: SealBroken | KeyMissing) -> None:
    log.warning(
        "account of %s %s at %s cannot be opened: %s",
        row.workspace,
        row.slack_user_id,
        row.vault_host,
        error.sentence,
    )
