"""The verbs that need the database and no Slack. Each gives lines of text, which `cli` prints.

Modules that one verb alone needs are imported in it, so that the others start without them.
"""

import argparse
import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import BeforeValidator

from bot.cli_lines import aligned, as_json, csv_line, harmless, link_values, plain, row_values, what_became
from bot.cli_verbs import RunFailed, WrongUsage
from bot.config import Config
from bot.model.clock import system_clock
from bot.store.database import Database, database_url
from bot.store.schema import HEAD, check_keys, migrate
from bot.store.seal import Keyring, new_key

if TYPE_CHECKING:
    from bot.model.accounts import SlackUser
    from bot.store.accounts import Accounts

CHECKS: dict[str, Callable[[str], object]] = {"DATABASE_URL": database_url, "ENCRYPTION_KEYS": Keyring.parse}
STORE_SETTINGS = ("DATABASE_URL", "ENCRYPTION_KEYS")
VAULT_SETTINGS = ("VAULTS", "VAULT_LOGIN_URL", "VAULT_API_VERSION", "VAULT_CLIENT_ID")
GOODBYE_SECONDS = 15.0

Environment: TypeAlias = Callable[[], Mapping[str, str]]
Lines: TypeAlias = AsyncGenerator[str, None]


async def migrated(_: argparse.Namespace, environment: Environment) -> Lines:
    """Migrate and tell the revision."""
    address = settings_of(environment(), "DATABASE_URL")["DATABASE_URL"]
    async with Database.open(database_url(address)) as db:
        yield f"The database is at schema {await migrate(db)}."


async def fresh_key(_: argparse.Namespace, __: Environment) -> Lines:
    """Make a key."""
    yield new_key()


async def keys_rotated(_: argparse.Namespace, environment: Environment) -> Lines:
    """Seal every credential, what watches keep, and the ends of the audit log, with the newest key."""
    from bot.store.accounts import Accounts
    from bot.store.audit import AuditLog
    from bot.store.installations import Installations
    from bot.store.watches import Watches

    settings = settings_of(environment(), *STORE_SETTINGS)
    async with _opened(settings, with_all_keys=True, whole_by="keys rotate") as (db, keyring):
        count = await Accounts(db, keyring).reseal() + await Installations(db, keyring).reseal()
        await Watches(db, keyring).reseal()
        await AuditLog(db, keyring).reseal()
    yield f"{count} credential(s) sealed anew with key {keyring.newest_id}."
    yield "Once every running bot has started with this key, run this again; then older keys may go."


async def accounts_listed(arguments: argparse.Namespace, environment: Environment) -> Lines:
    """Tell every link, and nothing of its credential."""
    from bot.store.accounts import Accounts

    async with _opened(settings_of(environment(), *STORE_SETTINGS)) as (db, keyring):
        links = await Accounts(db, keyring).summaries()
    now = system_clock()
    if arguments.json:
        yield as_json([link_values(link, now) for link in links])
        return
    if links:
        table = [link_values(link, now) for link in links]
        heads = [name.replace("_", " ").upper() for name in table[0]]
        for line in aligned([heads, *([value or "-" for value in row.values()] for row in table)]):
            yield line
    yield f"{len(links)} link(s) of {len({link.slack_user for link in links})} person(s)."


async def person_forgotten(arguments: argparse.Namespace, environment: Environment) -> Lines:
    """Erase a person and end their Vault sessions."""
    from bot.config_values import vaults
    from bot.model.accounts import Asker, Vaults
    from bot.model.references import new_reference
    from bot.store.accounts import Accounts
    from bot.store.audit import AuditLog
    from bot.store.due_work import DueWork
    from bot.store.homes import Homes
    from bot.store.tickets import Tickets
    from bot.store.watches import Watches
    from bot.usecases.auditing import Auditing
    from bot.usecases.homes import HomeCare
    from bot.usecases.leaving import Leaving
    from bot.vault.client import VaultClient
    from bot.vault.pool import http_client

    settings = settings_of(environment(), *STORE_SETTINGS, *VAULT_SETTINGS)
    async with _opened(settings, whole_by="accounts forget") as (db, keyring), http_client() as http:
        accounts = Accounts(db, keyring)
        person = await _the_person(accounts, arguments.slack_user, arguments.workspace)
        due, homes = DueWork(db), Homes(db)
        home_care, home = HomeCare(homes=homes, due=due, clock=due.clock), await homes.find(person)
        leaving = Leaving(
            accounts=accounts,
            tickets=Tickets(db),
            client=VaultClient(
                http,
                version=settings["VAULT_API_VERSION"],
                client_id=settings["VAULT_CLIENT_ID"],
                budget=GOODBYE_SECONDS,
                login_url=settings["VAULT_LOGIN_URL"],
            ),
            vaults=Vaults(vaults(settings["VAULTS"])),
            watches=Watches(db, keyring),
            auditing=Auditing(log=AuditLog(db, keyring), clock=system_clock, with_paths=False),
            homes=home_care,
        )
        gone = await leaving.forget(Asker(person, new_reference()), why="forgotten by the operator")
        if home is not None:
            # They are still there, and so is what Slack keeps of their home: the running bot draws it empty.
            await home_care.redraw(person)
    if arguments.json:
        yield as_json(
            {
                "workspace": person.workspace,
                "slack_user": person.user_id,
                "links": [
                    {"vault": one.vault_name, "method": one.method, "session_ended": one.session_ended}
                    for one in gone
                ],
            }
        )
        return
    yield f"Forgotten: {person.user_id} of {person.workspace}, with {len(gone)} link(s)."
    for one in gone:
        yield f"  {plain(one.vault_name)}: {what_became(one)}"
    yield "The audit log keeps what the person did until AUDIT_KEEP is over."


async def audit_verified(_: argparse.Namespace, environment: Environment) -> Lines:
    """Tell that the chain is whole, or every fault; RunFailed then."""
    from bot.store.audit import AuditLog

    async with _opened(settings_of(environment(), *STORE_SETTINGS)) as (db, keyring):
        found = await AuditLog(db, keyring).examine()
    if not found.faults:
        yield f"{found.rows} rows, whole, last hash {found.last_hash}"
        return
    for fault in found.faults:
        yield plain(fault)
    raise RunFailed("The audit log is not whole. Keep the database as it is, and tell your security officer.")


async def audit_exported(arguments: argparse.Namespace, environment: Environment) -> Lines:
    """Give the rows of a time as JSON Lines or CSV."""
    from bot.store.audit import AuditLog
    from bot.store.audit_rows import COLUMNS

    since, until = arguments.since, arguments.until
    if since is not None and until is not None and since >= until:
        raise WrongUsage("--until: must be later than --since")
    async with _opened(settings_of(environment(), *STORE_SETTINGS)) as (db, keyring):
        if arguments.format == "csv":
            yield csv_line(COLUMNS)
        async for row in AuditLog(db, keyring).rows(since, until):
            values = row_values(row, COLUMNS)
            if arguments.format == "csv":
                yield csv_line([harmless(str(value)) for value in values.values()])
            else:
                yield json.dumps(values, ensure_ascii=False)


def settings_of(environ: Mapping[str, str], *names: str) -> dict[str, str]:
    """Return these settings as text, with the defaults, checks and faults of `run`; ConfigError."""
    fields = {name: Config.model_fields[name.lower()] for name in names}
    unset = (name for name in names if not environ.get(name, "").strip() and not environ.get(f"{name}_FILE"))
    defaults = {name: fields[name].default for name in unset if isinstance(fields[name].default, str)}
    checks: dict[str, Any] = {
        name: one.func
        for name, field in fields.items()
        for one in field.metadata
        if isinstance(one, BeforeValidator)
    }
    return Config.only({**environ, **defaults}, names, {**checks, **CHECKS})


@asynccontextmanager
async def _opened(
    settings: Mapping[str, str], *, with_all_keys: bool = False, whole_by: str = ""
) -> AsyncGenerator[tuple[Database, Keyring], None]:
    """Open the database, brought to this release's form, with its keys; RunFailed where there is no file yet.

    `whole_by` is a verb that is for all that is stored: RunFailed where the next release may keep more than this one
    knows of.
    """
    url, keyring = database_url(settings["DATABASE_URL"]), Keyring.parse(settings["ENCRYPTION_KEYS"])
    if url.get_backend_name() == "sqlite" and not await asyncio.to_thread(Path(url.database or "").exists):
        raise RunFailed(
            f"There is no database {url.database}. Check DATABASE_URL; the bot makes it at its start."
        )
    async with Database.open(url) as db:
        if with_all_keys:
            await check_keys(db, keyring)
        revision = await migrate(db)
        if whole_by and revision != HEAD:
            raise RunFailed(
                f"The tables are of the next release (schema {revision}, here {HEAD}), which may keep what this one"
                f" does not know and would leave out. Nothing was changed. Run `python -m bot {whole_by}` of that"
                " release."
            )
        yield db, keyring


async def _the_person(accounts: "Accounts", slack_user_id: str, workspace: str | None) -> "SlackUser":
    """Return the one person meant; RunFailed when nobody is, WrongUsage when several may be."""
    people = await accounts.people_with_id(slack_user_id)
    found = [person for person in people if workspace in (None, person.workspace)]
    if not found:
        where = f" in {workspace}" if workspace else ""
        raise RunFailed(f"Nothing is stored of {slack_user_id}{where}.")
    if len(found) > 1:
        known = ", ".join(person.workspace for person in found)
        raise WrongUsage(
            f"{slack_user_id} is known in several workspaces: {known}. Add --workspace W for one."
        )
    return found[0]
