"""`make fuzz`: many inputs for each target, or for those that are named. Exit code 1 where one broke something."""

import argparse
import importlib.util
import os
import secrets
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.engines import drawn, guided
from tests.fuzz.targets import ALL, PLANTED, SERVED

INPUTS = 100_000
NO_ATHERIS = (
    "Atheris is not installed, and the words and Vault's answers are fuzzed with it. It exists for Linux on x86-64 "
    "with Python below 3.14: make the environment anew there (make clean, make fuzz), or name the other targets: "
    "python -m tests.fuzz slack_endpoint link_forms"
)


def main() -> int:
    """Run the targets one after the other, each in a process of its own: Atheris ends the one it runs in."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument(
        "targets", nargs="*", metavar="TARGET", help=f"of {', '.join(ALL)}; all without a name"
    )
    parser.add_argument(
        "--runs", type=int, default=INPUTS, help=f"inputs for each target (default {INPUTS:,})"
    )
    parser.add_argument("--seed", type=int, help="the same inputs again (default: others each time)")
    parser.add_argument("--here", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    names = arguments.targets or list(ALL)
    if unknown := [name for name in names if name not in (*ALL, PLANTED)]:
        parser.error(f"there is no target {unknown[0]}; there are {', '.join(ALL)}")
    if set(names) - set(SERVED) and importlib.util.find_spec("atheris") is None:
        print(NO_ATHERIS, file=sys.stderr)
        return 1
    # Atheris takes no larger one, and 0 for none.
    seed = 1 + secrets.randbelow(2**31 - 1) if arguments.seed is None else arguments.seed
    if arguments.here is not None:
        if names[0] in SERVED:
            drawn(names[0], arguments.runs, seed, say=lambda line: print(line, flush=True))
        else:
            guided(names[0], arguments.runs, seed, arguments.here)
        return 0
    return 1 if [name for name in names if not apart(name, arguments.runs, seed)] else 0


def apart(name: str, runs: int, seed: int) -> bool:
    """Run one target in a process of its own; say whether nothing broke, and what it took."""
    print(f"{name}: {runs:,} inputs, seed {seed} ...", flush=True)
    started, before = time.monotonic(), os.times()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tests.fuzz", "--here", folder]
        command += ["--runs", str(runs), "--seed", str(seed), name]
        done = subprocess.run(command, check=False)
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    verdict = "nothing broke" if done.returncode == 0 else f"BROKEN, exit code {done.returncode}"
    print(f"{name}: {verdict}, {time.monotonic() - started:.0f} s, {spent / 60:.1f} CPU minutes", flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
