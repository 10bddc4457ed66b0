"""How an answer is sent on a rough way: repeated where it surely did not arrive, hardly ever where it may have."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import aiohttp
import pytest
from slack_sdk.http_retry.request import HttpRequest
from slack_sdk.http_retry.state import RetryState
from slack_sdk.web.async_client import AsyncWebClient
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from bot.demo.serving import HangUp, LoopbackServer
from bot.model.accounts import SlackUser
from bot.model.errors import NotInstalled
from bot.model.secret import Secret
from bot.slack.blocks.kit import Message, section
from bot.slack.calls import ReplyTo
from bot.slack.installed import Installed, OneWorkspace
from bot.slack.replies import NotDelivered, Replies, retry_handlers
from bot.slack.workspace import Workspace

ALICE = SlackUser(workspace="T1", user_id="U1", team_id="T1")
MESSAGE = Message(text="31%", blocks=[section("*31%*")])


def a_workspace(token: str = "xoxb-1") -> Workspace:  # noqa: S107
    """Alice's."""
    return Workspace(
        team_id="T1", enterprise_id=None, name="One", bot_id="B1", bot_user_id="UB", token=Secret(token)
    )


class Rotating:
    """An installation whose token was replaced by another process; `newest` None: it was removed instead."""

    def __init__(self, newest: str | None) -> None:
        self._newest = newest

    async def of_person(self, _: SlackUser, *, past: Workspace | None = None) -> Workspace:
        """The one before, until somebody has found out that Slack refuses it."""
        if past is None:
            return a_workspace("xoxb-old")
        if self._newest is None:
            raise NotInstalled
        return a_workspace(self._newest)


class Slack:
    """Answers posts to /answer by `responses` in turn, then 200; keeps what came; takes direct messages.

    It answers chat.postMessage by `to_posts` in turn, then takes it; it refuses the tokens in `void`.
    """

    def __init__(self, *responses: Response, to_posts: Sequence[Response] = ()) -> None:
        self.came: list[dict[str, Any]] = []
        self.direct: list[str] = []
        self.tokens: list[str] = []
        self.void: set[str] = set()
        self.held = asyncio.Event()
        self.posts = 0
        self._responses, self._to_posts = list(responses), list(to_posts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        if request.url.path == "/slow":
            self.held.set()
            await asyncio.sleep(1.2)
            response = Response("ok")
        elif request.url.path == "/answer":
            self.came.append(json.loads(body))
            response = self._responses.pop(0) if self._responses else Response("ok")
        else:
            response = self._call(request, body)
        await response(scope, receive, send)

    def _call(self, request: Request, body: bytes) -> Response:
        token = request.headers["authorization"].removeprefix("Bearer ")
        self.tokens.append(token)
        if token in self.void:
            return JSONResponse({"ok": False, "error": "token_revoked"})
        if request.url.path.endswith("chat.postMessage"):
            self.posts += 1
            if self._to_posts:
                return self._to_posts.pop(0)
            self.direct.append(json.loads(body)["text"])
        return JSONResponse({"ok": True, "channel": {"id": "D1"}})


@dataclass(frozen=True)
class Way:
    """How to answer, how to keep a connection busy, and the address."""

    answer: Callable[[], Awaitable[None]]
    tell: Callable[[], Awaitable[None]]
    hold: Callable[[], Coroutine[Any, Any, None]]
    url: str


@asynccontextmanager
async def serving(
    slack: Slack, *, connections: int = 10, installed: Installed | None = None, connect: float = 60.0
) -> AsyncIterator[Way]:
    """Yield the ways to this Slack."""
    server = LoopbackServer()
    await server.start(slack)
    connector = aiohttp.TCPConnector(limit=connections)
    timeout = aiohttp.ClientTimeout(total=60, connect=connect)
    try:
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as http:
            client = AsyncWebClient(
                base_url=f"{server.url}/api/", session=http, retry_handlers=retry_handlers()
            )
            replies = Replies(
                client=client, http=http, installed=installed or OneWorkspace(a_workspace(), client)
            )
            reply_to = ReplyTo(slack_user=ALICE, response_url=f"{server.url}/answer")

            async def answer() -> None:
                await replies.answer(reply_to, MESSAGE)

            async def tell() -> None:
                await replies.tell(ALICE, MESSAGE)

            async def hold() -> None:
                async with http.get(f"{server.url}/slow") as response:
                    await response.read()

            yield Way(answer, tell, hold, server.url)
    finally:
        await server.stop()


async def test_answer__waits_for_a_connection() -> None:
    slack = Slack()
    async with serving(slack, connections=1, connect=0.2) as way:
        holding = asyncio.create_task(way.hold())
        await slack.held.wait()
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


def limited() -> Response:
    """429, to be tried again at once."""
    return JSONResponse({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": "0"})


@pytest.mark.parametrize(
    ("to_posts", "posts"),
    [
        ((HangUp(),), 2),
        ((Response(status_code=502),), 2),
        ((limited(), HangUp()), 3),
        ((limited(), limited(), Response(status_code=500)), 4),
        ((HangUp(), limited()), 3),
    ],
    ids=["lost", "502", "429 and lost", "429 twice and 500", "lost and 429"],
)
async def test_tell__is_repeated_until_it_arrives(to_posts: tuple[Response, ...], posts: int) -> None:
    """A lost connection counts for itself, whatever Slack has refused before."""
    slack = Slack(to_posts=to_posts)
    async with serving(slack) as way:
        await way.tell()
    assert (slack.posts, slack.direct) == (posts, ["31%"])


@pytest.mark.parametrize(
    ("to_posts", "posts"),
    [
        ((HangUp(), HangUp()), 2),
        ((HangUp(), Response(status_code=503)), 2),
        ((limited(), Response(status_code=500), HangUp()), 3),
        ((limited(),) * 4, 4),
    ],
    ids=["lost twice", "lost and 503", "429, 500 and lost", "429 four times"],
)
async def test_tell__that_may_have_arrived_twice_is_given_up(
    to_posts: tuple[Response, ...], posts: int
) -> None:
    slack = Slack(to_posts=to_posts)
    async with serving(slack) as way:
        with pytest.raises(NotDelivered):
            await way.tell()
    assert (slack.posts, slack.direct) == (posts, [])


@pytest.mark.parametrize(
    ("error", "is_repeated"),
    [
        (aiohttp.ServerDisconnectedError(), True),
        (aiohttp.ClientPayloadError(), True),
        (aiohttp.ConnectionTimeoutError(), True),
        (aiohttp.SocketTimeoutError(), False),
        (TimeoutError(), False),
        (ValueError(), False),
    ],
    ids=lambda one: type(one).__name__,
)
async def test_call__is_not_repeated_after_a_time_out(error: Exception, is_repeated: bool) -> None:
    """But for one before it was connected: that call surely did not arrive."""
    request = HttpRequest(method="POST", url="http://127.0.0.1/", headers={})
    asked = [
        await one.can_retry_async(state=RetryState(), request=request, error=error)
        for one in retry_handlers()
    ]
    assert any(asked) is is_repeated


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
        client = AsyncWebClient(base_url=f"{url}/api/", session=http, retry_handlers=[])
        replies = Replies(client=client, http=http, installed=OneWorkspace(a_workspace(), client))
        with pytest.raises(NotDelivered):
            await replies.answer(ReplyTo(slack_user=ALICE, response_url=f"{url}/answer"), MESSAGE)


async def test_tell__with_the_token_of_the_installation() -> None:
    slack = Slack()
    async with serving(slack) as way:
        await way.tell()
    assert (slack.direct, set(slack.tokens)) == (["31%"], {"xoxb-1"})


async def test_tell__with_the_token_that_another_process_put_in_its_place() -> None:
    slack = Slack()
    slack.void = {"xoxb-old"}
    async with serving(slack, installed=cast("Installed", Rotating("xoxb-new"))) as way:
        await way.tell()
    assert slack.direct == ["31%"]
    assert slack.tokens == ["xoxb-old", "xoxb-new", "xoxb-new"]


@pytest.mark.parametrize("newest", ["xoxb-old", None])
async def test_tell__with_a_token_that_is_void_for_good(newest: str | None) -> None:
    slack = Slack()
    slack.void = {"xoxb-old"}
    async with serving(slack, installed=cast("Installed", Rotating(newest))) as way:
        with pytest.raises(NotDelivered):
            await way.tell()
    assert slack.tokens == ["xoxb-old"]


def test_workspace__does_not_show_its_token() -> None:
    assert "xoxb" not in repr(a_workspace()) + str(a_workspace())
