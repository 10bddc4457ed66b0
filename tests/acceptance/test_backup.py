"""Backups made while the bot works, and bots started on them: by the commands that the documents name."""

import asyncio
import re
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from bot.demo.bot_process import BotProcess
from bot.demo.vault import seed
from bot.demo.workspace import DemoWorkspace
from bot.store.seal import new_key
from tests.acceptance.documented import documented, run_commands
from tests.acceptance.operating import STORED, audit_is_whole
from tests.acceptance.reminder_steps import (
    GIB,
    HOUR,
    T0,
    Book,
    at_a_moment,
    new_upload,
    settled,
    told,
    watch,
)
from tests.acceptance.steps import Ended, ask, cli
from tests.postgres import PostgresServer


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the bot's folder `data` is, and the operator types."""
    folder = tmp_path / "the bot's place"
    folder.joinpath("data").mkdir(parents=True)
    return folder


def stored(demo: DemoWorkspace) -> dict[str, str]:
    """The settings that name the database and open it."""
    return {name: demo.settings[name] for name in STORED}


def good(done: Ended) -> str:
    """What commands that went well printed."""
    assert done.code == 0, f"{done.out}\n{done.err}"
    return done.out


async def late_reminder(demo: DemoWorkspace, before: int) -> str:
    """Start the bot two hours after a reminder was due, and return the one that comes."""
    demo.clock.set(T0 + 71 * HOUR)
    await demo.bot.start()
    await settled(demo)
    (reminder,) = told(demo, "alice", -1)[before:]
    return reminder


async def test_sqlite__restored_by_the_documented_commands(place: Path, tmp_path: Path) -> None:
    """What was promised before the backup is kept; what came after it is gone; the old files are out of the way."""
    address = f"sqlite:///{place / 'data' / 'bot.db'}"
    async with at_a_moment("alice", settings={"DATABASE_URL": address}) as demo:
        kept = new_upload(demo, "alice", "a/Kept.zip", GIB)
        await watch(demo, "alice", kept, "3h")
        backed_up = good(
            await run_commands(
                documented("bot backup backups/"), cwd=place, programs=tmp_path / "bin", settings=stored(demo)
            )
        )
        assert "holds the whole database, schema " in backed_up
        assert re.search(r"^  watches +1$", backed_up, re.MULTILINE)
        await watch(demo, "alice", new_upload(demo, "alice", "a/Later.zip", GIB), "3h")
        assert len(Book(demo).watches()) == 2
        before = len(told(demo, "alice", -1))

        await demo.bot.kill()
        restored = await run_commands(
            documented("install -m 600"), cwd=place, programs=tmp_path / "bin", settings=stored(demo)
        )
        assert " rows, whole, last hash " in good(restored)
        assert "bot.db" in {path.name for path in place.joinpath("before-restore").iterdir()}

        reminder = await late_reminder(demo, before)
        assert reminder.startswith("Kept.zip expires in 1 h")
        assert "late" in reminder
        assert [one["upload_id"] for one in Book(demo).watches()] == [kept.id]
        assert stat.S_IMODE(place.joinpath("data", "bot.db").stat().st_mode) == 0o600
        assert "31%" in (await ask(demo, "alice", seed.CHOLECAP)).text
        assert await audit_is_whole(demo) > 0


async def test_sqlite__backed_up_amid_writing(place: Path) -> None:
    """Each copy is whole and of one moment, though the bot adds rows all the time; and nobody is kept waiting."""
    async with at_a_moment("alice") as demo:
        rows = list[int]()
        for number in range(3):
            asked = [asyncio.create_task(demo.ask("alice", "list")) for _ in range(10)]
            done = await cli("backup", f"copy{number}.db", cwd=place, settings=stored(demo))
            assert "Its audit log is whole" in good(done)
            for answer in await asyncio.gather(*asked):
                assert "Cholecap" in answer.text
            with closing(sqlite3.connect(place / f"copy{number}.db")) as copy:
                rows += copy.execute("SELECT count(*) FROM audit_log").fetchone()
                assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
                assert copy.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert rows == sorted(rows)
        assert rows[-1] >= 20, "the first two rounds are in the last copy"
        names = {path.name for path in place.iterdir()}
        assert names == {"data", "copy0.db", "copy1.db", "copy2.db"}, "something was left beside the copies"
        assert {stat.S_IMODE(place.joinpath(f"copy{n}.db").stat().st_mode) for n in range(3)} == {0o600}


async def test_postgresql__restored_by_the_documented_commands(
    postgres_server: PostgresServer, postgres_url: str, place: Path, tmp_path: Path
) -> None:
    with postgres_server.database() as empty:
        async with at_a_moment("alice", settings={"DATABASE_URL": postgres_url}) as demo:
            kept = new_upload(demo, "alice", "a/Kept.zip", GIB)
            await watch(demo, "alice", kept, "3h")
            dumped = await run_commands(
                documented("pg_dump "), cwd=place, programs=tmp_path / "bin", settings=stored(demo)
            )
            assert "TABLE DATA public watches" in good(dumped)
            await demo.bot.kill()
            before = len(told(demo, "alice", -1))

            demo.settings = {**demo.settings, "DATABASE_URL": empty}
            restored = await run_commands(
                documented("pg_restore --exit-on-error"),
                cwd=place,
                programs=tmp_path / "bin",
                settings=stored(demo),
            )
            assert " rows, whole, last hash " in good(restored)
            demo.bot = BotProcess(demo.settings, demo.folder, demo.bot.port)
            try:
                assert (await late_reminder(demo, before)).startswith("Kept.zip expires in 1 h")
                assert await audit_is_whole(demo) > 0
            finally:
                await demo.bot.stop()


async def test_backup__nothing_is_overwritten(place: Path) -> None:
    settings = {"DATABASE_URL": f"sqlite:///{place / 'data' / 'bot.db'}", "ENCRYPTION_KEYS": new_key()}
    good(await cli("migrate", cwd=place, settings=settings))
    place.joinpath("precious").write_text("mine", "utf-8")
    failed = await cli("backup", "precious", cwd=place, settings=settings)
    assert (failed.code, failed.out) == (2, "")
    assert failed.err == "precious is there already, and nothing is overwritten. Name another file.\n"
    assert place.joinpath("precious").read_text("utf-8") == "mine"
    assert {path.name for path in place.iterdir()} == {"data", "precious"}


async def test_backup__audit_log_that_was_tampered_with(place: Path) -> None:
    """The copy is kept, as evidence, but nobody takes it for sound."""
    async with at_a_moment("alice") as demo:
        await ask(demo, "alice", "list")
        file = demo.settings["DATABASE_URL"].removeprefix("sqlite:///")
        with closing(sqlite3.connect(file, timeout=20)) as connection, connection:
            connection.execute("UPDATE audit_log SET slack_user_id = 'U9' WHERE seq = 1")
        failed = await cli("backup", "copy.db", cwd=place, settings=stored(demo))
        assert failed.code == 1
        assert "Row 1 does not fit" in failed.out
        assert "true copy, but its audit log is not whole" in failed.err
        with closing(sqlite3.connect(place / "copy.db")) as copy:
            assert copy.execute("SELECT slack_user_id FROM audit_log WHERE seq = 1").fetchone() == ("U9",)


@pytest.mark.parametrize(
    ("settings", "code", "told_of"),
    [
        ({"DATABASE_URL": "postgresql://u:hush@127.0.0.1/bot"}, 2, "pg_dump"),
        ({"DATABASE_URL": "sqlite:///typo.db"}, 1, "There is no database typo.db"),
        ({"ENCRYPTION_KEYS": "hush"}, 2, "ENCRYPTION_KEYS: "),
        ({"ENCRYPTION_KEYS": ""}, 2, "ENCRYPTION_KEYS: is not set"),
    ],
)
async def test_backup__settings_that_name_nothing_to_copy(
    place: Path, settings: dict[str, str], code: int, told_of: str
) -> None:
    failed = await cli("backup", "x.db", cwd=place, settings={"ENCRYPTION_KEYS": new_key(), **settings})
    assert (failed.code, failed.out) == (code, "")
    assert told_of in failed.err
    assert "hush" not in failed.err
    assert [path.name for path in place.iterdir()] == ["data"]


async def test_backup__killed_leaves_no_file_that_looks_finished(place: Path) -> None:
    """What it leaves is named as unfinished, and stands in the next one's way until it is looked at."""
    settings = {"DATABASE_URL": f"sqlite:///{place / 'data' / 'bot.db'}", "ENCRYPTION_KEYS": new_key()}
    good(await cli("migrate", cwd=place, settings=settings))
    place.joinpath("copy.db.tmp").write_bytes(b"half")
    failed = await cli("backup", "copy.db", cwd=place, settings=settings)
    assert (failed.code, failed.out) == (2, "")
    assert "copy.db.tmp is there" in failed.err
    assert not place.joinpath("copy.db").exists()
    place.joinpath("copy.db.tmp").unlink()
    good(await cli("backup", "copy.db", cwd=place, settings=settings))
