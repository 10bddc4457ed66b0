"""The table of the log's fields in the documents is that of the program."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
LEVELS = ("debug", "info", "warning", "error", "exception", "critical")
CONTEXT = ("bind_contextvars", "bound_contextvars")
OTHERWISE = {
    "event", "level", "timestamp", "exception", "logger",  # bot.logs
    "kind", "team", "outcome", "seconds", "execution_ids",  # bot.slack.work
    "vault", "error_type", "reason", "place", "revision", "key_ids",  # bot.slack.failures
    "callable", "args", "kwargs", "retry_num", "caused_by", "wait_for", "waited_so_far",  # stamina
}  # fmt: skip
"""What comes into a line other than by a word of the call itself."""


def documented() -> set[str]:
    """The names in the first column of the tables of fields, wherever among the documents they stand."""
    found = set[str]()
    for path in ROOT.joinpath("docs").rglob("*.md"):
        for table in re.findall(r"(?m)^\| Field \|.*\n(?:\|.*\n)+", path.read_text("utf-8")):
            for row in table.splitlines()[2:]:
                found |= set(re.findall(r"`(\w+)`", row.split("|")[1]))
    return found


def written() -> Iterator[str]:
    """The names of all that the program gives to its log."""
    for path in ROOT.joinpath("bot").rglob("*.py"):
        if "demo" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            owner = ast.unparse(node.func.value)
            is_line = owner in ("log", "_log") and node.func.attr in LEVELS
            if is_line or node.func.attr in CONTEXT:
                yield from (word.arg for word in node.keywords if word.arg)


def test_fields__each_is_in_the_table_and_the_table_has_no_other() -> None:
    fields = ({*written()} | OTHERWISE) - {"exc_info"}  # it becomes `exception`
    assert len(fields) > 30
    assert documented() == fields
