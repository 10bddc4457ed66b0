"""Whose rights a call to Vault is made with. The one place that decides: valid, renew, or ask again."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from bot.model.accounts import Access, Asker, Heard, LinkedAccount, Vault, Vaults, default_first
from bot.model.clock import Clock
from bot.model.due import Job, account_payload, account_prefix
from bot.model.errors import CredentialRefused, LinkEnded, NotLinked, RenewalRefused
from bot.store.accounts import Accounts
from bot.usecases import watch_jobs
from bot.usecases.renewing import Renewing

log = structlog.get_logger()

NOTED_EVERY = timedelta(minutes=5)
"""How exactly the last use is kept; half of the shortest idle time a Vault domain can have."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """A Slack user as their own Vault user."""

    asker: Asker
    vault: Vault
    account: LinkedAccount
    heard: Heard = field(default_factory=Heard)

    @property
    def access(self) -> Access:
        """What their calls to Vault are made with."""
        return Access(
            vault=self.vault,
            credential=self.account.credential,
            identity=self.account.identity,
            heard=self.heard,
        )


class Acting:
    """Finds the linked accounts a request is to be made with, and makes calls with them."""

    def __init__(self, *, accounts: Accounts, vaults: Vaults, renewing: Renewing, clock: Clock) -> None:
        self._accounts = accounts
        self._vaults = vaults
        self._renewing = renewing
        self._clock = clock

    async def everywhere(self, asker: Asker, heard: Heard | None = None) -> list[Person]:
        """Return the person in every Vault they have linked, their default first; one database read. NotLinked."""
        linked = default_first(self._vaults, await self._accounts.find(asker.slack_user))
        if not linked:
            raise NotLinked(vault=self._vaults.default.name)
        heard = heard or Heard()
        return [
            Person(asker=asker, vault=self._vaults.named(account.vault_host), account=account, heard=heard)
            for account in linked
        ]

    async def person(self, asker: Asker, vault_name: str, heard: Heard | None = None) -> Person:
        """Return the person in the Vault of that name. NotLinked, UnknownVault."""
        vault = self._vaults.named(vault_name)
        for account in await self._accounts.find(asker.slack_user):
            if account.vault_host == vault.host:
                return Person(asker=asker, vault=vault, account=account, heard=heard or Heard())
        raise NotLinked(vault=vault.name)

    async def ask(
        self, person: Person, call: Callable[[Access], Awaitable[T]], *, unasked: bool = False
    ) -> T:
        """Make a call as that person. A credential that Vault refuses is renewed once and the call repeated once.

        LinkEnded when that does not help; the account is then marked as ended. Whoever asked reads of it in the
        answer; `unasked` says that nobody did, so a direct message is scheduled with the mark, the first time only.
        """
        now, ends = self._clock(), person.account.valid_until
        surely_over = person.account.renewable and ends is not None and ends <= now
        try:
            if surely_over:
                person = await self._renewed(person)
            try:
                found = await call(person.access)
            except CredentialRefused:
                if surely_over:  # renewed a moment ago: a further renewal gives nothing better
                    raise
                person = await self._renewed(person)
                found = await call(person.access)
        except (CredentialRefused, RenewalRefused) as error:
            notice = Job(
                key=f"{account_prefix(person.asker.slack_user, person.vault.host)}link-ended",
                kind="link_ended",
                due_at=now,
                payload=account_payload(person.account),
            )
            await self._mark_ended(person.account, now, [notice] if unasked else [])
            log.info("link ended", vault=person.vault.name, error=type(error).__name__)
            raise LinkEnded(vault=person.vault.name, why=person.account.why_ended(now)) from None
        await self._note_use(person.account)
        return found

    async def _mark_ended(self, account: LinkedAccount, now: datetime, jobs: list[Job]) -> None:
        """Mark what Vault refused. A renewal that failed half-way has changed the row; a link made meanwhile stays."""
        stored = await self._accounts.find_one(account.slack_user, account.vault_host)
        if stored is not None and stored.credential == account.credential:
            await self._accounts.mark_ended(stored, now, jobs=jobs)

    async def _renewed(self, person: Person) -> Person:
        account = await self._renewing.fresh(person.account, person.vault, person.asker)
        return replace(person, account=account)

    async def _note_use(self, account: LinkedAccount) -> None:
        """Keep when Vault last accepted the credential: the evidence for why it ends one day."""
        now = self._clock()
        if account.ended_at or account.last_used is None or now - account.last_used >= NOTED_EVERY:
            # A link that had ended and works again is looked through again for what its person watches.
            jobs = watch_jobs.after_linking(account, now) if account.ended_at else []
            await self._accounts.note_use(account, now, jobs=jobs)
