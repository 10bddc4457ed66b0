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


async def test_budget__whoever_is_read_for_longest_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes finds room; what is whole, or given up, counts no more."""
    monkeypatch.setattr(Budget, "FREE", 0)
    budget = Budget(150)
    slow = [
        asyncio.create_task(
            read_body(a_request([letter * 70], ends=False), limit=LIMIT, patience=60, budget=budget)
        )
        for letter in (b"a", b"b")
    ]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    for _ in range(3):
        assert await read_body(a_request([b"c" * 80]), limit=LIMIT, budget=budget) == b"c" * 80
    with pytest.raises(TooManyBodies):
        await slow[0]
    assert not slow[1].done()
    assert await read_body(a_request([b"d" * 50, b"d" * 50]), limit=LIMIT, budget=budget)
    with pytest.raises(TooManyBodies):
        await slow[1]
    assert await read_body(a_request([b"e" * 100]), limit=LIMIT, budget=budget)


async def test_budget__what_is_larger_than_all_of_it_finds_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Budget, "FREE", 10)
    budget = Budget(50)
    for _ in range(2):
        with pytest.raises(TooManyBodies):
            await read_body(a_request([b"a" * 30, b"a" * 31]), limit=LIMIT, budget=budget)
        assert await read_body(a_request([b"a" * 30, b"a" * 30]), limit=LIMIT, budget=budget)


async def test_budget__the_beginning_of_each_body_is_free() -> None:
    budget = Budget(0)
    assert len(await read_body(a_request([b"a"] * Budget.FREE), limit=20_000, budget=budget)) == Budget.FREE
    with pytest.raises(TooManyBodies):
        await read_body(a_request([b"a" * Budget.FREE, b"a"]), limit=20_000, budget=budget)


async def test_budget__gets_back_what_was_too_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Budget, "FREE", 0)
    budget = Budget(LIMIT)
    with pytest.raises(BodyTooSlow):
        await read_body(a_request([b"a" * 90], ends=False), limit=LIMIT, patience=0.01, budget=budget)
    assert await read_body(a_request([b"b" * 100]), limit=LIMIT, budget=budget)
