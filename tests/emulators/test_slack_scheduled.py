"""Messages that the emulated Slack holds until their time, driven by the real client."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.demo.slack import SlackEmulator
from tests.emulators.slack_world import refusal_of

UPLOADS = "C0TRIALUPLOADS"
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)


@pytest.fixture
async def slack() -> AsyncIterator[SlackEmulator]:
    emulator = SlackEmulator()
    emulator.clock.run_at(0)
    await emulator.start()
    yield emulator
    await emulator.stop()


@pytest.fixture
def client(slack: SlackEmulator) -> AsyncWebClient:
    return AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, timeout=60, retry_handlers=[])


def in_seconds(moment: datetime) -> int:
    """The form that Slack wants."""
    return int(moment.timestamp())


async def hold(slack: SlackEmulator, client: AsyncWebClient, after: timedelta, text: str = "later") -> str:
    """Let a message be held in the channel; return its id."""
    post_at = in_seconds(slack.clock.now() + after)
    held = await client.chat_scheduleMessage(channel=UPLOADS, post_at=post_at, text=text)
    return str(held["scheduled_message_id"])


async def posted(slack: SlackEmulator, count: int) -> list[str]:
    """The texts of all messages, once there are so many."""
    async with asyncio.timeout(60):
        while len(slack.messages) < count:  # noqa: ASYNC110 - the emulator looks at its clock by itself
            await asyncio.sleep(0.01)
    return [message.text for message in slack.messages]


async def test_schedule__says_what_is_held(client: AsyncWebClient, slack: SlackEmulator) -> None:
    post_at = in_seconds(slack.clock.now() + HOUR)
    answer = await client.chat_scheduleMessage(channel=UPLOADS, post_at=post_at, text="later")
    assert (answer["channel"], answer["post_at"]) == (UPLOADS, post_at)
    assert answer["scheduled_message_id"].startswith("Q")
    assert (answer["message"]["type"], answer["message"]["text"]) == ("delayed_message", "later")
    assert slack.messages == []
    [held] = slack.held_messages
    assert (held.id, held.channel, in_seconds(held.post_at)) == (
        answer["scheduled_message_id"],
        UPLOADS,
        post_at,
    )


async def test_schedule__posts_when_the_clock_passes(client: AsyncWebClient, slack: SlackEmulator) -> None:
    """One after the other, each with the moment it was meant for."""
    started = slack.clock.now()
    await hold(slack, client, 3 * HOUR, "third")
    await hold(slack, client, 1 * HOUR, "first")
    await hold(slack, client, 2 * HOUR, "second")
    slack.clock.advance(HOUR)
    assert await posted(slack, 1) == ["first"]
    slack.clock.advance(5 * HOUR)
    assert await posted(slack, 3) == ["first", "second", "third"]
    moments = [float(message.ts) - started.timestamp() for message in slack.messages]
    assert [round(moment / 3600, 3) for moment in moments] == [1, 2, 3]
    assert {(message.author, message.via) for message in slack.messages} == {
        ("U0UPLOADS", "chat.scheduleMessage")
    }
    assert slack.held_messages == []


async def test_schedule__into_a_thread(client: AsyncWebClient, slack: SlackEmulator) -> None:
    root = await slack.say("alice", "#trial-uploads", "here we go")
    post_at = in_seconds(slack.clock.now() + HOUR)
    await client.chat_scheduleMessage(channel=UPLOADS, post_at=post_at, text="later", thread_ts=root.ts)
    slack.clock.advance(2 * HOUR)
    assert await posted(slack, 2) == ["here we go", "later"]
    assert slack.messages[1].thread_ts == root.ts


async def test_schedule__goes_on_after_a_restart(client: AsyncWebClient, slack: SlackEmulator) -> None:
    await hold(slack, client, HOUR)
    await slack.stop()
    slack.clock.advance(2 * HOUR)
    await asyncio.sleep(0.1)
    assert slack.messages == []
    await slack.start()
    assert await posted(slack, 1) == ["later"]


async def test_schedule__with_metadata_never_posts(client: AsyncWebClient, slack: SlackEmulator) -> None:
    """Slack's documented fault."""
    await client.chat_scheduleMessage(
        channel=UPLOADS,
        post_at=in_seconds(slack.clock.now() + HOUR),
        text="never",
        metadata={"event_type": "a", "event_payload": {}},
    )
    await hold(slack, client, 2 * HOUR)
    slack.clock.advance(3 * HOUR)
    assert await posted(slack, 1) == ["later"]
    [unseen] = slack.rejections
    assert (unseen.what, unseen.error, unseen.place) == ("chat.scheduleMessage", "not_posted", UPLOADS)
    assert "metadata" in unseen.reasons[0]


@pytest.mark.parametrize("what", ["archive", "remove_app", "uninstall"])
async def test_schedule__is_not_posted_where_the_app_could_not_post(
    client: AsyncWebClient, slack: SlackEmulator, what: str
) -> None:
    await hold(slack, client, HOUR)
    if what == "archive":
        slack.archive("#trial-uploads")
    elif what == "remove_app":
        slack.remove_app("#trial-uploads")
    else:
        await slack.uninstall()
    slack.clock.advance(2 * HOUR)
    assert slack.held_messages == []
    assert slack.messages == []
    assert [unseen.error for unseen in slack.rejections] == ["not_posted"]


@pytest.mark.parametrize(
    ("after", "error"),
    [
        (timedelta(0), "time_in_past"),
        (-HOUR, "time_in_past"),
        (timedelta(days=120, minutes=1), "time_too_far"),
    ],
)
async def test_schedule__times_refused(
    client: AsyncWebClient, slack: SlackEmulator, after: timedelta, error: str
) -> None:
    post_at = in_seconds(slack.clock.now() + after)
    call = client.chat_scheduleMessage(channel=UPLOADS, post_at=post_at, text="x")
    assert (await refusal_of(call))["error"] == error


async def test_schedule__other_refusals(client: AsyncWebClient, slack: SlackEmulator) -> None:
    post_at = in_seconds(slack.clock.now() + HOUR)
    for channel, error in (
        ("C404", "channel_not_found"),
        ("C0MIGRATION", "channel_not_found"),
        ("C0RANDOM", "not_in_channel"),
    ):
        call = client.chat_scheduleMessage(channel=channel, post_at=post_at, text="x")
        assert (await refusal_of(call))["error"] == error
    call = client.chat_scheduleMessage(channel=UPLOADS, post_at="soon", text="x")
    assert (await refusal_of(call))["error"] == "invalid_time"
    silent = client.api_call("chat.scheduleMessage", json={"channel": UPLOADS, "post_at": post_at})
    assert (await refusal_of(silent))["error"] == "no_text"
    slack.scopes.discard("chat:write")
    call = client.chat_scheduleMessage(channel=UPLOADS, post_at=post_at, text="x")
    assert (await refusal_of(call))["error"] == "missing_scope"


async def test_schedule__thirty_in_five_minutes(client: AsyncWebClient, slack: SlackEmulator) -> None:
    for number in range(30):
        await hold(slack, client, HOUR + number * SECOND)
    for after in (HOUR + 40 * SECOND, HOUR - 4 * MINUTE):
        post_at = in_seconds(slack.clock.now() + after)
        call = client.chat_scheduleMessage(channel=UPLOADS, post_at=post_at, text="x")
        assert (await refusal_of(call))["error"] == "restricted_too_many"
    await hold(slack, client, HOUR + 6 * MINUTE)
    dm = (await client.conversations_open(users="U0ALICE"))["channel"]["id"]
    await client.chat_scheduleMessage(
        channel=dm, post_at=in_seconds(slack.clock.now() + HOUR), text="elsewhere"
    )
    assert len(slack.held_messages) == 32


async def test_delete__takes_it_back(client: AsyncWebClient, slack: SlackEmulator) -> None:
    taken = await hold(slack, client, HOUR, "taken back")
    await hold(slack, client, HOUR, "stays")
    slack.clock.advance(HOUR - 61 * SECOND)
    await client.chat_deleteScheduledMessage(channel=UPLOADS, scheduled_message_id=taken)
    slack.clock.advance(HOUR)
    assert await posted(slack, 1) == ["stays"]


@pytest.mark.parametrize("left", [60 * SECOND, 30 * SECOND, timedelta(0), -HOUR])
async def test_delete__too_late(client: AsyncWebClient, slack: SlackEmulator, left: timedelta) -> None:
    """In the minute before, and once it is posted."""
    late = await hold(slack, client, HOUR)
    slack.clock.advance(HOUR - left)
    call = client.chat_deleteScheduledMessage(channel=UPLOADS, scheduled_message_id=late)
    assert (await refusal_of(call))["error"] == "invalid_scheduled_message_id"


async def test_delete__needs_the_right_channel_and_id(client: AsyncWebClient, slack: SlackEmulator) -> None:
    held = await hold(slack, client, HOUR)
    for channel, message_id, error in (
        ("C404", held, "channel_not_found"),
        ("C0GENERAL", held, "invalid_scheduled_message_id"),
        (UPLOADS, "Q404", "invalid_scheduled_message_id"),
    ):
        call = client.chat_deleteScheduledMessage(channel=channel, scheduled_message_id=message_id)
        assert (await refusal_of(call))["error"] == error
    await client.chat_deleteScheduledMessage(channel=UPLOADS, scheduled_message_id=held)
    call = client.chat_deleteScheduledMessage(channel=UPLOADS, scheduled_message_id=held)
    assert (await refusal_of(call))["error"] == "invalid_scheduled_message_id"


async def test_list__in_a_channel_and_a_time_range(client: AsyncWebClient, slack: SlackEmulator) -> None:
    second, first = await hold(slack, client, 2 * HOUR, "second"), await hold(slack, client, HOUR, "first")
    dm = (await client.conversations_open(users="U0ALICE"))["channel"]["id"]
    third = in_seconds(slack.clock.now() + 3 * HOUR)
    await client.chat_scheduleMessage(channel=dm, post_at=third, text="third")
    everywhere = (await client.chat_scheduledMessages_list())["scheduled_messages"]
    assert [one["text"] for one in everywhere] == ["first", "second", "third"]
    here = (await client.chat_scheduledMessages_list(channel=UPLOADS))["scheduled_messages"]
    assert [(one["id"], one["channel_id"]) for one in here] == [(first, UPLOADS), (second, UPLOADS)]
    at = str(here[1]["post_at"])
    exact = await client.chat_scheduledMessages_list(channel=UPLOADS, oldest=at, latest=at)
    assert [one["id"] for one in exact["scheduled_messages"]] == [second]
    assert (await refusal_of(client.chat_scheduledMessages_list(channel="C404")))[
        "error"
    ] == "invalid_channel"
    slack.clock.advance(150 * MINUTE)
    left = (await client.chat_scheduledMessages_list())["scheduled_messages"]
    assert [one["text"] for one in left] == ["third"]
