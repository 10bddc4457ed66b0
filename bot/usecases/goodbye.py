"""Ending a Vault session of ours."""

import asyncio

import structlog

from bot.model.accounts import Access, LinkedAccount, Vaults
from bot.model.errors import BotError, CredentialRefused
from bot.vault.client import VaultClient

END_SECONDS = 5.0
"""Nobody waits longer for a goodbye: an abandoned Vault session ends by itself."""

log = structlog.get_logger()


async def end_vault_session(client: VaultClient, access: Access) -> bool:
    """End one Vault session and return whether it surely has ended. Never raises a BotError."""
    try:
        async with asyncio.timeout(END_SECONDS):
            await client.end_session(access)
    except CredentialRefused:
        return True
    except (BotError, TimeoutError) as error:
        log.warning("vault session not ended", vault=access.vault.name, error=type(error).__name__)
        return False
    return True


async def end_link(client: VaultClient, vaults: Vaults, account: LinkedAccount) -> bool:
    """End the Vault session of a link, and return whether it has ended. An API access token is not ended: it is the
    person's own, who may use it elsewhere."""
    if not account.is_session:
        return True
    vault = vaults.at(account.vault_host)
    if vault is None:
        return False
    access = Access(vault=vault, credential=account.credential, identity=account.identity)
    return await end_vault_session(client, access)
