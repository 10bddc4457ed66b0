"""Whether an ID token is to be trusted (Core, section 3.1.3.7); only the provider's public keys can say so."""

import warnings
from typing import TYPE_CHECKING

from bot.idp.calls import Document

if TYPE_CHECKING:
    from joserfc.jwk import Key, KeySet

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures by a key pair alone: `none` proves nothing, and HS* would make our client secret a signing key."""
LEEWAY_SECONDS = 60
"""How far our clock and the provider's may differ."""

_REASONS = {
    "iss": "its answer names another sign-in service than the one set up here",
    "aud": "its answer was made for another app",
    "azp": "its answer was made for another app",
    "exp": "its answer has expired",
    "iat": "its answer is dated in the future",
    "nbf": "its answer is dated in the future",
    "nonce": "its answer belongs to another sign-in",
    "at_hash": "the parts of its answer do not belong together",
    "signature": "its answer is not signed by it",
}
_ANY_OTHER = "its answer cannot be trusted"


class NotTrusted(Exception):
    """The ID token is not to be used: `check` is what it failed, `reason` says it as part of a sentence."""

    def __init__(self, check: str) -> None:
        super().__init__(check)
        self.check = check
        self.reason = _REASONS.get(check, _ANY_OTHER)


class SignedByUnknownKey(NotTrusted):
    """None of the keys fits; the provider may have changed them."""

    def __init__(self) -> None:
        super().__init__("signature")


def import_keys(document: Document) -> "KeySet":
    """Return the public keys of a JWK set that can be used; one that cannot be read does not spoil the others."""
    from joserfc.errors import JoseError
    from joserfc.jwk import JWKRegistry, KeySet

    found = document.get("keys")
    keys: list[Key] = []
    for one in found if isinstance(found, list) else []:
        if (
            isinstance(one, dict)
            and one.get("kty") in ("RSA", "EC", "OKP")
            and one.get("use", "sig") == "sig"
        ):
            try:
                keys.append(JWKRegistry.import_key(one))
            except (JoseError, ValueError, TypeError, KeyError):
                continue
    return KeySet(keys)


def read_subject(
    id_token: str,
    keys: "KeySet",
    *,
    issuer: str,
    client_id: str,
    nonce: str | None,
    access_token: str,
    now: int,
) -> str:
    """Return whom the ID token is about, once everything in it holds; NotTrusted otherwise.

    `nonce` is None for one that came with a renewal, which answers no sign-in (Core, section 12.2). `now` is in epoch
    seconds.
    """
    from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]
    from joserfc import jwt
    from joserfc.errors import BadSignatureError, ClaimError, InvalidKeyIdError, JoseError, SecurityWarning
    from joserfc.jws import JWSRegistry

    try:
        # Real providers send header parameters of their own; what is marked critical must still be known.
        registry = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
        with warnings.catch_warnings():
            # RFC 9864 prefers another name for EdDSA, which is as safe and still the one that providers use.
            warnings.simplefilter("ignore", SecurityWarning)
            token = jwt.decode(id_token, keys, registry=registry)
    except (InvalidKeyIdError, BadSignatureError):
        raise SignedByUnknownKey from None
    except (JoseError, ValueError, TypeError, KeyError):
        raise NotTrusted("signature") from None
    claims = CodeIDToken(
        token.claims,
        token.header,
        options={
            "iss": {"essential": True, "value": issuer},
            "sub": {"essential": True},
            "aud": {"essential": True, "value": client_id},
            "at_hash": {"essential": False},  # may be missing, but not empty
        },
        params={"nonce": nonce, "client_id": client_id, "access_token": access_token},
    )
    try:
        claims.validate(now=now, leeway=LEEWAY_SECONDS)
    except ClaimError as error:
        raise NotTrusted(error.claim.split(",")[0]) from None
    except (ValueError, TypeError):
        raise NotTrusted("claims") from None
    return str(claims["sub"])
