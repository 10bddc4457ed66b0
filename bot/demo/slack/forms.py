"""What people choose and type in interactive elements: Slack's `state.values`, as pure functions.

Slack: reference "Block Kit elements" and "View submission payloads". Buttons and overflow menus have no state.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bot.demo.slack.messages import Block, elements_of, walk

Values = dict[str, dict[str, dict[str, Any]]]  # block_id -> action_id -> {"type": …, "value": …}
Typed = Mapping[str, Mapping[str, Any]]  # block_id -> action_id -> what the person chose

REQUIRED = "Please complete this required field."

_FIELDS = {
    "plain_text_input": "value",
    "email_text_input": "value",
    "url_text_input": "value",
    "number_input": "value",
    "static_select": "selected_option",
    "external_select": "selected_option",
    "radio_buttons": "selected_option",
    "multi_static_select": "selected_options",
    "checkboxes": "selected_options",
    "users_select": "selected_user",
    "multi_users_select": "selected_users",
    "channels_select": "selected_channel",
    "multi_channels_select": "selected_channels",
    "conversations_select": "selected_conversation",
    "multi_conversations_select": "selected_conversations",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
}


def initial_state(blocks: Iterable[Block]) -> Values:
    """The state of fresh blocks: every element that can hold a choice, with its initial value or empty."""
    state: Values = {}
    for block, element in _stateful(blocks):
        field = _FIELDS[element["type"]]
        start = element.get(f"initial_{field.removeprefix('selected_')}")
        empty: Any = [] if field.endswith("s") else None
        held = {"type": element["type"], field: empty if start is None else start}
        state.setdefault(block["block_id"], {})[element["action_id"]] = held
    return state


def carried_over(blocks: Iterable[Block], old: Values) -> Values:
    """The state after the app changed a view. What stays under its block_id and action_id keeps its content (K)."""
    state = initial_state(blocks)
    for block_id, elements in state.items():
        for action_id, fresh in elements.items():
            kept = old.get(block_id, {}).get(action_id)
            if kept is not None and kept["type"] == fresh["type"]:
                elements[action_id] = kept
    return state


def filled(blocks: Iterable[Block], state: Values, typed: Typed) -> Values:
    """The state with what a person chose or typed; LookupError for an element or option that is not there."""
    elements = {(block["block_id"], element["action_id"]): element for block, element in _stateful(blocks)}
    new = {block_id: dict(inner) for block_id, inner in state.items()}
    for block_id, inner in typed.items():
        for action_id, value in inner.items():
            element = elements.get((block_id, action_id))
            if element is None:
                there = ", ".join(f"{block}/{action}" for block, action in sorted(elements))
                raise LookupError(f"there is no {block_id}/{action_id} to fill in; there are: {there}")
            new.setdefault(block_id, {})[action_id] = {"type": element["type"], **chosen(element, value)}
    return new


def after_action(state: Values, action: Mapping[str, Any]) -> Values:
    """The state once an element was used; buttons and overflow menus leave it as it was."""
    block_id, action_id, field = action["block_id"], action["action_id"], _FIELDS.get(action["type"])
    if field is None:
        return state
    held = {"type": action["type"], field: action[field]}
    return {**state, block_id: {**state.get(block_id, {}), action_id: held}}


def chosen(element: Block, value: Any) -> dict[str, Any]:
    """The field that tells what was chosen: an option by its value, a person or channel by id, a text, a date."""
    field = "selected_option" if element["type"] == "overflow" else _FIELDS.get(element["type"])
    if field is None:
        return {}
    if field == "selected_option":
        return {field: None if value is None and element["type"] != "overflow" else _option(element, value)}
    if field.endswith("s"):
        several = [] if value is None else [value] if isinstance(value, str) else list(value)
        return {field: [_option(element, one) for one in several] if field == "selected_options" else several}
    return {field: None if value in (None, "") else value}


def shortfalls(blocks: Iterable[Block], state: Values) -> dict[str, str]:
    """What Slack's own client says before it sends a form: block_id -> words. An empty dict if all is well (K)."""
    found: dict[str, str] = {}
    for block, element in _stateful(blocks):
        if block["type"] != "input":
            continue
        held = state.get(block["block_id"], {}).get(element["action_id"], {})
        value = held.get(_FIELDS[element["type"]])
        words = _shortfall(element, value) if value not in (None, "", []) else REQUIRED
        if words and not (words == REQUIRED and block.get("optional")):
            found[block["block_id"]] = words
    return found


def _shortfall(element: Block, value: Any) -> str | None:
    match element["type"]:
        case "plain_text_input":
            least, most = element.get("min_length", 0), element.get("max_length", 3000)
            if len(value) < least:
                return f"Please enter at least {least} characters."
            return f"Please enter at most {most} characters." if len(value) > most else None
        case "number_input":
            is_number = str(value).lstrip("-").replace(".", "", 1).isdigit()
            return None if is_number else "Please enter a number."
        case "email_text_input":
            return None if "@" in str(value) else "Please enter a valid email address."
        case "url_text_input":
            return None if "://" in str(value) else "Please enter a valid URL."
    return None


def _stateful(blocks: Iterable[Block]) -> Iterator[tuple[Block, Block]]:
    for block in walk(blocks):
        for element in elements_of(block):
            if element.get("type") in _FIELDS:
                yield block, element


def _option(element: Block, value: Any) -> dict[str, Any]:
    if element["type"] == "external_select":
        return {"text": {"type": "plain_text", "text": str(value)}, "value": str(value)}
    groups = element.get("option_groups", [])
    options = [*element.get("options", []), *(option for group in groups for option in group["options"])]
    for option in options:
        if option["value"] == value:
            return dict(option)
    there = [option["value"] for option in options]
    raise LookupError(f"{element['action_id']} has no option {value!r}, but {there}")
