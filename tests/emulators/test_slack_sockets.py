"""Socket Mode, driven by slack_sdk's own client and by bare websockets."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import websockets
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.demo.slack import SlackEmulator

PATIENCE = 60.0


@asynccontextmanager
async def a_slack(ack_limit: float) -> AsyncIterator[SlackEmulator]:
    """One that waits so many seconds for an ack."""
    emulator = SlackEmulator(ack_limit=ack_limit, retry_waits=[])
    await emulator.start()
    yield emulator
    await emulator.stop()


@pytest.fixture
async def slack() -> AsyncIterator[SlackEmulator]:
    async with a_slack(PATIENCE) as emulator:
        yield emulator


@pytest.fixture
async def hasty_slack() -> AsyncIterator[SlackEmulator]:
    """For those that never ack."""
    async with a_slack(0.5) as emulator:
        yield emulator


@asynccontextmanager
async def sdk_bot(
    slack: SlackEmulator, payload: dict[str, Any] | None = None, looks_every: float = PATIENCE
) -> AsyncIterator[tuple[SocketModeClient, list[SocketModeRequest]]]:
    """A bot on the SDK's client that acks everything, with this payload."""
    taken: list[SocketModeRequest] = []

    async def take(client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        taken.append(request)
        await client.send_socket_mode_response(SocketModeResponse(request.envelope_id, payload))

    web = AsyncWebClient(base_url=slack.api_url)
    # It looks so often whether it is still connected; after four times as long without a pong it connects anew.
    client = SocketModeClient(app_token=slack.app_token, web_client=web, ping_interval=looks_every)
    client.socket_mode_request_listeners.append(take)
    await client.connect()  # type: ignore[no-untyped-call]
    await until(lambda: slack.connected_sockets > 0)
    try:
        yield client, taken
    finally:
        await client.close()  # type: ignore[no-untyped-call]
        await client.aiohttp_client_session.close()


async def until(holds: Callable[[], bool]) -> None:
    """Wait until this holds."""
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 (there is no event for what other ends do)
            await asyncio.sleep(0.01)


async def open_url(slack: SlackEmulator) -> str:
    """A fresh address from apps.connections.open."""
    answer = await AsyncWebClient(base_url=slack.api_url).apps_connections_open(app_token=slack.app_token)
    return str(answer["url"])


async def test_socket__command_acked_without_payload(slack: SlackEmulator) -> None:
    async with sdk_bot(slack) as (_, taken):
        delivery = await slack.slash(user="alice", text="list")
        assert (delivery.error, delivery.answers) == (None, [])
        [request] = taken
        assert (request.type, request.payload) == ("slash_commands", delivery.payload)
        assert request.accepts_response_payload is True


async def test_socket__command_acked_with_payload(slack: SlackEmulator) -> None:
    async with sdk_bot(slack, {"text": "card"}):
        delivery = await slack.slash(user="alice", text="list")
        answer = await delivery.answered()
        assert (answer.text, answer.visible_to) == ("card", "U0ALICE")


async def test_socket__event_takes_no_payload(slack: SlackEmulator) -> None:
    async with sdk_bot(slack, {"text": "ignored"}) as (_, taken):
        delivery = await slack.event({"type": "app_mention"})
        assert delivery.ack is not None
        assert (delivery.attempts, delivery.ack.body) == (["ok"], None)
        assert (taken[0].type, taken[0].accepts_response_payload) == ("events_api", False)


async def test_socket__reconnects_when_asked(slack: SlackEmulator) -> None:
    """A `disconnect` frame: the client comes back on a new address, and nothing is lost."""
    async with sdk_bot(slack, looks_every=0.5) as (client, taken):
        first = client.wss_uri
        await slack.disconnect_sockets()
        assert (await slack.slash(user="alice")).error is None
        assert client.wss_uri != first
        second = client.wss_uri
        await slack.disconnect_sockets("warning")
        await until(lambda: client.wss_uri != second and slack.connected_sockets == 1)
        assert (await slack.slash(user="alice")).error is None
        assert len(taken) == 2


async def test_socket__reconnects_when_dropped(slack: SlackEmulator) -> None:
    async with sdk_bot(slack, looks_every=0.5) as (client, taken):
        first = client.wss_uri
        slack.drop_sockets()
        await until(lambda: client.wss_uri != first and slack.connected_sockets == 1)
        assert (await slack.slash(user="alice")).error is None
        assert len(taken) == 1


async def test_socket__nobody_connected(hasty_slack: SlackEmulator) -> None:
    delivery = await hasty_slack.slash(user="alice")
    assert delivery.error == "dispatch_failed"
    assert "dispatch_failed" in hasty_slack.seen_by("alice")[0].text


async def test_socket__waits_for_a_connection(slack: SlackEmulator) -> None:
    command = asyncio.create_task(slack.slash(user="alice"))
    await asyncio.sleep(0.1)
    async with sdk_bot(slack):
        assert (await command).error is None


async def test_socket__silence_is_a_timeout(hasty_slack: SlackEmulator) -> None:
    """Event retries carry their number and reason inside the envelope."""
    slack = hasty_slack
    async with websockets.connect(await open_url(slack)) as bare:
        hello = json.loads(await bare.recv())
        assert (hello["type"], hello["num_connections"]) == ("hello", 1)
        assert hello["connection_info"] == {"app_id": slack.app_id}
        delivery = await slack.slash(user="alice")
        assert delivery.error == "operation_timeout"
        await bare.send("nonsense")
        await bare.send(json.dumps({"envelope_id": "unknown"}))
        await bare.send(json.dumps({"envelope_id": json.loads(await bare.recv())["envelope_id"]}))


async def test_socket__two_connections_in_turn(slack: SlackEmulator) -> None:
    async with sdk_bot(slack) as (_, left), sdk_bot(slack) as (_, right):
        await until(lambda: slack.connected_sockets == 2)
        for _ in range(4):
            assert (await slack.slash(user="alice")).error is None
        assert (len(left), len(right)) == (2, 2)


async def test_socket__ticket_is_used_once(slack: SlackEmulator) -> None:
    url = await open_url(slack)
    async with websockets.connect(url):
        for bad in (url, url.replace("ticket=", "ticket=x")):
            with pytest.raises(websockets.InvalidStatus):
                await websockets.connect(bad)


async def test_socket__ten_connections_at_most(slack: SlackEmulator) -> None:
    opened = [await websockets.connect(await open_url(slack)) for _ in range(10)]
    try:
        async with websockets.connect(await open_url(slack)) as eleventh:
            assert json.loads(await eleventh.recv())["reason"] == "too_many_websockets"
    finally:
        for connection in opened:
            await connection.close()


async def test_socket__log_has_no_ticket(slack: SlackEmulator) -> None:
    url = await open_url(slack)
    ticket = url.split("ticket=")[1].split("&")[0]
    async with websockets.connect(url):
        await until(lambda: slack.connected_sockets == 1)
    assert ticket not in repr(slack.log)
    assert slack.app_token not in repr(slack.log)
