"""The HTTP server's bounds: on connections, on what is sent ahead, and on what nobody reads."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from structlog.testing import capture_logs

from bot.demo.serving import reserved_port
from bot.metrics import Metrics
from bot.web import places, protocol, server
from bot.web.server import WebServer

PLACES = 3
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
GET_SLOW = b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n"

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Served:
    """A server on a free port: `/` answers, `/slow` when it is let, `/large` more than any buffer holds."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self.port = stack.enter_context(reserved_port())
        self.metrics = Metrics(vaults=[])
        self.let = asyncio.Event()
        self.asked = 0
        routes = [Route("/", self._hello), Route("/slow", self._slow), Route("/large", self._large)]
        self.web = WebServer(Starlette(routes=routes), host="127.0.0.1", port=self.port, meters=self.metrics)
        self._stack = stack

    async def connected(self, said: bytes = b"") -> Connection:
        """Open a connection and say this."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self._stack.callback(writer.close)
        writer.write(said)
        await writer.drain()
        return reader, writer

    def turned_away(self) -> float | None:
        """How many connections the metric tells of."""
        return self.metrics.registry.get_sample_value(
            "vault_uploads_turned_away_total", {"what": "connections"}
        )

    async def emptied(self) -> None:
        """Return when no connection is left."""
        while self.web._server.server_state.connections:  # noqa: ASYNC110 - uvicorn tells nobody
            await asyncio.sleep(0.01)

    async def _hello(self, _: Request) -> PlainTextResponse:
        return PlainTextResponse("hello")

    async def _slow(self, _: Request) -> PlainTextResponse:
        self.asked += 1
        await self.let.wait()
        return PlainTextResponse(f"slow {self.asked}")

    async def _large(self, _: Request) -> PlainTextResponse:
        self.asked += 1
        return PlainTextResponse("x" * 32 * 1024 * 1024)


@asynccontextmanager
async def serving() -> AsyncIterator[Served]:
    async with AsyncExitStack() as stack, asyncio.timeout(35):
        served = Served(stack)
        await served.web.start()
        try:
            yield served
        finally:
            served.let.set()
            await stack.aclose()
            await served.web.stop()


async def status_of(connection: Connection, said: bytes = GET) -> bytes:
    """Ask, read the answer and return its status; nothing when the connection is cut instead."""
    reader, writer = connection
    with suppress(ConnectionError, asyncio.IncompleteReadError):
        writer.write(said)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        return head.partition(b" ")[2][:3]
    return b""


async def is_closed(connection: Connection) -> bool:
    """Wait for the end, and return that it came without a word."""
    try:
        return await connection[0].read() == b""
    except ConnectionError:
        return True


async def test_connections__beyond_those_being_answered_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """uvicorn by itself would then refuse all of them. A place that is given back is free for the next."""
    monkeypatch.setattr(server, "MOST_CONNECTIONS", PLACES)
    monkeypatch.setattr(places, "FRESH_SECONDS", 0.0)
    async with serving() as served:
        with capture_logs() as lines:
            first = [await served.connected() for _ in range(PLACES)]
            slow = [asyncio.create_task(status_of(one, GET_SLOW)) for one in first]
            while served.asked < PLACES:  # noqa: ASYNC110 - whoever asks waits for the answer
                await asyncio.sleep(0.01)
            more = [await served.connected() for _ in range(2)]
            assert {await status_of(one) for one in more} <= {b"503", b""}
            served.let.set()
            assert await asyncio.gather(*slow) == [b"200"] * PLACES
        told = [line for line in lines if line["event"] == "no room: turned away"]
        assert [(line["what"], line["most"]) for line in told] == [("connections", PLACES)]
        assert served.turned_away() == 2

        first[0][1].close()
        while await status_of(await served.connected()) != b"200":  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_connections__that_only_wait_give_way_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those who have waited longest first: for the rest of a request, for a next one, for a first one."""
    monkeypatch.setattr(server, "MOST_CONNECTIONS", PLACES)
    monkeypatch.setattr(places, "FRESH_SECONDS", 0.0)
    async with serving() as served:
        begun = await served.connected(b"GET / HTT")
        kept = await served.connected()
        assert await status_of(kept) == b"200"
        silent = await served.connected()
        new = []
        for number, oldest in enumerate([begun, kept, silent], start=1):
            new.append(await served.connected())
            assert await status_of(new[-1]) == b"200"
            assert await is_closed(oldest)
            assert served.turned_away() == number
        assert [await status_of(one) for one in new] == [b"200"] * PLACES
        assert served.turned_away() == PLACES


async def test_connections__a_body_that_does_not_come_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 1)
    monkeypatch.setattr(places, "FRESH_SECONDS", 0.0)
    async with serving() as served:
        begun = await served.connected(GET_SLOW.replace(b"\r\n\r\n", b"\r\nContent-Length: 5\r\n\r\nfour"))
        while served.asked < 1:  # noqa: ASYNC110 - whoever asks waits for the answer
            await asyncio.sleep(0.01)
        assert await status_of(await served.connected()) == b"200"
        assert await is_closed(begun)


async def test_connections__that_have_just_come_are_heard_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 1)
    monkeypatch.setattr(places, "FRESH_SECONDS", 1000.0)
    async with serving() as served:
        first = await served.connected()
        assert await status_of(await served.connected()) in (b"503", b"")
        assert await status_of(first) == b"200"


@pytest.mark.parametrize("ending", [b"", b"Connection: close\r\n"], ids=["kept", "closed"])
async def test_answer__that_nobody_reads_is_given_up(monkeypatch: pytest.MonkeyPatch, ending: bytes) -> None:
    monkeypatch.setattr(protocol, "READ_SECONDS", 0.2)
    async with serving() as served:
        with socket.socket() as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.connect(("127.0.0.1", served.port))
            one.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\n" + ending + b"\r\n")
            while served.asked < 1:  # noqa: ASYNC110 - whoever asks does not read
                await asyncio.sleep(0.01)
            await served.emptied()


async def test_answer__that_is_read_arrives_whole_and_stops_the_clock() -> None:
    async with serving() as served:
        reader, writer = await served.connected(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        (kept,) = served.web._server.server_state.connections
        assert isinstance(kept, protocol.BoundedHttpProtocol)
        assert kept._unread_timer is not None
        assert len(await reader.readexactly(32 * 1024 * 1024)) == 32 * 1024 * 1024
        assert await status_of((reader, writer)) == b"200"
        assert kept._unread_timer is None


async def test_requests__sent_ahead_are_answered_in_their_order() -> None:
    async with serving() as served:
        reader, _ = await served.connected(GET_SLOW * (1 + protocol.MOST_AHEAD))
        served.let.set()
        for number in range(1 + protocol.MOST_AHEAD):
            await reader.readuntil(b"\r\n\r\n")
            assert await reader.readexactly(5 + len(str(number + 1))) == b"slow %d" % (number + 1)


async def test_requests__sent_far_ahead_close_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    """None of them is kept, and whoever answers the first of them meets no failure."""
    with caplog.at_level(logging.DEBUG), capture_logs() as lines:
        async with serving() as served:
            connections = [await served.connected(GET_SLOW * 1000) for _ in range(10)]
            for one in connections:
                assert await is_closed(one)
            await served.emptied()
            served.let.set()
            assert await status_of(await served.connected()) == b"200"
            assert served.asked <= len(connections)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert [(line["event"], line["count"]) for line in lines] == [
        ("request refused: not HTTP, or too much of it", 1)
    ]


def test_requests__whose_client_has_left_meet_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    """In the bot's own kind of loop, where whoever writes to a closed connection meets one."""

    async def leave() -> None:
        async with serving() as served:
            _, writer = await served.connected(GET_SLOW * 3)
            while served.asked < 1:  # noqa: ASYNC110 - whoever asks waits for the answer
                await asyncio.sleep(0.01)
            # The server reads on, and so sees who leaves, once it has answered the first.
            first, served.let = served.let, asyncio.Event()
            first.set()
            while served.asked < 2:  # noqa: ASYNC110 - the same
                await asyncio.sleep(0.01)
            writer.transport.abort()
            await served.emptied()
            served.let.set()
            while served.web._server.server_state.tasks:  # noqa: ASYNC110 - uvicorn tells nobody
                await asyncio.sleep(0.01)

    uvloop.run(leave())
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_garbage__does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), capture_logs() as lines:
        async with serving() as served:
            for _ in range(20):
                reader, _ = await served.connected(b"\x16\x03\x01 hush\r\n\r\n")
                assert b"400" in await reader.read()
    assert len(lines) == 1
    assert "hush" not in str(lines)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []
