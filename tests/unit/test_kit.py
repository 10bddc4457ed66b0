"""The builders: Slack's limits by construction, foreign text dead."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.demo.slack.block_kit import faults_in
from bot.slack.blocks import kit
from tests.unit.slack_eyes import ENTITY


@pytest.mark.parametrize(
    ("text", "limit", "clipped"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("", 3, ""),
        ("ab&amp;cd", 5, "ab…"),
        ("ab&amp;cd", 7, "ab…"),
        ("ab&amp;cd", 8, "ab&amp;…"),
        ("ab&lt;&gt;", 9, "ab&lt;…"),
    ],
)
def test_clip__never_leaves_half_an_entity(text: str, limit: int, clipped: str) -> None:
    assert kit.clip(text, limit) == clipped


@given(st.text(alphabet="&<>ampltg;x\x00é"), st.integers(1, 40))
def test_clip__of_escaped_text_holds_whole_entities(text: str, limit: int) -> None:
    clipped = kit.clip(kit.escape(text), limit)
    assert len(clipped) <= limit
    assert "&" not in ENTITY.sub("", clipped)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a & b <c> &amp;", "a &amp; b &lt;c&gt; &amp;amp;"),
        (
            "<!channel> <@U1> <#C1> <http://x|y>",
            "&lt;!channel&gt; &lt;@U1&gt; &lt;#C1&gt; &lt;http://x|y&gt;",
        ),
        ("gpj.\u202eexe", "gpj.\ufffdexe"),
        ("a\nb\tc\x00d\u2028e\u200bf\ufeff", "a\ufffdb\ufffdc\ufffdd\ufffde\ufffdf\ufffd"),
        ("Prüfung 日本 🎬 *_~`", "Prüfung 日本 🎬 *_~`"),
    ],
)
def test_escape(text: str, shown: str) -> None:
    assert kit.escape(text) == shown


@given(st.text())
def test_code__has_one_mark_at_each_end_and_fits_into_a_section(text: str) -> None:
    for size in (1, 3000):
        shown = kit.code(text * size)
        assert shown.startswith("`")
        assert shown.endswith("`")
        assert shown.count("`") == 2
        assert kit.section(shown)["text"]["text"] == shown


def test_code__long_text_keeps_its_closing_mark() -> None:
    assert kit.section(kit.code("&" * 5000))["text"]["text"].endswith("&amp;…`")


@pytest.mark.parametrize(
    "block",
    [
        kit.section("x" * 5000),
        kit.section(""),
        kit.section("x", accessory=kit.button("Show", "refresh")),
        kit.header("x" * 5000),
        kit.header("\x00"),
        kit.context(*["x" * 5000] * 12),
        kit.divider(),
        kit.actions(
            kit.button(
                "L" * 200,
                "link",
                value={"u": "ä" * 300, "p": 1},
                url="https://x.example/",
                style="primary",
                spoken="S\u202e" * 200,
                confirm=kit.confirm(title="t" * 200, text="x" * 500, yes="y" * 50, no="n" * 50),
            )
        ),
    ],
    ids=lambda block: str(block["type"]),
)
def test_builders__keep_slacks_limits(block: kit.Block) -> None:
    assert faults_in([block], surface="message") == []


@pytest.mark.parametrize("blank", ["", " ", "   ", "\n"])
def test_header__of_nothing_is_a_dash(blank: str) -> None:
    assert kit.header(blank)["text"]["text"] == "-"


def test_header__shows_the_name_to_the_letter() -> None:
    assert kit.header("a & <b> *c*")["text"] == {"type": "plain_text", "text": "a & <b> *c*", "emoji": False}


def test_section__is_verbatim_so_that_no_path_becomes_a_link() -> None:
    assert kit.section("x")["text"]["verbatim"] is True
    assert kit.context("x")["elements"][0]["verbatim"] is True


def test_context__leaves_out_what_is_empty() -> None:
    assert [one["text"] for one in kit.context("a", "", "b")["elements"]] == ["a", "b"]


def test_button__value_is_json() -> None:
    button = kit.button("x", "refresh", value={"u": 'a"b', "p": 1})
    assert json.loads(button["value"]) == {"u": 'a"b', "p": 1}
    assert "value" not in kit.button("x", "refresh")


def test_date__with_utc_as_fallback() -> None:
    moment = datetime(2026, 3, 5, 8, 14, 59, tzinfo=UTC)
    assert kit.date(moment) == "<!date^1772698499^{date_short_pretty} at {time}|2026-03-05 08:14 UTC>"
    assert kit.date(moment, "{time}") == "<!date^1772698499^{time}|2026-03-05 08:14 UTC>"


def test_message__long_text_is_cut_within_what_an_update_takes() -> None:
    assert len(kit.Message(text="&amp;" * 2000, blocks=[]).text) <= kit.LONGEST_TEXT


@pytest.mark.parametrize(("text", "blocks"), [("", [kit.divider()]), ("x", [kit.divider()] * 51)])
def test_message__without_text_or_with_too_many_blocks_is_a_mistake(
    text: str, blocks: list[kit.Block]
) -> None:
    with pytest.raises(ValueError, match="a message needs"):
        kit.Message(text=text, blocks=blocks)
