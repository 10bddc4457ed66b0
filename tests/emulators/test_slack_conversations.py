"""What people say: plain messages, mentions, threads; what they have read; what stands in their sidebar."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.demo.serving import LoopbackServer
from bot.demo.slack import SlackEmulator
from bot.demo.slack.composer import compose

UPLOADS = "C0TRIALUPLOADS"
BOT = "<@U0UPLOADS>"


@pytest.fixture
async def events() -> list[dict[str, Any]]:
    """What the bot heard."""
    return []


@pytest.fixture
async def slack(events: list[dict[str, Any]]) -> AsyncIterator[SlackEmulator]:
    """A Slack whose bot answers each mention in its thread."""
    emulator, server = SlackEmulator(), LoopbackServer()

    async def take(request: Request) -> Response:
        event = json.loads(await request.body())["event"]
        events.append(event)
        root = event.get("thread_ts", event["ts"])
        await client_of(emulator).chat_postMessage(channel=event["channel"], thread_ts=root, text="31%")
        return Response()

    await emulator.start()
    await server.start(Starlette(routes=[Route("/slack/events", take, methods=["POST"])]))
    emulator.request_url = f"{server.url}/slack/events"
    yield emulator
    await server.stop()
    await emulator.stop()


def client_of(slack: SlackEmulator) -> AsyncWebClient:
    return AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, timeout=60, retry_handlers=[])


@pytest.fixture
def client(slack: SlackEmulator) -> AsyncWebClient:
    return client_of(slack)


async def error_of(call: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


@pytest.mark.parametrize(
    ("typed", "text", "parts"),
    [
        ("list", "list", [{"type": "text", "text": "list"}]),
        ("a < b & c", "a &lt; b &amp; c", [{"type": "text", "text": "a < b & c"}]),
        (
            "@Vault Uploads list",
            f"{BOT} list",
            [{"type": "user", "user_id": "U0UPLOADS"}, {"type": "text", "text": " list"}],
        ),
        (
            "@bob see https://v.example/a?b=1&c=2.",
            "<@U0BOB> see <https://v.example/a?b=1&amp;c=2>.",
            [
                {"type": "user", "user_id": "U0BOB"},
                {"type": "text", "text": " see "},
                {"type": "link", "url": "https://v.example/a?b=1&c=2"},
                {"type": "text", "text": "."},
            ],
        ),
        ("`T<E`", "`T&lt;E`", [{"type": "text", "text": "T<E", "style": {"code": True}}]),
        ("@nobody", "@nobody", [{"type": "text", "text": "@nobody"}]),
    ],
)
def test_composer__text_and_rich_text(typed: str, text: str, parts: list[dict[str, Any]]) -> None:
    """Text is escaped and carries tokens; the block has the same in pieces, unescaped."""
    written, [block] = compose(typed, SlackEmulator().workspace)
    assert written == text
    assert block == {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": parts}]}


async def test_say__is_seen_by_those_there_and_told_to_nobody(
    slack: SlackEmulator, events: list[dict[str, Any]]
) -> None:
    message = await slack.say("alice", "migration", "done?")
    assert (message.author, message.via, message.thread_ts) == ("U0ALICE", "person", None)
    assert [one.text for one in slack.seen_by("vera")] == ["done?"]
    assert slack.seen_by("bob") == []
    assert (events, slack.log) == ([], [])
    with pytest.raises(LookupError, match="cannot open"):
        await slack.say("bob", "migration", "hello")


async def test_mention__event_and_answer_in_the_thread(
    slack: SlackEmulator, events: list[dict[str, Any]]
) -> None:
    delivery = await slack.mention(user="alice", channel=UPLOADS, text="TpE_x--")
    message = delivery.message
    assert message is not None
    [event] = events
    assert event == {
        "type": "app_mention",
        "user": "U0ALICE",
        "team": "T0NORDLICHT",
        "text": f"{BOT} TpE_x--",
        "ts": message.ts,
        "channel": UPLOADS,
        "event_ts": message.ts,
        "blocks": list(message.blocks),
    }
    assert event["blocks"][0]["elements"][0]["elements"] == [
        {"type": "user", "user_id": "U0UPLOADS"},
        {"type": "text", "text": " TpE_x--"},
    ]
    answer = await delivery.answered(1)
    assert (answer.text, answer.thread_ts, answer.visible_to) == ("31%", message.ts, None)


async def test_mention__in_a_thread(slack: SlackEmulator, events: list[dict[str, Any]]) -> None:
    """A thread is named by any of its messages, and each mention gets its own answer."""
    root = await slack.say("bob", UPLOADS, "whose is TpE_x--?")
    first = await slack.mention(user="alice", channel=UPLOADS, text="TpE_x--", in_thread_of=root)
    reply = await first.answered(1)
    second = await slack.mention(user="bob", channel=UPLOADS, text="help", in_thread_of=reply.ts)
    third = await slack.say("bob", UPLOADS, "@Vault Uploads help", thread=reply.key)
    assert [event["thread_ts"] for event in events] == [root.ts] * 3
    assert third.thread_ts == root.ts
    assert (await second.answered(1)).key != reply.key
    with pytest.raises(LookupError, match="sees no message"):
        await slack.mention(user="bob", channel=UPLOADS, in_thread_of="1.000001")
    with pytest.raises(LookupError, match="no thread in random"):
        await slack.say("bob", "#random", "x", thread=root)


async def test_mention__where_the_bot_is_not(slack: SlackEmulator, events: list[dict[str, Any]]) -> None:
    delivery = await slack.mention(user="alice", channel="#random", text="list")
    assert delivery.refusal == "You mentioned @Vault Uploads, but they’re not in this channel."
    assert [message.text for message in slack.seen_by("alice", "#random")][1:] == [delivery.refusal]
    assert len(slack.seen_by("bob", "#random")) == 1
    assert (await slack.mention(user="alice", channel="dm", text="list")).refusal is not None
    assert events == []


async def test_say__not_to_an_app_that_only_talks() -> None:
    tabs = {"messages_tab_enabled": True, "messages_tab_read_only_enabled": True}
    commands = [{"command": "/upload-status", "url": "https://bot.example/slack/events"}]
    slack = SlackEmulator(manifest={"features": {"app_home": tabs, "slash_commands": commands}})
    with pytest.raises(LookupError, match="turned off"):
        await slack.say("alice", "dm", "hello")
    delivery = await slack.slash(user="alice", channel="dm", text="list")
    assert delivery.refusal == "Sending messages to this app has been turned off."
    slack.workspace.channel("#random").is_archived = True
    with pytest.raises(LookupError, match="archived"):
        await slack.say("alice", "#random", "hello")


async def test_thread__broadcast_and_ephemeral(slack: SlackEmulator, client: AsyncWebClient) -> None:
    """An ephemeral reply shows in an active thread only; elsewhere Slack says ok to nothing."""
    root = await slack.say("bob", UPLOADS, "hello")

    async def whisper(text: str) -> Any:
        return await client.chat_postEphemeral(channel=UPLOADS, thread_ts=root.ts, user="U0ALICE", text=text)

    assert (await whisper("lost"))["message_ts"]
    assert [message.text for message in slack.seen_by("alice")] == ["hello"]
    [lost] = slack.rejections
    assert (lost.error, lost.who, lost.place) == ("inactive_thread", "U0ALICE", UPLOADS)
    posted = await client.chat_postMessage(
        channel=UPLOADS, thread_ts=root.ts, text="reply", reply_broadcast=True
    )
    assert posted["message"]["subtype"] == "thread_broadcast"
    await whisper("psst")
    assert [message.text for message in slack.seen_by("alice")] == ["hello", "reply", "psst"]


async def test_permalink__of_a_message_and_a_reply(slack: SlackEmulator, client: AsyncWebClient) -> None:
    root = await slack.say("bob", "#random", "hello")
    reply = await slack.say("bob", "#random", "again", thread=root)
    answer = await client.chat_getPermalink(channel="C0RANDOM", message_ts=root.ts)
    address = "https://nordlicht.slack.com/archives/C0RANDOM/p"
    assert answer["permalink"] == address + root.ts.replace(".", "")
    answer = await client.chat_getPermalink(channel="C0RANDOM", message_ts=reply.ts)
    assert answer["permalink"].endswith(f"{reply.ts[-6:]}?thread_ts={root.ts}&cid=C0RANDOM")
    hidden = await slack.say("alice", "migration", "secret")
    for channel, ts, error in (
        ("C0RANDOM", "1.000001", "message_not_found"),
        ("C404", root.ts, "channel_not_found"),
        ("C0MIGRATION", hidden.ts, "channel_not_found"),
    ):
        assert await error_of(client.chat_getPermalink(channel=channel, message_ts=ts)) == error


async def test_conversations_info__by_scope_and_place(slack: SlackEmulator, client: AsyncWebClient) -> None:
    assert await error_of(client.conversations_info(channel=UPLOADS)) == "missing_scope"
    slack.scopes |= {"channels:read", "groups:read", "im:read"}
    channel = (await client.conversations_info(channel=UPLOADS, include_num_members=True))["channel"]
    assert (channel["name"], channel["is_member"], channel["num_members"]) == ("trial-uploads", True, 6)
    assert (await client.conversations_info(channel="C0RANDOM"))["channel"]["is_member"] is False
    assert await error_of(client.conversations_info(channel="C0MIGRATION")) == "channel_not_found"
    assert await error_of(client.conversations_info(channel="D0ALICE")) == "channel_not_found"
    await client.conversations_open(users="U0ALICE")
    assert (await client.conversations_info(channel="D0ALICE"))["channel"]["user"] == "U0ALICE"
    slack.workspace.channel("migration").members.add("U0UPLOADS")
    assert (await client.conversations_info(channel="C0MIGRATION"))["channel"]["is_group"] is True


async def test_messages_tab__off(slack: SlackEmulator) -> None:
    silent = SlackEmulator(
        manifest={
            "features": {"app_home": {"messages_tab_enabled": False, "home_tab_enabled": False}},
            "oauth_config": {"scopes": {"bot": ["chat:write", "im:write"]}},
        }
    )
    await silent.start()
    try:
        web = client_of(silent)
        assert await error_of(web.conversations_open(users="U0ALICE")) == "messages_tab_disabled"
        assert await error_of(web.chat_postMessage(channel="U0ALICE", text="x")) == "messages_tab_disabled"
        silent.workspace.open_dm(silent.workspace.user("alice"))
        assert await error_of(web.chat_postMessage(channel="D0ALICE", text="x")) == "messages_tab_disabled"
        assert [place.name for place in silent.places("gina")] == ["trial-uploads"]
    finally:
        await silent.stop()


async def test_users_info__time_zone(client: AsyncWebClient) -> None:
    person = (await client.users_info(user="U0BOB"))["user"]
    assert (person["tz"], person["tz_label"], person["tz_offset"]) == ("Asia/Tokyo", "JST", 9 * 3600)


async def test_unread__counts_what_others_said_since(slack: SlackEmulator, client: AsyncWebClient) -> None:
    """Neither own words, nor ephemeral ones, nor replies deep in a thread."""
    root = await slack.say("alice", UPLOADS, "hello")
    await client.chat_postMessage(channel=UPLOADS, text="one")
    await client.chat_postMessage(channel="U0ALICE", text="only for Alice")
    await client.chat_postEphemeral(channel=UPLOADS, user="U0ALICE", text="psst")
    await client.chat_postMessage(channel=UPLOADS, thread_ts=root.ts, text="reply")
    assert slack.unread("alice") == {UPLOADS: 1, "D0ALICE": 1}
    assert slack.unread("bob") == {UPLOADS: 2}
    slack.read("alice", UPLOADS)
    slack.read("alice", "dm")
    assert slack.unread("alice") == {}
    assert slack.unread("bob") == {UPLOADS: 2}
    two = await client.chat_postMessage(channel=UPLOADS, text="two")
    await client.chat_postMessage(channel=UPLOADS, thread_ts=root.ts, text="both", reply_broadcast=True)
    assert slack.unread("alice") == {UPLOADS: 2}
    await client.chat_delete(channel=UPLOADS, ts=two["ts"])
    assert slack.unread("alice") == {UPLOADS: 1}


async def test_unread__marks_are_a_change(slack: SlackEmulator) -> None:
    told: list[int] = []
    await slack.say("alice", UPLOADS, "hello")
    slack.on_change(lambda: told.append(1))
    slack.read("bob", UPLOADS)
    slack.read("bob", UPLOADS)
    slack.read("bob", "#random")
    assert told == [1]


async def test_places__what_stands_in_the_sidebar(slack: SlackEmulator, client: AsyncWebClient) -> None:
    """Looking at it opens nothing."""
    assert [place.name for place in slack.places("alice")] == [
        "general",
        "migration",
        "random",
        "trial-uploads",
        "D0ALICE",
        "Vault Uploads",
    ]
    assert [place.id for place in slack.places("gina")] == [UPLOADS, "D0GINA", "H0GINA"]
    assert [place.is_home for place in slack.places("gina")] == [False, False, True]
    assert (await client.conversations_open(users="U0GINA"))["already_open"] is False
