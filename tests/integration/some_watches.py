"""Watches for tests, and the jobs that keep what they promise."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from bot.model.accounts import SlackUser
from bot.model.due import Job, account_prefix
from bot.model.watches import Place, Snapshot, Target, Topic, Watch
from bot.store.database import Database
from tests.databases import ALICE, NOW
from tests.factories import an_upload

HERE, THERE = "promomats.vault.example", "quality.vault.example:8443"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
CHANNEL = Place("C1", "1700000000.000100")
UPLOAD = an_upload(path="/geheim/Ångström 🎬.mp4", name="Ångström 🎬.mp4", overwrite=True)
EXPIRES = NOW + 72 * HOUR
PROMISED = ["expired", "lead:3600", "lead:5", "lead:86400"]
"""The ends of the keys of what `a_watch` promises."""


def a_watch(number: int = 1, owner: SlackUser = ALICE, **changes: Any) -> Watch:
    """Alice's watch over UPLOAD, told to her alone; the number is its id."""
    watch = Watch(
        id=f"{number:016x}",
        owner=owner,
        vault_host=HERE,
        target=Target.UPLOAD,
        upload_id=UPLOAD.id,
        place=Place(),
        lead_times=(24 * HOUR, HOUR, timedelta(seconds=5)),
        topics=frozenset({Topic.STALLED, Topic.ENDED}),
        created_at=NOW,
        expires=EXPIRES,
        snapshot=Snapshot(upload=UPLOAD, read_at=NOW),
    )
    return replace(watch, **changes)


def a_job(watch: Watch, name: str, due_at: datetime = NOW, **payload: Any) -> Job:
    """A job of a watch."""
    return Job(key=f"{watch.job_prefix}{name}", kind="remind", due_at=due_at, payload=payload)


def promised(watch: Watch) -> list[Job]:
    """What watches promise: each lead time, and the end."""
    assert watch.expires
    leads = [
        a_job(watch, f"lead:{int(lead.total_seconds())}", watch.expires - lead) for lead in watch.lead_times
    ]
    return [*leads, a_job(watch, "expired", watch.expires)]


def poll(owner: SlackUser = ALICE) -> Job:
    """The job that looks at all the person watches."""
    return Job(key=f"{account_prefix(owner, HERE)}poll", kind="poll", due_at=NOW)


def no_jobs(watch: Watch) -> Sequence[Job]:
    """Promise nothing."""
    return []


async def keys(db: Database) -> list[str]:
    """The keys of all jobs: of a watch's, its number and the rest; of others, `poll` and whose it is."""
    async with db.read() as connection:
        found = (await connection.execute(text("SELECT key FROM due_work"))).scalars()
    return sorted(
        f"poll {key.split(':')[2]}" if key.startswith("account:") else key.removeprefix("watch:").lstrip("0")
        for key in found
    )


def all_of(*numbers: int) -> list[str]:
    """The keys of what these watches promise, as `keys` gives them."""
    return sorted(f"{number:x}:{name}" for number in numbers for name in PROMISED)
