"""One call of the API on its way through a Vault, and the answer it gets."""

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum

from starlette.requests import Request

from bot.demo.vault.behaviour import Behaviour
from bot.demo.vault.domain import Domain, Vault
from bot.demo.vault.envelope import LOST_PAGE, JsonObject
from bot.demo.vault.logins import Credential
from bot.demo.vault.users import User


class Kind(StrEnum):
    """What a call asks for; faults and counters go by it."""

    VERSIONS = "versions"
    DISCOVERY = "discovery"
    AUTH = "auth"
    OIDC_EXCHANGE = "oidc_exchange"
    KEEP_ALIVE = "keep_alive"
    END_SESSION = "end_session"
    ME = "me"
    USER = "user"
    CREATE_TOKEN = "create_token"  # noqa: S105 - the name of a call, no secret
    QUERY = "query"
    LIST_UPLOADS = "list_uploads"
    CREATE_UPLOAD = "create_upload"
    UPLOAD_DETAILS = "upload_details"
    SEND_PART = "send_part"
    COMMIT = "commit"
    ABORT = "abort"
    LIST_PARTS = "list_parts"
    LIST_ITEMS = "list_items"
    JOB_STATUS = "job_status"
    UNKNOWN = "unknown"


LOGIN_KINDS = frozenset({Kind.AUTH, Kind.DISCOVERY, Kind.OIDC_EXCHANGE})
"""Calls of a person who is not logged in yet; the Vault's burst limit does not count them (facts §1.6)."""


@dataclass(kw_only=True, eq=False)
class Call:
    """A request that has reached a Vault."""

    request: Request
    kind: Kind
    domain: Domain
    vault: Vault
    behaviour: Behaviour
    now: datetime
    version: str | None = None
    path_values: dict[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    form: dict[str, str] = field(default_factory=dict, repr=False)
    credential: Credential | None = None
    limit: int = 0
    remaining: int = 0
    delayed: float = 0

    @property
    def user(self) -> User:
        """Who calls; known once the credential was found good."""
        if self.credential is None:
            raise RuntimeError("this endpoint was entered without a session")
        return self.credential.user

    @property
    def release(self) -> tuple[int, ...]:
        """``v24.3`` as numbers; a call without a version is of the newest."""
        found = re.fullmatch(r"v([0-9]{1,3})\.([0-9])", self.version or "")
        return (int(found[1]), int(found[2])) if found else (99, 0)

    @property
    def path(self) -> str:
        """The path as it was sent, percent signs and all."""
        raw: bytes = self.request.scope["raw_path"]
        return raw.decode("ascii", "replace")

    @property
    def client_id(self) -> str:
        """The tracking name, from the query or the header (facts §1.2)."""
        given = self.request.query_params.get("client_id") or self.request.headers.get("x-vaultapi-clientid")
        if not given:
            return "unknown"
        known = given.isascii() and len(given) <= 100
        fine = known and all(letter.isalnum() or letter in "._-" for letter in given)
        return given if fine else "invalid_client_id"


class Delivery(Enum):
    """How much of an answer reaches the caller before the connection ends."""

    WHOLE = "whole"
    BROKEN_OFF = "broken off"
    NONE = "none"


@dataclass(kw_only=True)
class Answer:
    """What goes back, just before it is sent."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json;charset=UTF-8"
    headers: dict[str, str] = field(default_factory=dict)
    envelope: JsonObject | None = None
    delivery: Delivery = Delivery.WHOLE

    @classmethod
    def of(cls, envelope: JsonObject, headers: dict[str, str]) -> "Answer":
        """An ordinary answer: HTTP 200 whatever the envelope says (facts §0.1)."""
        return cls(body=json.dumps(envelope).encode(), headers=headers, envelope=envelope)

    @classmethod
    def lost_page(cls, headers: dict[str, str]) -> "Answer":
        """HTTP 404 with a page for people (facts §1.4)."""
        return cls.page(404, LOST_PAGE, headers)

    @classmethod
    def page(cls, status: int, html: str, headers: dict[str, str] | None = None) -> "Answer":
        """An HTML page, as proxies and maintenance send."""
        return cls(
            status=status,
            body=html.encode(),
            content_type="text/html;charset=UTF-8",
            headers=dict(headers or {}),
        )
