"""Which API versions each Vault last said it offers, so that a restart need not ask before it can answer."""

import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, select

from bot.store.database import Database
from bot.store.inserts import insert_into
from bot.store.tables import vault_versions

_table = vault_versions.c
_GET = select(_table.versions).where(_table.vault_host == bindparam("of_host"))


class VaultVersions:
    """API versions by Vault. Every method may raise StoreUnavailable or StoreUnreadable."""

    def __init__(self, db: Database) -> None:
        self._db = db
        new = insert_into(vault_versions, db.engine.dialect.name)
        self._put = new.on_conflict_do_update(
            index_elements=[_table.vault_host],
            set_={"versions": new.excluded.versions, "seen_at": new.excluded.seen_at},
        )

    async def get(self, vault_host: str) -> list[str]:
        """Return the versions as Vault named them, in its order; empty when it was never asked."""
        async with self._db.read() as connection:
            kept = await connection.scalar(_GET, {"of_host": vault_host})
        return [str(version) for version in json.loads(kept)] if kept else []

    async def put(self, vault_host: str, versions: Sequence[str], now: datetime) -> None:
        """Keep what a Vault said at this moment in place of what it said before."""
        values = {"vault_host": vault_host, "versions": json.dumps(list(versions)), "seen_at": now}
        async with self._db.write() as connection:
            await connection.execute(self._put, values)
