"""What may stand inside blocks, as a table: elements, options and confirm dialogs with Slack's limits.

Slack: docs "Block Kit reference", read through slack_sdk's models (basic_components.py, block_elements.py).
"""

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
    shaped,
    string,
    text,
    typed,
)

PLAIN = "plain_text"
STYLE = one_of("primary", "danger")
URL = string(3000)
USER_IDS = items(string(255), 100)

CONFIRM = shaped(
    Shape(
        {
            "title": text(100, PLAIN),
            "text": text(300),
            "confirm": text(30, PLAIN),
            "deny": text(30, PLAIN),
        },
        {"style": STYLE},
    )
)
_OPTION_FIELDS: dict[str, Check] = {"text": text(75), "value": string(150)}
OPTION = shaped(Shape(_OPTION_FIELDS, {"description": text(75)}))
PLAIN_OPTION = shaped(
    Shape({"text": text(75, PLAIN), "value": string(150)}, {"description": text(75, PLAIN), "url": URL})
)
OPTION_GROUP = shaped(Shape({"label": text(75, PLAIN), "options": items(PLAIN_OPTION, 100)}))


def action_id(value: Any, pointer: str, report: Report) -> None:
    """At most 255 characters, and unique within its block."""
    string(255)(value, pointer, report)
    if isinstance(value, str):
        if value in report.action_ids:
            report.refuse(f"action_id already exists: {value}", pointer)
        report.action_ids.add(value)


def _interactive(required: dict[str, Check], optional: dict[str, Check], *rules: Any) -> Shape:
    return Shape(required, {"action_id": action_id, "confirm": CONFIRM, **optional}, rules)


def _menu(**optional: Check) -> Shape:
    return _interactive({}, {"placeholder": text(150, PLAIN), "focus_on_load": boolean, **optional})


def _entry(**optional: Check) -> Shape:
    """An element that only an input block may hold; it has no confirm dialog."""
    return Shape(
        {},
        {
            "action_id": action_id,
            "placeholder": text(150, PLAIN),
            "focus_on_load": boolean,
            "dispatch_action_config": anything,
            "initial_value": string(3000, least=0),
            **optional,
        },
    )


def _static(**optional: Check) -> Shape:
    return _interactive(
        {},
        {
            "placeholder": text(150, PLAIN),
            "focus_on_load": boolean,
            "options": items(PLAIN_OPTION, 100),
            "option_groups": items(OPTION_GROUP, 100),
            **optional,
        },
        exactly_one("options", "option_groups"),
    )


def _choices(**optional: Check) -> Shape:
    return _interactive({"options": items(OPTION, 10)}, {"focus_on_load": boolean, **optional})


_FEEDBACK = shaped(
    Shape({"text": text(75, PLAIN), "value": string(2000)}, {"accessibility_label": string(75)})
)
_MOST = number(1, 1000)

IMAGE = Shape(
    {"alt_text": string(2000)},
    {"image_url": URL, "slack_file": anything},
    (exactly_one("image_url", "slack_file"),),
)

ELEMENTS: dict[str, Shape] = {
    "button": _interactive(
        {"text": text(75, PLAIN)},
        {
            "url": URL,
            "value": string(2000),
            "style": STYLE,
            "accessibility_label": string(75),
            "visible_to_user_ids": USER_IDS,
        },
    ),
    "overflow": _interactive({"options": items(PLAIN_OPTION, 5)}, {}),
    "static_select": _static(initial_option=PLAIN_OPTION),
    "multi_static_select": _static(initial_options=items(PLAIN_OPTION, 100), max_selected_items=_MOST),
    "external_select": _menu(initial_option=PLAIN_OPTION, min_query_length=number(0, 100)),
    "users_select": _menu(initial_user=string(255)),
    "multi_users_select": _menu(initial_users=USER_IDS, max_selected_items=_MOST),
    "channels_select": _menu(initial_channel=string(255), response_url_enabled=boolean),
    "multi_channels_select": _menu(initial_channels=USER_IDS, max_selected_items=_MOST),
    "conversations_select": _menu(
        initial_conversation=string(255),
        default_to_current_conversation=boolean,
        response_url_enabled=boolean,
        filter=anything,
    ),
    "multi_conversations_select": _menu(
        initial_conversations=USER_IDS,
        default_to_current_conversation=boolean,
        max_selected_items=_MOST,
        filter=anything,
    ),
    "datepicker": _menu(initial_date=string(10)),
    "timepicker": _menu(initial_time=string(5), timezone=string(255)),
    "datetimepicker": _interactive(
        {}, {"initial_date_time": number(10**9, 10**10 - 1), "focus_on_load": boolean}
    ),
    "checkboxes": _choices(initial_options=items(OPTION, 10)),
    "radio_buttons": _choices(initial_option=OPTION),
    "icon_button": _interactive(
        {"icon": one_of("trash"), "text": text(75, PLAIN)},
        {
            "value": string(2000),
            "accessibility_label": string(75),
            "visible_to_user_ids": items(string(255), 10),
        },
    ),
    "feedback_buttons": Shape(
        {"positive_button": _FEEDBACK, "negative_button": _FEEDBACK}, {"action_id": action_id}
    ),
    "plain_text_input": _entry(multiline=boolean, min_length=number(0, 3000), max_length=number(1, 3000)),
    "email_text_input": _entry(),
    "url_text_input": _entry(),
    "number_input": Shape(
        {"is_decimal_allowed": boolean},
        {
            "action_id": action_id,
            "placeholder": text(150, PLAIN),
            "focus_on_load": boolean,
            "dispatch_action_config": anything,
            "initial_value": string(255),
            "min_value": string(255),
            "max_value": string(255),
        },
    ),
    "image": IMAGE,
    "url": Shape({"url": URL, "text": string(3000)}),
}

_MENUS = frozenset(
    name
    for name in ELEMENTS
    if name.endswith(("_select", "picker")) or name in {"checkboxes", "radio_buttons"}
)
ENTRIES = frozenset(name for name in ELEMENTS if name.endswith("_input"))
ACTIONS = _MENUS | {"button", "overflow"}


def elements(names: frozenset[str] | set[str], what: str) -> Check:
    """One of these elements."""
    return typed({name: ELEMENTS[name] for name in names}, what)


ACTION_ELEMENT = elements(ACTIONS, "an actions block's element")
ACCESSORY = elements(ACTIONS | {"image"}, "a section's accessory")
INPUT_ELEMENT = elements(_MENUS | ENTRIES, "an input block's element")
BUTTON = elements({"button"}, "a button")
CONTEXT_ELEMENT = typed(
    {
        "image": IMAGE,
        "mrkdwn": Shape({"text": string(3000)}, {"verbatim": boolean}),
        "plain_text": Shape({"text": string(3000)}, {"emoji": boolean}),
    },
    "a context block's element",
)
CONTEXT_ACTION = elements({"feedback_buttons", "icon_button"}, "a context_actions block's element")
HAS_TEXT = at_least_one("text", "fields")
