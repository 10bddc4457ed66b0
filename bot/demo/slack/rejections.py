"""What Slack refused for what it said: kept, so that nothing the bot meant to show vanishes without a word."""

import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.demo.slack.content import ContentError
from bot.demo.slack.exchanges import masked

MOST_REJECTIONS = 500


@dataclass(frozen=True, slots=True)
class Rejection:
    """One thing the bot sent in vain."""

    number: int
    at: datetime
    what: str  # "chat.postMessage", "response_url", "ack of /upload-status", "ack of view_submission" …
    who: str | None  # the Slack user it was for
    place: str | None  # the conversation it was for
    error: str  # Slack's code: "invalid_blocks", "invalid_arguments", "expired_trigger_id" …
    reasons: tuple[str, ...]  # at least one
    payload: Any  # what was sent, secrets masked


class Rejections:
    """The newest of them, oldest first."""

    def __init__(self, now: Callable[[], datetime], changed: Callable[[], None]) -> None:
        self._now = now
        self._changed = changed
        self._numbers = itertools.count(1)
        self.entries: deque[Rejection] = deque(maxlen=MOST_REJECTIONS)

    def add(
        self, what: str, refusal: ContentError, payload: Any, *, who: str | None, place: str | None = None
    ) -> None:
        """Write down a refusal."""
        self.entries.append(
            Rejection(
                number=next(self._numbers),
                at=self._now(),
                what=what,
                who=who,
                place=place,
                error=refusal.error,
                reasons=tuple(refusal.reasons) or (refusal.error,),
                payload=masked(payload),
            )
        )
        self._changed()
