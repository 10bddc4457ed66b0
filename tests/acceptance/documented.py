"""Runs the shell commands that stand in the documents, to the letter."""

import asyncio
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import bot
from tests.acceptance.steps import Ended, ended
from tests.postgres import find_binaries

ROOT = Path(bot.__file__).parent.parent
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def documented(words: str) -> str:
    """The one block of shell commands in the documents that holds these words."""
    texts = [path.read_text("utf-8") for path in sorted(ROOT.joinpath("docs").rglob("*.md"))]
    (block,) = {one for text in texts for one in _BLOCK.findall(text) if words in one}
    return str(block)


async def run_commands(
    block: str, *, cwd: Path, programs: Path, settings: Mapping[str, str] | None = None
) -> Ended:
    """Run a block as a shell of the operator's would, up to its first failure.

    `python` is the one that runs the tests, by way of a script in `programs`; PostgreSQL's programs are found.
    """
    programs.mkdir(exist_ok=True)
    python = programs / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', "utf-8")
    python.chmod(0o755)
    folders = [programs, *filter(None, [find_binaries()]), os.environ["PATH"]]
    environment = {
        "PATH": os.pathsep.join(map(str, folders)),
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": os.environ.get("PYTHONDONTWRITEBYTECODE", ""),
        **(settings or {}),
    }
    process = await asyncio.create_subprocess_exec(
        "sh", "-e", "-c", block, cwd=cwd, env=environment,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    return await ended(process)
