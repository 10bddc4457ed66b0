"""What a message's shortcut answers, and the card below a link: as golden files, and by Slack's rules."""

import json
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.demo.slack.block_kit import faults_in
from bot.model.accounts import Vault
from bot.model.errors import (
    BotError,
    LinkEnded,
    NotLinked,
    StoreUnavailable,
    UnknownVault,
    UploadNotVisible,
    VaultMaintenance,
)
from bot.model.pasting import Pasted
from bot.model.statuses import UploadStatus
from bot.model.uploads import UploadSession
from bot.slack.blocks import errors, unfurl
from bot.slack.blocks.found_uploads import MOST, Found, none_there, several
from bot.slack.blocks.kit import LONGEST_TEXT, Message
from tests.factories import (
    AWKWARD,
    BOB_IN_VAULT,
    DASHED_ID,
    GB,
    HOUR,
    NOW,
    PROMOMATS,
    QUALITY,
    a_look,
    a_status,
    an_upload,
    begun,
)
from tests.unit.golden_files import agrees
from tests.unit.slack_eyes import assert_slack_takes, buttons_in, facts_in, mrkdwn_in
from tests.unit.wild_uploads import wild_uploads

REFERENCE = "K7QX2M9B"
LONG_ID = "aB3" * 66


def pasted(upload_id: str) -> Pasted:
    """An id as it was found."""
    return Pasted(upload_id=upload_id, vault=None, others=(), changed=False)


def row(one: UploadStatus | BotError, upload_id: str = "") -> tuple[Pasted, UploadStatus | BotError]:
    """What came of one id."""
    return pasted(upload_id or (one.upload.id if isinstance(one, UploadStatus) else DASHED_ID)), one


STALLED = begun(
    20 * HOUR, id=DASHED_ID, name="Safety-Narratives-wave2.zip", size=7 * GB, uploaded=3 * GB, uploaded_parts=121,
    last_uploaded=NOW - 5 * HOUR,
)  # fmt: skip
NOT_VISIBLE = UploadNotVisible(upload_id=DASHED_ID)
CASES: dict[str, tuple[Found, int, bool]] = {
    "found_two": ([row(a_status()), row(a_status(STALLED))], 0, False),
    "found_with_refusals": (
        [
            row(a_status()),
            row(NOT_VISIBLE),
            row(NotLinked(vault="quality"), "6e93a1d40b7f4c528d2f5a06e81bc497"),
            row(VaultMaintenance(vault="promomats", minutes=20), "c41e6a09f7b84d3d92ab5e10f83c7d24"),
            row(a_status(an_upload(owner=BOB_IN_VAULT), vault=QUALITY)),
        ],
        20,
        True,
    ),
    "found_none_to_show": ([row(NOT_VISIBLE), row(StoreUnavailable(reason="locked"), LONG_ID)], 0, False),
    "found_awkward": (
        [row(a_status(an_upload(name=AWKWARD))), row(UnknownVault(name=AWKWARD, known="a"))],
        1,
        True,
    ),
}


def drawn(name: str) -> Message:
    """The answer of that name."""
    found, further, many = CASES[name]
    return several(found, a_look(several_vaults=many), further=further, reference=REFERENCE)


@pytest.mark.parametrize("name", CASES)
def test_several__golden(name: str) -> None:
    assert agrees(name, asdict(drawn(name)))


@pytest.mark.parametrize("name", CASES)
def test_several__as_slack_takes_it(name: str) -> None:
    assert_slack_takes(drawn(name))


@pytest.mark.parametrize("name", CASES)
def test_several__text_carries_every_fact(name: str) -> None:
    message, marks = drawn(name), str.maketrans("", "", "`ˋ*")
    for fact in facts_in(message.blocks):
        assert fact.translate(marks) in message.text.translate(marks)


@pytest.mark.parametrize("name", CASES)
def test_several__buttons_only_where_there_is_something_to_see(name: str) -> None:
    shown = [one for _, one in CASES[name][0] if isinstance(one, UploadStatus)]
    buttons = buttons_in(drawn(name).blocks)
    assert [one["action_id"] for one in buttons] == ["refresh:found", "share"] * len(shown)
    values = [json.loads(one["value"]) for one in buttons]
    assert values == [{"u": one.upload.id, "v": one.vault.host} for one in shown for _ in range(2)]


def test_several__refusals_are_in_the_very_words_of_a_single_one() -> None:
    for error in (NOT_VISIBLE, NotLinked(vault="quality"), LinkEnded(vault="quality")):
        assert errors.in_a_line(error, REFERENCE) in several([row(error)], a_look(), reference=REFERENCE).text
        assert error.sentence in errors.failure(error, REFERENCE).text


def test_several__longest_that_can_be_loses_nothing() -> None:
    refused = [
        row(UploadNotVisible(upload_id=LONG_ID + str(number)), LONG_ID + str(number))
        for number in range(MOST)
    ]
    told = several(refused, a_look(several_vaults=True), further=10_000, reference=REFERENCE)
    named = [row(UnknownVault(name="v" * 60, known=", ".join(["n" * 40] * 6)), LONG_ID)] * MOST
    for message in (told, several(named, a_look(several_vaults=True), further=10_000, reference=REFERENCE)):
        assert len(message.text) < LONGEST_TEXT
        assert message.text.endswith("As of 2026-09-22 18:00 UTC.")
        assert_slack_takes(message)


@given(st.lists(wild_uploads(), min_size=2, max_size=MOST), st.text(min_size=1, max_size=40))
def test_several__with_wild_contents(uploads: list[UploadSession], vault_name: str) -> None:
    vault = Vault(vault_name, PROMOMATS.url)
    found = [row(replace(a_status(one), vault=vault)) for one in uploads]
    assert_slack_takes(several(found, a_look(several_vaults=True)))


def test_none_there__says_how() -> None:
    message = none_there()
    assert agrees("found_none", asdict(message))
    assert_slack_takes(message)
    assert all(fact in message.text for fact in facts_in(message.blocks))


@pytest.mark.parametrize(("name", "vault_name"), [("unfurl", None), ("unfurl_several_vaults", "promomats")])
def test_unfurl__golden(name: str, vault_name: str | None) -> None:
    card = unfurl.card(DASHED_ID, PROMOMATS.host, vault_name)
    assert agrees(name, card)
    assert faults_in(card["blocks"]) == []
    # Slack: chat.unfurl takes no rich text.
    assert {one["type"] for one in card["blocks"]} == {"section", "actions"}


def test_unfurl__tells_only_what_the_link_tells() -> None:
    """But for the button's value, the cards of all uploads are one and the same."""
    cards = [unfurl.card(one, PROMOMATS.host, "promomats") for one in (DASHED_ID, "a", LONG_ID)]
    for card in cards:
        for button in buttons_in(card["blocks"]):
            del button["value"]
    assert cards[0] == cards[1] == cards[2]
    assert DASHED_ID not in json.dumps(cards[0])


def test_unfurl__a_vaults_name_is_no_markup() -> None:
    card = unfurl.card(DASHED_ID, PROMOMATS.host, AWKWARD)
    for text in (card["fallback"], *mrkdwn_in(card["blocks"])):
        assert "<!channel>" not in text
