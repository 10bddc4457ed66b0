"""Watching by words, by buttons and by the form: who may, what is promised where, and how it ends."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.demo.slack import ApiError, Message
from bot.demo.slack.messages import elements_of
from bot.demo.workspace import CHANNEL, DemoWorkspace
from tests.acceptance.steps import (
    NOT_VISIBLE,
    Traffic,
    action_payload,
    ask,
    buttons,
    click,
    crafted_click,
    deliver,
    done_count,
    shown,
    the_answer,
    until,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

M5 = "7b0e42c9d15f4a3e8f60b2a7c9d4e113"


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def nothing_watched(demo: DemoWorkspace) -> AsyncIterator[None]:
    """Each test begins and ends with nobody watching anything."""
    yield
    demo.slack.faults.clear()
    for person in ("alice", "bob", "vera"):
        await ask(demo, person, "unwatch all")


async def choose(demo: DemoWorkspace, person: str, message: Message, word: str) -> Message:
    """Choose from the only menu Snooze of a message; return the one answer."""
    menus = [
        one for block in message.blocks for one in elements_of(block) if one.get("action_id") == "snooze"
    ]
    value = next(one["value"] for one in menus[0]["options"] if json.loads(one["value"])["s"] == word)
    done = done_count(demo)
    delivery = await demo.slack.click(user=person, message=message, action_id="snooze", option=value)
    return await the_answer(demo, delivery, done)


async def open_form(demo: DemoWorkspace, person: str, message: Message) -> None:
    """Press Watch on a card, and wait until the bot is done with that."""
    done = done_count(demo)
    delivery = await demo.slack.click(user=person, message=message, action_id="watch")
    assert delivery.ack is not None
    view = await delivery.shown()
    assert view.title is not None
    assert view.title["text"] == "Watch this upload"
    await until(lambda: done_count(demo) > done, "the form is open")
    assert delivery.answers == []


async def send_form(demo: DemoWorkspace, person: str, card: Message, **chosen: object) -> Message:
    """Open the form, change these fields and send it; return the answer, which takes the way of the click's."""
    delivery = await demo.slack.click(user=person, message=card, action_id="watch")
    await delivery.shown()
    sent = await demo.slack.submit_view(person, {name: {name: value} for name, value in chosen.items()})
    assert sent.error is None
    assert demo.slack.modal(person) is None
    return await delivery.answered()


def in_channel(demo: DemoWorkspace) -> list[str]:
    """What stands in #trial-uploads for everybody to read."""
    place = demo.slack.workspace.channel(CHANNEL).id
    return [one.text for one in demo.slack.messages if one.channel == place and not one.is_ephemeral]


async def direct_to(demo: DemoWorkspace, person: str, beginning: str) -> Message:
    """The direct message from the bot that begins like that, once it is there."""
    dm = demo.slack.workspace.channel("dm", demo.slack.workspace.user(person)).id

    def found() -> list[Message]:
        return [one for one in demo.slack.messages if one.channel == dm and one.text.startswith(beginning)]

    await until(lambda: bool(found()), f"{person} reads “{beginning}…”")
    return found()[-1]


async def test_watch__is_confirmed_listed_snoozed_and_stopped(demo: DemoWorkspace) -> None:
    answer = await ask(demo, "alice", f"watch {M5} 24h 4h")
    assert answer.text.startswith("I watch m5-datasets.zip. Uploading: 46%")
    assert "I tell you by direct message 24 h and 4 h before it expires" in answer.text
    listed = await ask(demo, "alice", "watches")
    assert "You watch: 1." in listed.text
    assert "by direct message, next reminder" in listed.text
    snoozed = await choose(demo, "alice", listed, "4h")
    assert "Reminders about m5-datasets.zip are silent until" in snoozed.text
    assert "snoozed until" in snoozed.text
    stopped = await click(demo, "alice", snoozed, "unwatch")
    assert stopped.text.startswith("I no longer watch m5-datasets.zip. You watch nothing.")


async def test_watch__again_changes_it(demo: DemoWorkspace) -> None:
    await ask(demo, "alice", f"watch {M5} 24h")
    again = await ask(demo, "alice", f"remind {M5} 2h")
    assert again.text.startswith("Changed: I watch m5-datasets.zip.")
    assert "2 h before it expires" in again.text
    assert "You watch: 1." in (await ask(demo, "alice", "watches")).text


@pytest.mark.parametrize("word", ["unwatch", "UNSUBSCRIBE"])
async def test_unwatch__by_its_id(demo: DemoWorkspace, word: str) -> None:
    await ask(demo, "alice", f"watch {M5}")
    assert (await ask(demo, "alice", f"{word} {M5}")).text == "I no longer watch m5-datasets.zip."
    assert (await ask(demo, "alice", f"{word} {M5}")).text.startswith("This watch is no longer there.")


async def test_unwatch__all_of_nothing(demo: DemoWorkspace) -> None:
    assert (await ask(demo, "alice", "unwatch all")).text == "You watch nothing. There was nothing to stop."


async def test_watch__of_what_one_may_not_see_is_told_like_any_look(demo: DemoWorkspace) -> None:
    for words in (f"watch {M5}", f"watch {M5[:-1]}0 here"):
        answer = await ask(demo, "bob", words)
        assert answer.text.startswith(NOT_VISIBLE)
    assert "You watch nothing." in (await ask(demo, "bob", "watches")).text


async def test_watch__what_already_needs_doing_is_said_at_once(demo: DemoWorkspace) -> None:
    answer = await ask(demo, "alice", "watch e2a94d7760c84b51937d0f3ab86c2d5e")
    assert "Uploaded, not committed: 100%" in answer.text
    assert "Commit it with the tool that sent it before" in answer.text


async def test_watch__of_a_file_name_offers_the_upload(demo: DemoWorkspace) -> None:
    answer = await ask(demo, "alice", "watch label set.pdf")
    assert "Did you mean one of your uploads?" in answer.text
    card = await click(demo, "alice", answer, "refresh")
    assert "watch" in [one["action_id"] for one in buttons(card)]


async def test_watch_all__needs_no_id(demo: DemoWorkspace) -> None:
    answer = await ask(demo, "alice", "watch all 4h")
    assert answer.text.startswith("I watch all your uploads in promomats now, and those that begin later.")


async def test_watch_vault__is_for_admins(demo: DemoWorkspace) -> None:
    assert (
        "Only a Vault Admin can watch all of promomats" in (await ask(demo, "alice", "watch vault here")).text
    )
    answer = await ask(demo, "vera", "watch vault here")
    assert answer.text.startswith("I watch the Vault promomats.")
    assert "when most of its 50 upload sessions are in use" in answer.text


async def test_watch_here__is_announced_with_its_owners_name(demo: DemoWorkspace) -> None:
    before = len(in_channel(demo))
    answer = await ask(demo, "alice", f"watch {M5} here")
    assert "The channel has been told." in answer.text
    (told,) = in_channel(demo)[before:]
    assert told.startswith("<@U0ALICE> watches m5-datasets.zip here: I tell this channel")
    assert "/u10001400" not in told


async def test_watch_here__where_the_bot_is_no_member(demo: DemoWorkspace) -> None:
    answer = await ask(demo, "alice", f"watch {M5} here", channel="#random")
    assert "I cannot post in this channel, so nothing is watched here." in answer.text
    assert "/invite @Vault Uploads" in answer.text
    assert "You watch nothing." in (await ask(demo, "alice", "watches")).text


async def test_watch_here__in_a_direct_message_is_a_direct_message(demo: DemoWorkspace) -> None:
    answer = await ask(demo, "alice", f"watch {M5} here", channel="dm")
    assert "I tell you by direct message" in answer.text


async def test_stop__of_another_persons_watch_asks_its_owner(demo: DemoWorkspace) -> None:
    await ask(demo, "alice", f"watch {M5} here")
    announced = next(
        one for one in reversed(demo.slack.messages) if "watches m5-datasets.zip here" in one.text
    )
    for _ in range(2):
        answer = await click(demo, "bob", announced, "unwatch")
        assert answer.text == "This watch belongs to <@U0ALICE>. I have asked them to stop it."
        assert answer.is_ephemeral
    request = await direct_to(demo, "alice", "<@U0BOB> asks you to stop the watch of m5-datasets.zip in <#")
    assert sum(one.text == request.text for one in demo.slack.messages) == 1
    stopped = await click(demo, "alice", request, "unwatch")
    assert stopped.text.startswith("I no longer watch m5-datasets.zip in <#C0TRIALUPLOADS>.")
    assert (await click(demo, "bob", announced, "unwatch")).text.startswith("This watch is no longer there.")


async def test_stop__of_a_watch_that_speaks_elsewhere_tells_nothing_of_it(demo: DemoWorkspace) -> None:
    answer = await ask(demo, "alice", f"watch {M5}")
    (stop,) = [one for one in buttons(answer) if one["action_id"] == "unwatch"]
    told = await crafted_click(demo, "bob", "unwatch", stop["value"])
    assert told.text.startswith("This watch is no longer there.")
    assert "You watch: 1." in (await ask(demo, "alice", "watches")).text


@pytest.mark.parametrize("value", [None, "", "{}", '{"w":7}', '{"w":"no such watch"}', '{"s":"1h"}'])
@pytest.mark.parametrize("action_id", ["unwatch", "snooze"])
async def test_buttons__with_odd_values_get_an_answer(
    demo: DemoWorkspace, action_id: str, value: str | None
) -> None:
    answer = await crafted_click(demo, "alice", action_id, value)
    assert "Something went wrong" not in answer.text
    assert "no longer there" in answer.text or "older version" in answer.text


async def test_form__opens_without_a_look_into_vault(demo: DemoWorkspace) -> None:
    card = await ask(demo, "alice", M5)
    traffic = Traffic(demo)
    await open_form(demo, "alice", card)
    assert traffic.vault_calls == 0
    view = demo.slack.modal("alice")
    assert view is not None
    assert view.state["leads"]["leads"]["value"] == "24h 4h 1h"
    await demo.slack.close_view("alice")


async def test_form__sent_makes_the_watch_it_says(demo: DemoWorkspace) -> None:
    card = await ask(demo, "alice", M5)
    answer = await send_form(demo, "alice", card, leads="2h 30m", topics=["stalled"])
    assert answer.is_ephemeral
    assert "I tell you by direct message 2 h and 30 min before it expires, when it stalls" in answer.text
    assert "You watch: 1." in (await ask(demo, "alice", "watches")).text


async def test_form__into_this_channel(demo: DemoWorkspace) -> None:
    card = await ask(demo, "alice", M5)
    answer = await send_form(demo, "alice", card, place="here")
    assert "I tell <#C0TRIALUPLOADS> 24 h, 4 h and 1 h before it expires" in answer.text


async def test_form__quiet_hours_are_kept_for_the_next_time(demo: DemoWorkspace) -> None:
    card = await ask(demo, "bob", await an_upload_of_bob(demo))
    await send_form(demo, "bob", card, quiet=["on"], quiet_from="21:00", quiet_to="06:30")
    await open_form(demo, "bob", card)
    view = demo.slack.modal("bob")
    assert view is not None
    assert [one["value"] for one in view.state["quiet"]["quiet"]["selected_options"]] == ["on"]
    assert view.state["quiet_from"]["quiet_from"]["selected_time"] == "21:00"
    await demo.slack.close_view("bob")
    await send_form(demo, "bob", card, quiet=[])
    await open_form(demo, "bob", card)
    view = demo.slack.modal("bob")
    assert view is not None
    assert view.state["quiet"]["quiet"]["selected_options"] == []
    await demo.slack.close_view("bob")


async def an_upload_of_bob(demo: DemoWorkspace) -> str:
    """The id of one of his."""
    (row, *_) = [one for one in buttons(await ask(demo, "bob", "list")) if one["action_id"] == "refresh"]
    return str(json.loads(row["value"])["u"])


async def test_form__mistakes_are_told_within_it(demo: DemoWorkspace) -> None:
    card = await ask(demo, "alice", M5)
    await open_form(demo, "alice", card)
    sent = await demo.slack.submit_view("alice", {"leads": {"leads": "5d"}})
    assert sent.answers == []
    view = demo.slack.modal("alice")
    assert view is not None
    assert view.errors == {"leads": "A time before expiry is between 5s and 3d."}
    await demo.slack.close_view("alice")


async def test_form__looks_again_when_it_is_sent(demo: DemoWorkspace) -> None:
    """Between the click and the form's end the upload may be gone."""
    made = demo.vault.create_upload("alice", "/short-lived.bin", 10)
    card = await ask(demo, "alice", made.id)
    await open_form(demo, "alice", card)
    demo.vault.abort(made.id)
    await demo.slack.close_view("alice")
    assert (await send_form(demo, "alice", card)).text.startswith(NOT_VISIBLE)


async def test_form__forged_with_somebody_elses_upload_is_looked_up_as_its_sender(
    demo: DemoWorkspace,
) -> None:
    card = await ask(demo, "alice", M5)
    bobs = (await crafted_click(demo, "bob", "refresh", buttons(card)[0]["value"])).text
    delivery = await demo.slack.click(user="alice", message=card, action_id="watch")
    view = await delivery.shown()
    person = demo.slack.workspace.user("bob")
    forged = {
        **action_payload(demo, "bob", "watch", None),
        "type": "view_submission",
        "user": {"id": person.id, "team_id": person.team_id},
        "view": view.as_json(demo.slack.team_id),
    }
    await deliver(demo, "interactive", forged, "bob")
    assert (await delivery.answered()).text == bobs
    assert bobs.startswith(NOT_VISIBLE)
    assert "You watch nothing." in (await ask(demo, "bob", "watches")).text
    await demo.slack.close_view("alice")


@pytest.mark.parametrize("reason", ["expired_trigger_id", "exchanged_trigger_id", "fatal_error"])
async def test_form__that_slack_does_not_open_is_answered_in_words(demo: DemoWorkspace, reason: str) -> None:
    card = await ask(demo, "alice", M5)
    demo.slack.faults.add("views.open", ApiError(reason))
    answer = await click(demo, "alice", card, "watch")
    assert answer.text.startswith("Slack did not open the form. Press Watch again")
    assert f"/upload-status watch {M5}" in shown(answer)
    await open_form(demo, "alice", card)
    await demo.slack.close_view("alice")
