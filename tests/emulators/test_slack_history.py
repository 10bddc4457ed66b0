"""What the emulated Slack lets an app read back, and with which scopes; and what becomes of channels."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.demo.slack import PostRate, SlackEmulator
from tests.emulators.slack_world import refusal_of

UPLOADS, MIGRATION = "C0TRIALUPLOADS", "C0MIGRATION"
METADATA = {"event_type": "upload_reminder", "event_payload": {"key": "watch:1:lead:3600"}}


@pytest.fixture
async def slack() -> AsyncIterator[SlackEmulator]:
    emulator = SlackEmulator()
    await emulator.start()
    emulator.scopes |= {"channels:history", "groups:history", "im:history"}
    yield emulator
    await emulator.stop()


@pytest.fixture
def client(slack: SlackEmulator) -> AsyncWebClient:
    return AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, timeout=60, retry_handlers=[])


def texts(page: Any) -> list[str]:
    """What was read."""
    return [message["text"] for message in page["messages"]]


async def test_metadata__comes_back_where_it_is_asked_for(client: AsyncWebClient) -> None:
    posted = await client.chat_postMessage(channel=UPLOADS, text="31%", metadata=METADATA)
    assert posted["message"]["metadata"] == METADATA
    [plain] = (await client.conversations_history(channel=UPLOADS))["messages"]
    assert "metadata" not in plain
    [full] = (await client.conversations_history(channel=UPLOADS, include_all_metadata=True))["messages"]
    assert (full["metadata"], full["ts"]) == (METADATA, posted["ts"])


@pytest.mark.parametrize(
    "metadata",
    [
        "{nonsense",
        [],
        {"event_type": "a"},
        {"event_payload": {}},
        {"event_type": "", "event_payload": {}},
        {"event_type": "a", "event_payload": "b"},
    ],
)
async def test_metadata__of_the_wrong_form(client: AsyncWebClient, metadata: Any) -> None:
    call = client.api_call(
        "chat.postMessage", json={"channel": UPLOADS, "text": "x", "metadata": metadata or [1]}
    )
    assert (await refusal_of(call))["error"] == "invalid_metadata_format"


async def test_history__the_newest_first_in_pages(client: AsyncWebClient) -> None:
    stamps = [(await client.chat_postMessage(channel=UPLOADS, text=str(number)))["ts"] for number in range(5)]
    first = await client.conversations_history(channel=UPLOADS, limit=2)
    assert (texts(first), first["has_more"]) == (["4", "3"], True)
    cursor = first["response_metadata"]["next_cursor"]
    second = await client.conversations_history(channel=UPLOADS, limit=3, cursor=cursor)
    assert (texts(second), second["has_more"]) == (["2", "1", "0"], False)
    since = await client.conversations_history(channel=UPLOADS, oldest=stamps[2])
    assert texts(since) == ["4", "3"]
    between = await client.conversations_history(
        channel=UPLOADS, oldest=stamps[1], latest=stamps[3], inclusive=True
    )
    assert texts(between) == ["3", "2", "1"]


async def test_history__leaves_out_what_is_not_the_channels(
    client: AsyncWebClient, slack: SlackEmulator
) -> None:
    """Ephemerals, deleted messages, and replies; but those that also stand in the channel."""
    root = (await client.chat_postMessage(channel=UPLOADS, text="root"))["ts"]
    await client.chat_postEphemeral(channel=UPLOADS, user="U0ALICE", text="psst")
    await client.chat_postMessage(channel=UPLOADS, text="reply", thread_ts=root)
    await client.chat_postMessage(channel=UPLOADS, text="also here", thread_ts=root, reply_broadcast=True)
    gone = await client.chat_postMessage(channel=UPLOADS, text="gone")
    await client.chat_delete(channel=UPLOADS, ts=gone["ts"])
    await slack.say("alice", "#trial-uploads", "a person")
    assert texts(await client.conversations_history(channel=UPLOADS)) == ["a person", "also here", "root"]


async def test_replies__the_root_and_then_the_oldest_first(client: AsyncWebClient) -> None:
    root = (await client.chat_postMessage(channel=UPLOADS, text="root", metadata=METADATA))["ts"]
    stamps = [
        (await client.chat_postMessage(channel=UPLOADS, text=str(number), thread_ts=root))["ts"]
        for number in range(4)
    ]
    await client.chat_postMessage(channel=UPLOADS, text="beside it")
    assert texts(await client.conversations_replies(channel=UPLOADS, ts=root)) == [
        "root",
        "0",
        "1",
        "2",
        "3",
    ]
    since = await client.conversations_replies(channel=UPLOADS, ts=root, oldest=stamps[0], limit=2)
    assert texts(since) == ["root", "1", "2"]
    cursor = since["response_metadata"]["next_cursor"]
    rest = await client.conversations_replies(channel=UPLOADS, ts=root, cursor=cursor)
    assert texts(rest) == ["root", "3"]
    assert texts(await client.conversations_replies(channel=UPLOADS, ts=stamps[1])) == [
        "root",
        "0",
        "1",
        "2",
        "3",
    ]
    missing = client.conversations_replies(channel=UPLOADS, ts="1.000001")
    assert (await refusal_of(missing))["error"] == "thread_not_found"


@pytest.mark.parametrize(
    ("scope", "channel"),
    [("channels:history", UPLOADS), ("groups:history", MIGRATION), ("im:history", "D0ALICE")],
)
async def test_history__a_scope_for_each_kind(
    client: AsyncWebClient, slack: SlackEmulator, scope: str, channel: str
) -> None:
    slack.invite_app("#migration")
    await client.conversations_open(users="U0ALICE")
    assert texts(await client.conversations_history(channel=channel)) == []
    slack.scopes.discard(scope)
    body = await refusal_of(client.conversations_history(channel=channel))
    assert (body["error"], body["needed"]) == ("missing_scope", scope)


async def test_history__without_any_scope_tells_nothing(client: AsyncWebClient, slack: SlackEmulator) -> None:
    slack.scopes -= {"channels:history", "groups:history", "im:history"}
    for channel in (UPLOADS, "C404"):
        for call in (
            client.conversations_history(channel=channel),
            client.conversations_replies(channel=channel, ts="1.0"),
        ):
            assert (await refusal_of(call))["error"] == "missing_scope"


async def test_history__other_refusals(client: AsyncWebClient) -> None:
    for channel, error in (
        ("C404", "channel_not_found"),
        (MIGRATION, "channel_not_found"),
        ("C0RANDOM", "not_in_channel"),
    ):
        assert (await refusal_of(client.conversations_history(channel=channel)))["error"] == error
    for arguments, error in (
        ({"oldest": "x"}, "invalid_ts_oldest"),
        ({"latest": "x"}, "invalid_ts_latest"),
        ({"cursor": "x"}, "invalid_cursor"),
    ):
        call = client.api_call("conversations.history", params={"channel": UPLOADS, **arguments})
        assert (await refusal_of(call))["error"] == error


async def test_channel__archived_and_brought_back(client: AsyncWebClient, slack: SlackEmulator) -> None:
    slack.archive("#trial-uploads")
    assert (await refusal_of(client.chat_postMessage(channel=UPLOADS, text="x")))["error"] == "is_archived"
    slack.archive("#trial-uploads", archived=False)
    await client.chat_postMessage(channel=UPLOADS, text="x")


async def test_channel__app_removed_and_invited(client: AsyncWebClient, slack: SlackEmulator) -> None:
    slack.remove_app("#trial-uploads")
    assert (await refusal_of(client.chat_postMessage(channel=UPLOADS, text="x")))["error"] == "not_in_channel"
    invited = await slack.slash(user="alice", command="/invite", text="@Vault Uploads")
    assert (await invited.answered()).text == "Vault Uploads was added to #trial-uploads by Alice Moreau."
    await client.chat_postMessage(channel=UPLOADS, text="x")


async def test_invite__of_a_person_is_not_emulated() -> None:
    slack = SlackEmulator(manifest={"features": {}})
    refused = await slack.slash(user="alice", command="/invite", text="@bob", channel="#general")
    assert "not a valid command" in (refused.refusal or "")


async def test_post__to_a_deactivated_person_and_to_a_bot(
    client: AsyncWebClient, slack: SlackEmulator
) -> None:
    dm = (await client.conversations_open(users="U0NILS"))["channel"]["id"]
    await client.chat_postMessage(channel=dm, text="hello")
    await slack.deactivate("nils")
    for channel in (dm, "U0NILS"):
        assert (await refusal_of(client.chat_postMessage(channel=channel, text="x")))[
            "error"
        ] == "user_disabled"
    call = client.chat_postMessage(channel="U0UPLOADS", text="x")
    assert (await refusal_of(call))["error"] == "cannot_dm_bot"


async def test_rate__set_while_it_runs(client: AsyncWebClient, slack: SlackEmulator) -> None:
    """One a second in each channel, without a burst."""
    slack.limit_posts(PostRate(per_second=0.001, burst=1))
    await client.chat_postMessage(channel=UPLOADS, text="first")
    assert (await refusal_of(client.chat_postMessage(channel=UPLOADS, text="x")))["error"] == "ratelimited"
    dm = (await client.conversations_open(users="U0ALICE"))["channel"]["id"]
    await client.chat_postMessage(channel=dm, text="elsewhere")
    slack.limit_posts(None)
    await client.chat_postMessage(channel=UPLOADS, text="second")
