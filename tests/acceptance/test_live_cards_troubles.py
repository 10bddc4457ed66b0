"""Live cards of others, in one's own messages, where the app may do nothing, and after crashes."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from bot.demo.slack import RateLimited, Slow
from bot.demo.slack.messages import Message
from bot.demo.vault.uploads import Upload
from bot.demo.workspace import CHANNEL, DemoWorkspace
from bot.model.errors import CannotKeepThere
from tests.acceptance.live_steps import (
    BOT,
    LIVE,
    NO_LONGER,
    calls_to_edit,
    cards,
    edits,
    fresh_upload,
    labels,
    live,
    newest,
    now_of,
    press_twice,
    quick,
    quick_workspace,
    replies,
    shared,
)
from tests.acceptance.operating import two_replicas
from tests.acceptance.reminder_steps import MIB, MINUTE, SECOND, Book, inbox, jump
from tests.acceptance.steps import ask, calm, click, done_count, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

UPDATE = "chat.update"
TURNS = 9 * SECOND


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def everybody(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DemoWorkspace]:
    """Alice, and Vera who is a Vault Admin, linked; time is ours."""
    async with quick_workspace(tmp_path_factory.mktemp("quick"), "alice", "vera") as demo:
        yield demo


@pytest_asyncio.fixture(loop_scope="module")
async def demo(everybody: DemoWorkspace) -> AsyncIterator[DemoWorkspace]:
    """The module's workspace; what a test keeps up to date is stopped behind it."""
    calm(everybody)
    yield everybody
    calm(everybody)
    for person in ("alice", "vera"):
        await ask(everybody, person, "unwatch all", channel="dm")
    await jump(everybody, TURNS)


def own_cards(demo: DemoWorkspace, person: str, upload: Upload) -> list[Message]:
    """The cards of an upload in a person's own messages."""
    return [
        one for one in inbox(demo, person) if one.blocks and upload.id in str(one.blocks) and LIVE in one.text
    ]


# Whose card, and where


async def test_keep__somebody_elses_card_gives_one_of_ones_own(demo: DemoWorkspace) -> None:
    """Read with the clicker's own rights, in their own messages; the other's card stays as it is."""
    upload = fresh_upload(demo, "of-alice.mov")
    card = await shared(demo, upload)
    answer = await click(demo, "vera", card, "live")
    assert answer.text.startswith("I keep a card of of-alice.mov up to date in your direct messages with me.")
    (own,) = own_cards(demo, "vera", upload)
    assert "Shared by <@U0VERA>" in own.text
    assert now_of(demo, card) == card
    demo.vault.finish_bytes(upload.id)
    await jump(demo, 6 * MINUTE)
    assert "of-alice.mov: Uploaded, not committed" in now_of(demo, own).text
    told = [one for one in inbox(demo, "vera") if one.thread_ts == own.ts]
    assert len(told) == 1
    assert "all bytes are there" in told[0].text
    assert replies(demo, card) == []


async def test_keep__who_may_not_see_it_gets_the_usual_answer(demo: DemoWorkspace) -> None:
    """And nothing is posted, nor kept."""
    upload = fresh_upload(demo, "of-vera.mov", "vera")
    card = await shared(demo, upload, "vera")
    before = len(demo.slack.messages)
    answer = await click(demo, "alice", card, "live")
    assert "of-vera.mov" not in answer.text
    assert len(demo.slack.messages) == before + 1
    unlinked = await click(demo, "bob", card, "live")
    assert "link" in unlinked.text
    assert cards(demo) == []


async def test_keep__card_that_nobody_else_sees(demo: DemoWorkspace) -> None:
    """One card in the person's own messages, however often they press; a new one where that was deleted."""
    upload = fresh_upload(demo, "private.mov")
    private = await ask(demo, "alice", upload.id)
    texts = await press_twice(demo, "alice", private, "live")
    assert sorted(text[:9] for text in texts) == ["I keep a ", "I keep it"]
    assert len(own_cards(demo, "alice", upload)) == 1
    (own,) = own_cards(demo, "alice", upload)
    again = await ask(demo, "alice", upload.id, channel="dm")
    assert "already" in (await click(demo, "alice", again, "live")).text
    demo.slack._board.delete(own.key)
    anew = await ask(demo, "alice", upload.id, channel="dm")
    assert "already" not in (await click(demo, "alice", anew, "live")).text
    (second,) = own_cards(demo, "alice", upload)
    assert second.key != own.key
    assert cards(demo) == [upload.id]


async def test_keep__where_the_app_is_no_member(demo: DemoWorkspace) -> None:
    """It says how to invite it, and keeps nothing; after that the same button works."""
    demo.slack.remove_app("#general")
    upload = fresh_upload(demo, "outside.mov")
    done = done_count(demo)
    await demo.slack.slash(user="alice", channel="#general", text=f"{upload.id} share")
    await until(lambda: done_count(demo) > done, "it is shared")
    card = next(
        one for one in demo.slack.seen_by("bob", "#general") if one.author == BOT and upload.name in one.text
    )
    refused = await click(demo, "alice", card, "live")
    assert refused.text == f"{CannotKeepThere.what} {CannotKeepThere.next_step}"
    assert cards(demo) == []
    assert Book(demo).rows("watch:") == []
    demo.slack.invite_app("#general")
    await click(demo, "alice", card, "live")
    assert LIVE in now_of(demo, card).text


async def test_refresh__by_its_owner_leaves_it_live(demo: DemoWorkspace) -> None:
    """And what the click has drawn is not drawn again."""
    upload = fresh_upload(demo, "refreshed.mov")
    card = await live(demo, upload)
    demo.vault.send_part(upload.id, 50 * MIB)
    done = done_count(demo)
    await demo.slack.click(user="alice", message=card, action_id="refresh")
    await until(lambda: done_count(demo) > done, "the bot is done")
    assert "2 parts" in now_of(demo, card).text
    assert LIVE in now_of(demo, card).text
    assert "Stop updating" in labels(now_of(demo, card))
    await jump(demo, 6 * MINUTE)
    assert len(edits(demo, card)) == 1
    demo.vault.send_part(upload.id, 50 * MIB)
    await jump(demo, 6 * MINUTE)
    assert "3 parts" in now_of(demo, card).text


async def test_unlink__leaves_no_card_that_says_it_is_live(demo: DemoWorkspace) -> None:
    upload = fresh_upload(demo, "unlinked.mov", "vera")
    card = await shared(demo, upload, "vera")
    await click(demo, "vera", card, "live")
    await ask(demo, "vera", "unlink", channel="dm")
    await until(lambda: NO_LONGER in now_of(demo, card).text, "it is drawn a last time")
    assert cards(demo) == []
    assert Book(demo).rows("watch:") == []
    await demo.link("vera", "promomats", method="token", channel="dm")


# Slack and crashes


async def test_edit__slack_asks_to_wait_and_gets_the_newest_state_alone(demo: DemoWorkspace) -> None:
    upload = fresh_upload(demo, "limited.mov")
    card = await live(demo, upload)
    demo.slack.faults.add(UPDATE, RateLimited(900))
    calls = len(calls_to_edit(demo))
    for _ in range(2):
        demo.vault.send_part(upload.id, 50 * MIB)
        await jump(demo, 6 * MINUTE)
    assert "1 part," not in now_of(demo, card).text
    assert len(calls_to_edit(demo)) == calls + 1
    await jump(demo, 13 * MINUTE)
    assert "3 parts" in now_of(demo, card).text
    assert len(calls_to_edit(demo)) == calls + 2


async def killed_while_editing(demo: DemoWorkspace, look_within: timedelta) -> None:
    """Let the bot look and begin to edit, then kill it, and start it again when its lease is over."""
    demo.slack.faults.add(UPDATE, Slow(1))
    demo.clock.advance(look_within)
    await until(lambda: demo.slack.faults.waiting(UPDATE) == 0, "the card is being edited")
    await demo.bot.kill()
    await demo.bot.start()
    await jump(demo, MINUTE)


async def test_edit__bot_killed_amid(demo: DemoWorkspace) -> None:
    """What it was about to draw is drawn, and it goes on."""
    upload = fresh_upload(demo, "killed.mov")
    card = await live(demo, upload)
    await jump(demo, MINUTE)
    demo.vault.send_part(upload.id, 50 * MIB)
    await killed_while_editing(demo, 6 * MINUTE)
    assert "2 parts" in now_of(demo, card).text
    demo.vault.send_part(upload.id, 50 * MIB)
    await jump(demo, 6 * MINUTE)
    assert "3 parts" in now_of(demo, card).text
    assert LIVE in now_of(demo, card).text


async def test_end__bot_killed_between_the_reply_and_the_last_edit(demo: DemoWorkspace) -> None:
    """Neither is the one told twice, nor the other lost."""
    upload = fresh_upload(demo, "ended.mov")
    card = await live(demo, upload)
    demo.vault.finish_bytes(upload.id)
    await jump(demo, 6 * MINUTE)
    assert len(replies(demo, card)) == 1
    demo.vault.commit(upload.id)
    # Where nothing moves any more, looks are less frequent.
    await killed_while_editing(demo, 18 * MINUTE)
    assert [text for text in replies(demo, card)[1:] if "is committed" in text] == replies(demo, card)[1:]
    assert len(replies(demo, card)) == 2
    assert "ended.mov: Committed" in now_of(demo, card).text
    assert cards(demo) == []


async def test_replicas__one_edits_and_the_other_goes_on(postgres_url: str, tmp_path: Path) -> None:
    """On one PostgreSQL: each change is drawn once, also after one of the two was killed."""
    async with two_replicas(postgres_url, tmp_path, quick(tmp_path)) as (demo, second):
        await demo.link("alice", method="token")
        uploads = [fresh_upload(demo, f"replica-{number}.mov") for number in range(3)]
        made = [await live(demo, upload) for upload in uploads]
        await jump(demo, MINUTE)
        for upload in uploads:
            demo.vault.send_part(upload.id, 50 * MIB)
        await jump(demo, 6 * MINUTE)
        await jump(demo, TURNS)
        assert [len(edits(demo, card)) for card in made] == [2, 2, 2]
        await second.kill()
        for upload in uploads:
            demo.vault.send_part(upload.id, 50 * MIB)
        await jump(demo, 6 * MINUTE)
        await jump(demo, MINUTE)
        await jump(demo, TURNS)
        assert all("3 parts" in now_of(demo, card).text for card in made)
        assert newest(demo, CHANNEL).key == made[-1].key
