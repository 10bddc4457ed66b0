"""Which error of the model a failed answer means. Decided on stable codes, never on message text.

Vault: "Errors": `type` values are fixed per version, messages may change; types outside the list occur, so every
table here has a default.
"""

import math
import re

from bot.model import errors
from bot.model.accounts import Vault
from bot.vault.endpoints import Endpoint

UNKNOWN = "unknown"
_SAFE_TYPE = re.compile(r"[A-Z0-9_]{1,60}")

# Vault: "Errors". EXPIRED_TOKEN and INVALID_TOKEN are not in the list; Boomi's Veeva connector knows them.
_DEAD_CREDENTIAL = {"INVALID_SESSION_ID", "EXPIRED_TOKEN", "INVALID_TOKEN"}
_WRONG_LOGIN = {"USERNAME_OR_PASSWORD_INCORRECT", "NO_PASSWORD_PROVIDED", "USER_NOT_FOUND"}
_PASSING = {"OPERATION_IN_PROGRESS", "RACE_CONDITION", "UNEXPECTED_ERROR"}
# Not documented: what details and parts answer for an id that is unknown, foreign, expired or committed.
# Any of these may be it, so they are one and the same here, and nobody can learn which.
_NOT_VISIBLE = {"INVALID_DATA", "INSUFFICIENT_ACCESS", "OPERATION_NOT_ALLOWED", "MALFORMED_URL"}

LOCKED_OUT = {
    "reason": "your Vault user is locked after too many wrong passwords",
    "remedy": "Ask your Vault administrator to unlock it, then link again.",
}
PASSWORD_CHANGE = {
    "reason": "your password has to be changed first",
    "remedy": "Sign in to Vault in your browser, change it there, then link again.",
}
INACTIVE = {
    "reason": "your Vault user is inactive",
    "remedy": "Ask your Vault administrator to activate it, then link again.",
}
NO_ACCESS = {
    "reason": "your Vault user lacks a right that is needed for it",
    "remedy": "Ask your Vault administrator whether your user is active in this Vault and may use its API.",
}
NO_USER = {
    "reason": "no Vault user belongs to your company's sign-in",
    "remedy": "Ask your Vault administrator to connect your user with it, then link again.",
}
_LOGIN_REFUSED = {
    "USER_LOCKED_OUT": LOCKED_OUT,
    "PASSWORD_CHANGE_REQUIRED": PASSWORD_CHANGE,
    "INACTIVE_USER": INACTIVE,
    "INSUFFICIENT_ACCESS": NO_ACCESS,
}

AUTHENTICATION_LIMIT_SECONDS = 60.0
"""Vault: "API Rate Limits": logins are counted per minute. No Retry-After is documented; a minute is always enough."""
_LONGEST_WAIT_SECONDS = 24 * 3600.0
_LONGEST_RETRY_WAIT_SECONDS = 5.0
"""A person waits for the answer: what Vault wants postponed for longer is told at once."""


def safe_type(value: object) -> str:
    """Return an error type fit for logs and messages; it comes from outside."""
    return value if isinstance(value, str) and _SAFE_TYPE.fullmatch(value) else UNKNOWN


def by_type(vault: Vault, endpoint: Endpoint, error_type: str, retry_after: str | None) -> errors.BotError:
    """Return the error for `errors[].type` of an answer that Vault itself made."""
    details = {"vault": vault.name, "error_type": error_type}
    if endpoint is Endpoint.EXCHANGE and error_type == "USER_NOT_FOUND":
        return errors.LoginRefused(**details, **NO_USER)
    if endpoint is Endpoint.USER and error_type in _WRONG_LOGIN | _LOGIN_REFUSED.keys():
        return errors.VaultRefused(**details)  # it may be said of the user who was asked for
    if endpoint is not Endpoint.DISCOVERY and error_type in _DEAD_CREDENTIAL | _WRONG_LOGIN:
        return errors.CredentialRefused(**details)
    if endpoint.opens_session and error_type in _LOGIN_REFUSED:
        return errors.LoginRefused(**details, **_LOGIN_REFUSED[error_type])
    if error_type == "API_LIMIT_EXCEEDED":
        return busy(vault, error_type, retry_after)
    if error_type == "CONFIGURATION_MODE_ENABLED":
        return errors.VaultConfiguring(**details)
    if error_type in _PASSING:
        return errors.VaultUnavailable(**details)
    if endpoint.of_one_upload and error_type in _NOT_VISIBLE:
        return errors.NotFoundInVault(**details)
    if endpoint is Endpoint.DISCOVERY:  # nobody's credential was sent, so none was refused
        return errors.VaultRefused(**details)
    # Vault: "Prerequisites": a user without API permission can log in, but every other call answers this.
    if error_type == "INSUFFICIENT_ACCESS":
        return errors.NoStagingAccess(**details)
    if error_type in _LOGIN_REFUSED:  # of somebody who had been let in: it was taken back since
        return errors.CredentialRefused(**details)
    if error_type == "AUTHENTICATION_FAILED":  # stands at the top of a failed login, beside errors[]
        return errors.CredentialRefused(**details)
    return errors.VaultRefused(**details)


def by_status(vault: Vault, endpoint: Endpoint, status: int, retry_after: str | None) -> errors.BotError:
    """Return the error for an answer without Vault's envelope: a proxy, a maintenance page, a wrong path.

    Vault: "Errors": every processed request answers 200; anything else is network or infrastructure. Seen once:
    a plain 404 for a path that does not exist.
    """
    details = {"vault": vault.name, "error_type": f"HTTP_{status}"}
    if 200 <= status < 300:
        return errors.VaultAnswerStrange(**details, reason="no JSON object with a responseStatus")
    if 300 <= status < 400:
        return errors.VaultAnswerStrange(**details, reason="a redirect, which is never followed")
    if status == 401 and endpoint is not Endpoint.DISCOVERY:
        return errors.CredentialRefused(**details)
    if status in (403, 404) and endpoint.of_one_upload:
        return errors.NotFoundInVault(**details)
    if status == 403 and not (endpoint.opens_session or endpoint.on_login_host or endpoint is Endpoint.USER):
        return errors.NoStagingAccess(**details)
    if status == 408:
        return errors.VaultSlow(**details)
    if status == 429:
        return busy(vault, f"HTTP_{status}", retry_after)
    if status >= 500:
        return errors.VaultUnavailable(**details)
    if status >= 400:
        return errors.VaultRefused(**details)
    return errors.VaultAnswerStrange(**details, reason="no final HTTP status")


def busy(vault: Vault, error_type: str, retry_after: str | None) -> errors.VaultBusy:
    """Return VaultBusy; its detail `seconds` is what Vault asked to wait, `minutes` the same for people."""
    try:
        seconds = float(retry_after) if retry_after else AUTHENTICATION_LIMIT_SECONDS
    except ValueError:  # the other legal form, a date, needs a clock: a minute will do
        seconds = AUTHENTICATION_LIMIT_SECONDS
    if not 0 <= seconds <= _LONGEST_WAIT_SECONDS:
        seconds = AUTHENTICATION_LIMIT_SECONDS
    minutes = max(math.ceil(seconds / 60), 1)
    return errors.VaultBusy(vault=vault.name, error_type=error_type, minutes=minutes, seconds=seconds)


def wait_before_retry(error: Exception) -> float | None:
    """Return how many seconds to wait before a call is tried again: 0 for the usual growing pauses, None where trying
    again does not help."""
    if isinstance(error, errors.VaultBusy):
        seconds = error.details["seconds"]
        if isinstance(seconds, float) and seconds <= _LONGEST_RETRY_WAIT_SECONDS:
            return max(seconds, 0.1)
        return None
    if isinstance(error, errors.VaultTemporary) and not isinstance(
        error, errors.VaultMaintenance | errors.VaultConfiguring
    ):
        return 0.0
    return None
