"""Which Vaults let people make API access tokens, and when a token ends: as far as Vault tells."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from bot.model.accounts import Access, Vault
from bot.model.clock import Clock
from bot.model.errors import BotError
from bot.store.vault_versions import VaultVersions
from bot.vault.client import VaultClient

FIRST_WITH_TOKENS = (26, 2)
"""Vault: "What's New in 26R2": every user can make API access tokens."""
ASKED_EVERY = timedelta(hours=1)
ASK_SECONDS = 2.0
"""A page waits for it, and it is only a hint."""
LEARN_EVERY = timedelta(days=1)
LEARN_SECONDS = 3.0

log = structlog.get_logger()


class TokenSupport:
    """What is known of the Vaults' versions; a Vault that does not tell counts as an old one."""

    def __init__(self, *, client: VaultClient, store: VaultVersions, clock: Clock) -> None:
        self._client = client
        self._store = store
        self._clock = clock
        self._asked: dict[str, datetime] = {}
        self._learnt: dict[str, datetime] = {}

    async def offered_by(self, vaults: Sequence[Vault]) -> tuple[Vault, ...]:
        """Return those of the Vaults in which people can make API access tokens."""
        offers = await asyncio.gather(*(self._offers(vault) for vault in vaults))
        return tuple(vault for vault, offered in zip(vaults, offers, strict=True) if offered)

    async def end_of(self, access: Access) -> datetime | None:
        """Return when the API access token of `access` ends, or None where Vault does not tell."""
        version = _with_tokens(await self._store.get(access.vault.host))
        if version is None:
            return None
        return await self._client.token_expiry(access, version)

    async def learn(self, access: Access) -> None:
        """Ask a Vault for its versions, once a day, while there is a credential: it may not tell without."""
        host, now = access.vault.host, self._clock()
        if host in self._learnt and now - self._learnt[host] < LEARN_EVERY:
            return
        if await self._ask(access.vault, access, LEARN_SECONDS):
            self._learnt[host] = now

    async def _offers(self, vault: Vault) -> bool:
        if _with_tokens(await self._store.get(vault.host)):
            return True
        now = self._clock()
        if vault.host in self._asked and now - self._asked[vault.host] < ASKED_EVERY:
            return False
        self._asked[vault.host] = now
        return _with_tokens(await self._ask(vault, None, ASK_SECONDS)) is not None

    async def _ask(self, vault: Vault, access: Access | None, seconds: float) -> list[str]:
        try:
            async with asyncio.timeout(seconds):
                versions = await self._client.versions(vault, access)
        except (BotError, TimeoutError) as error:
            log.info("versions not told", vault=vault.name, error=type(error).__name__)
            return []
        await self._store.put(vault.host, versions, self._clock())
        return versions


def _with_tokens(versions: Sequence[str]) -> str | None:
    """Return the first version that knows API access tokens, or None."""
    numbered = [(tuple(int(number) for number in name[1:].split(".")), name) for name in versions]
    return min((one for one in numbered if one[0] >= FIRST_WITH_TOKENS), default=(None, None))[1]
