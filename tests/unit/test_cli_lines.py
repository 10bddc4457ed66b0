"""How results look on stdout: nothing moves on a terminal, runs in a spreadsheet, or is cut short."""

import csv
import io
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cli_lines import aligned, csv_line, harmless, link_values, plain, what_became
from bot.model.accounts import AccountSummary, LinkMethod, Unlinked
from tests.databases import ALICE, NOW

LINK = AccountSummary(
    slack_user=ALICE, vault_host="a.example", vault_user_id="1", vault_user_name="alice", method=LinkMethod.PASSWORD,
    linked_at=NOW, valid_until=None, last_used=None, ended_at=None, renewable=False,
)  # fmt: skip
SECOND = timedelta(seconds=1)


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=1))
def test_csv_line__is_read_back(cells: list[str]) -> None:
    """Also what holds line breaks of any kind."""
    assert next(csv.reader(io.StringIO(csv_line(cells) + "\n", newline=""))) == cells


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_harmless__what_a_spreadsheet_would_run(start: str) -> None:
    assert harmless(f"{start}1") == f"'{start}1"
    assert harmless(start) == f"'{start}"
    assert harmless(f"1{start}") == f"1{start}"


@given(st.text())
def test_plain__moves_nothing(text: str) -> None:
    shown = plain(text)
    assert len(shown) == len(text)
    assert shown.isprintable()


def test_aligned__columns_stand_below_each_other() -> None:
    assert aligned([["A", "B", "C"], ["long", "", "x"], ["s", "\n", ""]]) == [
        "A     B  C",
        "long     x",
        "s     ?",
    ]


@pytest.mark.parametrize(
    ("link", "state"),
    [
        (LINK, "active"),
        (replace(LINK, ended_at=NOW), "ended"),
        (replace(LINK, valid_until=NOW), "ended"),
        (replace(LINK, valid_until=NOW + SECOND), "active"),
        (replace(LINK, valid_until=NOW, renewable=True), "active"),
        (replace(LINK, ended_at=NOW, renewable=True), "ended"),
    ],
)
def test_link_values__state(link: AccountSummary, state: str) -> None:
    assert link_values(link, NOW)["state"] == state


def test_what_became__each_has_words_of_its_own() -> None:
    ways = [(method, ended) for method in (*LinkMethod, None) for ended in (True, False)]
    told = {
        what_became(Unlinked(vault_name="a", method=method, session_ended=ended)) for method, ended in ways
    }
    assert len(told) == 4
