"""A link that ends half-way, a Vault that is down: the reminder comes all the same, and says what its numbers are
worth."""

from datetime import timedelta

import pytest

from bot.demo.slack.messages import Message
from bot.demo.vault.faults import Delay, Status
from bot.demo.workspace import DemoWorkspace
from tests.acceptance.reminder_steps import (
    GIB,
    HOUR,
    KIB,
    MINUTE,
    T0,
    Book,
    agrees,
    at_a_moment,
    button_labels,
    follow,
    go_to,
    inbox,
    jump,
    new_upload,
    settled,
    told,
    transcript,
    watch,
)
from tests.acceptance.steps import ask

FILE = "Safety-Narratives.zip"


def polls(demo: DemoWorkspace) -> list[str]:
    """The jobs that look at what people watch."""
    return [key for key, _, _ in Book(demo).rows() if key.endswith(":poll")]


async def begun(demo: DemoWorkspace, leads: str = "24h 4h 1h") -> str:
    """Alice watches an upload of 7 GB; at six hours it was last looked at, with 1.4 GB there."""
    upload = new_upload(demo, "alice", f"wave3/{FILE}", 7 * GIB, pace=100 * KIB)
    await watch(demo, "alice", upload, leads)
    await go_to(demo, T0 + 4 * HOUR)
    demo.vault.stall(upload.id)
    await go_to(demo, T0 + 6 * HOUR)
    return upload.id


@pytest.mark.parametrize("how", ["session ended", "token revoked"])
async def test_link_ended__reminders_come_with_the_last_numbers(how: str) -> None:
    """On time, with their age and a way to link again; then the looks go on."""
    method = "password" if how == "session ended" else "token"
    async with at_a_moment("alice", method=method) as demo:
        demo.vault.domain.logins.idle_time = 8 * HOUR
        upload_id = await begun(demo)
        before = len(inbox(demo, "alice"))
        if how == "session ended":
            demo.vault.end_sessions("alice")
        else:
            demo.vault.revoke_tokens("alice")
        await jump(demo, HOUR)
        assert polls(demo) == []
        demo.clock.set(T0 + 48 * HOUR)
        await settled(demo)
        messages = inbox(demo, "alice", before)
        agrees(how.replace(" ", "_"), transcript(demo, "alice", messages, title=how))
        assert button_labels(messages[-1]) == ["Link again", "Stop"]

        calls = demo.vault.calls("list_uploads")
        await demo.link("alice", "promomats", method="password", channel="dm")
        await jump(demo, MINUTE)
        assert demo.vault.calls("list_uploads") == calls + 1
        assert len(polls(demo)) == 1
        demo.vault.let_run(upload_id, 500 * KIB)
        before = len(inbox(demo, "alice"))
        await go_to(demo, T0 + 48.3 * HOUR)
        assert [text.partition(":")[0] for text in told(demo, "alice", before)] == [
            f"{FILE} is moving again and expires in 23 h"
        ]


async def test_link_ended__until_after_the_expiry() -> None:
    """Nobody can see how it ended, and that is said."""
    async with at_a_moment("alice") as demo:
        await begun(demo, "1h")
        demo.vault.revoke_tokens("alice")
        before = len(inbox(demo, "alice"))
        await follow(demo, T0 + 73 * HOUR)
        *_, last = told(demo, "alice", before)
        assert last.startswith(
            f"{FILE} is past its expiry, and I cannot see whether it was committed in time."
        )
        assert Book(demo).watches() == []


async def test_unlink__deletes_the_watches() -> None:
    async with at_a_moment("alice") as demo:
        await begun(demo)
        assert len(Book(demo).watches()) == 1
        await ask(demo, "alice", "unlink", channel="dm")
        assert Book(demo).watches() == []
        assert Book(demo).rows("watch:") == []
        before = len(inbox(demo, "alice"))
        await go_to(demo, T0 + 73 * HOUR)
        assert inbox(demo, "alice", before) == []
        assert "You watch nothing." in (await ask(demo, "alice", "watches", channel="dm")).text


def lead(messages: list[Message]) -> Message:
    """The one reminder among messages."""
    (found,) = [one for one in messages if one.text.startswith(f"{FILE} expires in")]
    return found


@pytest.mark.parametrize("how", ["an error page", "no answer at all"])
async def test_vault_down__at_the_due_moment(how: str) -> None:
    """The reminder does not wait for Vault: last numbers, their age, and why. Afterwards the looks go on."""
    async with at_a_moment("alice") as demo:
        await begun(demo, "24h")
        await go_to(demo, T0 + 47.5 * HOUR)
        before = len(inbox(demo, "alice"))
        fault = Status(503) if how == "an error page" else Delay(60)
        demo.vault.faults.add(fault, times=None)
        demo.clock.set(T0 + 48 * HOUR)
        await settled(demo, 150)
        message = lead(inbox(demo, "alice", before))
        assert message.text.startswith(
            f"{FILE} expires in 24 h: as of 30 min ago, stalled at 19%, no part for 43 h. "
            "If nothing has come since, it needs 4.0 MB/min from now on. "
            "Vault (promomats) could not be reached just now, so these numbers are 30 min old."
        )
        assert button_labels(message) == ["Show", "Stop"]
        demo.vault.faults.clear()
        calls = demo.vault.calls("list_uploads")
        await jump(demo, timedelta(minutes=20))
        assert demo.vault.calls("list_uploads") == calls + 1
        assert inbox(demo, "alice", before) == [message]


async def test_vault_down__over_the_expiry() -> None:
    async with at_a_moment("alice") as demo:
        await begun(demo, "24h")
        await go_to(demo, T0 + 71.9 * HOUR)
        before = len(inbox(demo, "alice"))
        demo.vault.faults.add(Status(503), times=None)
        await go_to(demo, T0 + 72.1 * HOUR)
        (text,) = told(demo, "alice", before)
        assert text.startswith(
            f"{FILE} is past its expiry, and I cannot see whether it was committed in time."
        )
        assert "Vault (promomats) could not be reached just now" in text
