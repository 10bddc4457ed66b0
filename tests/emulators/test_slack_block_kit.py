"""Block Kit: for each rule one case that Slack takes and one that it refuses, with the reason."""

from typing import Any

import pytest

from bot.demo.slack.block_kit import BLOCKS, HOME, MESSAGE, MODAL, faults_in

Json = dict[str, Any]


def plain(text: str = "Go", **more: Any) -> Json:
    return {"type": "plain_text", "text": text, **more}


def mrkdwn(text: str = "*Go*", **more: Any) -> Json:
    return {"type": "mrkdwn", "text": text, **more}


def section(**more: Any) -> Json:
    return {
        "type": "section",
        **({"text": mrkdwn()} if "text" not in more and "fields" not in more else {}),
        **more,
    }


def button(**more: Any) -> Json:
    return {"type": "button", "text": plain(), **more}


def actions(*elements: Json, **more: Any) -> Json:
    return {"type": "actions", "elements": list(elements), **more}


def option(value: str = "v", **more: Any) -> Json:
    return {"text": plain("One"), "value": value, **more}


def confirm(**more: Any) -> Json:
    return {"title": plain(), "text": mrkdwn(), "confirm": plain(), "deny": plain(), **more}


def select(**more: Any) -> Json:
    return {"type": "static_select", **more}


def overflow(count: int) -> Json:
    return {"type": "overflow", "options": [option(str(number)) for number in range(count)]}


def image(**more: Any) -> Json:
    return {"type": "image", "image_url": "https://x.example/a.png", "alt_text": "A", **more}


def entry(**more: Any) -> Json:
    return {"type": "input", "label": plain("Why"), "element": {"type": "plain_text_input"}, **more}


def rich(*parts: Json) -> Json:
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": list(parts)}]}


def table(rows: int, cells: int = 1) -> Json:
    return {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * cells] * rows}


CASES: dict[str, tuple[list[Any], list[Any], str]] = {
    "unknown block": ([section()], [{"type": "sektion"}], "unsupported type: sektion"),
    "not a block": ([section()], ["section"], "must be an object"),
    "odd type": ([section()], [{"type": ["section"]}], "unsupported type"),
    "most blocks": ([section()] * 50, [section()] * 51, "no more than 50 items"),
    "section needs text": (
        [section(fields=[mrkdwn()])],
        [{"type": "section"}],
        "at least one of: text, fields",
    ),
    "section text": (
        [section(text=mrkdwn("x" * 3000))],
        [section(text=mrkdwn("x" * 3001))],
        "less than 3001",
    ),
    "empty text": ([section(text=mrkdwn("x"))], [section(text=mrkdwn(""))], "more than 0 characters"),
    "text kind": ([section(text=plain())], [section(text={"type": "html", "text": "x"})], "unsupported type"),
    "text is an object": ([section()], [section(text="hello")], "must be an object"),
    "text is a string": ([section()], [section(text={"type": "mrkdwn", "text": 5})], "must be a string"),
    "verbatim": ([section(text=mrkdwn(verbatim=True))], [section(text=plain(verbatim=True))], "verbatim"),
    "emoji": ([section(text=plain(emoji=True))], [section(text=mrkdwn(emoji=True))], "emoji"),
    "fields count": ([section(fields=[mrkdwn()] * 10)], [section(fields=[mrkdwn()] * 11)], "no more than 10"),
    "field text": (
        [section(fields=[mrkdwn("x" * 2000)])],
        [section(fields=[mrkdwn("x" * 2001)])],
        "less than 2001",
    ),
    "unknown key in block": ([section()], [section(colour="red")], "invalid additional property: colour"),
    "unknown key in element": ([actions(button())], [actions(button(size=3))], "additional property: size"),
    "unknown key in text": ([section()], [section(text=mrkdwn(bold=True))], "additional property: bold"),
    "accessory": (
        [section(accessory=image())],
        [section(accessory={"type": "plain_text_input"})],
        "accessory",
    ),
    "header text": (
        [{"type": "header", "text": plain("x" * 150)}],
        [{"type": "header", "text": plain("x" * 151)}],
        "less than 151",
    ),
    "header is plain": (
        [{"type": "header", "text": plain()}],
        [{"type": "header", "text": mrkdwn()}],
        "unsupported type for text: mrkdwn",
    ),
    "context count": (
        [{"type": "context", "elements": [mrkdwn()] * 10}],
        [{"type": "context", "elements": [mrkdwn()] * 11}],
        "no more than 10",
    ),
    "context holds texts and images": (
        [{"type": "context", "elements": [image(), plain()]}],
        [{"type": "context", "elements": [button()]}],
        "unsupported type",
    ),
    "context is not empty": (
        [{"type": "context", "elements": [mrkdwn()]}],
        [{"type": "context", "elements": []}],
        "no fewer than 1",
    ),
    "actions count": ([actions(*[button()] * 25)], [actions(*[button()] * 26)], "no more than 25"),
    "button text": (
        [actions(button(text=plain("x" * 75)))],
        [actions(button(text=plain("x" * 76)))],
        "less than 76",
    ),
    "button text is plain": ([actions(button())], [actions(button(text=mrkdwn()))], "text: mrkdwn"),
    "button needs text": ([actions(button())], [actions({"type": "button"})], "missing required field: text"),
    "button value": (
        [actions(button(value="x" * 2000))],
        [actions(button(value="x" * 2001))],
        "less than 2001",
    ),
    "button url": ([actions(button(url="x" * 3000))], [actions(button(url="x" * 3001))], "less than 3001"),
    "button style": ([actions(button(style="danger"))], [actions(button(style="loud"))], "must be one of"),
    "button label": (
        [actions(button(accessibility_label="x" * 75))],
        [actions(button(accessibility_label="x" * 76))],
        "less than 76",
    ),
    "action_id length": (
        [actions(button(action_id="x" * 255))],
        [actions(button(action_id="x" * 256))],
        "less than 256",
    ),
    "action_id is unique in its block": (
        [actions(button(action_id="a")), actions(button(action_id="a"))],
        [actions(button(action_id="a"), button(action_id="a"))],
        "action_id already exists: a",
    ),
    "block_id length": ([section(block_id="x" * 255)], [section(block_id="x" * 256)], "less than 256"),
    "block_id is unique": (
        [section(block_id="a"), section(block_id="b")],
        [section(block_id="a"), section(block_id="a")],
        "block_id already exists: a",
    ),
    "confirm title": (
        [actions(button(confirm=confirm(title=plain("x" * 100))))],
        [actions(button(confirm=confirm(title=plain("x" * 101))))],
        "less than 101",
    ),
    "confirm text": (
        [actions(button(confirm=confirm(text=plain("x" * 300))))],
        [actions(button(confirm=confirm(text=plain("x" * 301))))],
        "less than 301",
    ),
    "confirm answers": (
        [actions(button(confirm=confirm(deny=plain("x" * 30))))],
        [actions(button(confirm=confirm(deny=plain("x" * 31))))],
        "less than 31",
    ),
    "confirm is whole": (
        [actions(button(confirm=confirm()))],
        [actions(button(confirm=confirm(deny=None)))],
        "missing required field: deny",
    ),
    "select options": (
        [actions(select(options=[option(str(n)) for n in range(100)]))],
        [actions(select(options=[option(str(n)) for n in range(101)]))],
        "no more than 100",
    ),
    "select has options or groups": (
        [actions(select(option_groups=[{"label": plain(), "options": [option()]}]))],
        [actions(select())],
        "exactly one of",
    ),
    "option value": (
        [actions(select(options=[option("x" * 150)]))],
        [actions(select(options=[option("x" * 151)]))],
        "less than 151",
    ),
    "option text": (
        [actions(select(options=[option(text=plain("x" * 75))]))],
        [actions(select(options=[option(text=plain("x" * 76))]))],
        "less than 76",
    ),
    "overflow most": ([actions(overflow(5))], [actions(overflow(6))], "no more than 5"),
    "overflow least": ([actions(overflow(1))], [actions(overflow(0))], "no fewer than 1"),
    "image alt text": ([image()], [{"type": "image", "image_url": "https://x.example/a"}], "alt_text"),
    "image has one source": ([image()], [image(slack_file={"id": "F1"})], "exactly one of"),
    "input element": ([entry()], [entry(element=button())], "unsupported type for an input block's element"),
    "input label": ([entry(label=plain("x" * 2000))], [entry(label=plain("x" * 2001))], "less than 2001"),
    "input optional": ([entry(optional=True)], [entry(optional="yes")], "must be a boolean"),
    "rich text part": ([rich({"type": "text", "text": "x"})], [rich({"type": "blink"})], "rich text part"),
    "markdown text": (
        [{"type": "markdown", "text": "x" * 12_000}],
        [{"type": "markdown", "text": "x" * 12_001}],
        "less than 12001",
    ),
    "markdown in all": (
        [{"type": "markdown", "text": "x" * 6_000}] * 2,
        [{"type": "markdown", "text": "x" * 6_001}] * 2,
        "in all",
    ),
    "table rows": ([table(100)], [table(101)], "no more than 100"),
    "table cells": ([table(1, 20)], [table(1, 21)], "no more than 20"),
    "one table": ([table(1)], [table(1), table(1)], "no more than 1 table"),
    "card has something": ([{"type": "card", "title": mrkdwn()}], [{"type": "card"}], "at least one of"),
    "carousel holds cards": (
        [{"type": "carousel", "elements": [{"type": "card", "title": mrkdwn()}]}],
        [{"type": "carousel", "elements": [section()]}],
        "unsupported type: section",
    ),
    "container children": (
        [{"type": "container", "title": plain(), "child_blocks": [section()]}],
        [{"type": "container", "title": plain(), "child_blocks": [{"type": "plan", "title": "P"}]}],
        "unsupported type: plan",
    ),
    "plan holds task cards": (
        [{"type": "plan", "title": "P", "tasks": [{"type": "task_card", "task_id": "1", "title": "T"}]}],
        [{"type": "plan", "title": "P", "tasks": [{"type": "task_card", "title": "T"}]}],
        "missing required field: task_id",
    ),
    "blocks are a list": ([], [[]], "must be an object"),
}


@pytest.mark.parametrize("name", CASES)
def test_block_kit__takes(name: str) -> None:
    """The case just inside each rule."""
    assert faults_in(CASES[name][0]) == []


@pytest.mark.parametrize("name", CASES)
def test_block_kit__refuses(name: str) -> None:
    """The case just outside each rule, with a reason that names it and points at its place."""
    _, refused, reason = CASES[name]
    faults = faults_in(refused)
    assert len(faults) == 1
    assert reason in faults[0]
    assert faults[0].startswith("[ERROR] ")
    assert "[json-pointer:/blocks" in faults[0]


@pytest.mark.parametrize(
    ("block", "surfaces"),
    [
        (section(), {MESSAGE, MODAL, HOME}),
        ({"type": "markdown", "text": "x"}, {MESSAGE}),
        (table(1), {MESSAGE, HOME}),
        ({"type": "alert", "text": mrkdwn()}, {MODAL}),
        ({"type": "task_card", "task_id": "1", "title": "T"}, {MESSAGE}),
    ],
)
def test_block_kit__surface(block: Json, surfaces: set[str]) -> None:
    """A block is taken on its own surfaces alone."""
    assert {surface for surface in (MESSAGE, MODAL, HOME) if not faults_in([block], surface)} == surfaces


def test_block_kit__view_takes_a_hundred_blocks() -> None:
    """Views may be twice as long as messages."""
    assert faults_in([section()] * 100, HOME) == []
    assert faults_in([section()] * 101, HOME)


def test_block_kit__pointer_names_the_place() -> None:
    """The reason leads to the very field."""
    [fault] = faults_in([section(), actions(button(), button(value=""))])
    assert fault == "[ERROR] must be more than 0 characters [json-pointer:/blocks/1/elements/1/value]"


@pytest.mark.parametrize("odd", [None, 5, "x", {}, {"a": 1}])
def test_block_kit__odd_blocks_never_raise(odd: Any) -> None:
    """Whatever stands where a block or a field should be is refused, not stumbled over."""
    assert faults_in(odd)
    for kind in BLOCKS:
        assert faults_in([{"type": kind, "text": [odd], "elements": [odd], "rows": odd, "nonsense": odd}])
