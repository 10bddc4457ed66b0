"""The result of one check."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How it stands, the best first."""

    OK = "ok"
    WARN = "warn"
    """It works, or could not be looked at; somebody should know."""
    FAIL = "fail"


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One line for the operator. `name` and `subject` (such as a Vault's name, else empty) stay the same from release
    to release; `what` and `next_step` are sentences, and hold no secret. What is well needs no next step."""

    name: str
    status: Status
    what: str
    next_step: str = ""
    subject: str = ""

    @property
    def title(self) -> str:
        """Name and subject as they are printed."""
        return f"{self.name.replace('_', ' ')} {self.subject}".rstrip()


def ok(name: str, what: str, *, subject: str = "") -> Check:
    """All is well."""
    return Check(name=name, status=Status.OK, what=what, subject=subject)


def warn(name: str, what: str, next_step: str, *, subject: str = "") -> Check:
    """Somebody should know."""
    return Check(name=name, status=Status.WARN, what=what, next_step=next_step, subject=subject)


def fail(name: str, what: str, next_step: str, *, subject: str = "") -> Check:
    """It does not work."""
    return Check(name=name, status=Status.FAIL, what=what, next_step=next_step, subject=subject)


def overall(checks: Sequence[Check]) -> Status:
    """Return the worst of all."""
    order = list(Status)
    return max((check.status for check in checks), key=order.index, default=Status.OK)
