"""Serving an ASGI app on loopback inside a running event loop: the floor both emulators stand on."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import Iterator

import uvicorn
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

LOOPBACK = "127.0.0.1"


class LoopbackServer:
    """A uvicorn server for one app, bound to 127.0.0.1 alone.

    A request whose Host header is not 127.0.0.1 or localhost with this server's port is refused with 403, so
    that no web page can reach it by DNS rebinding. It installs no signal handlers and writes no access log.
    """

    def __init__(self, *, tells_date: bool = True) -> None:
        """Without `tells_date` the app puts the date into its answers itself: by the demo's clock."""
        self._tells_date = tells_date
        self._server: uvicorn.Server | None = None
        self._ticker: asyncio.Task[None] | None = None
        self._port = 0

    @property
    def port(self) -> int:
        """The port it listens on; 0 before the start."""
        return self._port

    @property
    def url(self) -> str:
        """The address without a slash at its end."""
        return f"http://{LOOPBACK}:{self._port}"

    async def start(self, app: ASGIApp, port: int = 0) -> None:
        """Listen on the wished port, or on a free one if that is 0 or taken; accepts when this returns."""
        if self._server is not None:
            raise RuntimeError("this server is running already")
        listener = bind_loopback(port)
        self._port = listener.getsockname()[1]
        config = uvicorn.Config(
            self._guarded(app),
            http="httptools",
            ws="websockets-sansio",
            ws_ping_interval=None,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=self._tells_date,
            timeout_keep_alive=75,
        )
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        # The parts of uvicorn.Server.serve(), without its signal handlers.
        await server.startup(sockets=[listener])
        await server.on_tick(0)
        self._ticker = asyncio.create_task(server.main_loop(), name="loopback server")
        self._server = server

    async def stop(self) -> None:
        """Close the socket and every connection at once; nothing of it is left when this returns."""
        server, ticker = self._server, self._ticker
        if server is None or ticker is None:
            return
        self._server = self._ticker = None
        ticker.cancel()
        for listener in server.servers:
            listener.close()
        for connection in list(server.server_state.connections):
            _abort(connection)
        await asyncio.sleep(0)
        running = list(server.server_state.tasks)
        for task in running:
            task.cancel()
        await asyncio.gather(ticker, *running, return_exceptions=True)
        for listener in server.servers:
            await listener.wait_closed()
        await asyncio.sleep(0)  # the transports close their sockets in the loop's next turn

    def _guarded(self, app: ASGIApp) -> ASGIApp:
        """The app behind the Host check, able to hang up, and quiet when the server stops under it."""

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            if not self._is_own_host(scope):
                await PlainTextResponse("Unknown Host.\n", 403)(scope, receive, send)
                return
            scope.setdefault("extensions", {})["loopback.hang_up"] = lambda: self._hang_up(scope)
            try:
                await app(scope, receive, send)
            except asyncio.CancelledError:
                if self._server is not None:
                    raise

        return serve

    def _is_own_host(self, scope: Scope) -> bool:
        host = next((value for name, value in scope["headers"] if name == b"host"), b"")
        return host.decode("latin-1").lower() in {f"{LOOPBACK}:{self._port}", f"localhost:{self._port}"}

    def _hang_up(self, scope: Scope) -> None:
        if self._server is not None:
            for connection in list(self._server.server_state.connections):
                if getattr(connection, "client", None) == tuple(scope["client"]):
                    _abort(connection)


class HangUp(Response):
    """A response that is none: the connection is closed without an answer. Only under a `LoopbackServer`."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Close the connection under the request."""
        scope["extensions"]["loopback.hang_up"]()
        await asyncio.sleep(0)  # lets uvicorn notice, which then expects no response


def bind_loopback(port: int) -> socket.socket:
    """A socket bound to 127.0.0.1 and the wished port, or a free one if that is 0 or taken."""
    for candidate in (port, 0):
        # The protocol is named, since asyncio switches Nagle off only for sockets that name it.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            listener.bind((LOOPBACK, candidate))
            return listener
        listener.close()
    raise OSError("no free port on 127.0.0.1")


@contextlib.contextmanager
def reserved_port() -> Iterator[int]:
    """A port on loopback for a server that is started later, or never. Until the end of the `with` no other program is
    given it: neither as a free port, nor for a connection that it makes.

    Linux lets a server listen beside a socket that is bound and does not listen, if both reuse addresses (socket(7),
    SO_REUSEADDR). Elsewhere that would be refused, and the port is only one that was free.
    """
    with bind_loopback(0) as held:
        port: int = held.getsockname()[1]
        if sys.platform != "linux":
            held.close()
        yield port


def _abort(connection: object) -> None:
    transport = getattr(connection, "transport", None)
    if transport is not None:
        transport.abort()
