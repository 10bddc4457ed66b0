"""A call to Vault that is made again after a passing fault."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import stamina

from bot.model.errors import VaultError
from bot.vault import refusals

ATTEMPTS = 4
LONGEST_PAUSE_SECONDS = 1.0
"""Between two tries; they grow from 0.2 s, with jitter."""

T = TypeVar("T")


async def repeated(call: Callable[[], Awaitable[T]], deadline: float) -> T:
    """Return what the call gives, made again while there is time until `deadline` (of the loop's clock). VaultError."""
    # Nearly every call succeeds at once. The way through stamina is for those that do not: it costs as much as all
    # else that is ours in a call.
    try:
        return await call()
    except VaultError as error:
        failed: VaultError | None = error

    def worth_another_try(error: Exception) -> bool | float:
        wait = refusals.wait_before_retry(error)
        left = deadline - asyncio.get_running_loop().time()
        return False if wait is None or left <= (wait or LONGEST_PAUSE_SECONDS) else wait or True

    # stamina logs each repetition with the error before it: our sentences, which hold no id and no address.
    async for attempt in stamina.retry_context(
        worth_another_try,
        attempts=ATTEMPTS,
        timeout=None,
        wait_initial=0.2,
        wait_max=LONGEST_PAUSE_SECONDS,
        wait_jitter=0.3,
    ):
        with attempt:
            if failed is not None:
                first, failed = failed, None
                raise first
            return await call()
    raise AssertionError("stamina leaves its loop by return or raise")
