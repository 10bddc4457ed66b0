"""The doctor's looks at a Slack that the demo has not: a websocket host that is blocked, and slow answers."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from slack_sdk.web.async_client import AsyncWebClient

from bot.doctor.check import Check, Status
from bot.doctor.slack import MOST_ASKED, SlackChecks
from bot.model.clock import system_clock
from bot.model.installations import Installation
from bot.model.secret import Secret
from tests.integration.raw_server import answer, raw_server

TICKET = "a-ticket-that-serves-once"
PATIENCE = 30.0


@asynccontextmanager
async def checks(
    api: str, installations: Sequence[Installation] = (), **tokens: Secret
) -> AsyncIterator[SlackChecks]:
    async with aiohttp.ClientSession() as http:
        yield SlackChecks(
            AsyncWebClient(base_url=f"{api}/api/", session=http, retry_handlers=[]),
            http,
            bot_token=None,
            app_token=tokens.get("app_token"),
            installations=lambda: installations,
            scopes=[],
            clock=system_clock,
        )


async def socket_check(address: str) -> Check:
    """What the check finds where Slack gives this address."""
    body = json.dumps({"ok": True, "url": address}).encode()
    async with (
        raw_server(lambda _: answer(body, "200 OK", "Content-Type: application/json")) as slack,
        checks(slack.url, app_token=Secret("xapp-1")) as found,
        asyncio.timeout(PATIENCE),
    ):
        return await found.socket_mode()


async def test_socket_mode__host_is_reached_and_the_ticket_is_not_used() -> None:
    async with raw_server(lambda _: answer(b"", "404 Not Found")) as host:
        place = host.url.removeprefix("http://")
        found = await socket_check(f"ws://{place}/link?ticket={TICKET}")
    assert found.status is Status.OK
    assert place in found.what
    (head,) = host.heads
    assert head.startswith("GET / ")
    assert TICKET not in head
    assert "upgrade" not in head.lower()


@pytest.mark.parametrize("case", ["nobody listens", "no TLS", "no address"])
async def test_socket_mode__host_that_is_not_reached(case: str, spare_port: int) -> None:
    async with await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0) as plain:
        ports = {"nobody listens": spare_port, "no TLS": plain.sockets[0].getsockname()[1]}
        named = f"127.0.0.1:{ports[case]}" if case in ports else ""
        found = await socket_check(f"wss://{named}/link?ticket={TICKET}" if named else "")
    assert found.status is Status.FAIL
    assert (named or "none") in found.what
    assert "HTTPS_PROXY" in found.next_step
    assert TICKET not in found.what + found.next_step


async def test_tokens__of_many_installations_are_asked_for_at_once() -> None:
    """Slack answers none before it has been asked for all: one after the other, each waits for its time to end."""
    asked, all_asked = set[str](), asyncio.Event()

    async def auth_test(request: web.Request) -> web.Response:
        asked.add(request.headers["Authorization"])
        if len(asked) == MOST_ASKED:
            all_asked.set()
        await all_asked.wait()
        if request.headers["Authorization"].endswith("-7"):
            return web.json_response({"ok": False, "error": "token_revoked"})
        return web.json_response({"ok": True, "user": "bot", "team": "Team"})

    app = web.Application()
    app.router.add_post("/api/auth.test", auth_test)
    server = TestServer(app)
    await server.start_server()
    try:
        some = [an_installation(number) for number in range(MOST_ASKED + 2)]
        async with checks(str(server.make_url("")).rstrip("/"), some) as found, asyncio.timeout(PATIENCE):
            check = await found.token()
    finally:
        all_asked.set()
        await server.close()
    assert check is not None
    assert check.status is Status.FAIL
    assert check.what == f"Slack does not accept 1 of {MOST_ASKED} bot tokens any more: T7."


def an_installation(number: int) -> Installation:
    return Installation(
        workspace=f"T{number}",
        enterprise_id=None,
        team_id=f"T{number}",
        name=f"Team {number}",
        bot_token=Secret(f"xoxb-{number}"),
        refresh_token=None,
        expires_at=None,
        bot_id="B1",
        bot_user_id="U1",
        scopes="commands",
        installed_by="U2",
        installed_at=datetime.now(UTC),
        version=1,
    )
