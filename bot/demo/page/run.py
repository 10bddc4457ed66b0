"""Runs the page from the first line it prints until somebody stops it."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bot.demo.page.acts import Acts
from bot.demo.page.server import page_app
from bot.demo.page.stage import Stage, stage_for
from bot.demo.serving import LoopbackServer
from bot.demo.settings import TO_TRY
from bot.demo.workspace import LINKED, demo_person, demo_workspace

USUAL_PORT = 8765
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, kw_only=True)
class OpenPage:
    """The page while it is served."""

    url: str
    stage: Stage


@asynccontextmanager
async def demo_page(
    *, person: str = "alice", socket_mode: bool = True, port: int = USUAL_PORT, keep: Path | None = None
) -> AsyncIterator[OpenPage]:
    """Start a demo workspace, link those who are linked there, and serve its page; a free port if this is taken.

    UnknownName, DemoCannotStart or BotDidNotStart.
    """
    demo_person(person)
    async with demo_workspace(socket_mode=socket_mode, settings=TO_TRY, keep=keep) as demo:
        await demo.link_once(LINKED)
        async with stage_for(demo, person) as stage:
            server = LoopbackServer()
            await server.start(page_app(stage, Acts(stage)), port)
            try:
                yield OpenPage(url=server.url, stage=stage)
            finally:
                await server.stop()


async def serve_page(
    *,
    say: Callable[[str], None],
    person: str = "alice",
    socket_mode: bool = True,
    port: int = USUAL_PORT,
    keep: Path | None = None,
) -> int:
    """Serve until SIGINT, SIGTERM or SIGHUP, then return 0; a second signal does not wait for the bot."""
    stop, started = asyncio.Event(), asyncio.Event()

    async def serve() -> None:
        async with demo_page(person=person, socket_mode=socket_mode, port=port, keep=keep) as page:
            say(f"The demo workspace is open at {page.url}/")
            stays = "nothing of it stays" if keep is None else f"its database stays in {keep}"
            say(f"Press Ctrl-C to stop it; {stays}.")
            started.set()
            await stop.wait()

    task = asyncio.create_task(serve())

    def on_signal() -> None:
        # Before all is started there is nothing to finish; and who asks twice does not want to wait.
        if stop.is_set() or not started.is_set():
            task.cancel()
        stop.set()

    loop = asyncio.get_running_loop()
    for number in STOPPING:
        loop.add_signal_handler(number, on_signal)
    with suppress(asyncio.CancelledError):
        await task
    return 0
