"""The operator's doctor, run as a process of its own, and what it found."""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.demo.workspace import DemoWorkspace
from tests.acceptance.steps import cli

SECRETS = (
    "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_CLIENT_SECRET", "OIDC_CLIENT_SECRET",
    "ENCRYPTION_KEYS",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Found:
    """One run of `doctor --json`: its exit code, and the checks by name and subject."""

    code: int
    overall: str
    checks: Mapping[str, dict[str, str]] = field(repr=False)

    def worse_than_ok(self) -> dict[str, str]:
        """The status of each check that is not ok."""
        return {name: one["status"] for name, one in self.checks.items() if one["status"] != "ok"}

    def __getitem__(self, name: str) -> dict[str, str]:
        return self.checks[name]


def own_settings(demo: DemoWorkspace) -> dict[str, str]:
    """The running bot's settings."""
    return {**demo.settings, "PORT": str(demo.bot.port)}


async def examined(demo: DemoWorkspace, cwd: Path | None = None, **changes: str) -> Found:
    """Run the doctor with the bot's own settings, changed by these; an empty one is left out."""
    return await examined_with({**own_settings(demo), **changes}, cwd or demo.folder)


async def examined_with(settings: Mapping[str, str], cwd: Path) -> Found:
    """Run the doctor with these settings. Whatever it finds, it shows no secret and is consistent with itself."""
    given = {name: value for name, value in settings.items() if value}
    done = await cli("doctor", "--json", cwd=cwd, settings=given)
    for name in SECRETS:
        assert name not in given or given[name] not in done.out + done.err, f"the doctor shows {name}"
    found: dict[str, Any] = json.loads(done.out)
    checks = {f"{one['name']} {one['subject']}".rstrip(): one for one in found["checks"]}
    assert len(checks) == len(found["checks"])
    for one in checks.values():
        assert one["what"].endswith((".", "…")), one
        assert (one["status"] == "ok") == (one["next_step"] == ""), one
    assert found["overall"] == max(
        (one["status"] for one in checks.values()), key=["ok", "warn", "fail"].index
    )
    assert done.code == {"ok": 0, "warn": 0, "fail": 1}[found["overall"]] or done.code == 2, done.err
    return Found(code=done.code, overall=found["overall"], checks=checks)


def copy_of(demo: DemoWorkspace, folder: Path) -> Path:
    """A copy of the workspace's SQLite database that no bot works on."""
    file = folder / "copy.db"
    with (
        closing(sqlite3.connect(demo.settings["DATABASE_URL"].removeprefix("sqlite:///"))) as source,
        closing(sqlite3.connect(file)) as target,
    ):
        source.backup(target)
    return file


def change(file: Path, statement: str, *values: object) -> None:
    """Change a SQLite database past the bot."""
    with closing(sqlite3.connect(file, timeout=20)) as connection, connection:
        connection.execute(statement, values)
