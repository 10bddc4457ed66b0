"""Due work in both databases: who may take what, and who may store what became of it."""

import asyncio
import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from bot.model.due import Again, Claimed, Job, account_prefix
from bot.store import due_work as module
from bot.store.database import Database
from bot.store.due_claims import LONGEST_ERROR, UNKNOWN_KIND, Outcome
from bot.store.due_work import DueCounts, DueWork, drop_prefix, put
from tests.databases import ALICE, BOB, NOW
from tests.integration.due_steps import SetClock, rows

SECOND = timedelta(seconds=1)
LEASE = timedelta(seconds=30)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def due(db: Database, clock: SetClock) -> DueWork:
    return DueWork(db, clock, LEASE)


def a_job(key: str = "a", due_at: datetime = NOW, kind: str = "note", **payload: str | int | None) -> Job:
    return Job(key=key, kind=kind, due_at=due_at, payload=payload)


async def only(due: DueWork) -> Claimed:
    """Claim the one job there is."""
    (claimed,) = await due.claim(16)
    return claimed


def keys(claims: Sequence[Claimed]) -> list[str]:
    return [claimed.key for claimed in claims]


async def test_claim__returns_what_was_scheduled(due: DueWork) -> None:
    job = a_job("watch:1:24h", NOW - SECOND, upload="Ångström \0 \ud800", tries=3, gone=None)
    await due.schedule([job])
    claimed = await only(due)
    assert (claimed.key, claimed.kind, claimed.due_at, claimed.payload) == (
        job.key,
        job.kind,
        job.due_at,
        job.payload,
    )
    assert claimed.attempts == 1


async def test_claim__longest_due_first_and_no_more_than_asked_for(due: DueWork) -> None:
    await due.schedule([a_job(f"k{late}", NOW - late * SECOND) for late in (2, 5, 1, 4, 3)])
    assert keys(await due.claim(3)) == ["k5", "k4", "k3"]
    assert keys(await due.claim(3)) == ["k2", "k1"]


async def test_claim__not_before_its_moment(due: DueWork, clock: SetClock) -> None:
    await due.schedule([a_job(due_at=NOW + SECOND)])
    assert await due.claim(16) == []
    assert await due.pause() == 1.0
    clock.move(1)
    assert await due.pause() == 0.0
    assert keys(await due.claim(16)) == ["a"]


async def test_claim__nobody_else_has_it_until_the_lease_has_passed(due: DueWork, clock: SetClock) -> None:
    await due.schedule([a_job()])
    first = await only(due)
    clock.move(29)
    assert await due.claim(16) == []
    clock.move(1)
    second = await only(due)
    assert second.due_at == first.due_at == NOW
    assert second.attempts == 2
    assert second.claim != first.claim


async def test_claim__many_at_once_share_the_jobs(due: DueWork) -> None:
    await due.schedule([a_job(f"k{n:03}") for n in range(100)])
    shares = await asyncio.gather(*(due.claim(7) for _ in range(20)))
    taken = [key for share in shares for key in keys(share)]
    assert len(taken) == len(set(taken))
    while more := await due.claim(7):  # PostgreSQL passes over what another is just looking at
        taken += keys(more)
    assert sorted(taken) == [f"k{n:03}" for n in range(100)]


async def test_claim__held_jobs_are_not_taken_again_after_a_leap_of_the_clock(
    due: DueWork, clock: SetClock
) -> None:
    await due.schedule([a_job("a"), a_job("b")])
    held = await due.claim(16)
    clock.move(3 * 3600)
    assert await due.claim(16, held=held) == []
    assert await due.pause(held=held) is None
    await due.schedule([a_job("b")])
    assert await due.pause(held=held) == 0.0
    assert keys(await due.claim(16, held=held)) == ["b"]


async def test_claim__row_that_cannot_be_read_is_parked_and_holds_up_nothing(
    due: DueWork, db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await due.schedule([a_job("a"), a_job("b"), a_job("c")])
    async with db.write() as connection:
        await connection.execute(text("UPDATE due_work SET payload = '{' WHERE key = 'a'"))
        await connection.execute(text("UPDATE due_work SET payload = '[]' WHERE key = 'b'"))
    with caplog.at_level(logging.ERROR):
        assert keys(await due.claim(16)) == ["c"]
    assert len(caplog.records) == 2
    assert (await due.counts()).parked == 2


async def test_schedule__same_key_changes_the_job(due: DueWork) -> None:
    await due.schedule([a_job(due_at=NOW + LEASE, size=1), a_job("b", NOW + LEASE)])
    await due.schedule([a_job(kind="other", size=2)])
    claimed = await only(due)
    assert (claimed.kind, claimed.payload, claimed.due_at) == ("other", {"size": 2}, NOW)


async def test_schedule__twice_in_one_call_the_last_one_counts(due: DueWork) -> None:
    await due.schedule([a_job(size=1), a_job(size=2)])
    assert (await only(due)).payload == {"size": 2}


async def test_schedule__nothing(due: DueWork) -> None:
    await due.schedule([])
    assert await due.next_due() is None


@pytest.mark.parametrize("bad", [a_job("b", datetime(2026, 1, 1)), a_job("b", what=b"x")])  # type: ignore[arg-type]  # noqa: DTZ001
async def test_schedule__what_cannot_be_stored_is_refused_whole(due: DueWork, bad: Job) -> None:
    with pytest.raises((ValueError, TypeError)):
        await due.schedule([a_job("a"), bad])
    assert await due.next_due() is None


async def test_schedule__tells_this_process(due: DueWork) -> None:
    told: list[datetime | None] = []
    due.on_change(lambda: told.append(None))
    await due.schedule([a_job()])
    assert told == [None]


async def test_schedule__ends_a_run_in_progress_and_its_failures(due: DueWork) -> None:
    await due.schedule([a_job()])
    running = await only(due)
    await due.schedule([a_job(size=2)])
    assert await due.renew([running]) == set()
    assert not await due.finish(running, None)
    assert not await due.finish(running, Again(due_at=NOW + LEASE))
    assert not await due.postpone(running, 5, "RuntimeError")
    assert not await due.park(running, "RuntimeError")
    await due.give_back([running])
    fresh = await only(due)
    assert (fresh.attempts, fresh.payload) == (1, {"size": 2})


async def test_put__goes_with_the_transaction(db: Database, due: DueWork) -> None:
    await due.schedule([a_job("a", size=1)])
    running = await only(due)
    await due.give_back([running])

    async def put_and_fail() -> None:
        async with db.write() as connection:
            await put(connection, [a_job("a", size=2), a_job("b")])
            assert await drop_prefix(connection, "b") == 1
            raise RuntimeError("changed my mind")

    with pytest.raises(RuntimeError, match="changed my mind"):
        await put_and_fail()
    assert (await only(due)).payload == {"size": 1}


async def test_cancel__ends_a_run_in_progress(due: DueWork) -> None:
    await due.schedule([a_job("a"), a_job("b"), a_job("c", NOW + LEASE)])
    running = await due.claim(16)
    assert await due.cancel(["a", "c", "nobody's"]) == 2
    assert await due.renew(running) == {"b"}
    refused = await due.settle([Outcome.done(claimed) for claimed in running])
    assert keys(refused) == ["a"]
    assert await due.next_due() is None


async def test_cancel__nothing(due: DueWork) -> None:
    await due.schedule([a_job()])
    assert await due.cancel([]) == 0
    assert await due.next_due() == NOW


async def test_cancel_prefix__takes_its_own_and_no_others(due: DueWork) -> None:
    """Upper and lower case, signs that mean something in LIKE, and neighbours in any order of texts."""
    mine = account_prefix(ALICE, "pro_mo%mats.vault.example")
    others = [
        account_prefix(ALICE, "pro-mo-mats.vault.example"),
        account_prefix(ALICE, "pro_mo%mats.vault.example.org"),
        account_prefix(BOB, "pro_mo%mats.vault.example"),
        mine.lower(),
        mine.upper(),
        mine[:-1],
        f"x{mine}",
    ]
    names = [f"{prefix}token_ends" for prefix in others]
    await due.schedule([a_job(name, NOW + SECOND) for name in [*names, mine, f"{mine}a", f"{mine}Ångström"]])
    assert await due.cancel_prefix(mine) == 3
    assert await due.cancel_prefix(mine) == 0
    assert await due.cancel(names) == len(names)


async def test_cancel_prefix__empty_is_refused(due: DueWork) -> None:
    await due.schedule([a_job()])
    with pytest.raises(ValueError, match="empty"):
        await due.cancel_prefix("")
    assert await due.next_due() == NOW


async def test_renew__lengthens_the_lease_of_what_is_still_ours(due: DueWork, clock: SetClock) -> None:
    await due.schedule([a_job("a"), a_job("b")])
    running = await due.claim(16)
    clock.move(29)
    assert await due.renew(running) == {"a", "b"}
    clock.move(29)
    assert await due.claim(16) == []
    clock.move(1)
    taken_over = await due.claim(1)
    assert await due.renew(running) == {"a", "b"} - set(keys(taken_over))
    assert await due.renew([]) == set()


async def test_finish__after_a_takeover_changes_nothing(due: DueWork, clock: SetClock) -> None:
    await due.schedule([a_job()])
    zombie = await only(due)
    clock.move(30)
    heir = await only(due)
    assert not await due.finish(zombie, None)
    assert not await due.finish(zombie, Again(due_at=NOW))
    assert await due.renew([heir]) == {"a"}
    assert await due.finish(heir, None)
    assert not await due.finish(heir, None)


async def test_finish__again_comes_back_as_new(due: DueWork, clock: SetClock) -> None:
    await due.schedule([a_job(size=1)])
    await due.postpone(await only(due), 5, "RuntimeError")
    clock.move(5)
    assert await due.finish(await only(due), Again(due_at=NOW + 60 * SECOND))
    assert await due.next_due() == NOW + 60 * SECOND
    clock.move(60)
    again = await only(due)
    assert (again.due_at, again.attempts, again.payload) == (NOW + 60 * SECOND, 1, {"size": 1})
    assert await due.finish(again, Again(due_at=NOW, payload={"size": 2}))
    assert (await only(due)).payload == {"size": 2}


async def test_postpone__keeps_the_promised_moment_and_why(
    due: DueWork, db: Database, clock: SetClock
) -> None:
    await due.schedule([a_job()])
    assert await due.postpone(await only(due), 5, "\0\ud800" + "x" * 1000)
    assert await due.pause() == 5.0
    clock.move(5)
    claimed = await only(due)
    assert (claimed.due_at, claimed.attempts) == (NOW, 2)
    assert [row["last_error"] for row in await rows(db)] == ["?" + "x" * (LONGEST_ERROR - 1)]


async def test_postpone__uncounted_is_no_attempt(due: DueWork, clock: SetClock) -> None:
    await due.schedule([a_job()])
    await due.settle([Outcome.postponed(await only(due), 5, "Limited", counted=False)])
    clock.move(5)
    assert (await only(due)).attempts == 1


async def test_give_back__as_if_it_had_never_been_claimed(due: DueWork) -> None:
    await due.schedule([a_job("a"), a_job("b")])
    running = await due.claim(16)
    await due.give_back(running)
    await due.give_back([])
    again = await due.claim(16)
    assert [(claimed.key, claimed.attempts, claimed.due_at) for claimed in again] == [
        ("a", 1, NOW),
        ("b", 1, NOW),
    ]
    assert await due.renew(running) == set()


async def test_park__stays_until_it_is_scheduled_anew(due: DueWork, db: Database, clock: SetClock) -> None:
    await due.schedule([a_job()])
    assert await due.park(await only(due), "RuntimeError")
    clock.move(10_000 * 86_400)
    assert await due.claim(16) == []
    assert await due.next_due() is None
    assert await due.pause() is None
    assert [row["last_error"] for row in await rows(db)] == ["RuntimeError"]
    await due.schedule([a_job(due_at=NOW)])
    assert (await only(due)).attempts == 1
    assert [row["last_error"] for row in await rows(db)] == [None]


async def test_revive__what_an_earlier_release_did_not_know(due: DueWork) -> None:
    await due.schedule([a_job("a", kind="new"), a_job("b", kind="newer"), a_job("c", kind="new")])
    first, second, third = await due.claim(16)
    await due.park(first, UNKNOWN_KIND)
    await due.park(second, UNKNOWN_KIND)
    await due.park(third, "RuntimeError")
    assert await due.revive(["note", "new"]) == 1
    claimed = await only(due)
    assert (claimed.key, claimed.due_at, claimed.attempts) == ("a", NOW, 1)
    assert await due.revive([]) == 0


async def test_settle__all_in_one_go(due: DueWork, clock: SetClock) -> None:
    await due.schedule([a_job(key) for key in "abcdef"])
    done, again, later, back, parked, lost = await due.claim(16)
    await due.schedule([a_job("f", NOW + 99 * SECOND)])
    refused = await due.settle(
        [
            Outcome.done(lost),
            Outcome.parked(parked, "why"),
            Outcome.given_back(back),
            Outcome.postponed(later, 7, "why"),
            Outcome.again(again, Again(due_at=NOW + 8 * SECOND)),
            Outcome.done(done),
        ]
    )
    assert refused == [lost]
    assert await due.counts() == DueCounts(pending={"note": 4}, leased=0, parked=1, waiting=1, overdue=0.0)
    moments = []
    while (pause := await due.pause()) is not None:
        clock.move(pause)
        moments += [(one.key, (clock.now - NOW) // SECOND) for one in await due.claim(16)]
        await due.cancel([key for key, _ in moments])
    assert moments == [("d", 0), ("c", 7), ("b", 8), ("f", 99)]


def test_outcome__that_cannot_be_stored_is_refused_at_once() -> None:
    claimed = Claimed(key="a", kind="note", due_at=NOW, payload={}, attempts=1, claim="x")
    with pytest.raises(ValueError, match="time zone"):
        Outcome.again(claimed, Again(due_at=datetime(2026, 1, 1)))  # noqa: DTZ001
    with pytest.raises(TypeError):
        Outcome.again(claimed, Again(due_at=NOW, payload={"x": b""}))  # type: ignore[dict-item]


async def test_counts__tells_what_waits_and_for_how_long(due: DueWork, clock: SetClock) -> None:
    assert await due.counts() == DueCounts(pending={}, leased=0, parked=0, waiting=0, overdue=0.0)
    await due.schedule([a_job("a", kind="parks"), a_job("b", NOW - SECOND, kind="runs")])
    running, parked = await due.claim(2)
    await due.park(parked, "why")
    await due.schedule([a_job("c", NOW + 2 * SECOND), a_job("d", NOW + 4 * SECOND), a_job("e", kind="more")])
    clock.move(1.5)
    # The one that runs was promised before all others. What is parked is late no more.
    counts = DueCounts(pending={"note": 2, "more": 1}, leased=1, parked=1, waiting=1, overdue=2.5)
    assert await due.counts() == counts
    assert running.kind == "runs"


async def test_time__is_the_databases_own(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """With no clock given: right now on both, and on PostgreSQL whatever this machine's clock says."""
    due = DueWork(db)
    now = datetime.now(UTC)
    if not db.is_sqlite:
        wrong = time.time() + 300
        monkeypatch.setattr(time, "time", lambda: wrong)
    await due.schedule([a_job("a", now), a_job("b", now + 60 * SECOND)])
    claimed = await only(due)
    assert claimed.key == "a"
    pause = await due.pause()
    assert pause is not None
    assert 0 < pause <= module.LEASE.total_seconds()
    assert await due.postpone(claimed, 100, "why")
    assert 0 < (await due.pause() or 0) <= 60
    await due.cancel(["a"])
    assert (await due.counts()).overdue == 0.0


async def test_statements__search_an_index(db: Database) -> None:
    """Of 100,000 rows none is looked at that is not meant. By the database's own time, an expression on PostgreSQL."""
    due, now = DueWork(db), datetime.now(UTC)
    await due.schedule([a_job(f"account:T:U{n}:h:x", now + n * 3600 * SECOND) for n in range(3000)])
    if not db.is_sqlite:
        async with db.write() as connection:
            await connection.execute(text("ANALYZE due_work"))
    asked: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, values: Any, _context: object, _many: bool) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
            asked.append((statement, values))

    event.listen(db.engine.sync_engine, "before_cursor_execute", note)
    (claimed,) = await due.claim(16)
    await due.pause(held=[claimed])
    await due.next_due()
    await due.renew([claimed])
    await due.revive(["note"])
    await due.settle([Outcome.postponed(claimed, 0, "why")])
    await due.finish(await only(due), Again(due_at=now))
    await due.park(await only(due), "why")
    await due.cancel(["account:T:U8:h:x"])
    await due.cancel_prefix("account:T:U7:")
    event.remove(db.engine.sync_engine, "before_cursor_execute", note)
    assert len(asked) >= 12
    async with db.read() as connection:
        for statement, values in asked:
            explain = ("EXPLAIN QUERY PLAN " if db.is_sqlite else "EXPLAIN ") + statement
            plan = [str(row) for row in (await connection.exec_driver_sql(explain, values)).all()]
            read_through = [
                line for line in plan if "Seq Scan on due_work" in line or "SCAN due_work" in line
            ]
            assert read_through == [], statement
