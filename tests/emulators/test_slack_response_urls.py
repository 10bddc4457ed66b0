"""Answers through a response_url: who sees them, what they replace, how often and how long they may come."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.demo.serving import LoopbackServer
from bot.demo.slack import ApiError, Delivery, Message, RateLimited, SlackEmulator

BUTTON = {
    "type": "actions",
    "elements": [
        {"type": "button", "action_id": "refresh", "text": {"type": "plain_text", "text": "Refresh"}}
    ],
}


async def _ack(_request: Request) -> Response:
    return Response()


@pytest.fixture
async def slack() -> AsyncIterator[SlackEmulator]:
    """A Slack whose bot only acks; the tests answer in its place."""
    emulator, bot = SlackEmulator(), LoopbackServer()
    await emulator.start()
    await bot.start(Starlette(routes=[Route("/slack/events", _ack, methods=["POST"])]))
    emulator.request_url = f"{bot.url}/slack/events"
    yield emulator
    await bot.stop()
    await emulator.stop()


async def respond(delivery: Delivery, **body: Any) -> httpx.Response:
    """Use the delivery's response_url once."""
    async with httpx.AsyncClient() as raw:
        return await raw.post(delivery.payload["response_url"], json=body)


async def card_for(slack: SlackEmulator, user: str = "alice", **body: Any) -> Message:
    """A card with a button, answered to a slash command."""
    delivery = await slack.slash(user=user)
    assert (await respond(delivery, text="31%", blocks=[BUTTON], **body)).text == "ok"
    return await delivery.answered(1)


async def test_response__ephemeral_unless_said(slack: SlackEmulator) -> None:
    card = await card_for(slack)
    assert (card.visible_to, card.via, card.author) == ("U0ALICE", "response_url", "U0UPLOADS")
    assert [message.key for message in slack.seen_by("alice")] == [card.key]
    assert slack.seen_by("bob") == []


async def test_response__in_channel_reaches_everyone_there(slack: SlackEmulator) -> None:
    """Also where the bot is no member: it answers the person's own act."""
    delivery = await slack.slash(user="alice", channel="#random")
    await respond(delivery, text="shared", response_type="in_channel")
    assert [message.text for message in slack.seen_by("bob", "#random")] == ["shared"]
    assert slack.seen_by("gina") == []


async def test_response__in_a_private_channel_stays_there(slack: SlackEmulator) -> None:
    delivery = await slack.slash(user="alice", channel="migration")
    await respond(delivery, text="shared", response_type="in_channel")
    assert [message.text for message in slack.seen_by("vera")] == ["shared"]
    assert slack.seen_by("bob") == []


async def test_response__replaces_its_source(slack: SlackEmulator) -> None:
    """An ephemeral card is changed in place and stays ephemeral, whatever is asked for."""
    card = await card_for(slack)
    click = await slack.click(user="alice", message=card, action_id="refresh")
    await respond(click, text="45%", replace_original=True, response_type="in_channel")
    assert (await click.answered(1)).key == card.key
    [now] = slack.seen_by("alice")
    assert (now.text, now.blocks, now.visible_to, now.edited) == ("45%", (), "U0ALICE", 1)
    assert slack.seen_by("bob") == []


async def test_response__click_without_replace_is_new(slack: SlackEmulator) -> None:
    """On a shared card only the clicker reads the answer."""
    card = await card_for(slack, response_type="in_channel")
    click = await slack.click(user="bob", message=card, action_id="refresh")
    await respond(click, text="Bob's own view", thread_ts=card.ts, replace_original=False)
    answer = await click.answered(1)
    assert (answer.visible_to, answer.thread_ts) == ("U0BOB", card.ts)
    assert [message.text for message in slack.seen_by("alice")] == ["31%"]


async def test_response__replace_without_source_is_new(slack: SlackEmulator) -> None:
    """A slash command has no message of the app's to replace."""
    delivery = await slack.slash(user="alice")
    await respond(delivery, text="one")
    await respond(delivery, text="two", replace_original=True)
    assert (await delivery.answered(1, count=2)).text == "two"
    assert [message.text for message in slack.seen_by("alice")] == ["one", "two"]


async def test_response__deletes_its_source(slack: SlackEmulator) -> None:
    card = await card_for(slack)
    click = await slack.click(user="alice", message=card, action_id="refresh")
    await respond(click, delete_original=True)
    assert (slack.seen_by("alice"), click.answers) == ([], [])
    again = await respond(click, text="x", replace_original=True)
    assert (again.status_code, again.json()["error"]) == (400, "message_not_found")


async def test_response__five_uses(slack: SlackEmulator) -> None:
    delivery = await slack.slash(user="alice")
    for number in range(5):
        assert (await respond(delivery, text=str(number))).status_code == 200
    sixth = await respond(delivery, text="6")
    assert (sixth.status_code, sixth.json()) == (404, {"ok": False, "error": "used_url"})
    assert len(delivery.answers) == 5
    another = await slack.slash(user="alice")
    assert (await respond(another, text="fresh")).status_code == 200


async def test_response__thirty_minutes_by_the_clock(slack: SlackEmulator) -> None:
    delivery = await slack.slash(user="alice")
    slack.clock.advance(timedelta(minutes=29))
    assert (await respond(delivery, text="in time")).status_code == 200
    slack.clock.advance(timedelta(minutes=2))
    late = await respond(delivery, text="late")
    assert (late.status_code, late.json()) == (404, {"ok": False, "error": "expired_url"})
    assert [message.text for message in slack.seen_by("alice")] == ["in time"]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "no_text"),
        ({"text": "  "}, "no_text"),
        ({"text": "x" * 40_001}, "msg_too_long"),
        ({"text": "x", "blocks": [{"type": "nonsense"}]}, "invalid_blocks"),
        ({"text": "x", "blocks": "["}, "invalid_blocks_format"),
    ],
)
async def test_response__refused_and_not_counted(
    slack: SlackEmulator, body: dict[str, Any], error: str
) -> None:
    delivery = await slack.slash(user="alice")
    for _ in range(6):
        answer = await respond(delivery, **body)
        assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert (await respond(delivery, text="good")).status_code == 200
    assert len(delivery.answers) == 1


async def test_response__nonsense_and_unknown_address(slack: SlackEmulator) -> None:
    delivery = await slack.slash(user="alice")
    async with httpx.AsyncClient() as raw:
        url = delivery.payload["response_url"]
        assert (await raw.post(url, content=b"nonsense")).json()["error"] == "invalid_payload"
        assert (await raw.post(url, data={"payload": '{"text": "form"}'})).text == "ok"
        assert (await raw.post(f"{url}x", json={"text": "x"})).status_code == 404
    assert [message.text for message in delivery.answers] == ["form"]


async def test_response__faults(slack: SlackEmulator) -> None:
    slack.faults.add("response_url", RateLimited(3), ApiError("no_active_hooks"))
    delivery = await slack.slash(user="alice")
    limited = await respond(delivery, text="x")
    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "3")
    broken = await respond(delivery, text="x")
    assert (broken.status_code, broken.json()["error"]) == (404, "no_active_hooks")
    assert (await respond(delivery, text="x")).status_code == 200


async def test_response__secret_is_not_logged(slack: SlackEmulator) -> None:
    delivery = await slack.slash(user="alice")
    await respond(delivery, text="x")
    secret = delivery.payload["response_url"].rsplit("/", 1)[1]
    assert secret not in repr(slack.log)
    assert slack.log[-1].who == "U0ALICE"
