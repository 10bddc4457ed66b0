"""The emulated Web API, driven by the real slack_sdk client."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import httpx
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot.demo.slack import ApiError, Dropped, PostRate, RateLimited, ServerError, SlackEmulator, Slow
from bot.demo.slack.coverage import ENVELOPES, METHODS
from bot.demo.slack.delivery import EVENTS_API, INTERACTIVE, SLASH_COMMANDS
from bot.demo.slack.oauth import ACCESS

ALICE, BOB, GINA = "U0ALICE", "U0BOB", "U0GINA"
UPLOADS = "C0TRIALUPLOADS"


@pytest.fixture
async def slack() -> AsyncIterator[SlackEmulator]:
    emulator = SlackEmulator()
    await emulator.start()
    yield emulator
    await emulator.stop()


@pytest.fixture
def client(slack: SlackEmulator) -> AsyncWebClient:
    return AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, timeout=60, retry_handlers=[])


async def refusal_of(call: Any) -> dict[str, Any]:
    """The body of an `ok: false` answer."""
    with pytest.raises(SlackApiError) as caught:
        await call
    body = caught.value.response.data
    assert isinstance(body, dict)
    assert body["ok"] is False
    return body


def test_coverage__equals_the_methods(slack: SlackEmulator) -> None:
    """The tables of what is covered say no more and no less than what is served and sent."""
    assert set(METHODS) == {*slack.web_api.methods, ACCESS}
    assert set(ENVELOPES) == {SLASH_COMMANDS, INTERACTIVE, EVENTS_API}


async def test_auth__says_who(client: AsyncWebClient, slack: SlackEmulator) -> None:
    answer = await client.auth_test()
    assert (answer["team_id"], answer["user_id"], answer["bot_id"]) == (
        slack.team_id,
        "U0UPLOADS",
        "B0UPLOADS",
    )
    assert answer["team"] == "Nordlicht Bio"
    assert answer.headers["x-oauth-scopes"] == "chat:write,commands,im:write,users:read,users:read.email"
    assert "Date" in answer.headers


async def test_auth__token_refused(slack: SlackEmulator) -> None:
    """Missing, wrong, and of the wrong kind."""
    async with httpx.AsyncClient(base_url=slack.api_url) as raw:
        assert (await raw.post("auth.test")).json() == {"ok": False, "error": "not_authed"}
        wrong = await raw.post("auth.test", headers={"Authorization": "Bearer xoxb-wrong"})
        assert wrong.json() == {"ok": False, "error": "invalid_auth"}
        assert (await raw.post("auth.test", data={"token": slack.bot_token})).json()["ok"] is True
        kind = await raw.post("apps.connections.open", headers={"Authorization": f"Bearer {slack.bot_token}"})
        assert kind.json() == {"ok": False, "error": "not_allowed_token_type"}


async def test_auth__scope_missing(client: AsyncWebClient, slack: SlackEmulator) -> None:
    slack.scopes.discard("chat:write")
    body = await refusal_of(client.chat_postMessage(channel=UPLOADS, text="hello"))
    assert (body["error"], body["needed"]) == ("missing_scope", "chat:write")
    assert "commands" in body["provided"]


async def test_api__unknown_method_and_echo(client: AsyncWebClient) -> None:
    assert (await refusal_of(client.api_call("chat.shout")))["error"] == "unknown_method"
    assert (await client.api_test(foo="bar"))["args"]["foo"] == "bar"
    assert (await refusal_of(client.api_test(error="my_error")))["error"] == "my_error"


async def test_users_info__email_needs_its_scope(client: AsyncWebClient, slack: SlackEmulator) -> None:
    person = (await client.users_info(user=ALICE, include_locale=True))["user"]
    assert person["profile"]["email"] == "alice.moreau@nordlicht.example"
    assert (person["real_name"], person["tz"], person["locale"]) == ("Alice Moreau", "Europe/Paris", "en-US")
    slack.scopes.discard("users:read.email")
    assert "email" not in (await client.users_info(user=ALICE))["user"]["profile"]


async def test_users_info__stranger_and_nobody(client: AsyncWebClient, slack: SlackEmulator) -> None:
    guest = (await client.users_info(user=GINA))["user"]
    assert guest["is_stranger"] is True
    assert guest["team_id"] != slack.team_id
    assert (await refusal_of(client.users_info(user="U404")))["error"] == "user_not_found"


async def test_conversations_open__direct_message(client: AsyncWebClient, slack: SlackEmulator) -> None:
    first = await client.conversations_open(users=[ALICE])
    again = await client.conversations_open(users=ALICE)
    assert (first["already_open"], again["already_open"]) == (False, True)
    assert first["channel"]["id"] == again["channel"]["id"]
    await client.chat_postMessage(channel=first["channel"]["id"], text="Only for Alice.")
    assert [message.text for message in slack.seen_by("alice", "dm")] == ["Only for Alice."]
    assert slack.seen_by("bob") == []


@pytest.mark.parametrize(
    ("users", "error"),
    [("", "users_list_not_supplied"), ("U404", "user_not_found"), (f"{ALICE},{BOB}", "missing_scope")],
)
async def test_conversations_open__refused(client: AsyncWebClient, users: str, error: str) -> None:
    assert (await refusal_of(client.conversations_open(users=users)))["error"] == error


@pytest.mark.parametrize(
    ("channel", "error"),
    [
        ("C404", "channel_not_found"),
        ("C0RANDOM", "not_in_channel"),
        ("C0MIGRATION", "channel_not_found"),
    ],
)
async def test_post__channel_refused(client: AsyncWebClient, channel: str, error: str) -> None:
    assert (await refusal_of(client.chat_postMessage(channel=channel, text="x")))["error"] == error


async def test_post__archived(client: AsyncWebClient, slack: SlackEmulator) -> None:
    slack.workspace.channel("#trial-uploads").is_archived = True
    assert (await refusal_of(client.chat_postMessage(channel=UPLOADS, text="x")))["error"] == "is_archived"


async def test_post__blocks_refused_with_reasons(client: AsyncWebClient, slack: SlackEmulator) -> None:
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": ""}}]
    body = await refusal_of(client.chat_postMessage(channel=UPLOADS, text="x", blocks=blocks))
    assert body["error"] == "invalid_blocks"
    [reason] = body["response_metadata"]["messages"]
    assert reason == "[ERROR] must be more than 0 characters [json-pointer:/blocks/0/text/text]"
    assert slack.messages == []
    body = await refusal_of(client.chat_postMessage(channel=UPLOADS, text="x", blocks="{nonsense"))
    assert body["error"] == "invalid_blocks_format"
    silent = client.api_call("chat.postMessage", json={"channel": UPLOADS, "text": " "})
    assert (await refusal_of(silent))["error"] == "no_text"


async def test_post__long_text_is_cut(client: AsyncWebClient, slack: SlackEmulator) -> None:
    answer = await client.chat_postMessage(channel=UPLOADS, text="x" * 40_001)
    assert answer["warning"] == "message_truncated"
    assert len(slack.messages[0].text) == 40_000


async def test_update__text_and_blocks(client: AsyncWebClient, slack: SlackEmulator) -> None:
    """Blocks left out stay; an empty list removes them."""
    blocks = [{"type": "divider"}]
    posted = await client.chat_postMessage(channel=UPLOADS, text="one", blocks=blocks, thread_ts="1.000001")
    ts = posted["ts"]
    await client.chat_update(channel=UPLOADS, ts=ts, text="two")
    message = slack.message(f"{UPLOADS}:{ts}")
    assert message is not None
    assert (message.text, len(message.blocks), message.edited, message.thread_ts) == ("two", 1, 1, "1.000001")
    await client.chat_update(channel=UPLOADS, ts=ts, text="three", blocks=[])
    message = slack.message(f"{UPLOADS}:{ts}")
    assert message is not None
    assert (message.text, message.blocks, message.edited) == ("three", (), 2)
    body = await refusal_of(client.chat_update(channel=UPLOADS, ts=ts, text="x" * 4001))
    assert body["error"] == "msg_too_long"


async def test_update__where_the_app_may(client: AsyncWebClient, slack: SlackEmulator) -> None:
    ts = (await client.chat_postMessage(channel=UPLOADS, text="one"))["ts"]
    slack.archive(UPLOADS)
    assert (await refusal_of(client.chat_update(channel=UPLOADS, ts=ts, text="x")))["error"] == "is_inactive"
    slack.archive(UPLOADS, archived=False)
    slack.remove_app(UPLOADS)
    assert (await refusal_of(client.chat_update(channel=UPLOADS, ts=ts, text="x")))[
        "error"
    ] == "not_in_channel"
    slack.invite_app(UPLOADS)
    await client.chat_update(channel=UPLOADS, ts=ts, text="two")


async def test_update_and_delete__own_public_messages_only(
    client: AsyncWebClient, slack: SlackEmulator
) -> None:
    hidden = await client.chat_postEphemeral(channel=UPLOADS, user=ALICE, text="psst")
    ts = hidden["message_ts"]
    for call in (
        client.chat_update(channel=UPLOADS, ts=ts, text="x"),
        client.chat_delete(channel=UPLOADS, ts=ts),
    ):
        assert (await refusal_of(call))["error"] == "message_not_found"
    notice = (await slack.slash(user="alice", in_thread=True)).refusal
    [slackbots] = [message for message in slack.messages if message.text == notice]
    assert slackbots.author == "USLACKBOT"
    posted = await client.chat_postMessage(channel=UPLOADS, text="gone soon")
    await client.chat_delete(channel=UPLOADS, ts=posted["ts"])
    assert all(message.text != "gone soon" for message in slack.seen_by("alice"))
    assert (await refusal_of(client.chat_delete(channel=UPLOADS, ts=posted["ts"])))[
        "error"
    ] == "message_not_found"


async def test_post_ephemeral__only_its_reader(client: AsyncWebClient, slack: SlackEmulator) -> None:
    await client.chat_postEphemeral(channel=UPLOADS, user=ALICE, text="for Alice")
    await client.chat_postMessage(channel=UPLOADS, text="for all")
    assert [message.text for message in slack.seen_by("alice")] == ["for Alice", "for all"]
    assert [message.text for message in slack.seen_by(BOB, "#trial-uploads")] == ["for all"]
    assert [message.text for message in slack.seen_by("gina")] == ["for all"]
    body = await refusal_of(client.chat_postEphemeral(channel=UPLOADS, user="U404", text="x"))
    assert body["error"] == "user_not_in_channel"


async def test_faults__each_kind_once(client: AsyncWebClient, slack: SlackEmulator) -> None:
    slack.faults.add("auth.test", ApiError("account_inactive"), ServerError(503), RateLimited(7), Slow(0.05))
    assert (await refusal_of(client.auth_test()))["error"] == "account_inactive"
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {slack.bot_token}"}) as raw:
        assert (await raw.post(f"{slack.api_url}auth.test")).status_code == 503
        limited = await raw.post(f"{slack.api_url}auth.test")
        assert (limited.status_code, limited.headers["Retry-After"]) == (429, "7")
        assert limited.json() == {"ok": False, "error": "ratelimited"}
        assert (await raw.post(f"{slack.api_url}auth.test")).json()["ok"] is True
    assert slack.faults.waiting("auth.test") == 0
    assert slack.log[-1].seconds >= 0.05


async def test_faults__dropped_after_it_took_effect(client: AsyncWebClient, slack: SlackEmulator) -> None:
    """The bot cannot know whether its message was posted: once it was not, once it was."""
    slack.faults.add("chat.postMessage", Dropped(), Dropped(done=True))
    for posted in (0, 1):
        with pytest.raises(aiohttp.ClientError):
            await client.chat_postMessage(channel=UPLOADS, text="once")
        assert len(slack.messages) == posted
        assert slack.log[-1].status == "dropped"


async def test_faults__cleared(client: AsyncWebClient, slack: SlackEmulator) -> None:
    slack.faults.add("auth.test", ServerError(), times=3)
    slack.faults.clear()
    assert (await client.auth_test())["ok"] is True


async def test_rate_limit__sdk_waits_and_succeeds() -> None:
    """A channel takes its burst, then 429 with Retry-After; the SDK's own handler gets over it."""
    slack = SlackEmulator(post_rate=PostRate(per_second=2, burst=2))
    await slack.start()
    try:
        client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
        client.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=2))
        for number in range(3):
            await client.chat_postMessage(channel=UPLOADS, text=str(number))
        assert [message.text for message in slack.messages] == ["0", "1", "2"]
        assert 429 in [exchange.status for exchange in slack.log]
    finally:
        await slack.stop()


async def test_log__masks_secrets(client: AsyncWebClient, slack: SlackEmulator) -> None:
    """The log tells all but the secrets; the message itself keeps its link."""
    link = "http://127.0.0.1:3000/link?ticket=verysecret"
    await client.chat_postMessage(channel=UPLOADS, text=f"<{link}|Link>")
    async with httpx.AsyncClient() as raw:
        await raw.post(f"{slack.api_url}auth.test", data={"token": slack.bot_token})
    assert link in slack.messages[0].text
    written = repr(slack.log)
    assert "verysecret" not in written
    assert slack.bot_token not in written
    assert [exchange.what for exchange in slack.log] == ["POST /api/chat.postMessage", "POST /api/auth.test"]
    assert slack.log[0].response["ok"] is True


async def test_on_change__told_of_messages_until_stopped(
    client: AsyncWebClient, slack: SlackEmulator
) -> None:
    told: list[int] = []
    stop = slack.on_change(lambda: told.append(len(slack.messages)))
    await client.chat_postMessage(channel=UPLOADS, text="x")
    assert 1 in told
    stop()
    told.clear()
    await client.chat_postMessage(channel=UPLOADS, text="y")
    assert told == []


async def test_host__foreign_name_refused(slack: SlackEmulator) -> None:
    """A web page that points its own name at loopback gets nothing."""
    async with httpx.AsyncClient() as raw:
        for host, status in (("evil.example", 403), (f"localhost:{slack.port}", 200), ("127.0.0.1", 403)):
            answer = await raw.post(f"{slack.api_url}api.test", headers={"Host": host})
            assert answer.status_code == status
