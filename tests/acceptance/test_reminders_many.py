"""Watches over all of a person's uploads, and over a whole Vault."""

from collections.abc import AsyncIterator

import pytest

from bot.demo.workspace import CHANNEL, DemoWorkspace
from bot.model.errors import NotAnAdmin
from tests.acceptance.reminder_steps import (
    GIB,
    HOUR,
    MINUTE,
    T0,
    Book,
    agrees,
    at_a_moment,
    choose,
    follow,
    go_to,
    inbox,
    jump,
    new_upload,
    told,
    transcript,
)
from tests.acceptance.steps import ask, click


@pytest.fixture
async def empty() -> AsyncIterator[DemoWorkspace]:
    """Alice and Vera linked; no upload of the seed is there any more."""
    async with at_a_moment("alice", "vera") as demo:
        for upload in demo.vault.uploads():
            demo.vault.abort(upload.id)
        yield demo


def starts(demo: DemoWorkspace, person: str, since: int) -> list[str]:
    """What came by itself, up to the first colon."""
    return sorted(text.partition(":")[0] for text in told(demo, person, since))


async def test_watch_all__finds_uploads_that_begin_later(empty: DemoWorkspace) -> None:
    demo = empty
    new_upload(demo, "alice", "a/First.zip", GIB)
    new_upload(demo, "bob", "b/Of-Bob.zip", GIB)
    answer = await ask(demo, "alice", "watch all 2h 1h", channel="dm")
    assert answer.text.startswith(
        "I watch all your uploads in promomats now, and those that begin later. "
        "Of each I tell you by direct message 2 h and 1 h before it expires,"
    )
    await jump(demo, HOUR)
    new_upload(demo, "alice", "a/Second.zip", GIB)
    await jump(demo, HOUR)
    listed = await ask(demo, "alice", "watches", channel="dm")
    assert listed.text.startswith("You watch: 3.")
    assert "Of-Bob" not in listed.text
    before = len(inbox(demo, "alice"))
    await go_to(demo, T0 + 70 * HOUR)
    await go_to(demo, T0 + 71 * HOUR)
    assert starts(demo, "alice", before) == [
        "First.zip expires in 1 h",
        "First.zip expires in 2 h",
        "Second.zip expires in 2 h",
    ]


async def test_watch_all__one_that_was_stopped_stays_silent(empty: DemoWorkspace) -> None:
    """Though it is still there for each look to find; and it can be watched again by hand."""
    demo = empty
    first, _ = new_upload(demo, "alice", "a/First.zip", GIB), new_upload(demo, "alice", "a/Second.zip", GIB)
    await ask(demo, "alice", "watch all 1h", channel="dm")
    await jump(demo, MINUTE)
    stopped = await ask(demo, "alice", f"unwatch {first.id}", channel="dm")
    assert stopped.text == "I no longer watch First.zip."
    await jump(demo, HOUR)
    assert "First.zip" not in (await ask(demo, "alice", "watches", channel="dm")).text
    again = await ask(demo, "alice", f"unwatch {first.id}", channel="dm")
    assert "First.zip" not in again.text
    before = len(inbox(demo, "alice"))
    await go_to(demo, T0 + 71 * HOUR)
    assert starts(demo, "alice", before) == ["Second.zip expires in 1 h"]
    anew = await ask(demo, "alice", f"watch {first.id} 30m", channel="dm")
    assert anew.text.startswith("I watch First.zip.")
    await go_to(demo, T0 + 71.5 * HOUR)
    assert starts(demo, "alice", before) == ["First.zip expires in 30 min", "Second.zip expires in 1 h"]


async def test_watch_all__stopped_takes_along_what_it_made(empty: DemoWorkspace) -> None:
    demo = empty
    first, second = (new_upload(demo, "alice", f"a/{name}.zip", GIB) for name in ("First", "Second"))
    await ask(demo, "alice", f"watch {second.id} 3h", channel="dm")
    await ask(demo, "alice", "watch all 1h", channel="dm")
    await jump(demo, MINUTE)
    assert len(Book(demo).watches()) == 3
    listed = await ask(demo, "alice", "watches", channel="dm")
    whole = next(block for block in listed.blocks if "all your uploads" in str(block.get("text", "")))
    below = listed.blocks[listed.blocks.index(whole) + 1]
    await click(demo, "alice", listed, "unwatch", block_id=below["block_id"])
    assert [row["upload_id"] for row in Book(demo).watches()] == [second.id]
    before = len(inbox(demo, "alice"))
    await follow(demo, T0 + 71.5 * HOUR)
    assert starts(demo, "alice", before) == ["Second.zip expires in 3 h"]
    assert first.id not in str(Book(demo).watches())


async def test_watch_all__changed_and_snoozed_as_a_whole(empty: DemoWorkspace) -> None:
    demo = empty
    new_upload(demo, "alice", "a/First.zip", GIB)
    await ask(demo, "alice", "watch all 24h 4h", channel="dm")
    await jump(demo, MINUTE)
    changed = await ask(demo, "alice", "watch all 3h 2h", channel="dm")
    assert changed.text.startswith("Changed: I watch all your uploads in promomats")
    before = len(inbox(demo, "alice"))
    await go_to(demo, T0 + 48 * HOUR)
    await go_to(demo, T0 + 68.5 * HOUR)
    assert starts(demo, "alice", before) == []
    await choose(demo, "alice", changed, "1h")
    before = len(inbox(demo, "alice"))
    await go_to(demo, T0 + 69 * HOUR)
    assert starts(demo, "alice", before) == []
    await go_to(demo, T0 + 69.5 * HOUR)
    assert starts(demo, "alice", before) == ["First.zip expires in 2 h 30 min"]
    await go_to(demo, T0 + 70 * HOUR)
    assert starts(demo, "alice", before) == ["First.zip expires in 2 h", "First.zip expires in 2 h 30 min"]


async def test_watch_vault__is_for_admins(empty: DemoWorkspace) -> None:
    demo = empty
    refused = await ask(demo, "alice", "watch vault here")
    assert refused.text.startswith(NotAnAdmin.what.partition("{")[0])
    assert Book(demo).watches() == []


async def test_watch_vault__tells_a_channel_of_crowding_and_of_expiry(empty: DemoWorkspace) -> None:
    """40 of 50 sessions; told again only after it was below 35. Expiring sessions with their owners' names."""
    demo = empty
    made = [new_upload(demo, "bob", f"b/Batch-{number:02}.zip", GIB) for number in range(38)]
    answer = await ask(demo, "vera", "watch vault 24h here")
    assert answer.text.startswith("I watch the Vault promomats.")
    before = len(inbox(demo, "vera", channel=CHANNEL))
    await jump(demo, HOUR)
    assert told(demo, "vera", before, channel=CHANNEL) == []
    late = [new_upload(demo, "alice", f"a/Late-{number}.zip", GIB) for number in range(2)]
    await jump(demo, 20 * MINUTE)
    (crowded,) = told(demo, "vera", before, channel=CHANNEL)
    assert crowded.startswith("40 of 50 upload sessions of promomats are in use.")
    # Some go, not enough; they come again; nothing new is told.
    for upload in made[:3]:
        demo.vault.abort(upload.id)
    await jump(demo, 20 * MINUTE)
    for number in range(3):
        new_upload(demo, "bob", f"b/More-{number}.zip", GIB)
    await jump(demo, 20 * MINUTE)
    assert len(told(demo, "vera", before, channel=CHANNEL)) == 1
    for upload in made[3:33]:
        demo.vault.abort(upload.id)
    await jump(demo, 20 * MINUTE)
    await go_to(demo, T0 + 48 * HOUR + 20 * MINUTE)
    await go_to(demo, T0 + 49 * HOUR + 10 * MINUTE)
    assert late
    messages = [one for one in inbox(demo, "vera", before, channel=CHANNEL) if one.via == "chat.postMessage"]
    agrees("a_vault", transcript(demo, "vera", messages, title="what the channel read of the Vault"))
    assert "Bob Tanaka" in messages[1].text
    assert [one for one in told(demo, "vera") if "Batch" in one] == []
