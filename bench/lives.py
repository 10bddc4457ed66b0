"""The bot from its start on: how soon it answers, what memory it holds, and ten thousands of commands."""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from bench.bars import Report
from bench.commands import Plan
from bench.driving import Round, at_once
from bench.stand_ins import StandIns, stand_ins
from bench.world import BOT, subject

PEOPLE = 64


async def start(report: Report, mode: str, plan: Plan) -> None:
    """From the start of the process to its first answer, on a database that is up to date; then memory when idle."""
    report.title(f"{mode}, start")
    seconds, cpu = [], []
    with tempfile.TemporaryDirectory() as folder:
        async with stand_ins() as app:
            for _ in range(plan.rounds + 1):
                whole, own, idle = await _start(mode, plan, app, Path(folder))
                seconds.append(whole)
                cpu.append(own)
    # The first of them may have to compile; whoever installs a wheel has that done at once.
    report.line(f"CPU until the first answer {statistics.median(cpu[1:]):.2f} s")
    report.at_most("start to first answer", statistics.median(seconds[1:]), 1.5, " s")
    report.at_most("memory when idle", idle, 100, " MB", 1)


async def _start(mode: str, plan: Plan, app: StandIns, folder: Path) -> tuple[float, float, float]:
    async with subject(BOT, mode, app, folder, plan.python) as bot:
        begun = time.perf_counter()
        await bot.ready()
        idle = bot.memory_mb()
        await at_once(bot, 1, 1)
        return time.perf_counter() - begun, bot.cpu_seconds(), idle


async def many(report: Report, mode: str, plan: Plan) -> None:
    """Very many commands, 64 at once."""
    report.title(f"{mode}, {plan.many} commands, {PEOPLE} at once")
    with tempfile.TemporaryDirectory() as folder:
        async with stand_ins() as app, subject(BOT, mode, app, Path(folder), plan.python) as bot:
            await bot.ready()
            found = await at_once(bot, plan.many, PEOPLE)
    report.line(f"{found.per_second:.0f} commands/s, answer p50 {found.whole:.0f} ms")
    report.faultless("none lost, doubled or late, one Vault call each", found.lapses)


async def memory(report: Report, mode: str, plan: Plan) -> None:
    """What is held after very many commands, against after a tenth of them."""
    report.title(f"{mode}, memory over {plan.memory} commands")
    with tempfile.TemporaryDirectory() as folder:
        async with stand_ins() as app, subject(BOT, mode, app, Path(folder), plan.python) as bot:
            await bot.ready()
            rounds: list[Round] = [await at_once(bot, max(1, plan.memory // 10), PEOPLE)]
            await asyncio.sleep(plan.settling)
            before = bot.memory_mb()
            rounds.append(await at_once(bot, plan.memory, PEOPLE))
            await asyncio.sleep(plan.settling)
            after = bot.memory_mb()
    report.line(f"{before:.1f} MB after a warm-up of {rounds[0].commands}, {after:.1f} MB after")
    report.at_most("growth", (after / before - 1) * 100, 5, " %", 1)
    report.faultless(
        "none lost, doubled or late, one Vault call each", [lapse for one in rounds for lapse in one.lapses]
    )
