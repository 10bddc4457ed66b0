"""The applications that the provider knows, and the errors it tells them."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_plus


class OAuthError(Exception):
    """A refusal by its code (RFC 6749, sections 4.1.2.1 and 5.2)."""

    def __init__(self, code: str, description: str, status: int = 400) -> None:
        super().__init__(f"{code}: {description}")
        self.code = code
        self.description = description
        self.status = status

    def as_json(self) -> dict[str, str]:
        """The body of the token endpoint's answer."""
        return {"error": self.code, "error_description": self.description}


@dataclass(kw_only=True, eq=False)
class Client:
    """One registered application; without a secret it is a public one."""

    id: str
    name: str
    secret: str | None = field(default=None, repr=False)
    redirect_uris: set[str] = field(default_factory=set)

    def check(self, authorization: str | None, form: Mapping[str, str], ways: frozenset[str]) -> None:
        """Let in only this client, in one of the ways that are offered (Core, section 9); OAuthError."""
        way, client_id, secret = _shown(authorization, form)
        if self.secret is None and way == "none" and client_id == self.id:
            return
        fine = way in ways and client_id == self.id and self.secret is not None
        if not fine or not hmac.compare_digest(secret.encode(), (self.secret or "").encode()):
            raise OAuthError("invalid_client", "The client could not be authenticated.", 401)


def _shown(authorization: str | None, form: Mapping[str, str]) -> tuple[str, str, str]:
    """By which way a client shows which id and secret."""
    if authorization is None:
        way = "client_secret_post" if "client_secret" in form else "none"
        return way, form.get("client_id", ""), form.get("client_secret", "")
    scheme, _, value = authorization.partition(" ")
    try:
        decoded = base64.b64decode(value, validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        decoded = ""
    client_id, colon, secret = decoded.partition(":")
    way = "client_secret_basic" if scheme.lower() == "basic" and colon else ""
    return way, unquote_plus(client_id), unquote_plus(secret)
