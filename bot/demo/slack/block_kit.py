"""Block Kit as Slack enforces it: which blocks a surface takes, what they hold, and how much of it.

Slack: docs "Block Kit" and "Block Kit reference"; limits as in slack_sdk's models (blocks.py). The tables here are
the whole rule book: a block type or key that is not in them is refused, as Slack refuses it. Left out, and thus
refused: data_table, data_visualization, auth_provider, file and call blocks.
"""

from dataclasses import dataclass
from typing import Any

from bot.demo.slack.block_checks import (
    Check,
    Report,
    Shape,
    anything,
    at_least_one,
    boolean,
    exactly_one,
    items,
    number,
    one_of,
    string,
    text,
    typed,
)
from bot.demo.slack.block_elements import (
    ACCESSORY,
    ACTION_ELEMENT,
    BUTTON,
    CONTEXT_ACTION,
    CONTEXT_ELEMENT,
    ELEMENTS,
    HAS_TEXT,
    IMAGE,
    INPUT_ELEMENT,
    PLAIN,
    URL,
)

MESSAGE, MODAL, HOME = "message", "modal", "home"
MOST_BLOCKS = {MESSAGE: 50, MODAL: 100, HOME: 100}
MOST_MARKDOWN = 12_000
EVERYWHERE = frozenset({MESSAGE, MODAL, HOME})
MESSAGES = frozenset({MESSAGE})


@dataclass(frozen=True, slots=True)
class BlockRule:
    """Where a block may stand and what it holds."""

    shape: Shape
    surfaces: frozenset[str] = EVERYWHERE
    most: int | None = None  # of this type in one message or view


def _child_blocks(value: Any, pointer: str, report: Report) -> None:
    items(_block_of(_CHILDREN), 10)(value, pointer, report)


def _tasks(value: Any, pointer: str, report: Report) -> None:
    items(_block_of(frozenset({"task_card"})), 50)(value, pointer, report)


def _cards(value: Any, pointer: str, report: Report) -> None:
    items(_block_of(frozenset({"card"})), 10)(value, pointer, report)


def _rich_text(value: Any, pointer: str, report: Report) -> None:
    _block_of(frozenset({"rich_text"}))(value, pointer, report)


_RICH_INLINE = frozenset(
    {"text", "link", "emoji", "user", "usergroup", "channel", "broadcast", "color", "date", "team"}
)


def _rich_inline(value: Any, pointer: str, report: Report) -> None:
    if not isinstance(value, dict) or str(value.get("type")) not in _RICH_INLINE:
        report.refuse("unsupported type for a rich text part", pointer)
    elif value["type"] in ("text", "link"):
        name = "text" if value["type"] == "text" else "url"
        string(3000)(value.get(name), f"{pointer}/{name}", report)


_RICH_SECTION = Shape({"elements": items(_rich_inline, 1000, least=0)})
_BORDERED = Shape(_RICH_SECTION.required, {"border": number(0, 1)})
_RICH_ELEMENT = typed(
    {
        "rich_text_section": _RICH_SECTION,
        "rich_text_preformatted": Shape(
            _RICH_SECTION.required, {"border": number(0, 1), "language": string(255)}
        ),
        "rich_text_quote": _BORDERED,
        "rich_text_list": Shape(
            {
                "elements": items(typed({"rich_text_section": _RICH_SECTION}, "a list item"), 1000),
                "style": one_of("bullet", "ordered"),
            },
            {"indent": number(0, 8), "offset": number(0, 10_000), "border": number(0, 1)},
        ),
    },
    "a rich text element",
)
_RICH_TEXT = Shape({"elements": items(_RICH_ELEMENT, 1000)})


def _cell(value: Any, pointer: str, report: Report) -> None:
    if isinstance(value, dict) and value.get("type") == "rich_text":
        _RICH_TEXT.check(value, pointer, report)
    else:
        raw = Shape({"text": string(10_000, least=0)})
        typed({"raw_text": raw, "raw_number": Shape({"value": anything})}, "a table cell")(
            value, pointer, report
        )


BLOCKS: dict[str, BlockRule] = {
    "section": BlockRule(
        Shape(
            {},
            {
                "text": text(3000),
                "fields": items(text(2000), 10),
                "accessory": ACCESSORY,
                "expand": boolean,
            },
            (HAS_TEXT,),
        )
    ),
    "header": BlockRule(Shape({"text": text(150, PLAIN)})),
    "context": BlockRule(Shape({"elements": items(CONTEXT_ELEMENT, 10)})),
    "actions": BlockRule(Shape({"elements": items(ACTION_ELEMENT, 25)})),
    "divider": BlockRule(Shape()),
    "image": BlockRule(Shape(IMAGE.required, {**IMAGE.optional, "title": text(2000, PLAIN)}, IMAGE.rules)),
    "input": BlockRule(
        Shape(
            {"label": text(2000, PLAIN), "element": INPUT_ELEMENT},
            {"hint": text(2000, PLAIN), "optional": boolean, "dispatch_action": boolean},
        )
    ),
    "rich_text": BlockRule(_RICH_TEXT),
    "video": BlockRule(
        Shape(
            {
                "alt_text": string(2000),
                "title": text(200, PLAIN),
                "thumbnail_url": URL,
                "video_url": URL,
            },
            {
                "author_name": string(50),
                "description": text(200, PLAIN),
                "provider_icon_url": URL,
                "provider_name": string(50),
                "title_url": URL,
            },
        )
    ),
    "markdown": BlockRule(Shape({"text": string(MOST_MARKDOWN)}), MESSAGES),
    "table": BlockRule(
        Shape({"rows": items(items(_cell, 20), 100)}, {"column_settings": items(anything, 20, least=0)}),
        frozenset({MESSAGE, HOME}),
        most=1,
    ),
    # Slack's own pages differ on messages; the stricter reading keeps the bot safe on both.
    "alert": BlockRule(
        Shape({"text": text(200)}, {"level": one_of("default", "info", "warning", "error", "success")}),
        frozenset({MODAL}),
    ),
    "card": BlockRule(
        Shape(
            {},
            {
                "hero_image": typed({"image": IMAGE}, "a hero image"),
                "icon": typed({"image": IMAGE}, "an icon"),
                "slack_icon": anything,
                "title": text(150),
                "subtitle": text(150),
                "body": text(200),
                "subtext": text(200),
                "actions": items(BUTTON, 3),
            },
            (at_least_one("hero_image", "title", "actions", "body"),),
        )
    ),
    "carousel": BlockRule(Shape({"elements": _cards}), MESSAGES),
    "container": BlockRule(
        Shape(
            {"child_blocks": _child_blocks},
            {
                "title": text(150, PLAIN),
                "rich_text_title": _rich_text,
                "subtitle": text(150),
                "icon": typed({"image": IMAGE}, "an icon"),
                "width": one_of("narrow", "standard", "wide", "full"),
                "is_collapsible": boolean,
                "default_collapsed": boolean,
                "has_header_divider": boolean,
            },
            (exactly_one("title", "rich_text_title"),),
        ),
        MESSAGES,
    ),
    "context_actions": BlockRule(Shape({"elements": items(CONTEXT_ACTION, 5)}), MESSAGES),
    "task_card": BlockRule(
        Shape(
            {"task_id": string(255), "title": string(255)},
            {
                "status": one_of("pending", "in_progress", "complete", "error"),
                "details": _rich_text,
                "output": _rich_text,
                "sources": items(typed({"url": ELEMENTS["url"]}, "a source"), 50, least=0),
            },
        ),
        MESSAGES,
    ),
    "plan": BlockRule(Shape({"title": string(255)}, {"tasks": _tasks}), MESSAGES),
}
_CHILDREN = frozenset(
    {"actions", "context", "divider", "header", "image", "input", "rich_text", "section", "table", "video"}
)


def _block_of(names: frozenset[str]) -> Check:
    """A block of one of these types, on the report's surface."""

    def check(value: Any, pointer: str, report: Report) -> None:
        if not isinstance(value, dict):
            report.refuse("must be an object", pointer)
            return
        kind = value.get("type")
        rule = BLOCKS.get(kind) if isinstance(kind, str) and kind in names else None
        if rule is None or report.surface not in rule.surfaces:
            report.refuse(f"unsupported type: {kind}", f"{pointer}/type")
            return
        report.counts[str(kind)] = report.counts.get(str(kind), 0) + 1
        if rule.most is not None and report.counts[str(kind)] > rule.most:
            report.refuse(f"no more than {rule.most} {kind} block allowed", pointer)
        outer, report.action_ids = report.action_ids, set()
        body = {name: content for name, content in value.items() if name != "block_id"}
        rule.shape.check(body, pointer, report)
        report.action_ids = outer
        _check_block_id(value.get("block_id"), pointer, report)

    return check


_ANY_BLOCK = _block_of(frozenset(BLOCKS))


def _check_block_id(block_id: Any, pointer: str, report: Report) -> None:
    if block_id is None:
        return
    string(255)(block_id, f"{pointer}/block_id", report)
    if isinstance(block_id, str):
        if block_id in report.block_ids:
            report.refuse(f"block_id already exists: {block_id}", f"{pointer}/block_id")
        report.block_ids.add(block_id)


def faults_in(blocks: Any, surface: str = MESSAGE, pointer: str = "/blocks") -> list[str]:
    """Why Slack would refuse these blocks on this surface; an empty list if it takes them."""
    report = Report(surface)
    items(_ANY_BLOCK, MOST_BLOCKS[surface], least=0)(blocks, pointer, report)
    if isinstance(blocks, list) and not report.reasons:
        total = sum(len(block["text"]) for block in blocks if block["type"] == "markdown")
        if total > MOST_MARKDOWN:
            report.refuse(f"markdown blocks must be less than {MOST_MARKDOWN + 1} characters in all", pointer)
    return report.reasons
