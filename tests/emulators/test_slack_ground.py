"""The ground under both emulators: the demo clock and the loopback server."""

import asyncio
import gc
import json
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.demo.clock import DemoClock
from bot.demo.serving import LoopbackServer, bind_loopback, reserved_port


async def _hello(_request: Request) -> Response:
    return PlainTextResponse("hello")


async def _slow(request: Request) -> Response:
    request.app.state.asked.set()
    await asyncio.sleep(600)
    return PlainTextResponse("never")


SECOND = timedelta(seconds=1)
APP = Starlette(routes=[Route("/", _hello), Route("/slow", _slow)])


def test_clock__jumps_ahead_only() -> None:
    clock, made = DemoClock(), datetime.now(UTC)

    def is_ahead(by: timedelta) -> bool:
        return made - SECOND <= clock.now() - by <= datetime.now(UTC) + SECOND

    clock.advance(timedelta(hours=2))
    assert is_ahead(timedelta(hours=2))
    clock.set(clock.now() + timedelta(days=1))
    assert is_ahead(timedelta(hours=26))
    with pytest.raises(ValueError, match="back"):
        clock.advance(timedelta(seconds=-1))
    with pytest.raises(ValueError, match="back"):
        clock.set(datetime.now(UTC))
    with pytest.raises(ValueError, match="time zone"):
        clock.set(datetime(2100, 1, 1))  # noqa: DTZ001


def test_clock__speed() -> None:
    clock = DemoClock()
    clock.run_at(0)
    frozen = clock.now()
    time.sleep(0.02)
    assert clock.now() == frozen
    clock.run_at(3600)
    time.sleep(0.02)
    assert clock.now() - frozen >= timedelta(minutes=1)
    with pytest.raises(ValueError, match="speed"):
        clock.run_at(-1)


def test_clock__file_tells_the_time(tmp_path: Path) -> None:
    """Another process can compute the same time from the file, and finds nothing beside it."""
    path = tmp_path / "clock.json"
    clock = DemoClock(path)
    clock.run_at(60)
    clock.advance(timedelta(days=3))
    state = json.loads(path.read_text())
    before = clock.timestamp()
    computed = state["demo"] + (time.time() - state["real"]) * state["speed"]
    assert before <= computed <= clock.timestamp()
    assert [file.name for file in tmp_path.iterdir()] == ["clock.json"]


async def test_clock__sleep_ends_with_a_jump() -> None:
    clock = DemoClock()
    nap = asyncio.create_task(clock.sleep_until(clock.now() + timedelta(hours=1)))
    await asyncio.sleep(0.01)
    assert not nap.done()
    clock.advance(timedelta(hours=1))
    await asyncio.wait_for(nap, 60)


async def test_server__free_port_when_taken() -> None:
    first, second = LoopbackServer(), LoopbackServer()
    await first.start(APP)
    await second.start(APP, first.port)
    try:
        assert first.port != second.port
        async with httpx.AsyncClient() as client:
            answers = [await client.get(server.url) for server in (first, second)]
        assert [answer.text for answer in answers] == ["hello", "hello"]
        assert "date" in answers[0].headers
        with pytest.raises(RuntimeError, match="running"):
            await first.start(APP)
    finally:
        await first.stop()
        await second.stop()


async def test_reserved_port__is_given_to_nobody_and_can_be_listened_on() -> None:
    """One in a few hundred would be given by chance; three thousand are asked for."""
    with ExitStack() as stack:
        reserved = {stack.enter_context(reserved_port()) for _ in range(100)}
        assert len(reserved) == 100
        given = set()
        for _ in range(3000):
            with bind_loopback(0) as free:
                given.add(free.getsockname()[1])
        assert not given & reserved
        server, port = LoopbackServer(), min(reserved)
        await server.start(APP, port)
        try:
            assert server.port == port
        finally:
            await server.stop()


async def test_server__stops_at_once_and_leaves_nothing(spare_port: int) -> None:
    """Idle connections and running requests do not hold it up; the port is free again."""
    tasks = asyncio.all_tasks()
    server = LoopbackServer()
    await server.start(APP, spare_port)
    async with httpx.AsyncClient() as client:
        await client.get(server.url)
        APP.state.asked = asyncio.Event()
        waiting = asyncio.create_task(client.get(f"{server.url}/slow", timeout=60))
        await APP.state.asked.wait()
        async with asyncio.timeout(60):
            await server.stop()
        with pytest.raises(httpx.RemoteProtocolError):
            await waiting
    assert asyncio.all_tasks() == tasks
    gc.collect()
    await server.start(APP, spare_port)
    assert server.port == spare_port
    await server.stop()
    await server.stop()
