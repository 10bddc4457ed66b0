"""Calls to a Vault that carry nobody's credential: what it refuses, and how, tells whether it can be worked with."""

import httpx

from bot.model.accounts import Vault
from bot.vault import answers, records
from bot.vault.messages import Answer, Burst, Request
from bot.vault.sending import send
from bot.vault.wire import Wire


class Probe:
    """Asks Vaults as a stranger, each call once. Every method raises VaultError."""

    def __init__(self, http: httpx.AsyncClient, *, version: str, client_id: str) -> None:
        self._http = http
        self._wire = Wire(version, client_id)
        self.burst: Burst | None = None
        """The call limits that an answer told last."""

    async def knock(self, vault: Vault) -> None:
        """Ask who we are, without saying it. A Vault that serves this version and client refuses: CredentialRefused."""
        await self._ask(self._wire.stranger(vault))

    async def versions(self, vault: Vault) -> list[str]:
        """Return the API versions the Vault speaks, oldest first; CredentialRefused where it tells them to those alone
        who are signed in. Vault's documentation leaves that open."""
        answer = await self._ask(self._wire.versions(vault, None))
        return records.read_versions(vault, answer.payload)

    async def _ask(self, request: Request) -> Answer:
        status, meta, body = await send(self._http, request)
        self.burst = meta.burst or self.burst
        return answers.decipher(request, status, meta, body)
