"""The lists and the suggestions: as golden files, by Slack's rules, and with wild contents."""

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model import errors
from bot.model import text as words
from bot.model.accounts import Vault
from bot.model.errors import BotError
from bot.model.statuses import UploadList, UploadLists, VaultTrouble
from bot.model.uploads import UploadSession, most_urgent_first
from bot.slack.blocks.errors import UNEXPECTED
from bot.slack.blocks.kit import LONGEST_TEXT, MOST_BLOCKS, Message
from bot.slack.blocks.upload_list import HOW_UPLOADS_END, MOST_VAULTS, PER_PAGE, listing, near
from tests.factories import (
    AWKWARD,
    BOB_IN_VAULT,
    DASHED_ID,
    HOUR,
    MINUTE,
    NOW,
    PROMOMATS,
    QUALITY,
    a_list,
    a_look,
    an_upload,
    begun,
    some_lists,
)
from tests.unit.error_examples import DETAILS
from tests.unit.golden_files import agrees
from tests.unit.slack_eyes import assert_slack_takes, buttons_in, facts_in
from tests.unit.wild_uploads import FOREIGN, MOMENTS, wild_uploads

REFERENCE = "K7QX2M9B"


def many(count: int, **changes: Any) -> list[UploadSession]:
    """Several uploads, the first of them the most urgent."""
    uploads = [
        begun(
            timedelta(hours=70 - number),
            **{
                "id": f"{number:032x}",
                "name": f"file-{number}.zip",
                "path": f"/u10001400/file-{number}.zip",
                "last_uploaded": NOW - 5 * MINUTE,
                **changes,
            },
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
    return listing(some_lists(a_list(*uploads)), a_look(several_vaults=several), page=page)


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
        message = listing(some_lists(a_list(*uploads)), a_look(), page=page)
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
    assert f"(page {shown} of 2)" in listing(some_lists(a_list(*many(9))), a_look(), page=wished).text


def test_listing__whose_upload_only_where_others_are_among_them() -> None:
    assert "owner" not in drawn("list_8").text
    everyone = drawn("list_of_everyone").text
    assert "Uploads you can see: 3" in everyone
    assert f"owner: Vault user {BOB_IN_VAULT}" in everyone
    assert "yours" in everyone


# Several Vaults


def trouble(error: BotError, vault: Vault = QUALITY) -> VaultTrouble:
    """That Vault did not give its list."""
    return VaultTrouble(vault=vault, error=error)


def vaults(count: int, rows: int, **changes: Any) -> tuple[UploadList, ...]:
    """So many Vaults with so many uploads each."""
    return tuple(
        a_list(*many(rows, **changes), vault=Vault(f"vault-{number}", f"https://v{number}.veevavault.com"))
        for number in range(count)
    )


ENDED = errors.LinkEnded(vault="quality", why="a Vault session lasts 48 hours at most")
SEVERAL: dict[str, UploadLists] = {
    "lists_of_two": some_lists(a_list(*many(6)), a_list(an_upload(), vault=QUALITY)),
    "lists_of_two_empty": some_lists(a_list(), a_list(vault=QUALITY)),
    "lists_of_two_one_empty": some_lists(a_list(), a_list(an_upload(), vault=QUALITY)),
    "lists_vault_down": some_lists(
        a_list(*many(3)), troubles=(trouble(errors.VaultUnavailable(vault="quality")),)
    ),
    "lists_link_ended": some_lists(a_list(*many(10)), troubles=(trouble(ENDED),)),
    "lists_unexpected": some_lists(
        a_list(), troubles=(trouble(errors.VaultAnswerStrange(vault="quality", reason="data: missing")),)
    ),
    "lists_of_everyone": some_lists(
        a_list(*many(2, owner=BOB_IN_VAULT), an_upload()), a_list(an_upload(), vault=QUALITY)
    ),
    "lists_of_twelve": some_lists(*vaults(12, 5)),
    "lists_awkward": some_lists(a_list(an_upload(name=AWKWARD)), a_list(vault=QUALITY)),
}


def grouped(name: str) -> Message:
    """The lists of that name."""
    return listing(SEVERAL[name], a_look(several_vaults=True), reference=REFERENCE)


@pytest.mark.parametrize("name", SEVERAL)
def test_lists__golden(name: str) -> None:
    assert agrees(name, asdict(grouped(name)))


@pytest.mark.parametrize("name", SEVERAL)
def test_lists__as_slack_takes_it(name: str) -> None:
    assert_slack_takes(grouped(name))


@pytest.mark.parametrize("name", [name for name in SEVERAL if name != "lists_awkward"])
def test_lists__text_carries_every_fact_of_the_blocks(name: str) -> None:
    """All but the moment of the look, which the message itself has."""
    message = grouped(name)
    text = message.text.replace("`", "")
    missing = [fact for fact in facts_in(message.blocks) if fact.replace("`", "") not in text]
    assert [fact for fact in missing if not fact.startswith("As of") and fact != "most urgent first"] == []


def test_lists__each_vault_with_its_count_and_its_most_urgent_first() -> None:
    lines = grouped("lists_of_two").text.splitlines()
    assert lines[0] == "Your uploads in 2 Vaults: 7"
    assert lines[1] == "promomats: 6 uploads, the 4 most urgent here"
    names = [line.removeprefix("• ").partition(":")[0] for line in lines[2:6]]
    assert names == [upload.name for upload in many(6)[:4]]
    assert lines[6] == "quality: 1 upload"
    assert lines[7].startswith("• Cholecap-Commercial-2021.mp4: ")
    assert len(lines) == 8


def test_lists__a_button_leads_to_all_of_a_vault_where_more_are_there() -> None:
    found = [
        button for button in buttons_in(grouped("lists_of_two").blocks) if button["action_id"] != "refresh"
    ]
    assert [(one["action_id"], one["text"]["text"], json.loads(one["value"])) for one in found] == [
        ("open_list:vault_1", "All in promomats", {"v": PROMOMATS.host}),
        ("open_list", "Refresh", {"all": 1}),
    ]


def test_lists__show_buttons_name_the_vault_of_the_upload() -> None:
    shown = [
        json.loads(one["value"])
        for one in buttons_in(grouped("lists_of_two").blocks)
        if one["action_id"] == "refresh"
    ]
    assert [one["v"] for one in shown] == [PROMOMATS.host] * 4 + [QUALITY.host]
    assert shown[-1]["u"] == an_upload().id


def test_lists__an_empty_vault_takes_one_line() -> None:
    lines = grouped("lists_of_two_one_empty").text.splitlines()
    assert lines[:3] == ["Your uploads in 2 Vaults: 1", "promomats: no active uploads", "quality: 1 upload"]


def test_lists__nothing_anywhere_says_how_uploads_end() -> None:
    message = grouped("lists_of_two_empty")
    assert message.text.splitlines() == [
        "Your uploads in 2 Vaults: none",
        "promomats: no active uploads",
        "quality: no active uploads",
        HOW_UPLOADS_END,
    ]


def test_lists__trouble_comes_before_what_was_found() -> None:
    lines = grouped("lists_vault_down").text.splitlines()
    assert lines[0] == "Your uploads in 1 of 2 Vaults: 3"
    assert lines[1] == f"quality: {errors.VaultUnavailable(vault='quality')}"
    assert lines[2] == "promomats: 3 uploads"


def test_lists__an_ended_link_says_how_to_link_that_vault_again() -> None:
    line = grouped("lists_link_ended").text.splitlines()[1]
    assert line.endswith("a Vault session lasts 48 hours at most. Link again: `/upload-status link quality`")


def test_lists__reference_only_for_the_unexpected() -> None:
    assert f"Reference: {REFERENCE}" in grouped("lists_unexpected").text
    assert REFERENCE not in grouped("lists_vault_down").text


@pytest.mark.parametrize("kind", list(DETAILS))
def test_lists__any_trouble(kind: type[BotError]) -> None:
    error = kind(**DETAILS[kind])
    message = listing(some_lists(a_list(), troubles=(trouble(error),)), a_look(), reference=REFERENCE)
    assert_slack_takes(message)
    assert (error.sentence in message.text) is not kind.for_the_operator
    assert (UNEXPECTED in message.text) is kind.for_the_operator
    assert (REFERENCE in message.text) is not kind.expected


def test_lists__more_vaults_than_a_message_holds_are_counted() -> None:
    message = grouped("lists_of_twelve")
    assert len(message.blocks) <= MOST_BLOCKS
    assert "Your uploads in 12 Vaults: 60" in message.text
    for number in range(12):
        assert f"vault-{number}: 5 uploads" in message.text
    further = message.text.partition("Further Vaults: ")[2]
    assert further.startswith("vault-9: 5 uploads; vault-10: 5 uploads; vault-11: 5 uploads.")


@pytest.mark.parametrize("count", range(1, MOST_VAULTS + 3))
def test_lists__fit_into_a_message_whole(count: int) -> None:
    """With long names and ids: rows are left out before the text would be cut."""
    found = some_lists(
        *vaults(count, 9, name="n" * 90, id=DASHED_ID), troubles=(trouble(errors.VaultSlow(vault="quality")),)
    )
    message = listing(found, a_look(several_vaults=True))
    assert_slack_takes(message)
    assert len(message.text) <= LONGEST_TEXT
    assert not message.text.endswith("…")
    rows = [one for one in buttons_in(message.blocks) if one["action_id"] == "refresh"]
    assert len(rows) == message.text.count("• n") >= min(count, MOST_VAULTS)


def test_lists__fifty_blocks_are_enough_for_the_most_that_is_shown() -> None:
    found = some_lists(
        *vaults(MOST_VAULTS + 1, 4, name="x", id="i"),
        troubles=(trouble(errors.VaultSlow(vault="quality")),),
    )
    message = listing(found, a_look(several_vaults=True))
    assert_slack_takes(message)
    assert len(message.blocks) <= MOST_BLOCKS


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


@given(
    lists=st.lists(st.lists(wild_uploads(), max_size=5), min_size=1, max_size=4),
    name=FOREIGN,
    now=MOMENTS,
    page=st.integers(-1, 3),
    several=st.booleans(),
    down=st.booleans(),
)
def test_listing__anything_at_all(
    lists: list[list[UploadSession]], name: str, now: datetime, page: int, *, several: bool, down: bool
) -> None:
    vault = Vault(name, PROMOMATS.url)
    found = some_lists(
        *(a_list(*uploads, vault=vault) for uploads in lists),
        troubles=(trouble(errors.LinkEnded(vault=name), vault),) if down else (),
    )
    message = listing(found, a_look(now=now, several_vaults=several), page=page)
    assert_slack_takes(message)
    assert json.dumps(asdict(message))


@given(st.lists(wild_uploads(), min_size=1, max_size=3))
def test_near__anything_at_all(uploads: list[UploadSession]) -> None:
    text, blocks = near(uploads, a_look(), PROMOMATS.host)
    assert_slack_takes(Message(text=text, blocks=blocks))
    for upload, block in zip(uploads, blocks[1:], strict=True):
        assert str(upload.phase(NOW, HOUR)) in block["text"]["text"]
