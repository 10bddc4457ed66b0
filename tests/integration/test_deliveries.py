"""Reminders on their way into Slack: where they come out, and what becomes of them when Slack says no."""

from collections.abc import AsyncIterator
from typing import cast

import pytest

from bot.demo.slack import ApiError, Dropped, Fault, PostRate, RateLimited, ServerError, Slow
from bot.model.accounts import SlackUser
from bot.model.errors import NotInstalled, PlaceGone, SlackUnavailable
from bot.model.secret import Secret
from bot.model.watches import Place
from bot.slack.installed import Installed
from bot.slack.workspace import Workspace, find_workspace
from tests.integration.deliveries_world import (
    ALICE,
    HERE,
    KEY,
    METADATA,
    NILS,
    UPLOADS,
    VERA,
    World,
    deliveries_world,
    given_up_if_slow,
    of_alice,
    reminder_for,
    removed,
)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with deliveries_world() as running:
        yield running


class Rotated:
    """An installation whose token another process has replaced; `newest` None: it was removed meanwhile."""

    def __init__(self, old: Workspace, newest: Workspace | None) -> None:
        self._old, self._newest = old, newest

    async def of_person(self, _: SlackUser, *, past: Workspace | None = None) -> Workspace:
        """The one before, until Slack has refused it."""
        if past is None:
            return self._old
        if self._newest is None:
            raise NotInstalled
        return self._newest


def as_installed(rotated: Rotated) -> Installed:
    """It has what deliveries need."""
    return cast("Installed", rotated)


async def workspace_of(world: World, token: str | None = None) -> Workspace:
    """The workspace, with this token."""
    found = await find_workspace(world.client, Secret(world.slack.bot_token))
    return Workspace(
        team_id=found.team_id,
        enterprise_id=None,
        name=found.name,
        bot_id=found.bot_id,
        bot_user_id=found.bot_user_id,
        token=Secret(token or world.slack.bot_token),
    )


# Where it goes


async def test_deliver__by_direct_message(world: World) -> None:
    posted = await world.deliveries.deliver(reminder_for(of_alice()), KEY)
    assert (posted.channel_id, posted.ts) == ("D0ALICE", world.newest.ts)
    assert [message.text for message in world.slack.seen_by("alice", "dm")] == ["lead: 31%"]
    assert world.newest.blocks[0]["text"]["text"] == "*31%*"
    assert world.newest.metadata == METADATA
    [request] = world.calls("chat.postMessage")
    assert (request["unfurl_links"], request["unfurl_media"]) == (False, False)
    assert "thread_ts" not in request


async def test_deliver__into_a_channel_and_a_thread(world: World) -> None:
    await world.deliveries.deliver(reminder_for(of_alice(place=HERE)), KEY)
    assert (world.newest.channel, world.newest.thread_ts) == (UPLOADS, None)
    root = await world.slack.say("alice", "#trial-uploads", "here we go")
    posted = await world.deliveries.deliver(
        reminder_for(of_alice(place=Place(UPLOADS, root.ts))), "watch:2:x"
    )
    assert (world.newest.key, world.newest.thread_ts) == (f"{UPLOADS}:{posted.ts}", root.ts)
    assert world.newest.metadata == {**METADATA, "event_payload": {"key": "watch:2:x"}}
    assert world.calls("conversations.open") == []


async def test_deliver__opens_a_persons_messages_once(world: World) -> None:
    for owner in (ALICE, ALICE, VERA, ALICE):
        await world.deliveries.deliver(reminder_for(of_alice(owner=owner)), KEY)
    assert [one["users"] for one in world.calls("conversations.open")] == ["U0ALICE", "U0VERA"]
    assert [message.channel for message in world.slack.messages] == [
        "D0ALICE",
        "D0ALICE",
        "D0VERA",
        "D0ALICE",
    ]


async def test_deliver__opens_them_again_where_slack_knows_them_no_more(world: World) -> None:
    await world.deliveries.deliver(reminder_for(of_alice()), KEY)
    world.slack.faults.add("chat.postMessage", ApiError("channel_not_found"))
    await world.deliveries.deliver(reminder_for(of_alice()), KEY)
    assert world.said == ["lead: 31%"] * 2
    assert len(world.calls("conversations.open")) == 2


async def test_deliver__text_alone_where_slack_refuses_the_blocks(world: World) -> None:
    world.blocks[:] = [{"type": "nonsense"}]
    await world.deliveries.deliver(reminder_for(of_alice()), KEY)
    assert (world.newest.text, world.newest.blocks, world.newest.metadata) == ("lead: 31%", (), METADATA)
    world.slack.faults.add("chat.postMessage", ApiError("msg_blocks_too_long"))
    world.blocks[:] = [{"type": "divider"}]
    await world.deliveries.deliver(reminder_for(of_alice()), KEY)
    assert (world.newest.blocks, len(world.said)) == ((), 2)


async def test_announce__in_the_channel(world: World) -> None:
    watch = of_alice(place=HERE)
    posted = await world.deliveries.announce(watch, "promomats")
    assert (posted.channel_id, world.newest.metadata) == (UPLOADS, None)
    assert world.newest.text == f"<@U0ALICE> watches {watch.upload_id} in promomats"


# What Slack will never take


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        (Place("C404"), "channel_not_found"),
        (Place("C0MIGRATION"), "channel_not_found"),
        (Place("C0RANDOM"), "not_in_channel"),
    ],
)
async def test_deliver__place_gone(world: World, place: Place, reason: str) -> None:
    for call in (
        world.deliveries.deliver(reminder_for(of_alice(place=place)), KEY),
        world.deliveries.announce(of_alice(place=place), "promomats"),
        world.deliveries.hold(of_alice(place=place), world.slack.clock.now().replace(year=2100)),
    ):
        with pytest.raises(PlaceGone) as caught:
            await call
        assert caught.value.details == {"reason": reason}
    assert world.said == []


async def test_deliver__channel_archived_or_app_removed_from_it(world: World) -> None:
    reminder = reminder_for(of_alice(place=HERE))
    world.slack.archive("#trial-uploads")
    with pytest.raises(PlaceGone, match="is_archived"):
        await world.deliveries.deliver(reminder, KEY)
    world.slack.archive("#trial-uploads", archived=False)
    world.slack.remove_app("#trial-uploads")
    with pytest.raises(PlaceGone, match="not_in_channel"):
        await world.deliveries.deliver(reminder, KEY)
    world.slack.invite_app("#trial-uploads")
    await world.deliveries.deliver(reminder, KEY)


@pytest.mark.parametrize("before", [True, False])
async def test_deliver__person_deactivated(world: World, *, before: bool) -> None:
    """Also where their direct messages were open already."""
    reminder = reminder_for(of_alice(owner=NILS))
    if before:
        await world.deliveries.deliver(reminder, KEY)
    await world.slack.deactivate("nils")
    with pytest.raises(PlaceGone, match="user_disabled"):
        await world.deliveries.deliver(reminder, KEY)


@pytest.mark.parametrize(("user_id", "reason"), [("U404", "user_not_found"), ("U0UPLOADS", "cannot_dm_bot")])
async def test_deliver__nobody_there(world: World, user_id: str, reason: str) -> None:
    owner = SlackUser(ALICE.workspace, user_id, ALICE.team_id)
    with pytest.raises(PlaceGone, match=reason):
        await world.deliveries.deliver(reminder_for(of_alice(owner=owner)), KEY)


@pytest.mark.parametrize(
    "code",
    [
        "messages_tab_disabled",
        "restricted_action",
        "restricted_action_read_only_channel",
        "restricted_action_thread_locked",
        "cannot_reply_to_message",
        "user_not_visible",
    ],
)
async def test_deliver__never_by_slacks_code(world: World, code: str) -> None:
    world.slack.faults.add("chat.postMessage", ApiError(code))
    with pytest.raises(PlaceGone) as caught:
        await world.deliveries.deliver(reminder_for(of_alice(place=HERE)), KEY)
    assert caught.value.details == {"reason": code}


async def test_deliver__app_removed(world: World) -> None:
    # It may come back with another token; who really leaves is forgotten by Slack's word of it.
    with pytest.raises(SlackUnavailable):
        await world.over(removed()).deliver(reminder_for(of_alice()), KEY)
    old = await workspace_of(world, "xoxb-old")
    with pytest.raises(SlackUnavailable):
        await world.over(as_installed(Rotated(old, None))).deliver(reminder_for(of_alice()), KEY)


async def test_deliver__with_the_token_that_another_process_put_in_its_place(world: World) -> None:
    rotated = Rotated(await workspace_of(world, "xoxb-old"), await workspace_of(world))
    await world.over(as_installed(rotated)).deliver(reminder_for(of_alice()), KEY)
    assert world.said == ["lead: 31%"]


# What it may take later


@pytest.mark.parametrize(
    "fault",
    [
        ServerError(500),
        ServerError(503),
        Dropped(),
        Slow(1.0),
        ApiError("internal_error"),
        ApiError("message_limit_exceeded"),
        ApiError("missing_scope"),
        ApiError("account_inactive"),
        ApiError("token_revoked"),
        ApiError("invalid_auth"),
        ApiError("a_code_of_tomorrow"),
    ],
)
@pytest.mark.parametrize("method", ["chat.postMessage", "conversations.open"])
async def test_deliver__trouble_that_passes(world: World, fault: Fault, method: str) -> None:
    """Nothing is repeated at once that may have arrived."""
    world.slack.faults.add(method, fault)
    async with given_up_if_slow(world, fault):
        with pytest.raises(SlackUnavailable) as caught:
            await world.deliveries.deliver(reminder_for(of_alice()), KEY)
    assert caught.value.retry_after is None
    if not isinstance(fault, Slow):  # that one is still under way
        assert len(world.calls(method)) == 1
        assert world.said == []
    await world.deliveries.deliver(reminder_for(of_alice()), KEY)


async def test_deliver__is_not_repeated_where_it_may_have_arrived(world: World) -> None:
    world.slack.faults.add("chat.postMessage", Dropped(done=True))
    with pytest.raises(SlackUnavailable):
        await world.deliveries.deliver(reminder_for(of_alice(place=HERE)), KEY)
    assert world.said == ["lead: 31%"]


async def test_deliver__slack_is_not_there(world: World) -> None:
    await world.slack.stop()
    with pytest.raises(SlackUnavailable):
        await world.deliveries.deliver(reminder_for(of_alice(place=HERE)), KEY)


async def test_deliver__waits_a_little_where_slack_asks_for_it(world: World) -> None:
    world.slack.faults.add("chat.postMessage", RateLimited(0), RateLimited(1))
    await world.deliveries.deliver(reminder_for(of_alice(place=HERE)), KEY)
    assert world.said == ["lead: 31%"]


@pytest.mark.parametrize("method", ["chat.postMessage", "conversations.open"])
async def test_deliver__says_how_long_slack_wants_us_to_wait(world: World, method: str) -> None:
    world.slack.faults.add(method, RateLimited(37))
    with pytest.raises(SlackUnavailable) as caught:
        await world.deliveries.deliver(reminder_for(of_alice()), KEY)
    assert vars(caught.value)["retry_after"] == 37.0
    assert len(world.calls(method)) == 1


async def test_deliver__more_than_one_a_second_into_a_channel(world: World) -> None:
    world.slack.limit_posts(PostRate(per_second=0.01, burst=1))
    await world.deliveries.deliver(reminder_for(of_alice(place=HERE)), KEY)
    with pytest.raises(SlackUnavailable) as caught:
        await world.deliveries.deliver(reminder_for(of_alice(place=HERE)), KEY)
    assert 90 <= vars(caught.value)["retry_after"] <= 100
    await world.deliveries.deliver(reminder_for(of_alice()), KEY)
    assert [message.channel for message in world.slack.messages] == [UPLOADS, "D0ALICE"]


# The end of a watch


async def test_tell_of_end__by_direct_message(world: World) -> None:
    watch = of_alice(place=Place("C404"))
    await world.deliveries.tell_of_end(watch, "promomats", "channel_not_found")
    assert [message.text for message in world.slack.seen_by("alice", "dm")] == [
        f"{watch.upload_id} in promomats: channel_not_found"
    ]


async def test_tell_of_end__nobody_left_to_tell(world: World) -> None:
    await world.slack.deactivate("nils")
    await world.deliveries.tell_of_end(of_alice(owner=NILS), "promomats", "is_archived")
    assert world.said == []


async def test_tell_of_end__of_an_app_that_was_removed_is_tried_again(world: World) -> None:
    with pytest.raises(SlackUnavailable):
        await world.over(removed()).tell_of_end(of_alice(), "promomats", "is_archived")


async def test_tell_of_end__slack_down(world: World) -> None:
    world.slack.faults.add("chat.postMessage", ServerError(500))
    with pytest.raises(SlackUnavailable):
        await world.deliveries.tell_of_end(of_alice(), "promomats", "is_archived")


# People


async def test_people__time_zone_and_administrators(world: World) -> None:
    assert await world.deliveries.time_zone(ALICE) == "Europe/Paris"
    assert await world.deliveries.is_admin(VERA) is True
    assert await world.deliveries.is_admin(ALICE) is False
    world.slack.faults.add("users.info", ApiError("user_not_found"))
    assert await world.deliveries.is_admin(ALICE) is False


async def test_people__slack_does_not_tell(world: World) -> None:
    for ask in (world.deliveries.time_zone, world.deliveries.is_admin):
        world.slack.faults.add("users.info", ApiError("user_not_visible"))
        with pytest.raises(SlackUnavailable):
            await ask(ALICE)
        world.slack.faults.add("users.info", ServerError(500), times=3)
        with pytest.raises(SlackUnavailable):
            await ask(ALICE)
    gone = world.over(removed())
    for ask in (gone.time_zone, gone.is_admin):
        with pytest.raises(SlackUnavailable):
            await ask(ALICE)
