"""What Vault's answers said of themselves during one request, whoever asked Vault on its behalf."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

MOST = 5
"""The last ones are kept: a request that is refused was refused by one of its last calls."""

_heard: ContextVar[list[str] | None] = ContextVar("execution_ids", default=None)


@contextmanager
def execution_ids() -> Iterator[list[str]]:
    """Yield what fills with the execution ids of Vault's answers, the last `MOST` of them, until the block ends; those
    of tasks that were begun within it too."""
    heard = list[str]()
    before = _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.reset(before)


def note(execution_id: str) -> None:
    """Keep the id for the request that this is done for, if it is for one."""
    heard = _heard.get()
    if heard is not None:
        heard.append(execution_id)
        del heard[:-MOST]
