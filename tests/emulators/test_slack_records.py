"""What the emulated Slack writes down: rejections and exchanges; and what outlives a restart of its network."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.demo.serving import LoopbackServer
from bot.demo.slack import Exchange, SlackEmulator
from bot.demo.slack.content import ContentError
from bot.demo.slack.rejections import Rejections

UPLOADS = "C0TRIALUPLOADS"
BAD = [{"type": "nonsense"}]
MODAL = {
    "type": "modal",
    "title": {"type": "plain_text", "text": "T"},
    "submit": {"type": "plain_text", "text": "S"},
    "blocks": [],
}


@pytest.fixture
def acks() -> list[Response]:
    """What the bot acks with, first to last; then nothing."""
    return []


@pytest.fixture
async def slack(acks: list[Response]) -> AsyncIterator[SlackEmulator]:
    emulator, server = SlackEmulator(), LoopbackServer()

    async def take(_request: Request) -> Response:
        return acks.pop(0) if acks else Response()

    await emulator.start()
    await server.start(Starlette(routes=[Route("/slack/events", take, methods=["POST"])]))
    emulator.request_url = f"{server.url}/slack/events"
    yield emulator
    await server.stop()
    await emulator.stop()


@pytest.fixture
def client(slack: SlackEmulator) -> AsyncWebClient:
    return AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, timeout=60, retry_handlers=[])


async def respond(url: str, **body: Any) -> httpx.Response:
    async with httpx.AsyncClient() as raw:
        return await raw.post(url, json=body)


async def test_rejections__of_the_web_api(slack: SlackEmulator, client: AsyncWebClient) -> None:
    told: list[int] = []
    slack.on_change(lambda: told.append(len(slack.rejections)))
    with pytest.raises(SlackApiError):
        await client.chat_postMessage(channel=UPLOADS, text="see xoxb-verysecret", blocks=BAD)
    [rejection] = slack.rejections
    assert (rejection.number, rejection.what, rejection.error) == (1, "chat.postMessage", "invalid_blocks")
    assert rejection.reasons == ("[ERROR] unsupported type: nonsense [json-pointer:/blocks/0/type]",)
    assert (rejection.who, rejection.place) == (None, UPLOADS)
    assert rejection.payload["blocks"] in (BAD, '[{"type": "nonsense"}]')
    assert "verysecret" not in repr(rejection)
    assert 1 in told


async def test_rejections__name_the_reader_of_a_direct_message(
    slack: SlackEmulator, client: AsyncWebClient
) -> None:
    dm = (await client.conversations_open(users="U0ALICE"))["channel"]["id"]
    for call in (
        client.chat_postMessage(channel=dm, text="x", blocks=BAD),
        client.chat_postEphemeral(channel=UPLOADS, user="U0BOB", text="x", blocks=BAD),
        client.views_publish(user_id="U0VERA", view={"type": "home", "blocks": BAD}),
    ):
        with pytest.raises(SlackApiError):
            await call
    assert [one.who for one in slack.rejections] == ["U0ALICE", "U0BOB", "U0VERA"]


async def test_rejections__not_for_plain_refusals(slack: SlackEmulator, client: AsyncWebClient) -> None:
    """Where the bot may post is its business to find out."""
    with pytest.raises(SlackApiError):
        await client.chat_postMessage(channel="C0RANDOM", text="x")
    assert slack.rejections == []


async def test_rejections__of_a_response_url(slack: SlackEmulator) -> None:
    """Bad content, used up, too old: the person would see nothing of it."""
    url = (await slack.slash(user="alice")).payload["response_url"]
    await respond(url, text="x", blocks=BAD)
    for _ in range(6):
        await respond(url, text="x")
    slack.clock.advance(timedelta(minutes=31))
    await respond(url, text="late")
    await respond(f"{url}x", text="lost")
    assert [(one.what, one.error, one.who, one.place) for one in slack.rejections] == [
        ("response_url", "invalid_blocks", "U0ALICE", UPLOADS),
        ("response_url", "used_url", "U0ALICE", UPLOADS),
        ("response_url", "expired_url", "U0ALICE", UPLOADS),
        ("response_url", "expired_url", None, None),
    ]
    assert slack.rejections[2].payload == {"text": "late"}
    assert all(one.reasons[0].startswith("[ERROR]") for one in slack.rejections)


async def test_rejections__of_an_ack(slack: SlackEmulator, acks: list[Response]) -> None:
    acks.append(JSONResponse({"text": "x", "blocks": BAD}))
    await slack.slash(user="alice")
    [rejection] = slack.rejections
    assert (rejection.what, rejection.who, rejection.place) == ("ack of /upload-status", "U0ALICE", UPLOADS)


def test_rejections__bounded() -> None:
    kept = Rejections(lambda: datetime.now(UTC), lambda: None)
    for _ in range(501):
        kept.add("response_url", ContentError("no_text"), {}, who=None)
    assert (len(kept.entries), kept.entries[0].number, kept.entries[0].reasons) == (500, 2, ("no_text",))


async def test_on_exchange__numbers_in_order(slack: SlackEmulator, client: AsyncWebClient) -> None:
    heard: list[Exchange] = []
    stop = slack.on_exchange(heard.append)
    await client.auth_test()
    await slack.slash(user="alice")
    stop()
    await client.auth_test()
    assert [one.number for one in slack.log] == [1, 2, 3]
    assert heard == slack.log[:2]


async def test_log__says_whom_a_view_was_for(slack: SlackEmulator, client: AsyncWebClient) -> None:
    trigger = (await slack.shortcut("alice", "my_uploads")).payload["trigger_id"]
    view = (await client.views_open(trigger_id=trigger, view=MODAL))["view"]
    await client.views_update(view_id=view["id"], view=MODAL)
    assert [one.who for one in slack.log] == ["U0ALICE"] * 3


async def test_restart__keeps_everything(slack: SlackEmulator, client: AsyncWebClient) -> None:
    """Same port, same messages, same views; a response_url from before still works."""
    command = await slack.slash(user="alice")
    opened = await slack.shortcut("alice", "my_uploads")
    view = (await client.views_open(trigger_id=opened.payload["trigger_id"], view=MODAL))["view"]
    await client.chat_postMessage(channel=UPLOADS, text="before")
    port = slack.port
    await slack.stop()
    await slack.start()
    assert slack.port == port
    assert (await respond(command.payload["response_url"], text="after")).status_code == 200
    assert [message.text for message in slack.seen_by("alice")] == ["before", "after"]
    await client.views_update(view_id=view["id"], view=MODAL)
    shown = slack.modal("alice")
    assert shown is not None
    assert (shown.revision, slack.unread("bob")) == (1, {UPLOADS: 1})
    assert (await slack.slash(user="alice")).error is None


async def test_restart__socket_bot_comes_back(slack: SlackEmulator) -> None:
    """What takes an answer in its ack, and what does not."""
    slack.request_url = None
    taken: list[SocketModeRequest] = []

    async def take(client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        taken.append(request)
        answer = {"response_action": "clear"} if request.payload.get("type") == "view_submission" else None
        if request.payload.get("type") == "shortcut":
            web = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
            view = {**MODAL, "notify_on_close": True}
            await web.views_open(trigger_id=request.payload["trigger_id"], view=view)
        await client.send_socket_mode_response(SocketModeResponse(request.envelope_id, answer))

    web = AsyncWebClient(base_url=slack.api_url)
    client = SocketModeClient(app_token=slack.app_token, web_client=web, ping_interval=0.2)
    client.socket_mode_request_listeners.append(take)
    await client.connect()  # type: ignore[no-untyped-call]
    try:
        await slack.shortcut("alice", "my_uploads")
        await slack.stop()
        await slack.start()
        async with asyncio.timeout(60):
            while slack.connected_sockets == 0:  # noqa: ASYNC110 (there is no event for what other ends do)
                await asyncio.sleep(0.02)
        await slack.submit_view("alice")
        assert slack.modal("alice") is None
        await slack.shortcut("alice", "my_uploads")
        [closed] = await slack.close_view("alice")
        assert closed.error is None
        await slack.mention(user="alice", channel=UPLOADS, text="list")
        kinds = [(one.payload["type"], one.type, one.accepts_response_payload) for one in taken]
        assert kinds == [
            ("shortcut", "interactive", False),
            ("view_submission", "interactive", True),
            ("shortcut", "interactive", False),
            ("view_closed", "interactive", False),
            ("event_callback", "events_api", False),
        ]
    finally:
        await client.close()  # type: ignore[no-untyped-call]
        await client.aiohttp_client_session.close()


async def test_load__three_hundred_with_listeners(slack: SlackEmulator) -> None:
    """Commands, with a page that looks at unread marks after every change."""
    looks: list[dict[str, int]] = []
    slack.on_change(lambda: looks.append(slack.unread("bob")))
    heard: list[Exchange] = []
    slack.on_exchange(heard.append)
    sent = await asyncio.gather(*(slack.slash(user="alice", text=str(number)) for number in range(300)))
    assert {delivery.error for delivery in sent} == {None}
    assert len({delivery.payload["trigger_id"] for delivery in sent}) == 300
    assert len(heard) == 300
    assert looks
