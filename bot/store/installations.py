"""The app's installations in Slack: model in, model out, tokens sealed on the way."""

import logging
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, delete, or_, select, update

from bot.model.errors import KeyMissing, SealBroken
from bot.model.installations import Installation
from bot.model.secret import Secret
from bot.store.database import Database
from bot.store.inserts import insert_into
from bot.store.resealing import reseal
from bot.store.seal import Keyring, row_identity
from bot.store.tables import installations

KINDS = {"bot_token": "installation", "refresh_token": "installation-refresh"}
"""The sealed columns, and what each is bound to besides the row: so that neither opens in the other's place."""

log = logging.getLogger(__name__)

_table = installations.c
# Slack: an org-wide install has no team, and serves the teams that have none of their own.
_FIND = (
    select(installations)
    .where(
        or_(
            _table.workspace == bindparam("of_team"),
            (_table.workspace == bindparam("of_enterprise")) & _table.team_id.is_(None),
        )
    )
    .order_by(_table.team_id.is_(None))
    .limit(1)
)
_ALL = select(installations).order_by(_table.workspace)
_REMOVE = (
    delete(installations).where(_table.workspace == bindparam("of_workspace")).returning(_table.workspace)
)
# The moment of the install goes with the version: one that was removed and made again starts counting anew.
_CHANGE_TOKENS = (
    update(installations)
    .where(
        _table.workspace == bindparam("of_workspace"),
        _table.version == bindparam("of_version"),
        _table.installed_at == bindparam("of_install"),
    )
    .values(
        bot_token=bindparam("new_token"),
        refresh_token=bindparam("new_refresh"),
        expires_at=bindparam("new_end"),
        version=_table.version + 1,
    )
    .returning(*installations.c)
)


class Installations:
    """Where the app is installed. Every method may raise StoreUnavailable or StoreUnreadable."""

    def __init__(self, db: Database, keyring: Keyring) -> None:
        self._db = db
        self._keyring = keyring
        new = insert_into(installations, db.engine.dialect.name)
        replaced = {column.name: new.excluded[column.name] for column in installations.c}
        self._save = new.on_conflict_do_update(
            index_elements=[_table.workspace], set_={**replaced, "version": _table.version + 1}
        )

    async def find(self, *, enterprise_id: str | None, team_id: str | None) -> Installation | None:
        """Return the installation that serves a team: its own, else its Enterprise's org-wide one; None without.

        SealBroken or KeyMissing when it cannot be opened: then no other stands in for it.
        """
        values = {"of_team": team_id, "of_enterprise": enterprise_id}
        async with self._db.read() as connection:
            row = (await connection.execute(_FIND, values)).one_or_none()
        return self._installation(row) if row else None

    async def save(self, installation: Installation) -> None:
        """Store an installation in place of the earlier one, if any; its version is counted on from there."""
        async with self._db.write() as connection:
            await connection.execute(self._save, self._values(installation))

    async def change_tokens(
        self,
        installation: Installation,
        bot_token: Secret,
        refresh_token: Secret | None,
        expires_at: datetime | None,
    ) -> Installation | None:
        """Store new tokens and return the installation with them; None when it was changed or removed since it was
        read. `expires_at` is the moment the bot token ends, None where it does not."""
        values = {
            "of_workspace": installation.workspace,
            "of_version": installation.version,
            "of_install": installation.installed_at,
            "new_token": self._sealed("bot_token", installation.workspace, bot_token),
            "new_refresh": self._sealed("refresh_token", installation.workspace, refresh_token),
            "new_end": expires_at,
        }
        async with self._db.write() as connection:
            row = (await connection.execute(_CHANGE_TOKENS, values)).one_or_none()
        return self._installation(row) if row else None

    async def remove(self, workspace: str) -> bool:
        """Delete the installation; False when there was none."""
        async with self._db.write() as connection:
            return (await connection.execute(_REMOVE, {"of_workspace": workspace})).one_or_none() is not None

    async def all(self) -> list[Installation]:
        """Return every installation, by workspace. One that cannot be opened is left out and logged; only when
        that leaves nothing of something, SealBroken or KeyMissing is raised."""
        async with self._db.read() as connection:
            rows = (await connection.execute(_ALL)).all()
        found: list[Installation] = []
        failure: SealBroken | KeyMissing | None = None
        for row in rows:
            try:
                found.append(self._installation(row))
            except (SealBroken, KeyMissing) as error:
                failure = error
                log.warning("installation in %s cannot be opened: %s", row.workspace, error.sentence)
        if failure and not found:
            raise failure
        return found

    async def reseal(self) -> int:
        """Seal every token with the newest key; returns and raises as `resealing.reseal`."""
        return await reseal(self._db, self._keyring, installations, KINDS)

    def _values(self, installation: Installation) -> dict[str, Any]:
        workspace = installation.workspace
        return {
            "workspace": workspace,
            "enterprise_id": installation.enterprise_id,
            "team_id": installation.team_id,
            "name": installation.name,
            "bot_token": self._sealed("bot_token", workspace, installation.bot_token),
            "refresh_token": self._sealed("refresh_token", workspace, installation.refresh_token),
            "expires_at": installation.expires_at,
            "bot_id": installation.bot_id,
            "bot_user_id": installation.bot_user_id,
            "scopes": installation.scopes,
            "installed_by": installation.installed_by,
            "installed_at": installation.installed_at,
            "version": 0,
        }

    def _installation(self, row: Row[Any]) -> Installation:
        return Installation(
            workspace=row.workspace,
            enterprise_id=row.enterprise_id,
            team_id=row.team_id,
            name=row.name,
            bot_token=self._keyring.open(row.bot_token, _identity("bot_token", row.workspace)),
            bot_id=row.bot_id,
            bot_user_id=row.bot_user_id,
            scopes=row.scopes,
            installed_by=row.installed_by,
            installed_at=row.installed_at,
            refresh_token=None
            if row.refresh_token is None
            else self._keyring.open(row.refresh_token, _identity("refresh_token", row.workspace)),
            expires_at=row.expires_at,
            version=row.version,
        )

    def _sealed(self, column: str, workspace: str, secret: Secret | None) -> str | None:
        return None if secret is None else self._keyring.seal(secret, _identity(column, workspace))


def _identity(column: str, workspace: str) -> str:
    return row_identity(KINDS[column], workspace)
