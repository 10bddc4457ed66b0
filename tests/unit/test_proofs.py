"""Whose card it is: told by the card itself, for that person, upload, channel and workspace alone."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.accounts import SlackUser
from bot.slack.calls import Call, ReplyTo, SlackHome
from bot.slack.proofs import PURPOSE, Proofs
from bot.store.seal import Keyring, new_key
from tests.factories import ALICE, BOB, DASHED_ID, PROMOMATS, QUALITY

CHANNEL = "C01TRIALS"
KEY = new_key()
RING, ROTATED = Keyring.parse(KEY), Keyring.parse(f"{new_key()},{KEY}")
PROOFS = Proofs(RING.mac)
PROOF = PROOFS.of(ALICE, PROMOMATS.host, DASHED_ID, CHANNEL)
VALUE: dict[str, Any] = {"u": DASHED_ID, "v": PROMOMATS.host, "by": ALICE.user_id, "m": PROOF}


def a_click(who: SlackUser = ALICE, channel: str = CHANNEL, *, is_genuine: bool = True, **value: Any) -> Call:
    """A click by this person on a card there, with this changed in its value; None leaves it out."""
    held = {name: one for name, one in {**VALUE, **value}.items() if one is not None}
    return Call(
        kind="refresh",
        slack_user=who,
        home=SlackHome(None, who.team_id),
        reply_to=ReplyTo(slack_user=who),
        value=held,
        channel_id=channel,
        is_private=False,
        is_genuine=is_genuine,
    )


def test_is_owner__who_put_it_there() -> None:
    assert PROOFS.is_owner(a_click())
    assert PROOFS.is_owner(a_click(a=1, w="0a1b2c3d4e5f6a7b"))


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(a_click(BOB), id="another person"),
        pytest.param(a_click(BOB, by=BOB.user_id), id="another person by their own name"),
        pytest.param(a_click(replace(ALICE, workspace="T02OTHER")), id="the same id in another workspace"),
        pytest.param(a_click(channel="C02OTHER"), id="copied to another channel"),
        pytest.param(a_click(channel=""), id="no channel"),
        pytest.param(a_click(u=f"{DASHED_ID}x"), id="another upload"),
        pytest.param(a_click(u=None), id="no upload"),
        pytest.param(a_click(v=QUALITY.host), id="another Vault"),
        pytest.param(a_click(v=None), id="no Vault"),
        pytest.param(a_click(by=None), id="nobody"),
        pytest.param(a_click(m=None), id="no proof"),
        pytest.param(a_click(m=""), id="an empty proof"),
        pytest.param(a_click(m=PROOF[:-1]), id="a proof cut short"),
        pytest.param(a_click(m=PROOF.upper()), id="a proof in capitals"),
        pytest.param(a_click(m=f"{PROOF}0"), id="a proof with more behind it"),
        pytest.param(a_click(m="ü" * 32), id="other letters"),
        pytest.param(a_click(m="\ud800" * 32), id="no letters at all"),
        pytest.param(a_click(m=7), id="a number"),
        pytest.param(a_click(u=f"x\n{DASHED_ID}"), id="a line break"),
        pytest.param(a_click(is_genuine=False), id="a button that this message does not have"),
        pytest.param(replace(a_click(), value=None), id="no value"),
    ],
)
def test_is_owner__nobody_else(call: Call) -> None:
    assert not PROOFS.is_owner(call)


def test_is_owner__not_after_a_rotation_of_keys() -> None:
    assert PROOFS.is_owner(a_click())
    assert not Proofs(ROTATED.mac).is_owner(a_click())


def test_proof__serves_this_purpose_alone() -> None:
    """Whatever else the keyring seals or signs, no text of anybody's makes a card's proof."""
    said = f"{ALICE.workspace}\n{ALICE.user_id}\n{PROMOMATS.host}\n{DASHED_ID}\n{CHANNEL}"
    assert RING.mac(PURPOSE, said).startswith(PROOF)
    assert not RING.mac("csrf", said).startswith(PROOF)


@given(st.text(max_size=60))
def test_is_owner__no_guess(guess: str) -> None:
    assert not PROOFS.is_owner(a_click(m=guess))
