"""What Vaults said of their API versions, on both databases."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from bot.store.database import Database
from bot.store.vault_versions import VaultVersions
from tests.databases import NOW

HERE, THERE = "promomats.vault.example", "quality.vault.example:8443"


@pytest.fixture
def versions(db: Database) -> VaultVersions:
    return VaultVersions(db)


async def test_get__what_was_put(versions: VaultVersions) -> None:
    await versions.put(HERE, ["v24.3", "v26.2", "v26.1"], NOW)
    assert await versions.get(HERE) == ["v24.3", "v26.2", "v26.1"]
    assert await versions.get(THERE) == []


@pytest.mark.parametrize("listed", [[], ["v26.2"], ["with, comma", "with space", "✓"]])
async def test_put__again_replaces_it(versions: VaultVersions, db: Database, listed: list[str]) -> None:
    await versions.put(HERE, ["v24.3", "v25.1"], NOW)
    await versions.put(HERE, listed, NOW + timedelta(days=1))
    assert await versions.get(HERE) == listed
    async with db.read() as connection:
        seen = (await connection.execute(text("SELECT seen_at FROM vault_versions"))).scalars().all()
    assert seen == [int((NOW + timedelta(days=1)).timestamp() * 1000)]


async def test_put__by_twenty_at_once(versions: VaultVersions) -> None:
    await asyncio.gather(*(versions.put(HERE, [f"v{number}"], NOW) for number in range(20)))
    assert len(await versions.get(HERE)) == 1
