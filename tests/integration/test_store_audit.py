"""The audit log on both databases: one chain whoever writes, and nothing taken from it or put into it unnoticed."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, event, text

from bot.model.audit import Action, AuditEntry, AuditRow, Outcome
from bot.model.errors import AuditBroken, KeyMissing, StoreUnavailable
from bot.store import audit as module
from bot.store import audit_rows
from bot.store.audit import AuditLog
from bot.store.audit_chain import GENESIS
from bot.store.audit_rows import COLUMNS
from bot.store.database import Database
from bot.store.database import database_url as parsed
from bot.store.schema import migrate
from bot.store.seal import Keyring, new_key
from tests.databases import NOW

SEAL_BROKEN = "The ends of the chain were changed: their seal is broken."

COPY_ROW_10 = f"INSERT INTO audit_log SELECT 11, {', '.join(COLUMNS[1:])} FROM audit_log WHERE seq = 10"  # noqa: S608


def entry(number: int = 0, *, at: datetime | None = None, **values: str) -> AuditEntry:
    """The audit entry of a look-up, one second after the other."""
    texts = {"slack_user_id": "U1", "upload_id": f"u-{number}", **values}
    return AuditEntry(
        at=at or NOW + timedelta(seconds=number), action=Action.LOOK_UP, outcome=Outcome.DONE, **texts
    )


@pytest.fixture
async def log(db: Database, keyring: Keyring) -> AsyncIterator[AuditLog]:
    audit = AuditLog(db, keyring)
    yield audit
    await audit.close()


@pytest.fixture
async def ten(log: AuditLog) -> AuditLog:
    """The log with ten rows in it."""
    await asyncio.gather(*(log.write(entry(number)) for number in range(1, 11)))
    return log


async def run(db: Database, *statements: str) -> None:
    """Do what somebody can who may write to the database, past the program."""
    async with db.write() as connection:
        for statement in statements:
            await connection.execute(text(statement))


async def everything(
    log: AuditLog, since: datetime | None = None, until: datetime | None = None
) -> list[AuditRow]:
    return [row async for row in log.rows(since, until)]


@contextmanager
def commits(db: Database) -> Iterator[list[Connection]]:
    """Every transaction that is committed meanwhile."""
    seen: list[Connection] = []

    def see(connection: Connection) -> None:
        seen.append(connection)

    event.listen(db.engine.sync_engine, "commit", see)
    yield seen
    event.remove(db.engine.sync_engine, "commit", see)


# Writing


async def test_write__returns_the_row_as_it_is_stored(log: AuditLog) -> None:
    first = await log.write(entry(1, at=NOW + timedelta(microseconds=1999)))
    second = await log.write(entry(2))
    assert (first.seq, second.seq) == (1, 2)
    assert first.entry == entry(1, at=NOW + timedelta(milliseconds=1))
    assert await everything(log) == [first, second]
    assert await log.verify() == []


async def test_write__odd_text_survives(log: AuditLog) -> None:
    odd = entry(
        1, note='"quo\'tes"\n\r\t\\ 🗂 e\u0301 \u202e {"a":1}', path="/über/日本/%s/:x", file_name="'; DROP"
    )
    await log.write(odd)
    assert [row.entry for row in await everything(log)] == [odd]
    assert await log.verify() == []


async def test_write__what_no_database_keeps_does_not_hurt_the_others(log: AuditLog) -> None:
    odd, plain = await asyncio.gather(log.write(entry(1, upload_id="a\0\ud800")), log.write(entry(2)))
    assert odd.entry.upload_id == "a\ufffd\ufffd"
    assert await everything(log) == [odd, plain]
    assert await log.verify() == []


async def test_write__moment_without_zone_is_refused_to_its_writer_alone(log: AuditLog) -> None:
    wrong = log.write(entry(1, at=NOW.replace(tzinfo=None)))
    found = await asyncio.gather(wrong, log.write(entry(2)), return_exceptions=True)
    assert isinstance(found[0], ValueError)
    assert [row.entry for row in await everything(log)] == [entry(2)]


async def test_write__all_that_wait_share_a_transaction(db: Database, log: AuditLog) -> None:
    await log.write(entry(0))
    with commits(db) as seen:
        rows = await asyncio.gather(*(log.write(entry(number)) for number in range(1, 201)))
    assert len(seen) <= 3
    assert sorted(row.seq for row in rows) == list(range(2, 202))
    assert await log.verify() == []


async def test_write__two_programs_at_once_make_one_chain(database_url: str, keyring: Keyring) -> None:
    async with Database.open(parsed(database_url)) as one, Database.open(parsed(database_url)) as other:
        await migrate(one)
        logs = (AuditLog(one, keyring), AuditLog(other, keyring))
        writing = []
        for number in range(200):
            writing.append(asyncio.ensure_future(logs[number % 2].write(entry(number))))
            if number % 20 == 0:
                # Both must be at it several times, not each once with all.
                await asyncio.sleep(0.002)
        rows = await asyncio.gather(*writing)
        assert sorted(row.seq for row in rows) == list(range(1, 201))
        assert {row.entry.upload_id for row in rows} == {f"u-{number}" for number in range(200)}
        assert await logs[0].verify() == []
        assert await everything(logs[1]) == sorted(rows, key=lambda row: row.seq)


async def test_write__first_row_of_two_programs_at_once(database_url: str, keyring: Keyring) -> None:
    async with Database.open(parsed(database_url)) as one, Database.open(parsed(database_url)) as other:
        await migrate(one)
        logs = (AuditLog(one, keyring), AuditLog(other, keyring))
        rows = await asyncio.gather(*(log.write(entry(1)) for log in logs))
        assert sorted(row.seq for row in rows) == [1, 2]
        assert await logs[0].verify() == []


async def test_write__who_stops_waiting_stops_neither_row_nor_others(log: AuditLog) -> None:
    writing = [asyncio.ensure_future(log.write(entry(number))) for number in range(1, 5)]
    await asyncio.sleep(0)
    writing[0].cancel()
    await asyncio.sleep(0)
    writing[2].cancel()
    found = await asyncio.gather(*writing, return_exceptions=True)
    assert [isinstance(one, asyncio.CancelledError) for one in found] == [True, False, True, False]
    assert [row.entry.upload_id for row in await everything(log)] == ["u-1", "u-2", "u-3", "u-4"]
    assert await log.verify() == []


async def test_write__failure_reaches_everybody_and_the_next_works(db: Database, log: AuditLog) -> None:
    await log.write(entry(1))
    await run(db, "ALTER TABLE audit_log RENAME TO hidden")
    found = await asyncio.gather(*(log.write(entry(2)) for _ in range(3)), return_exceptions=True)
    assert all(isinstance(one, StoreUnavailable) for one in found)
    assert len({id(one) for one in found}) == 3
    await run(db, "ALTER TABLE hidden RENAME TO audit_log")
    assert (await log.write(entry(3))).seq == 2
    assert await log.verify() == []


async def test_close__waits_for_what_is_under_way(log: AuditLog) -> None:
    writing = [asyncio.ensure_future(log.write(entry(number))) for number in range(5)]
    await asyncio.sleep(0)
    await log.close()
    assert len(await everything(log)) == 5
    await asyncio.gather(*writing)


async def test_close__of_a_log_that_was_never_written_to(log: AuditLog) -> None:
    await log.close()


# Tampering


@pytest.mark.parametrize(
    ("statements", "told"),
    [
        (
            ["UPDATE audit_log SET slack_user_id = 'U2' WHERE seq = 5"],
            "Row 5 does not fit: it or the row before it was changed.",
        ),
        (
            ["UPDATE audit_log SET at = at + 1 WHERE seq = 10"],
            "Row 10 does not fit: it or the row before it was changed.",
        ),
        (["DELETE FROM audit_log WHERE seq = 5"], "Row 5 is missing."),
        (
            [
                "UPDATE audit_log SET seq = -1 WHERE seq = 5",
                "UPDATE audit_log SET seq = 5 WHERE seq = 7",
                "UPDATE audit_log SET seq = 7 WHERE seq = -1",
            ],
            "Row 5 is out of order: it belongs in the place of row 7.",
        ),
        (["DELETE FROM audit_log WHERE seq > 7"], "Rows 8 to 10 are missing."),
        (["DELETE FROM audit_log"], "Rows 1 to 10 are missing."),
        (
            [COPY_ROW_10],
            "Row 11 stands behind the end, row 10.",
        ),
        (["UPDATE audit_log SET seq = -1 WHERE seq = 1"], "Row -1 stands before the beginning, row 1."),
        (
            [
                "DELETE FROM audit_log WHERE seq > 7",
                "UPDATE audit_ends SET last_seq = 7, last_hash = (SELECT hash FROM audit_log WHERE seq = 7)",
            ],
            SEAL_BROKEN,
        ),
        (
            [
                "DELETE FROM audit_log WHERE seq <= 3",
                "UPDATE audit_ends SET first_seq = 3, first_hash = 'x'",
            ],
            SEAL_BROKEN,
        ),
        (["UPDATE audit_ends SET mac = ''"], SEAL_BROKEN),
        (["DELETE FROM audit_ends"], "The ends of the chain are missing, but rows are there."),
    ],
)
async def test_verify__finds(db: Database, ten: AuditLog, statements: list[str], told: str) -> None:
    await run(db, *statements)
    assert told in await ten.verify()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_ends SET last_seq = 9, last_hash = (SELECT hash FROM audit_log WHERE seq = 9)",
        "UPDATE audit_ends SET first_seq = 1",
        "UPDATE audit_ends SET mac = ''",
        "DELETE FROM audit_ends",
        "DELETE FROM audit_log WHERE seq = 10",
        "DELETE FROM audit_log",
        "UPDATE audit_log SET hash = 'x' WHERE seq = 10",
        "UPDATE audit_log SET seq = 11 WHERE seq = 5",
    ],
)
async def test_write__after_the_end_was_changed_adds_nothing(
    db: Database, ten: AuditLog, statement: str
) -> None:
    await run(db, statement)
    before = await everything(ten)
    for change in (ten.write(entry(11)), ten.prune(NOW + timedelta(hours=1), NOW), ten.reseal()):
        with pytest.raises(AuditBroken):
            await change
    assert await everything(ten) == before
    assert await ten.verify() != []


async def test_verify__old_row_with_a_hash_that_fits_everything_after_it(db: Database, ten: AuditLog) -> None:
    """Who can write, knows the program, but has no key: all hashes are made anew, the seal cannot be."""
    other = AuditLog(db, Keyring.parse(new_key()))
    await run(db, "DELETE FROM audit_log", "DELETE FROM audit_ends")
    for number in range(1, 11):
        await other.write(entry(number))
    assert await other.verify() == []
    (told,) = await ten.verify()
    assert told.startswith("The seal of the ends cannot be checked. ")
    with pytest.raises(KeyMissing):
        await ten.write(entry(11))


async def test_verify__tells_no_more_than_anyone_reads(db: Database, log: AuditLog) -> None:
    await asyncio.gather(*(log.write(entry(number)) for number in range(50)))
    await run(db, "UPDATE audit_log SET note = 'x'", "UPDATE audit_ends SET mac = ''")
    found = await log.verify()
    assert len(found) == 20
    assert found[:2] == [SEAL_BROKEN, "Row 1 does not fit: it or the row before it was changed."]


async def test_rows__one_that_was_never_written_is_named(db: Database, ten: AuditLog) -> None:
    await run(db, "UPDATE audit_log SET action = 'dance' WHERE seq = 3")
    rows = ten.rows()
    assert [(await anext(rows)).seq for _ in range(2)] == [1, 2]
    with pytest.raises(AuditBroken, match="row 3 holds"):
        await anext(rows)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET at = 'noon' WHERE seq = 2",
        "UPDATE audit_log SET at = 1.5, note = x'00ff' WHERE seq = 2",
        "UPDATE audit_log SET hash = x'00ff' WHERE seq = 2",
        "UPDATE audit_log SET seq = 'two' WHERE seq = 2",
        "UPDATE audit_log SET seq = 1.5 WHERE seq = 2",
        "UPDATE audit_ends SET last_seq = 'two'",
        "UPDATE audit_ends SET first_seq = x'00ff', mac = x'00ff'",
    ],
)
async def test_verify__sqlite_value_of_another_type(
    sqlite_url: str, keyring: Keyring, statement: str
) -> None:
    """SQLite takes anything in any column; a look at it ends with a sentence all the same."""
    async with Database.open(parsed(sqlite_url)) as db:
        await migrate(db)
        log = AuditLog(db, keyring)
        for number in range(3):
            await log.write(entry(number))
        await run(db, statement)
        assert await log.verify() != []


# Looking


async def test_verify__of_a_log_without_rows(log: AuditLog) -> None:
    found = await log.examine()
    assert (found.rows, found.last_hash, found.faults) == (0, GENESIS, [])


async def test_examine__counts_and_names_the_newest(ten: AuditLog, monkeypatch: pytest.MonkeyPatch) -> None:
    found = await ten.examine()
    newest = (await everything(ten))[-1]
    assert (found.rows, found.last_hash, found.faults) == (10, newest.hash, [])


async def test_verify__more_rows_than_are_read_at_once(log: AuditLog) -> None:
    count = audit_rows.READ_AT_ONCE + 5
    await asyncio.gather(*(log.write(entry(number)) for number in range(count)))
    assert (await log.examine()).rows == count
    assert [row.seq for row in await everything(log)] == list(range(1, count + 1))


async def test_verify__while_others_write(db: Database, keyring: Keyring, ten: AuditLog) -> None:
    """It sees one moment of the log, neither stops the writers nor takes what they do for a fault."""
    writing = [asyncio.ensure_future(ten.write(entry(number))) for number in range(200)]
    found = [await AuditLog(db, keyring).verify() for _ in range(5)]
    await asyncio.gather(*writing)
    assert found == [[]] * 5


async def test_verify__gives_its_view_back(db: Database, ten: AuditLog) -> None:
    """The next to read on the same connection sees what was written since."""
    for number in range(11, 30):
        await ten.verify()
        await ten.write(entry(number))
        async with db.read() as connection:
            assert await connection.scalar(text("SELECT max(seq) FROM audit_log")) == number


@pytest.mark.parametrize(
    ("since", "until", "seqs"),
    [
        (None, None, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        (8, None, [8, 9, 10]),
        (None, 3, [1, 2]),
        (3, 5, [3, 4]),
        (11, None, []),
    ],
)
async def test_rows__of_a_time(ten: AuditLog, since: int | None, until: int | None, seqs: list[int]) -> None:
    def moment(number: int | None) -> datetime | None:
        return None if number is None else NOW + timedelta(seconds=number)

    assert [row.seq for row in await everything(ten, moment(since), moment(until))] == seqs


# Pruning


async def test_prune__leaves_a_chain_that_says_what_went(ten: AuditLog) -> None:
    now = NOW + timedelta(days=1)
    assert await ten.prune(NOW + timedelta(seconds=8), now) == 7
    rows = await everything(ten)
    assert [row.seq for row in rows] == [8, 9, 10, 11]
    newest = rows[-1].entry
    assert (newest.action, newest.at, newest.note) == (Action.PRUNE, now, "7 rows, up to number 7")
    assert await ten.verify() == []
    assert (await ten.write(entry(12))).seq == 12
    assert await ten.verify() == []


async def test_prune__nothing_is_old_enough(ten: AuditLog) -> None:
    assert await ten.prune(NOW, NOW + timedelta(days=1)) == 0
    assert len(await everything(ten)) == 10


async def test_prune__of_a_log_without_rows(log: AuditLog) -> None:
    assert await log.prune(NOW, NOW) == 0
    assert await everything(log) == []


async def test_prune__everything(ten: AuditLog) -> None:
    assert await ten.prune(NOW + timedelta(days=2), NOW + timedelta(days=1)) == 10
    assert [row.seq for row in await everything(ten)] == [11]
    assert await ten.verify() == []
    assert await ten.prune(NOW + timedelta(days=3), NOW + timedelta(days=2)) == 1
    assert [row.seq for row in await everything(ten)] == [12]
    assert await ten.verify() == []


async def test_prune__stops_at_the_first_row_that_is_kept(log: AuditLog) -> None:
    """Clocks of two programs differ: an old row behind a young one stays until the young one goes."""
    for number in (1, 2, 100, 3, 101):
        await log.write(entry(number))
    assert await log.prune(NOW + timedelta(seconds=50), NOW + timedelta(days=1)) == 2
    assert [row.seq for row in await everything(log)] == [3, 4, 5, 6]


async def test_prune__in_several_steps(ten: AuditLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PRUNED_AT_ONCE", 3)
    assert await ten.prune(NOW + timedelta(seconds=9), NOW + timedelta(days=1)) == 8
    rows = await everything(ten)
    assert [row.entry.note for row in rows[2:]] == [
        f"{count} rows, up to number {last}" for count, last in ((3, 3), (3, 6), (2, 8))
    ]
    assert await ten.verify() == []


async def test_prune__keeps_what_shows_that_a_row_was_changed(db: Database, ten: AuditLog) -> None:
    await run(db, "UPDATE audit_log SET slack_user_id = 'U2' WHERE seq = 3")
    with pytest.raises(AuditBroken, match="Row 3 does not fit"):
        await ten.prune(NOW + timedelta(seconds=8), NOW + timedelta(days=1))
    assert len(await everything(ten)) == 10


async def test_prune__cutting_more_off_afterwards_is_found(db: Database, ten: AuditLog) -> None:
    await ten.prune(NOW + timedelta(seconds=5), NOW + timedelta(days=1))
    await run(db, "DELETE FROM audit_log WHERE seq = 5")
    assert await ten.verify() == ["Row 5 is missing."]


async def test_prune__while_others_write(ten: AuditLog) -> None:
    later = NOW + timedelta(days=1)
    writing = [ten.write(entry(number, at=later)) for number in range(50)]
    pruned, *_ = await asyncio.gather(ten.prune(NOW + timedelta(hours=1), later), *writing)
    assert pruned == 10
    assert await ten.verify() == []
    assert len(await everything(ten)) == 51


# Keys


async def test_reseal__lets_the_old_key_go(db: Database) -> None:
    old, new = new_key(), new_key()
    await AuditLog(db, Keyring.parse(old)).write(entry(1))
    both = AuditLog(db, Keyring.parse(f"{new},{old}"))
    await both.write(entry(2))
    assert await both.reseal() is True
    assert await both.reseal() is False
    alone = AuditLog(db, Keyring.parse(new))
    assert (await alone.write(entry(3))).seq == 3
    assert await alone.verify() == []
    with pytest.raises(KeyMissing):
        await AuditLog(db, Keyring.parse(old)).write(entry(4))


async def test_write__with_a_new_key_in_front_does_not_lock_out_who_lacks_it(db: Database) -> None:
    """Processes are restarted one after the other: until `keys rotate` each can write."""
    old, new = new_key(), new_key()
    not_yet, already = AuditLog(db, Keyring.parse(old)), AuditLog(db, Keyring.parse(f"{new},{old}"))
    for number, log in enumerate((not_yet, already, not_yet, already), 1):
        assert (await log.write(entry(number))).seq == number
    assert await not_yet.verify() == []


async def test_reseal__of_a_log_without_rows(log: AuditLog) -> None:
    assert await log.reseal() is False
    assert await log.verify() == []


async def test_write__after_an_older_state_was_put_back_is_refused(db: Database, log: AuditLog) -> None:
    await log.write(entry())
    async with db.read() as connection:
        before = (await connection.execute(text("SELECT last_seq, last_hash, mac FROM audit_ends"))).one()
    await log.write(entry())
    async with db.write() as connection:
        await connection.execute(text("DELETE FROM audit_log WHERE seq > :seq"), {"seq": before.last_seq})
        await connection.execute(
            text("UPDATE audit_ends SET last_seq = :seq, last_hash = :hash, mac = :mac"),
            {"seq": before.last_seq, "hash": before.last_hash, "mac": before.mac},
        )
    with pytest.raises(AuditBroken, match="rows that were written are gone"):
        await log.write(entry())
