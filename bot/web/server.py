"""The HTTP server, run inside our own event loop and stopped by us."""

import asyncio
import contextlib
from collections.abc import Generator

import uvicorn
from starlette.types import ASGIApp

from bot.slack.room import Room
from bot.web.protocol import BoundedHttpProtocol

GRACE_SECONDS = 16
"""For requests that are open when the process stops, such as a link page waiting for Vault."""
MOST_CONNECTIONS = 1000
"""Further ones get 503 and are closed: the bot keeps its file descriptors for Slack, Vault and the database."""


class CannotListen(Exception):
    """The address is taken or not ours."""


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave signals to the process: uvicorn would raise them again after its own shutdown."""
        yield


class WebServer:
    """Serves one application on one address."""

    def __init__(self, app: ASGIApp, *, host: str, port: int) -> None:
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
            http=BoundedHttpProtocol.of(Room("connections", MOST_CONNECTIONS)),
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
