"""`make chaos`: two replicas, thousands of commands, and everything breaks. Exit code 1 when a promise was broken."""

import argparse
import asyncio
from datetime import timedelta
from pathlib import Path

from bench.chaos.report import faults_of, text_of
from bench.chaos.run import Plan, run
from tests.postgres import find_binaries, started

SECONDS_PER_COMMAND = 0.015
"""About what a command takes here, two cores for all: the reminders are spread over the whole run."""


def plan_of(chosen: argparse.Namespace, *, socket_mode: bool) -> Plan:
    """How much of it, by the command line."""
    reminders = max(20, chosen.commands // 20)
    seconds = chosen.commands * SECONDS_PER_COMMAND
    return Plan(
        commands=chosen.commands,
        people=chosen.people,
        reminders=reminders,
        seed=chosen.seed,
        socket_mode=socket_mode,
        apart=timedelta(seconds=seconds / reminders),
    )


def main() -> int:
    """Run both modes, or the one that was named, and return the exit code."""
    parser = argparse.ArgumentParser(prog="bench.chaos", description=__doc__)
    parser.add_argument("--commands", type=int, default=10_000)
    parser.add_argument("--people", type=int, default=32, help="who ask at the same time")
    parser.add_argument("--seed", type=int, default=1, help="of what is asked and what breaks")
    parser.add_argument("--mode", choices=("http", "socket", "both"), default="both")
    parser.add_argument("--logs", type=Path, help="keep the bots' logs in this folder")
    chosen = parser.parse_args()
    binaries = find_binaries()
    if binaries is None:
        parser.error("PostgreSQL is not installed (no initdb and postgres found)")
    good = True
    for mode in ("http", "socket"):
        if chosen.mode in (mode, "both"):
            with started(binaries) as server:
                logs = chosen.logs and chosen.logs / mode
                outcome = asyncio.run(run(plan_of(chosen, socket_mode=mode == "socket"), server, logs))
            print(text_of(outcome), flush=True)
            good &= not faults_of(outcome)
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
