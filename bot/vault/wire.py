"""Vault's protocol without I/O: values in, requests out; status, headers and bytes in, values or errors out.

Vault: "Errors": a call that fails still answers HTTP 200. `responseStatus` and `errors[].type` decide; the HTTP
status counts only where something else than Vault answered.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from pydantic_core import from_json

from bot import __version__
from bot.model.accounts import Access, Identity, Vault
from bot.model.errors import (
    CredentialRefused,
    IdentityMismatch,
    NotFoundInVault,
    VaultAnswerStrange,
    VaultMaintenance,
    VaultUnavailable,
)
from bot.model.secret import Secret
from bot.vault import refusals
from bot.vault.endpoints import Endpoint

USER_AGENT = f"vault-upload-bot/{__version__}"
_CREDENTIAL = re.compile(r"[\x21-\x7e]{1,4096}")
_LOGGABLE = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_LINK = re.compile(r"/[\x21-\x7e]*")
_DONE = {"SUCCESS", "WARNING"}
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One request, ready to send. Printing it shows no credential, no person and no address with its ids."""

    endpoint: Endpoint
    vault: Vault
    identity: Identity | None = field(repr=False)
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    form: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Burst:
    """How many calls the Vault allows in the current window (5 minutes, all users together), and how many are left."""

    limit: int
    remaining: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Meta:
    """What Vault's own headers say of an answer. Vault: "Response Headers"; HTTP/2 sends them in lower case."""

    vault_id: str | None = None
    vault_user_id: str | None = None
    execution_id: str | None = None
    truncated_session_id: str | None = None
    burst: Burst | None = None
    delay_ms: int | None = None
    downtime_minutes: int | None = None
    retry_after: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A call that Vault has done: the JSON object it sent, and what its headers say."""

    payload: Mapping[str, object]
    meta: Meta


@dataclass(frozen=True, slots=True)
class Wire:
    """Builds the requests of one API version under one client id (header X-VaultAPI-ClientID)."""

    version: str
    client_id: str

    def versions(self, access: Access) -> Request:
        """Which API versions the Vault speaks."""
        return self._request(Endpoint.VERSIONS, access)

    def sign_in(self, vault: Vault, user_name: str, password: Secret) -> Request:
        """Open a Vault session by user name and password."""
        form = urlencode({"username": user_name, "password": password.reveal()}, errors="replace").encode()
        headers = {**self._headers(), "Content-Type": "application/x-www-form-urlencoded"}
        return Request(
            endpoint=Endpoint.SIGN_IN,
            vault=vault,
            identity=None,
            url=self._url(Endpoint.SIGN_IN, vault),
            headers=headers,
            form=form,
        )

    def me(self, access: Access) -> Request:
        """Whose credential this is."""
        return self._request(Endpoint.ME, access)

    def uploads(self, access: Access) -> Request:
        """The active upload sessions this person may see, first page."""
        return self._request(Endpoint.UPLOADS, access)

    def upload(self, access: Access, upload_id: str) -> Request:
        """One upload session."""
        return self._request(Endpoint.UPLOAD, access, upload_id)

    def parts(self, access: Access, upload_id: str) -> Request:
        """The parts of one upload session, first page."""
        return self._request(Endpoint.PARTS, access, upload_id)

    def keep_alive(self, access: Access) -> Request:
        """Lengthen the Vault session."""
        return self._request(Endpoint.KEEP_ALIVE, access)

    def end_session(self, access: Access) -> Request:
        """End this one Vault session."""
        return self._request(Endpoint.END_SESSION, access)

    def next_page(self, before: Request, answer: Answer) -> Request | None:
        """The page after `answer`, or None after the last. VaultAnswerStrange for a link that leaves the Vault.

        Vault: `responseDetails.next_page` is a full address, or begins with `/api/`; VAPIL also takes a bare path.
        """
        details = answer.payload.get("responseDetails")
        link = details.get("next_page") if isinstance(details, dict) else None
        if link is None or link == "":
            return None
        url = self._same_vault(before.vault, link)
        if url is None:
            raise VaultAnswerStrange(vault=before.vault.name, reason="next_page leaves this Vault")
        return Request(
            endpoint=before.endpoint,
            vault=before.vault,
            identity=before.identity,
            url=url,
            headers=before.headers,
        )

    def _same_vault(self, vault: Vault, link: object) -> str | None:
        """Return the address on this very Vault, else None. The host is taken from our settings, never from the link:
        however anyone reads the link, the credential cannot go elsewhere."""
        try:
            home, there = urlsplit(vault.url), urlsplit(link if isinstance(link, str) else "//")
            if there.scheme or there.netloc or not isinstance(link, str) or link.startswith("//"):
                if "@" in there.netloc or _origin(there) != _origin(home):
                    return None
                path = there.path
            elif there.path.startswith("/api/"):
                path = there.path
            else:
                path = f"/api/{self.version}/{there.path.lstrip('/')}"
        except ValueError:
            return None
        target = f"{path}?{there.query}" if there.query else path
        if not _LINK.fullmatch(target) or "\\" in target or "/../" in f"{path}/" or "/./" in f"{path}/":
            return None
        return f"{home.scheme}://{home.netloc}{target}"

    def _request(self, endpoint: Endpoint, access: Access, upload_id: str = "") -> Request:
        credential = access.credential.reveal()
        if not _CREDENTIAL.fullmatch(credential):  # cannot be one, and would not fit in a header
            raise CredentialRefused(vault=access.vault.name, error_type=refusals.UNKNOWN)
        return Request(
            endpoint=endpoint,
            vault=access.vault,
            identity=access.identity,
            url=self._url(endpoint, access.vault, upload_id),
            # Vault: "Request Headers": Bearer is right for a session id and for an API access token alike.
            headers={**self._headers(), "Authorization": f"Bearer {credential}"},
        )

    def _headers(self) -> dict[str, str]:
        return {
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": USER_AGENT,
            "X-VaultAPI-ClientID": self.client_id,
        }

    def _url(self, endpoint: Endpoint, vault: Vault, upload_id: str = "") -> str:
        if endpoint.of_one_upload and upload_id in ("", ".", ".."):  # would be another path
            raise NotFoundInVault(vault=vault.name, error_type=refusals.UNKNOWN)
        segment = quote(upload_id, safe="", errors="replace")
        return vault.url.rstrip("/") + endpoint.path.format(version=self.version, upload_id=segment)


def _origin(url: SplitResult) -> tuple[str, str | None, int | None]:
    return url.scheme, url.hostname, url.port or _DEFAULT_PORTS.get(url.scheme)


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
