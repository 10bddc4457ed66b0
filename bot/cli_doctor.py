"""The verb `doctor`: runs the checks and gives their lines, which `cli` prints."""

import argparse
from contextlib import aclosing
from typing import TYPE_CHECKING

from bot import __version__
from bot.cli_lines import as_json, plain
from bot.cli_store import CHECKS, Environment, Lines
from bot.cli_verbs import RunFailed
from bot.config import Config, ConfigError
from bot.logs import set_up_logging

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.doctor.check import Check

TITLE_WIDTH = 28


async def examined(arguments: argparse.Namespace, environment: Environment) -> Lines:
    """Tell each check on a line as soon as it is done, then all of them in one; RunFailed when one has failed.

    With --json one object, also for settings that cannot be used, which end with ConfigError as everywhere.
    """
    from bot.doctor.check import Status, fail
    from bot.doctor.visit import visit

    # What the checks call logs what it meets; here that is said in the checks' own words.
    set_up_logging("CRITICAL", None)
    environ = environment()
    try:
        config = Config.from_environ(environ, CHECKS)
    except ConfigError as error:
        if arguments.json:
            faults = [
                fail("settings", f"{fault}.", "Correct it; see .env.example.", subject=fault.name)
                for fault in error.faults
            ]
            yield _json(faults)
        raise
    found: list[Check] = []
    async with aclosing(visit(config, environ)) as checks:
        async for check in checks:
            found.append(check)
            if not arguments.json:
                yield _line(check)
    counts = {status: sum(check.status is status for check in found) for status in Status}
    if arguments.json:
        yield _json(found)
    else:
        yield ", ".join(f"{counts[status]} {status}" for status in reversed(Status) if counts[status])
    if failed := counts[Status.FAIL]:
        raise RunFailed(f"{failed} check{'s' if failed > 1 else ''} failed.")


def _line(check: "Check") -> str:
    next_step = f" Next: {check.next_step}" if check.next_step else ""
    return plain(f"{check.status:<4}  {check.title:<{TITLE_WIDTH}}  {check.what}{next_step}")


def _json(checks: "Sequence[Check]") -> str:
    from bot.doctor.check import overall

    return as_json(
        {
            "overall": overall(checks),
            "version": __version__,
            "checks": [
                {
                    "name": check.name,
                    "subject": check.subject,
                    "status": check.status,
                    "what": check.what,
                    "next_step": check.next_step,
                }
                for check in checks
            ],
        }
    )
