"""A server on loopback that says exactly the bytes it is given, and keeps what it was sent."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Script = Callable[[str], bytes | None]


def answer(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """One whole HTTP answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass
class RawServer:
    """`script` gets the head of each request and returns the bytes to send; None hangs up."""

    script: Script
    connections: int = 0
    heads: list[str] = field(default_factory=list)
    url: str = ""
    delay: float = 0.0
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a client has left while it was made to wait."""
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the first request is there."""
    running: dict[asyncio.Task[object] | None, asyncio.StreamWriter] = field(default_factory=dict)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        self.connections += 1
        self.running[asyncio.current_task()] = writer
        try:
            while head := await self._head(reader):
                self.heads.append(head)
                self.asked.set()
                if await self._left(reader):
                    self.gone.set()
                    return
                said = self.script(head)
                if said is None:
                    return
                writer.write(said)
                await writer.drain()
                if b"Content-Length" not in said:
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            self.running.pop(asyncio.current_task(), None)

    async def _head(self, reader: asyncio.StreamReader) -> str:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        for line in head.lower().split("\r\n"):
            if line.startswith("content-length:"):
                head += (await reader.readexactly(int(line.partition(":")[2]))).decode()
        return head

    async def _left(self, reader: asyncio.StreamReader) -> bool:
        """Wait `delay` seconds; whether the client closed the connection meanwhile."""
        if not self.delay:
            return False
        try:
            return await asyncio.wait_for(reader.read(1), self.delay) == b""
        except TimeoutError:
            return False


@asynccontextmanager
async def raw_server(script: Script, delay: float = 0.0) -> AsyncIterator[RawServer]:
    """Serve a script on a free port."""
    server = RawServer(script, delay=delay)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()
        for writer in server.running.values():
            writer.transport.abort()
        await asyncio.gather(*(task for task in server.running if task is not None))
        await listening.wait_closed()
