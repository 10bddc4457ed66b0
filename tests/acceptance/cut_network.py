"""A network between the bots and PostgreSQL that a test can cut: nothing comes through, and nobody says so."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy.engine import make_url


class CutNetwork:
    """Carries bytes both ways between a port of ours and the server's Unix socket; see `network_to`."""

    def __init__(self, server_socket: Path) -> None:
        self.address = ""
        self._server_socket = server_socket
        self._open = asyncio.Event()
        self._open.set()
        self._carrying: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """From now on everything sent is lost on the way, connection attempts too."""
        self._open.clear()

    def mend(self) -> None:
        """What was connected is dead; whoever connects anew comes through."""
        for task in self._carrying:
            task.cancel()
        self._open.set()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until it ends or is cut."""
        task = asyncio.current_task()
        assert task is not None
        self._carrying.add(task)
        theirs: asyncio.StreamWriter | None = None
        try:
            await self._open.wait()
            answers, theirs = await asyncio.open_unix_connection(str(self._server_socket))
            await asyncio.gather(self._pump(reader, theirs), self._pump(answers, writer))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._carrying.discard(task)
            writer.transport.abort()
            if theirs is not None:
                theirs.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            await self._open.wait()
            target.write(data)
            await target.drain()
        target.write_eof()


@asynccontextmanager
async def network_to(url: str) -> AsyncIterator[CutNetwork]:
    """Yield a network; its `address` is the database's on the other side of it."""
    address = make_url(url)
    folder = address.query["host"]
    assert isinstance(folder, str)
    network = CutNetwork(Path(folder) / ".s.PGSQL.5432")
    server = await asyncio.start_server(network.carry, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    network.address = f"postgresql://{address.username}@127.0.0.1:{port}/{address.database}"
    try:
        yield network
    finally:
        server.close()
        network.mend()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                await server.wait_closed()
