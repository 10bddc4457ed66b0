"""How many files, connections among them, the process may have open."""

import resource
from contextlib import suppress

ENOUGH = 65_536
RESERVED = 256
"""For the database, Vault, Slack and the log."""


def allow_many() -> None:
    """Raise the soft limit as far as the hard one allows; many systems begin with 1,024 or less."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < most:
        # Some systems have a lower one that they do not tell.
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def places(most: int) -> int:
    """Return how many of `most` connections the soft limit leaves for clients: at least a quarter of it."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return most if soft == resource.RLIM_INFINITY else min(most, max(soft - RESERVED, soft // 4))
