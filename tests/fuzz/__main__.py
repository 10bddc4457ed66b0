"""`make fuzz`: many inputs for each target, or for those that are named. Exit code 1 where one broke something."""

import argparse
import importlib.util
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import ALL, LONGEST, PURE, opened

INPUTS = 100_000
TOLD_EVERY = 10_000
NO_ATHERIS = (
    "Atheris is not installed, and the words and Vault's answers are fuzzed with it. It exists for Linux on x86-64 "
    "with Python below 3.14: make the environment anew there (make clean, make fuzz), or name the other targets: "
    "python -m tests.fuzz slack_endpoint link_forms"
)
SEEDS = tuple(bytes((number * step + 7) % 256 for number in range(40)) for step in range(1, 60))


def main() -> int:
    """Run the targets one after the other, each in a process of its own: Atheris ends the one it runs in."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument(
        "targets", nargs="*", metavar="TARGET", help=f"of {', '.join(ALL)}; all without a name"
    )
    parser.add_argument(
        "--runs", type=int, default=INPUTS, help=f"inputs for each target (default {INPUTS:,})"
    )
    parser.add_argument("--here", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    names = arguments.targets or list(ALL)
    if unknown := [name for name in names if name not in ALL]:
        parser.error(f"there is no target {unknown[0]}; there are {', '.join(ALL)}")
    if set(names) & set(PURE) and importlib.util.find_spec("atheris") is None:
        print(NO_ATHERIS, file=sys.stderr)
        return 1
    if arguments.here is not None:
        if names[0] in PURE:
            guided(names[0], arguments.runs, arguments.here)
        else:
            drawn(names[0], arguments.runs)
        return 0
    return 1 if [name for name in names if not apart(name, arguments.runs)] else 0


def apart(name: str, runs: int) -> bool:
    """Run one target in a process of its own; say whether nothing broke."""
    print(f"{name}: {runs:,} inputs ...", flush=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tests.fuzz", "--here", folder, "--runs", str(runs), name]
        done = subprocess.run(command, check=False)
    verdict = "nothing broke" if done.returncode == 0 else f"BROKEN, exit code {done.returncode}"
    print(f"{name}: {verdict}, {time.monotonic() - started:.0f} s", flush=True)
    return done.returncode == 0


def guided(name: str, runs: int, folder: Path) -> None:
    """Atheris: inputs grow, in `folder`, from those that reached new lines of the bot. It prints the bytes that broke
    something, as Base64, and ends the process."""
    import atheris  # type: ignore[import-untyped]

    for number, seed in enumerate(SEEDS):
        Path(folder, str(number)).write_bytes(seed)
    with atheris.instrument_imports(include=["bot"]), opened(name) as target:
        options = [
            f"-runs={runs}",
            f"-max_len={LONGEST}",
            f"-artifact_prefix={folder}/",
            "-print_final_stats=1",
        ]
        atheris.Setup([sys.argv[0], *options, "-verbosity=0", str(folder)], target)
        atheris.Fuzz()


def drawn(name: str, runs: int) -> None:
    """Hypothesis: inputs drawn by lot, the first that breaks something made as short as can be."""
    count = 0
    with opened(name) as target:

        @settings(
            max_examples=runs,
            deadline=None,
            database=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        )
        @given(st.binary(max_size=LONGEST) | st.binary(min_size=30, max_size=200))
        def one(data: bytes) -> None:
            nonlocal count
            count += 1
            if count % TOLD_EVERY == 0:
                print(f"{name}: {count:,} inputs so far", flush=True)
            target(data)

        one()
    print(f"{name}: {count:,} inputs were sent", flush=True)


if __name__ == "__main__":
    sys.exit(main())
