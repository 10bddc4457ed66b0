"""Faults that can be put in the way of the bot's calls."""

from collections import deque
from dataclasses import dataclass

RESPONSE_URL = "response_url"


@dataclass(frozen=True, slots=True)
class RateLimited:
    """429 with Retry-After."""

    retry_after: int = 1


@dataclass(frozen=True, slots=True)
class ServerError:
    """An error of Slack's own; with `done` the call took effect all the same."""

    status: int = 500
    done: bool = False


@dataclass(frozen=True, slots=True)
class Slow:
    """The answer comes this many real seconds late."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Dropped:
    """The connection closes without an answer; with `done` the call took effect all the same."""

    done: bool = False


@dataclass(frozen=True, slots=True)
class ApiError:
    """`ok: false` with this error, and HTTP 200 (404 from a response_url)."""

    error: str


Fault = RateLimited | ServerError | Slow | Dropped | ApiError


class Faults:
    """A queue of faults for each Web API method, and for "response_url"; each is used once."""

    def __init__(self) -> None:
        self._queues: dict[str, deque[Fault]] = {}

    def add(self, method: str, *faults: Fault, times: int = 1) -> None:
        """Let the next calls of this method fail, in this order, the whole row `times` over."""
        self._queues.setdefault(method, deque()).extend(faults * times)

    def clear(self) -> None:
        """All is well again."""
        self._queues.clear()

    def waiting(self, method: str) -> int:
        """How many faults this method still has before it."""
        return len(self._queues.get(method, ()))

    def take(self, method: str) -> Fault | None:
        """The fault that the call at hand meets."""
        queue = self._queues.get(method)
        return queue.popleft() if queue else None
