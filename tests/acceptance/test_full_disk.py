"""SQLite on a disk that has filled up: a clear answer, nothing shown unwritten, nothing lost, nothing told twice.

The bot's process may not make files longer than they are (RLIMIT_FSIZE): what is written behind their end fails, as
where no block is free. Its log goes on; it is shorter.
"""

import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from bot.demo.slack import faults as slack_faults
from bot.demo.slack.messages import Message
from bot.demo.vault import seed
from bot.demo.vault.uploads import Upload
from bot.demo.workspace import DemoWorkspace
from tests.acceptance.operating import audit_is_whole, audit_rows, execute
from tests.acceptance.planting import reminders, times_told
from tests.acceptance.reminder_steps import (
    GIB,
    HOUR,
    MINUTE,
    T0,
    Book,
    at_a_moment,
    jump,
    new_upload,
    settled,
    told,
    watch,
)
from tests.acceptance.steps import ask, log_lines, shown, until

DUE = T0 + 71 * HOUR
"""One hour before what is new at `T0` expires."""
NO_ROOM = "The bot's database cannot be used just now (the disk reports an error). Try again in a minute."
"""SQLite takes only ENOSPC for a full disk, see tests/integration/test_store_database.py; this is EFBIG."""
LONG_LOG = 256 * 1024
WAITS, GOES_ON = "due work waits for the database", "due work goes on"


class Disk:
    """The disk under the bot's SQLite file; see `disk_of`."""

    def __init__(self, demo: DemoWorkspace, side_file: Path) -> None:
        self._demo = demo
        self._side_file = side_file
        self._usual = resource.prlimit(demo.bot.pid, resource.RLIMIT_FSIZE)

    def fill(self, *, rest: int = 0) -> None:
        """From now on no file of the bot's may grow, but for the last few bytes."""
        # A signal would end most programs here; Python has it ignored, and so the write fails.
        end = self._side_file.stat().st_size + rest
        assert len(self._demo.bot.log_text()) < LONG_LOG / 2 < end, "the log must have room"
        resource.prlimit(self._demo.bot.pid, resource.RLIMIT_FSIZE, (end, self._usual[1]))

    def fill_to_the_last(self) -> None:
        """From now on nothing at all can be written, the log neither."""
        resource.prlimit(self._demo.bot.pid, resource.RLIMIT_FSIZE, (0, self._usual[1]))

    def make_room(self) -> None:
        """Somebody has tidied up."""
        resource.prlimit(self._demo.bot.pid, resource.RLIMIT_FSIZE, self._usual)


@contextmanager
def disk_of(demo: DemoWorkspace) -> Iterator[Disk]:
    """Make sure that whatever the bot writes makes its write-ahead log longer, and lend the disk.

    A reader of ours keeps SQLite from beginning that log anew, at its start, where there would be room.
    """
    file = demo.settings["DATABASE_URL"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(file, timeout=20, isolation_level=None)) as other:
        (emptied,) = other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert emptied[0] == 0
        other.execute("CREATE TABLE longer_than_the_log AS SELECT randomblob(?) AS content", (LONG_LOG,))
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM longer_than_the_log").fetchall()
        yield Disk(demo, Path(f"{file}-wal"))


def audit_count(demo: DemoWorkspace) -> int:
    """How many audit rows there are, without starting a program."""
    return int(execute(demo, "SELECT count(*) FROM audit_log")[0][0])


def events(demo: DemoWorkspace, name: str) -> int:
    """How often the bot has logged it."""
    return sum(line["event"] == name for line in log_lines(demo))


def tells_of_no_room(demo: DemoWorkspace, answer: Message) -> None:
    """One clear sentence and what to do, a reference that is in the log, and nothing of any upload."""
    sentence, _, reference = answer.text.partition(" Reference: ")
    assert sentence == NO_ROOM
    assert any(line.get("reference") == reference and line["level"] == "error" for line in log_lines(demo))
    for upload in demo.vault.uploads():
        assert upload.name not in shown(answer)


async def is_healthy(demo: DemoWorkspace) -> bool:
    async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
        return (await client.get(f"{demo.bot.url}/healthz")).status_code == 200


async def watched_by_alice(demo: DemoWorkspace, count: int) -> list[Upload]:
    """Uploads that she is told of once, all at the same moment; nobody looks at them in between."""
    uploads = [new_upload(demo, "alice", f"full/Film-{number}.mov", GIB) for number in range(count)]
    for upload in uploads:
        await watch(demo, "alice", upload, "1h")
    await settled(demo)
    return uploads


async def database_is_whole(demo: DemoWorkspace) -> None:
    """By SQLite's own word and the audit log's, now and after the bot has put all into the one file."""
    assert execute(demo, "PRAGMA integrity_check") == [("ok",)]
    assert await audit_is_whole(demo) == audit_count(demo)
    assert await demo.bot.stop() == 0
    assert execute(demo, "PRAGMA integrity_check") == [("ok",)]
    assert await audit_is_whole(demo) == audit_count(demo)


@pytest.mark.parametrize("rest", [0, 100], ids=["at a page's end", "amid a page"])
async def test_full_disk__nothing_is_shown_lost_or_told_twice(rest: int) -> None:
    """Commands are refused in clear words; five reminders that fall due meanwhile come once each, and say that they
    are late; then all is as before."""
    async with at_a_moment("alice") as demo:
        uploads = await watched_by_alice(demo, 5)
        other = new_upload(demo, "alice", "full/Not-watched.mov", GIB)
        assert "31%" in (await ask(demo, "alice", seed.CHOLECAP)).text
        rows, promised = audit_count(demo), Book(demo).rows()
        with disk_of(demo) as disk:
            disk.fill(rest=rest)
            for words in (
                seed.CHOLECAP,
                "list",
                f"watch {other.id} 2h",
                f"unwatch {uploads[0].id}",
                "unlink",
            ):
                tells_of_no_room(demo, await ask(demo, "alice", words))
            whoami = await ask(demo, "alice", "whoami")
            assert "linked to Alice Moreau" in whoami.text, "reading needs no room, and nothing was unlinked"
            demo.clock.set(DUE)
            await until(lambda: events(demo, WAITS) > 0, "the worker meets the full disk")
            demo.clock.set(DUE + 10 * MINUTE)
            tells_of_no_room(demo, await ask(demo, "alice", other.id))
            assert await is_healthy(demo)
            assert reminders(demo) == []
            assert audit_count(demo) == rows
            assert Book(demo).rows() == promised
            disk.make_room()
            await settled(demo)
        late = [message.text for _, message in reminders(demo)]
        assert sorted(text.partition(" ")[0] for text in late) == [upload.name for upload in uploads]
        assert all("late" in text for text in late), late
        assert events(demo, WAITS) == events(demo, GOES_ON) == 1, "said once, however often it was tried"
        assert other.name in (await ask(demo, "alice", other.id)).text
        assert "I watch Not-watched.mov." in (await watch(demo, "alice", other, "30m")).text
        await jump(demo, 5 * MINUTE)
        assert set(times_told(demo).values()) == {1}
        written = [row["action"] for row in (await audit_rows(demo))[rows:]]
        assert sorted(written) == ["look_up", "look_up", *["remind"] * 5, "watch"]
        await database_is_whole(demo)


@pytest.mark.parametrize("ends", ["room again", "killed"])
async def test_full_disk__between_sending_and_noting_that_it_was_sent(ends: str) -> None:
    """The reminder is in Slack, the database still promises it, and its claim has run out: it does not come again,
    whether the same process goes on or another, which may look for it in Slack, is started when there is room."""
    async with at_a_moment("alice") as demo:
        if ends == "killed":
            demo.slack.scopes |= {"im:history"}
        (upload,) = await watched_by_alice(demo, 1)
        with disk_of(demo) as disk:
            demo.slack.faults.add("chat.postMessage", slack_faults.Slow(3))
            demo.clock.set(DUE)
            await until(
                lambda: demo.slack.faults.waiting("chat.postMessage") == 0, "it is on its way to Slack"
            )
            disk.fill()
            await until(lambda: reminders(demo) != [], "it has arrived")
            await until(lambda: events(demo, WAITS) > 0, "what became of it finds no room")
            demo.clock.set(DUE + MINUTE)
            ((key, _),) = reminders(demo)
            ((_, claimed_until, is_claimed),) = Book(demo).rows(key)
            assert is_claimed
            assert claimed_until < demo.clock.now()
            if ends == "killed":
                await demo.bot.kill()
                await demo.bot.start()
            else:
                disk.make_room()
            await settled(demo)
            assert Book(demo).rows(key) == []
        await jump(demo, 5 * MINUTE)
        assert times_told(demo) == {key: 1}
        assert told(demo, "alice")[-1].startswith(f"{upload.name} expires in 1 h")
        await database_is_whole(demo)


async def test_full_disk__that_has_the_log_on_it_too() -> None:
    """Who cannot write a log still answers, and goes on with what is due when there is room: logs are no promise."""
    async with at_a_moment("alice") as demo:
        (upload,) = await watched_by_alice(demo, 1)
        logged = len(demo.bot.log_text())
        with disk_of(demo) as disk:
            disk.fill_to_the_last()
            for words, told_of in (("list", NO_ROOM), ("whoami", "linked to Alice Moreau")) * 30:
                delivery = await demo.slack.slash(user="alice", text=words)
                assert told_of in (await delivery.answered(timeout=25)).text
            demo.clock.set(DUE)
            tells = await demo.slack.slash(user="alice", text=upload.id)
            assert (await tells.answered(timeout=25)).text.startswith(NO_ROOM)
            assert await is_healthy(demo)
            assert len(demo.bot.log_text()) == logged
            disk.make_room()
            await settled(demo)
        assert set(times_told(demo).values()) == {1}
        assert upload.name in (await ask(demo, "alice", upload.id)).text
        assert log_lines(demo)[-1]["event"] == "answered"
        await database_is_whole(demo)
