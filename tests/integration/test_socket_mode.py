"""Slack by websocket: answers, comes back after every kind of break, acks everything, says when it is away."""

import asyncio
import logging
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.web.async_client import AsyncWebClient
from structlog.testing import capture_logs

from bot.demo.slack.delivery import EVENTS_API, INTERACTIVE, SLASH_COMMANDS
from bot.demo.slack.faults import ApiError
from bot.demo.vault import seed
from bot.demo.vault.faults import Delay
from bot.demo.workspace import DemoWorkspace
from bot.model.secret import Secret
from bot.slack import socket_mode as socket_mode_module
from bot.slack.socket_mode import SocketMode
from tests.acceptance.steps import (
    ask,
    browser,
    buttons,
    calm,
    click,
    crafted_click,
    deliver,
    event_payload,
    slash_fields,
    until,
    workspace,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[DemoWorkspace]:
    """Alice linked, in Socket Mode."""
    async with workspace("alice", socket_mode=True) as demo:
        yield demo


@pytest.fixture
def demo(shared: DemoWorkspace) -> DemoWorkspace:
    """The module's workspace, free of faults."""
    calm(shared)
    return shared


async def test_command__and_click_are_answered(demo: DemoWorkspace) -> None:
    card = await ask(demo, "alice", seed.CHOLECAP)
    assert "31%" in card.text
    assert (await click(demo, "alice", card, "refresh")).key == card.key


async def test_endpoint__of_slack_is_not_served(demo: DemoWorkspace) -> None:
    """No way in but the websocket; the link page and health are there."""
    async with browser() as client:
        assert (await client.post(f"{demo.bot.url}/slack/events", content=b"x")).status_code == 404
        assert (await client.get(f"{demo.bot.url}/link")).status_code == 410
        assert (await client.get(f"{demo.bot.url}/healthz")).status_code == 200


@pytest.mark.parametrize("reason", ["refresh_requested", "warning", "link_disabled", "too_many_websockets"])
async def test_disconnect__is_followed_by_a_new_connection(demo: DemoWorkspace, reason: str) -> None:
    for _ in range(2):
        await demo.slack.disconnect_sockets(reason)
        await until(lambda: demo.slack.connected_sockets > 0, "a new connection")
        assert "31%" in (await ask(demo, "alice", seed.CHOLECAP)).text


async def test_drop__without_a_word_is_noticed(demo: DemoWorkspace) -> None:
    """/readyz tells while there is no connection, and commands work again afterwards."""
    # None is had until it has been seen that there is none.
    demo.slack.faults.add("apps.connections.open", ApiError("internal_error"), times=100)
    demo.slack.drop_sockets()
    async with browser() as client:
        async with asyncio.timeout(60):
            while (away := await client.get(f"{demo.bot.url}/readyz")).status_code == 200:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert away.status_code == 503
        assert away.json()["checks"]["database"] == "ok"
        assert "no connection to Slack" in away.json()["checks"]["slack"]
        assert (await client.get(f"{demo.bot.url}/healthz")).status_code == 200
        demo.slack.faults.clear()
        await until(lambda: demo.slack.connected_sockets > 0, "a new connection", seconds=60)
        async with asyncio.timeout(60):
            while (await client.get(f"{demo.bot.url}/readyz")).status_code != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    assert "31%" in (await ask(demo, "alice", seed.CHOLECAP)).text


async def test_address__that_does_not_open_is_not_tried_for_ever(
    demo: DemoWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slack's websocket address holds a ticket that serves once and not for long; a dead one must be replaced."""
    hub = demo.slack._hub
    with monkeypatch.context() as patched:
        patched.setattr(hub, "issue_ticket", lambda: "stale")
        asked_before = sum("apps.connections.open" in one.what for one in demo.slack.log)
        await demo.slack.disconnect_sockets()
        await until(
            lambda: sum("apps.connections.open" in one.what for one in demo.slack.log) > asked_before,
            "an address",
        )
    await until(lambda: demo.slack.connected_sockets > 0, "a connection by another address", seconds=60)
    assert "31%" in (await ask(demo, "alice", seed.CHOLECAP)).text


async def test_unmatched_envelopes__are_acked(demo: DemoWorkspace) -> None:
    person = demo.slack.workspace.user("alice")
    common = {"team": {"id": demo.slack.team_id}, "user": {"id": person.id, "team_id": person.team_id}}
    for payload in (
        {
            "type": "view_submission",
            "view": {"id": "V1", "type": "modal", "callback_id": "x", "state": {"values": {}}},
        },
        {"type": "shortcut", "callback_id": "my_uploads", "trigger_id": "1.2.a"},
        {
            "type": "message_action",
            "callback_id": "x",
            "message": {"text": "hi"},
            "channel": {"id": "C0GENERAL"},
        },
    ):
        delivery = await deliver(demo, INTERACTIVE, {**common, **payload})
        assert delivery.error is None
    for kind in ("app_mention", "app_home_opened", "something_new"):
        event = {"type": kind, "user": person.id, "channel": "C0GENERAL", "text": "hi", "ts": "1.1"}
        delivery = await deliver(demo, EVENTS_API, event_payload(demo, event))
        assert delivery.error is None
    unknown = await deliver(demo, SLASH_COMMANDS, slash_fields(demo, "alice", "x", command="/upload-stats"))
    assert unknown.ack is not None
    assert "/upload-status" in unknown.ack.body["text"]
    assert "older version" in (await crafted_click(demo, "alice", "never-heard-of", "{}")).text


async def test_many_at_once__are_all_answered(demo: DemoWorkspace) -> None:
    """Over one websocket, while Vault takes its time."""
    demo.vault.faults.add(Delay(0.3), times=None)
    deliveries = await asyncio.gather(
        *(demo.slack.slash(user="alice", text=seed.CHOLECAP) for _ in range(40))
    )
    for delivery in deliveries:
        assert "31%" in (await delivery.answered(timeout=60)).text
    assert all(delivery.ack is not None for delivery in deliveries)
    assert all(len(delivery.answers) == 1 for delivery in deliveries)


async def test_disconnect__while_commands_run_loses_no_answer(demo: DemoWorkspace) -> None:
    demo.vault.faults.add(Delay(0.5), times=None)
    deliveries = await asyncio.gather(*(demo.slack.slash(user="alice", text=seed.CHOLECAP) for _ in range(5)))
    await demo.slack.disconnect_sockets()
    for delivery in deliveries:
        card = await delivery.answered(timeout=60)
        assert any(one["action_id"] == "refresh" for one in buttons(card))


class ClosedConnection:
    """What slack_sdk's client does when its connection was cut while a payload was being dispatched."""

    async def send_socket_mode_response(self, _: object) -> None:
        raise aiohttp.ClientConnectionResetError("Cannot write to closing transport")


async def test_ack__that_cannot_be_sent_is_a_line_in_the_log() -> None:
    """And no trace of the library's without a reference; the next payload is taken as ever."""
    done = []

    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id="T1")

    async def command(ack: AsyncAck) -> None:
        await ack()
        done.append("command")

    app = AsyncApp(authorize=authorize, process_before_response=True, request_verification_enabled=False)
    app.command("/upload-status")(command)
    socket_mode = SocketMode(app, Secret("xapp-1-A1-none"), AsyncWebClient())
    request = SocketModeRequest("slash_commands", "E1", {"command": "/upload-status", "team_id": "T1"})
    with capture_logs() as lines:
        for _ in range(2):
            await socket_mode._counted(ClosedConnection(), request)  # type: ignore[arg-type]
    await socket_mode.close()
    assert done == ["command", "command"]
    warned = [line["event"] for line in lines if line["log_level"] == "warning"]
    assert warned == ["ack not sent: the connection was lost meanwhile"] * 2


class OpenConnection:
    """Takes acks, and keeps them."""

    def __init__(self) -> None:
        self.acks: list[object] = []
        self.logger = logging.getLogger("tests")

    async def send_socket_mode_response(self, response: object) -> None:
        self.acks.append(response)


async def test_payloads__beyond_the_room_are_left_to_slack(monkeypatch: pytest.MonkeyPatch) -> None:
    """While something is stuck: not acknowledged and told in the log, and the next one is taken when there is room."""
    monkeypatch.setattr(socket_mode_module, "MOST_PAYLOADS", 1)
    stuck, go_on = asyncio.Event(), asyncio.Event()

    async def authorize() -> AuthorizeResult:
        stuck.set()
        await go_on.wait()
        return AuthorizeResult(enterprise_id=None, team_id="T1")

    async def command(ack: AsyncAck) -> None:
        await ack()

    app = AsyncApp(authorize=authorize, process_before_response=True, request_verification_enabled=False)
    app.command("/upload-status")(command)
    socket_mode, connection = SocketMode(app, Secret("xapp-1-A1-none"), AsyncWebClient()), OpenConnection()

    async def arrive() -> None:
        payload = {"command": "/upload-status", "team_id": "T1"}
        request = SocketModeRequest("slash_commands", "E1", payload)
        await socket_mode._counted(connection, request)  # type: ignore[arg-type]

    with capture_logs() as lines:
        first = asyncio.create_task(arrive())
        await stuck.wait()
        await arrive()
        assert connection.acks == []
        go_on.set()
        await first
        await arrive()
    await socket_mode.close()
    assert len(connection.acks) == 2
    told = [line for line in lines if line["event"] == "no room: turned away"]
    assert [(line["what"], line["turned_away"]) for line in told] == [("payloads", 1)]
