"""Slack's payloads as values: who asks, what with, and where the answer goes.

Shapes: Slack docs, "Implementing slash commands" and "Handling user interaction". A button's value comes back
from the client and may be anything: it says what is meant, never what is allowed.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.model.accounts import Asker, SlackUser
from bot.model.references import new_reference

Payload = Mapping[str, Any]

LONGEST_ADDRESS = 1000
_CONVERSATION = re.compile(r"[CDG][A-Z0-9]{1,40}")


@dataclass(frozen=True, slots=True)
class SlackHome:
    """The installation a payload came by: of one team, or of a whole Enterprise organisation (no team then)."""

    enterprise_id: str | None
    team_id: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplyTo:
    """Where the one answer goes, chosen on entry; success and failure use it alike."""

    slack_user: SlackUser
    response_url: str
    replace_original: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One command, click or form.

    `channel_id` and `thread_ts` say where it came from, empty where that is nowhere; `trigger_id` opens one view
    within three seconds. `values` are a form's, by block id and action id.
    """

    kind: str
    slack_user: SlackUser
    home: SlackHome
    reply_to: ReplyTo
    text: str = ""
    value: Mapping[str, str | int] | None = None
    values: Payload = field(default_factory=dict)
    channel_id: str = ""
    thread_ts: str = ""
    trigger_id: str = ""
    reference: str = field(default_factory=new_reference)

    @property
    def asker(self) -> Asker:
        """Who asks, and under which reference."""
        return Asker(self.slack_user, self.reference)

    def state(self, key: str) -> str | None:
        """A text in the button's value, or None; never more than 300 characters of it."""
        found = (self.value or {}).get(key)
        return found[:300] if isinstance(found, str) and found else None

    def number(self, key: str, default: int) -> int:
        """A number in the button's value."""
        found = (self.value or {}).get(key)
        return found if isinstance(found, int) and not isinstance(found, bool) else default


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """Something that happened in Slack, and that nobody expects an answer to. `slack_user` is whom it is about."""

    kind: str
    home: SlackHome
    slack_user: SlackUser | None
    content: Payload
    reference: str = field(default_factory=new_reference)

    @property
    def is_departure(self) -> bool:
        """Whether a workspace or a person has left for good, as far as the event tells.

        Slack: `tokens_revoked` also comes for people's own tokens, `user_change` for every change of a profile.
        """
        match self.kind:
            case "app_uninstalled":
                return True
            case "tokens_revoked":
                return bool(_part(self.content, "tokens").get("bot"))
            case "user_change":
                return _part(self.content, "user").get("deleted") is True
        return False


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
        home=_home(body, body.get("enterprise_id"), body.get("team_id")),
        reply_to=ReplyTo(slack_user=slack_user, response_url=str(body.get("response_url") or "")),
        text=str(body.get("text") or ""),
        channel_id=_conversation(body.get("channel_id")),
        trigger_id=str(body.get("trigger_id") or ""),
    )


def from_action(body: Payload) -> Call:
    """A click: an ephemeral message is replaced by its answer; a message others see is left as it is."""
    slack_user = _clicker(body)
    container, action = _part(body, "container"), (body.get("actions") or [{}])[0]
    channel_id = _part(body, "channel").get("id") or container.get("channel_id")
    return Call(
        kind=str(action.get("action_id") or "action"),
        slack_user=slack_user,
        home=_clicked_at(body, slack_user),
        reply_to=ReplyTo(
            slack_user=slack_user,
            response_url=str(body.get("response_url") or ""),
            replace_original=bool(container.get("is_ephemeral")),
        ),
        value=_value(action.get("value") or _part(action, "selected_option").get("value")),
        channel_id=_conversation(channel_id),
        thread_ts=str(container.get("thread_ts") or ""),
        trigger_id=str(body.get("trigger_id") or ""),
    )


def from_view(body: Payload) -> Call:
    """A form that was sent: `value` is its private metadata, of which `c` is the channel it was opened from, and `r`
    the response_url of the click that opened it; without that the answer goes by direct message."""
    slack_user, view = _clicker(body), _part(body, "view")
    value = _value(view.get("private_metadata")) or {}
    return Call(
        kind=f"view:{view.get('callback_id') or ''}",
        slack_user=slack_user,
        home=_clicked_at(body, slack_user),
        reply_to=ReplyTo(slack_user=slack_user, response_url=_address(value.get("r"))),
        value=value,
        values=_part(_part(view, "state"), "values"),
        channel_id=_conversation(value.get("c")),
        trigger_id=str(body.get("trigger_id") or ""),
    )


def from_event(body: Payload) -> Event:
    """An event of the Events API. Slack: `authorizations` names the installation it was sent by, where there is one."""
    content = _part(body, "event")
    sent_by = next((one for one in body.get("authorizations") or () if isinstance(one, Mapping)), body)
    home = _home(sent_by, sent_by.get("enterprise_id"), sent_by.get("team_id"))
    return Event(
        kind=str(content.get("type") or ""), home=home, slack_user=_whom(content, home), content=content
    )


def _whom(content: Payload, home: SlackHome) -> SlackUser | None:
    """Slack: `user` is an id, or in `user_change` the whole person as in `users.info`."""
    user = content.get("user")
    person: Payload = user if isinstance(user, Mapping) else {"id": user}
    if not isinstance(person.get("id"), str):
        return None
    team_id = str(person.get("team_id") or home.team_id or "")
    enterprise = _part(person, "enterprise_user").get("enterprise_id") or home.enterprise_id
    return SlackUser(workspace=str(enterprise or team_id), user_id=str(person["id"]), team_id=team_id)


def _clicker(body: Payload) -> SlackUser:
    user, team, enterprise = (_part(body, key) for key in ("user", "team", "enterprise"))
    team_id = str(user.get("team_id") or team.get("id") or "")
    return SlackUser(
        workspace=str(enterprise.get("id") or team.get("enterprise_id") or team_id),
        user_id=str(user.get("id") or ""),
        team_id=team_id,
    )


def _clicked_at(body: Payload, slack_user: SlackUser) -> SlackHome:
    """Slack: `team` is null for an org-wide install; what a person without a known Enterprise has is a team."""
    team, enterprise = _part(body, "team"), _part(body, "enterprise")
    return _home(body, enterprise.get("id") or team.get("enterprise_id"), team.get("id"), slack_user.team_id)


def _conversation(found: object) -> str:
    """The id of a channel or direct message; empty for anything else."""
    return found if isinstance(found, str) and _CONVERSATION.fullmatch(found) else ""


def _address(found: object) -> str:
    is_one = (
        isinstance(found, str) and len(found) <= LONGEST_ADDRESS and found.startswith(("https://", "http://"))
    )
    return str(found) if is_one else ""


def _home(body: Payload, enterprise: object, team: object, otherwise: str = "") -> SlackHome:
    enterprise_id = str(enterprise) if enterprise else None
    # In forms it is text.
    org_wide = enterprise_id is not None and body.get("is_enterprise_install") in (True, "true")
    team_id = str(team) if team else otherwise if enterprise_id is None else ""
    return SlackHome(enterprise_id, None if org_wide else team_id or None)


def _part(whole: Payload, name: str) -> Payload:
    part = whole.get(name)
    return part if isinstance(part, Mapping) else {}


def _value(text: object) -> Mapping[str, str | int] | None:
    if not isinstance(text, str):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
