"""What somebody asked for by way of Slack: who, what with, and where the answer goes.

A button's value comes back from the client and may be anything: it says what is meant, never what is allowed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from bot.model.accounts import Asker, SlackUser
from bot.model.references import new_reference

Payload = Mapping[str, Any]

LONGEST_ADDRESS = 1000


def part_of(whole: Payload, name: str) -> Payload:
    """Return the object of that name within another; an empty one where there is none."""
    part = whole.get(name)
    return part if isinstance(part, Mapping) else {}


def readable(node: Any) -> Any:
    """Return parsed JSON in which half of a sign is replaced: JSON can name one (`"\\ud800"`), but nobody can store it,
    send it on or read it. RecursionError when it is nested too deeply."""
    if isinstance(node, str):
        return node if node.isascii() else node.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(node, dict):
        return {readable(name): readable(value) for name, value in node.items()}
    return [readable(one) for one in node] if isinstance(node, list) else node


def state_in(text: object) -> Mapping[str, str | int] | None:
    """Return what a button's value or a view's private metadata says; None where that is no JSON object."""
    if not isinstance(text, str):
        return None
    try:
        value = readable(json.loads(text))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def address_in(found: object) -> str:
    """Return an address that can be posted to; empty for anything else, and the answer then takes another way."""
    if not isinstance(found, str) or len(found) > LONGEST_ADDRESS:
        return ""
    try:
        parts = urlsplit(found)
        is_one = parts.scheme in ("https", "http") and parts.hostname and parts.port != 0
    except ValueError:
        return ""
    return found if is_one else ""


@dataclass(frozen=True, slots=True)
class SlackHome:
    """The installation a payload came by: of one team, or of a whole Enterprise organisation (no team then)."""

    enterprise_id: str | None
    team_id: str | None


MODAL, HOME = "modal", "home"


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """A view as the payload knows it: `hash` changes with every change of it, `known` is its private metadata."""

    id: str
    kind: str
    hash: str = ""
    known: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplyTo:
    """Where the one answer goes, chosen on entry.

    To the view that was clicked in; else to the response_url, below `thread_ts` where that is named; else, of a
    question asked in public, to `channel_id` and `thread_ts`: for all to read when it is `in_public`, or for the asker
    alone, which needs a thread that `has_replies`; else by direct message.
    """

    slack_user: SlackUser
    response_url: str = ""
    replace_original: bool = False
    channel_id: str = ""
    thread_ts: str = ""
    in_public: bool = False
    has_replies: bool = False
    view: View | None = None

    @property
    def alone(self) -> "ReplyTo":
        """The same for what only the asker may read, such as a refusal."""
        return replace(self, in_public=False)


@dataclass(slots=True)
class Shown:
    """The modal that was opened for a call, once there is one: whatever answers the call is then shown in it, a failure
    too, with `again` below, the button that tries again from there."""

    view_id: str = ""
    again: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One command, mention, shortcut, click or form.

    `channel_id`, `thread_ts` and `message_ts` say where it came from, empty where that is nowhere; `is_private` says
    that only the clicker sees the message. `trigger_id` opens one view within three seconds. `values` are a form's, by
    block id and action id. `is_genuine` says that by Slack's own word the message clicked on has this very button.
    `once` is the same for each time that Slack sends the same thing, where it does that.
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
    message_ts: str = ""
    is_private: bool = True
    is_genuine: bool = False
    trigger_id: str = ""
    once: str = ""
    reference: str = field(default_factory=new_reference)
    shown: Shown = field(default_factory=Shown, compare=False, repr=False)

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
    once: str = ""
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
                return bool(part_of(self.content, "tokens").get("bot"))
            case "user_change":
                return part_of(self.content, "user").get("deleted") is True
        return False
