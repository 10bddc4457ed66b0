"""The status card, the list and the suggestions: as golden files, by Slack's rules, and with wild contents."""

import json
import re
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model import text as words
from bot.model.statuses import UploadStatus
from bot.model.uploads import Phase, UploadSession, forecast, most_urgent_first
from bot.slack.blocks.kit import Message
from bot.slack.blocks.upload_status import NO_PART_YET, PER_PAGE, SIGNS, card, listing, near
from tests.factories import (
    BOB_IN_VAULT,
    DASHED_ID,
    GB,
    HOUR,
    LIFETIME,
    MB,
    MINUTE,
    NOW,
    PROMOMATS,
    QUALITY,
    a_list,
    a_look,
    a_status,
    an_account,
    an_upload,
)
from tests.unit.golden_files import agrees
from tests.unit.slack_eyes import assert_slack_takes, buttons_in, facts_in, mrkdwn_in

AWKWARD = 'Q3 <final> & "véry" *long* _name_ `of` ~a~ <!channel> @here 🎬 \u202egpj.exe'


def begun(ago: timedelta, **changes: Any) -> UploadSession:
    """An upload created so long ago."""
    return an_upload(created=NOW - ago, expires=NOW - ago + LIFETIME, **changes)


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
    refresh, everything = buttons_in(card(status, a_look(several_vaults=several)).blocks)
    assert (refresh["action_id"], everything["action_id"]) == ("refresh", "open_list")
    assert json.loads(refresh["value"]) == {"u": status.upload.id, "v": status.vault.host}
    assert json.loads(everything["value"]) == {"v": status.vault.host}


# The list


def many(count: int, **changes: Any) -> list[UploadSession]:
    """Several uploads, the first of them the most urgent."""
    uploads = [
        begun(
            timedelta(hours=70 - number),
            id=f"{number:032x}",
            name=f"file-{number}.zip",
            path=f"/u10001400/file-{number}.zip",
            last_uploaded=NOW - 5 * MINUTE,
            **changes,
        )
        for number in range(count)
    ]
    return most_urgent_first(uploads, NOW, HOUR)


LISTS: dict[str, tuple[list[UploadSession], bool, int]] = {
    "list_0": ([], False, 1),
    "list_0_several_vaults": ([], True, 1),
    "list_1": ([an_upload()], False, 1),
    "list_8": (many(8), False, 1),
    "list_9": (many(9), False, 1),
    "list_9_page_2": (many(9), False, 2),
    "list_50_page_4": (many(50), True, 4),
    "list_of_everyone": ([an_upload(), *many(2, owner=BOB_IN_VAULT)], False, 1),
    "list_awkward": ([an_upload(name=AWKWARD)], False, 1),
}


def drawn(name: str) -> Message:
    """The list of that name."""
    uploads, several, page = LISTS[name]
    return listing(a_list(*uploads), a_look(several_vaults=several), page=page)


@pytest.mark.parametrize("name", LISTS)
def test_listing__golden(name: str) -> None:
    assert agrees(name, asdict(drawn(name)))


@pytest.mark.parametrize("name", LISTS)
def test_listing__as_slack_takes_it(name: str) -> None:
    assert_slack_takes(drawn(name))


@pytest.mark.parametrize("name", [name for name, (uploads, _, _) in LISTS.items() if uploads])
def test_listing__text_carries_every_fact_of_the_page(name: str) -> None:
    uploads, _, page = LISTS[name]
    message = drawn(name)
    shown = uploads[(page - 1) * PER_PAGE : page * PER_PAGE]
    lines = message.text.splitlines()
    assert len(lines) == len(shown) + 1
    for upload, line in zip(shown, lines[1:], strict=True):
        assert line.startswith("• Q3 &lt;final&gt;" if upload.name == AWKWARD else f"• {upload.name}: ")
        for fact in (
            str(upload.phase(NOW, HOUR)),
            f"{upload.percent}%",
            f"{words.size(upload.uploaded)} of {words.size(upload.size)}",
            words.plural(upload.uploaded_parts, "part"),
            f"{upload.expires:%Y-%m-%d %H:%M} UTC",
            words.duration(upload.expires - NOW),
            f"id {upload.id}",
        ):
            assert fact in line
    assert lines[0] == message.blocks[0]["text"]["text"]


@pytest.mark.parametrize("count", [1, 7, 8, 9, 16, 17, 50])
def test_listing__pages_show_each_upload_once_in_order(count: int) -> None:
    uploads = many(count)
    pages = -(-count // PER_PAGE)
    seen: list[str] = []
    for page in range(1, pages + 1):
        message = listing(a_list(*uploads), a_look(), page=page)
        by_action = {button["action_id"]: button for button in buttons_in(message.blocks)}
        seen += [
            json.loads(button["value"])["u"]
            for button in buttons_in(message.blocks)
            if button["action_id"] == "refresh"
        ]
        assert json.loads(by_action["open_list"]["value"])["p"] == page
        assert ("open_list:previous" in by_action) == (page > 1)
        assert ("open_list:next" in by_action) == (page < pages)
        for action_id, step in (("open_list:previous", -1), ("open_list:next", 1)):
            if action_id in by_action:
                assert json.loads(by_action[action_id]["value"]) == {"v": PROMOMATS.host, "p": page + step}
    assert seen == [upload.id for upload in uploads]


@pytest.mark.parametrize(("wished", "shown"), [(0, 1), (-7, 1), (3, 2), (10**30, 2)])
def test_listing__a_page_that_is_not_there_is_the_nearest(wished: int, shown: int) -> None:
    assert f"(page {shown} of 2)" in listing(a_list(*many(9)), a_look(), page=wished).text


def test_listing__whose_upload_only_where_others_are_among_them() -> None:
    assert "owner" not in drawn("list_8").text
    everyone = drawn("list_of_everyone").text
    assert "Uploads you can see: 3" in everyone
    assert f"owner: Vault user {BOB_IN_VAULT}" in everyone
    assert "yours" in everyone


# Suggestions


def test_near__golden_and_as_slack_takes_it() -> None:
    text, blocks = near(many(3), a_look(), PROMOMATS.host)
    assert agrees("near", {"text": text, "blocks": blocks})
    assert_slack_takes(Message(text=text, blocks=blocks))
    for upload in many(3):
        assert f"{upload.name} ({upload.id})" in text


def test_near__nothing_for_none() -> None:
    assert near([], a_look()) == ("", [])


def test_near__without_a_vault_its_buttons_ask_the_default_one() -> None:
    _, blocks = near([an_upload()], a_look())
    assert json.loads(buttons_in(blocks)[0]["value"]) == {"u": an_upload().id}


# Anything at all


SIGNS_TO_FEAR = st.sampled_from(
    [
        "<!channel>",
        "<!here>",
        "<!everyone|x>",
        "<@U01ALICE>",
        "<#C1>",
        "<https://evil.example|click>",
        "<!date^1^{time}|never>",
        "&amp;",
        "&lt;",
        "&",
        "<",
        ">",
        "`",
        "```",
        "*",
        "_",
        "~",
        "\n",
        "\r",
        "\x00",
        "\u202e",
        "\u2066",
        "\u2028",
        "🎬",
        "é",
        "\ud800",
        " ",
        "/",
        "…",
    ]
)
SHORT = st.text() | st.lists(SIGNS_TO_FEAR).map("".join)
FOREIGN = SHORT | st.builds(lambda unit, times: (unit or "x") * times, SHORT, st.integers(1, 300)).map(
    lambda text: text[:5000]
)
MOMENTS = st.datetimes(timezones=st.just(UTC)) | st.timedeltas(-80 * HOUR, 80 * HOUR).map(
    lambda gap: NOW + gap
)
COUNTS = st.integers(0, 2**63 - 1) | st.integers(0, 3)
VAULT_IDS = st.text(min_size=1, max_size=200)


@st.composite
def wild_uploads(draw: st.DrawFn) -> UploadSession:
    """What the border lets through: any text, any count, any moment."""
    return UploadSession(
        id=draw(VAULT_IDS),
        path=draw(FOREIGN.filter(bool)),
        name=draw(FOREIGN.filter(bool)),
        size=draw(COUNTS),
        uploaded=draw(COUNTS),
        uploaded_parts=draw(COUNTS),
        created=draw(MOMENTS),
        expires=draw(MOMENTS),
        last_uploaded=draw(MOMENTS),
        owner=draw(VAULT_IDS | st.just("10001400")),
    )


def as_json(message: Message) -> str:
    """As it would go over the wire."""
    return json.dumps(asdict(message))


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
    assert as_json(message)
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


@given(
    uploads=st.lists(wild_uploads(), max_size=9), now=MOMENTS, page=st.integers(-1, 3), several=st.booleans()
)
def test_listing__anything_at_all(
    uploads: list[UploadSession], now: datetime, page: int, *, several: bool
) -> None:
    message = listing(a_list(*uploads), a_look(now=now, several_vaults=several), page=page)
    assert_slack_takes(message)
    assert as_json(message)


@given(st.lists(wild_uploads(), min_size=1, max_size=3))
def test_near__anything_at_all(uploads: list[UploadSession]) -> None:
    text, blocks = near(uploads, a_look(), PROMOMATS.host)
    assert_slack_takes(Message(text=text, blocks=blocks))
    for upload, block in zip(uploads, blocks[1:], strict=True):
        assert str(upload.phase(NOW, HOUR)) in block["text"]["text"]
