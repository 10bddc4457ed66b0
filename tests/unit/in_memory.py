"""Accounts, Vaults and an audit log in memory, for the decisions that need no database and no Vault."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, cast

from bot.model.accounts import Access, Asker, LinkedAccount, SlackUser, Vault, Vaults
from bot.model.audit import AuditEntry
from bot.model.due import Job
from bot.model.errors import BotError, NotFoundInVault, RenewalRefused, StoreUnavailable
from bot.model.secret import Secret
from bot.model.uploads import UploadSession
from bot.usecases.acting import Acting
from bot.usecases.auditing import Auditing
from bot.usecases.upload_status import UploadStatuses
from tests.factories import ALICE, BOTH, HOUR, NOW, PROMOMATS, an_account

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.store.accounts import Accounts
    from bot.store.audit import AuditLog
    from bot.usecases.renewing import Renewing
    from bot.vault.client import VaultClient

ASKER = Asker(ALICE, "ALICE234")


class FewAccounts:
    """Linked accounts in memory; it keeps what it was told of their life."""

    def __init__(self, *accounts: LinkedAccount) -> None:
        self.accounts = accounts
        self.ended: list[tuple[LinkedAccount, list[Job]]] = []
        self.used: list[datetime] = []
        self.jobs: list[Job] = []

    async def find(self, slack_user: SlackUser) -> list[LinkedAccount]:
        return [account for account in self.accounts if account.slack_user == slack_user]

    async def find_one(self, slack_user: SlackUser, vault_host: str) -> LinkedAccount | None:
        found = [account for account in await self.find(slack_user) if account.vault_host == vault_host]
        return found[0] if found else None

    def put(self, account: LinkedAccount) -> None:
        """Store a renewed account in place of the one before."""
        others = [one for one in self.accounts if one.vault_host != account.vault_host]
        self.accounts = (account, *others)

    async def mark_ended(self, account: LinkedAccount, _: datetime, *, jobs: list[Job]) -> bool:
        self.ended.append((account, jobs))
        return True

    async def note_use(self, _: LinkedAccount, now: datetime, *, jobs: list[Job]) -> None:
        self.used.append(now)
        self.jobs += jobs


class NoAccounts:
    """A database that is down."""

    async def find(self, _: SlackUser) -> list[LinkedAccount]:
        raise StoreUnavailable(reason="locked")


class FewRenewals:
    """Gives these credentials, one for each renewal; then no more."""

    def __init__(self, *credentials: str) -> None:
        self.credentials = list(credentials)
        self.calls = 0
        self.accounts: FewAccounts | None = None

    async def fresh(self, account: LinkedAccount, _: Vault, __: Asker) -> LinkedAccount:
        self.calls += 1
        if not self.credentials:
            raise RenewalRefused(reason="there is nothing to renew it with")
        renewed = replace(account, credential=Secret(self.credentials.pop(0)), version=account.version + 1)
        if self.accounts is not None:
            self.accounts.put(renewed)
        return renewed


class FewUploads:
    """Vaults that show these uploads, or fail; it keeps which were asked, in order."""

    def __init__(self, *uploads: UploadSession, **others: list[UploadSession] | BotError) -> None:
        self.shown: Mapping[str, list[UploadSession] | BotError] = {PROMOMATS.name: list(uploads), **others}
        self.asked: list[str] = []

    @property
    def calls(self) -> int:
        """How many calls there were."""
        return len(self.asked)

    async def upload(self, access: Access, upload_id: str) -> UploadSession:
        for upload in await self.uploads(access):
            if upload.id == upload_id:
                return upload
        raise NotFoundInVault

    async def uploads(self, access: Access) -> list[UploadSession]:
        self.asked.append(access.vault.name)
        access.heard.execution_ids.append(f"execution-{self.calls}")
        found = self.shown.get(access.vault.name, [])
        if isinstance(found, BotError):
            raise found
        return found


@dataclass
class FewRows:
    """An audit log that keeps its entries, or cannot."""

    entries: list[AuditEntry] = field(default_factory=list)
    is_down: bool = False

    async def write(self, entry: AuditEntry) -> None:
        if self.is_down:
            raise StoreUnavailable(reason="locked")
        self.entries.append(entry)


def acting(
    *linked: LinkedAccount,
    vaults: Vaults = BOTH,
    accounts: FewAccounts | NoAccounts | None = None,
    renewals: FewRenewals | None = None,
    now: datetime = NOW,
) -> Acting:
    """Over accounts in memory."""
    stored = accounts or FewAccounts(*linked)
    renewing = renewals or FewRenewals()
    renewing.accounts = stored if isinstance(stored, FewAccounts) else None
    return Acting(
        accounts=cast("Accounts", stored),
        vaults=vaults,
        renewing=cast("Renewing", renewing),
        clock=lambda: now,
    )


def auditing(rows: FewRows, *, with_paths: bool = False) -> Auditing:
    """Over rows in memory."""
    return Auditing(log=cast("AuditLog", rows), clock=lambda: NOW, with_paths=with_paths)


def statuses(
    vault: FewUploads,
    *linked: LinkedAccount,
    rows: FewRows | None = None,
    accounts: FewAccounts | NoAccounts | None = None,
) -> UploadStatuses:
    """Over uploads in memory."""
    return UploadStatuses(
        acting=acting(*(linked or (an_account(),)), accounts=accounts),
        client=cast("VaultClient", vault),
        auditing=auditing(rows or FewRows()),
        clock=lambda: NOW,
        stall_after=HOUR,
    )
