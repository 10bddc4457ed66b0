"""The process from its start to its end: takes work in, and in the end takes no more and finishes what it has."""

import asyncio
import gc

import structlog

from bot.app import Running, build
from bot.config import Config
from bot.tracing import Traces
from bot.web.server import WebServer

log = structlog.get_logger()

STOP_SECONDS = 23.0
"""From the signal until the last answer is cancelled; what then remains takes less than two."""


async def serve(
    config: Config, stop: asyncio.Event, started: asyncio.Event, traces: Traces | None = None
) -> None:
    """Set `started` when all is open; run until `stop` is set, then take no more work, finish, and close.

    CannotListen when the address is taken; else as `build`.
    """
    async with build(config, started, traces) as running:
        # What lives from here to the end need not be looked at by each garbage collection again. There is next to no
        # garbage yet, and to look for it would be a tenth of the start.
        gc.freeze()
        server = WebServer(running.web, host=config.host, port=config.port, meters=running.metrics)
        await server.start()
        try:
            if running.socket_mode is not None:
                await running.socket_mode.connect()
            running.worker.start()
            started.set()
            log.info("ready", mode="socket" if config.socket_mode else "http", public_url=config.public_url)
            await stop.wait()
            log.info("stopping", under_way=running.work.count)
        finally:
            await _finish(running, server)
    log.info("stopped")


async def _finish(running: Running, server: WebServer) -> None:
    """First the ways in, then the work: what was acknowledged until the last moment is answered too."""
    deadline = asyncio.get_running_loop().time() + STOP_SECONDS
    try:
        if running.socket_mode is not None:
            await running.socket_mode.close()
        await asyncio.gather(server.stop(), running.worker.stop(STOP_SECONDS - 3))
    except asyncio.CancelledError:
        deadline = 0.0  # whoever asked twice does not want to wait
        raise
    finally:
        await running.work.drain(deadline - asyncio.get_running_loop().time())
