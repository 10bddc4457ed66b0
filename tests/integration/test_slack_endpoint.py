"""POST /slack/events: what Slack signed is answered once, all else is turned away, and nothing brings it down."""

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import pytest_asyncio

from bot.demo.slack.delivery import EVENTS_API, SLASH_COMMANDS, Delivery
from bot.demo.vault import seed
from bot.demo.workspace import CHANNEL, DemoWorkspace
from tests.acceptance.steps import (
    FORM,
    Traffic,
    action_payload,
    ask,
    browser,
    calm,
    crafted_click,
    deliver,
    done_count,
    event_payload,
    slash_fields,
    the_answer,
    workspace,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON = "application/json"
LARGEST = 1024 * 1024


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[DemoWorkspace]:
    """Alice and Bob linked."""
    async with workspace("alice", "bob") as demo:
        demo.slack.workspace.channels["C0TRIALUPLOADS"].name = "trial-uploads"
        yield demo


@pytest.fixture
def demo(shared: DemoWorkspace) -> DemoWorkspace:
    """The module's workspace, free of faults."""
    calm(shared)
    return shared


@pytest_asyncio.fixture(loop_scope="module")
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who sends requests."""
    async with browser() as one:
        yield one


def _url(demo: DemoWorkspace) -> str:
    return f"{demo.bot.url}/slack/events"


async def _signed(
    demo: DemoWorkspace,
    client: httpx.AsyncClient,
    body: bytes,
    content_type: str = FORM,
    timestamp: int | None = None,
) -> httpx.Response:
    headers = demo.slack.signed(body, content_type, timestamp)
    return await client.post(_url(demo), content=body, headers=headers)


async def _post_command(demo: DemoWorkspace, client: httpx.AsyncClient, text: str, **other: str) -> Delivery:
    """Send a command by hand and return a delivery that waits for its answer."""
    person = demo.slack.workspace.user("alice")
    delivery = Delivery(SLASH_COMMANDS, demo.clock.now(), {}, person.id)
    url = demo.slack._response_url(delivery, demo.slack.workspace.channel(CHANNEL), person)
    delivery.payload = slash_fields(demo, "alice", text, response_url=url, **other)
    response = await _signed(demo, client, urlencode(delivery.payload).encode())
    assert response.status_code == 200
    return delivery


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="none"),
        pytest.param({"X-Slack-Signature": "v0=" + "0" * 64}, id="wrong"),
        pytest.param({"X-Slack-Signature": ""}, id="empty"),
        pytest.param({"X-Slack-Signature": "v1=abc"}, id="other version"),
        pytest.param({"X-Slack-Signature": "v0=\u00fc".encode().decode("latin-1")}, id="not ASCII"),
        pytest.param({"X-Slack-Request-Timestamp": "soon"}, id="timestamp is a word"),
        pytest.param({"X-Slack-Request-Timestamp": ""}, id="timestamp is empty"),
        pytest.param({"X-Slack-Request-Timestamp": "-1"}, id="timestamp is negative"),
        pytest.param({"X-Slack-Request-Timestamp": "1e9"}, id="timestamp has an exponent"),
        pytest.param({"X-Slack-Request-Timestamp": "9" * 400}, id="timestamp is endless"),
        pytest.param(
            {"X-Slack-Request-Timestamp": "\u0661\u0662".encode().decode("latin-1")}, id="foreign digits"
        ),
    ],
)
async def test_signature__that_is_not_slacks(
    demo: DemoWorkspace, client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    body = urlencode(slash_fields(demo, "alice", "list")).encode()
    signed = demo.slack.signed(body, FORM) if headers else {"Content-Type": FORM}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in (signed | headers).items()]
    traffic = Traffic(demo)
    response = await client.post(_url(demo), content=body, headers=raw)
    assert response.status_code == 401
    assert response.content == b""
    await ask(demo, "bob", "help")
    assert traffic.vault_calls == 0


async def test_signature__of_another_body_or_time(demo: DemoWorkspace, client: httpx.AsyncClient) -> None:
    body = urlencode(slash_fields(demo, "alice", "list")).encode()
    headers = demo.slack.signed(body, FORM)
    assert (await client.post(_url(demo), content=body + b"x", headers=headers)).status_code == 401
    now = int(demo.clock.timestamp())
    for moment in (now - 301, now - 86_400, now + 301):
        assert (await _signed(demo, client, body, timestamp=moment)).status_code == 401
    moved = headers | {"X-Slack-Request-Timestamp": str(now - 1)}
    assert (await client.post(_url(demo), content=body, headers=moved)).status_code == 401


async def test_signature__a_few_minutes_late_is_fine(demo: DemoWorkspace, client: httpx.AsyncClient) -> None:
    body = urlencode(slash_fields(demo, "alice", "help")).encode()
    assert (await _signed(demo, client, body, timestamp=int(demo.clock.timestamp()) - 290)).status_code == 200


async def test_replay__is_taken_and_ignored(demo: DemoWorkspace, client: httpx.AsyncClient) -> None:
    person = demo.slack.workspace.user("alice")
    delivery = Delivery(SLASH_COMMANDS, demo.clock.now(), {}, person.id)
    url = demo.slack._response_url(delivery, demo.slack.workspace.channel(CHANNEL), person)
    body = urlencode(slash_fields(demo, "alice", seed.CHOLECAP, response_url=url)).encode()
    headers, traffic, done = demo.slack.signed(body, FORM), Traffic(demo), done_count(demo)
    for _ in range(3):
        assert (await client.post(_url(demo), content=body, headers=headers)).status_code == 200
    await the_answer_alone(demo, delivery, done)
    await ask(demo, "bob", "help")
    assert traffic.vault_calls == 1
    assert len(delivery.answers) == 1


async def the_answer_alone(demo: DemoWorkspace, delivery: Delivery, done: int) -> None:
    """As `the_answer`, for a delivery that was sent by hand and so has no ack of its own."""
    await delivery.answered(timeout=60)
    assert len(delivery.answers) == 1
    assert delivery.answers[0].visible_to == delivery.user
    assert done_count(demo) >= done


@pytest.mark.parametrize(
    ("text", "channel"),
    [
        (f"{seed.CHOLECAP} payload", "trial-uploads"),
        ("payload=%7B%7D", "trial-uploads"),
        ("/x/payload.zip", "payload-ops"),
        (seed.CHOLECAP, "payload-ops"),
        ("payload", "payload"),
    ],
)
async def test_payload__is_a_word_like_any_other(
    demo: DemoWorkspace, client: httpx.AsyncClient, text: str, channel: str
) -> None:
    """Bolt's own adapter takes such a command for an empty interaction."""
    delivery = await _post_command(demo, client, text, channel_name=channel)
    answer = await delivery.answered(timeout=60)
    if text == seed.CHOLECAP:
        assert "31%" in answer.text


async def test_payload__in_a_channel_of_that_name(demo: DemoWorkspace) -> None:
    """The same through the emulator's own way."""
    demo.slack.workspace.channels["C0TRIALUPLOADS"].name = "payload-ops"
    answer = await ask(demo, "alice", seed.CHOLECAP)
    demo.slack.workspace.channels["C0TRIALUPLOADS"].name = "trial-uploads"
    assert "31%" in answer.text


@pytest.mark.parametrize("signed", [True, False])
async def test_ssl_check__is_answered(demo: DemoWorkspace, client: httpx.AsyncClient, signed: bool) -> None:
    """Slack's look at the certificate; whether it signs that is not documented, and nothing comes of it."""
    body = urlencode({"ssl_check": "1", "token": "legacy"}).encode()
    headers = demo.slack.signed(body, FORM) if signed else {"Content-Type": FORM}
    assert (await client.post(_url(demo), content=body, headers=headers)).status_code == 200


async def test_ssl_check__does_not_carry_a_command(demo: DemoWorkspace, client: httpx.AsyncClient) -> None:
    """An unsigned request cannot slip in behind it."""
    traffic = Traffic(demo)
    body = urlencode({"ssl_check": "1", **slash_fields(demo, "alice", "list")}).encode()
    await client.post(_url(demo), content=body, headers={"Content-Type": FORM})
    await ask(demo, "bob", "help")
    assert traffic.vault_calls == 0


async def test_url_verification__gives_the_challenge_back(
    demo: DemoWorkspace, client: httpx.AsyncClient
) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "3eZbrw1aB10", "token": "legacy"}).encode()
    response = await _signed(demo, client, body, JSON)
    assert response.status_code == 200
    assert "3eZbrw1aB10" in response.text


async def test_unknown_command__is_told_what_works(demo: DemoWorkspace) -> None:
    """A manifest may be changed by hand; the words come in the ack itself, for the asker alone."""
    fields = slash_fields(demo, "alice", "x", command="/upload-stats")
    delivery = await deliver(demo, SLASH_COMMANDS, fields)
    assert delivery.ack is not None
    assert delivery.ack.body["response_type"] == "ephemeral"
    assert "/upload-status" in delivery.ack.body["text"]


@pytest.mark.parametrize("action_id", ["never-heard-of", "watch", "abort", "open_list:sideways", ""])
async def test_unknown_action__gets_one_answer(demo: DemoWorkspace, action_id: str) -> None:
    answer = await crafted_click(demo, "alice", action_id, "{}")
    if not action_id.startswith("open_list"):
        assert "older version" in answer.text


MODAL = {"id": "V1", "type": "modal", "callback_id": "x", "state": {"values": {}}}
UNMATCHED: dict[str, dict[str, Any]] = {
    "view_submission": {"view": MODAL},
    "view_closed": {"view": MODAL, "is_cleared": False},
    "shortcut": {"callback_id": "my_uploads", "trigger_id": "1.2.a", "action_ts": "1.1"},
    "message_action": {
        "callback_id": "check_upload",
        "trigger_id": "1.2.a",
        "message_ts": "1.1",
        "message": {"type": "message", "text": "hi", "ts": "1.1"},
        "channel": {"id": "C0GENERAL", "name": "general"},
    },
    "block_suggestion": {"action_id": "x", "block_id": "b", "value": "abc"},
}


@pytest.mark.parametrize("name", UNMATCHED)
async def test_unmatched_interaction__is_acked(
    demo: DemoWorkspace, client: httpx.AsyncClient, name: str
) -> None:
    """What nobody acknowledges, Slack shows to the person as an error."""
    common = {
        "team": {"id": demo.slack.team_id},
        "user": {"id": "U0ALICE", "team_id": demo.slack.team_id},
        "api_app_id": "A0",
    }
    body = urlencode({"payload": json.dumps({**common, "type": name, **UNMATCHED[name]})}).encode()
    assert (await _signed(demo, client, body)).status_code == 200


@pytest.mark.parametrize(
    "event",
    [
        {
            "type": "app_mention",
            "user": "U0ALICE",
            "text": "<@U0UPLOADS> list",
            "channel": "C0GENERAL",
            "ts": "1.1",
        },
        {"type": "app_home_opened", "user": "U0ALICE", "channel": "D1", "tab": "home"},
        {
            "type": "message",
            "channel_type": "im",
            "user": "U0ALICE",
            "text": "hi",
            "channel": "D1",
            "ts": "1.1",
        },
        {
            "type": "message",
            "subtype": "message_changed",
            "channel": "D1",
            "ts": "1.1",
            "message": {"text": "x"},
        },
        {"type": "app_uninstalled"},
        {"type": "tokens_revoked", "tokens": {"bot": ["U0UPLOADS"]}},
        {
            "type": "function_executed",
            "function": {"callback_id": "x"},
            "inputs": {},
            "function_execution_id": "Fx1",
        },
        {"type": "something_new"},
    ],
    ids=lambda event: str(event["type"]),
)
async def test_unmatched_event__is_acked(demo: DemoWorkspace, event: dict[str, Any]) -> None:
    delivery = await deliver(demo, EVENTS_API, event_payload(demo, event))
    assert delivery.error is None
    assert delivery.ack is not None
    assert delivery.ack.status == 200


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"{", JSON),
        (b"[]", JSON),
        (b"null", JSON),
        (b'"text"', JSON),
        (b"", JSON),
        (b"[" * 200_000, JSON),
        (b"payload=%7B", FORM),
        (b"payload=[]", FORM),
        (b"payload=null", FORM),
        (b"payload=" + b"[" * 200_000, FORM),
        (b"&".join(b"a%d=b" % number for number in range(300)), FORM),
    ],
)
async def test_garbage__that_is_signed_all_the_same(
    demo: DemoWorkspace, client: httpx.AsyncClient, body: bytes, content_type: str
) -> None:
    assert (await _signed(demo, client, body, content_type)).status_code == 400


@pytest.mark.parametrize("content_type", [FORM, JSON])
async def test_garbage__that_is_no_text(
    demo: DemoWorkspace, client: httpx.AsyncClient, content_type: str
) -> None:
    """A signature is made over text, so there can be none."""
    assert (await _signed(demo, client, b"text=\xff\xfe", content_type)).status_code == 401
    assert (await client.post(_url(demo), content=b"\xff\xfe")).status_code == 401


@pytest.mark.parametrize("body", [b"", b"a=b", b"command=", b"command=%2Fupload-status", b"payload=%7B%7D"])
async def test_garbage__without_what_a_payload_needs(
    demo: DemoWorkspace, client: httpx.AsyncClient, body: bytes
) -> None:
    """Readable, and yet no payload: refused or taken, never a failure of ours."""
    assert (await _signed(demo, client, body)).status_code in (200, 400, 404)


async def test_garbage__actions_of_every_shape(demo: DemoWorkspace, client: httpx.AsyncClient) -> None:
    for actions in (
        [{"action_id": "refresh"}],
        [{"action_id": "refresh", "value": {"u": 1}}],
        [{"action_id": ""}],
    ):
        payload = {**action_payload(demo, "alice", "refresh", None), "actions": actions}
        payload["response_url"] = f"{demo.slack.api_url.removesuffix('/api/')}/response/T0NORDLICHT/none"
        body = urlencode({"payload": json.dumps(payload)}).encode()
        assert (await _signed(demo, client, body)).status_code in (200, 404)
    assert "31%" in (await ask(demo, "alice", seed.CHOLECAP)).text


@pytest.mark.parametrize(("signed", "status"), [(True, 413), (False, 401)])
async def test_size__too_large_declared_or_not(
    demo: DemoWorkspace, client: httpx.AsyncClient, signed: bool, status: int
) -> None:
    """What claims to be signed may be longer than what does not, and neither is read to its end."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 65_536

    headers = demo.slack.signed(b"x", FORM) if signed else {"Content-Type": FORM}
    for content in (b"x" * (LARGEST + 1), chunks()):
        assert (await client.post(_url(demo), content=content, headers=headers)).status_code == status


@pytest.mark.parametrize("size", [10_000, 31_000, 33_000, 70_000, 300_000, 900_000])
async def test_size__large_and_allowed_is_answered(
    demo: DemoWorkspace, client: httpx.AsyncClient, size: int
) -> None:
    """A click in a long message brings the whole message along; twice over one connection."""
    for number in range(2):
        payload = {
            **action_payload(demo, "alice", "link", '{"open":1}'),
            "message": {"text": "x" * size, "n": number},
        }
        assert (
            await _signed(demo, client, urlencode({"payload": json.dumps(payload)}).encode())
        ).status_code == 200


async def test_get__is_not_offered(demo: DemoWorkspace, client: httpx.AsyncClient) -> None:
    assert (await client.get(_url(demo))).status_code == 405


async def test_health__says_it_lives_and_is_ready(demo: DemoWorkspace, client: httpx.AsyncClient) -> None:
    assert (await client.get(f"{demo.bot.url}/healthz")).json() == {"status": "ok"}
    ready = await client.get(f"{demo.bot.url}/readyz")
    assert ready.status_code == 200
    assert ready.json() == {"status": "ready", "checks": {"start": "ok", "database": "ok", "slack": "ok"}}


async def test_answer__ack_is_empty(demo: DemoWorkspace) -> None:
    """The ack carries no message, so that the answer is the only one."""
    done = done_count(demo)
    delivery = await demo.slack.slash(user="alice", text="help")
    await the_answer(demo, delivery, done)
    assert delivery.ack is not None
    assert delivery.ack.body is None
