"""One line in the log for each request of a page, and the reference code that all of its lines carry."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog

from bot.model import overheard
from bot.model.references import new_reference

log = structlog.get_logger()


@dataclass(slots=True)
class RequestLine:
    """What the line will say; `outcome` is `ok`, or why there was nothing better."""

    kind: str
    outcome: str = "ok"
    reference: str = field(default_factory=new_reference)


@contextmanager
def request_line(event: str, kind: str) -> Iterator[RequestLine]:
    """Yield the line to be filled; it is written when the block ends.

    Who finds out which workspace the person is of binds `team` to the context of all lines.
    """
    line, started = RequestLine(kind), time.monotonic()
    with (
        structlog.contextvars.bound_contextvars(reference=line.reference, team=""),
        overheard.execution_ids() as execution_ids,
    ):
        try:
            yield line
        except BaseException as error:
            line.outcome = type(error).__name__
            raise
        finally:
            log.info(
                event,
                kind=line.kind,
                outcome=line.outcome,
                seconds=round(time.monotonic() - started, 3),
                execution_ids=execution_ids,
            )
