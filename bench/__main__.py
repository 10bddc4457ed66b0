"""`make bench`: rounds of the bot and of the least code in turns, medians, ratios. It asserts nothing about time.

`make bench ARGS=due` measures due work alone, `ARGS=commands` commands alone.
"""

import argparse
import asyncio
import itertools
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bench import due_work
from bench.world import ACK_LIMIT, StandIns, Subject, signed_command, stand_ins, subject


@dataclass(frozen=True)
class Round:
    """Figures of one round; times in milliseconds."""

    per_second: float
    cpu: float
    ack: float
    whole: float
    late_acks: int
    lost: int
    doubled: int
    vault_calls: float


async def one_round(
    found: Subject, app: StandIns, address: str, *, commands: int, at_once: int, keys: Iterator[int]
) -> Round:
    """Send `commands`, `at_once` at a time, and wait for every answer."""
    acks: list[float] = []
    wholes: list[float] = []
    lost = 0
    todo = iter(range(commands))
    tally = app.tally
    tally.vault_calls = 0
    tally.answers.clear()

    async def worker(session: aiohttp.ClientSession) -> None:
        nonlocal lost
        for _ in todo:
            key = f"k{next(keys)}"
            body, headers = signed_command(address, key)
            event = tally.waiting[key] = asyncio.Event()
            begun = time.perf_counter()
            async with session.post(f"{found.url}/slack/events", data=body, headers=headers) as response:
                await response.read()
            acks.append(time.perf_counter() - begun)
            try:
                async with asyncio.timeout(25):
                    await event.wait()
                wholes.append(time.perf_counter() - begun)
            except TimeoutError:
                lost += 1
            del tally.waiting[key]

    cpu, begun = found.cpu_seconds(), time.perf_counter()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*(worker(session) for _ in range(at_once)))
    seconds = time.perf_counter() - begun
    return Round(
        per_second=commands / seconds,
        cpu=(found.cpu_seconds() - cpu) / commands * 1000,
        ack=statistics.median(acks) * 1000,
        whole=statistics.median(wholes) * 1000 if wholes else 0.0,
        late_acks=sum(one > ACK_LIMIT for one in acks),
        lost=lost,
        doubled=sum(count - 1 for count in tally.answers.values()),
        vault_calls=tally.vault_calls / commands,
    )


async def measure(*, rounds: int, commands: int, at_once: int, vault_delay: float) -> dict[str, list[Round]]:
    """Both programs in turns, in one run, so that the machine's mood hits both."""
    figures: dict[str, list[Round]] = {"least": [], "bot": []}
    keys = itertools.count()
    with tempfile.TemporaryDirectory() as folder:
        async with (
            stand_ins(vault_delay) as (app, address),
            subject("least", address, Path(folder) / "least") as (least, _),
            subject("bot", address, Path(folder) / "bot") as (bot, seconds),
        ):
            print(f"  bot ready after {seconds:.2f} s, {bot.memory_mb():.0f} MB")
            for found in (least, bot):
                await one_round(found, app, address, commands=at_once * 4, at_once=at_once, keys=keys)
            for _ in range(rounds):
                for name, found in (("least", least), ("bot", bot)):
                    figures[name].append(
                        await one_round(found, app, address, commands=commands, at_once=at_once, keys=keys)
                    )
            print(f"  bot after all rounds: {bot.memory_mb():.0f} MB")
    return figures


def report(title: str, figures: dict[str, list[Round]]) -> bool:
    """Print medians and ratios; False when an answer was lost or doubled, or a command made another Vault call."""
    print(title)
    medians = {}
    for name, rounds in figures.items():
        medians[name] = {
            field: statistics.median(getattr(one, field) for one in rounds)
            for field in ("per_second", "cpu", "ack", "whole")
        }
        one = medians[name]
        print(
            f"  {name:6} {one['per_second']:8.0f} commands/s  {one['cpu']:6.2f} ms CPU each  "
            f"ack p50 {one['ack']:7.1f} ms  answer p50 {one['whole']:7.1f} ms"
        )
    least, bot = medians["least"], medians["bot"]
    speed, cpu = bot["per_second"] / least["per_second"], bot["cpu"] / least["cpu"]
    print(f"  ratio  {speed:.2f} of the speed, {cpu:.2f} x the CPU")
    all_bot = figures["bot"]
    lost, doubled = sum(one.lost for one in all_bot), sum(one.doubled for one in all_bot)
    late, calls = sum(one.late_acks for one in all_bot), {one.vault_calls for one in all_bot}
    print(f"  lost {lost}, doubled {doubled}, late acks {late}, Vault calls per command {sorted(calls)}")
    return lost == 0 and doubled == 0 and late == 0 and calls == {1.0}


async def main() -> int:
    """Run the series and return the exit code."""
    parser = argparse.ArgumentParser(prog="bench")
    parser.add_argument("what", nargs="?", choices=("all", "commands", "due"), default="all")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--commands", type=int, default=600, help="in one round")
    parser.add_argument("--jobs", type=int, default=3000, help="due at once, in one round")
    parser.add_argument("--seconds", type=int, default=20, help="of jobs that fall due one after the other")
    chosen = parser.parse_args()
    good = True
    if chosen.what != "due":
        good &= report(
            "16 commands at once, Vault answers at once",
            await measure(rounds=chosen.rounds, commands=chosen.commands, at_once=16, vault_delay=0.0),
        )
        good &= report(
            "300 commands at once, Vault takes 300 ms",
            await measure(rounds=1, commands=300, at_once=300, vault_delay=0.3),
        )
    if chosen.what != "commands":
        good &= await due_work.report(rounds=chosen.rounds, jobs=chosen.jobs, seconds=chosen.seconds)
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
