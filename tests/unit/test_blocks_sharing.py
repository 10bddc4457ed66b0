"""Cards that others see too, and what is said about them: as golden files, and by Slack's rules."""

import json
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.statuses import UploadStatus
from bot.model.uploads import UploadSession
from bot.slack.blocks import sharing
from bot.slack.blocks.kit import Message
from bot.slack.blocks.upload_status import Public, card
from bot.slack.blocks.watch_words import person
from tests.factories import (
    ALICE,
    AWKWARD,
    BOB_IN_VAULT,
    DASHED_ID,
    HOUR,
    MB,
    QUALITY,
    a_look,
    a_status,
    an_account,
    an_upload,
    begun,
)
from tests.unit.golden_files import agrees
from tests.unit.slack_eyes import assert_slack_takes, buttons_in, facts_in, mrkdwn_in
from tests.unit.wild_uploads import FOREIGN, wild_uploads

BY = person(ALICE.user_id)
PROOF = "0123456789abcdef0123456789abcdef"
SHARED = Public(by=ALICE.user_id, proof=PROOF)
ASKED = Public(by=ALICE.user_id, proof=PROOF, asked=True)
LIVE = Public(by=ALICE.user_id, proof=PROOF, watch_id="0a1b2c3d4e5f6a7b")
OVER = Public(by=ALICE.user_id, proof=PROOF, over="no longer kept up to date")

CARDS: dict[str, tuple[UploadStatus, Public]] = {
    "public_shared": (a_status(), SHARED),
    "public_asked": (a_status(an_upload(id=DASHED_ID), understood=DASHED_ID), ASKED),
    "public_live": (a_status(vault=QUALITY), LIVE),
    "public_over": (a_status(), OVER),
    "public_of_another": (a_status(an_upload(owner=BOB_IN_VAULT)), SHARED),
    "public_uploaded": (
        a_status(begun(26 * HOUR, size=40 * MB, uploaded=40 * MB, uploaded_parts=8)),
        SHARED,
    ),
    "public_expired": (a_status(begun(80 * HOUR)), SHARED),
    "public_awkward": (a_status(an_upload(name=AWKWARD, path=f"/odd names/{AWKWARD}")), SHARED),
}
SAID = {
    "sharing_done": sharing.shared(is_member=True),
    "sharing_done_by_no_member": sharing.shared(is_member=False),
    "sharing_twice": sharing.shared_already(),
    "sharing_not_yours": sharing.not_yours(BY),
    "sharing_not_yours_nobodys": sharing.not_yours(""),
    "sharing_not_known": sharing.not_known(),
    "sharing_not_deleted": sharing.not_deleted(),
}


def drawn(name: str) -> Message:
    """A card, where there are several Vaults."""
    status, public = CARDS[name]
    return card(status, a_look(several_vaults=True), public)


@pytest.mark.parametrize("name", CARDS)
def test_card__golden(name: str) -> None:
    assert agrees(name, asdict(drawn(name)))


@pytest.mark.parametrize("name", SAID)
def test_message__golden(name: str) -> None:
    assert agrees(name, asdict(SAID[name]))


@pytest.mark.parametrize("message", [*map(drawn, CARDS), *SAID.values()], ids=[*CARDS, *SAID])
def test_message__as_slack_takes_it(message: Message) -> None:
    assert_slack_takes(message, own_addresses=(BY,))


@pytest.mark.parametrize("name", [name for name in CARDS if name != "public_awkward"])
def test_card__text_carries_every_fact_of_the_blocks(name: str) -> None:
    message = drawn(name)
    facts = facts_in(message.blocks)
    assert len(facts) >= 12
    assert [fact for fact in facts if fact.lower() not in message.text.lower()] == []


@pytest.mark.parametrize("name", CARDS)
def test_card__says_who_showed_it_and_until_when_it_is_true(name: str) -> None:
    message, asked = drawn(name), CARDS[name][1].asked
    said = f"{'Asked' if asked else 'Shared'} by {BY}, as they could see it "
    assert message.text.startswith(f"{said}2026-09-22 18:00 UTC")
    assert "As of 2026-09-22 18:00 UTC." in message.text
    assert sum(text.startswith(f"{said}<!date^") for text in mrkdwn_in(message.blocks)) == 1


@pytest.mark.parametrize("name", CARDS)
def test_card__is_nobodys_own(name: str) -> None:
    message = drawn(name)
    assert "(you)" not in message.text + json.dumps(message.blocks)


def test_card__that_is_kept_up_to_date_says_so() -> None:
    assert "as they could see it 2026-09-22 18:00 UTC; kept up to date until" in drawn("public_live").text
    assert "; no longer kept up to date. Chol" in drawn("public_over").text
    assert "kept up to date" not in drawn("public_shared").text


@pytest.mark.parametrize("name", CARDS)
def test_card__buttons_carry_whose_card_it_is_where_that_matters(name: str) -> None:
    status, public = CARDS[name]
    found = {one["action_id"]: json.loads(one["value"]) for one in buttons_in(drawn(name).blocks)}
    target = {"u": status.upload.id, "v": status.vault.host}
    known: dict[str, object] = {**target, "by": public.by, "m": PROOF}
    known |= {"a": 1} if public.asked else {}
    known |= {"w": public.watch_id} if public.watch_id else {}
    assert found["refresh"] == found["take_back"] == known
    assert found["details"] == target
    match name:
        case "public_expired":
            assert set(found) == {"refresh", "details", "take_back"}
        case "public_live":
            assert found["watch"] == target
            assert found["unwatch"] == {"w": public.watch_id}
            assert "live" not in found
        case _:
            assert found["watch"] == target
            assert found["live"] == known
    # Whoever wants to show it shows it as themselves, from a card of their own.
    assert "share" not in found


@given(upload=wild_uploads(), full_name=FOREIGN, by=FOREIGN, over=st.sampled_from(["", "It ended."]))
def test_card__anything_at_all(upload: UploadSession, full_name: str, by: str, over: str) -> None:
    status = a_status(upload, account=an_account(vault_full_name=full_name))
    message = card(status, a_look(), Public(by=by, proof=PROOF, over=over))
    assert len(message.text) <= 4000
    assert message.text.startswith("Shared by <@")
