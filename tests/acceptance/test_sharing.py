"""A card that somebody shows to others: what it says, whom its buttons answer, and who may change it."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import pytest_asyncio

from bot.demo.slack import ApiError, ServerError
from bot.demo.slack.messages import Message
from bot.demo.slack.workspace import Channel
from bot.demo.vault import seed
from bot.demo.workspace import CHANNEL, DemoWorkspace
from tests.acceptance.operating import audit_rows, execute
from tests.acceptance.steps import (
    NOT_VISIBLE,
    ask,
    buttons,
    calm,
    click,
    crafted_click,
    done_count,
    same_but,
    shown,
    until,
    usual_workspace,
)
from tests.acceptance.talking_steps import Ears, forged_click, is_done, is_for, is_public, mention

pytestmark = pytest.mark.asyncio(loop_scope="module")

FILM = "Cholecap-Commercial-2021.mp4"
UNKNOWN = "0123456789abcdef0123456789abcdef"
DIRECT = "D0ALICEBOB"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[DemoWorkspace]:
    """The usual workspace; Alice and Bob also write to each other."""
    async with usual_workspace() as demo:
        members = {demo.slack.workspace.user(name).id for name in ("alice", "bob")}
        demo.slack.workspace.channels[DIRECT] = Channel(DIRECT, DIRECT, members, is_im=True)
        yield demo


@pytest_asyncio.fixture(loop_scope="module")
async def demo(shared: DemoWorkspace) -> AsyncIterator[DemoWorkspace]:
    """Long after whatever was shared before."""
    calm(shared)
    shared.clock.advance(timedelta(seconds=11))
    yield shared
    calm(shared)
    shared.slack.archive(CHANNEL, archived=False)
    shared.slack.invite_app(CHANNEL)


def apart(heard: list[Message]) -> tuple[list[Message], list[Message]]:
    """What others read too, and the rest. Whatever goes to a channel where the app is no member counts as read."""
    public = [message for message in heard if not message.is_ephemeral and message.channel[1:] not in _OWN]
    return public, [message for message in heard if message not in public]


_OWN = ("0ALICE", "0BOB", "0VERA")
"""Ends of the ids of people's direct messages with the app."""


async def share(
    demo: DemoWorkspace, person: str, upload_id: str = seed.CHOLECAP, *, channel: str = CHANNEL
) -> tuple[Message, Message]:
    """Share by word; return the card and what the sharer reads."""
    ears = Ears(demo)
    await demo.slack.slash(user=person, channel=channel, text=f"{upload_id} share")
    (card,), (answer,) = apart(await ears.hear())
    assert is_for(demo, answer, person)
    return card, answer


async def press(
    demo: DemoWorkspace, person: str, message: Message, action_id: str
) -> tuple[list[Message], list[Message]]:
    """Press a button; return what was posted for others, and what for the clicker."""
    ears = Ears(demo)
    await demo.slack.click(user=person, message=message, action_id=action_id)
    return apart(await ears.hear())


async def forge(demo: DemoWorkspace, person: str, message: Message, action_id: str, value: str) -> Message:
    """Press a button whose value the client has changed; return the one answer."""
    ears = Ears(demo)
    await forged_click(demo, person, message, action_id, value)
    (answer,) = await ears.hear()
    assert is_for(demo, answer, person)
    return answer


def value_of(message: Message, action_id: str) -> dict[str, Any]:
    """What a button of the message means."""
    value: dict[str, Any] = json.loads(
        next(one["value"] for one in buttons(message) if one["action_id"] == action_id)
    )
    return value


# What it says


async def test_share__by_word(demo: DemoWorkspace) -> None:
    card, answer = await share(demo, "alice")
    assert is_public(card)
    assert card.channel == demo.slack.workspace.channel(CHANNEL).id
    assert card.thread_ts is None
    now = f"{demo.clock.now():%Y-%m-%d %H:%M} UTC"
    assert card.text.startswith(f"Shared by <@U0ALICE>, as they could see it {now}. {FILM}: Uploading, 31%")
    blocks = shown(card).partition("\n")[2]
    for fact in (
        "31%", "10.0 MB of 31.3 MB", "2 parts", "Uploading", "Owner: Alice Moreau", f"As of {now}", "Vault: promomats",
        f"/u10001400/cholecap-2021/{FILM}", "Shared by <@U0ALICE>", "Expires ",
    ):  # fmt: skip
        assert fact in card.text
        assert fact in blocks or fact.startswith("As of")
    assert "(you)" not in shown(card)
    assert "Shared with everybody here" in answer.text
    assert "/invite" not in answer.text
    for person in ("alice", "bob", "nils", "gina"):
        assert card.key in {message.key for message in demo.slack.seen_by(person)}


async def test_share__by_button_leaves_the_card_it_is_on(demo: DemoWorkspace) -> None:
    own = await ask(demo, "alice", seed.CHOLECAP)
    public, alone = await press(demo, "alice", own, "share")
    assert [message.text.partition(",")[0] for message in public] == ["Shared by <@U0ALICE>"]
    assert ["Shared with everybody here" in message.text for message in alone] == [True]
    assert demo.slack.message(own.key) == own


async def test_share__by_button_in_a_thread_stays_there(demo: DemoWorkspace) -> None:
    _, (asked,) = await mention(demo, "alice", seed.CHOLECAP)
    own = await click(demo, "vera", asked, "refresh")
    (card,), (answer,) = await press(demo, "vera", own, "share")
    assert card.thread_ts == answer.thread_ts == asked.thread_ts
    assert card.text.startswith("Shared by <@U0VERA>")


async def test_share__shows_what_the_sharer_sees(demo: DemoWorkspace) -> None:
    """An Admin knows the owner of another's upload as Vault does, by a number."""
    card, _ = await share(demo, "vera")
    assert f"Owner: Vault user {demo.vault.users['alice'].id}." in card.text
    assert "Alice Moreau" not in shown(card)
    assert "Vera" not in shown(card)


async def test_share__as_pasted(demo: DemoWorkspace) -> None:
    card, _ = await share(demo, "alice", f"status `{seed.CHOLECAP}`")
    assert f"Reading this as `{seed.CHOLECAP}`" in card.text


@pytest.mark.parametrize("upload_id", [seed.BOB_ARCHIVE, UNKNOWN])
async def test_share__of_what_one_cannot_see_shows_nothing(demo: DemoWorkspace, upload_id: str) -> None:
    """By word and by a button with another's id: the refusal of any look, for the sharer alone."""
    ears = Ears(demo)
    typed = await ask(demo, "alice", f"{upload_id} share")
    pressed = await crafted_click(demo, "alice", "share", json.dumps({"u": upload_id}))
    looked = await ask(demo, "alice", upload_id)
    assert same_but([(one, upload_id) for one in (typed, pressed, looked)])
    assert typed.text.startswith(NOT_VISIBLE)
    assert apart(ears.heard)[0] == []


@pytest.mark.parametrize("person", ["nils", "gina"])
async def test_share__by_who_may_not_ask_shows_nothing(demo: DemoWorkspace, person: str) -> None:
    ears = Ears(demo)
    await ask(demo, person, f"{seed.CHOLECAP} share")
    assert len(ears.heard) == 1


# Where


async def test_share__where_the_app_is_no_member_says_how_to_invite_it(demo: DemoWorkspace) -> None:
    """By the response_url, which works everywhere; its card can be refreshed and taken back all the same."""
    card, answer = await share(demo, "alice", channel="#random")
    assert card.via == "response_url"
    assert "/invite @Vault Uploads" in answer.text
    assert (await press(demo, "alice", card, "refresh")) == ([], [])
    assert (await press(demo, "alice", card, "take_back")) == ([], [])
    assert demo.slack.message(card.key) is None


@pytest.mark.parametrize("invited", [False, True])
async def test_share__in_a_private_channel(demo: DemoWorkspace, *, invited: bool) -> None:
    if invited:
        demo.slack.invite_app("#migration")
    card, answer = await share(demo, "alice", channel="#migration")
    demo.slack.remove_app("#migration")
    assert ("/invite" in answer.text) is not invited
    assert card.key in {message.key for message in demo.slack.seen_by("vera")}
    assert card.key not in {message.key for message in demo.slack.seen_by("bob")}


async def test_share__between_two_people(demo: DemoWorkspace) -> None:
    card, _ = await share(demo, "alice", channel=DIRECT)
    assert card.key in {message.key for message in demo.slack.seen_by("bob")}
    assert card.key not in {message.key for message in demo.slack.seen_by("vera")}
    refused = await click(demo, "bob", card, "refresh")
    assert refused.text.startswith(NOT_VISIBLE)
    assert demo.slack.message(card.key) == card
    assert (await press(demo, "alice", card, "take_back")) == ([], [])


async def test_share__in_an_archived_channel_is_refused(demo: DemoWorkspace) -> None:
    """Nothing is posted by any way, the card stays, and it can be shared the moment the channel is back."""
    own = await ask(demo, "alice", seed.CHOLECAP)
    demo.slack.archive(CHANNEL)
    public, (answer,) = await press(demo, "alice", own, "share")
    assert public == []
    assert answer.text.startswith("Slack does not let me post in this conversation, so nothing was shared.")
    assert demo.slack.message(own.key) == own
    demo.slack.archive(CHANNEL, archived=False)
    assert len((await press(demo, "alice", own, "share"))[0]) == 1


async def test_share__that_no_way_takes_is_refused(demo: DemoWorkspace) -> None:
    demo.slack.faults.add("chat.postMessage", ApiError("restricted_action"))
    demo.slack.faults.add("response_url", ApiError("used_url"))
    ears = Ears(demo)
    await demo.slack.slash(user="alice", text=f"{seed.CHOLECAP} share")
    (answer,) = await ears.hear()
    assert answer.is_ephemeral
    assert "nothing was shared" in answer.text


async def test_share__that_slack_does_not_answer_is_not_told_as_done(demo: DemoWorkspace) -> None:
    demo.slack.faults.add("chat.postMessage", ServerError(), times=4)
    ears = Ears(demo)
    await demo.slack.slash(user="alice", text=f"{seed.CHOLECAP} share")
    (answer,) = await ears.hear()
    assert answer.is_ephemeral
    assert "Slack did not answer" in answer.text
    assert "Reference: " in answer.text


async def test_double_click__shares_once(demo: DemoWorkspace) -> None:
    own = await ask(demo, "alice", seed.CHOLECAP)
    ears = Ears(demo)
    await asyncio.gather(*(demo.slack.click(user="alice", message=own, action_id="share") for _ in range(3)))
    public, alone = apart(await ears.hear(calls=3))
    assert len(public) == 1
    assert sorted(message.text.partition(".")[0] for message in alone) == [
        "Shared with everybody here", "You have just shared this here", "You have just shared this here",
    ]  # fmt: skip
    elsewhere, _ = await share(demo, "alice", channel="#random")
    assert elsewhere.via == "response_url"
    demo.clock.advance(timedelta(seconds=11))
    assert len((await press(demo, "alice", own, "share"))[0]) == 1


# Refresh


async def test_refresh__by_the_sharer_edits_the_card(demo: DemoWorkspace) -> None:
    made = demo.vault.create_upload("alice", "/shared/film.mov", 20 * 1024 * 1024)
    card, _ = await share(demo, "alice", made.id)
    for percent in ("25%", "50%"):
        demo.vault.send_part(made.id)
        demo.clock.advance(timedelta(minutes=1))
        assert (await press(demo, "alice", card, "refresh")) == ([], [])
        fresh = demo.slack.message(card.key)
        assert fresh is not None
        assert is_public(fresh)
        assert percent in fresh.text
        assert fresh.text.startswith("Shared by <@U0ALICE>, as they could see it ")
        assert f"{demo.clock.now():%Y-%m-%d %H:%M} UTC. film.mov" in fresh.text
        assert "(you)" not in shown(fresh)
        card = fresh
    demo.vault.abort(made.id)
    _, (refused,) = await press(demo, "alice", card, "refresh")
    assert refused.text.startswith(NOT_VISIBLE)
    assert demo.slack.message(card.key) == card


async def test_refresh__of_a_question_stays_a_question(demo: DemoWorkspace) -> None:
    _, (card,) = await mention(demo, "alice", seed.CHOLECAP)
    assert (await press(demo, "alice", card, "refresh")) == ([], [])
    fresh = demo.slack.message(card.key)
    assert fresh is not None
    assert fresh.edited == 1
    assert fresh.text.startswith("Asked by <@U0ALICE>")


async def test_refresh__by_others_is_their_own_look(demo: DemoWorkspace) -> None:
    card, _ = await share(demo, "alice")
    answers = {
        person: await click(demo, person, card, "refresh") for person in ("bob", "vera", "nils", "gina")
    }
    assert all(answer.is_ephemeral for answer in answers.values())
    assert answers["bob"].text.startswith(NOT_VISIBLE)
    assert FILM in answers["vera"].text
    assert "Owner: Vault user" in answers["vera"].text
    assert "not linked" in answers["nils"].text
    assert "only members of the workspace" in answers["gina"].text
    for person in ("bob", "nils", "gina"):
        assert FILM not in shown(answers[person])
    assert demo.slack.message(card.key) == card


async def test_refresh__where_slack_changes_nothing_answers_the_sharer(demo: DemoWorkspace) -> None:
    card, _ = await share(demo, "alice")
    demo.slack.faults.add("response_url", ApiError("message_not_found"))
    answer = await click(demo, "alice", card, "refresh")
    assert answer.is_ephemeral
    assert "(you)" in answer.text
    assert demo.slack.message(card.key) == card


# Whose card it is


async def forgeries(demo: DemoWorkspace, card: Message) -> dict[str, dict[str, Any]]:
    """Values with which Bob might pass for the one who shared Alice's card, from all that he can see."""
    alices = value_of(card, "refresh")
    in_channel, _ = await share(demo, "bob", seed.BOB_ARCHIVE)
    elsewhere, _ = await share(demo, "bob", seed.BOB_ARCHIVE, channel="#random")
    bobs = value_of(in_channel, "refresh")
    return {
        "hers": alices,
        "hers by his name": {**alices, "by": "U0BOB"},
        "his of this channel": bobs,
        "his of another channel": value_of(elsewhere, "refresh"),
        "his for her upload": {**bobs, "u": alices["u"]},
        "none": {**alices, "by": "U0BOB", "m": ""},
        "short": {**bobs, "m": bobs["m"][:8]},
        "no text": {**bobs, "m": [bobs["m"]]},
        "odd letters": {**bobs, "m": "ü" * 32},
    }


async def test_forged__changes_nobody_elses_card(demo: DemoWorkspace) -> None:
    """Whatever his client sends: he gets what he may see, or a word, and her card stays."""
    card, _ = await share(demo, "alice")
    for name, value in (await forgeries(demo, card)).items():
        for action_id in ("refresh", "take_back"):
            answer = await forge(demo, "bob", card, action_id, json.dumps(value))
            assert demo.slack.message(card.key) == card, f"{name} changed it"
            assert FILM not in shown(answer)
            assert action_id == "refresh" or "take this card back" in answer.text or "leave it" in answer.text


async def test_forged__proof_of_one_own_card_does_not_open_another(demo: DemoWorkspace) -> None:
    """Alice has two cards: what is in the one says nothing of the other, nor of one elsewhere."""
    card, _ = await share(demo, "alice")
    other, _ = await share(demo, "alice", seed.ALICE_AWKWARD)
    value = json.dumps(value_of(other, "take_back"))
    assert "leave it" in (await forge(demo, "alice", card, "take_back", value)).text
    assert demo.slack.message(card.key) == card


async def test_delete__by_the_sharer_takes_it_away(demo: DemoWorkspace) -> None:
    card, _ = await share(demo, "alice")
    assert (await press(demo, "alice", card, "take_back")) == ([], [])
    assert demo.slack.message(card.key) is None


async def test_delete__by_others_is_refused(demo: DemoWorkspace) -> None:
    """An Admin of Vault and of Slack too: it is Alice's."""
    card, _ = await share(demo, "alice")
    for person in ("bob", "vera"):
        answer = await click(demo, person, card, "take_back")
        assert answer.text == "Only <@U0ALICE> can take this card back."
        assert answer.is_ephemeral
    assert demo.slack.message(card.key) == card


async def test_delete__that_slack_refuses_is_told(demo: DemoWorkspace) -> None:
    card, _ = await share(demo, "alice")
    demo.slack.faults.add("response_url", ApiError("cant_delete_message"))
    answer = await click(demo, "alice", card, "take_back")
    assert answer.text.startswith("Slack did not let me take the card back.")
    assert answer.is_ephemeral


async def test_delete__after_the_link_has_gone(demo: DemoWorkspace) -> None:
    """What a person put there they may take away, whatever they may see by now."""
    made = demo.vault.create_upload("bob", "/shared/bobs.mov", 1000)
    card, _ = await share(demo, "bob", made.id)
    demo.vault.abort(made.id)
    await ask(demo, "bob", "unlink all")
    assert (await press(demo, "bob", card, "take_back")) == ([], [])
    assert demo.slack.message(card.key) is None
    await demo.link("bob")


# Its other buttons


async def test_watch__on_anothers_card_is_the_clickers(demo: DemoWorkspace) -> None:
    card, _ = await share(demo, "alice")
    for person, told in (("bob", NOT_VISIBLE), ("vera", f"I watch {FILM}")):
        delivery = await demo.slack.click(user=person, message=card, action_id="watch")
        assert FILM not in json.dumps(list((await delivery.shown()).blocks))
        sent = await demo.slack.submit_view(person, {})
        assert sent.error is None
        answer = await delivery.answered()
        assert answer.is_ephemeral
        assert answer.text.startswith(told)
        await ask(demo, person, "unwatch all")
    assert demo.slack.message(card.key) == card


async def test_details__on_anothers_card_are_the_clickers(demo: DemoWorkspace) -> None:
    card, _ = await share(demo, "alice")
    for person, sees in (("bob", False), ("vera", True)):
        done = done_count(demo)
        delivery = await demo.slack.click(user=person, message=card, action_id="details")
        await until(partial(is_done, demo, done), "the bot is done")
        assert delivery.answers == []
        views = "\n".join(json.dumps(list(view.blocks), ensure_ascii=False) for view in delivery.views)
        assert (FILM in views) is sees
        assert (NOT_VISIBLE.rstrip("` ") in views) is not sees
        await demo.slack.close_view(person)
    assert demo.slack.message(card.key) == card


# Written down first


async def test_audit__says_who_shared_what_where(demo: DemoWorkspace) -> None:
    before = execute(demo, "SELECT count(*) FROM audit_log")[0][0]
    await share(demo, "alice")
    await ask(demo, "alice", f"{seed.BOB_ARCHIVE} share")
    done, refused = [row for row in (await audit_rows(demo))[before:] if row["action"] == "share"]
    place = demo.slack.workspace.channel(CHANNEL).id
    assert (done["outcome"], done["upload_id"], done["note"]) == ("done", seed.CHOLECAP, place)
    assert done["slack_user_id"] == "U0ALICE"
    assert (refused["outcome"], refused["upload_id"]) == ("refused", seed.BOB_ARCHIVE)


async def test_audit__that_cannot_be_written_keeps_the_card_back(demo: DemoWorkspace) -> None:
    """The look may be written down, the sharing not: so nobody else sees anything, by word, mention or Refresh."""
    card, _ = await share(demo, "alice")
    demo.clock.advance(timedelta(seconds=11))
    execute(
        demo,
        "CREATE TRIGGER no_share BEFORE INSERT ON audit_log WHEN NEW.action = 'share' "
        "BEGIN SELECT RAISE(ABORT, 'full'); END",
    )
    try:
        answer = await ask(demo, "alice", f"{seed.CHOLECAP} share")
        _, (told,) = await mention(demo, "alice", seed.CHOLECAP)
        public, (refreshed,) = await press(demo, "alice", card, "refresh")
    finally:
        execute(demo, "DROP TRIGGER no_share")
    assert public == []
    for one in (answer, told, refreshed):
        assert "Reference: " in one.text
        assert is_for(demo, one, "alice")
        assert FILM not in shown(one)
    assert demo.slack.message(card.key) == card
    again, _ = await share(demo, "alice")
    assert again.text.startswith("Shared by")
