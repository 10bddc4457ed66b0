"""What people whom nobody knows may do to the bot by opening connections and sending what Slack did not sign."""

import asyncio
import resource
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import httpx

import bot
from bot.demo.vault import seed
from bot.demo.workspace import DemoWorkspace
from tests.acceptance.metric_steps import counted
from tests.acceptance.steps import ask, browser, log_lines, workspace

MEGABYTE = 1024 * 1024
NOT_SIGNED = "request refused: not signed by Slack, or too old"


async def connected(stack: AsyncExitStack, demo: DemoWorkspace, said: bytes = b"") -> asyncio.StreamReader:
    """Open a connection, say this, and keep it open."""
    reader, writer = await asyncio.open_connection("127.0.0.1", demo.bot.port)
    stack.callback(writer.close)
    writer.write(said)
    await writer.drain()
    return reader


def head(demo: DemoWorkspace, length: int, *, age: int = 0, signature: bytes = b"v0=" + b"0" * 64) -> bytes:
    """The head of a request to Slack's endpoint that claims to be signed so many seconds ago; without a signature,
    one that does not."""
    lines = [
        b"POST /slack/events HTTP/1.1",
        b"Host: localhost",
        b"Content-Type: application/json",
        b"Content-Length: %d" % length,
        b"X-Slack-Request-Timestamp: %d" % (int(demo.clock.timestamp()) - age),
    ]
    if signature:
        lines.append(b"X-Slack-Signature: " + signature)
    return b"\r\n".join(lines) + b"\r\n\r\n"


async def served(demo: DemoWorkspace) -> None:
    """Return once somebody who comes is served: a tenth of a second after the last stranger has come."""
    async with browser() as client, asyncio.timeout(30):
        while True:
            with suppress(httpx.TransportError):
                if (await client.get(f"{demo.bot.url}/healthz")).status_code == 200:
                    return
            await asyncio.sleep(0.01)


async def test_bodies__that_never_end_keep_nobody_out() -> None:
    """Those that are read for longest give way to Slack's, also to one that is too long to be free."""
    async with workspace("alice") as demo, AsyncExitStack() as stack, asyncio.timeout(60):
        flood = head(demo, MEGABYTE) + b"x" * (MEGABYTE - 1)
        for _ in range(66):
            await connected(stack, demo, flood)
        assert "31%" in (await ask(demo, "alice", seed.CHOLECAP)).text
        await counted(demo, lambda now: now["turned_away_total what=bodies"] >= 1, "it is counted")
        long = await demo.slack.slash(user="alice", text=f"find {'so on ' * 4000}")
        assert long.error is None
        assert (await long.answered(timeout=30)).visible_to == long.user


async def test_unsigned__is_refused_before_its_body_is_read() -> None:
    async with workspace() as demo, AsyncExitStack() as stack, asyncio.timeout(60):
        for said in (
            head(demo, MEGABYTE, age=301),
            head(demo, MEGABYTE, age=-301),
            head(demo, MEGABYTE, signature=b""),
        ):
            reader = await connected(stack, demo, said)
            async with asyncio.timeout(9):  # after ten seconds a body is too slow: 408
                assert (await reader.readline()).split()[1] == b"401"


async def test_unsigned__does_not_fill_the_log() -> None:
    async with workspace("alice") as demo, browser() as stranger:
        for _ in range(60):
            assert (await stranger.post(f"{demo.bot.url}/slack/events", content=b"x")).status_code == 401
        await ask(demo, "alice", "help")
        told = [line["count"] for line in log_lines(demo) if line["event"] == NOT_SIGNED]
        assert told[0] == 1
        assert len(told) < 10  # one at once, and one a minute


async def test_connections__that_say_nothing_keep_nobody_out() -> None:
    async with workspace("alice") as demo, AsyncExitStack() as stack:
        for _ in range(1010):
            await connected(stack, demo)
        await served(demo)
        assert "31%" in (await ask(demo, "alice", seed.CHOLECAP)).text
        await counted(demo, lambda now: now["turned_away_total what=connections"] >= 10, "they are counted")


@asynccontextmanager
async def limited(folder: Path, soft: int, hard: int) -> AsyncIterator[DemoWorkspace]:
    """A bot whose process may have so many files open."""
    folder.joinpath("sitecustomize.py").write_text(
        f"import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))\n", "utf-8"
    )
    path = f"{folder}:{Path(bot.__file__).parent.parent}"
    async with workspace("alice", settings={"PYTHONPATH": path}) as demo:
        yield demo


async def test_files__the_soft_limit_is_raised_to_the_hard_one(tmp_path: Path) -> None:
    async with limited(tmp_path, 200, 900) as demo:
        assert resource.prlimit(demo.bot.pid, resource.RLIMIT_NOFILE) == (900, 900)


async def test_files__a_low_limit_leaves_some_for_everything_else(tmp_path: Path) -> None:
    async with limited(tmp_path, 400, 400) as demo, AsyncExitStack() as stack:
        for _ in range(450):
            await connected(stack, demo)
        await served(demo)
        for _ in range(3):
            assert "31%" in (await ask(demo, "alice", seed.CHOLECAP)).text
        assert all(line["level"] != "error" for line in log_lines(demo))
