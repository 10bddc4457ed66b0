"""The status card: as golden files, by Slack's rules, and with wild contents."""

import json
import re
from dataclasses import asdict
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model import text as words
from bot.model.statuses import UploadStatus
from bot.model.uploads import Phase, UploadSession, forecast
from bot.slack.blocks.upload_status import NO_PART_YET, SIGNS, card
from tests.factories import (
    AWKWARD,
    BOB_IN_VAULT,
    DASHED_ID,
    GB,
    HOUR,
    MB,
    MINUTE,
    NOW,
    QUALITY,
    a_look,
    a_status,
    an_account,
    an_upload,
    begun,
)
from tests.unit.golden_files import agrees
from tests.unit.slack_eyes import assert_slack_takes, buttons_in, facts_in, mrkdwn_in
from tests.unit.wild_uploads import FOREIGN, MOMENTS, wild_uploads

CARDS: dict[str, tuple[UploadStatus, bool]] = {
    "card_uploading": (a_status(), False),
    "card_not_started": (
        a_status(begun(35 * MINUTE, last_uploaded=NOW - 35 * MINUTE, uploaded=0, uploaded_parts=0)),
        False,
    ),
    "card_stalled": (
        a_status(
            begun(
                20 * HOUR, last_uploaded=NOW - 5 * HOUR, size=7 * GB, uploaded=3172 * MB, uploaded_parts=121
            )
        ),
        False,
    ),
    "card_too_slow": (
        a_status(
            begun(71 * HOUR, last_uploaded=NOW - 9 * MINUTE, size=6 * GB, uploaded=5 * GB, uploaded_parts=251)
        ),
        False,
    ),
    "card_uploaded": (
        a_status(
            begun(26 * HOUR, last_uploaded=NOW - 25 * HOUR, size=40 * MB, uploaded=40 * MB, uploaded_parts=8)
        ),
        False,
    ),
    "card_expired": (a_status(begun(80 * HOUR, last_uploaded=NOW - 78 * HOUR)), False),
    "card_expired_without_a_part": (
        a_status(begun(72 * HOUR, last_uploaded=NOW - 72 * HOUR, uploaded=0, uploaded_parts=0)),
        False,
    ),
    "card_of_another": (a_status(an_upload(owner=BOB_IN_VAULT)), False),
    "card_several_vaults": (a_status(vault=QUALITY), True),
    "card_understood": (a_status(an_upload(id=DASHED_ID), understood=DASHED_ID), False),
    "card_awkward": (a_status(an_upload(name=AWKWARD, path=f"/u10001400/odd names/{AWKWARD}")), False),
    "card_empty_file": (
        a_status(an_upload(size=0, uploaded=0, uploaded_parts=1, last_uploaded=NOW - MINUTE)),
        False,
    ),
}


@pytest.mark.parametrize("name", CARDS)
def test_card__golden(name: str) -> None:
    status, several = CARDS[name]
    assert agrees(name, asdict(card(status, a_look(several_vaults=several))))


@pytest.mark.parametrize("name", CARDS)
def test_card__as_slack_takes_it(name: str) -> None:
    status, several = CARDS[name]
    assert_slack_takes(card(status, a_look(several_vaults=several)))


def test_cards__show_every_phase() -> None:
    assert {status.upload.phase(NOW, HOUR) for status, _ in CARDS.values()} == set(Phase) == set(SIGNS)


@pytest.mark.parametrize(
    "fact",
    [
        "Cholecap-Commercial-2021.mp4",
        "Uploading",
        "31%",
        "10.0 MB of 31.3 MB",
        "2 parts",
        "Owner: Alice Moreau (you)",
        "Last part 2026-09-22 17:56 UTC (4 min ago)",
        "Expires 2026-09-25 17:48 UTC (in 71 h)",
        "At this pace it finishes about 71 h before that.",
        "/u10001400/cholecap-2021/Cholecap-Commercial-2021.mp4",
    ],
)
def test_card__text_of_the_published_example(fact: str) -> None:
    assert fact in card(a_status(), a_look()).text


# "text carries every fact": told from the values, and stripped from the blocks


def facts_of(status: UploadStatus, *, several: bool) -> list[str]:
    """The facts of the contract, section 7, made here anew from the values."""
    upload = status.upload
    phase = upload.phase(NOW, HOUR)
    facts = [
        str(phase),
        f"{upload.percent}%",
        f"{words.size(upload.uploaded)} of {words.size(upload.size)}",
        words.plural(upload.uploaded_parts, "part"),
        "Alice Moreau (you)" if status.is_own else f"Vault user {upload.owner}",
        f"{upload.expires:%Y-%m-%d %H:%M} UTC",
        f"{upload.created:%Y-%m-%d %H:%M} UTC",
        NO_PART_YET.capitalize() if upload.nothing_there else f"{upload.last_uploaded:%Y-%m-%d %H:%M} UTC",
    ]
    seen = forecast(upload, NOW)
    if phase is Phase.UPLOADING and seen:
        facts.append("it finishes about" if seen.in_time else "it will expire first")
    if phase is Phase.STALLED:
        facts.append("Nothing has come since")
    if phase is Phase.UPLOADED:
        facts += ["All bytes are there", "Commit it", "or Vault deletes every byte"]
    if several:
        facts.append(f"Vault: {status.vault.name}")
    if status.understood:
        facts.append(f"Reading this as `{status.understood}`")
    return facts


@pytest.mark.parametrize("name", CARDS)
def test_card__text_carries_every_fact(name: str) -> None:
    status, several = CARDS[name]
    message = card(status, a_look(several_vaults=several))
    for fact in facts_of(status, several=several):
        assert fact in message.text
    if status.upload.name != AWKWARD:
        assert status.upload.name in message.text
        assert status.upload.path in message.text


@pytest.mark.parametrize("name", [name for name in CARDS if name != "card_awkward"])
def test_card__text_carries_every_fact_of_the_blocks(name: str) -> None:
    status, several = CARDS[name]
    message = card(status, a_look(several_vaults=several))
    facts = facts_in(message.blocks)
    assert len(facts) >= 11
    missing = [fact for fact in facts if fact.lower() not in message.text.lower()]
    assert missing == []


@pytest.mark.parametrize("name", CARDS)
def test_card__blocks_carry_every_fact_too(name: str) -> None:
    status, several = CARDS[name]
    blocks = " ".join(mrkdwn_in(card(status, a_look(several_vaults=several)).blocks)).replace("*", "")
    for fact in facts_of(status, several=several):
        assert fact.lower() in blocks.lower()


def test_card__names_the_vault_only_when_there_are_several() -> None:
    assert "Vault:" not in card(a_status(), a_look()).text
    assert "Vault: promomats" in card(a_status(), a_look(several_vaults=True)).text


def test_card__of_nothing_yet_speaks_of_no_last_part() -> None:
    status, _ = CARDS["card_not_started"]
    message = card(status, a_look())
    assert "ast part" not in message.text + json.dumps(message.blocks)


def test_card__awkward_name_is_shown_and_dead() -> None:
    message = card(CARDS["card_awkward"][0], a_look())
    assert message.blocks[0]["text"]["text"] == AWKWARD.replace("\u202e", "\ufffd")
    for text in (message.text, *mrkdwn_in(message.blocks)):
        assert "<!channel>" not in text
        assert "\u202e" not in text
    assert "&lt;!channel&gt;" in message.text


@pytest.mark.parametrize("name", CARDS)
def test_card__buttons_say_what_is_meant_and_nothing_more(name: str) -> None:
    status, several = CARDS[name]
    *about, everything = buttons_in(card(status, a_look(several_vaults=several)).blocks)
    is_over = status.upload.phase(NOW, HOUR) is Phase.EXPIRED
    possible = (
        ["refresh", "details", "share"] if is_over else ["refresh", "details", "watch", "share", "live"]
    )
    assert [one["action_id"] for one in about] == possible
    for one in about:
        assert json.loads(one["value"]) == {"u": status.upload.id, "v": status.vault.host}
    assert (everything["action_id"], json.loads(everything["value"])) == ("open_list", {"all": 1})


# Anything at all


@given(upload=wild_uploads(), full_name=FOREIGN, now=MOMENTS, several=st.booleans())
def test_card__anything_at_all(
    upload: UploadSession, full_name: str, now: datetime, *, several: bool
) -> None:
    status = a_status(
        upload,
        account=an_account(vault_full_name=full_name),
        understood=upload.id if re.fullmatch(r"[A-Za-z0-9._-]+", upload.id) else None,
    )
    message = card(status, a_look(now=now, several_vaults=several))
    assert_slack_takes(message)
    assert json.dumps(asdict(message))
    for fact in (
        f"{upload.phase(now, HOUR)}, {upload.percent}%, {words.size(upload.uploaded)} of",
        words.utc(upload.expires),
        words.utc(upload.created),
        words.plural(upload.uploaded_parts, "part"),
    ):
        assert fact in message.text
    if not status.is_own and upload.owner.isalnum():
        assert f"Owner: Vault user {upload.owner}." in message.text
    path = message.blocks[1]["text"]["text"]
    assert path[0] == path[-1] == "`"
    assert path.count("`") == 2
