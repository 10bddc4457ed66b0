"""Rounds of commands handed to one program, and what is counted and timed in them."""

import asyncio
import itertools
import statistics
import time
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass

import aiohttp

from bench.world import Subject

ACK_LIMIT = 3.0
"""Seconds after which Slack shows an error (docs, "Acknowledging requests")."""
PATIENCE = 30.0
"""Seconds from a command after which its answer counts as lost."""

_KEYS = (f"k{number}" for number in itertools.count())


@dataclass(frozen=True)
class Round:
    """What came of some commands; times are medians in milliseconds."""

    commands: int
    seconds: float
    cpu: float
    """Milliseconds of processor time for each command."""
    ack: float
    whole: float
    """From the command to its answer."""
    late_acks: int
    """Later than ACK_LIMIT, or none."""
    lost: int
    doubled: int
    wrong: int
    vault_calls: int
    slack_calls: int
    connections: int
    """New ones, made by the program."""

    @property
    def per_second(self) -> float:
        """Commands."""
        return self.commands / self.seconds

    @property
    def lapses(self) -> list[str]:
        """What must never be, in words."""
        found = {
            "lost": self.lost, "doubled": self.doubled, "wrong": self.wrong, "late acks": self.late_acks,
            "Vault calls too many or too few": abs(self.vault_calls - self.commands),
        }  # fmt: skip
        return [f"{count} {what}" for what, count in found.items() if count]


class _Times:
    def __init__(self) -> None:
        self.acks: list[float] = []
        self.wholes: list[float] = []
        self.late_acks = self.lost = 0


_Works = Callable[[_Times], Iterable[Coroutine[None, None, None]]]


async def at_once(subject: Subject, commands: int, people: int) -> Round:
    """So many people who each ask again as soon as they have their answer."""
    todo = iter(range(commands))

    async def person(times: _Times) -> None:
        for _ in todo:
            await _one(subject, times)

    return await _round(subject, commands, lambda times: (person(times) for _ in range(people)))


async def paced(subject: Subject, commands: int, per_second: float) -> Round:
    """One command after the other, whether the last one is answered or not."""
    begun = time.perf_counter()

    async def at(number: int, times: _Times) -> None:
        await asyncio.sleep(begun + number / per_second - time.perf_counter())
        await _one(subject, times)

    return await _round(subject, commands, lambda times: (at(number, times) for number in range(commands)))


async def _round(subject: Subject, commands: int, works: _Works) -> Round:
    tally, times = subject.app.tally, _Times()
    tally.clear()
    cpu, begun = subject.cpu_seconds(), time.perf_counter()
    await asyncio.gather(*works(times))
    seconds = time.perf_counter() - begun
    return Round(
        commands=commands,
        seconds=seconds,
        cpu=(subject.cpu_seconds() - cpu) / commands * 1000,
        ack=_median(times.acks),
        whole=_median(times.wholes),
        late_acks=times.late_acks,
        lost=times.lost,
        doubled=sum(count - 1 for count in tally.answers.values()),
        wrong=tally.wrong,
        vault_calls=tally.vault_calls,
        slack_calls=tally.slack_calls,
        connections=tally.connections,
    )


async def _one(subject: Subject, times: _Times) -> None:
    key, tally = next(_KEYS), subject.app.tally
    answered = tally.waiting[key] = asyncio.Event()
    begun = time.perf_counter()
    try:
        async with asyncio.timeout(PATIENCE):
            try:
                await subject.hand_in(key)
            except (aiohttp.ClientError, ConnectionError):
                # Slack shows the person an error. There may be an answer all the same; it counts as lost.
                times.late_acks += 1
                times.lost += 1
                return
            acked = time.perf_counter() - begun
            times.acks.append(acked)
            times.late_acks += acked > ACK_LIMIT
            await answered.wait()
            times.wholes.append(time.perf_counter() - begun)
    except TimeoutError:
        times.lost += 1
    finally:
        del tally.waiting[key]


def _median(seconds: list[float]) -> float:
    return statistics.median(seconds) * 1000 if seconds else 0.0
