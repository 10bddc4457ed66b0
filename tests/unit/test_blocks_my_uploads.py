"""The modal with a person's uploads: as golden files, by Slack's rules, page by page, and with wild contents."""

import html
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk.models.views import View

from bot.demo.slack.block_kit import MODAL
from bot.demo.slack.views import read_view
from bot.model.errors import LinkEnded, VaultAnswerStrange, VaultSlow
from bot.model.searching import LONGEST_QUERY
from bot.model.statuses import UploadLists, VaultTrouble
from bot.model.uploads import UploadSession
from bot.slack.blocks.my_uploads import LOOKING, PER_PAGE, looking, view
from tests.factories import (
    AWKWARD,
    BOB_IN_VAULT,
    HOUR,
    NOW,
    PROMOMATS,
    QUALITY,
    a_list,
    a_look,
    an_account,
    an_upload,
    some_lists,
)
from tests.unit.golden_files import agrees
from tests.unit.slack_eyes import DATE, ENTITY, buttons_in, mrkdwn_in
from tests.unit.test_blocks_upload_list import many
from tests.unit.wild_uploads import FOREIGN, MOMENTS, wild_uploads

REFERENCE = "K7QX2M9B"
IN_QUALITY = a_list(
    an_upload(id="q" * 32, name="Audit.zip", expires=NOW + 2 * HOUR),
    vault=QUALITY,
    account=an_account(vault_host=QUALITY.host),
)

VIEWS: dict[str, tuple[UploadLists, dict[str, Any]]] = {
    "my_uploads": (some_lists(a_list(*many(3))), {}),
    "my_uploads_empty": (some_lists(a_list()), {}),
    "my_uploads_page_2": (some_lists(a_list(*many(25))), {"page": 2}),
    "my_uploads_found": (some_lists(a_list(*many(25))), {"query": "FILE-2"}),
    "my_uploads_none_found": (some_lists(a_list(*many(25))), {"query": "poster"}),
    "my_uploads_of_everyone": (some_lists(a_list(an_upload(), *many(2, owner=BOB_IN_VAULT))), {}),
    "my_uploads_several_vaults": (some_lists(a_list(*many(2)), IN_QUALITY), {}),
    "my_uploads_trouble": (
        some_lists(a_list(*many(2)), troubles=(VaultTrouble(vault=QUALITY, error=VaultSlow(vault="quality")),)),
        {},
    ),
    "my_uploads_link_ended": (
        some_lists(a_list(), troubles=(VaultTrouble(vault=QUALITY, error=LinkEnded(vault="quality")),)),
        {},
    ),
    "my_uploads_unexpected": (
        some_lists(
            a_list(),
            troubles=(VaultTrouble(vault=QUALITY, error=VaultAnswerStrange(vault="quality", reason="x")),),
        ),
        {},
    ),
    "my_uploads_awkward": (some_lists(a_list(an_upload(name=AWKWARD))), {"query": "<!channel> `of`"}),
}  # fmt: skip


def drawn(name: str) -> dict[str, Any]:
    """The modal of that name."""
    found, how = VIEWS[name]
    several = len(found.lists) + len(found.troubles) > 1
    return view(found, a_look(several_vaults=several), revision="1", reference=REFERENCE, **how)


def assert_slack_shows(modal: dict[str, Any]) -> None:
    """Slack's limits by two opinions, and no markup but our own."""
    read_view(modal, MODAL)
    View(**modal).validate_json()
    for text in mrkdwn_in(modal["blocks"]):
        bare = DATE.sub("", text)
        assert "<" not in bare, text
        assert ">" not in bare, text
        assert "&" not in ENTITY.sub("", bare), text


def told(modal: dict[str, Any]) -> str:
    """All that stands in the modal."""
    heads = [block["text"]["text"] for block in modal["blocks"] if block["type"] == "header"]
    return html.unescape("\n".join([*heads, *mrkdwn_in(modal["blocks"])]))


def by_action(modal: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What each button below the list means."""
    row = next(block for block in modal["blocks"] if block["type"] == "actions")
    return {one["action_id"]: json.loads(one["value"]) for one in row["elements"]}


@pytest.mark.parametrize("name", VIEWS)
def test_view__golden_and_as_slack_takes_it(name: str) -> None:
    modal = drawn(name)
    assert agrees(name, modal)
    assert_slack_shows(modal)


def test_looking__golden() -> None:
    assert agrees("my_uploads_looking", looking())
    assert told(looking()) == LOOKING
    assert_slack_shows(looking())


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("my_uploads", ("Your uploads: 3", "file-0.zip", "31%", "10.0 MB of 31.3 MB", "expires in")),
        ("my_uploads_empty", ("You have no active uploads", "no longer shown")),
        ("my_uploads_page_2", ("Your uploads: 25 (page 2 of 3)",)),
        ("my_uploads_found", ("6 of 25 uploads found by “FILE-2”",)),
        ("my_uploads_none_found", ("None of 25 uploads found by “poster”",)),
        ("my_uploads_of_everyone", ("Uploads you can see: 3", "yours", f"owner: Vault user {BOB_IN_VAULT}")),
        ("my_uploads_several_vaults", ("Your uploads: 3", "Vault: promomats", "Vault: quality")),
        ("my_uploads_trouble", ("Your uploads: 2", "⚠️ *quality*: Vault (quality) did not answer in time")),
        ("my_uploads_link_ended", ("no active uploads in the Vaults that answered", "upload-status link quality")),
        ("my_uploads_unexpected", (f"Reference: {REFERENCE}",)),
    ],
)  # fmt: skip
def test_view__says(name: str, facts: tuple[str, ...]) -> None:
    for fact in facts:
        assert fact in told(drawn(name)), fact


def test_view__several_vaults_share_one_order_and_each_button_names_its_own() -> None:
    details = list(buttons_in(drawn("my_uploads_several_vaults")["blocks"]))[:3]
    assert [json.loads(one["value"])["v"] for one in details] == [
        QUALITY.host,
        PROMOMATS.host,
        PROMOMATS.host,
    ]
    assert {one["action_id"] for one in details} == {"details"}


@pytest.mark.parametrize("count", [1, 10, 11, 50])
@pytest.mark.parametrize("query", ["", "file"])
def test_view__pages_show_each_upload_once_in_order(count: int, query: str) -> None:
    uploads, seen, page = many(count), list[str](), 1
    while page:
        modal = view(
            some_lists(a_list(*uploads)), a_look(), query=query, page=page, revision="1", reference=REFERENCE
        )
        seen += [
            json.loads(one["value"])["u"]
            for one in buttons_in(modal["blocks"])
            if one["action_id"] == "details"
        ]
        turning = by_action(modal)
        assert turning["open_list"] == {"p": page, "q": query}
        assert turning.get("open_list:previous", {"p": 0, "q": query}) == {"p": page - 1, "q": query}
        page = turning.get("open_list:next", {"p": 0})["p"]
    assert seen == [upload.id for upload in uploads]


@pytest.mark.parametrize(("page", "shown"), [(-3, "1"), (0, "1"), (3, "3"), (99, "3")])
def test_view__a_page_that_is_not_there_is_the_nearest(page: int, shown: str) -> None:
    found = some_lists(a_list(*many(PER_PAGE * 2 + 1)))
    modal = view(found, a_look(), page=page, revision="1", reference=REFERENCE)
    assert f"(page {shown} of 3)" in told(modal)


def test_view__keeps_what_was_searched_in_a_field_that_is_new_each_time() -> None:
    fields = [
        view(some_lists(a_list()), a_look(), query="a b", revision=one, reference=REFERENCE)["blocks"][0]
        for one in "12"
    ]
    assert [field["element"]["initial_value"] for field in fields] == ["a b", "a b"]
    assert fields[0]["block_id"] != fields[1]["block_id"]
    assert fields[0]["dispatch_action"] is True
    assert by_action(drawn("my_uploads_none_found"))["open_list:all"] == {"p": 1, "q": ""}
    assert "open_list:all" not in by_action(drawn("my_uploads"))


@settings(max_examples=40)
@given(
    uploads=st.lists(wild_uploads(), max_size=12),
    query=FOREIGN.map(lambda text: text.strip()[:LONGEST_QUERY]),
    page=st.integers(),
    now=MOMENTS,
)
def test_view__anything_at_all(uploads: list[UploadSession], query: str, page: int, now: Any) -> None:
    for wanted in (query, ""):
        modal = view(
            some_lists(a_list(*uploads)),
            a_look(now=now, several_vaults=True),
            query=wanted,
            page=page,
            revision="1",
            reference=REFERENCE,
        )
        assert_slack_shows(modal)
