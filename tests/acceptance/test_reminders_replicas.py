"""Reminders of two replicas on one PostgreSQL, in real time: whatever dies in between, none is lost."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import bot
from bot.demo.bot_process import BotProcess
from bot.demo.vault.calls import Kind
from bot.demo.workspace import DemoWorkspace
from bot.store.due_work import LEASE
from bot.worker import AT_ONCE
from tests.acceptance.cut_network import network_to
from tests.acceptance.operating import two_replicas
from tests.acceptance.planting import (
    held_claims,
    held_leases,
    leads_left,
    look_now,
    plant,
    posted_at,
    reminders,
    times_told,
)
from tests.acceptance.steps import log_lines, until
from tests.postgres import PostgresServer, find_binaries, started

REAL_TIME = {"DEMO_CLOCK_FILE": ""}
"""The bots then go by the machine's clock and the database's, as everywhere but in the demo."""
ROOT = Path(bot.__file__).parents[1]
CUT = LEASE + timedelta(seconds=5)
UNRENEWED = LEASE * 0.6
"""A living replica renews its claims three times in a lease, if it has not ended them long before."""


def now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def two_with_alice(url: str, folder: Path) -> AsyncIterator[tuple[DemoWorkspace, BotProcess]]:
    """Two bots by real time, and Alice linked for as long as it takes."""
    async with two_replicas(url, folder, REAL_TIME) as (demo, second):
        demo.clock.run_at(1)
        await demo.link("alice", method="token")
        yield demo, second


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """A PostgreSQL of the test's own, to be stopped and started."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed (no initdb and postgres found)")
    with started(binaries) as server:
        yield server


async def told_in_all(demo: DemoWorkspace, count: int) -> None:
    """Wait until so many different reminders were posted."""
    async with asyncio.timeout(300):
        while len(times_told(demo)) < count:  # noqa: ASYNC110 - it depends on other processes
            await asyncio.sleep(0.2)


async def until_none_left(url: str) -> None:
    """Wait until the database promises no reminder of a lead time any more."""
    async with asyncio.timeout(150):
        while await leads_left(url):  # noqa: ASYNC110 - it depends on other processes
            await asyncio.sleep(0.2)


async def killed_in_the_midst(replica: BotProcess, url: str) -> set[tuple[str, str]]:
    """Stop a replica while it has something in hand, then kill it; return its claims, each with its job's key."""
    async with asyncio.timeout(150):
        while True:
            os.kill(replica.pid, signal.SIGSTOP)
            # What was on its way to the database has arrived by then.
            await asyncio.sleep(1)
            if orphans := await left_alone(url):
                assert await replica.kill() == -signal.SIGKILL
                return orphans
            os.kill(replica.pid, signal.SIGCONT)
            # Long enough to take work again, and never in step with its looks.
            await asyncio.sleep(random.uniform(0.7, 1.3))  # noqa: S311 - not a secret


async def left_alone(url: str) -> set[tuple[str, str]]:
    """The claims of now that nobody ends or renews, as the living replica does with its own, however slow it is.

    What goes only when its lease is over counts among them: it was taken over.
    """
    now, alone = await held_leases(url)
    give_up = now + UNRENEWED / timedelta(milliseconds=1)
    while alone and now < give_up:
        await asyncio.sleep(0.1)
        now, held = await held_leases(url)
        alone = {one: ends for one, ends in alone.items() if held.get(one) == ends or now >= ends}
    return set(alone)


async def test_replicas__one_killed_amid_two_thousand_reminders(postgres_url: str, tmp_path: Path) -> None:
    """None is lost; only what the dead one had in hand may come twice; the other has it when its lease is over."""
    async with two_with_alice(postgres_url, tmp_path) as (demo, second):
        keys = await plant(demo, postgres_url, 2000, first_due=now(), apart=timedelta(milliseconds=25))
        await told_in_all(demo, 200)
        orphans = await killed_in_the_midst(second, postgres_url)
        assert 0 < len(orphans) <= AT_ONCE
        # On an idle machine within two seconds of the lease's end; how late a loaded one is says nothing.
        async with asyncio.timeout(4 * LEASE.total_seconds()):
            while orphans & (await held_claims(postgres_url)).items():  # noqa: ASYNC110 - it depends on another process
                await asyncio.sleep(0.05)
        await told_in_all(demo, len(keys))
        await until_none_left(postgres_url)
        told = times_told(demo)
    assert set(told) == set(keys)
    assert max(told.values()) <= 2
    assert {key for key, times in told.items() if times > 1} <= {key for key, _ in orphans}


def waits_for_the_database(demo: DemoWorkspace) -> int:
    """How often the bot began to wait for it."""
    return sum(line["event"] == "due work waits for the database" for line in log_lines(demo))


async def test_replicas__database_restarted(own_server: PostgresServer, tmp_path: Path) -> None:
    """By a crash, which ends every connection: each reminder comes once, and the bots need no restart."""
    with own_server.database() as url:
        async with two_with_alice(url, tmp_path) as (demo, second):
            keys: list[str] = []
            is_amid = False
            # Again where all had been told before the server was down.
            while not is_amid:
                noticed = waits_for_the_database(demo)
                keys += await plant(
                    demo, url, 500, first_due=now(), apart=timedelta(milliseconds=10), first=len(keys)
                )
                await told_in_all(demo, len(keys) - 350)
                await asyncio.to_thread(own_server.stop, signal.SIGQUIT)
                await until(lambda n=noticed: waits_for_the_database(demo) > n, "the bot notices", 60)  # type: ignore[misc]
                # Long enough to try several times in vain.
                await asyncio.sleep(3)
                is_amid = len(times_told(demo)) < len(keys)
                await asyncio.to_thread(own_server.start)
            await told_in_all(demo, len(keys))
            await until_none_left(url)
            told = times_told(demo)
            assert demo.bot.pid
            assert second.pid
    assert set(told) == set(keys)
    assert max(told.values()) == 1


async def test_replicas__one_cut_off_from_the_database(postgres_url: str, tmp_path: Path) -> None:
    """For longer than a lease, without a word: the other does its work, and when the network is back it goes on."""
    async with two_with_alice(postgres_url, tmp_path) as (demo, second), network_to(postgres_url) as network:
        await second.stop()
        other = BotProcess({**demo.settings, "DATABASE_URL": network.address}, tmp_path, second.port)
        await other.start()
        try:
            keys = await plant(demo, postgres_url, 300, first_due=now(), apart=timedelta(milliseconds=10))
            await told_in_all(demo, 100)
            network.cut()
            mend_at = now() + CUT
            in_hand = await held_claims(postgres_url)
            await told_in_all(demo, len(keys))
            await until_none_left(postgres_url)
            await asyncio.sleep((mend_at - now()).total_seconds())
            network.mend()
            await demo.bot.stop()
            more = await plant(demo, postgres_url, 20, first_due=now(), first=len(keys))
            await told_in_all(demo, len(keys) + len(more))
            told = times_told(demo)
        finally:
            assert await other.stop() == 0
    assert set(told) == {*keys, *more}
    assert max(told.values()) <= 2
    assert {key for key, times in told.items() if times > 1} <= set(in_hand)


WRONG_CLOCK = """
import os, time
from datetime import timedelta
from bot.model import clock

AHEAD = float(os.environ["CLOCK_AHEAD"])
machine_time, machine_clock = time.time, clock.system_clock
time.time = lambda: machine_time() + AHEAD
clock.system_clock = lambda: machine_clock() + timedelta(seconds=AHEAD)
"""
"""Python runs a module of this name, `sitecustomize`, before anything else."""
LOOKS_APART = 5


@pytest.mark.parametrize("ahead", [300, -300], ids=["ahead", "behind"])
async def test_replicas__clock_of_the_machine_off(postgres_url: str, tmp_path: Path, ahead: int) -> None:
    """By five minutes: reminders come when they are due by the database's clock, and looks are no more frequent."""
    (tmp_path / "sitecustomize.py").write_text(WRONG_CLOCK)
    wrong = {"CLOCK_AHEAD": str(ahead), "PYTHONPATH": f"{tmp_path}:{ROOT}", "POLL_EVERY": f"{LOOKS_APART}s"}
    async with two_with_alice(postgres_url, tmp_path) as (demo, second):
        await asyncio.gather(demo.bot.stop(), second.stop())
        off = BotProcess({**demo.settings, **wrong}, tmp_path, second.port)
        due = now() + timedelta(seconds=6)
        lead = timedelta(minutes=1)
        keys = await plant(
            demo, postgres_url, 50, first_due=due, apart=timedelta(milliseconds=100), lead=lead
        )
        looks_from = now()
        await look_now(demo, postgres_url)
        await off.start()
        try:
            await told_in_all(demo, len(keys))
            await asyncio.sleep(max(0.0, 12 - (now() - due).total_seconds()))
            await until(lambda: demo.vault.calls(Kind.LIST_UPLOADS) > 0, "a look", 60)
            looks = demo.vault.calls(Kind.LIST_UPLOADS)
            most = 2 + (now() - looks_from).total_seconds() / LOOKS_APART
        finally:
            await off.stop()
        posted = dict(reminders(demo))
    for number, key in enumerate(keys):
        wanted = due + number * timedelta(milliseconds=100)
        assert posted_at(posted[key]) >= wanted - timedelta(seconds=1)
        assert "late" not in posted[key].text
    assert looks <= most
