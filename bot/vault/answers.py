"""Answers in, no I/O: status, headers and bytes become an answer or one of our errors.

Vault: "Errors": a call that fails still answers HTTP 200. `responseStatus` and `errors[].type` decide; the HTTP
status counts only where something else than Vault answered.
"""

import re
from collections.abc import Mapping

from pydantic_core import from_json

from bot.model.accounts import Identity, Vault
from bot.model.errors import IdentityMismatch, VaultMaintenance, VaultUnavailable
from bot.vault import refusals
from bot.vault.messages import Answer, Burst, Meta, Request

_LOGGABLE = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_DONE = {"SUCCESS", "WARNING"}


def read_meta(headers: Mapping[str, str]) -> Meta:
    """Return what the headers say; what cannot be read is left out, what is to be logged is safe to log."""
    found = {name.lower(): value.strip() for name, value in headers.items()}
    limit = _number(found.get("x-vaultapi-burstlimit"))
    remaining = _number(found.get("x-vaultapi-burstlimitremaining"))
    return Meta(
        vault_id=found.get("x-vaultapi-vaultid") or None,
        vault_user_id=found.get("x-vaultapi-userid") or None,
        execution_id=_loggable(found.get("x-vaultapi-executionid")),
        truncated_session_id=(_loggable(found.get("x-vaultapi-truncatedsessionid")) or "")[:12] or None,
        burst=None if limit is None or remaining is None else Burst(limit=limit, remaining=remaining),
        delay_ms=_number(found.get("x-vaultapi-responsedelay")),
        downtime_minutes=_number(found.get("x-vaultapi-downtimeexpecteddurationminutes")),
        retry_after=found.get("retry-after"),
    )


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdecimal() and len(text) < 10 else None


def _loggable(text: str | None) -> str | None:
    match = _LOGGABLE.match(text or "")
    return match[0] if match else None


def decipher(request: Request, status: int, meta: Meta, body: bytes) -> Answer:
    """Return the answer of a call that Vault has done, else raise what it means. Order matters:

    1. An answer made for another user or Vault is not looked at any further.
    2. Vault's own word (`responseStatus`) counts before the HTTP status, except for a redirect.
    3. A failure during an announced downtime is the downtime's.
    """
    check_identity(request.vault, request.identity, meta)
    payload = None if 300 <= status < 400 else _envelope(body)
    outcome = payload.get("responseStatus") if payload else None
    if payload is not None and outcome in _DONE and 200 <= status < 300:
        return Answer(payload=payload, meta=meta)
    if meta.downtime_minutes is not None:
        raise VaultMaintenance(vault=request.vault.name, minutes=max(meta.downtime_minutes, 1))
    if payload is not None and outcome == "FAILURE":
        raise refusals.by_type(request.vault, request.endpoint, _error_type(payload), meta.retry_after)
    if payload is not None and outcome == "EXCEPTION":  # not done, Vault's fault
        raise VaultUnavailable(vault=request.vault.name, error_type=_error_type(payload))
    raise refusals.by_status(request.vault, request.endpoint, status, meta.retry_after)


def check_identity(vault: Vault, identity: Identity | None, meta: Meta) -> None:
    """Raise IdentityMismatch when the headers name another user or Vault. What sends none is judged by its body."""
    if identity is None:
        return
    if meta.vault_id not in (None, identity.vault_id) or meta.vault_user_id not in (
        None,
        identity.vault_user_id,
    ):
        raise IdentityMismatch(vault=vault.name, reason="headers name another user or Vault")


def _envelope(body: bytes) -> dict[str, object] | None:
    """Return the JSON object, if it is one of Vault's: one with a `responseStatus`."""
    try:
        found = from_json(body, allow_inf_nan=False)
    except ValueError:  # no JSON, cut off, not UTF-8, nested too deep
        return None
    return found if isinstance(found, dict) and isinstance(found.get("responseStatus"), str) else None


def _error_type(payload: Mapping[str, object]) -> str:
    """Return the first error's type; failed logins may carry one at the top as well."""
    listed = payload.get("errors")
    for error in listed if isinstance(listed, list) else []:
        if isinstance(error, dict) and isinstance(error.get("type"), str):
            return refusals.safe_type(error["type"])
    return refusals.safe_type(payload.get("errorType"))
