"""FAILSAFE=true: Slack itself holds one plain message for each watch, in case nobody of ours lives to speak."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from bot.demo.slack.messages import Message
from bot.demo.vault.uploads import Upload
from bot.demo.workspace import DemoWorkspace
from tests.acceptance.reminder_steps import (
    GIB,
    HOUR,
    KIB,
    MINUTE,
    T0,
    at_a_moment,
    choose,
    form,
    go_to,
    inbox,
    jump,
    moment_of,
    new_upload,
    nights,
    settled,
    told,
    watch,
)
from tests.acceptance.steps import ask, until

FILE = "Launch-Film.mov"
QUARTER = 15 * MINUTE
SLACKS = "chat.scheduleMessage"


@pytest.fixture
async def alices() -> AsyncIterator[tuple[DemoWorkspace, Upload]]:
    """Alice with an upload that moves, in a workspace whose operator wants the fail-safe."""
    async with at_a_moment("alice", settings={"FAILSAFE": "true"}) as demo:
        yield demo, new_upload(demo, "alice", f"launch/{FILE}", 10 * GIB, pace=80 * KIB)


async def watched(demo: DemoWorkspace, upload: Upload, leads: str = "24h 1h") -> Message:
    """Watch it, and wait until Slack holds what it is to hold."""
    answer = await watch(demo, "alice", upload, leads)
    await settled(demo)
    return answer


def held(demo: DemoWorkspace) -> list[timedelta]:
    """For when Slack holds messages, counted from T0."""
    return [one.post_at - T0 for one in demo.slack.held_messages]


def from_slack(demo: DemoWorkspace) -> list[Message]:
    """What Slack has posted by itself."""
    return [message for message in inbox(demo, "alice") if message.via == SLACKS]


async def test_failsafe__slack_speaks_when_the_bot_is_dead(alices: tuple[DemoWorkspace, Upload]) -> None:
    """A quarter of an hour after the last lead time; the bot, back again, says that it is late."""
    demo, upload = alices
    await watched(demo, upload)
    assert held(demo) == [71 * HOUR + QUARTER]
    await go_to(demo, T0 + 48 * HOUR)
    await demo.bot.kill()
    demo.clock.set(T0 + 71 * HOUR + QUARTER - MINUTE)
    assert from_slack(demo) == []
    demo.clock.set(T0 + 71 * HOUR + QUARTER)
    await until(lambda: len(from_slack(demo)) == 1, "Slack posts what it holds")
    (message,) = from_slack(demo)
    assert moment_of(message) == T0 + 71 * HOUR + QUARTER
    assert message.text.startswith(f"{FILE} expires 2036-03-06 07:05 UTC")
    assert message.blocks == ()
    before = len(inbox(demo, "alice"))
    await demo.bot.start()
    await settled(demo)
    (late,) = told(demo, "alice", before)
    assert late.startswith(f"{FILE} expires in 45 min:")
    assert "late by 15 min" in late


async def test_failsafe__is_taken_back_before_the_real_reminder(alices: tuple[DemoWorkspace, Upload]) -> None:
    demo, upload = alices
    await watched(demo, upload)
    await go_to(demo, T0 + 48 * HOUR)
    assert held(demo) == [71 * HOUR + QUARTER]
    before = len(inbox(demo, "alice"))
    await go_to(demo, T0 + 71 * HOUR)
    assert held(demo) == []
    methods = [one.what for one in demo.slack.log if one.direction == "from_bot"]
    assert methods[-2:] == ["POST /api/chat.deleteScheduledMessage", "POST /api/chat.postMessage"]
    assert [text.partition(":")[0] for text in told(demo, "alice", before)] == [f"{FILE} expires in 1 h"]
    await jump(demo, 30 * MINUTE)
    assert from_slack(demo) == []


@pytest.mark.parametrize("how", ["unwatch", "unwatch all", "aborted", "committed", "watched again", "unlink"])
async def test_failsafe__goes_with_the_watch(alices: tuple[DemoWorkspace, Upload], how: str) -> None:
    """Whatever ends or changes the watch, Slack holds nothing that is not true any more."""
    demo, upload = alices
    await watched(demo, upload)
    assert held(demo) == [71 * HOUR + QUARTER]
    left: list[timedelta] = []
    if how.startswith("unwatch"):
        await ask(demo, "alice", "unwatch all" if "all" in how else f"unwatch {upload.id}", channel="dm")
    elif how == "aborted":
        demo.vault.abort(upload.id)
        await jump(demo, HOUR)
    elif how == "committed":
        demo.vault.finish_bytes(upload.id)
        demo.vault.commit(upload.id)
        await jump(demo, HOUR)
    elif how == "unlink":
        await ask(demo, "alice", "unlink", channel="dm")
    else:
        await watched(demo, upload, "24h 2h")
        left = [70 * HOUR + QUARTER]
    await settled(demo)
    assert held(demo) == left
    # Nothing was left behind to be posted later.
    demo.clock.set(T0 + 73 * HOUR)
    assert [message.text for message in from_slack(demo)] == [] or left


async def test_failsafe__waits_for_a_snooze(alices: tuple[DemoWorkspace, Upload]) -> None:
    """Slack never speaks while the person wants silence and the bot would not."""
    demo, upload = alices
    answer = await watched(demo, upload, "24h 3h")
    assert held(demo) == [69 * HOUR + QUARTER]
    await go_to(demo, T0 + 68 * HOUR)
    await choose(demo, "alice", answer, "4h")
    await settled(demo)
    # Four hours would be too late to be of use: half an hour before the expiry it is told.
    assert held(demo) == [71 * HOUR + 45 * MINUTE]
    await go_to(demo, T0 + 69.5 * HOUR)
    assert from_slack(demo) == []


async def test_failsafe__waits_for_the_night_to_end(alices: tuple[DemoWorkspace, Upload]) -> None:
    """Four hours before the expiry it is night in Paris; the reminder comes at seven, so Slack's a quarter past."""
    demo, upload = alices
    await watched(demo, upload, "4h")
    assert held(demo) == [68 * HOUR + QUARTER]
    await form(demo, "alice", upload.id, leads="4h", **nights())
    await settled(demo)
    seven = datetime(2036, 3, 6, 6, 0, tzinfo=UTC)
    assert held(demo) == [seven + QUARTER - T0]
    before = len(inbox(demo, "alice"))
    await go_to(demo, seven)
    assert [text.partition(":")[0] for text in told(demo, "alice", before)] == [
        f"{FILE} expires in 1 h 5 min"
    ]
    assert held(demo) == []


async def test_failsafe__one_for_each_watch_of_all_uploads(alices: tuple[DemoWorkspace, Upload]) -> None:
    demo, _ = alices
    for upload in demo.vault.uploads("promomats"):
        if upload.name != FILE:
            demo.vault.abort(upload.id)
    await ask(demo, "alice", "watch all 24h 1h", channel="dm")
    await jump(demo, MINUTE)
    assert held(demo) == [71 * HOUR + QUARTER]
    await ask(demo, "alice", "unwatch all", channel="dm")
    assert held(demo) == []


async def test_failsafe__slack_refuses_to_hold_it() -> None:
    """The watch stands all the same, and its reminders come."""
    async with at_a_moment("alice", settings={"FAILSAFE": "true"}) as demo:
        upload = new_upload(demo, "alice", f"launch/{FILE}", GIB)
        demo.slack.web_api.methods.pop("chat.scheduleMessage")
        await watch(demo, "alice", upload, "1h")
        before = len(inbox(demo, "alice"))
        await go_to(demo, T0 + 71 * HOUR)
        assert [text.partition(":")[0] for text in told(demo, "alice", before)] == [f"{FILE} expires in 1 h"]
