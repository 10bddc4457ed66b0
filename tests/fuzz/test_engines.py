"""The engines find what is there to be found: without this, a green run would say nothing."""

import importlib.util
import re
import subprocess
import sys
from typing import NoReturn

import pytest
from starlette.responses import HTMLResponse, Response

from bot.slack import parse
from bot.slack.blocks import errors, usage
from bot.slack.blocks.kit import Message
from bot.web.page_style import PageStyle
from tests.fuzz.engines import drawn
from tests.fuzz.sentences import NotASentence
from tests.fuzz.world import Violation

MOST = 1_000_000
"""Inputs to find the planted fault in; some 100,000 are needed, which takes a second or two."""
needs_atheris = pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None,
    reason="Atheris exists for Linux on x86-64 with Python below 3.14 only",
)


def fuzzed(name: str, runs: int) -> subprocess.CompletedProcess[str]:
    """`make fuzz`, for one target and always with the same seed."""
    command = [sys.executable, "-m", "tests.fuzz", name, "--runs", str(runs), "--seed", "1"]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


@needs_atheris
def test_guided__the_bots_lines_lead_it() -> None:
    """Inputs that reach new lines are kept: some are only if the bot's own modules are instrumented."""
    done = fuzzed("words", 2000)

    assert done.returncode == 0, done.stderr
    assert "words: nothing broke" in done.stdout
    assert _figure("number_of_executed_units", done.stderr) == 2000
    assert _figure("new_units_added", done.stderr) > 20


@needs_atheris
def test_guided__a_planted_fault_is_found() -> None:
    done = fuzzed("planted", MOST)

    assert done.returncode == 1
    assert "planted: BROKEN" in done.stdout
    assert "PlantedFault: The planted fault was found." in done.stdout + done.stderr
    assert _figure("number_of_executed_units", done.stderr) < MOST


def broken(*_: object, **__: object) -> NoReturn:
    raise KeyError("planted")


def wordless(*_: object, **__: object) -> Message:
    return Message(text="no end", blocks=[])


def wordless_page(*_: object, **__: object) -> Response:
    return HTMLResponse("<p>no end</p>", status_code=400)


def broken_page(*_: object, **__: object) -> Response:
    return HTMLResponse("<p>It broke.</p>", status_code=500)


@pytest.mark.parametrize(
    ("name", "where", "function", "planted", "found"),
    [
        ("words", parse, "read", broken, KeyError),
        ("words", errors, "usage_failure", wordless, NotASentence),
        ("slack_endpoint", usage, "usage", broken, Violation),
        ("slack_endpoint", errors, "usage_failure", wordless, NotASentence),
        ("link_forms", PageStyle, "failed", broken, KeyError),
        ("link_forms", PageStyle, "failed", broken_page, Violation),
        ("link_forms", PageStyle, "failed", wordless_page, NotASentence),
    ],
)
def test_drawn__a_planted_fault_is_found(
    name: str, where: object, function: str, planted: object, found: type[Exception],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(where, function, planted)

    with pytest.raises(found) as caught:
        drawn(name, 1000, seed=1)

    assert "Broken by bytes.fromhex" in "".join(caught.value.__notes__)


def test_main__a_target_that_is_none() -> None:
    done = fuzzed("wrods", 1)

    assert done.returncode == 2
    assert "there is no target wrods; there are words, vault_answers, " in done.stderr


def test_main__without_atheris() -> None:
    """It says so, and what can be done without."""
    start = "import runpy, sys; sys.modules['atheris'] = None; sys.argv[1:] = ['words', '--runs', '1']; "
    command = [sys.executable, "-c", start + "runpy.run_module('tests.fuzz', run_name='__main__')"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)

    assert done.returncode == 1
    assert done.stderr.startswith("Atheris is not installed")
    assert "python -m tests.fuzz slack_endpoint link_forms" in done.stderr


def _figure(name: str, said: str) -> int:
    found = re.search(rf"^stat::{name}:\s+(\d+)$", said, re.MULTILINE)
    assert found, said
    return int(found[1])
