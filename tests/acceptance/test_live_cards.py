"""Cards that keep themselves up to date: how they begin, what they show, what is told below them, and how they end.

They all live through the same three days, so that each day needs to be waited for only once.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from bot.demo.slack.messages import Message
from bot.demo.vault.uploads import Upload
from bot.demo.workspace import CHANNEL, DemoWorkspace
from tests.acceptance.live_steps import (
    LIVE,
    NO_LONGER,
    asked,
    cards,
    edits,
    fresh_upload,
    labels,
    live,
    newest,
    now_of,
    press_twice,
    quick_workspace,
    replies,
    shared,
)
from tests.acceptance.reminder_steps import HOUR, MIB, MINUTE, SECOND, Book, jump, settled, told
from tests.acceptance.steps import ask, click, done_count, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOST = "#general"
ARCHIVED = "#migration"
STAYED = ("moves", "flaps", "expires")
TURNS = 9 * SECOND
"""Long enough for seven edits to have their turns."""


@dataclass
class Story:
    """What was there to be seen, at each moment that has a name."""

    demo: DemoWorkspace
    uploads: dict[str, Upload] = field(default_factory=dict)
    cards: dict[str, Message] = field(default_factory=dict)
    seen: dict[tuple[str, str], Message | None] = field(default_factory=dict)
    edited: dict[tuple[str, str], int] = field(default_factory=dict)
    answers: dict[str, Message] = field(default_factory=dict)
    double_click: list[str] = field(default_factory=list)
    vault_calls: tuple[int, int] = (0, 0)
    messages_for_alice: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def look(self, moment: str) -> None:
        """Keep how every card stands."""
        for name, card in self.cards.items():
            self.seen[name, moment] = self.demo.slack.message(card.key)
            self.edited[name, moment] = len(edits(self.demo, card))

    def text(self, name: str, moment: str) -> str:
        """What a card said at a moment."""
        message = self.seen[name, moment]
        assert message is not None
        return message.text

    def buttons(self, name: str, moment: str) -> list[str]:
        """What could be pressed below it."""
        message = self.seen[name, moment]
        assert message is not None
        return labels(message)

    def told(self, name: str) -> list[str]:
        """What was posted below it."""
        return replies(self.demo, self.cards[name])


async def begin(story: Story) -> None:
    demo = story.demo
    for channel in (LOST, ARCHIVED):
        demo.slack.invite_app(channel)
    for name in ("moves", "committed", "flaps", "expires", "deleted", "lost", "archived", "stopped", "twice"):
        story.uploads[name] = fresh_upload(demo, f"{name}.mov")
    story.cards["moves"] = await shared(demo, story.uploads["moves"])
    story.seen["moves", "shared"] = story.cards["moves"]
    story.answers["kept"] = await click(demo, "alice", story.cards["moves"], "live")
    for name in ("committed", "flaps", "deleted", "stopped"):
        story.cards[name] = await live(demo, story.uploads[name])
    for name, channel in (("lost", LOST), ("archived", ARCHIVED)):
        story.cards[name] = await live(demo, story.uploads[name], channel)
    question = await demo.slack.say("alice", CHANNEL, "how far are these?")
    for name, upload in (("expires", "expires"), ("first", "twice")):
        story.cards[name] = await asked(demo, story.uploads[upload], question)
        await click(demo, "alice", story.cards[name], "live")
    story.cards["second"] = await asked(demo, story.uploads["twice"], question)
    story.double_click = await press_twice(demo, "alice", story.cards["second"], "live")
    await ask(demo, "alice", f"watch {story.uploads['moves'].id} 1h", channel="dm")
    await jump(demo, 2 * TURNS)
    story.look("begun")


async def change(story: Story) -> None:
    """Bytes come, and much else happens."""
    demo = story.demo
    await jump(demo, 6 * MINUTE)
    story.look("nothing new")
    for name in ("moves", "flaps", "deleted", "lost", "archived", "twice"):
        demo.vault.send_part(story.uploads[name].id, 50 * MIB)
    demo.vault.finish_bytes(story.uploads["committed"].id)
    demo.slack._board.delete(story.cards["deleted"].key)
    demo.slack.remove_app(LOST)
    demo.slack.archive(ARCHIVED)
    story.answers["by bob"] = await click(demo, "bob", now_of(demo, story.cards["stopped"]), "unwatch")
    story.answers["request"] = newest(demo, "dm")
    story.answers["list"] = await ask(demo, "alice", "watches", channel="dm")
    story.answers["stopped"] = await click(demo, "alice", story.answers["request"], "unwatch")
    done = done_count(demo)
    delivery = await demo.slack.click(
        user="alice", message=now_of(demo, story.cards["second"]), action_id="take_back"
    )
    await until(lambda: done_count(demo) > done, "the card is taken back")
    await settled(demo)
    before = len(told(demo, "alice"))
    demo.vault.forget_calls()
    await jump(demo, 6 * MINUTE)
    await jump(demo, TURNS)
    story.vault_calls = demo.vault.calls(), demo.vault.calls("list_uploads")
    story.messages_for_alice = told(demo, "alice")[before:]
    assert delivery.answers == []
    story.look("changed")


async def go_on(story: Story) -> None:
    """One is committed, one stalls again and again, and the link ends for a while."""
    demo = story.demo
    demo.vault.commit(story.uploads["committed"].id)
    await jump(demo, 65 * MINUTE)
    await jump(demo, TURNS)
    story.look("an hour later")
    demo.vault.send_part(story.uploads["flaps"].id, 50 * MIB)
    await jump(demo, 18 * MINUTE)
    story.look("moving again")
    logins = demo.vault.domain.logins
    tokens = {one.value: one for one in logins.tokens(demo.vault.users["alice"])}
    demo.vault.revoke_tokens("alice")
    await jump(demo, 66 * MINUTE)
    await jump(demo, TURNS)
    story.look("link ended")
    logins._tokens.update(tokens)
    await demo.link("alice", "promomats", method="token", channel="dm")
    await jump(demo, MINUTE)
    await jump(demo, TURNS)
    story.look("linked again")
    demo.vault.abort(story.uploads["flaps"].id)
    await jump(demo, 18 * MINUTE)
    story.look("aborted")
    await jump(demo, 69 * HOUR)
    # A commit at the last moment would show only after Vault's job has run.
    await jump(demo, 15 * MINUTE)
    await jump(demo, TURNS)
    story.look("in the end")
    story.left = [*cards(demo), *(key for key, _, _ in Book(demo).rows("watch:"))]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def story(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Story]:
    """All of it, once."""
    async with quick_workspace(tmp_path_factory.mktemp("quick"), "alice") as demo:
        story = Story(demo)
        await begin(story)
        await change(story)
        await go_on(story)
        yield story


async def test_live__begins_with_one_click(story: Story) -> None:
    assert "Keep this up to date" in story.buttons("moves", "shared")
    assert story.answers["kept"].visible_to == "U0ALICE"
    assert story.answers["kept"].text.startswith("I keep this card up to date from now on.")
    assert LIVE in story.text("moves", "begun")
    assert "Stop updating" in story.buttons("moves", "begun")
    assert "Keep this up to date" not in story.buttons("moves", "begun")


async def test_live__edited_when_something_has_changed_and_not_else(story: Story) -> None:
    assert story.edited["moves", "begun"] == story.edited["moves", "nothing new"] == 1
    assert "50.0 MB of 1.0 GB, 1 part" in story.text("moves", "nothing new")
    assert story.edited["moves", "changed"] == 2
    assert "100.0 MB of 1.0 GB, 2 parts" in story.text("moves", "changed")
    assert LIVE in story.text("moves", "changed")
    assert story.text("moves", "an hour later").count("moves.mov: Stalled") == 1
    assert story.edited["moves", "moving again"] == 3


async def test_live__one_list_call_serves_all_cards_and_watches(story: Story) -> None:
    """Two looks in those minutes at the most, at eleven cards and a watch; that all bytes are there is looked up
    when it is told."""
    calls, lists = story.vault_calls
    assert 1 <= lists <= 2
    assert calls == lists + 1


async def test_live__all_bytes_there_and_committed_are_told_once(story: Story) -> None:
    assert "committed.mov: Uploaded, not committed, 100%" in story.text("committed", "changed")
    there, end = story.told("committed")
    assert "all bytes are there, but it is not committed" in there
    assert end.startswith(
        "committed.mov is committed: 1.0 GB are there as a file. There is nothing more to do. "
        "The card above is no longer kept up to date."
    )


async def test_live__last_edit_offers_nothing_that_leads_nowhere(story: Story) -> None:
    assert "committed.mov: Committed, 100%" in story.text("committed", "an hour later")
    assert NO_LONGER in story.text("committed", "an hour later")
    assert story.buttons("committed", "an hour later") == ["Delete"]
    assert story.edited["committed", "in the end"] == story.edited["committed", "an hour later"] == 3


async def test_live__stalled_is_told_once_though_it_flaps(story: Story) -> None:
    assert "flaps.mov: Stalled" in story.text("flaps", "an hour later")
    assert "flaps.mov: Uploading" in story.text("flaps", "moving again")
    assert "flaps.mov: Stalled" in story.text("flaps", "linked again")
    stalled, gone = story.told("flaps")
    assert "stalled at 9%" in stalled
    assert "No longer active. It was committed or aborted" in gone
    assert "flaps.mov: No longer active" in story.text("flaps", "aborted")


async def test_live__expires_in_its_thread(story: Story) -> None:
    """What is told of a card within a thread comes into that thread."""
    assert "Asked by <@U0ALICE>" in story.text("expires", "begun")
    thread = story.cards["expires"].thread_ts
    assert thread not in (None, story.cards["expires"].ts)
    about = [text for text in story.told("expires") if text.startswith("expires.mov")]
    assert len(about) == 2
    assert "stalled" in about[0]
    assert about[1].startswith("expires.mov has expired")
    assert "expires.mov: Expired" in story.text("expires", "in the end")
    assert story.buttons("expires", "in the end") == ["Delete"]


async def test_live__deleted_message_is_the_end_and_nobody_hears_of_it(story: Story) -> None:
    assert story.seen["deleted", "changed"] is None
    assert not any("deleted.mov" in text for text in story.messages_for_alice)
    assert not any("deleted.mov" in text for text in story.told("deleted"))


@pytest.mark.parametrize(("name", "reason"), [("lost", "not_in_channel"), ("archived", "is_inactive")])
async def test_live__place_lost_is_told_to_its_owner(story: Story, name: str, reason: str) -> None:
    (said,) = (text for text in story.messages_for_alice if f"{name}.mov" in text)
    assert said == (
        f"I can no longer change or post messages in <#{story.cards[name].channel}>, so the card of {name}.mov there "
        "is not kept up to date any more. Share the upload again where I may post, and press Keep this up to date "
        f"below the new card. Slack's reason: {reason}."
    )
    assert story.edited[name, "in the end"] == 1


async def test_stop__by_its_owner_whom_others_ask(story: Story) -> None:
    answers = story.answers
    assert (
        answers["by bob"].text
        == "This card is kept up to date for <@U0ALICE>. I have asked them to stop that."
    )
    assert answers["request"].text == (
        "<@U0BOB> asks you to stop keeping the card of stopped.mov in <#C0TRIALUPLOADS> up to date."
    )
    assert (
        answers["stopped"].text == "I no longer keep the card of stopped.mov in <#C0TRIALUPLOADS> up to date."
    )
    assert NO_LONGER in story.text("stopped", "changed")
    assert "Keep this up to date" in story.buttons("stopped", "changed")
    assert story.edited["stopped", "in the end"] == 2
    assert story.told("stopped") == []


async def test_watches__lists_live_cards_without_snooze(story: Story) -> None:
    listed = story.answers["list"]
    line = next(line for line in listed.text.splitlines() if "stopped.mov" in line)
    assert "card kept up to date in <#C0TRIALUPLOADS>, expires " in line
    # Snooze is there for the one true watch.
    assert str(listed.blocks).count("'action_id': 'snooze'") == 1


async def test_two_cards__of_one_upload_in_one_thread(story: Story) -> None:
    """The newer takes over from the older, which says so; a second click at the same moment changes nothing."""
    assert "another card in this thread is" in story.text("first", "begun")
    assert "Keep this up to date" in story.buttons("first", "begun")
    assert LIVE in story.text("second", "begun")
    assert sorted(text.partition(".")[0] for text in story.double_click) == [
        "I keep this card up to date already",
        "I keep this card up to date from now on",
    ]
    assert story.edited["second", "begun"] == 1


async def test_take_back__ends_it(story: Story) -> None:
    assert story.seen["second", "changed"] is None
    assert story.edited["second", "in the end"] == story.edited["second", "begun"]


async def test_live__waits_while_the_link_has_ended(story: Story) -> None:
    """The cards say so once, as of their last look, and go on by themselves afterwards."""
    for name in STAYED:
        said = story.text(name, "link ended")
        assert "not kept up to date while the link of <@U0ALICE> to Vault has ended" in said
        assert LIVE not in said
        assert "Stop updating" in story.buttons(name, "link ended")
        assert story.edited[name, "link ended"] == story.edited[name, "moving again"] + 1
        assert LIVE in story.text(name, "linked again")
        assert story.edited[name, "linked again"] == story.edited[name, "link ended"] + 1


async def test_live__leaves_nothing_behind(story: Story) -> None:
    assert story.left == []
