"""What is counted and timed: the seam between the pieces that work and whatever measures them.

Nothing that names a person, an upload or a path goes through here: kinds, endpoints, methods and outcomes only.
"""

from contextvars import ContextVar
from time import perf_counter
from typing import Protocol

OK, CUT_OFF = "ok", "CutOff"
"""What came of something: `ok`, `CutOff` where it was ended from outside, or the name of an error. Whoever ends a task
from outside cancels it with this word, and so it is told from one whose time is over."""
HTTP, SOCKET = "http", "socket"
"""The two ways a payload comes from Slack."""
LOGIN_HOST = "login"
"""What calls to the host that all Vaults share are counted under, in place of a Vault's name."""

RECEIVED: ContextVar[float | None] = ContextVar("received", default=None)
"""When (by `perf_counter`) the payload arrived that this is done for; tasks that it begins know it too."""


class Timing(Protocol):
    """Something that has begun."""

    def end(self, outcome: str = OK) -> None:
        """It has ended. To be called once, or never where nobody will know."""


class Meters(Protocol):
    """Counts and times. Nothing here raises, waits, or costs more than a few microseconds.

    `reference` is the code that a person reads and the log has too.
    """

    def payload(self, way: str) -> Timing:
        """A payload of Slack's was received by this `way`; it ends with the ack."""

    def request(self, kind: str, reference: str) -> Timing:
        """A command, click, form or mention, in a task of its own; it ends when the answer has arrived in Slack. Its
        time counts from the receipt of its payload."""

    def busy(self, kind: str) -> None:
        """A request was answered with its ack: no room was left for it."""

    def event(self, kind: str, reference: str) -> Timing:
        """What an event makes us do, in a task of its own."""

    def job(self, kind: str, reference: str) -> Timing:
        """One run of a piece of due work, in a task of its own."""

    def vault_call(self, vault: str, endpoint: str) -> Timing:
        """One call to the Vault of that name; each repetition is a call."""

    def slack_call(self, method: str) -> Timing:
        """One call to Slack; each repetition is a call. It ends with the answer's head."""

    def slack_refused(self, method: str) -> None:
        """Slack's answer to a call says no."""

    def slack_rate_limited(self) -> None:
        """Slack asks us to wait (429)."""

    def burst(self, vault: str, limit: int, remaining: int) -> None:
        """What a Vault's answer says of the calls it allows in these five minutes, and of those that are left."""

    def reminder(self, kind: str, outcome: str, *, late: bool) -> None:
        """A reminder was due, and this is what came of it; `late` as the message itself says."""

    def claim_lost(self, kind: str) -> None:
        """Due work was changed, or taken over by another worker, while this one had it."""

    def audit_failed(self) -> None:
        """A row could not be written into the audit log."""

    def turned_away(self, what: str) -> None:
        """No room was left for one more answer, event, payload, connection or body."""


class _Unmeasured:
    """Ends unnoticed."""

    __slots__ = ()

    def end(self, outcome: str = OK) -> None:
        """Do nothing."""


class NoMeters:
    """Measures nothing: for pieces that are built alone."""

    __slots__ = ()
    _timing: Timing = _Unmeasured()

    def payload(self, way: str) -> Timing:  # noqa: ARG002
        """See `Meters`."""
        return self._timing

    def request(self, kind: str, reference: str) -> Timing:  # noqa: ARG002
        """See `Meters`."""
        return self._timing

    def busy(self, kind: str) -> None:
        """See `Meters`."""

    def event(self, kind: str, reference: str) -> Timing:  # noqa: ARG002
        """See `Meters`."""
        return self._timing

    def job(self, kind: str, reference: str) -> Timing:  # noqa: ARG002
        """See `Meters`."""
        return self._timing

    def vault_call(self, vault: str, endpoint: str) -> Timing:  # noqa: ARG002
        """See `Meters`."""
        return self._timing

    def slack_call(self, method: str) -> Timing:  # noqa: ARG002
        """See `Meters`."""
        return self._timing

    def slack_refused(self, method: str) -> None:
        """See `Meters`."""

    def slack_rate_limited(self) -> None:
        """See `Meters`."""

    def burst(self, vault: str, limit: int, remaining: int) -> None:
        """See `Meters`."""

    def reminder(self, kind: str, outcome: str, *, late: bool) -> None:
        """See `Meters`."""

    def claim_lost(self, kind: str) -> None:
        """See `Meters`."""

    def audit_failed(self) -> None:
        """See `Meters`."""

    def turned_away(self, what: str) -> None:
        """See `Meters`."""


NO_METERS = NoMeters()


def received_now() -> float:
    """Note that a payload was received at this moment, and return it (`perf_counter`)."""
    now = perf_counter()
    RECEIVED.set(now)
    return now


def received() -> float:
    """Return when the payload arrived that this is done for, or this moment where there is none (`perf_counter`)."""
    moment = RECEIVED.get()
    return perf_counter() if moment is None else moment
