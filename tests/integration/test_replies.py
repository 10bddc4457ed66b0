"""How an answer is sent on a rough way: repeated where it surely did not arrive, hardly ever where it may have."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from bot.demo.serving import LoopbackServer
from bot.model.accounts import SlackUser
from bot.slack.blocks.kit import Message, section
from bot.slack.payloads import ReplyTo
from bot.slack.replies import NotDelivered, Replies

ALICE = SlackUser(workspace="T1", user_id="U1", team_id="T1")
MESSAGE = Message(text="31%", blocks=[section("*31%*")])


class Slack:
    """Answers posts to /answer by `responses` in turn, then 200; keeps what came; takes direct messages."""

    def __init__(self, *responses: Response) -> None:
        self.came: list[dict[str, Any]] = []
        self.direct: list[str] = []
        self._responses = list(responses)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        if request.url.path == "/slow":
            await asyncio.sleep(1.2)
            response = Response("ok")
        elif request.url.path == "/answer":
            self.came.append(json.loads(body))
            response = self._responses.pop(0) if self._responses else Response("ok")
        else:
            if request.url.path.endswith("chat.postMessage"):
                self.direct.append(json.loads(body)["text"])
            response = JSONResponse({"ok": True, "channel": {"id": "D1"}})
        await response(scope, receive, send)


@dataclass(frozen=True)
class Way:
    """How to answer, how to keep a connection busy, and the address."""

    answer: Callable[[], Awaitable[None]]
    hold: Callable[[], Coroutine[Any, Any, None]]
    url: str


@asynccontextmanager
async def serving(slack: Slack, *, connections: int = 10) -> AsyncIterator[Way]:
    """Yield the ways to this Slack."""
    server = LoopbackServer()
    await server.start(slack)
    connector = aiohttp.TCPConnector(limit=connections)
    timeout = aiohttp.ClientTimeout(total=5, connect=0.2)
    try:
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as http:
            client = AsyncWebClient(token="xoxb-1", base_url=f"{server.url}/api/", session=http)
            replies = Replies(client=client, http=http)
            reply_to = ReplyTo(slack_user=ALICE, response_url=f"{server.url}/answer")

            async def answer() -> None:
                await replies.answer(reply_to, MESSAGE)

            async def hold() -> None:
                async with http.get(f"{server.url}/slow") as response:
                    await response.read()

            yield Way(answer, hold, server.url)
    finally:
        await server.stop()


async def test_answer__waits_for_a_connection() -> None:
    slack = Slack()
    async with serving(slack, connections=1) as way:
        holding = asyncio.create_task(way.hold())
        await asyncio.sleep(0.05)
        await way.answer()
        await holding
    assert len(slack.came) == 1
    assert slack.direct == []


@pytest.mark.parametrize(
    ("responses", "posts", "direct"),
    [
        ((), 1, 0),
        ((Response(status_code=500),), 2, 0),
        ((Response(status_code=500), Response(status_code=503)), 2, 1),
        ((Response(status_code=429, headers={"Retry-After": "0"}),) * 3, 4, 0),
        ((Response(status_code=429, headers={"Retry-After": "90"}),), 1, 1),
        ((Response(status_code=429, headers={"Retry-After": "soon"}),), 2, 0),
        ((Response(status_code=404),), 1, 1),
        ((Response(b"\xff\xfe", status_code=403),), 1, 1),
        ((Response(status_code=302, headers={"Location": "http://127.0.0.1:9/"}),), 1, 1),
    ],
)
async def test_answer__posts_and_direct_messages(
    responses: tuple[Response, ...], posts: int, direct: int
) -> None:
    slack = Slack(*responses)
    async with serving(slack) as way:
        await way.answer()
    assert (len(slack.came), len(slack.direct)) == (posts, direct)


async def test_answer__without_blocks_where_slack_refuses_them() -> None:
    slack = Slack(Response(status_code=400))
    async with serving(slack) as way:
        await way.answer()
    assert [bool(one["blocks"]) for one in slack.came] == [True, False]
    assert slack.came[1]["text"] == "31%"


async def test_answer__nowhere_to_go() -> None:
    async with serving(Slack()) as way:
        url = way.url
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http:
        client = AsyncWebClient(token="xoxb-1", base_url=f"{url}/api/", session=http, retry_handlers=[])
        with pytest.raises(NotDelivered):
            await Replies(client=client, http=http).answer(
                ReplyTo(slack_user=ALICE, response_url=f"{url}/answer"), MESSAGE
            )
