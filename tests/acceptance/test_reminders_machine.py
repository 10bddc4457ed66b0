"""For any order of watching, changing, snoozing, stopping, failures and crashes: what was promised comes once, around a
crash twice, and nothing comes that was cancelled before its time."""

import asyncio
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text

from bot.model.clock import from_milliseconds
from bot.model.due import Claimed
from bot.model.errors import (
    CannotPostThere,
    LinkEnded,
    NothingToWatch,
    NotLinked,
    UploadNotVisible,
    VaultTemporary,
    WatchNotFound,
)
from bot.model.pasting import read_upload_id
from bot.model.reminders import Kind, Reminder
from bot.model.uploads import UploadSession
from bot.model.watches import Place, Topic, Watch
from bot.store.database import Database, database_url
from bot.store.schema import migrate
from bot.store.seal import Keyring, new_key
from tests.acceptance.promise_world import ASKER, ENDS, SIZE, Crash, StepwiseDatabase, Told, World
from tests.factories import ALICE

LEADS = st.lists(st.sampled_from([48, 24, 4, 1, 0.25]), min_size=1, max_size=4, unique=True).map(
    lambda hours: tuple(timedelta(hours=one) for one in sorted(hours, reverse=True))
)
PLACES = st.sampled_from([Place(), Place("C1")])
STEPS = st.integers(0, 9)
WHICH = st.integers(0, 5)
LIFETIMES = st.sampled_from([2, 30, 72])
EXAMPLES = int(os.environ.get("EXAMPLES", "30"))
LEASE = timedelta(seconds=31)
TABLES = "watches, due_work, samples, preferences, accounts"


@dataclass
class Promise:
    """What the person was told that a watch would do. `generation` counts how often it was made anew."""

    id: str
    upload_id: str
    place: Place
    leads: tuple[timedelta, ...]
    saved_at: datetime
    tells_of_end: bool
    generation: int = 0
    is_over: bool = False
    """Stopped, or its place is gone: nothing may come any more."""


@dataclass
class Posted:
    """A message with what the promise was when its job began."""

    told: Told
    generation: int
    expires: datetime | None


class Reminders(RuleBasedStateMachine):
    """The world, and beside it what was promised."""

    fresh_database: Callable[[], str]
    keyring = Keyring.parse(new_key())

    @initialize(
        can_look=st.booleans(),
        lifetimes=st.lists(LIFETIMES, min_size=1, max_size=3),
        wishes=st.lists(st.tuples(WHICH, PLACES, LEADS, st.booleans()), min_size=1, max_size=3),
    )
    def begin(
        self,
        can_look: bool,
        lifetimes: list[int],
        wishes: list[tuple[int, Place, tuple[timedelta, ...], bool]],
    ) -> None:
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.promises: dict[str, Promise] = {}
        self.posted: list[Posted] = []
        self.unsure: set[int] = set()
        """The runs of jobs that posted and then died, so that the next may post again."""
        self.moved: set[str] = set()
        self.numbers = 0
        self.acted_within = False
        self.planned: tuple[int, Callable[[], Awaitable[None]] | None] | None = None
        """What is to happen, and at which step of the next reminder; nothing: the process dies."""
        self.generation = 0
        self.wish: tuple[str, Place, tuple[timedelta, ...], bool] | None = None
        self.runner.run(self._open(can_look))
        for hours in lifetimes:
            self.upload_begins(hours)
        for which, place, leads, ends in wishes:
            self.watches(which, place, leads, ends, None)

    async def _open(self, can_look: bool) -> None:
        database = await self.stack.enter_async_context(
            StepwiseDatabase.open(database_url(type(self).fresh_database()))
        )
        self.world = World(database, self.keyring, can_look=can_look)
        self.world.slack.check = self._check_post
        self.db = database
        await self.world.link()

    # What people and uploads do

    @rule(hours=LIFETIMES)
    def upload_begins(self, hours: int) -> None:
        if len(self._uploads()) < 3:
            self.numbers += 1
            self.world.vault.begin(self.numbers, timedelta(hours=hours))

    @rule(which=WHICH, share=st.sampled_from([0.01, 0.3, 1]))
    def bytes_come(self, which: int, share: float) -> None:
        for upload in self._chosen(which):
            self.world.vault.progress(upload.id, int(SIZE * share))

    @rule(which=WHICH)
    def committed(self, which: int) -> None:
        for upload in self._chosen(which):
            self.world.vault.progress(upload.id, SIZE)
            self.world.vault.commit(upload.id)

    @rule(which=WHICH)
    def aborted(self, which: int) -> None:
        for upload in self._chosen(which):
            self.world.vault.abort(upload.id)

    @rule(which=WHICH, hours=st.sampled_from([-20, -3, 5]))
    def end_moves(self, which: int, hours: int) -> None:
        for upload in self._chosen(which):
            self.moved.add(upload.id)
            self.world.vault.move_end(upload.id, timedelta(hours=hours))

    @rule(which=WHICH, place=PLACES, leads=LEADS, ends=st.booleans(), dies_at=st.none() | STEPS)
    def watches(
        self, which: int, place: Place, leads: tuple[timedelta, ...], ends: bool, dies_at: int | None
    ) -> None:
        for upload in self._chosen(which):
            self._act(lambda: self._watch(upload.id, place, leads, ends), dies_at)  # noqa: B023 - used at once

    @rule(which=WHICH, word=st.sampled_from(["1h", "4h", "morning"]), dies_at=st.none() | STEPS)
    def snoozes(self, which: int, word: str, dies_at: int | None) -> None:
        self._act(lambda: self._snooze(which, word), dies_at)

    @rule(which=WHICH, dies_at=st.none() | STEPS)
    def stops(self, which: int, dies_at: int | None) -> None:
        self._act(lambda: self._stop(which), dies_at)

    # Time, and what goes wrong

    @rule(minutes=st.sampled_from([1, 20, 70, 300, 1500]), at_once=st.integers(1, 4))
    def time_passes(self, minutes: int, at_once: int) -> None:
        self.world.now += timedelta(minutes=minutes)
        self._run(at_once)

    @rule(at_once=st.integers(1, 4))
    def next_is_due(self, at_once: int) -> None:
        self.runner.run(self._jump())
        self._run(at_once)

    @rule(minutes=st.sampled_from([0, 20, 300]), dies_at=STEPS, at_once=st.integers(1, 4))
    def process_dies(self, minutes: int, dies_at: int, at_once: int) -> None:
        self.world.now += timedelta(minutes=minutes)
        self.runner.run(self._jump("remind"))
        self.planned = (dies_at, None)
        self._run(at_once)

    @rule(
        step=STEPS,
        which=WHICH,
        what=st.sampled_from(["stop", "snooze", "change"]),
        leads=LEADS,
    )
    def person_acts_meanwhile(self, step: int, which: int, what: str, leads: tuple[timedelta, ...]) -> None:
        self.runner.run(self._jump("remind"))

        async def act() -> None:
            # A job that is already on its way cannot be called back; and one that is snoozed was not cancelled.
            self.acted_within = self.world.due.noted is True or what == "snooze"
            promise = self._promise(which)
            if what == "stop":
                await self._stop(which)
            elif what == "snooze":
                await self._snooze(which, "4h")
            elif promise is not None:
                await self._watch(promise.upload_id, promise.place, leads, promise.tells_of_end)

        self.planned = (step, act)
        self._run(2)

    @rule(hours=st.sampled_from([1, 30]))
    def nobody_runs(self, hours: int) -> None:
        self.world.now += timedelta(hours=hours)

    @rule(failures=st.lists(st.booleans(), min_size=1, max_size=3))
    def slack_fails(self, failures: list[bool]) -> None:
        self.world.slack.failures = failures

    @rule()
    def vault_is_down(self) -> None:
        if self.world.vault.refuses is None:
            self.world.vault_is_down()

    @rule()
    def link_ends(self) -> None:
        self.world.link_ends()

    @rule()
    def all_is_well_again(self) -> None:
        self.runner.run(self.world.link())

    @rule()
    def channel_is_archived(self) -> None:
        self.world.slack.is_archived = True

    # How it is done

    def _uploads(self) -> list[UploadSession]:
        return [one for one in self.world.vault.uploads_by_id.values() if one.expires > self.world.now]

    def _chosen(self, which: int) -> list[UploadSession]:
        living = self._uploads()
        return [living[which % len(living)]] if living else []

    def _active(self, upload_id: str) -> UploadSession | None:
        upload = self.world.vault.uploads_by_id.get(upload_id)
        return upload if upload is not None and upload.expires > self.world.now else None

    def _promise(self, which: int) -> Promise | None:
        living = [promise for promise in self.promises.values() if not promise.is_over]
        return living[which % len(living)] if living else None

    def _act(self, action: Callable[[], Awaitable[None]], dies_at: int | None) -> None:
        if dies_at is not None:
            self.world.steps.at(dies_at)
        try:
            self.runner.run(_awaited(action))
        except Crash:
            self.runner.run(self._after_a_crash(self.wish))
        self.wish = None
        self.world.steps.clear()

    async def _watch(self, upload_id: str, place: Place, leads: tuple[timedelta, ...], ends: bool) -> None:
        topics = frozenset(Topic) if ends else frozenset(Topic) - {Topic.ENDED}
        self.wish = (upload_id, place, leads, ends)
        try:
            made = await self.world.reminders.watching.watch(
                ASKER, read_upload_id(upload_id), lead_times=leads, place=place, topics=topics
            )
        except CannotPostThere:
            for promise in self.promises.values():
                if (promise.upload_id, promise.place) == (upload_id, place):
                    promise.is_over = True
        except (UploadNotVisible, NothingToWatch, LinkEnded, NotLinked, VaultTemporary):
            pass
        else:
            self._saved(made.watch.id, self.wish)

    def _saved(self, watch_id: str, wish: tuple[str, Place, tuple[timedelta, ...], bool]) -> None:
        upload_id, place, leads, ends = wish
        before = self.promises.get(watch_id)
        self.promises[watch_id] = Promise(
            id=watch_id,
            upload_id=upload_id,
            place=place,
            leads=leads,
            saved_at=self.world.now,
            tells_of_end=ends,
            generation=before.generation + 1 if before else 0,
        )

    async def _snooze(self, which: int, word: str) -> None:
        promise = self._promise(which)
        if promise is not None:
            try:
                await self.world.reminders.care.snooze(ASKER, promise.id, word)
            except WatchNotFound:
                assert self._has_ended(promise)

    async def _stop(self, which: int) -> None:
        promise = self._promise(which)
        if promise is not None:
            try:
                await self.world.reminders.care.stop(ASKER, promise.id)
            except WatchNotFound:
                assert self._has_ended(promise)
            promise.is_over = True

    def _has_ended(self, promise: Promise) -> bool:
        """Whether the watch is gone for a reason that the person was told, or did not want to be told."""
        # Without a look nobody can know that Vault lets it live for longer.
        over = self._active(promise.upload_id) is None or promise.upload_id in self.moved
        told = any(one.told.watch_id == promise.id and one.told.kind in ENDS for one in self.posted)
        gone = promise.id in self.world.slack.told_of_end
        return gone or (over and (told or not promise.tells_of_end))

    async def _jump(self, kind: str = "%") -> None:
        """To when the next job of a kind is due."""
        async with self.db.read() as connection:
            due = await connection.scalar(
                text("SELECT min(due_at) FROM due_work WHERE kind LIKE :kind"), {"kind": kind}
            )
        if due is not None:
            self.world.now = max(self.world.now, from_milliseconds(due))

    def _begin(self, job: Claimed) -> None:
        self.acted_within = False
        if self.planned is not None and job.kind == "remind":
            self.world.steps.at(*self.planned)
            self.planned = None
        promise = self.promises.get(str(job.payload.get("w")))
        self.generation = promise.generation if promise else 0

    def _run(self, at_once: int) -> None:
        try:
            self.runner.run(self.world.run_due(at_once, begin=self._begin))
        except Crash:
            self.unsure.add(self.world.slack.run)
            self.runner.run(self._after_a_crash(self.wish))
            return
        self.wish = self.planned = None
        self.world.steps.clear()
        self.runner.run(self._check_what_is_due())

    async def _after_a_crash(self, wish: tuple[str, Place, tuple[timedelta, ...], bool] | None) -> None:
        """A new process finds what the dead one has stored, although nobody was told of it."""
        self.world.start()
        stored = {watch.id: watch for watch in await self.world.watches.of_person(ALICE)}
        for promise in self.promises.values():
            promise.is_over = promise.is_over or promise.id not in stored
        for watch in stored.values():
            if wish is not None and (watch.upload_id, watch.place, watch.lead_times) == wish[:3]:
                self._saved(watch.id, wish)
        self.wish = None
        self.world.now += LEASE

    # What must hold

    def _check_post(self, reminder: Reminder, key: str) -> None:
        """At the moment at which Slack takes a message."""
        now, slack = self.world.now, self.world.slack
        promise = self.promises.get(reminder.watch.id)
        assert promise is not None
        told = Told(
            at=now, watch_id=promise.id, kind=reminder.kind, lead=reminder.lead, key=key, run=slack.run
        )
        earlier = [one for one in self.posted if one.told.watch_id == promise.id]
        self.posted.append(Posted(told, self.generation, reminder.watch.expires))
        assert self.world.due.noted, "sent although the job was no longer ours"
        if self.acted_within:
            return
        assert not promise.is_over, "told after it was stopped"
        if reminder.kind is Kind.LEAD:
            assert reminder.lead in promise.leads
            assert reminder.watch.expires is not None
            assert now >= reminder.watch.expires - reminder.lead, "told before its time"
        if reminder.kind not in ENDS:
            assert not (reminder.watch.snoozed_until and reminder.watch.snoozed_until > now), (
                "told while snoozed"
            )
            assert not any(one.told.kind in ENDS for one in earlier), "told after the end"

    async def _check_what_is_due(self) -> None:
        """Nothing is left to do at this moment: all that was promised for it has come."""
        stored = {watch.id: watch for watch in await self.world.watches.of_person(ALICE)}
        jobs = await self._jobs()
        tried = {key.split(":")[1] for key, attempts in jobs.items() if key.startswith("watch:") and attempts}
        assert {key.split(":")[1] for key in jobs if key.startswith("watch:")} <= set(stored), (
            "jobs without a watch"
        )
        for promise in self.promises.values():
            watch = stored.get(promise.id)
            if promise.is_over:
                assert watch is None
            elif watch is None:
                assert self._has_ended(promise)
                promise.is_over = True
            elif promise.id not in tried:
                self._check_leads(promise, watch)

    def _check_leads(self, promise: Promise, watch: Watch) -> None:
        upload, now = self._active(promise.upload_id), self.world.now
        if (
            upload is None
            or promise.upload_id in self.moved
            or (watch.snoozed_until and watch.snoozed_until > now)
        ):
            return
        due = [lead for lead in promise.leads if promise.saved_at < upload.expires - lead <= now]
        told = {
            one.told.lead
            for one in self.posted
            if one.told.watch_id == promise.id and one.generation == promise.generation
        }
        assert not due or min(due) in told, f"promised and not told: {min(due)}"

    async def _jobs(self) -> dict[str, int]:
        async with self.db.read() as connection:
            rows = await connection.execute(text("SELECT key, attempts FROM due_work"))
            return {row.key: row.attempts for row in rows}

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            try:
                self.runner.run(self._to_the_end())
            finally:
                self.runner.run(self.stack.aclose())
                self.runner.close()

    async def _to_the_end(self) -> None:
        """Everything works again: each watch comes to its end, and nothing of it is left."""
        world = self.world
        world.steps.clear()
        world.slack.failures = []
        await world.link()
        for _ in range(400):
            await world.run_due(4, begin=self._begin)
            await self._check_what_is_due()
            due = await world.due.next_due()
            if due is None:
                break
            world.now = max(world.now, due)
        assert await world.watches.of_person(ALICE) == []
        assert await self._jobs() == {}
        self._check_counts()

    def _check_counts(self) -> None:
        """Each once; once more for each run that posted and did not live to know it, unless it could be looked for."""
        unsure = set() if self.world.slack.can_look else self.unsure | set(self.world.slack.unsure)
        times, allowed = Counter[Any](), Counter[Any]()
        for one in self.posted:
            told = one.told
            if told.kind in (Kind.STALLED, Kind.MOVING, Kind.FORECAST):
                continue  # may be so again
            what = "end" if told.kind in ENDS else (told.key, one.generation, one.expires)
            times[told.watch_id, what] += 1
            allowed[told.watch_id, what] += told.run in unsure
        for what, count in times.items():
            assert count <= 1 + allowed[what], f"told {count} times: {what}"


async def _awaited(action: Callable[[], Awaitable[None]]) -> None:
    await action()


@pytest.fixture(scope="module")
def template() -> Iterator[Path]:
    """An empty SQLite database with all tables, in memory where the machine has a place for that."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        file = Path(folder) / "template.db"
        asyncio.run(_migrated(f"sqlite:///{file}"))
        yield file


async def _migrated(url: str) -> None:
    async with Database.open(database_url(url)) as db:
        await migrate(db)


def run_machine(fresh_database: Callable[[], str], examples: int) -> None:
    class OnDatabase(Reminders):
        pass

    OnDatabase.fresh_database = staticmethod(fresh_database)
    chosen = settings(
        max_examples=examples,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    run_state_machine_as_test(OnDatabase, settings=chosen)


def test_promises__sqlite(template: Path) -> None:
    def fresh() -> str:
        file = template.with_name("bot.db")
        for old in template.parent.glob("bot.db*"):
            old.unlink()
        shutil.copy(template, file)
        return f"sqlite:///{file}"

    run_machine(fresh, EXAMPLES)


def test_promises__postgresql(postgres_url: str) -> None:
    asyncio.run(_migrated(postgres_url))

    def fresh() -> str:
        with closing(psycopg.connect(postgres_url, autocommit=True)) as connection:
            connection.execute(f"TRUNCATE {TABLES}".encode())
        return postgres_url

    run_machine(fresh, EXAMPLES // 5)
