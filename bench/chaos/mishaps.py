"""What befalls the replicas and their database on the way, by how far the commands have come."""

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from bench.chaos.people import Crowd
from bench.chaos.stage import Stage

Mishap = Callable[[], Awaitable[None]]

LOOK_EVERY = 0.05
SAMPLE_EVERY = 0.2
LONG = 1.0
"""Seconds: for what the emulated Slack itself is held up, it would blame the bot."""
DOWN_SECONDS = 1.0
"""Until a killed replica is started again."""


def planned(stage: Stage, crowd: Crowd) -> list[tuple[float, Mishap]]:
    """What happens, each at its share of all commands."""

    async def crash_database() -> None:
        await stage.restart_database(signal.SIGQUIT)

    async def restart_database() -> None:
        await stage.restart_database(signal.SIGINT)

    def kill(number: int) -> Mishap:
        async def killed() -> None:
            replica = stage.replicas[number]
            with crowd.cutting(replica.pid, killed=True):
                await stage.kill(replica)
            await asyncio.sleep(DOWN_SECONDS)
            await stage.replace(replica)

        return killed

    async def cut_a_websocket() -> None:
        stage.counts["websocket cut without a word"] += 1
        with crowd.cutting(0, killed=False):
            stage.demo.slack.drop_sockets(1)

    async def refresh_websockets() -> None:
        stage.counts["websockets told to come back"] += 1
        with crowd.cutting(0, killed=False):
            await stage.demo.slack.disconnect_sockets("refresh_requested")

    mishaps = [
        (0.15, crash_database),
        (0.3, kill(1)),
        (0.5, restart_database),
        (0.65, kill(0)),
        (0.85, crash_database),
    ]
    if stage.socket_mode:
        mishaps += [(0.05 + 0.2 * n, cut_a_websocket) for n in range(5)]
        mishaps += [(0.1 + 0.2 * n, refresh_websockets) for n in range(5)]
    return sorted(mishaps, key=lambda one: one[0])


@asynccontextmanager
async def happening(stage: Stage, crowd: Crowd, commands: int) -> AsyncIterator[None]:
    """Let it all happen meanwhile; what has begun is brought to its end."""
    sampling = asyncio.create_task(_sample(stage, crowd))
    striking = asyncio.create_task(_strike(stage, crowd, commands))
    try:
        yield
        await striking
    finally:
        for task in (sampling, striking):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def _strike(stage: Stage, crowd: Crowd, commands: int) -> None:
    for share, mishap in planned(stage, crowd):
        while len(crowd.errands) < share * commands:  # noqa: ASYNC110 - they tell nobody
            await asyncio.sleep(LOOK_EVERY)
        await mishap()


async def _sample(stage: Stage, crowd: Crowd) -> None:
    while True:
        with contextlib.suppress(OSError, IndexError):  # it was killed this very moment
            stage.sample_memory()
        begun = time.monotonic()
        await asyncio.sleep(SAMPLE_EVERY)
        held_up = time.monotonic() - begun - SAMPLE_EVERY
        stage.held_up = max(stage.held_up, held_up)
        if held_up > LONG or stage.is_starved():
            crowd.hold_up()
