"""Whose rights a call to Vault is made with. The one place that decides whether a credential is still good."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.model.accounts import Access, LinkedAccount, SlackUser, Vault, Vaults
from bot.model.errors import CredentialRefused, LinkEnded, NotLinked
from bot.store.accounts import Accounts


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """A Slack user as their own Vault user."""

    vault: Vault
    account: LinkedAccount

    @property
    def access(self) -> Access:
        """What their calls to Vault are made with."""
        return Access(vault=self.vault, credential=self.account.credential, identity=self.account.identity)


class Acting:
    """Finds the linked account a request is to be made with."""

    def __init__(self, *, accounts: Accounts, vaults: Vaults) -> None:
        self._accounts = accounts
        self._vaults = vaults

    @asynccontextmanager
    async def acting_as(self, slack_user: SlackUser, vault_name: str | None) -> AsyncIterator[Person]:
        """Yield the person for calls to Vault, with one database read.

        Without a Vault's name it is the default one, or else the first the person has linked.
        NotLinked, UnknownVault; LinkEnded when Vault refuses the credential within the block.
        """
        wanted = self._vaults.named(vault_name) if vault_name else None
        linked = {account.vault_host: account for account in await self._accounts.find(slack_user)}
        order = [wanted] if wanted else list(self._vaults.all)
        vault = next((one for one in order if one.host in linked), None)
        if vault is None:
            missing = wanted or self._vaults.default
            raise NotLinked(vault=missing.name)
        try:
            yield Person(vault=vault, account=linked[vault.host])
        except CredentialRefused:
            raise LinkEnded(vault=vault.name) from None
