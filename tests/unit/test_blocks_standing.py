"""The answer to `doctor`, as Slack takes it and as it is read."""

import json
from dataclasses import asdict, replace

import pytest

from bot.model.accounts import LinkMethod
from bot.model.errors import (
    BotError,
    CannotTellDirectly,
    LinkEnded,
    NoStagingAccess,
    SlackUnavailable,
    VaultNotReached,
    VaultRefused,
)
from bot.model.secret import Secret
from bot.model.standing import Standing, Tried
from bot.model.watches import Preferences
from bot.slack.blocks.kit import Message
from bot.slack.blocks.standing import standing
from tests.factories import AWKWARD, BOTH, HOUR, NOW, PROMOMATS, QUALITY, an_account
from tests.unit.golden_files import agrees
from tests.unit.slack_eyes import assert_slack_takes, buttons_in, facts_in

BY_TOKEN = an_account(valid_until=NOW + 168 * HOUR, last_used=NOW)
BY_PASSWORD = an_account(
    vault_host=QUALITY.host,
    method=LinkMethod.PASSWORD,
    linked_at=NOW - 50 * HOUR,
    valid_until=NOW - 2 * HOUR,
    last_used=NOW - 3 * HOUR,
    ended_at=NOW - HOUR,
)
NIGHT = Preferences(time_zone="Europe/Berlin", quiet_from=22 * 60, quiet_to=7 * 60)


def in_promomats(found: int | BotError) -> Tried:
    return Tried(vault=PROMOMATS, found=found)


def drawn(*tried: Tried, **changes: object) -> Message:
    """With Alice's link to promomats, which may be told nothing else."""
    found = Standing(accounts=(BY_TOKEN,), tried=tried, untold=None, preferences=Preferences())
    return standing(replace(found, **changes), BOTH, NOW, version="1.2.3", reference="ALICE234")  # type: ignore[arg-type]


ENDED = Tried(vault=QUALITY, found=LinkEnded(vault="quality", why="a Vault session lasts 48 hours at most"))
MESSAGES: dict[str, Message] = {
    "doctor": drawn(in_promomats(3)),
    "doctor_unlinked": drawn(accounts=()),
    "doctor_link_ended": drawn(in_promomats(1), ENDED, accounts=(BY_TOKEN, BY_PASSWORD), preferences=NIGHT),
    "doctor_without_the_right": drawn(in_promomats(NoStagingAccess(vault="promomats"))),
    "doctor_vault_down": drawn(in_promomats(VaultNotReached(vault="promomats"))),
    "doctor_not_told": drawn(in_promomats(0), untold=CannotTellDirectly(reason="messages_tab_disabled")),
    "doctor_slack_silent": drawn(
        in_promomats(VaultRefused(vault="promomats", error_type="X_Y")), untold=SlackUnavailable()
    ),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_doctor__golden(name: str) -> None:
    assert agrees(name, asdict(MESSAGES[name]))


@pytest.mark.parametrize("name", MESSAGES)
def test_doctor__as_slack_takes_it(name: str) -> None:
    assert_slack_takes(MESSAGES[name])


@pytest.mark.parametrize("name", MESSAGES)
def test_doctor__text_carries_every_fact_of_the_blocks(name: str) -> None:
    text = MESSAGES[name].text.replace("`", "").casefold()
    facts = [fact.replace("`", "") for fact in facts_in(MESSAGES[name].blocks)]
    assert [fact for fact in facts if fact.casefold() not in text] == []


@pytest.mark.parametrize("name", MESSAGES)
def test_doctor__names_version_and_reference_and_no_credential(name: str) -> None:
    assert "1.2.3" in MESSAGES[name].text
    assert "Reference for the operator: ALICE234" in MESSAGES[name].text
    assert "never-shown" not in json.dumps(asdict(MESSAGES[name]))


def test_doctor__offers_to_link_only_what_is_not_linked_or_has_ended() -> None:
    assert buttons_in(MESSAGES["doctor"].blocks) == []
    (begin,) = buttons_in(MESSAGES["doctor_unlinked"].blocks)
    (again,) = buttons_in(MESSAGES["doctor_link_ended"].blocks)
    assert (begin["action_id"], again["action_id"]) == ("link", "link")
    assert json.loads(again["value"]) == {"v": QUALITY.host}


def test_doctor__what_others_wrote_is_no_markup_and_many_links_fit() -> None:
    accounts = tuple(
        an_account(
            vault_host=f"{number}.veevavault.com",
            vault_full_name=AWKWARD,
            vault_user_name=AWKWARD * 20,
            credential=Secret("never-shown"),
        )
        for number in range(60)
    )
    zone = Preferences(time_zone="<!channel>")
    assert_slack_takes(drawn(accounts=accounts, preferences=zone))
