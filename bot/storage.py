"""Everything that is stored, opened together: one database, one keyring."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

from bot.config import Config
from bot.model.clock import Clock
from bot.store.accounts import Accounts
from bot.store.audit import AuditLog
from bot.store.database import Database, database_url
from bot.store.due_work import DueWork
from bot.store.homes import Homes
from bot.store.install_states import InstallStates
from bot.store.installations import Installations
from bot.store.leases import Leases
from bot.store.once import Once
from bot.store.schema import check_keys, migrate
from bot.store.seal import Keyring
from bot.store.tickets import Tickets
from bot.store.vault_versions import VaultVersions
from bot.store.watches import Watches


@dataclass(frozen=True, kw_only=True, slots=True)
class Storage:
    """The stores of one process."""

    database: Database
    keyring: Keyring
    accounts: Accounts
    audit: AuditLog
    due: DueWork
    homes: Homes
    install_states: InstallStates
    installations: Installations
    leases: Leases
    once: Once
    tickets: Tickets
    vault_versions: VaultVersions
    watches: Watches

    @classmethod
    @asynccontextmanager
    async def open(cls, config: Config, clock: Clock) -> AsyncIterator[Self]:
        """Open the database that the settings name, bring it up to date, and close it at the end. StoreError.

        What is due is due by the database's own clock; only in the demo by the demo's, which people move.
        """
        keyring = Keyring.parse(config.encryption_keys.reveal())
        async with Database.open(database_url(config.database_url.reveal())) as database:
            await check_keys(database, keyring)
            await migrate(database)
            audit = AuditLog(database, keyring)
            due = DueWork(database, clock if config.demo_clock_file else None)
            try:
                yield cls(
                    database=database,
                    keyring=keyring,
                    accounts=Accounts(database, keyring),
                    audit=audit,
                    due=due,
                    homes=Homes(database),
                    install_states=InstallStates(database),
                    installations=Installations(database, keyring),
                    leases=Leases(database),
                    once=Once(database, due.clock),
                    tickets=Tickets(database),
                    vault_versions=VaultVersions(database),
                    watches=Watches(database, keyring),
                )
            finally:
                await audit.close()
