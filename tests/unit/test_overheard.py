"""Vault's execution ids find the request they were asked for, whoever asked."""

import asyncio

from bot.model import overheard


async def test_execution_ids__of_tasks_begun_meanwhile_too() -> None:
    async def ask(name: str) -> None:
        await asyncio.sleep(0)
        overheard.note(name)

    with overheard.execution_ids() as heard:
        await asyncio.gather(ask("a"), ask("b"))
    assert sorted(heard) == ["a", "b"]


async def test_execution_ids__of_two_requests_are_kept_apart() -> None:
    async def request(name: str) -> list[str]:
        with overheard.execution_ids() as heard:
            await asyncio.sleep(0)
            overheard.note(name)
            await asyncio.sleep(0)
        return heard

    one, other = await asyncio.gather(request("a"), request("b"))
    assert (one, other) == (["a"], ["b"])


def test_execution_ids__the_last_are_kept() -> None:
    with overheard.execution_ids() as heard:
        for number in range(20):
            overheard.note(str(number))
    assert heard == [str(number) for number in range(20 - overheard.MOST, 20)]


def test_note__outside_of_a_request_is_nothing() -> None:
    overheard.note("x")
    with overheard.execution_ids() as heard:
        pass
    assert heard == []
