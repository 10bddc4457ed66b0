"""The emulated Slack delivering by signed HTTP to a small bot."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
from slack_sdk.signature import Clock, SignatureVerifier
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bot.demo.clock import DemoClock
from bot.demo.serving import HangUp, LoopbackServer
from bot.demo.slack import SlackEmulator
from tests.emulators.slack_world import PATIENCE

JSON = "application/json"


class EmulatorClock(Clock):
    """Slack's verifier at the emulator's time."""

    def __init__(self, clock: DemoClock) -> None:
        self._clock = clock

    def now(self) -> float:
        return self._clock.timestamp()


@dataclass
class Bot:
    """Takes what comes, checks its signature with Slack's own verifier, and acks as told."""

    slack: SlackEmulator
    server: LoopbackServer = field(default_factory=LoopbackServer)
    acks: list[Response] = field(default_factory=list)
    late: float = 0.0
    seen: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    async def take(self, request: Request) -> Response:
        body = (await request.body()).decode()
        headers = dict(request.headers)
        verifier = SignatureVerifier(self.slack.signing_secret, EmulatorClock(self.slack.clock))
        assert verifier.is_valid_request(body, headers)
        is_json = headers["content-type"].startswith(JSON)
        self.seen.append(json.loads(body) if is_json else dict(parse_qsl(body, keep_blank_values=True)))
        self.headers.append(headers)
        await asyncio.sleep(self.late)
        return self.acks.pop(0) if self.acks else Response()


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    small = Bot(
        SlackEmulator(
            ack_limit=PATIENCE, retry_waits=[timedelta(0), timedelta(minutes=1), timedelta(minutes=5)]
        )
    )
    await small.slack.start()
    await small.server.start(Starlette(routes=[Route("/slack/events", small.take, methods=["POST"])]))
    small.slack.request_url = f"{small.server.url}/slack/events"
    yield small
    await small.server.stop()
    await small.slack.stop()


async def test_slash__fields(bot: Bot) -> None:
    """All that Slack's page names, as a form; the signature was checked on the way in."""
    delivery = await bot.slack.slash(user="alice", channel="#trial-uploads", text="list & <more> é")
    assert delivery.ack is not None
    assert (delivery.ack.status, delivery.error, delivery.answers) == (200, None, [])
    [form] = bot.seen
    assert form == delivery.payload
    assert form | {"token": "", "trigger_id": "", "response_url": ""} == {
        "token": "",
        "team_id": "T0NORDLICHT",
        "team_domain": "nordlicht",
        "channel_id": "C0TRIALUPLOADS",
        "channel_name": "trial-uploads",
        "user_id": "U0ALICE",
        "user_name": "alice",
        "command": "/upload-status",
        "text": "list & <more> é",
        "api_app_id": "A0UPLOADS",
        "is_enterprise_install": "false",
        "response_url": "",
        "trigger_id": "",
    }
    assert bot.headers[0]["content-type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize(("channel", "name"), [("migration", "privategroup"), ("dm", "directmessage")])
async def test_slash__private_places_have_no_name(bot: Bot, channel: str, name: str) -> None:
    delivery = await bot.slack.slash(user="alice", channel=channel)
    assert delivery.payload["channel_name"] == name


async def test_slash__only_where_one_can_stand(bot: Bot) -> None:
    with pytest.raises(LookupError, match="cannot open"):
        await bot.slack.slash(user="bob", channel="migration")
    with pytest.raises(LookupError, match="cannot open"):
        await bot.slack.slash(user="gina", channel="#general")
    with pytest.raises(LookupError, match="nobody is called eve"):
        await bot.slack.slash(user="eve")


async def test_slash__refused_in_threads(bot: Bot) -> None:
    delivery = await bot.slack.slash(user="alice", text="list", in_thread=True)
    assert delivery.refusal is not None
    assert "is not supported in threads" in delivery.refusal
    assert bot.seen == []
    assert [message.text for message in bot.slack.seen_by("alice")] == [delivery.refusal]
    with pytest.raises(TimeoutError, match="not supported in threads"):
        await delivery.answered()


async def test_ack__body_is_an_answer(bot: Bot) -> None:
    """Text is ephemeral; in_channel shows everyone the answer and what was typed."""
    bot.acks = [
        PlainTextResponse("just text"),
        JSONResponse({"text": "card"}),
        JSONResponse({"response_type": "in_channel", "text": "public"}),
    ]
    first = await bot.slack.slash(user="alice", text="a")
    second = await bot.slack.slash(user="alice", text="b")
    third = await bot.slack.slash(user="alice", text="c")
    answers = [await delivery.answered() for delivery in (first, second, third)]
    assert [(a.text, a.visible_to, a.via) for a in answers] == [
        ("just text", "U0ALICE", "ack"),
        ("card", "U0ALICE", "ack"),
        ("public", None, "ack"),
    ]
    assert [message.text for message in bot.slack.seen_by("bob")] == ["/upload-status c", "public"]


async def test_ack__too_late(bot: Bot) -> None:
    bot.slack._dispatcher._ack_limit = 0.3
    bot.late = 0.6
    delivery = await bot.slack.slash(user="alice")
    assert (delivery.error, delivery.ack) == ("operation_timeout", None)
    [notice] = bot.slack.seen_by("alice")
    assert notice.text == '/upload-status failed with the error "operation_timeout"'
    assert bot.slack.seen_by("bob") == []
    assert bot.slack.log[-1].status == "http_timeout"


@pytest.mark.parametrize("ack", [Response(status_code=404), PlainTextResponse("no", 500), HangUp()])
async def test_ack__failed(bot: Bot, ack: Response) -> None:
    bot.acks = [ack]
    delivery = await bot.slack.slash(user="alice")
    assert delivery.error == "dispatch_failed"
    assert "dispatch_failed" in bot.slack.seen_by("alice")[0].text


async def test_ack__bad_blocks(bot: Bot) -> None:
    bot.acks = [JSONResponse({"blocks": [{"type": "nonsense"}]})]
    assert (await bot.slack.slash(user="alice")).error == "invalid_blocks"


async def test_dispatch__nobody_listens(bot: Bot) -> None:
    await bot.server.stop()
    assert (await bot.slack.slash(user="alice")).error == "dispatch_failed"


async def test_answered__says_what_is_missing(bot: Bot) -> None:
    delivery = await bot.slack.slash(user="alice", text="list")
    with pytest.raises(TimeoutError, match=r"/upload-status list.*0 of 2 answers"):
        await delivery.answered(timeout=0.01, count=2)


async def test_click__carries_the_element(bot: Bot) -> None:
    """From an ephemeral source without the message, from a public one with it."""
    blocks = [
        {
            "type": "actions",
            "block_id": "b1",
            "elements": [
                {
                    "type": "button",
                    "action_id": "refresh",
                    "text": {"type": "plain_text", "text": "R"},
                    "value": "v",
                },
                {
                    "type": "overflow",
                    "action_id": "more",
                    "options": [{"text": {"type": "plain_text", "text": "A"}, "value": "a"}],
                },
            ],
        }
    ]
    for kind, is_ephemeral in (("ephemeral", True), ("in_channel", False)):
        bot.acks = [JSONResponse({"response_type": kind, "text": "card", "blocks": blocks})]
        card = await (await bot.slack.slash(user="alice")).answered()
        await bot.slack.click(user="alice", message=card, action_id="refresh")
        payload = json.loads(bot.seen[-1]["payload"])
        [action] = payload["actions"]
        assert (action["block_id"], action["action_id"], action["value"]) == ("b1", "refresh", "v")
        assert payload["container"]["is_ephemeral"] is is_ephemeral
        assert ("message" in payload) is not is_ephemeral
        assert payload["user"]["id"] == "U0ALICE"
    chosen = await bot.slack.click(user="bob", message=card.key, action_id="more", option="a")
    assert chosen.payload["actions"][0]["selected_option"]["value"] == "a"


async def test_click__only_what_one_sees(bot: Bot) -> None:
    bot.acks = [PlainTextResponse("for Alice")]
    card = await (await bot.slack.slash(user="alice")).answered()
    with pytest.raises(LookupError, match="sees no message"):
        await bot.slack.click(user="bob", message=card, action_id="refresh")
    with pytest.raises(LookupError, match="0 elements 'refresh'"):
        await bot.slack.click(user="alice", message=card, action_id="refresh")


async def test_event__taken_at_once(bot: Bot) -> None:
    bot.acks = [Response(status_code=204)]
    delivery = await bot.slack.event({"type": "app_home_opened", "user": "U0ALICE"})
    assert (delivery.attempts, delivery.settled.is_set()) == (["ok"], True)
    assert bot.seen[0]["event"]["type"] == "app_home_opened"
    assert bot.seen[0]["authorizations"][0]["is_bot"] is True


async def test_event__retried_by_the_clock(bot: Bot) -> None:
    """At once, after a minute, after five; the same event_id each time, and then never again."""
    bot.acks = [Response(status_code=500) for _ in range(4)]
    delivery = await bot.slack.event({"type": "app_mention", "user": "U0ALICE"})
    for attempts, wait in ((2, 60), (3, 300), (4, 0)):
        async with asyncio.timeout(PATIENCE):
            while len(delivery.attempts) < attempts:  # noqa: ASYNC110 (attempts are not announced)
                await asyncio.sleep(0.01)
        assert len(bot.seen) == attempts
        bot.slack.clock.advance(timedelta(seconds=wait))
    await asyncio.wait_for(delivery.settled.wait(), PATIENCE)
    assert delivery.attempts == ["http_error"] * 4
    assert len({event["event_id"] for event in bot.seen}) == 1
    assert [headers.get("x-slack-retry-num") for headers in bot.headers] == [None, "1", "2", "3"]
    assert bot.headers[1]["x-slack-retry-reason"] == "http_error"


async def test_event__retry_succeeds_or_is_declined(bot: Bot) -> None:
    bot.acks = [Response(status_code=500)]
    delivery = await bot.slack.event({"type": "app_mention"})
    await asyncio.wait_for(delivery.settled.wait(), PATIENCE)
    assert (delivery.attempts, delivery.error) == (["http_error", "ok"], None)
    bot.acks = [Response(status_code=500, headers={"x-slack-no-retry": "1"})]
    declined = await bot.slack.event({"type": "app_mention"})
    assert (declined.attempts, declined.settled.is_set()) == (["http_error"], True)


async def test_signature__follows_the_clock(bot: Bot) -> None:
    """Signed at the emulator's time: a bot whose clock did not move along refuses it as stale."""
    bot.slack.clock.advance(timedelta(hours=1))
    before = int(time.time())
    headers = bot.slack.signed(b"x", JSON)
    assert before <= int(headers["X-Slack-Request-Timestamp"]) - 3600 <= time.time()
    verifier = SignatureVerifier(bot.slack.signing_secret)
    assert not verifier.is_valid_request("x", headers)
    assert verifier.is_valid_request("x", bot.slack.signed(b"x", JSON, int(time.time())))


async def test_load__many_at_once() -> None:
    """Three hundred commands together are all acked, each with its own response_url."""
    slack, server = SlackEmulator(clock=DemoClock(), log_most=50, ack_limit=PATIENCE), LoopbackServer()
    await slack.start()
    await server.start(Starlette(routes=[Route("/slack/events", _ack, methods=["POST"])]))
    slack.request_url = f"{server.url}/slack/events"
    try:
        sent = await asyncio.gather(*(slack.slash(user="alice", text=str(number)) for number in range(300)))
        assert {delivery.error for delivery in sent} == {None}
        assert len({delivery.payload["response_url"] for delivery in sent}) == 300
        assert len(slack.log) == 50
    finally:
        await server.stop()
        await slack.stop()


async def _ack(_request: Request) -> Response:
    return Response()
