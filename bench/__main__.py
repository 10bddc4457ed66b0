"""`make bench`: the bot against the least code that does the same, bar by bar. Exit code 1 when anything was lost,
doubled or late, a command made no Vault call or more than one, or connections are not kept; times are told and never
asserted.

`make bench ARGS="commands start"` measures some parts alone.
"""

import argparse
import sys

import uvloop

from bench import due_work, lives
from bench.bars import Report
from bench.commands import Plan, measure
from bench.world import HTTP, SOCKET

PARTS = ("commands", "socket", "start", "many", "memory", "due")


async def run(report: Report, parts: list[str], plan: Plan, jobs: int, seconds: int) -> None:
    """Measure the parts in their order."""
    if "commands" in parts:
        await measure(report, HTTP, plan)
    if "socket" in parts:
        await measure(report, SOCKET, plan)
    for part, of_part in (("start", lives.start), ("many", lives.many), ("memory", lives.memory)):
        if part in parts:
            await of_part(report, HTTP, plan)
            await of_part(report, SOCKET, plan)
    if "due" in parts:
        report.title("Due work")
        good = await due_work.report(rounds=plan.rounds, jobs=jobs, seconds=seconds)
        report.faultless("no job lost or run twice", [] if good else ["a job was"])


def main() -> int:
    """Return the exit code."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all, if none is named"
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--commands", type=int, default=600, help="in one round")
    parser.add_argument("--burst", type=int, default=300, help="commands at the same moment")
    parser.add_argument("--many", type=int, default=10_000, help="commands of the part of that name")
    parser.add_argument("--memory", type=int, default=30_000, help="commands of the part of that name")
    parser.add_argument("--jobs", type=int, default=3000, help="due at once, in one round")
    parser.add_argument("--seconds", type=int, default=20, help="of jobs that fall due one after the other")
    parser.add_argument(
        "--python",
        default=sys.executable,
        help="runs the bot and the least code: of an environment without tools",
    )
    chosen = parser.parse_args()
    if unknown := set(chosen.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    plan = Plan(
        rounds=chosen.rounds,
        commands=chosen.commands,
        burst=chosen.burst,
        many=chosen.many,
        memory=chosen.memory,
        python=chosen.python,
    )
    report = Report()
    uvloop.run(run(report, chosen.parts or list(PARTS), plan, chosen.jobs, chosen.seconds))
    return report.close()


if __name__ == "__main__":
    raise SystemExit(main())
