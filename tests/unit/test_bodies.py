"""Request bodies: what is too large, too slow, or too much for all together."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from starlette.requests import Request
from starlette.types import Message

from bot.web.bodies import BodyTooLarge, BodyTooSlow, Budget, TooManyBodies, read_body

LIMIT = 100


def a_request(chunks: Sequence[bytes], *, ends: bool = True, declared: int | None = None) -> Request:
    """A request whose body comes in these chunks, and, unless it `ends`, no further."""

    async def said() -> AsyncIterator[Message]:
        for number, chunk in enumerate(chunks, start=1):
            is_last = ends and number == len(chunks)
            yield {"type": "http.request", "body": chunk, "more_body": not is_last}
        await asyncio.Event().wait()

    headers = [] if declared is None else [(b"content-length", str(declared).encode())]
    return Request({"type": "http", "headers": headers}, said().__anext__)


async def test_body__within_its_bounds_is_returned_whole() -> None:
    assert await read_body(a_request([b"a" * 60, b"b" * 40]), limit=LIMIT) == b"a" * 60 + b"b" * 40


@pytest.mark.parametrize("request_", [a_request([b"a" * 60, b"b" * 41]), a_request([b""], declared=101)])
async def test_body__beyond_the_limit(request_: Request) -> None:
    with pytest.raises(BodyTooLarge):
        await read_body(request_, limit=LIMIT)


async def test_budget__is_shared_by_bodies_that_are_not_whole() -> None:
    """Who would take more than is left is refused at once; what is whole, or given up, counts no more."""
    budget = Budget(150)
    slow = asyncio.create_task(
        read_body(a_request([b"a" * 90], ends=False), limit=LIMIT, patience=60, budget=budget)
    )
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    with pytest.raises(TooManyBodies):
        await read_body(a_request([b"b" * 61]), limit=LIMIT, budget=budget)
    for _ in range(3):
        assert await read_body(a_request([b"b" * 60]), limit=LIMIT, budget=budget)
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    assert await read_body(a_request([b"b" * 100]), limit=LIMIT, budget=budget)


async def test_budget__gets_back_what_was_too_slow() -> None:
    budget = Budget(LIMIT)
    with pytest.raises(BodyTooSlow):
        await read_body(a_request([b"a" * 90], ends=False), limit=LIMIT, patience=0.01, budget=budget)
    assert await read_body(a_request([b"b" * 100]), limit=LIMIT, budget=budget)
