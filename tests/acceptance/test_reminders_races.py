"""A watch that is stopped or changed at the very moment in which its reminder goes out."""

import asyncio

import pytest

from bot.demo.slack import Slow
from tests.acceptance.reminder_steps import (
    GIB,
    HOUR,
    KIB,
    MINUTE,
    T0,
    Book,
    at_a_moment,
    follow,
    go_to,
    inbox,
    new_upload,
    settled,
    told,
    watch,
)
from tests.acceptance.steps import ask, done_count, the_answer, until

FILE = "Launch-Film.mov"
ROUNDS = 8


@pytest.mark.parametrize("pause", [0.0, 0.4, 0.8])
async def test_unwatch__at_the_same_instant(database_url: str, pause: float) -> None:
    """One reminder or none for each upload, and none after the answer that says it has stopped."""
    async with at_a_moment("alice", settings={"DATABASE_URL": database_url}) as demo:
        for round_ in range(ROUNDS):
            await watch(demo, "alice", new_upload(demo, "alice", f"{round_}/{FILE}", GIB), "1h")
        before = len(inbox(demo, "alice"))
        done = done_count(demo)
        demo.clock.set(T0 + 71 * HOUR)
        # The worker looks once in a second: somewhere in that second the two meet.
        await asyncio.sleep(pause)
        delivery = await demo.slack.slash(user="alice", channel="dm", text="unwatch all")
        answer = await the_answer(demo, delivery, done)
        await settled(demo)
        read = inbox(demo, "alice", before)
        assert read[-1].key == answer.key
        reminders = read[:-1]
        assert len(reminders) <= ROUNDS
        assert all(one.text.startswith(f"{FILE} expires in 1 h") for one in reminders)
        assert Book(demo).watches() == []


async def test_change__while_the_reminder_is_being_sent() -> None:
    """Slack is slow to take it. The reminder comes once, and then those of the new lead times."""
    async with at_a_moment("alice") as demo:
        upload = new_upload(demo, "alice", f"launch/{FILE}", 10 * GIB, pace=80 * KIB)
        await watch(demo, "alice", upload, "4h 1h")
        await go_to(demo, T0 + 67.5 * HOUR)
        before = len(inbox(demo, "alice"))
        demo.slack.faults.add("chat.postMessage", Slow(2))
        demo.clock.set(T0 + 68 * HOUR)
        await until(lambda: demo.slack.faults.waiting("chat.postMessage") == 0, "the reminder is on its way")
        changed = await watch(demo, "alice", upload, "4h 30m")
        assert changed.text.startswith("Changed: ")
        assert "4 h before it expires is over already." in changed.text
        await until(lambda: len(told(demo, "alice", before)) == 1, "the reminder has come")
        await settled(demo)
        await follow(demo, T0 + 71.75 * HOUR)
        assert [text.partition(":")[0] for text in told(demo, "alice", before)] == [
            f"{FILE} expires in 4 h",
            f"{FILE} expires in 30 min",
        ]


async def test_snooze__while_the_reminder_is_being_sent() -> None:
    """It was promised for this moment and is on its way: once, and not again after the snooze."""
    async with at_a_moment("alice") as demo:
        upload = new_upload(demo, "alice", f"launch/{FILE}", 10 * GIB, pace=80 * KIB)
        await watch(demo, "alice", upload, "4h")
        await go_to(demo, T0 + 67.5 * HOUR)
        before = len(inbox(demo, "alice"))
        demo.slack.faults.add("chat.postMessage", Slow(2))
        demo.clock.set(T0 + 68 * HOUR)
        await until(lambda: demo.slack.faults.waiting("chat.postMessage") == 0, "the reminder is on its way")
        listed = await ask(demo, "alice", "watches", channel="dm")
        menu = next(block["accessory"] for block in listed.blocks if "accessory" in block)
        done = done_count(demo)
        delivery = await demo.slack.click(
            user="alice", message=listed, action_id="snooze", option=menu["options"][0]["value"]
        )
        await the_answer(demo, delivery, done)
        await settled(demo)
        await go_to(demo, T0 + 69 * HOUR + 5 * MINUTE)
        assert [text.partition(":")[0] for text in told(demo, "alice", before)] == [f"{FILE} expires in 4 h"]
