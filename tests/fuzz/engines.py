"""Where the inputs come from: Atheris for the plain functions, Hypothesis for a whole bot."""

import sys
from collections.abc import Callable
from pathlib import Path

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st

from tests.fuzz.targets import LONGEST, PLANTED, Target, opened

SEEDS = tuple(bytes((number * step + 7) % 256 for number in range(40)) for step in range(1, 60))
"""What Atheris begins with: an empty input would leave every decision at its first."""
ROUND = 1000
"""Inputs for one world: it keeps every message there ever was, and Hypothesis every input."""
DATA = st.one_of(*(st.binary(min_size=shortest, max_size=LONGEST) for shortest in (0, 20, 60, 150)))
"""Left to itself, Hypothesis hardly ever draws more than fifty bytes, too few to spoil much with."""


def guided(name: str, runs: int, seed: int, folder: Path) -> None:
    """Atheris: inputs grow, in `folder`, from those that reached new lines of the bot. It prints the bytes that broke
    something, as Base64, and ends the process."""
    import atheris  # type: ignore[import-untyped]

    for number, start in enumerate(SEEDS):
        Path(folder, str(number)).write_bytes(start)
    # Atheris knows packages by the first part of their names alone.
    instrumented = "tests" if name == PLANTED else "bot"
    with atheris.instrument_imports(include=[instrumented]), opened(name) as target:
        options = [f"-runs={runs}", f"-seed={seed}", f"-max_len={LONGEST}", f"-artifact_prefix={folder}/"]
        atheris.Setup([sys.argv[0], *options, "-print_final_stats=1", "-verbosity=0", str(folder)], target)
        atheris.Fuzz()


def drawn(name: str, runs: int, seed: int, say: Callable[[str], object] = lambda _: None) -> int:
    """Hypothesis: inputs drawn by lot, in rounds with a target opened anew; return how many differed from all others.

    What breaks the target is raised, made as short as can be, with a note of its bytes. One input is one example: of
    several drawn as a list, Hypothesis makes five in six the same.
    """
    different: set[bytes] = set()
    for first in range(0, runs, ROUND):
        with opened(name) as target:
            _one_round(target, min(ROUND, runs - first), seed + first, different)
        say(f"{name}: {min(first + ROUND, runs):,} inputs so far, {len(different):,} of them different")
    return len(different)


def _one_round(target: Target, runs: int, seed: int, different: set[bytes]) -> None:
    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=runs,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(DATA)
    def one(data: bytes) -> None:
        different.add(data)
        try:
            target(data)
        except Exception as error:
            error.add_note(f"Broken by bytes.fromhex({data.hex()!r}), in the round with seed {seed}.")
            raise

    one()
