"""Whether a payload has the shape of Slack's own. Bolt takes that for granted, and breaks where it is not so (1.30)."""

from collections.abc import Mapping
from typing import Any

from bot.slack.calls import readable

_TEXTS = frozenset(
    {
        "type", "subtype", "command", "callback_id", "action_id", "block_id", "team_id", "enterprise_id", "user_id",
        "channel_id", "bot_id", "thread_ts", "response_url", "function_execution_id", "bot_access_token",
        "app_installed_team_id",
    }
)  # fmt: skip
_OBJECTS = frozenset(
    {
        "event", "view", "container", "message", "previous_message", "item", "assistant_thread", "function_data",
        "function", "inputs",
    }
)  # fmt: skip
_OBJECTS_OR_IDS = frozenset({"team", "enterprise", "user", "channel"})
"""Slack: an object in interactions, an id in most events."""
_LISTS = frozenset({"authorizations", "actions"})
"""Of objects."""
_DEEPEST = 3


class NotOfSlack(ValueError):
    """A field of it is not what Slack documents; the message names the field."""


def checked(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return the payload for Bolt: without fields that are null, without halves of signs, and without `response_urls`,
    of which nobody makes use and two are too many for Bolt. NotOfSlack.

    Slack: docs "Implementing slash commands", "Handling user interaction", "Events API". The signature has proved
    who sent it, so this is no defence: it keeps what is odd from looking like a fault of ours, which Slack would send
    again and again.
    """
    try:
        found = _checked(readable(payload), 0)
    except RecursionError:
        raise NotOfSlack("nested too deeply") from None
    found.pop("response_urls", None)
    if missing := _missing(found):
        raise NotOfSlack(missing)
    return found


def _missing(payload: Mapping[str, Any]) -> str:
    """The field that Bolt reads without a look whether it is there; empty when all are."""
    kind, view = payload.get("type"), payload.get("view", {})
    if kind == "block_actions" and not all(
        "action_id" in action for action in payload.get("actions") or [{}]
    ):
        return "actions"
    if kind == "interactive_message" and not payload.get("actions"):
        return "actions"
    if kind == "view_submission" and "type" not in view:
        return "view"
    is_step = kind == "workflow_step_edit" or (
        kind == "view_submission" and view.get("type") == "workflow_step"
    )
    return "workflow_step" if is_step and "workflow_step" not in payload else ""


def _checked(node: Mapping[str, Any], depth: int) -> dict[str, Any]:
    found = {}
    for name, value in node.items():
        if value is None:
            continue
        found[name] = value
        if name in _TEXTS:
            is_fine = isinstance(value, str)
        elif name in _OBJECTS_OR_IDS:
            is_fine = isinstance(value, str | dict)
        elif name in _OBJECTS:
            is_fine = isinstance(value, dict)
        elif name in _LISTS:
            is_fine = isinstance(value, list) and all(isinstance(one, dict) for one in value)
        else:
            continue
        if not is_fine:
            raise NotOfSlack(name)
        if depth < _DEEPEST:
            if isinstance(value, dict):
                found[name] = _checked(value, depth + 1)
            elif isinstance(value, list):
                found[name] = [_checked(one, depth + 1) for one in value]
    return found
