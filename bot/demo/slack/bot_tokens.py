"""The bot tokens of an app in one workspace. Slack: docs "Using token rotation".

A token lasts for ever, or with rotation for twelve hours; a refresh token serves once. Without rotation an app that
is installed again gets the token it has.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

TOKEN_LIFE = timedelta(hours=12)


@dataclass(frozen=True, slots=True, repr=False)
class Issued:
    """What oauth.v2.access hands out; without rotation neither an end nor a refresh token."""

    token: str
    refresh_token: str | None = None

    @property
    def expires_in(self) -> int | None:
        """Seconds until the token ends."""
        return int(TOKEN_LIFE.total_seconds()) if self.refresh_token else None


class BotTokens:
    """All that were ever issued for one workspace."""

    def __init__(self, now: Callable[[], datetime], first: str | None) -> None:
        self._now = now
        self._ends: dict[str, datetime | None] = {} if first is None else {first: None}
        self._void: dict[str, str] = {}
        self._refresh_tokens: set[str] = set()
        self.newest = first or ""
        self.rotations = 0

    @property
    def installed(self) -> bool:
        """Whether the app is in the workspace."""
        return any(token not in self._void for token in self._ends)

    def issue(self, *, rotating: bool) -> Issued:
        """A token for an app that is being installed."""
        if rotating:
            return self._issue_pair()
        if not self.newest or self.refusal(self.newest) is not None:
            self.newest = f"xoxb-demo-{secrets.token_hex(16)}"
            self._ends[self.newest] = None
        return Issued(self.newest)

    def refresh(self, refresh_token: str) -> Issued | None:
        """The next pair in place of a refresh token; None if that is spent or none of these."""
        if refresh_token not in self._refresh_tokens:
            return None
        self._refresh_tokens.remove(refresh_token)
        self.rotations += 1
        return self._issue_pair()

    def void(self, error: str) -> None:
        """End them all; who uses one is told this."""
        self._void |= {token: error for token in self._ends if token not in self._void}
        self._refresh_tokens.clear()

    def knows(self, token: str) -> bool:
        """Whether it was issued here."""
        return token in self._ends

    def refusal(self, token: str) -> str | None:
        """Slack's error for this token; None if it works."""
        if token not in self._ends:
            return "invalid_auth"
        ends = self._ends[token]
        return self._void.get(token) or ("token_expired" if ends and ends <= self._now() else None)

    def _issue_pair(self) -> Issued:
        # The token before it goes on until its own end.
        self.newest = f"xoxe.xoxb-1-{secrets.token_hex(20)}"
        self._ends[self.newest] = self._now() + TOKEN_LIFE
        refresh_token = f"xoxe-1-{secrets.token_hex(20)}"
        self._refresh_tokens.add(refresh_token)
        return Issued(self.newest, refresh_token)
