"""Two bots on one PostgreSQL: started at once on an empty database, each can go on with what the other began."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.demo.bot_process import BotProcess
from bot.demo.vault import seed
from bot.demo.workspace import DemoWorkspace, demo_workspace, hidden_fields, link_address
from tests.acceptance.steps import ask, browser, log_lines, password_fields, vault_sessions, workspace
from tests.postgres import PostgresServer


@pytest.fixture
async def two(
    postgres_server: PostgresServer, tmp_path: Path, spare_port: int
) -> AsyncIterator[tuple[DemoWorkspace, BotProcess]]:
    """A workspace whose Slack sends to the first bot until told otherwise, and the second bot."""
    with postgres_server.database() as empty:
        async with demo_workspace(start_bot=False, settings={"DATABASE_URL": empty}) as demo:
            second = BotProcess(demo.settings, tmp_path, spare_port)
            try:
                await asyncio.gather(demo.bot.start(), second.start())
                yield demo, second
            finally:
                await second.stop()


async def test_replicas__share_links_and_tickets(two: tuple[DemoWorkspace, BotProcess]) -> None:
    """Asked for at one, opened at the other, sent to both at once: linked once."""
    demo, second = two
    asked = await ask(demo, "alice", "link promomats")
    async with browser() as client:
        page = await client.get(link_address(asked).replace(demo.bot.url, second.url))
        assert "Alice Moreau" in page.text
        fields = hidden_fields(page.text, "password") | password_fields("alice")
        pages = await asyncio.gather(
            *(client.post(f"{url}/link", data=fields) for url in (demo.bot.url, second.url))
        )
        assert sorted(page.status_code for page in pages) == [200, 410]
        assert (await client.get(f"{second.url}/readyz")).status_code == 200
    assert len(vault_sessions(demo, "alice")) == 1
    for bot in (demo.bot, second):
        demo.slack.request_url = f"{bot.url}/slack/events"
        assert "31%" in (await demo.ask("alice", seed.CHOLECAP)).text
    gone = await demo.ask("alice", "unlink")
    assert "Unlinked from promomats" in gone.text
    demo.slack.request_url = f"{demo.bot.url}/slack/events"
    assert "not linked" in (await demo.ask("alice", seed.CHOLECAP)).text


async def test_replicas__one_stops_and_the_other_goes_on(two: tuple[DemoWorkspace, BotProcess]) -> None:
    demo, second = two
    assert await second.stop() == 0
    await demo.link("bob")
    assert "archive.tar.gz" in (await demo.ask("bob", seed.BOB_ARCHIVE)).text


async def test_database__that_goes_away(postgres_server: PostgresServer) -> None:
    """/readyz says why, a command is answered with a sentence and a reference, the process lives."""
    with postgres_server.database() as url:
        context = workspace("alice", settings={"DATABASE_URL": url})
        demo = await context.__aenter__()
    try:
        async with browser() as client:
            ready = await client.get(f"{demo.bot.url}/readyz")
            assert ready.status_code == 503
            assert ready.json()["checks"]["slack"] == "ok"
            assert "database cannot be used" in ready.json()["checks"]["database"]
            assert (await client.get(f"{demo.bot.url}/healthz")).status_code == 200
            assert (await client.get(f"{demo.bot.url}/link?ticket=x")).status_code == 503
        answer = await ask(demo, "alice", seed.CHOLECAP)
        assert "database cannot be used" in answer.text
        reference = answer.text.partition("Reference: ")[2][:8]
        assert any(line.get("reference") == reference for line in log_lines(demo))
    finally:
        await context.__aexit__(None, None, None)
