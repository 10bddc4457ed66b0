"""Web API methods that read what was said: conversations.history and conversations.replies."""

import base64
import binascii
import math
from collections.abc import Callable, Iterable
from typing import Any

from bot.demo.slack.messages import Message, MessageBoard
from bot.demo.slack.web_api import ApiFailureError, Arguments, Method
from bot.demo.slack.workspace import BOT_USER_ID, Channel, Workspace

MOST_IN_HISTORY, MOST_IN_REPLIES = 999, 1000
USUAL_LIMIT = 100
_SCOPES = ("channels:history", "groups:history", "im:history")
_CURSOR = "next_ts:"


class HistoryMethods:
    """Messages of one conversation, for apps with the history scope of its kind.

    Slack: of whom no scope is granted, none is told whether the conversation exists.
    """

    def __init__(self, workspace: Workspace, board: MessageBoard, scopes: set[str]) -> None:
        self._workspace = workspace
        self._board = board
        self._scopes = scopes

    def table(self) -> dict[str, Method]:
        """The methods by name."""
        return {
            "conversations.history": Method(self.history),
            "conversations.replies": Method(self.replies),
        }

    def history(self, arguments: Arguments) -> dict[str, Any]:
        """Slack: reference "conversations.history": the newest of the time range first, replies left out."""
        channel = self._readable(arguments, "not_in_channel")
        standing = (one for one in self._board.newest_first(channel.id) if not one.is_deep_in_thread)
        return self._page(arguments, standing, MOST_IN_HISTORY, lambda ts, last: ts < last)

    def replies(self, arguments: Arguments) -> dict[str, Any]:
        """Slack: reference "conversations.replies": the message itself, then its replies, the oldest first."""
        channel = self._readable(arguments, "channel_not_found")
        named = self._board.find(f"{channel.id}:{arguments.get('ts')}")
        if named is None or named.is_ephemeral:
            raise ApiFailureError("thread_not_found")
        root = named.thread_ts or named.ts
        thread = [one for one in self._board.newest_first(channel.id) if root in (one.ts, one.thread_ts)]
        first = [one.as_json(self._workspace.team_id) for one in thread if one.ts == root and not one.deleted]
        rest = [one for one in reversed(thread) if one.ts != root]
        page = self._page(arguments, rest, MOST_IN_REPLIES, lambda ts, last: ts > last)
        return {**page, "messages": [*first, *page["messages"]]}

    def _page(
        self,
        arguments: Arguments,
        messages: Iterable[Message],
        most: int,
        is_after: Callable[[str, str], bool],
    ) -> dict[str, Any]:
        oldest, latest = _bound(arguments, "oldest", 0.0), _bound(arguments, "latest", math.inf)
        inclusive, with_metadata = (_flag(arguments, name) for name in ("inclusive", "include_all_metadata"))
        last = _read_cursor(arguments.get("cursor"))
        found = [
            one
            for one in messages
            if not (one.deleted or one.is_ephemeral)
            and (oldest < float(one.ts) < latest or (inclusive and float(one.ts) in (oldest, latest)))
            and (last is None or is_after(one.ts, last))
        ]
        page = found[: _limit(arguments, most)]
        has_more = len(page) < len(found)
        body = {
            "messages": [one.as_json(self._workspace.team_id, with_metadata=with_metadata) for one in page],
            "has_more": has_more,
        }
        return body | ({"response_metadata": {"next_cursor": _cursor(page[-1].ts)}} if has_more else {})

    def _readable(self, arguments: Arguments, outside: str) -> Channel:
        """The conversation; `outside` is the error for a public one that the app is not in."""
        self._require(set(_SCOPES))
        channel = self._workspace.channels.get(str(arguments.get("channel") or ""))
        is_member = channel is not None and BOT_USER_ID in channel.members
        if channel is None or ((channel.is_private or channel.is_im) and not is_member):
            raise ApiFailureError("channel_not_found")
        kind = "im" if channel.is_im else "groups" if channel.is_private else "channels"
        self._require({f"{kind}:history"})
        if not is_member:
            raise ApiFailureError(outside)
        return channel

    def _require(self, needed: set[str]) -> None:
        """Refuse the call unless one of these scopes is granted."""
        if not needed & self._scopes:
            granted = ",".join(sorted(self._scopes))
            raise ApiFailureError("missing_scope", needed=",".join(sorted(needed)), provided=granted)


def _bound(arguments: Arguments, name: str, otherwise: float) -> float:
    try:
        return float(arguments.get(name) or otherwise)
    except ValueError:
        raise ApiFailureError(f"invalid_ts_{name}") from None


def _flag(arguments: Arguments, name: str) -> bool:
    return str(arguments.get(name, "")).lower() in ("true", "1")


def _limit(arguments: Arguments, most: int) -> int:
    try:
        return min(max(int(arguments.get("limit") or USUAL_LIMIT), 1), most)
    except ValueError:
        raise ApiFailureError("invalid_limit") from None


def _cursor(ts: str) -> str:
    return base64.b64encode(f"{_CURSOR}{ts}".encode()).decode()


def _read_cursor(cursor: object) -> str | None:
    if not cursor:
        return None
    try:
        text = base64.b64decode(str(cursor), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        text = ""
    if not text.startswith(_CURSOR):
        raise ApiFailureError("invalid_cursor")
    return text.removeprefix(_CURSOR)
