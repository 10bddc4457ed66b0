"""Single-use secrets that people carry in an address. Only their hashes are stored."""

import hashlib
import secrets

_SECRET_BYTES = 32


def new_secret() -> str:
    """Return 256 random bits as text that can stand in an address."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def digest_of(secret: str) -> str:
    """Return the SHA-256 in hex of any text at all: enough for a secret that cannot be guessed."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()
