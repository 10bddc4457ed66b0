"""Clicks that lead nowhere: old buttons, odd values, places and people that are gone, twice, too late. Each gets one
clear answer, or is quietly right; nobody reads that something went wrong, and Slack has nothing to refuse."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Any

import pytest
import pytest_asyncio

from bot.demo.slack import ApiError, Delivery, payloads
from bot.demo.slack.delivery import INTERACTIVE
from bot.demo.slack.messages import Message
from bot.demo.slack.views import View
from bot.demo.vault import seed
from bot.demo.vault.faults import Delay
from bot.demo.workspace import CHANNEL, DemoWorkspace
from tests.acceptance.steps import (
    NOT_VISIBLE,
    action_payload,
    ask,
    buttons,
    calm,
    done_count,
    log_lines,
    shown,
    until,
    workspace,
)
from tests.acceptance.talking_steps import Ears, is_done, is_for, mention

pytestmark = pytest.mark.asyncio(loop_scope="module")

FILM = "Cholecap-Commercial-2021.mp4"
ACTIONS = (
    "refresh", "refresh:found", "open_list", "open_list:next", "open_list:vault_1", "details", "watch", "unwatch",
    "snooze", "share", "take_back", "live", "link", "unlink", "search", "settings", "abort", "never-heard-of", "",
)  # fmt: skip
VALUES = (
    None, "", "null", "[]", "7", "{", "{}", '{"u":7,"v":7,"w":7,"by":7,"m":7}', '{"u":"","w":""}', '{"u":["x"]}',
    '{"u":"two words"}', '{"u":"' + "x" * 1900 + '"}', '{"u":"..","v":"127.0.0.1:9"}', '{"w":"no such watch","s":"1h"}',
    '{"w":"no such watch","s":"a year","l":1}', '{"p":99999999999999999999,"w":-1}', '{"p":-3,"q":"\\u0000"}',
    '{"u":"abc","v":"\\u0000","by":"<!channel>","m":"\\ud800","a":2}', '{"all":"all"}',
)  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[DemoWorkspace]:
    """Alice, Bob and Vera linked, in a workspace that offers all there is."""
    async with workspace("alice", "bob", "vera", settings={"ALLOW_ABORT": "true"}) as demo:
        yield demo


@pytest_asyncio.fixture(loop_scope="module")
async def demo(shared: DemoWorkspace) -> AsyncIterator[DemoWorkspace]:
    """Afterwards the bot has met nothing that it did not foresee, and sent nothing that Slack does not take."""
    calm(shared)
    before, refused = len(log_lines(shared)), len(shared.slack.rejections)
    yield shared
    calm(shared)
    shared.slack.archive(CHANNEL, archived=False)
    shared.slack.invite_app(CHANNEL)
    for person in ("alice", "bob", "vera"):
        shared.slack._views.clear(shared.slack.workspace.user(person).id)
    events = [line["event"] for line in log_lines(shared)[before:]]
    assert "unexpected failure" not in events
    assert "failure" not in events
    content = [
        one.error for one in shared.slack.rejections[refused:] if "blocks" in one.error or "view" in one.error
    ]
    assert content == []


async def send(demo: DemoWorkspace, person: str, payload: Mapping[str, Any], home: bool = False) -> Delivery:
    """Send a payload of one's own making, with a response_url and a trigger_id that serve."""
    user = demo.slack.workspace.user(person)
    delivery = Delivery(INTERACTIVE, demo.clock.now(), {}, user.id)
    delivery.payload = {**payload, "trigger_id": demo.slack._triggers.issue(delivery)}
    if "response_url" in payload:
        place = demo.slack.workspace.channel(CHANNEL)
        delivery.payload["response_url"] = demo.slack._response_url(delivery, place, user)
    if home:
        demo.slack._views.caused_by(user.id, delivery)
    elif "view" in payload:
        demo.slack._views.caused_by(payload["view"]["id"], delivery)
    await demo.slack._deliver(delivery)
    return delivery


def one_answer(delivery: Delivery) -> None:
    """Acknowledged, and then said in one message or shown in one place, in words that were foreseen."""
    assert delivery.error is None
    assert len(delivery.answers) <= 1, [answer.text for answer in delivery.answers]
    assert delivery.answers or delivery.views, delivery.payload["actions"]
    assert len({view.id for view in delivery.views}) <= 1
    told = "".join(shown(answer) for answer in delivery.answers) + json.dumps(
        [list(view.blocks) for view in delivery.views]
    )
    assert "Something went wrong" not in told
    assert "<!channel>" not in told


def a_click(demo: DemoWorkspace, action_id: str, value: str | None, *, ephemeral: bool) -> dict[str, Any]:
    """A click of Vera's on a message with such a button."""
    payload = action_payload(demo, "vera", action_id, value)
    container = {**payload["container"], "is_ephemeral": ephemeral}
    return {**payload, "container": container, "response_url": ""}


# Old and odd buttons


@pytest.mark.parametrize("ephemeral", [True, False])
@pytest.mark.parametrize("action_id", ACTIONS)
async def test_odd_value__of_a_message_gets_one_answer(
    demo: DemoWorkspace, action_id: str, *, ephemeral: bool
) -> None:
    values = VALUES if ephemeral else VALUES[::3]
    clicks = [a_click(demo, action_id, value, ephemeral=ephemeral) for value in values]
    done = done_count(demo)
    deliveries = await asyncio.gather(*(send(demo, "vera", one) for one in clicks))
    await until(lambda: done_count(demo) >= done + len(clicks), "the bot is done")
    for delivery in deliveries:
        one_answer(delivery)
    if action_id == "unlink":
        await demo.link("vera")


@pytest.mark.parametrize("kind", ["home", "modal"])
async def test_odd_value__of_a_view_gets_one_answer(demo: DemoWorkspace, kind: str) -> None:
    """One after the other: a modal holds one answer at a time."""
    user = demo.slack.workspace.user("vera")
    for action_id in (
        "refresh",
        "open_list:next",
        "details",
        "watch",
        "unwatch",
        "snooze",
        "unlink",
        "search",
        "abort",
    ):
        for value in VALUES[::4]:
            view = await a_view(demo, "vera", kind)
            action = {"type": "button", "action_id": action_id, "block_id": "b1", "action_ts": "1.1"}
            payload = payloads.view_actions(
                workspace=demo.slack.workspace, user=user, view=view, token="legacy", trigger_id="",
                action=action if value is None else {**action, "value": value},
            )  # fmt: skip
            done = done_count(demo)
            delivery = await send(demo, "vera", payload, home=kind == "home")
            await until(partial(is_done, demo, done), "the bot is done")
            one_answer(delivery)
            if len(demo.slack._views.stack(user.id)) > 1:
                await demo.slack.close_view("vera")
        if action_id == "unlink":
            await demo.link("vera")


async def a_view(demo: DemoWorkspace, person: str, kind: str) -> View:
    """The home, or the modal My uploads, opened where it is not; the bot is done with that."""
    found = demo.slack.home if kind == "home" else demo.slack.modal
    if found(person) is None:
        done = done_count(demo)
        if kind == "home":
            await demo.slack.open_home(person)
        else:
            await demo.slack.shortcut(person, "my_uploads")
        await until(lambda: done_count(demo) > done, "the bot is done")
    view = found(person)
    assert view is not None
    return view


async def test_old_value__of_an_earlier_release_still_means_the_upload(demo: DemoWorkspace) -> None:
    """Cards of earlier releases named no Vault in their buttons; they are pressed for as long as they stand."""
    for ephemeral in (True, False):
        old, done = json.dumps({"u": seed.CHOLECAP}), done_count(demo)
        delivery = await send(demo, "vera", a_click(demo, "refresh", old, ephemeral=ephemeral))
        await until(partial(is_done, demo, done), "the bot is done")
        assert FILM in delivery.answers[0].text
        for action_id in ("watch", "details"):
            done = done_count(demo)
            delivery = await send(demo, "vera", a_click(demo, action_id, old, ephemeral=ephemeral))
            await until(partial(is_done, demo, done), "the bot is done")
            assert len(delivery.views) == (2 if action_id == "details" else 1)
            assert delivery.answers == []


@pytest.mark.parametrize("callback_id", ["watch", "settings", "abort", "my_uploads", "never-heard-of", ""])
async def test_odd_form__is_taken_or_told_what_is_wrong(demo: DemoWorkspace, callback_id: str) -> None:
    """What a client makes up is at most a slip in a form."""
    user = demo.slack.workspace.user("alice")
    done, begun = done_count(demo), 0
    states: tuple[Any, ...] = (None, {}, {"values": None}, {"values": {"leads": 7, "name": {"name": [1]}}})
    for state in states:
        for metadata in (None, "{", "[]", '{"u":7,"v":7,"c":"x","r":"javascript:x","q":"x","n":7,"f":[]}'):
            view = {"id": "V0NONE", "type": "modal", "callback_id": callback_id, "state": state}
            payload = {
                "type": "view_submission", "team": {"id": user.team_id},
                "user": {"id": user.id, "team_id": user.team_id},
                "view": {**view, "private_metadata": metadata},
            }  # fmt: skip
            delivery = await send(demo, "alice", payload)
            assert delivery.error is None
            assert delivery.ack is not None
            assert "Something went wrong" not in str(delivery.ack.body)
            is_slip = "errors" in str(delivery.ack.body)
            begun += callback_id in ("watch", "settings", "abort", "my_uploads") and not is_slip
    await until(lambda: done_count(demo) >= done + begun, "the bot is done")


# What is gone meanwhile


async def on_a_card(demo: DemoWorkspace, action_id: str) -> tuple[Message, list[Message]]:
    """Alice presses a button of her public card, which is deleted while Vault thinks."""
    _, (card,) = await mention(demo, "alice", seed.CHOLECAP)
    demo.vault.faults.add(Delay(0.3))
    ears = Ears(demo)
    await demo.slack.click(user="alice", message=card, action_id=action_id)
    demo.slack._board.delete(card.key)
    return card, await ears.hear()


async def test_deleted_message__refreshed_answers_whoever_pressed(demo: DemoWorkspace) -> None:
    card, (answer,) = await on_a_card(demo, "refresh")
    assert demo.slack.message(card.key) is None
    assert is_for(demo, answer, "alice")
    assert FILM in answer.text


async def test_deleted_message__kept_up_to_date_has_one_answer(demo: DemoWorkspace) -> None:
    _, (answer,) = await on_a_card(demo, "live")
    assert is_for(demo, answer, "alice")
    await ask(demo, "alice", "unwatch all")


async def test_deleted_question__is_answered_all_the_same(demo: DemoWorkspace) -> None:
    """Below a deleted message Slack takes no reply, or hangs it below its place: either way the asker learns it."""
    for refusal in ("thread_not_found", "cannot_reply_to_message"):
        demo.slack.faults.add("chat.postMessage", ApiError(refusal))
        _, (answer,) = await mention(demo, "alice", seed.CHOLECAP)
        assert answer.channel.startswith("D")
        assert answer.text.startswith(FILM)


@pytest.mark.parametrize("archived", [False, True])
async def test_closed_channel__each_button_of_a_card_there_has_one_answer(
    demo: DemoWorkspace, *, archived: bool
) -> None:
    """The app was put out, or the channel archived, after the card was shared."""
    _, (card,) = await mention(demo, "alice", seed.CHOLECAP)
    if archived:
        demo.slack.archive(CHANNEL)
    else:
        demo.slack.remove_app(CHANNEL)
    told = {}
    for action_id in ("refresh", "live", "watch", "details"):
        for person in ("alice", "bob"):
            ears, done = Ears(demo), done_count(demo)
            delivery = await demo.slack.click(user=person, message=card, action_id=action_id)
            await until(partial(is_done, demo, done), "the bot is done")
            if action_id in ("watch", "details"):
                assert ears.heard == []
                assert len({view.id for view in delivery.views}) == 1
                await demo.slack.close_view(person)
            else:
                told[action_id, person] = ears.heard
    assert told["refresh", "alice"] == []
    for (action_id, person), heard in told.items():
        if (action_id, person) != ("refresh", "alice"):
            assert len(heard) == 1
            assert is_for(demo, heard[0], person)
    assert told["refresh", "bob"][0].text.startswith(NOT_VISIBLE)
    fresh = demo.slack.message(card.key)
    assert fresh is not None
    assert "kept up to date" not in fresh.text


async def test_closed_channel__watched_by_a_form_says_so(demo: DemoWorkspace) -> None:
    """The form was opened while the app was still there."""
    own = await ask(demo, "alice", seed.CHOLECAP)
    ears = Ears(demo)
    await demo.slack.click(user="alice", message=own, action_id="watch")
    assert await ears.hear() == []
    demo.slack.remove_app(CHANNEL)
    await demo.slack.submit_view("alice", {"place": {"place": "here"}})
    (answer,) = await ears.hear(calls=2)
    assert "I cannot post in this channel" in answer.text
    assert "/invite @Vault Uploads" in answer.text


# Views that do not open, or are closed


@pytest.mark.parametrize("reason", ["expired_trigger_id", "exchanged_trigger_id", "fatal_error"])
async def test_trigger__that_is_too_old_is_answered_in_words(demo: DemoWorkspace, reason: str) -> None:
    """Details as a message, forms with what to do instead, My uploads by direct message."""
    own = await ask(demo, "alice", seed.CHOLECAP, channel="dm")
    home = await a_view(demo, "alice", "home")
    acts = {
        "details": demo.slack.click(user="alice", message=own, action_id="details"),
        "watch": demo.slack.click(user="alice", message=own, action_id="watch"),
        "settings": demo.slack.click(user="alice", view=home, action_id="settings"),
        "my uploads": demo.slack.shortcut("alice", "my_uploads"),
    }
    for name, act in acts.items():
        # Where the words themselves would be a view, that one does not open either.
        demo.slack.faults.add("views.open", ApiError(reason), times=2)
        ears = Ears(demo)
        await act
        heard = await ears.hear()
        demo.slack.faults.clear()
        assert len(heard) == 1, name
        assert is_for(demo, heard[0], "alice")
        assert "Something went wrong" not in heard[0].text
        assert demo.slack.modal("alice") is None
    assert demo.slack.message(own.key) == own


async def test_view__closed_meanwhile_is_quietly_right(demo: DemoWorkspace) -> None:
    """Who closes a modal while Vault thinks wants to read no more of it: nothing comes after them."""
    own = await ask(demo, "alice", seed.CHOLECAP, channel="dm")
    for opening in (
        partial(demo.slack.click, user="alice", message=own, action_id="details"),
        partial(demo.slack.shortcut, "alice", "my_uploads"),
    ):
        demo.vault.faults.add(Delay(0.3), times=2)
        ears = Ears(demo)
        delivery = await opening()
        await delivery.shown()
        await demo.slack.close_view("alice")
        assert await ears.hear() == []
        assert demo.slack.modal("alice") is None


# Twice


@pytest.mark.parametrize("action_id", ["refresh", "take_back"])
async def test_double_click__on_ones_shared_card_is_quietly_right(
    demo: DemoWorkspace, action_id: str
) -> None:
    _, (card,) = await mention(demo, "alice", seed.CHOLECAP)
    ears = Ears(demo)
    await asyncio.gather(
        *(demo.slack.click(user="alice", message=card, action_id=action_id) for _ in range(3))
    )
    assert await ears.hear(calls=3) == []
    assert (demo.slack.message(card.key) is None) is (action_id == "take_back")


async def test_double_click__on_ones_own_card_changes_that_card(demo: DemoWorkspace) -> None:
    own = await ask(demo, "alice", seed.CHOLECAP)
    ears = Ears(demo)
    clicks = [demo.slack.click(user="alice", message=own, action_id="refresh") for _ in range(3)]
    for delivery in await asyncio.gather(*clicks):
        assert (await delivery.answered()).key == own.key
    assert await ears.hear(calls=3) == []


async def test_double_click__opens_one_form(demo: DemoWorkspace) -> None:
    """The second one takes the place of the first."""
    own = await ask(demo, "alice", seed.CHOLECAP)
    for action_id in ("watch", "details"):
        ears = Ears(demo)
        clicks = [demo.slack.click(user="alice", message=own, action_id=action_id) for _ in range(2)]
        await asyncio.gather(*clicks)
        assert await ears.hear(calls=2) == []
        assert len(demo.slack._views.stack("U0ALICE")) == 1
        await demo.slack.close_view("alice")


async def test_double_click__on_stop_says_that_it_is_gone(demo: DemoWorkspace) -> None:
    made = demo.vault.create_upload("alice", "/twice/film.mov", 1000)
    answer = await ask(demo, "alice", f"watch {made.id}")
    clicks = [demo.slack.click(user="alice", message=answer, action_id="unwatch") for _ in range(2)]
    done = done_count(demo)
    deliveries = await asyncio.gather(*clicks)
    await until(lambda: done_count(demo) >= done + 2, "the bot is done")
    told = sorted(one.text for delivery in deliveries for one in delivery.answers)
    assert len(told) == 2
    assert told[0].startswith("I no longer watch film.mov.")
    assert told[1].startswith("This watch is no longer there.")


# Too late for its place


async def test_response_url__that_is_spent_is_answered_directly(demo: DemoWorkspace) -> None:
    card = await ask(demo, "alice", seed.CHOLECAP)
    demo.slack.faults.add("response_url", ApiError("expired_url"))
    ears = Ears(demo)
    await demo.slack.click(user="alice", message=card, action_id="refresh")
    (direct,) = await ears.hear()
    assert direct.channel.startswith("D")
    assert FILM in direct.text
    assert buttons(direct)[0]["action_id"] == "refresh"
