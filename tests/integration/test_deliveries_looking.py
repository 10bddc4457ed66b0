"""Looking for what may have been posted before a crash, and what Slack itself holds as a last reminder."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.demo.slack import ApiError, Dropped, Fault, RateLimited, ServerError, Slow
from bot.model.errors import PlaceGone, SlackUnavailable
from bot.model.secret import Secret
from bot.model.watches import Failsafe, Place
from bot.slack.installed import OneWorkspace
from bot.slack.workspace import find_workspace
from tests.factories import HOUR, MINUTE, SECOND
from tests.integration.deliveries_world import (
    HERE,
    KEY,
    NILS,
    UPLOADS,
    World,
    deliveries_world,
    given_up_if_slow,
    of_alice,
    reminder_for,
    removed,
)

HISTORY = {"channels:history", "groups:history", "im:history"}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with deliveries_world() as running:
        yield running


# Looking before sending again


@pytest.mark.parametrize("place", [Place(), HERE])
async def test_look_for__finds_what_was_posted(world: World, place: Place) -> None:
    world.slack.scopes |= HISTORY
    watch, since = of_alice(place=place), world.slack.clock.now()
    assert await world.deliveries.look_for(watch, KEY, since) is None
    posted = await world.deliveries.deliver(reminder_for(watch), KEY)
    await world.deliveries.deliver(reminder_for(watch), "watch:another:lead:3600")
    await world.slack.say("alice", "#trial-uploads", "a person's words")
    world.slack.clock.advance(5 * MINUTE)
    assert await world.deliveries.look_for(watch, KEY, since) == posted
    assert await world.deliveries.look_for(watch, "watch:third:lead:3600", since) is None


async def test_look_for__in_a_thread(world: World) -> None:
    world.slack.scopes |= HISTORY
    root = await world.slack.say("alice", "#trial-uploads", "here we go")
    watch, since = of_alice(place=Place(UPLOADS, root.ts)), world.slack.clock.now()
    posted = await world.deliveries.deliver(reminder_for(watch), KEY)
    assert await world.deliveries.look_for(watch, KEY, since) == posted
    assert await world.deliveries.look_for(of_alice(place=HERE), KEY, since) is None


async def test_look_for__of_an_earlier_time_is_another_one(world: World) -> None:
    """Slack's clock may be behind ours by some seconds."""
    world.slack.scopes |= HISTORY
    watch = of_alice(place=HERE)
    await world.deliveries.deliver(reminder_for(watch), KEY)
    now = world.slack.clock.now()
    assert await world.deliveries.look_for(watch, KEY, now + 5 * SECOND) is not None
    assert await world.deliveries.look_for(watch, KEY, now + 15 * SECOND) is None


async def test_look_for__where_slack_lets_us_not_is_asked_once_an_hour(world: World) -> None:
    watch, since = of_alice(place=HERE), world.slack.clock.now()
    await world.deliveries.deliver(reminder_for(watch), KEY)
    for _ in range(3):
        assert await world.deliveries.look_for(watch, KEY, since) is None
    assert len(world.calls("conversations.history")) == 1
    world.slack.scopes |= HISTORY
    world.slack.clock.advance(HOUR - SECOND)
    assert await world.deliveries.look_for(watch, KEY, since) is None
    world.slack.clock.advance(2 * SECOND)
    assert await world.deliveries.look_for(watch, KEY, since) is not None


async def test_look_for__scopes_are_of_each_kind_of_place(world: World) -> None:
    """Those for direct messages alone are what an operator is most likely to grant."""
    world.slack.scopes |= {"im:history"}
    since = world.slack.clock.now()
    posted = await world.deliveries.deliver(reminder_for(of_alice()), KEY)
    await world.deliveries.deliver(reminder_for(of_alice(place=HERE)), KEY)
    assert await world.deliveries.look_for(of_alice(place=HERE), KEY, since) is None
    assert await world.deliveries.look_for(of_alice(), KEY, since) == posted


@pytest.mark.parametrize("fault", [ServerError(500), Slow(1.0), RateLimited(30), ApiError("internal_error")])
async def test_look_for__trouble_is_asked_no_second_time(world: World, fault: Fault) -> None:
    """Better twice than never; but the next one may be found again."""
    world.slack.scopes |= HISTORY
    watch, since = of_alice(place=HERE), world.slack.clock.now()
    await world.deliveries.deliver(reminder_for(watch), KEY)
    world.slack.faults.add("conversations.history", fault)
    async with given_up_if_slow(world, fault):
        assert await world.deliveries.look_for(watch, KEY, since) is None
    assert await world.deliveries.look_for(watch, KEY, since) is not None


async def test_look_for__place_gone_or_app_removed(world: World) -> None:
    world.slack.scopes |= HISTORY
    since = world.slack.clock.now()
    for place in (Place("C404"), Place("C0RANDOM"), Place(UPLOADS, "1.000001")):
        assert await world.deliveries.look_for(of_alice(place=place), KEY, since) is None
    await world.slack.deactivate("nils")
    assert await world.deliveries.look_for(of_alice(owner=NILS), KEY, since) is None
    assert await world.over(removed()).look_for(of_alice(), KEY, since) is None


# What Slack holds


async def until_said(world: World, count: int) -> list[str]:
    """All texts, once there are so many."""
    async with asyncio.timeout(60):
        while len(world.said) < count:  # noqa: ASYNC110 - the emulator looks at its clock by itself
            await asyncio.sleep(0.01)
    return world.said


@pytest.mark.parametrize("place", [Place(), HERE])
async def test_hold__slack_posts_it_when_nobody_takes_it_back(world: World, place: Place) -> None:
    watch, post_at = of_alice(place=place), world.slack.clock.now() + HOUR
    failsafe = await world.deliveries.hold(watch, post_at)
    [held] = world.slack.held_messages
    assert failsafe == Failsafe(channel_id=place.channel_id or "D0ALICE", message_id=held.id, post_at=post_at)
    assert held.metadata is None
    world.slack.clock.advance(HOUR)
    assert await until_said(world, 1) == [f"{watch.upload_id} expires soon & nobody told you"]
    assert world.newest.channel == failsafe.channel_id


async def test_hold__in_the_thread(world: World) -> None:
    root = await world.slack.say("alice", "#trial-uploads", "here we go")
    await world.deliveries.hold(of_alice(place=Place(UPLOADS, root.ts)), world.slack.clock.now() + HOUR)
    world.slack.clock.advance(HOUR)
    await until_said(world, 2)
    assert world.newest.thread_ts == root.ts


async def test_hold__one_that_is_held_already_is_this_one(world: World) -> None:
    """Slack took it, but its answer was lost; or we crashed before we kept it."""
    watch, post_at = of_alice(), world.slack.clock.now() + HOUR
    world.slack.faults.add("chat.scheduleMessage", Dropped(done=True))
    with pytest.raises(SlackUnavailable):
        await world.deliveries.hold(watch, post_at)
    first = await world.deliveries.hold(watch, post_at)
    assert [held.id for held in world.slack.held_messages] == [first.message_id]
    other = of_alice(upload_id="another")
    second = await world.deliveries.hold(other, post_at)
    third = await world.deliveries.hold(watch, post_at + MINUTE)
    assert len({first.message_id, second.message_id, third.message_id}) == 3


async def test_hold__where_slack_does_not_list(world: World) -> None:
    world.slack.faults.add("chat.scheduledMessages.list", ApiError("invalid_channel"))
    await world.deliveries.hold(of_alice(), world.slack.clock.now() + HOUR)
    assert len(world.slack.held_messages) == 1
    world.slack.faults.add("chat.scheduledMessages.list", ServerError(500))
    with pytest.raises(SlackUnavailable):
        await world.deliveries.hold(of_alice(), world.slack.clock.now() + 2 * HOUR)
    assert len(world.slack.held_messages) == 1


@pytest.mark.parametrize(
    ("is_org_wide", "team_id"), [(True, "T0NORDLICHT"), (False, None)]
)  # Slack: required with an org-wide token
async def test_hold__names_the_team_to_an_org_wide_installation(
    world: World, *, is_org_wide: bool, team_id: str | None
) -> None:
    found = await find_workspace(world.client, Secret(world.slack.bot_token))
    workspace = replace(found, team_id=None, enterprise_id="E0GROUP") if is_org_wide else found
    await world.over(OneWorkspace(workspace, world.client)).hold(of_alice(), world.slack.clock.now() + HOUR)
    [asked] = world.calls("chat.scheduledMessages.list")
    assert asked.get("team_id") == team_id


async def test_hold__too_many_in_five_minutes(world: World) -> None:
    post_at = world.slack.clock.now() + HOUR
    for number in range(30):
        await world.deliveries.hold(of_alice(upload_id=str(number), place=HERE), post_at)
    with pytest.raises(SlackUnavailable) as caught:
        await world.deliveries.hold(of_alice(place=HERE), post_at)
    assert vars(caught.value)["retry_after"] == 60.0


async def test_hold__in_the_past(world: World) -> None:
    with pytest.raises(SlackUnavailable):
        await world.deliveries.hold(of_alice(), world.slack.clock.now() - SECOND)


async def test_release__takes_it_back(world: World) -> None:
    watch = of_alice()
    held = await world.deliveries.hold(watch, world.slack.clock.now() + HOUR)
    await world.deliveries.release(replace(watch, failsafe=held))
    assert world.slack.held_messages == []
    await world.deliveries.release(replace(watch, failsafe=held))


async def test_release__nothing_is_held(world: World) -> None:
    await world.deliveries.release(of_alice())
    assert len(world.slack.log) == 1  # auth.test, at the start


@pytest.mark.parametrize("left", [30 * SECOND, timedelta(0), -HOUR])
async def test_release__too_late(world: World, left: timedelta) -> None:
    """About to be posted, or posted: the reminder comes all the same."""
    watch = of_alice()
    held = await world.deliveries.hold(watch, world.slack.clock.now() + HOUR)
    world.slack.clock.advance(HOUR - left)
    await world.deliveries.release(replace(watch, failsafe=held))
    world.slack.clock.advance(2 * HOUR)
    assert len(await until_said(world, 1)) == 1


async def test_release__place_gone_or_app_removed(world: World) -> None:
    """Slack does not post there either."""
    watch = of_alice(place=HERE)
    held = await world.deliveries.hold(watch, world.slack.clock.now() + HOUR)
    watch = replace(watch, failsafe=held)
    world.slack.faults.add("chat.deleteScheduledMessage", ApiError("channel_not_found"))
    await world.deliveries.release(watch)
    with pytest.raises(SlackUnavailable):
        await world.over(removed()).release(watch)
    assert len(world.slack.held_messages) == 1


@pytest.mark.parametrize("fault", [ServerError(500), Dropped(), Slow(1.0), ApiError("token_revoked")])
async def test_release__trouble_that_passes(world: World, fault: Fault) -> None:
    watch = of_alice()
    watch = replace(watch, failsafe=await world.deliveries.hold(watch, world.slack.clock.now() + HOUR))
    world.slack.faults.add("chat.deleteScheduledMessage", fault)
    async with given_up_if_slow(world, fault):
        with pytest.raises(SlackUnavailable):
            await world.deliveries.release(watch)
    await world.deliveries.release(watch)
    assert world.slack.held_messages == []


async def test_hold__place_gone(world: World) -> None:
    world.slack.archive("#trial-uploads")
    with pytest.raises(PlaceGone, match="is_archived"):
        await world.deliveries.hold(of_alice(place=HERE), world.slack.clock.now() + HOUR)
