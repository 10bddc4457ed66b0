"""How much watching costs Vault: 20 watches of one person over 72 hours, with the default settings.

Only here the bot's own pieces run in the test's process, so that its worker can look more often than once in a second
and each look is made at its own moment.
"""

import asyncio
import logging

import pytest
import structlog

from bot import worker
from bot.app import build
from bot.config import Config
from tests.acceptance.reminder_steps import (
    GIB,
    HOUR,
    KIB,
    T0,
    Book,
    at_a_moment,
    go_to,
    inbox,
    new_upload,
    watch,
)

WATCHES = 20
MOST_CALLS = 900
ALL = 72 * HOUR
APART = ALL / WATCHES
SLICES = 2


async def test_calls__twenty_watches_of_all_ages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The dearest way to spread 20 uploads over 72 hours: they begin at equal distances, move until the end and never
    get there, so that one after the other is in its last hour and one is always in its last day.

    Every slice of 3.6 hours is then like any other: one upload comes to its end, and each of the others is where its
    elder was before. So two slices stand for all twenty.
    """
    monkeypatch.setattr(worker, "LOOK_SECONDS", 0.002)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    async with at_a_moment("alice") as demo:
        for seeded in demo.vault.uploads():
            demo.vault.abort(seeded.id)
        for number in range(WATCHES):
            upload = new_upload(demo, "alice", f"wave/File-{number:02}.zip", 80 * GIB, pace=100 * KIB)
            upload.created = T0 - number * APART
            upload.expires = upload.created + ALL
            await watch(demo, "alice", upload)
        await demo.bot.stop()
        book = Book(demo)
        async with build(Config.from_environ(demo.settings), asyncio.Event()) as running:
            running.worker.start()
            # That they are too slow is told once, in the beginning.
            await go_to(demo, T0 + HOUR)
            demo.vault.forget_calls()
            before = len(inbox(demo, "alice"))
            end = T0 + HOUR + SLICES * APART
            while (moment := book.next_moment()) is not None and moment <= end:
                await go_to(demo, max(moment, demo.clock.now()))
            await running.worker.stop(5)
        assert len(book.watches()) == WATCHES - SLICES
        # Of those whose turn it was: three lead times and the expiry.
        assert len(inbox(demo, "alice")) - before == 4 * SLICES
        assert demo.vault.calls() * WATCHES / SLICES < MOST_CALLS
        assert demo.vault.calls() - demo.vault.calls("list_uploads") == 5 * SLICES
