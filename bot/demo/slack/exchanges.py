"""The log of everything that went between Slack and the bot, with secrets masked."""

import itertools
import json
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.demo.slack.delivery import Delivery

MASK = "•••"
TO_BOT, FROM_BOT = "to_bot", "from_bot"
_SECRET_NAMES = frozenset(
    {
        "access_token",
        "authorization",
        "client_secret",
        "code",
        "cookie",
        "refresh_token",
        "set-cookie",
        "token",
        "x-slack-signature",
    }
)
_SECRET_VALUES = re.compile(
    r"(?P<keep>[?&](?:ticket|token)=|\bxox[a-z]-|\bxapp-|/response/[A-Z0-9]+/)[A-Za-z0-9._~%-]+"
)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, in either direction."""

    at: datetime
    direction: str  # "to_bot" or "from_bot"
    what: str  # "POST /api/chat.postMessage", "POST /slack/events slash_commands", "socket interactive" …
    who: str | None  # the Slack user it was about
    status: int | str
    request: Any = None
    response: Any = None
    seconds: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)
    number: int = 0  # 1 for the first of all, and so on
    delivery: Delivery | None = field(default=None, repr=False)  # what a post to a response_url answers


class ExchangeLog:
    """The newest exchanges, oldest first; `most` bounds them."""

    def __init__(
        self, now: Callable[[], datetime], changed: Callable[[], None], most: int | None = None
    ) -> None:
        self._now = now
        self._changed = changed
        self._numbers = itertools.count(1)
        self.entries: deque[Exchange] = deque(maxlen=most)
        self.listeners: list[Callable[[Exchange], None]] = []

    def add(
        self,
        direction: str,
        what: str,
        status: int | str,
        *,
        who: str | None = None,
        request: Any = None,
        response: Any = None,
        seconds: float = 0.0,
        headers: Mapping[str, str] | None = None,
        delivery: Delivery | None = None,
    ) -> None:
        """Write down an exchange that is over."""
        exchange = Exchange(
            at=self._now(),
            direction=direction,
            what=str(masked(what)),
            who=who,
            status=status,
            request=masked(request),
            response=masked(response),
            seconds=seconds,
            headers=masked(dict(headers or {})),
            number=next(self._numbers),
            delivery=delivery,
        )
        self.entries.append(exchange)
        for listener in list(self.listeners):
            listener(exchange)
        self._changed()


def masked(value: Any) -> Any:
    """The same value without tokens, signatures, tickets and response_url secrets."""
    if isinstance(value, str):
        return _SECRET_VALUES.sub(lambda found: found["keep"] + MASK, value)
    if isinstance(value, Mapping):
        return {
            name: MASK if str(name).lower() in _SECRET_NAMES and content else masked(content)
            for name, content in value.items()
        }
    if isinstance(value, list | tuple):
        return [masked(item) for item in value]
    return value


def readable(body: bytes) -> Any:
    """A body for the log: JSON where it is JSON, else text."""
    written = body.decode("utf-8", "replace")
    try:
        return json.loads(written)
    except ValueError:
        return written
