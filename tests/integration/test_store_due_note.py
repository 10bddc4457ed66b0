"""A job's payload, changed while it is being worked on: what a worker that crashes leaves for the next one."""

from datetime import datetime, timedelta

import pytest

from bot.model.due import Again, Job
from bot.store.database import Database
from bot.store.due_work import DueWork, drop
from tests.databases import NOW

LEASE = timedelta(seconds=30)


class SetClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
async def due(db: Database, clock: SetClock) -> DueWork:
    due = DueWork(db, clock, LEASE)
    await due.schedule(
        [Job(key=key, kind="remind", due_at=NOW, payload={"w": "1", "sending": None}) for key in ("a", "b")]
    )
    return due


async def test_note__is_there_for_who_takes_over(due: DueWork, clock: SetClock) -> None:
    first, second = await due.claim(16)
    assert await due.note(first, {"w": "1", "sending": 7})
    assert await due.renew([first, second]) == {"a", "b"}
    clock.now += LEASE
    heirs = {claimed.key: claimed for claimed in await due.claim(16)}
    assert heirs["a"].payload == {"w": "1", "sending": 7}
    assert (heirs["a"].attempts, heirs["a"].due_at) == (2, NOW)
    assert heirs["b"].payload == second.payload
    assert not await due.note(first, {"w": "late"})
    assert await due.finish(heirs["a"], None)
    assert not await due.note(heirs["a"], {"w": "late"})


async def test_note__stays_after_a_failure_and_when_it_comes_again(due: DueWork, clock: SetClock) -> None:
    first, second = await due.claim(16)
    for claimed in (first, second):
        assert await due.note(claimed, {"sending": 7})
    assert await due.postpone(first, 5, "SlackUnavailable")
    assert await due.finish(second, Again(due_at=NOW))
    clock.now += timedelta(seconds=5)
    assert [claimed.payload for claimed in await due.claim(16)] == [{"sending": 7}] * 2


async def test_note__of_a_job_that_was_changed_or_cancelled(due: DueWork) -> None:
    first, second = await due.claim(16)
    await due.schedule([Job(key="a", kind="remind", due_at=NOW, payload={"w": "2"})])
    await due.cancel(["b"])
    assert not await due.note(first, {"sending": 7})
    assert not await due.note(second, {"sending": 7})
    assert [claimed.payload for claimed in await due.claim(16)] == [{"w": "2"}]


async def test_note__that_cannot_be_stored_changes_nothing(due: DueWork, clock: SetClock) -> None:
    first, _ = await due.claim(16)
    with pytest.raises(TypeError):
        await due.note(first, {"sending": b"7"})  # type: ignore[dict-item]
    await due.give_back([first])
    assert [claimed.payload for claimed in await due.claim(16)] == [first.payload]


async def test_drop__goes_with_the_transaction(due: DueWork, db: Database) -> None:
    async def drop_and_fail() -> None:
        async with db.write() as connection:
            assert await drop(connection, ["a", "nobody's"]) == 1
            raise RuntimeError("changed my mind")

    with pytest.raises(RuntimeError, match="changed my mind"):
        await drop_and_fail()
    assert len(await due.claim(16)) == 2
