"""The operator's doctor, and what it found: as a process of its own, or, since that takes its time, in this one."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from bot.cli_store import CHECKS
from bot.config import Config
from bot.demo.workspace import DemoWorkspace
from bot.doctor.check import Check, Status, overall
from bot.doctor.visit import visit
from tests.acceptance.steps import cli

SECRETS = (
    "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_CLIENT_SECRET", "OIDC_CLIENT_SECRET",
    "ENCRYPTION_KEYS",
)  # fmt: skip
ORDER = ("ok", "warn", "fail")


@dataclass(frozen=True, kw_only=True)
class Found:
    """What one run found: how all stands together, and the checks by name and subject."""

    overall: str
    checks: Mapping[str, Check] = field(repr=False)

    def worse_than_ok(self) -> dict[str, str]:
        """The status of each check that is not ok."""
        return {name: one.status.value for name, one in self.checks.items() if one.status != "ok"}

    def __getitem__(self, name: str) -> Check:
        return self.checks[name]


def own_settings(demo: DemoWorkspace, **changes: str) -> dict[str, str]:
    """The running bot's settings, changed by these; an empty one is left out."""
    given = {**demo.settings, "PORT": str(demo.bot.port), **changes}
    return {name: value for name, value in given.items() if value}


async def examined(demo: DemoWorkspace, **changes: str) -> Found:
    """Run all checks in this process, with the running bot's settings changed by these."""
    return await examined_with(own_settings(demo, **changes))


async def examined_with(settings: Mapping[str, str]) -> Found:
    """Run all checks in this process, with these settings."""
    config = Config.from_environ(settings, CHECKS)
    return _found([check async for check in visit(config, settings)], settings)


async def ran(settings: Mapping[str, str], cwd: Path, *, code: int = 0) -> Found:
    """Run `doctor --json` as a process of its own."""
    done = await cli("doctor", "--json", cwd=cwd, settings=settings)
    assert done.code == code, done.err
    _shows_no_secret(done.out + done.err, settings)
    printed = json.loads(done.out)
    found = _found([Check(**{**one, "status": Status(one["status"])}) for one in printed["checks"]], settings)
    assert printed["overall"] == found.overall
    return found


def _found(checks: Sequence[Check], settings: Mapping[str, str]) -> Found:
    """Whatever was found, it shows no secret, is told in sentences, and what is not well has a next step."""
    _shows_no_secret(repr(checks), settings)
    by_name = {f"{one.name} {one.subject}".rstrip(): one for one in checks}
    assert len(by_name) == len(checks)
    for one in checks:
        assert one.what.endswith("."), one
        assert (one.status == "ok") == (not one.next_step), one
    assert overall(checks) == max((one.status.value for one in checks), key=ORDER.index)
    return Found(overall=overall(checks).value, checks=by_name)


def _shows_no_secret(text: str, settings: Mapping[str, str]) -> None:
    for name in SECRETS:
        assert name not in settings or settings[name] not in text, f"the doctor shows {name}"


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
