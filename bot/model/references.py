"""Reference codes: what a person can read out and an operator can find in the log."""

import secrets

_SIGNS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def new_reference() -> str:
    """Return eight signs that cannot be mistaken for one another."""
    return "".join(secrets.choice(_SIGNS) for _ in range(8))
