"""Runs checks: groups side by side, the steps of a group one after the other, each for a limited time."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from bot.doctor.check import Check, fail
from bot.model.errors import BotError

LONGEST_CHECK = 10.0
"""Seconds for one step."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One check of a group; it returns None where there is nothing to look at. Later steps may use what it found."""

    name: str
    look: Callable[[], Awaitable[Check | None]]
    subject: str = ""


async def examine(
    groups: Sequence[Sequence[Step]], seconds: float = LONGEST_CHECK
) -> AsyncGenerator[Check, None]:
    """Yield what the steps find, in their order, each as soon as it and those before it are known.

    A step that raises, or is not done after `seconds`, has failed; nothing is raised.
    """
    running = [asyncio.create_task(_group(steps, seconds)) for steps in groups]
    try:
        for task in running:
            for check in await task:
                yield check
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _group(steps: Sequence[Step], seconds: float) -> list[Check]:
    found = [await _bounded(step, seconds) for step in steps]
    return [check for check in found if check is not None]


async def _bounded(step: Step, seconds: float) -> Check | None:
    try:
        async with asyncio.timeout(seconds):
            return await step.look()
    except TimeoutError:
        what, next_step = (
            f"This took longer than {seconds:.0f} s.",
            "See whether what it asks is slow or down.",
        )
    except BotError as error:
        what, next_step = error.sentence, error.remedy
    except Exception as error:  # noqa: BLE001 - one check that breaks must not hide the others
        # Foreign errors' texts may hold addresses or more, so only their names go on.
        what = f"This check itself failed ({type(error).__name__})."
        next_step = "Run it again; if it stays so, report it with this line."
    return fail(step.name, what, next_step, subject=step.subject)
