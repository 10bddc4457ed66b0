"""Installations in Slack on both databases: which one serves whom, what is sealed, and who wins a race."""

import asyncio
import logging
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.model.errors import KeyMissing, SealBroken
from bot.model.installations import Installation
from bot.model.secret import Secret
from bot.store.database import Database
from bot.store.database import database_url as parsed
from bot.store.installations import Installations
from bot.store.schema import migrate
from bot.store.seal import Keyring, new_key
from tests.databases import NOW

LATER = NOW + timedelta(hours=12)


def installed(
    workspace: str = "T1",
    *,
    enterprise_id: str | None = None,
    team_id: str | None = "T1",
    bot_token: str = "xoxb-1",  # noqa: S107 - not a real one
    refresh_token: str | None = None,
) -> Installation:
    return Installation(
        workspace=workspace,
        enterprise_id=enterprise_id,
        team_id=team_id,
        name="Acme",
        bot_token=Secret(bot_token),
        bot_id="B1",
        bot_user_id="U0BOT",
        scopes="commands,chat:write",
        installed_by="U1",
        installed_at=NOW,
        refresh_token=None if refresh_token is None else Secret(refresh_token),
        expires_at=NOW + timedelta(hours=12) if refresh_token else None,
    )


TEAMS = installed("T1", enterprise_id="E1", team_id="T1")
OTHER_TEAMS = installed("T2", team_id="T2", bot_token="xoxb-2")
WHOLE_ENTERPRISE = installed("E1", enterprise_id="E1", team_id=None, bot_token="xoxb-e")
ROTATING = installed(bot_token="xoxe.xoxb-1", refresh_token="xoxe-1-first")


@pytest.fixture
def installations(db: Database, keyring: Keyring) -> Installations:
    return Installations(db, keyring)


async def run(db: Database, statement: str) -> None:
    async with db.write() as connection:
        await connection.execute(text(statement))


async def saved(installations: Installations, installation: Installation = ROTATING) -> Installation:
    await installations.save(installation)
    found = await installations.find(enterprise_id=None, team_id=installation.team_id)
    assert found
    return found


@pytest.mark.parametrize("installation", [TEAMS, ROTATING, OTHER_TEAMS])
async def test_find__returns_what_was_saved(installations: Installations, installation: Installation) -> None:
    assert await saved(installations, installation) == installation


@pytest.mark.parametrize(
    ("enterprise_id", "team_id", "expected"),
    [
        ("E1", "T1", TEAMS),
        (None, "T1", TEAMS),
        ("E1", "T7", WHOLE_ENTERPRISE),
        ("E1", None, WHOLE_ENTERPRISE),
        (None, "T2", OTHER_TEAMS),
        ("E2", "T2", OTHER_TEAMS),
        (None, "T7", None),
        ("E2", None, None),
        ("T1", None, None),
        (None, None, None),
    ],
)
async def test_find__the_teams_own_before_its_enterprises(
    installations: Installations,
    enterprise_id: str | None,
    team_id: str | None,
    expected: Installation | None,
) -> None:
    for installation in (WHOLE_ENTERPRISE, TEAMS, OTHER_TEAMS):
        await installations.save(installation)
    assert await installations.find(enterprise_id=enterprise_id, team_id=team_id) == expected


async def test_save__again_replaces_all_and_counts_on(installations: Installations) -> None:
    await installations.save(ROTATING)
    newer = replace(TEAMS, bot_token=Secret("xoxb-new"), installed_by="U2", installed_at=LATER, name="Acme 2")
    for version in (1, 2):
        assert await saved(installations, newer) == replace(newer, version=version)


async def test_change_tokens__returns_the_installation_with_them(installations: Installations) -> None:
    installation = await saved(installations)
    changed = await installations.change_tokens(installation, Secret("new"), Secret("new-refresh"), LATER)
    expected = replace(
        ROTATING, bot_token=Secret("new"), refresh_token=Secret("new-refresh"), expires_at=LATER, version=1
    )
    assert changed == expected
    assert await installations.all() == [expected]
    changed = await installations.change_tokens(expected, Secret("newest"), None, None)
    assert changed == replace(
        expected, bot_token=Secret("newest"), refresh_token=None, expires_at=None, version=2
    )


@pytest.mark.parametrize("how", ["changed", "installed again", "installed anew", "removed"])
async def test_change_tokens__that_somebody_changed_does_nothing(
    installations: Installations, how: str
) -> None:
    installation = await saved(installations)
    if how == "changed":
        assert await installations.change_tokens(installation, Secret("newer"), None, None)
    if how in ("removed", "installed anew"):
        assert await installations.remove("T1")
    if how in ("installed again", "installed anew"):
        await installations.save(replace(ROTATING, installed_at=LATER))
    now_there = await installations.all()
    assert await installations.change_tokens(installation, Secret("stale"), None, None) is None
    assert await installations.all() == now_there


async def test_change_tokens__of_twenty_at_once_one_is_kept(installations: Installations) -> None:
    installation = await saved(installations)
    changing = [
        installations.change_tokens(installation, Secret(f"xoxb-{n}"), Secret(f"xoxe-{n}"), LATER)
        for n in range(20)
    ]
    changed = await asyncio.gather(*changing)
    assert [one for one in changed if one] == await installations.all()


async def test_save__of_twenty_at_once_each_counts(installations: Installations) -> None:
    await asyncio.gather(*(installations.save(TEAMS) for _ in range(20)))
    assert await installations.all() == [replace(TEAMS, version=19)]


async def test_remove__tells_whether_there_was_one(installations: Installations) -> None:
    for installation in (WHOLE_ENTERPRISE, TEAMS):
        await installations.save(installation)
    assert await installations.remove("T1")
    assert not await installations.remove("T1")
    assert await installations.all() == [WHOLE_ENTERPRISE]


@pytest.mark.parametrize(
    "swap",
    [
        "bot_token = refresh_token",
        "refresh_token = bot_token",
        "bot_token = 'rubbish'",
        "workspace = 'T9', team_id = 'T9'",
    ],
)
async def test_find__moved_or_broken_token_does_not_open(
    installations: Installations, db: Database, swap: str
) -> None:
    await installations.save(ROTATING)
    await run(db, f"UPDATE installations SET {swap}")  # noqa: S608 - one of the texts above
    with pytest.raises(SealBroken):
        await installations.find(enterprise_id=None, team_id="T9" if "T9" in swap else "T1")


async def test_find__the_enterprises_does_not_stand_in_for_a_broken_one(
    installations: Installations, db: Database
) -> None:
    for installation in (WHOLE_ENTERPRISE, TEAMS):
        await installations.save(installation)
    await run(db, "UPDATE installations SET bot_token = 'rubbish' WHERE workspace = 'T1'")
    with pytest.raises(SealBroken):
        await installations.find(enterprise_id="E1", team_id="T1")


async def test_all__one_broken_does_not_hide_the_others(
    installations: Installations, db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    for installation in (WHOLE_ENTERPRISE, TEAMS):
        await installations.save(installation)
    await run(db, "UPDATE installations SET bot_token = 'rubbish' WHERE workspace = 'T1'")
    with caplog.at_level(logging.WARNING):
        assert await installations.all() == [WHOLE_ENTERPRISE]
    assert "installation in T1 cannot be opened" in caplog.text
    await installations.remove("E1")
    with pytest.raises(SealBroken):
        await installations.all()


async def test_find__key_that_was_taken_away_is_named(
    installations: Installations, db: Database, keyring: Keyring
) -> None:
    await installations.save(TEAMS)
    with pytest.raises(KeyMissing, match=keyring.newest_id):
        await Installations(db, Keyring.parse(new_key())).find(enterprise_id=None, team_id="T1")


async def test_reseal__all_tokens_get_the_newest_key(db: Database) -> None:
    old, new = new_key(), new_key()
    before = Installations(db, Keyring.parse(old))
    for installation in (WHOLE_ENTERPRISE, ROTATING, OTHER_TEAMS):
        await before.save(installation)
    await run(db, "UPDATE installations SET bot_token = 'rubbish' WHERE workspace = 'T2'")
    assert await Installations(db, Keyring.parse(f"{new},{old}")).reseal() == 3
    newest_alone = Installations(db, Keyring.parse(new))
    assert await newest_alone.all() == [WHOLE_ENTERPRISE, ROTATING]
    assert await newest_alone.reseal() == 0


async def test_database_file__holds_no_token(sqlite_url: str, sqlite_file: Path, keyring: Keyring) -> None:
    async with Database.open(parsed(sqlite_url)) as db:
        await migrate(db)
        installation = installed(bot_token="xoxb-s3cret-1", refresh_token="xoxe-s3cret-2")
        await Installations(db, keyring).save(installation)
        await Installations(db, keyring).save(installation)
        for file in sqlite_file.parent.iterdir():
            assert b"s3cret" not in file.read_bytes(), file
