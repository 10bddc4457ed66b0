"""What a command costs, in one of the two modes: the bot in turns with the least code and the tutorial's bot."""

import statistics
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.bars import Report
from bench.driving import Round, at_once, paced
from bench.stand_ins import stand_ins
from bench.world import BOT, HTTP, LEAST, TUTORIAL, Subject, subject

SLOW_VAULT = 0.3
MOST_CONNECTIONS = 0.05
"""For each command: connections are kept, so there is a new one for a few of the first commands alone."""
_LIST = "none lost, doubled or late, one Vault call each"


@dataclass(frozen=True)
class Plan:
    """How much is done, and by which interpreter the programs run."""

    rounds: int = 7
    commands: int = 600
    """In one round."""
    burst: int = 300
    many: int = 10_000
    memory: int = 30_000
    warm_up: int = 64
    """Of each program, before any round."""
    settling: float = 1.0
    """Seconds before memory is looked at."""
    python: str = sys.executable


async def measure(report: Report, mode: str, plan: Plan) -> None:
    """Print all bars of one mode."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        app = await stack.enter_async_context(stand_ins())
        subjects = [
            await stack.enter_async_context(subject(name, of_one, app, folder, plan.python))
            # There is one tutorial, and it is about HTTP.
            for name, of_one in ((LEAST, mode), (BOT, mode), (TUTORIAL, HTTP))
        ]
        for one in subjects:
            await one.ready()
            await at_once(one, plan.warm_up, 16)
        await _speed(report, mode, plan, subjects)
        await _acks(report, mode, plan, subjects[:2])
        app.vault_delay = SLOW_VAULT
        await _slow_vault(report, mode, plan, subjects[:2])
        await _burst(report, mode, plan, subjects)


async def _in_turns(
    subjects: list[Subject], rounds: int, drive: Callable[[Subject], Awaitable[Round]]
) -> dict[str, list[Round]]:
    """All programs in each round, so that the machine's mood hits all."""
    found: dict[str, list[Round]] = {one.name: [] for one in subjects}
    for _ in range(rounds):
        for one in subjects:
            found[one.name].append(await drive(one))
    return found


async def _speed(report: Report, mode: str, plan: Plan, subjects: list[Subject]) -> None:
    report.title(f"{mode}, 16 commands at once, Vault answers at once")

    def drive(one: Subject) -> Awaitable[Round]:
        # The tutorial's takes twenty times as long.
        return at_once(one, max(4, plan.commands // (10 if one.name == TUTORIAL else 1)), 16)

    rounds = await _in_turns(subjects, plan.rounds, drive)
    for name, of_one in rounds.items():
        cores = statistics.median(one.cpu / 1000 * one.per_second for one in of_one)
        report.line(
            f"{name:8} {_median(of_one, 'per_second'):6.0f} commands/s  {_median(of_one, 'cpu'):6.2f} ms CPU each"
            f"  {cores:.0%} of a core  answer p50 {_median(of_one, 'whole'):6.1f} ms"
        )
    least, bot, tutorial = rounds[LEAST], rounds[BOT], rounds[TUTORIAL]
    report.at_most("CPU for each command, as a ratio to the least code", _ratio(bot, least, "cpu"), 3.2)
    report.at_least("commands/s, as a ratio to the least code", _ratio(bot, least, "per_second"), 0.3)
    report.at_least("commands/s, as a ratio to the tutorial's", _ratio(bot, tutorial, "per_second"), 10)
    connections = sum(one.connections for one in bot) / sum(one.commands for one in bot)
    report.counted_at_most("new connections for each command", connections, MOST_CONNECTIONS, digits=4)
    report.line(f"calls of Slack's Web API in all these commands: {sum(one.slack_calls for one in bot)}")
    report.faultless(_LIST, _lapses(bot))


async def _acks(report: Report, mode: str, plan: Plan, subjects: list[Subject]) -> None:
    report.title(f"{mode}, 60 commands a second")
    rounds = await _in_turns(subjects, plan.rounds, lambda one: paced(one, max(8, plan.commands // 4), 60))
    least, bot = _median(rounds[LEAST], "ack"), _median(rounds[BOT], "ack")
    report.line(f"ack p50: least {least:.1f} ms, bot {bot:.1f} ms")
    report.at_most("ack p50, more than the least code's", bot - least, 4, " ms", 1)
    report.faultless(_LIST, _lapses(rounds[BOT]))


async def _slow_vault(report: Report, mode: str, plan: Plan, subjects: list[Subject]) -> None:
    report.title(f"{mode}, 40 commands a second, Vault takes {SLOW_VAULT * 1000:.0f} ms")
    rounds = await _in_turns(subjects, plan.rounds, lambda one: paced(one, max(8, plan.commands // 5), 40))
    least, bot = _median(rounds[LEAST], "whole"), _median(rounds[BOT], "whole")
    report.line(f"answer p50: least {least:.1f} ms, bot {bot:.1f} ms")
    report.at_most("answer p50, more than the least code's", bot - least, 15, " ms", 1)
    report.faultless(_LIST, _lapses(rounds[BOT]))


async def _burst(report: Report, mode: str, plan: Plan, subjects: list[Subject]) -> None:
    report.title(f"{mode}, {plan.burst} commands at once, Vault takes {SLOW_VAULT * 1000:.0f} ms")
    bot = await _in_turns(subjects[1:2], plan.rounds, lambda one: at_once(one, plan.burst, plan.burst))
    report.line(
        f"bot: ack p50 {_median(bot[BOT], 'ack'):.0f} ms, answer p50 {_median(bot[BOT], 'whole'):.0f} ms"
    )
    report.faultless(_LIST, _lapses(bot[BOT]))
    tutorial = await at_once(subjects[2], plan.burst, plan.burst)
    report.line(
        f"the tutorial's bot loses {tutorial.lost} of {plan.burst}, and acknowledges {tutorial.late_acks} too late"
        " or never"
    )


def _median(rounds: list[Round], field: str) -> float:
    return float(statistics.median(getattr(one, field) for one in rounds))


def _ratio(one: list[Round], other: list[Round], field: str) -> float:
    """The median of the rounds' own ratios: both parts of each were measured within seconds of each other."""
    pairs = zip(one, other, strict=True)
    return float(statistics.median(getattr(a, field) / getattr(b, field) for a, b in pairs))


def _lapses(rounds: list[Round]) -> list[str]:
    return [lapse for one in rounds for lapse in one.lapses]
