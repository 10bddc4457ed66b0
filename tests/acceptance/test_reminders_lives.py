"""Whole lives of uploads, 72 hours each: what their watcher read, word for word, and when.

The transcripts in `golden/` are for reading: `WRITE_GOLDEN=1` writes them anew.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import pytest
import pytest_asyncio

from bot.demo.slack.messages import Message
from bot.demo.vault.uploads import Upload
from bot.demo.workspace import DemoWorkspace
from tests.acceptance.reminder_steps import (
    GIB,
    HOUR,
    KIB,
    MIB,
    MINUTE,
    T0,
    Book,
    agrees,
    at_a_moment,
    follow,
    go_to,
    inbox,
    jump,
    new_upload,
    transcript,
    watch,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True, kw_only=True)
class Lives:
    """What Alice has read, about which upload, in a workspace where all is over."""

    demo: DemoWorkspace
    uploads: Mapping[str, Upload]
    read: list[Message]

    def about(self, name: str) -> list[Message]:
        """What she has read about one of them."""
        return [message for message in self.read if self.uploads[name].name in message.text]

    def transcript(self, name: str) -> str:
        """The same as text."""
        return transcript(self.demo, "alice", self.about(name), title=name)


async def live(demo: DemoWorkspace) -> dict[str, Upload]:
    """Five uploads, begun and watched at the same moment, to their ends."""
    vault, found = demo.vault, dict[str, Upload]()
    for name, path, size, pace in (
        ("committed in time", "wave3/Trial-Master-File.zip", 20 * GIB, 150 * KIB),
        ("never committed", "print/Poster-A0.tif", 5 * GIB, MIB),
        ("stalled", "wave3/Safety-Narratives.zip", 7 * GIB, 100 * KIB),
        ("too slow", "launch/Launch-Film.mov", 90 * GIB, 600 * KIB),
        ("aborted", "archive/Congress-Archive.tar", 10 * GIB, 50 * KIB),
    ):
        found[name] = new_upload(demo, "alice", path, size, pace=pace)
        await watch(demo, "alice", found[name])

    async def at(*hours: float) -> None:
        """Each at least a quarter of an hour after the last, so that there is one look at each."""
        for hour in hours:
            await go_to(demo, T0 + hour * HOUR)

    await at(0.5, 1.5, 4)
    vault.stall(found["stalled"].id)
    await at(6, 6.5)
    vault.let_run(found["too slow"].id, 100 * KIB)
    await at(7, 7.5, 8.5)
    vault.let_run(found["stalled"].id, 100 * KIB)
    await at(9.5)
    vault.stall(found["stalled"].id)
    await at(12, 30)
    vault.abort(found["aborted"].id)
    await at(31, 39.5, 47.5, 48, 60)
    vault.commit(found["committed in time"].id)
    await at(60.5, 67.5, 68, 70.5, 71, 71.75)
    await follow(demo, T0 + 72 * HOUR + 15 * MINUTE)
    await jump(demo, 20 * MINUTE)
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lives() -> AsyncIterator[Lives]:
    """All five lives, lived once."""
    async with at_a_moment("alice") as demo:
        before = len(inbox(demo, "alice"))
        uploads = await live(demo)
        yield Lives(demo=demo, uploads=uploads, read=inbox(demo, "alice", before))


@pytest.mark.parametrize("name", ["committed in time", "never committed", "stalled", "too slow", "aborted"])
async def test_life__reads_as_in_its_transcript(lives: Lives, name: str) -> None:
    agrees(name.replace(" ", "_"), lives.transcript(name))


async def test_life__nothing_else_was_said_and_nothing_is_left(lives: Lives) -> None:
    told = [message for name in lives.uploads for message in lives.about(name)]
    assert [message.text for message in lives.read if message not in told] == []
    book = Book(lives.demo)
    assert book.watches() == []
    assert book.rows("watch:") == []
    assert [key for key, _, _ in book.rows() if key.endswith(":poll")] == []
