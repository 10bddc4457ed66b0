"""Who is who, secrets, durations and references: the small values of the model."""

import copy
import json
import pickle
import traceback
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.model.accounts import SlackUser, Vault, Vaults, VaultUser
from bot.model.clock import aware, system_clock
from bot.model.durations import parse_duration
from bot.model.errors import UnknownVault
from bot.model.references import new_reference
from bot.model.secret import Secret
from tests.factories import BOTH, HOUR, NOW, PROMOMATS, QUALITY, an_account


@pytest.mark.parametrize(
    "text", ["quality", "QUALITY", "@quality", " quality ", QUALITY.host, QUALITY.host.upper()]
)
def test_named__by_name_or_host_in_any_case(text: str) -> None:
    assert BOTH.named(text) is QUALITY


@pytest.mark.parametrize("text", ["", "qual", "https://" + QUALITY.host, "x" * 500])
def test_named__unknown_names_those_that_exist(text: str) -> None:
    with pytest.raises(UnknownVault) as caught:
        BOTH.named(text)
    assert caught.value.remedy == "Use one of: promomats, quality."
    assert len(str(caught.value.details["name"])) <= 60


def test_vaults__default_several_and_at() -> None:
    assert BOTH.default is PROMOMATS
    assert BOTH.several
    assert not Vaults((QUALITY,)).several
    assert BOTH.at(QUALITY.host) is QUALITY
    assert BOTH.at("gone.veevavault.com") is None


def test_vault__host_is_in_lower_case_with_its_port() -> None:
    assert Vault("x", "https://Mine.VeevaVault.com:8443").host == "mine.veevavault.com:8443"


def test_slack_user__is_the_same_person_from_whichever_team_of_an_enterprise() -> None:
    one = SlackUser(workspace="E1", user_id="U1", team_id="T1")
    assert one == SlackUser(workspace="E1", user_id="U1", team_id="T2")
    assert hash(one) == hash(SlackUser(workspace="E1", user_id="U1", team_id="T2"))
    assert one != SlackUser(workspace="T1", user_id="U1", team_id="T1")


@pytest.mark.parametrize(
    ("first", "last", "full"),
    [("Alice", "Moreau", "Alice Moreau"), ("", "Moreau", "Moreau"), ("Alice", "", "Alice"), ("", "", "a@n")],
)
def test_vault_user__full_name(first: str, last: str, full: str) -> None:
    user = VaultUser(id="1", user_name="a@n", first_name=first, last_name=last, email="", security_profile="")
    assert user.full_name == full


# Secrets


VALUE = "veeva-vault-hunter2"
SECRET = Secret(VALUE)


def failing(secret: Secret) -> None:
    """A failure with the secret among its arguments."""
    raise ValueError(secret)


@pytest.mark.parametrize(
    "shown",
    [
        repr(SECRET),
        str(SECRET),
        f"{SECRET}",
        f"{SECRET!r:>40}",
        "%s" % SECRET,  # noqa: UP031 - that is what logging does
        repr([SECRET]),
        repr(an_account(credential=SECRET)),
        json.dumps({"secret": SECRET}, default=str),
    ],
)
def test_secret__is_never_seen_by_accident(shown: str) -> None:
    assert "hunter2" not in shown
    assert "***" in shown


def test_secret__not_in_a_traceback() -> None:
    with pytest.raises(ValueError, match=r"\*\*\*") as caught:
        failing(SECRET)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("way", [pickle.dumps, copy.copy, copy.deepcopy])
def test_secret__is_not_copied_away(way: Any) -> None:
    with pytest.raises(TypeError):
        way(SECRET)


def test_secret__compares_and_opens() -> None:
    assert Secret(VALUE) == SECRET
    assert hash(Secret(VALUE)) == hash(SECRET)
    assert Secret("other") != SECRET
    assert SECRET != VALUE
    assert SECRET.reveal() == VALUE
    assert SECRET
    assert not Secret("")
    assert Secret("ü") != Secret("u")


# Durations, references, moments


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("4h", 4 * HOUR),
        ("2d", timedelta(days=2)),
        (" 4 H ", 4 * HOUR),
        ("0s", timedelta(0)),
        ("999999d", timedelta(days=999999)),
    ],
)
def test_parse_duration(text: str, length: timedelta) -> None:
    assert parse_duration(text) == length


@pytest.mark.parametrize("text", ["", "4", "h", "-4h", "4.5h", "4 hours", "4h 30m", "1234567s", "4w"])
def test_parse_duration__says_how_it_is_written(text: str) -> None:
    with pytest.raises(ValueError, match="such as 90s, 15m, 4h or 2d"):
        parse_duration(text)


def test_new_reference__can_be_read_out() -> None:
    found = {new_reference() for _ in range(200)}
    assert len(found) == 200
    assert all(len(one) == 8 and not set(one) & set("01IO") and one.isalnum() for one in found)


def test_aware__refuses_what_has_no_zone() -> None:
    assert aware(NOW) == NOW
    with pytest.raises(ValueError, match="time zone"):
        aware(datetime(2026, 9, 22))  # noqa: DTZ001


def test_system_clock__is_aware() -> None:
    assert system_clock().utcoffset() == timedelta(0)
