"""Watches that speak in a channel: announced, stopped by whoever may, and what happens when the channel is lost."""

from collections.abc import AsyncIterator

import pytest

from bot.demo.slack import ApiError
from bot.demo.slack.messages import Message
from bot.demo.vault.uploads import Upload
from bot.demo.workspace import CHANNEL, DemoWorkspace
from bot.model.errors import CannotPostThere
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
    told,
    transcript,
    watch,
)
from tests.acceptance.steps import ask, click

FILE = "Launch-Film.mov"


@pytest.fixture
async def alices() -> AsyncIterator[tuple[DemoWorkspace, Upload]]:
    """Alice with an upload that moves, in a workspace of this test alone."""
    async with at_a_moment("alice") as demo:
        yield demo, new_upload(demo, "alice", f"secret-project/{FILE}", 10 * GIB, pace=80 * KIB)


def posted(demo: DemoWorkspace, channel: str = CHANNEL) -> list[Message]:
    """What the app has posted into a channel for all to see."""
    return [one for one in inbox(demo, "alice", channel=channel) if one.via == "chat.postMessage"]


async def test_channel__reads_as_in_its_transcript(alices: tuple[DemoWorkspace, Upload]) -> None:
    """The announcement with the owner's name, then reminders for all to see, without the folder."""
    demo, upload = alices
    answer = await watch(demo, "alice", upload, "24h 1h here", channel=CHANNEL)
    assert "The channel has been told." in answer.text
    await go_to(demo, T0 + 47 * HOUR)
    await follow(demo, T0 + 73 * HOUR)
    agrees("in_a_channel", transcript(demo, "bob", posted(demo), title="what the channel read"))
    assert "secret-project" not in "".join(message.text + str(message.blocks) for message in posted(demo))
    assert [text for text in told(demo, "alice") if FILE in text] == []
    assert Book(demo).watches() == []


async def test_stop__by_another_person_asks_the_owner(alices: tuple[DemoWorkspace, Upload]) -> None:
    demo, upload = alices
    await watch(demo, "alice", upload, "1h here", channel=CHANNEL)
    (announced,) = posted(demo)
    assert button_labels(announced) == ["Stop"]
    answer = await click(demo, "bob", announced, "unwatch")
    assert answer.visible_to == "U0BOB"
    assert answer.text == "This watch belongs to <@U0ALICE>. I have asked them to stop it."
    asked = inbox(demo, "alice", -1)[0]
    assert asked.text == f"<@U0BOB> asks you to stop the watch of {FILE} in <#C0TRIALUPLOADS>."
    # Asked again, she is not asked again.
    again = await click(demo, "bob", announced, "unwatch")
    assert again.text == answer.text
    assert inbox(demo, "alice", -1) == [asked]
    stopped = await click(demo, "alice", asked, "unwatch")
    assert stopped.text == f"I no longer watch {FILE} in <#C0TRIALUPLOADS>."
    await jump(demo, 71 * HOUR)
    assert posted(demo) == [announced]


async def test_stop__by_an_administrator_of_the_workspace(alices: tuple[DemoWorkspace, Upload]) -> None:
    """Vera administers the Slack workspace; she has linked no Vault."""
    demo, upload = alices
    await watch(demo, "alice", upload, "1h here", channel=CHANNEL)
    (announced,) = posted(demo)
    stopped = await click(demo, "vera", announced, "unwatch")
    assert stopped.text == f"I no longer watch {FILE} in <#C0TRIALUPLOADS>."
    assert Book(demo).watches() == []
    gone = await click(demo, "alice", announced, "unwatch")
    assert "no longer" in gone.text or "no such watch" in gone.text.lower()


async def test_channel__where_the_bot_is_not_member(alices: tuple[DemoWorkspace, Upload]) -> None:
    """A clear refusal with the remedy, and nothing is watched; after the remedy it works."""
    demo, upload = alices
    for channel in ("#general", "#migration"):
        refused = await watch(demo, "alice", upload, "1h here", channel=channel)
        assert refused.text.startswith(CannotPostThere.what)
        assert "/invite @Vault Uploads" in refused.text
        assert Book(demo).watches() == []
        assert Book(demo).rows("watch:") == []
    demo.slack.invite_app("#general")
    await watch(demo, "alice", upload, "1h here", channel="#general")
    await go_to(demo, T0 + 71 * HOUR)
    assert [message.text.partition(":")[0] for message in posted(demo, "#general")][1:] == [
        f"{FILE} expires in 1 h"
    ]


@pytest.mark.parametrize("how", ["archived", "removed"])
async def test_channel__lost_meanwhile_is_told_to_the_owner(
    alices: tuple[DemoWorkspace, Upload], how: str
) -> None:
    demo, upload = alices
    await watch(demo, "alice", upload, "24h 1h here", channel=CHANNEL)
    if how == "archived":
        demo.slack.archive(CHANNEL)
    else:
        demo.slack.remove_app(CHANNEL)
    before = len(inbox(demo, "alice"))
    await go_to(demo, T0 + 48 * HOUR)
    reason = "is_archived" if how == "archived" else "not_in_channel"
    (message,) = inbox(demo, "alice", before)
    assert message.text == (
        f"I can no longer post in <#C0TRIALUPLOADS>, so your watch of {FILE} there has ended. "
        f"Watch it again from where you want to be told. Slack's reason: {reason}."
    )
    assert Book(demo).watches() == []
    await go_to(demo, T0 + 71 * HOUR)
    assert inbox(demo, "alice", before) == [message]


async def test_channel__lost_ends_a_watch_over_all_uploads_once(alices: tuple[DemoWorkspace, Upload]) -> None:
    """Not one message for each upload, and none of the uploads is watched there again."""
    demo, _ = alices
    new_upload(demo, "alice", "wave3/Other.zip", GIB, pace=80 * KIB)
    await ask(demo, "alice", "watch all 1h here", channel=CHANNEL)
    await jump(demo, HOUR)
    assert len(Book(demo).watches()) > 2
    demo.slack.remove_app(CHANNEL)
    before = len(inbox(demo, "alice"))
    await go_to(demo, T0 + 71 * HOUR)
    await jump(demo, HOUR)
    texts = [message.text for message in inbox(demo, "alice", before)]
    assert len(texts) == 1, texts
    assert "your watch of all uploads of <@U0ALICE> in promomats there has ended" in texts[0]
    assert Book(demo).watches() == []


async def test_channel__slack_refuses_for_a_while(alices: tuple[DemoWorkspace, Upload]) -> None:
    """A passing refusal is tried again; the reminder then says that it is late."""
    demo, upload = alices
    await watch(demo, "alice", upload, "1h here", channel=CHANNEL)
    demo.slack.faults.add("chat.postMessage", ApiError("fatal_error"), times=2)
    await go_to(demo, T0 + 71 * HOUR)
    assert len(posted(demo)) == 1
    await jump(demo, 7 * MINUTE)
    await jump(demo, 15 * MINUTE)
    (_, reminder) = posted(demo)
    assert reminder.text.startswith(f"{FILE} expires in ")
    assert "late by" in reminder.text
