"""Reference codes: what a person can read out and an operator can find in the log."""

import secrets

_SIGNS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def new_reference() -> str:
    """Return eight signs that cannot be mistaken for one another."""
    # 256 is a multiple of 32: each sign is as likely as any other, with one question to the system instead of eight.
    return "".join(_SIGNS[byte % len(_SIGNS)] for byte in secrets.token_bytes(8))
