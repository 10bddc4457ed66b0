"""Live cards on their way into Slack: how they are edited, and what Slack's refusals mean."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, cast

import pytest

from bot.demo.slack import ApiError, RateLimited, Slow
from bot.model.errors import PlaceGone, SlackUnavailable
from bot.model.live_cards import LiveCard
from bot.model.secret import Secret
from bot.model.watches import Place, Target
from bot.slack.blocks.kit import Message, section
from bot.slack.card_edits import SlackCards
from bot.slack.installed import Installed, OneWorkspace
from bot.slack.workspace import find_workspace
from tests.factories import NOW, a_status
from tests.integration.deliveries_world import (
    ALICE,
    HERE,
    UPLOADS,
    World,
    deliveries_world,
    given_up_if_slow,
    of_alice,
    removed,
)

UPDATE = "chat.update"


@dataclass
class CardWorld:
    """Slack, and what draws cards in it."""

    world: World
    cards: SlackCards
    drawn: list[Message]

    async def stands(self, place: Place = HERE) -> LiveCard:
        """A card that was posted."""
        posted = await self.cards.post(self.card(place))
        return self.card(place, posted.ts)

    def card(self, place: Place = HERE, ts: str = "") -> LiveCard:
        """A card of Alice's."""
        watch = of_alice(target=Target.CARD, place=place)
        return LiveCard(watch=watch, status=a_status(), as_of=NOW, message_ts=ts)

    def over(self, installed: Installed) -> SlackCards:
        """Of another installation."""
        return SlackCards(client=self.world.client, installed=installed, draw=lambda _: self.drawn[-1])

    def asked(self) -> list[dict[str, Any]]:
        """The arguments of each edit."""
        return self.world.calls(UPDATE)


@pytest.fixture
async def made() -> AsyncIterator[CardWorld]:
    async with deliveries_world() as world:
        workspace = await find_workspace(world.client, Secret(world.slack.bot_token))
        drawn = [Message(text="31%", blocks=[section("*31%*")])]
        found = CardWorld(world=world, cards=cast("SlackCards", None), drawn=drawn)
        found.cards = found.over(OneWorkspace(workspace, world.client))
        yield found


async def test_edit__in_place_with_text_and_blocks(made: CardWorld) -> None:
    card = await made.stands()
    made.drawn.append(Message(text="62%", blocks=[section("*62%*")]))
    assert await made.cards.edit(card)
    [message] = made.world.slack.messages
    assert (message.text, message.blocks[0]["text"]["text"], message.edited) == ("62%", "*62%*", 1)
    [asked] = made.asked()
    assert (asked["channel"], asked["ts"], asked["parse"]) == (UPLOADS, card.message_ts, "none")


async def test_post__into_the_persons_own_messages(made: CardWorld) -> None:
    channel = await made.cards.direct_of(ALICE)
    card = await made.stands(Place(channel))
    assert channel == "D0ALICE"
    assert await made.cards.edit(card)
    assert [one.text for one in made.world.slack.seen_by("alice", "dm")] == ["31%"]


@pytest.mark.parametrize("code", ["message_not_found", "cant_update_message"])
async def test_edit__of_a_card_that_is_not_there_any_more(made: CardWorld, code: str) -> None:
    card = await made.stands()
    made.world.slack.faults.add(UPDATE, ApiError(code))
    assert not await made.cards.edit(card)


@pytest.mark.parametrize(
    "code",
    [
        "is_inactive",
        "edit_window_closed",
        "channel_not_found",
        "not_in_channel",
        "restricted_action_thread_locked",
    ],
)
async def test_edit__where_it_never_will_be_taken(made: CardWorld, code: str) -> None:
    card = await made.stands()
    made.world.slack.faults.add(UPDATE, ApiError(code))
    with pytest.raises(PlaceGone) as caught:
        await made.cards.edit(card)
    assert caught.value.details["reason"] == code


async def test_edit__text_alone_where_slack_refuses_the_blocks(made: CardWorld) -> None:
    card = await made.stands()
    made.drawn.append(Message(text="62%", blocks=[{"type": "nonsense"}]))
    assert await made.cards.edit(card)
    [message] = made.world.slack.messages
    assert (message.text, message.blocks) == ("62%", ())


async def test_edit__says_for_how_long_slack_asks_to_wait(made: CardWorld) -> None:
    card = await made.stands()
    made.world.slack.faults.add(UPDATE, RateLimited(45))
    with pytest.raises(SlackUnavailable) as caught:
        await made.cards.edit(card)
    assert caught.value.retry_after == 45
    assert len(made.asked()) == 1


async def test_edit__slow_or_failing_slack_may_take_it_later(made: CardWorld) -> None:
    card = await made.stands()
    made.world.slack.faults.add(UPDATE, slow := Slow(2), failing := ApiError("fatal_error"))
    for fault in (slow, failing):
        async with given_up_if_slow(made.world, fault):
            with pytest.raises(SlackUnavailable):
                await made.cards.edit(card)
    with pytest.raises(SlackUnavailable):
        await made.over(removed()).edit(card)
