"""Due work that people were promised, and that fails at each try: it is never parked, so the counts say it is late."""

from collections.abc import Callable, Mapping

import pytest
import structlog

from bot import job_faults
from bot.model.due import Again, Claimed, Job
from bot.model.errors import VaultBusy
from bot.store.database import Database
from bot.store.due_work import DueWork
from bot.worker import Worker
from tests.databases import NOW
from tests.integration.due_steps import SetClock, rows, until

LONGER_THAN_ANY_PAUSE = 721.0
TRIES = 22
"""More than after which other work is parked."""


def _drop(*_: object) -> Mapping[str, object]:
    raise structlog.DropEvent


def mistake() -> Exception:
    return RuntimeError("a mistake of ours")


def wait() -> Exception:
    return VaultBusy(vault="v", minutes=1, seconds=60)


@pytest.mark.parametrize("error", [mistake, wait], ids=["fails", "is put off"])
async def test_promise__that_always_fails_is_late_since_its_moment(
    db: Database, error: Callable[[], Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where no try counts, since the other side asks us each time to wait: nobody was told in any case."""
    clock, tries = SetClock(), 0
    due = DueWork(db, clock)

    async def run(_: Claimed) -> Again | None:
        nonlocal tries
        tries += 1
        raise error()

    async def is_put_off() -> bool:
        is_tried = tries > (clock.now - NOW).total_seconds() // LONGER_THAN_ANY_PAUSE
        return is_tried and [row["claim"] for row in await rows(db)] == [None]

    # To draw each failure's way through the code for a terminal would take most of the time.
    monkeypatch.setattr(job_faults, "log", structlog.wrap_logger(structlog.PrintLogger(), processors=[_drop]))
    await due.schedule([Job(key="r", kind="remind", due_at=NOW)])
    worker = Worker(due, {"remind": run}, promises=["remind"])
    worker.start()
    try:
        for _ in range(TRIES):
            await until(is_put_off)
            counts = await due.counts()
            assert counts.overdue == (clock.now - NOW).total_seconds()
            assert (counts.waiting, counts.parked, counts.leased) == (0, 0, 0)
            clock.move(LONGER_THAN_ANY_PAUSE)
            worker.wake()
    finally:
        await worker.stop(20)
    assert counts.overdue > 15_000
