"""The seal: what it opens, and all that it must not open."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.errors import KeyMissing, SealBroken
from bot.model.secret import Secret
from bot.store.seal import Keyring, key_id_of, new_key, row_identity

OLD, NEW = new_key(), new_key()
RING = Keyring.parse(NEW)
ROW = row_identity("account", "T1", "U1", "vault.example")


@given(st.text(), st.text())
def test_seal__round_trip(secret: str, identity: str) -> None:
    sealed = RING.seal(Secret(secret), identity)
    assert RING.open(sealed, identity) == Secret(secret)
    assert re.fullmatch(r"s1\.[0-9a-f]{8}\.[A-Za-z0-9_-]+", sealed)


@given(st.lists(st.text()), st.lists(st.text()))
def test_row_identity__two_rows_never_share_one(one: list[str], other: list[str]) -> None:
    assert (row_identity("account", *one) == row_identity("account", *other)) == (one == other)


@given(st.integers(min_value=0), st.characters())
def test_open__any_changed_character_is_noticed(place: int, character: str) -> None:
    sealed = RING.seal(Secret("session-id"), ROW)
    place %= len(sealed)
    changed = sealed[:place] + character + sealed[place + 1 :]
    if changed != sealed:
        with pytest.raises((SealBroken, KeyMissing)):
            RING.open(changed, ROW)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_open__last_character_has_one_spelling(length: int) -> None:
    """Base64's last character may have bits that say nothing: they must not be changed either."""
    sealed = RING.seal(Secret("x" * length), ROW)
    for character in string.ascii_letters + string.digits + "-_=":
        if character != sealed[-1]:
            with pytest.raises(SealBroken):
                RING.open(sealed[:-1] + character, ROW)


@given(st.text())
def test_open__garbage_is_no_sealed_value(text: str) -> None:
    for garbage in (text, f"s1.{RING.newest_id}.{text}"):
        with pytest.raises(SealBroken):
            RING.open(garbage, ROW)


def test_open__value_of_another_row() -> None:
    sealed = RING.seal(Secret("session-id"), ROW)
    with pytest.raises(SealBroken):
        RING.open(sealed, row_identity("account", "T1", "U2", "vault.example"))


def test_open__key_id_swapped_for_another_of_the_ring() -> None:
    ring = Keyring.parse(f"{NEW},{OLD}")
    sealed = ring.seal(Secret("session-id"), ROW)
    with pytest.raises(SealBroken):
        ring.open(sealed.replace(ring.ids[0], ring.ids[1]), ROW)


def test_open__key_not_in_the_ring_is_named() -> None:
    sealed = Keyring.parse(OLD).seal(Secret("session-id"), ROW)
    with pytest.raises(KeyMissing) as caught:
        RING.open(sealed, ROW)
    assert caught.value.details == {"key_ids": key_id_of(sealed)}


def test_seal__same_secret_never_looks_alike() -> None:
    assert len({RING.seal(Secret("session-id"), ROW) for _ in range(100)}) == 100


def test_rotation__old_values_open_and_new_ones_use_the_newest_key() -> None:
    sealed = Keyring.parse(OLD).seal(Secret("session-id"), ROW)
    ring = Keyring.parse(f"{NEW}\n {OLD}")
    assert ring.open(sealed, ROW) == Secret("session-id")
    assert key_id_of(ring.seal(Secret("x"), ROW)) == ring.newest_id == RING.newest_id
    assert ring.ids == (RING.newest_id, key_id_of(sealed))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no key"),
        (" , ,", "holds no key"),
        (f"{NEW},hunter2", "key 2 of 2 is not one"),
        (f"{NEW[:-1]},{OLD}", "key 1 of 2 is not one"),
        (NEW.removeprefix("vuk1."), "key 1 of 1 is not one"),
        (f"{NEW} {OLD}, {NEW}", "key 3 of 3 repeats"),
    ],
    ids=["empty", "separators", "no_key", "cut_off", "no_prefix", "repeated"],
)
def test_parse__fault_is_named_by_position_and_never_by_value(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        Keyring.parse(text)
    assert "hunter2" not in str(caught.value)
    assert NEW[5:20] not in str(caught.value)


def test_keyring__prints_no_key() -> None:
    assert repr(RING) == str(RING) == f"Keyring({RING.newest_id})"


def test_new_key__is_never_the_same() -> None:
    assert len({new_key() for _ in range(100)}) == 100


def test_mac__depends_on_key_purpose_and_message() -> None:
    ring = Keyring.parse(f"{NEW},{OLD}")
    assert RING.mac("csrf", "ticket") == ring.mac("csrf", "ticket")
    others = {
        ring.mac("csrf", "other"),
        ring.mac("state", "ticket"),
        Keyring.parse(OLD).mac("csrf", "ticket"),
    }
    assert len(others | {ring.mac("csrf", "ticket")}) == 4
    assert re.fullmatch("[0-9a-f]{64}", ring.mac("csrf", "\ud800 any text\0"))
