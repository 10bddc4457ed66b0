"""Response URLs: the short-lived addresses at which an interaction may be answered."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.demo.slack.delivery import Delivery

# Slack: docs "Handling user interaction": five uses within 30 minutes.
MOST_USES = 5
LIFETIME = timedelta(minutes=30)


class SpentError(Exception):
    """The address is unknown, expired or used up; the message is Slack's error code."""


@dataclass(frozen=True, slots=True)
class Source:
    """What was clicked on: a message, or a card below it by its number."""

    key: str
    attachment: int | None = None


@dataclass(eq=False, slots=True)
class ResponseUrl:
    """One address, tied to the interaction it came with."""

    delivery: Delivery
    channel: str
    user: str
    source: Source | None  # what was clicked on
    expires: datetime
    uses_left: int = MOST_USES


class ResponseUrls:
    """The addresses that are still worth keeping."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._issued: dict[str, ResponseUrl] = {}

    def issue(self, delivery: Delivery, channel: str, user: str, source: Source | None = None) -> str:
        """A new secret for this interaction."""
        self._forget_old()
        secret = secrets.token_urlsafe(24)
        self._issued[secret] = ResponseUrl(delivery, channel, user, source, self._now() + LIFETIME)
        return secret

    def find(self, secret: str) -> ResponseUrl:
        """The address if it may be used now; SpentError if not."""
        found = self._issued.get(secret)
        if found is None or self._now() >= found.expires:
            raise SpentError("expired_url")
        if found.uses_left <= 0:
            raise SpentError("used_url")
        return found

    def look_up(self, secret: str) -> ResponseUrl | None:
        """The address if it was handed out, also when it is spent."""
        return self._issued.get(secret)

    def _forget_old(self) -> None:
        # Issued in the order of expiry, so only the front needs a look.
        while self._issued:
            oldest = next(iter(self._issued))
            if self._now() < self._issued[oldest].expires:
                return
            del self._issued[oldest]
