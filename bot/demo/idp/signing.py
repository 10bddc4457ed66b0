"""The provider's key pairs and the ID tokens made with them, good ones and spoiled ones (RFC 7515, RFC 7518)."""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Set
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from bot.demo.idp.faults import Fault

Claims = dict[str, Any]


class SigningKey:
    """An RSA key pair for RS256."""

    def __init__(self) -> None:
        self.kid = secrets.token_hex(8)
        self._private = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def public(self) -> dict[str, str]:
        """The public half as it stands in the key set (RFC 7517)."""
        numbers = self._private.public_key().public_numbers()
        return {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.kid,
            "n": _base64url(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")),
            "e": _base64url(numbers.e.to_bytes(3, "big")),
        }

    def sign(self, signed: bytes) -> bytes:
        """The signature of these bytes."""
        return self._private.sign(signed, padding.PKCS1v15(), hashes.SHA256())


def half_hash(access_token: str) -> str:
    """The claim `at_hash` for RS256 (Core, section 3.1.3.6)."""
    return _base64url(hashlib.sha256(access_token.encode("ascii")).digest()[:16])


def make_id_token(key: SigningKey, claims: Claims, client_secret: str | None, faults: Set[Fault]) -> str:
    """An ID token with these claims, with those of the faults that spoil one."""
    header = {"alg": "RS256", "typ": "JWT", "kid": key.kid}
    if Fault.UNKNOWN_KEY in faults:
        key = SigningKey()
        header["kid"] = key.kid
    if Fault.HS256 in faults:
        header["alg"] = "HS256"
    if Fault.ALG_NONE in faults:
        header["alg"] = "none"
    if Fault.NO_KID in faults:
        del header["kid"]
    signed = f"{_segment(header)}.{_segment(_spoiled(claims, faults))}"
    if header["alg"] == "none":
        return f"{signed}."
    if header["alg"] == "HS256":
        signature = hmac.digest((client_secret or "").encode(), signed.encode(), "sha256")
    else:
        signature = key.sign(signed.encode())
    if Fault.BROKEN_SIGNATURE in faults:
        signed = f"{_segment(header)}.{_segment({**claims, 'sub': 'somebody-else'})}"
    return f"{signed}.{_base64url(signature)}"


def _spoiled(claims: Claims, faults: Set[Fault]) -> Claims:
    changes: dict[Fault, Claims] = {
        Fault.TOKEN_ISSUER: {"iss": "https://idp.elsewhere.example"},
        Fault.WRONG_AUDIENCE: {"aud": "another-client"},
        Fault.SECOND_AUDIENCE: {"aud": [claims["aud"], "another-client"]},
        Fault.WRONG_NONCE: {"nonce": "of-another-sign-in"},
        Fault.NO_NONCE: {"nonce": None},
        Fault.EXPIRED: {"exp": claims["iat"] - 120},
        Fault.FROM_THE_FUTURE: {"iat": claims["iat"] + 3600, "exp": claims["exp"] + 3600},
        Fault.NO_SUBJECT: {"sub": None},
        Fault.WRONG_HASH: {"at_hash": half_hash("another access token")},
    }
    spoiled = dict(claims)
    for fault, change in changes.items():
        if fault in faults:
            spoiled |= change
    return {name: value for name, value in spoiled.items() if value is not None}


def _segment(value: Claims) -> str:
    return _base64url(json.dumps(value, separators=(",", ":")).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
