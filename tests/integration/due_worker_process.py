"""A worker as a process of its own, to be killed and frozen. It writes a line for whatever it begins and ends.

Run with the settings as JSON: `python -m tests.integration.due_worker_process '{"url": …}'`. SIGTERM stops it.
"""

import asyncio
import json
import os
import signal
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.logs import set_up_logging
from bot.model.due import Again, Claimed
from bot.store.database import Database, database_url
from bot.store.due_work import DueWork
from bot.worker import Worker

FAR = timedelta(days=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What the process is to do; times in seconds. A job takes as long as `job` says, and where `gate` is the name of a
    file, until that is there. One of kind `again` comes back a day later, with our pid."""

    url: str
    notes: str
    lease: float
    longest_job: float
    job: float
    at_once: int
    stop: float = 10.0
    gate: str = ""

    def as_text(self) -> str:
        """Return what `main` reads."""
        return json.dumps(asdict(self))


async def main(settings: Settings) -> None:
    """Work until SIGTERM."""
    notes = os.open(settings.notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(word: str, key: str) -> None:
        os.write(notes, f"{word} {key} {os.getpid()}\n".encode())

    async def do(claimed: Claimed) -> Again | None:
        note("begun", claimed.key)
        await asyncio.sleep(settings.job)
        while settings.gate and not Path(settings.gate).exists():  # noqa: ASYNC110 - another process opens it
            await asyncio.sleep(0.02)
        note("done", claimed.key)
        if claimed.kind == "again":
            return Again(due_at=datetime.now(UTC) + FAR, payload={"by": os.getpid()})
        return None

    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with Database.open(database_url(settings.url)) as db:
        worker = Worker(
            DueWork(db, lease=timedelta(seconds=settings.lease)),
            {"note": do, "again": do},
            at_once=settings.at_once,
            longest_job=timedelta(seconds=settings.longest_job),
        )
        worker.start()
        await stop.wait()
        await worker.stop(settings.stop)
    os.close(notes)


if __name__ == "__main__":
    set_up_logging("INFO", "json")
    asyncio.run(main(Settings(**json.loads(sys.argv[1]))))
