"""A new Vault session for an account, without asking the person: by the identity provider's refresh token.

One renewal per account at a time, across processes: whoever holds the lease renews, the others wait and then find
the new session in the row. A provider may give a new refresh token each time and void the one before, so the new
one is stored before anything else is done with it. A crash between that and the second write leaves a row that can
be renewed again. What no order of writes can mend is a crash before the first: then the person links again.
"""

import asyncio
from datetime import timedelta

import stamina
import structlog

from bot.idp.provider import IdentityProvider
from bot.model.accounts import Access, Asker, Heard, LinkedAccount, Vault
from bot.model.audit import Action
from bot.model.clock import Clock
from bot.model.errors import (
    CredentialRefused,
    LoginRefused,
    RenewalRefused,
    StoreUnavailable,
    VaultRefused,
    VaultUnavailable,
)
from bot.model.secret import Secret
from bot.store.accounts import Accounts
from bot.store.leases import Leases
from bot.usecases.auditing import Auditing
from bot.usecases.goodbye import end_vault_session
from bot.vault.client import VaultClient

LONGEST_VAULT_SESSION = timedelta(hours=48)
"""Vault: a session ends 48 hours after the login at the latest, whatever its use."""
CLOSING_SECONDS = 1.5
_ABOUT_THE_PERSON = frozenset(
    {
        "EXPIRED_TOKEN",
        "INACTIVE_USER",
        "INSUFFICIENT_ACCESS",
        "INVALID_TOKEN",
        "PASSWORD_CHANGE_REQUIRED",
        "USER_LOCKED_OUT",
        "USER_NOT_FOUND",
    }
)
"""Vault's error types that end one link. Others, as for a profile it does not know, are said of everybody's."""

log = structlog.get_logger()


class Renewing:
    """Gives an account with a credential that may work."""

    def __init__(
        self,
        *,
        accounts: Accounts,
        leases: Leases,
        provider: IdentityProvider | None,
        profile_id: str | None,
        client: VaultClient,
        auditing: Auditing,
        clock: Clock,
    ) -> None:
        self._accounts = accounts
        self._leases = leases
        self._provider = provider
        self._profile_id = profile_id
        self._client = client
        self._auditing = auditing
        self._clock = clock
        self._under_way: set[asyncio.Task[LinkedAccount]] = set()

    async def fresh(self, account: LinkedAccount, vault: Vault, asker: Asker) -> LinkedAccount:
        """Return the account with another credential than the one given, which Vault refused.

        Somebody may have renewed or linked it again meanwhile; else it is renewed. RenewalRefused when there is no
        way; ProviderUnavailable, VaultTemporary, StoreUnavailable and OutOfTime when there may be one later.
        """
        if not account.renewable:
            current = await self._current(account)
            if current.credential == account.credential:
                raise RenewalRefused(reason="there is nothing to renew it with")
            return current
        # In a task of its own: who runs out of time must not cut it off between the provider and our first write.
        renewal = asyncio.create_task(self._in_turn(account, vault, asker))
        self._under_way.add(renewal)
        renewal.add_done_callback(self._done)
        return await asyncio.shield(renewal)

    async def close(self, seconds: float = CLOSING_SECONDS) -> None:
        """Wait until the renewals under way have ended, so many seconds at most: each may hold the one good token."""
        if not self._under_way:
            return
        _, late = await asyncio.wait(self._under_way, timeout=seconds)
        if late:
            log.warning("renewals are cut off", count=len(late))

    def _done(self, renewal: asyncio.Task[LinkedAccount]) -> None:
        self._under_way.discard(renewal)
        if not renewal.cancelled():
            renewal.exception()  # whoever still waits has it; the audit row says it in any case

    async def _in_turn(self, account: LinkedAccount, vault: Vault, asker: Asker) -> LinkedAccount:
        lease = f"renew:{account.slack_user.workspace}:{account.slack_user.user_id}:{account.vault_host}"
        async with self._leases.hold(lease):
            current = await self._current(account)
            if current.credential != account.credential:
                return current
            return await self._renew(current, vault, asker)

    async def _current(self, account: LinkedAccount) -> LinkedAccount:
        current = await self._accounts.find_one(account.slack_user, account.vault_host)
        if current is None:
            raise RenewalRefused(reason="it was unlinked meanwhile")
        return current

    async def _renew(self, account: LinkedAccount, vault: Vault, asker: Asker) -> LinkedAccount:
        async with self._auditing.recording(Action.RENEW, asker) as record:
            record.acted_as(vault.host, account.identity)
            if account.refresh_token is None or self._provider is None or self._profile_id is None:
                raise RenewalRefused(reason="this bot no longer knows the identity provider")

            async def keep(refresh_token: Secret) -> None:
                nonlocal account
                account = await self._with(account, refresh_token)

            tokens = await self._provider.refresh(account.refresh_token, keep)
            now = self._clock()
            access = await self._sign_in(account, vault, tokens.access_token, record.heard)
            renewed = await self._accounts.renew(
                account, access.credential, started=now, valid_until=now + LONGEST_VAULT_SESSION
            )
            if renewed is None:
                await end_vault_session(self._client, access)
            return _kept(renewed)

    async def _with(self, account: LinkedAccount, refresh_token: Secret) -> LinkedAccount:
        """Store a refresh token, patiently: the one before it may be void by now, and nobody else has the new one."""
        async for attempt in stamina.retry_context(
            on=StoreUnavailable, attempts=6, timeout=None, wait_initial=0.1, wait_max=3.0
        ):
            with attempt:
                kept = await self._accounts.keep_refresh_token(account, refresh_token)
                if kept is None:  # perhaps by an attempt whose good end was not heard of
                    current = await self._current(account)
                    kept = current if current.refresh_token == refresh_token else None
                return _kept(kept)
        raise AssertionError("stamina leaves its loop by return or raise")

    async def _sign_in(
        self, account: LinkedAccount, vault: Vault, access_token: Secret, heard: Heard
    ) -> Access:
        """Open a Vault session by the identity provider's token; only the same person in the same Vault will do."""
        if self._profile_id is None:
            raise RenewalRefused(reason="this bot no longer knows the identity provider")
        try:
            signed_in = await self._client.exchange(vault, access_token, self._profile_id, heard=heard)
        except (CredentialRefused, LoginRefused, VaultRefused) as error:
            error_type = error.details.get("error_type")
            if error_type in _ABOUT_THE_PERSON:
                raise RenewalRefused(
                    reason="Vault did not accept the identity provider's word", error_type=error_type
                ) from None
            log.error("vault refuses renewals", vault=vault.name, error_type=error_type)
            raise VaultUnavailable(vault=vault.name, error_type=error_type) from None
        access = Access(
            vault=vault, credential=signed_in.credential, identity=signed_in.identity, heard=heard
        )
        if signed_in.vault_host != vault.host or signed_in.identity != account.identity:
            await end_vault_session(self._client, access)
            raise RenewalRefused(reason="Vault signed in somebody else, or elsewhere")
        return access


def _kept(account: LinkedAccount | None) -> LinkedAccount:
    if account is None:
        raise RenewalRefused(reason="it was linked again or unlinked meanwhile")
    return account
