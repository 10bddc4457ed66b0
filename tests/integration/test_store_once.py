"""What is done once, on both databases: whichever process comes first, for as long as it is to be known."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from bot.store.database import Database
from bot.store.database import database_url as parsed
from bot.store.once import SWEPT, Once
from tests.databases import NOW

MINUTE = timedelta(minutes=1)
EVENT = "event:Ev0123456789ABCDEF"


class Hands:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def once(db: Database, clock: Hands) -> Once:
    return Once(db, clock)


async def rows(db: Database) -> list[str]:
    """What is stored of all keys."""
    async with db.read() as connection:
        return [repr(row) for row in (await connection.execute(text("SELECT * FROM once"))).all()]


async def test_first__is_first_once(once: Once) -> None:
    assert await once.first(EVENT, MINUTE)
    assert not await once.first(EVENT, MINUTE)
    assert await once.first(f"{EVENT}0", MINUTE)


async def test_first__until_its_time_is_over(once: Once, clock: Hands) -> None:
    """Also where nobody has swept it away meanwhile; and a later try makes it no longer."""
    assert await once.first(EVENT, MINUTE)
    clock.at += MINUTE - timedelta(milliseconds=1)
    assert not await once.first(EVENT, 10 * MINUTE)
    clock.at += timedelta(milliseconds=1)
    assert await once.first(EVENT, MINUTE)
    assert not await once.first(EVENT, MINUTE)


async def test_first__of_many_at_once_in_two_processes_one_is_it(
    db: Database, database_url: str, clock: Hands
) -> None:
    async with Database.open(parsed(database_url)) as other_db:
        both = [Once(db, clock), Once(other_db, clock)] * 15
        for key in (EVENT, f"{EVENT}0"):
            assert sum(await asyncio.gather(*(one.first(key, MINUTE) for one in both))) == 1
        clock.at += MINUTE
        assert sum(await asyncio.gather(*(one.first(EVENT, MINUTE) for one in both))) == 1


async def test_first__is_known_to_the_next_process(db: Database, once: Once, clock: Hands) -> None:
    assert await once.first(EVENT, MINUTE)
    assert not await Once(db, clock).first(EVENT, MINUTE)


async def test_give_back__lets_it_be_taken_again(once: Once) -> None:
    await once.first(EVENT, MINUTE)
    await once.give_back(EVENT)
    assert await once.first(EVENT, MINUTE)
    await once.give_back("never taken")


async def test_first__sweeps_what_is_over(db: Database, once: Once, clock: Hands) -> None:
    for number in range(SWEPT):
        await once.first(str(number), MINUTE if number else 3 * MINUTE)
    clock.at += 2 * MINUTE
    assert await once.first("new", MINUTE)
    assert len(await rows(db)) == 2
    assert not await once.first("0", MINUTE)


async def test_first__stores_no_key(db: Database, once: Once) -> None:
    await once.first(EVENT, MINUTE)
    (row,) = await rows(db)
    assert EVENT not in row


@pytest.mark.parametrize(
    "key", ["", "\0", "ünïcödé ✓", "\ud800", "' OR 1=1 --", "x" * 1_000_000],
    ids=["empty", "nul", "non-ascii", "surrogate", "sql", "long"],
)  # fmt: skip
async def test_first__of_any_text(once: Once, key: str) -> None:
    assert await once.first(key, MINUTE)
    assert not await once.first(key, MINUTE)
