"""The log of all requests to the emulated provider: which they were and how they ended, never a secret in them."""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

KEPT = 500


class Kind(StrEnum):
    """What a request asks for."""

    METADATA = "metadata"
    KEYS = "keys"
    AUTHORIZE = "authorize"
    SIGN_IN = "sign_in"
    TOKEN = "token"  # noqa: S105 - the name of an endpoint
    USERINFO = "userinfo"


@dataclass(kw_only=True, eq=False)
class Visit:
    """One request on its way: the endpoint adds what it learns of it."""

    kind: Kind
    who: str | None = None
    error: str | None = None
    grant_type: str | None = None


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request and how it ended."""

    number: int
    at: datetime
    kind: Kind
    method: str
    path: str
    who: str | None
    """Short name of the person it was about, once known."""
    grant_type: str | None
    client_agent: str
    status: int
    """HTTP status; 0 when the connection was dropped."""
    error: str | None
    """OAuth's code."""
    seconds: float
    """Real time it took."""


class RequestLog:
    """The last exchanges, and counters of all."""

    def __init__(self) -> None:
        self.entries: deque[Exchange] = deque(maxlen=KEPT)
        self._counts: Counter[Kind] = Counter()
        self._listeners: list[Callable[[Exchange], None]] = []
        self._number = 0

    def count(self, kind: Kind) -> None:
        """A request has arrived."""
        self._counts[kind] += 1

    def calls(self, kind: Kind | str | None = None) -> int:
        """How many requests have arrived, of one kind or of all."""
        return self._counts.total() if kind is None else self._counts[Kind(kind)]

    def forget_calls(self) -> None:
        """Count from zero again."""
        self._counts.clear()

    def listen(self, callback: Callable[[Exchange], None]) -> Callable[[], None]:
        """Call back with every new exchange, until the returned function is called."""
        self._listeners.append(callback)
        return lambda: self._listeners.remove(callback)

    def write(
        self, visit: Visit, *, at: datetime, method: str, path: str, agent: str, status: int, seconds: float
    ) -> None:
        """Keep one."""
        self._number += 1
        entry = Exchange(
            number=self._number, at=at, kind=visit.kind, method=method, path=path, who=visit.who,
            grant_type=visit.grant_type, client_agent=agent, status=status, error=visit.error, seconds=seconds,
        )  # fmt: skip
        self.entries.append(entry)
        for listener in list(self._listeners):
            listener(entry)
