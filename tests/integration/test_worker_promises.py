"""Due work that people were promised, and that fails at each try: it is never parked, so the count says that it is late."""

import pytest

from bot.model.due import Again, Claimed, Job
from bot.model.errors import VaultBusy
from bot.store.database import Database
from bot.store.due_work import DueWork
from bot.worker import Worker
from tests.databases import NOW
from tests.integration.due_steps import SetClock, rows, until

LONGER_THAN_ANY_PAUSE = 721.0
TRIES = 30
"""More than after which other work is parked."""


@pytest.mark.parametrize(
    "error",
    [RuntimeError("a mistake of ours"), VaultBusy(vault="v", minutes=1, seconds=60)],
    ids=["fails", "is put off"],
)
async def test_promise__that_always_fails_is_late_since_its_moment(db: Database, error: Exception) -> None:
    """Also where no try counts, since the other side asks us each time to wait: nobody was told in any case."""
    clock, tries = SetClock(), 0
    due = DueWork(db, clock)

    async def run(_: Claimed) -> Again | None:
        nonlocal tries
        tries += 1
        raise error

    async def is_put_off() -> bool:
        return tries == number and [row["claim"] for row in await rows(db)] == [None]

    await due.schedule([Job(key="r", kind="remind", due_at=NOW)])
    worker = Worker(due, {"remind": run}, promises=["remind"])
    worker.start()
    try:
        for number in range(1, TRIES + 1):
            await until(is_put_off)
            counts = await due.counts()
            assert counts.overdue == (clock.now - NOW).total_seconds()
            assert (counts.waiting, counts.parked, counts.leased) == (0, 0, 0)
            clock.move(LONGER_THAN_ANY_PAUSE)
            worker.wake()
    finally:
        await worker.stop(20)
    assert counts.overdue > 20_000
