"""Every command line that the documents show runs as it stands there, as a process of its own."""

import re
import shlex
from pathlib import Path

import pytest

from bot.demo.workspace import DemoWorkspace
from tests.acceptance.doctor_steps import own_settings
from tests.acceptance.documented import run_commands
from tests.documents import LINKED_PAGES, OPERATING, README, bot_lines, plain, rows

SERVING = {"", "run", "demo"}
"""They serve until they are told to stop: the first two run in every demo workspace, the third in test_demo_process."""

PRINTED = {
    "doctor": " ok",
    "doctor --json": '"overall": "ok"',
    "migrate": "The database is at schema",
    "keys new": "",
    "keys rotate": "sealed anew",
    "accounts list": " person(s).",
    "accounts forget SLACK_USER": "Forgotten: ",
    "audit verify": "whole",
    "audit export": '"reference"',
    "audit export --format jsonl": '"reference"',
    "backup": "holds the whole database",
    "backup FILE": "holds the whole database",
    "backup backups/bot-2026-11-23.db": "holds the whole database",
    "backup /app/data/bot-2026-11-23.db": "holds the whole database",
    "manifest": "display_information:",
    "manifest --socket": "socket_mode_enabled: true",
    "manifest --http https://uploads.example.com": "https://uploads.example.com/slack/events",
}
"""Every command line of the documents that ends by itself, with words of what it prints when all is well."""


def test_command_lines__all_that_are_shown_are_run() -> None:
    """That the table has every command, and no other, is told by `test_docs.py`."""
    named = {plain(row[0]) for row in rows(OPERATING, "Command")}
    shown = {line for page in LINKED_PAGES.values() for line in bot_lines(page)}
    tested = {*PRINTED, *SERVING}
    assert shown <= tested
    assert tested <= shown | named
    assert [one for one in named if not any(f"{line} ".startswith(f"{one} ") for line in tested)] == []


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("line", sorted(PRINTED))
async def test_command_line__runs_as_it_stands(line: str, demo: DemoWorkspace, tmp_path: Path) -> None:
    bob = next(one.id for one in demo.slack.workspace.users.values() if one.name == "bob")
    place = tmp_path / "typed here"
    place.joinpath("backups").mkdir(parents=True)
    words = line.replace("SLACK_USER", bob).replace("/app/data", shlex.quote(str(place)))
    typed = f"{words} copy.db" if words == "backup" else words.replace("FILE", "copy.db")
    done = await run_commands(
        f"python -m bot {typed}", cwd=place, programs=tmp_path / "bin", settings=own_settings(demo)
    )
    assert done.code == 0, done.err
    assert PRINTED[line] in done.out
    assert bool(list(place.rglob("*.db"))) == line.startswith("backup")


async def test_command_line__of_the_demo_runs_as_it_stands(tmp_path: Path) -> None:
    """All of README.md's conversations, one after the other: a slow machine is to start one bot at a time."""
    shown = re.findall(r'^make demo ARGS="(.+)"$', README, re.MULTILINE)
    assert len(shown) >= 3
    for words in shown:
        end = await run_commands(f"python -m bot demo {words}", cwd=tmp_path, programs=tmp_path / "bin")
        assert end.code == 0, f"{words}: {end.err}"
        assert "Vault Uploads" in end.out
