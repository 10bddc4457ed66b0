"""What a person's own doctor looks at: each link tried once, and the way to their direct messages."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from bot.model.accounts import Asker, SlackUser, Vaults, default_first
from bot.model.audit import Action
from bot.model.errors import BotError, NotLinked, SlackUnavailable, StoreError, VaultSlow
from bot.model.standing import Standing, Tried
from bot.store.accounts import Accounts
from bot.usecases.acting import Acting, Person
from bot.usecases.auditing import Auditing
from bot.usecases.preferring import Preferring
from bot.vault.client import VaultClient

TRY_SECONDS = 8.0
"""For each call; all are made side by side, and one that takes longer is a finding too."""
NOTE = "doctor"
"""What the audit row of each call says."""

Reach = Callable[[SlackUser], Awaitable[None]]


class SelfCheck:
    """Looks with the person's own credentials alone. `reach` raises BotError where there are no direct messages."""

    def __init__(
        self,
        *,
        acting: Acting,
        client: VaultClient,
        accounts: Accounts,
        preferring: Preferring,
        auditing: Auditing,
        vaults: Vaults,
        reach: Reach,
    ) -> None:
        self._acting = acting
        self._client = client
        self._accounts = accounts
        self._preferring = preferring
        self._auditing = auditing
        self._vaults = vaults
        self._reach = reach

    async def look(self, asker: Asker) -> Standing:
        """Return how things stand. What fails is part of it; StoreError when the bot's own database is the trouble."""
        try:
            people = await self._acting.everywhere(asker)
        except NotLinked:
            people = []
        tried, untold, preferences = await asyncio.gather(
            asyncio.gather(*(self._tried(person) for person in people)),
            self._untold(asker.slack_user),
            self._preferring.preferences(asker.slack_user),
        )
        # A call may have renewed a link, or found that it has ended.
        accounts = await self._accounts.find(asker.slack_user)
        served = default_first(self._vaults, accounts)
        others = [one for one in accounts if self._vaults.at(one.vault_host) is None]
        return Standing(
            accounts=(*served, *others), tried=tuple(tried), untold=untold, preferences=preferences
        )

    async def _tried(self, person: Person) -> Tried:
        """List the active uploads in one Vault, with an audit row of its own. Vault: the call needs the same rights as
        looking at one upload ("Resumable Upload Sessions")."""
        try:
            async with self._auditing.recording(Action.LIST, person.asker, note=NOTE) as record:
                record.acted_as(person.vault.host, person.account.identity)
                found = await self._listed(replace(person, heard=record.heard))
        except StoreError:
            raise
        except BotError as error:
            return Tried(vault=person.vault, found=error)
        return Tried(vault=person.vault, found=found)

    async def _listed(self, person: Person) -> int:
        try:
            async with asyncio.timeout(TRY_SECONDS):
                return len(await self._acting.ask(person, self._client.uploads))
        except TimeoutError:
            raise VaultSlow(vault=person.vault.name) from None

    async def _untold(self, slack_user: SlackUser) -> BotError | None:
        try:
            async with asyncio.timeout(TRY_SECONDS):
                await self._reach(slack_user)
        except TimeoutError:
            return SlackUnavailable()
        except StoreError:
            raise
        except BotError as error:
            return error
        return None
