"""Slack's payloads as values: who asks, what with, and where the answer goes.

Shapes: Slack docs, "Implementing slash commands" and "Handling user interaction". A button's value comes back
from the client and may be anything: it says what is meant, never what is allowed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.model.accounts import SlackUser

Payload = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplyTo:
    """Where the one answer goes, chosen on entry; success and failure use it alike."""

    slack_user: SlackUser
    response_url: str
    replace_original: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One command or click."""

    kind: str
    slack_user: SlackUser
    reply_to: ReplyTo
    text: str = ""
    value: Mapping[str, str | int] | None = None

    def state(self, key: str) -> str | None:
        """A text in the button's value, or None; never more than 300 characters of it."""
        found = (self.value or {}).get(key)
        return found[:300] if isinstance(found, str) and found else None

    def number(self, key: str, default: int) -> int:
        """A number in the button's value."""
        found = (self.value or {}).get(key)
        return found if isinstance(found, int) and not isinstance(found, bool) else default


def from_command(body: Payload) -> Call:
    """A slash command: answered ephemerally, which is also what works where the bot is no member."""
    slack_user = SlackUser(
        workspace=str(body.get("enterprise_id") or body.get("team_id") or ""),
        user_id=str(body.get("user_id") or ""),
        team_id=str(body.get("team_id") or ""),
    )
    return Call(
        kind="command",
        slack_user=slack_user,
        reply_to=ReplyTo(slack_user=slack_user, response_url=str(body.get("response_url") or "")),
        text=str(body.get("text") or ""),
    )


def from_action(body: Payload) -> Call:
    """A click: an ephemeral message is replaced by its answer; a message others see is left as it is."""
    user, team, enterprise = (body.get(key) or {} for key in ("user", "team", "enterprise"))
    team_id = str(user.get("team_id") or team.get("id") or "")
    slack_user = SlackUser(
        workspace=str(enterprise.get("id") or team.get("enterprise_id") or team_id),
        user_id=str(user.get("id") or ""),
        team_id=team_id,
    )
    action = (body.get("actions") or [{}])[0]
    return Call(
        kind=str(action.get("action_id") or "action"),
        slack_user=slack_user,
        reply_to=ReplyTo(
            slack_user=slack_user,
            response_url=str(body.get("response_url") or ""),
            replace_original=bool((body.get("container") or {}).get("is_ephemeral")),
        ),
        value=_value(action.get("value")),
    )


def _value(text: object) -> Mapping[str, str | int] | None:
    if not isinstance(text, str):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
