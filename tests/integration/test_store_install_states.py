"""States of the install flow on both databases: good once, for ten minutes, in any process."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from bot.store.database import Database
from bot.store.database import database_url as parsed
from bot.store.install_states import STATE_LIFE, InstallStates
from tests.databases import NOW

LAST_MOMENT = NOW + STATE_LIFE - timedelta(milliseconds=1)


@pytest.fixture
def states(db: Database) -> InstallStates:
    return InstallStates(db)


async def test_consume__once(states: InstallStates) -> None:
    first, second = await states.issue(NOW), await states.issue(NOW)
    assert first != second
    assert await states.consume(first, NOW)
    assert not await states.consume(first, NOW)
    assert await states.consume(second, NOW)


async def test_consume__until_it_expires(states: InstallStates) -> None:
    early, late = await states.issue(NOW), await states.issue(NOW)
    assert await states.consume(early, LAST_MOMENT)
    assert not await states.consume(late, NOW + STATE_LIFE)


async def test_consume__of_twenty_in_two_processes_one_gets_through(db: Database, database_url: str) -> None:
    async with Database.open(parsed(database_url)) as other_db:
        state = await InstallStates(db).issue(NOW)
        both = [InstallStates(db), InstallStates(other_db)] * 10
        outcomes = await asyncio.gather(*(states.consume(state, NOW) for states in both))
    assert outcomes.count(True) == 1


@pytest.mark.parametrize(
    "state",
    ["", "\0", "ünïcödé ✓", "\ud800", "' OR 1=1 --", "%", "x" * 1_000_000],
    ids=["empty", "nul", "non-ascii", "surrogate", "sql", "pattern", "long"],
)
async def test_consume__any_text_is_merely_no_state(states: InstallStates, state: str) -> None:
    good = await states.issue(NOW)
    assert not await states.consume(state, NOW)
    assert await states.consume(good, NOW)


async def test_issue__stores_no_state(states: InstallStates, db: Database) -> None:
    state = await states.issue(NOW)
    async with db.read() as connection:
        (row,) = (await connection.execute(text("SELECT * FROM install_states"))).all()
    assert state not in repr(row)
    assert not await states.consume(row.digest, NOW)


async def test_issue__sweeps_what_has_expired(states: InstallStates, db: Database) -> None:
    await states.issue(NOW - STATE_LIFE)
    kept = await states.issue(NOW - timedelta(minutes=1))
    await states.issue(NOW)
    async with db.read() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM install_states")) == 2
    assert await states.consume(kept, NOW)
