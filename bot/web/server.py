"""The HTTP server, run inside our own event loop and stopped by us."""

import asyncio
import contextlib
from collections.abc import Generator

import uvicorn
from starlette.types import ASGIApp

from bot.model.meters import NO_METERS, Meters
from bot.slack.room import Room
from bot.web import open_files
from bot.web.places import Places
from bot.web.protocol import BoundedHttpProtocol

GRACE_SECONDS = 16
"""For requests that are open when the process stops, such as a link page waiting for Vault."""
MOST_CONNECTIONS = 1000
"""For a further one the connection is closed that has been idle for longest; where all of them are being answered, it
gets 503. The bot keeps its file descriptors for Slack, Vault and the database."""


class CannotListen(Exception):
    """The address is taken or not ours."""


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave signals to the process: uvicorn would raise them again after its own shutdown."""
        yield


def _now() -> float:
    return asyncio.get_running_loop().time()


class WebServer:
    """Serves one application on one address."""

    def __init__(self, app: ASGIApp, *, host: str, port: int, meters: Meters = NO_METERS) -> None:
        room = Room("connections", open_files.places(MOST_CONNECTIONS), meters)
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            # Nothing here asks who is in front of us, or by what name.
            proxy_headers=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=GRACE_SECONDS,
            http=BoundedHttpProtocol.of(Places(room, _now)),
            ws="none",
        )
        self._server = _Server(config)
        self._host, self._port = host, port
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to serve; CannotListen when the address cannot be had."""
        self._task = asyncio.create_task(self._serve())
        while not self._server.started:
            if self._task.done():
                self._task.result()
            await asyncio.sleep(0.005)

    async def _serve(self) -> None:
        try:
            await self._server.serve()
        except SystemExit:
            # uvicorn has logged why and wants to end the process; that is ours to do.
            raise CannotListen(
                f"cannot listen on {self._host}:{self._port}; is it taken? Set PORT."
            ) from None
        if not self._server.started:
            raise CannotListen(f"cannot listen on {self._host}:{self._port}; is it taken? Set PORT.")

    async def stop(self) -> None:
        """Stop accepting, let open requests finish, close."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
