"""What of OpenID Connect is emulated, and how far; a test compares this table with the routes."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Extent(StrEnum):
    """How much of an endpoint there is."""

    SUPPORTED = "supported"
    PARTIAL = "partial"


@dataclass(frozen=True)
class Covered:
    """One endpoint as the emulator answers it."""

    method: str
    path: str
    extent: Extent
    note: str


COVERAGE: Final = (
    Covered("GET", "/.well-known/openid-configuration", Extent.SUPPORTED, "Discovery 1.0, section 4"),
    Covered("GET", "/jwks", Extent.SUPPORTED, "RSA keys for RS256; more after a change of keys"),
    Covered(
        "GET",
        "/authorize",
        Extent.PARTIAL,
        "code flow with PKCE S256 (required), nonce, prompt, RFC 9207; no POST, no request objects, no max_age",
    ),
    Covered(
        "POST", "/sign-in", Extent.SUPPORTED, "the form of the sign-in page; it keeps no session of its own"
    ),
    Covered(
        "POST",
        "/token",
        Extent.PARTIAL,
        "authorization_code and refresh_token with rotation; a reused token ends its family; no narrower scopes",
    ),
    Covered("GET", "/userinfo", Extent.PARTIAL, "sub, e-mail, name; JSON only, Bearer header only"),
    Covered("POST", "/userinfo", Extent.PARTIAL, "as by GET"),
)
