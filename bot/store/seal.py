"""Encryption of Vault credentials at rest: AES-256-GCM, bound to the row, with key ids for rotation.

A sealed value reads `s1.<key id>.<base64url of nonce and ciphertext>`. Its associated data names the version,
the key and the row, so a value that was moved to another row, or changed by a bit, does not open.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
import secrets
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bot.model.errors import KeyMissing, SealBroken
from bot.model.secret import Secret

SEAL_PREFIX = "s1."
KEY_ID_LENGTH = 8
_KEY_PREFIX = "vuk1."
_KEY_BYTES = 32
_NONCE_BYTES = 12
_KEY = re.compile(r"vuk1\.[A-Za-z0-9_-]{43}\Z")
_SEALED = re.compile(r"s1\.([0-9a-f]{8})\.([A-Za-z0-9_-]+)\Z")


def new_key() -> str:
    """Return a fresh encryption key: 256 random bits as printable text, good for ENCRYPTION_KEYS."""
    return _KEY_PREFIX + _encode(secrets.token_bytes(_KEY_BYTES))


def row_identity(kind: str, *parts: str) -> str:
    """Return the name of one row, to seal a value to. Unambiguous: no two lists of parts give the same text."""
    return json.dumps([kind, *parts])


def key_id_of(sealed: str) -> str:
    """Return the id of the key that a value was sealed with; SealBroken for text that is no sealed value."""
    return _take_apart(sealed)[0]


class Keyring:
    """The operator's encryption keys: the newest seals, every one opens. Prints as key ids only."""

    def __init__(self, keys: list[bytes]) -> None:
        self._keys = {_key_id(key): key for key in keys}
        self._ciphers = {key_id: AESGCM(_derive(key, "seal")) for key_id, key in self._keys.items()}
        self.ids = tuple(self._ciphers)
        self.newest_id = self.ids[0]
        self._mac_key = lru_cache(maxsize=16)(
            lambda key_id, purpose: _derive(self._keys[key_id], f"mac {purpose}")
        )

    @classmethod
    def parse(cls, text: str) -> "Keyring":
        """Read keys separated by commas or white space, newest first.

        ValueError when there is none, or names the position of one that is malformed or repeated; never its value.
        """
        keys: list[bytes] = []
        words = [word for word in re.split(r"[,\s]+", text) if word]
        if not words:
            raise ValueError("holds no key; make one with `keys new`")
        for position, word in enumerate(words, start=1):
            key = _decode(word.removeprefix(_KEY_PREFIX)) if _KEY.match(word) else None
            if key is None or len(key) != _KEY_BYTES:
                raise ValueError(f"key {position} of {len(words)} is not one that `keys new` made")
            if _key_id(key) in map(_key_id, keys):
                raise ValueError(f"key {position} of {len(words)} repeats an earlier one")
            keys.append(key)
        return cls(keys)

    def seal(self, secret: Secret, identity: str) -> str:
        """Encrypt a secret with the newest key for the row named by `identity` (see `row_identity`)."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        cipher = self._ciphers[self.newest_id]
        data = cipher.encrypt(nonce, secret.reveal().encode(), _associated(self.newest_id, identity))
        return f"{SEAL_PREFIX}{self.newest_id}.{_encode(nonce + data)}"

    def open(self, sealed: str, identity: str) -> Secret:
        """Decrypt what was sealed for the same row.

        KeyMissing when its key is not in the ring; SealBroken when it is changed, moved, or no sealed value.
        """
        key_id, data = _take_apart(sealed)
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise KeyMissing(key_ids=key_id)
        try:
            plain = cipher.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], _associated(key_id, identity))
        except (InvalidTag, ValueError):
            raise SealBroken from None
        return Secret(plain.decode())

    def mac(self, purpose: str, message: str) -> str:
        """Return an HMAC-SHA256 in hex over `message`, by a key that serves this purpose alone.

        The key comes from the newest encryption key: a value made before a rotation no longer matches after it.
        """
        return self.mac_by(self.newest_id, purpose, message)

    def mac_by(self, key_id: str, purpose: str, message: str) -> str:
        """Return what `mac` gives, made with the key of that id; KeyMissing when it is not in the ring."""
        if key_id not in self._keys:
            raise KeyMissing(key_ids=key_id)
        key = self._mac_key(key_id, purpose)
        return hmac.new(key, message.encode(errors="surrogatepass"), "sha256").hexdigest()

    def __repr__(self) -> str:
        return f"Keyring({', '.join(self.ids)})"


def _associated(key_id: str, identity: str) -> bytes:
    return json.dumps([SEAL_PREFIX, key_id, identity]).encode()


def _take_apart(sealed: str) -> tuple[str, bytes]:
    """Return key id and bytes; SealBroken unless the text is exactly as `seal` writes it."""
    match = _SEALED.match(sealed)
    data = _decode(match[2]) if match else None
    if match is None or data is None or len(data) <= _NONCE_BYTES:
        raise SealBroken
    return match[1], data


def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"vault-uploads key id\0" + key).hexdigest()[:KEY_ID_LENGTH]


def _derive(key: bytes, purpose: str) -> bytes:
    """Return a key for one purpose, so that no key ever serves two algorithms."""
    info = b"vault-uploads " + purpose.encode()
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=info).derive(key)


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes | None:
    """Return the bytes; None unless the text is the one and only way to write them."""
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        return None
    return data if _encode(data) == text else None
