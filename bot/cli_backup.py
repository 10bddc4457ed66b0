"""The verb `backup`: a copy of the SQLite database while the bot runs."""

import argparse
import asyncio
from pathlib import Path

from bot.cli_lines import aligned, plain
from bot.cli_store import STORE_SETTINGS, Environment, Lines, settings_of
from bot.cli_verbs import RunFailed, WrongUsage


async def backed_up(arguments: argparse.Namespace, environment: Environment) -> Lines:
    """Make the copy and tell what it holds; RunFailed when there is none, or its audit log is not whole."""
    from bot.store.backup import BackupFailed, BackupRefused, back_up
    from bot.store.database import database_url
    from bot.store.seal import Keyring

    settings = settings_of(environment(), *STORE_SETTINGS)
    url = database_url(settings["DATABASE_URL"])
    if url.get_backend_name() != "sqlite":
        raise WrongUsage(
            "DATABASE_URL names a PostgreSQL database, and this copies SQLite files. Back it up with pg_dump;"
            " docs/operating.md has the commands."
        )
    source = Path(url.database or "")
    if not await asyncio.to_thread(source.exists):
        raise RunFailed(f"There is no database {source}. Check DATABASE_URL; the bot makes it at its start.")
    try:
        made = await back_up(source, arguments.file, Keyring.parse(settings["ENCRYPTION_KEYS"]))
    except BackupRefused as error:
        raise WrongUsage(str(error)) from None
    except BackupFailed as error:
        raise RunFailed(str(error)) from None
    yield f"{plain(str(arguments.file))} holds the whole database, schema {made.revision}, without damage. Rows:"
    for line in aligned([(f"  {name}", str(count)) for name, count in made.rows.items()]):
        yield line
    if made.audit is None:
        yield "The audit log in it was not checked: its tables are those of another release."
    elif not made.audit.faults:
        yield f"Its audit log is whole, last hash {made.audit.last_hash}"
    yield "ENCRYPTION_KEYS are not in it, and without them it is worth nothing: keep them safe elsewhere."
    if made.audit is not None and made.audit.faults:
        for fault in made.audit.faults:
            yield plain(fault)
        raise RunFailed(
            "The backup is a true copy, but its audit log is not whole. Keep it, run"
            " `python -m bot audit verify`, and tell your security officer."
        )
