"""What becomes of due work that failed: it comes back after a pause that grows, or is given up and parked."""

import math
import random

import structlog

from bot.model.due import Claimed
from bot.model.errors import BotError, VaultBusy
from bot.store.due_claims import Outcome

log = structlog.get_logger()

FIRST_PAUSE, LONGEST_PAUSE = 5.0, 3000.0
"""In seconds, before up to a fifth is added."""
LONGEST_PROMISE_PAUSE = 600.0
"""Seconds between two tries of what people were promised, however long the trouble lasts."""
MOST_ATTEMPTS = 20
"""Half a day with these pauses; then a person has to look."""


def failed(claimed: Claimed, error: BaseException, reference: str, *, is_promise: bool) -> Outcome:
    """Return what is to become of the job; the log tells why, under `reference`."""
    name = type(error).__name__
    # What others said may hold secrets, so it stays out of the row; the reference leads to it in the log.
    reason = f"{name} ({reference}) {error.sentence if isinstance(error, BotError) else ''}".strip()
    asked = _asked(error)
    if isinstance(error, BotError | TimeoutError) or asked is not None:
        log.warning("due work is put off", error=name, attempts=claimed.attempts)
    else:
        log.error("due work failed", error=name, attempts=claimed.attempts, exc_info=error)
    if asked is not None:
        return Outcome.postponed(claimed, _spread(max(asked, 1.0)), reason, counted=False)
    pause = FIRST_PAUSE * 2.0 ** min(claimed.attempts - 1, MOST_ATTEMPTS)
    if is_promise:
        return Outcome.postponed(claimed, _spread(min(pause, LONGEST_PROMISE_PAUSE)), reason)
    if claimed.attempts >= MOST_ATTEMPTS:
        log.error("due work is parked", error=name, attempts=claimed.attempts)
        return Outcome.parked(claimed, reason)
    return Outcome.postponed(claimed, _spread(pause), reason)


def _asked(error: BaseException) -> float | None:
    """Return the seconds that the other side wants us to wait; None where it named none."""
    named = error.details.get("seconds") if isinstance(error, VaultBusy) else None
    seconds = getattr(error, "retry_after", named)
    return seconds if isinstance(seconds, int | float) and math.isfinite(seconds) else None


def _spread(seconds: float) -> float:
    return min(seconds, LONGEST_PAUSE) * random.uniform(1.0, 1.2)  # noqa: S311 - it spreads load, guards nothing
