"""How a Vault words its answers: success, refusal, moments and the page of a thing that is not there.

Sources are named as in the project's collection of facts about Vault ("facts"), which cites Veeva's pages.
"""

from datetime import UTC, datetime
from typing import Any

JsonObject = dict[str, Any]

LOST_PAGE = (
    "<!DOCTYPE html><html><head><title>404 Not Found</title></head>"
    "<body><h1>Not Found</h1><p>The requested resource was not found.</p></body></html>"
)


def moment(at: datetime) -> str:
    """``2026-03-02T08:14:09.000Z``: UTC, milliseconds always zero (facts §1.7)."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def success(**fields: object) -> JsonObject:
    """The envelope of a call that did its work (facts §1.3)."""
    return {"responseStatus": "SUCCESS", **fields}


class RefusedError(Exception):
    """The call is not done: HTTP 200 with the reason in the body (facts §1.3 to §1.5)."""

    def __init__(
        self, error_type: str, message: str, *, response_status: str = "FAILURE", at_login: bool = False
    ) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.message = message
        self.response_status = response_status
        self.at_login = at_login

    def envelope(self) -> JsonObject:
        """The body; failed logins carry `errorType` at the top besides (facts E28)."""
        body: JsonObject = {
            "responseStatus": self.response_status,
            "errors": [{"type": self.error_type, "message": self.message}],
        }
        if self.at_login:
            body["errorType"] = "AUTHENTICATION_FAILED"
        return body


class LostPageError(Exception):
    """There is no such page: plain HTTP 404 with HTML, as a real Vault was seen to answer (facts §1.4)."""


def login_refused(error_type: str, message: str) -> RefusedError:
    """A refusal of ``POST /auth`` (facts §1.5, E28)."""
    return RefusedError(error_type, message, at_login=True)


def dead_session() -> RefusedError:
    """Unknown, ended, expired and foreign credentials all read alike (facts E15)."""
    return RefusedError("INVALID_SESSION_ID", "The session is not valid or has ended.")


def no_api_right(user_id: int) -> RefusedError:
    """A person without the API permission may log in, and nothing else (facts §1.5, E16)."""
    return RefusedError(
        "INSUFFICIENT_ACCESS", f"User [{user_id}] lacks the licence for [VaultActions_API_Access]."
    )


def no_staging_right(user_id: int) -> RefusedError:
    """File staging needs a permission of its own (facts §0.5, E17)."""
    return RefusedError("INSUFFICIENT_ACCESS", f"User {user_id} may not use file staging.")


def configuration_mode(*, at_login: bool = False) -> RefusedError:
    """Only Admins may enter just now (facts E25)."""
    return RefusedError(
        "CONFIGURATION_MODE_ENABLED", "This Vault is in Configuration Mode.", at_login=at_login
    )


def asked_too_soon() -> RefusedError:
    """A job's status may be asked for once in 10 s (facts §1.6, E13)."""
    return RefusedError("API_LIMIT_EXCEEDED", "Job status was requested again too soon.")


def too_many_logins() -> RefusedError:
    """The burst limit of ``/auth`` is used up (facts §1.6, E29)."""
    return login_refused("API_LIMIT_EXCEEDED", "Too many authentication calls in this minute.")


def crashed() -> RefusedError:
    """Vault's own fault (facts E24)."""
    return RefusedError("UNEXPECTED_ERROR", "An unexpected error occurred.", response_status="EXCEPTION")


def not_the_owner() -> RefusedError:
    """Someone else's upload session (facts E19)."""
    return RefusedError("INSUFFICIENT_ACCESS", "Not the owner of this upload session.")


def not_allowed(message: str) -> RefusedError:
    """A rule of Vault is not met (facts §1.5)."""
    return RefusedError("OPERATION_NOT_ALLOWED", message)


def no_more_bytes() -> RefusedError:
    """A part out of order, or more bytes than were declared (facts E21)."""
    return not_allowed("No further parts or bytes can be added.")


def missing(parameter: str) -> RefusedError:
    """A required input is absent (facts E22)."""
    return RefusedError("PARAMETER_REQUIRED", f"Parameter [{parameter}] is required.")


def invalid(message: str) -> RefusedError:
    """An input that cannot be read (facts §1.5)."""
    return RefusedError("INVALID_DATA", message)
