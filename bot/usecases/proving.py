"""What a person shows to prove who they are in Vault, and Vault's judgement on it.

A typed password is used for one login and kept nowhere. Nothing here counts tries or stores a link.
"""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import urlsplit

import structlog

from bot.idp.provider import IdentityProvider
from bot.model.accounts import (
    Access,
    Heard,
    LinkedAccount,
    LinkMethod,
    SlackUser,
    Vault,
    Vaults,
    VaultUser,
)
from bot.model.addresses import is_loopback
from bot.model.errors import (
    CredentialRefused,
    FormNotValid,
    LandedElsewhere,
    LoginRefused,
    PasswordNeeded,
    SingleSignOnOnly,
    VaultError,
)
from bot.model.secret import Secret
from bot.usecases.goodbye import end_vault_session
from bot.usecases.renewing import LONGEST_VAULT_SESSION
from bot.vault.client import SignedIn, VaultClient

DISCOVERY_SECONDS = 3.0
"""Nobody waits longer to learn how a user signs in; then the password is tried."""
COMPANY_SIGN_IN = "your company's sign-in"

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """An API access token, user name and password, or the access token of the identity provider.

    A password may be empty: then nothing is sent but the question how this user signs in. `ends` is when the person
    says that their API access token ends.
    """

    method: LinkMethod
    secret: Secret
    user_name: str = ""
    ends: datetime | None = None
    refresh_token: Secret | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class WayBack:
    """What the identity provider sent the browser back with, and what the way there had begun with.

    `code` is empty where `error`, OAuth's code for a refusal, is not. `issuer_seen` is the parameter `iss` (RFC 9207).
    """

    code: str = field(repr=False)
    error: str
    issuer_seen: str | None
    verifier: str = field(repr=False)
    nonce: str = field(repr=False)

    @property
    def method(self) -> LinkMethod:
        """The one way that leads there and back."""
        return LinkMethod.OIDC


@dataclass(frozen=True, kw_only=True, slots=True)
class Proven:
    """Who the person is in Vault, and what their calls can be made with."""

    access: Access
    user: VaultUser


class Proving:
    """Turns what is shown into a proof, and has Vault judge it."""

    def __init__(
        self,
        *,
        client: VaultClient,
        vaults: Vaults,
        provider: IdentityProvider | None,
        profile_id: str | None,
        methods: tuple[LinkMethod, ...],
        login_is_public: bool,
    ) -> None:
        self._client = client
        self._vaults = vaults
        self._provider = provider
        self._profile_id = profile_id
        self._methods = methods
        self._login_is_public = login_is_public

    async def prepared(self, vault: Vault, shown: Proof | WayBack) -> Proof:
        """Return the proof that Vault is to judge; nothing of this counts as a try.

        SingleSignOnOnly and PasswordNeeded say how the user signs in; ProviderRefused and ProviderUnavailable come
        from the identity provider.
        """
        if shown.method not in self._methods:
            raise FormNotValid(reason="this way to link is switched off here")
        if isinstance(shown, WayBack):
            return await self._redeemed(shown)
        if shown.method is LinkMethod.PASSWORD:
            known = await self._has_password(vault, shown.user_name)
            if not shown.secret:
                raise PasswordNeeded if known else FormNotValid(reason="it holds no password")
        return shown

    async def judged(self, vault: Vault, proof: Proof, heard: Heard) -> Proven:
        """Return what Vault knows of the person. A Vault session that was opened in vain is ended.

        CredentialRefused for a wrong token or password; LoginRefused, LandedElsewhere, and as VaultClient's calls.
        """
        if proof.method is LinkMethod.TOKEN:
            access = Access(vault=vault, credential=proof.secret, identity=None, heard=heard)
            user, identity = await self._client.me(access)
            return Proven(access=replace(access, identity=identity), user=user)
        if proof.method is LinkMethod.PASSWORD:
            signed_in = await self._client.sign_in(vault, proof.user_name, proof.secret, heard=heard)
        else:
            signed_in = await self._exchanged(vault, proof, heard)
        return await self._looked_at(vault, signed_in, heard)

    async def _redeemed(self, back: WayBack) -> Proof:
        if self._provider is None:
            raise FormNotValid(reason="this way to link is switched off here")
        if back.error or not back.code:
            raise self._provider.refusal(back.error)
        tokens = await self._provider.redeem(
            code=back.code, verifier=back.verifier, nonce=back.nonce, issuer_seen=back.issuer_seen
        )
        return Proof(method=back.method, secret=tokens.access_token, refresh_token=tokens.refresh_token)

    async def _has_password(self, vault: Vault, user_name: str) -> bool:
        """Return whether the user surely signs in by password; SingleSignOnOnly when surely not.

        Vault: "Authentication Type Discovery".
        """
        if self._login_is_public and is_loopback(urlsplit(vault.url).hostname):
            return False  # a Vault on this machine has no business with the public login host
        try:
            async with asyncio.timeout(DISCOVERY_SECONDS):
                found = await self._client.discover(user_name)
        except (VaultError, TimeoutError) as error:
            log.info("sign-in not discovered", vault=vault.name, error=type(error).__name__)
            return False
        if found.single_sign_on:
            raise SingleSignOnOnly(provider=found.label or COMPANY_SIGN_IN, remedy=self._what_works())
        return True

    def _what_works(self) -> str:
        if LinkMethod.OIDC in self._methods:
            return "Sign in through your company instead: this page has a button for it."
        if LinkMethod.TOKEN in self._methods:
            return "Link with an API access token instead: you make one in Vault, after you signed in there as usual."
        return "Ask the operator of this app for a way to link that works with it."

    async def _exchanged(self, vault: Vault, proof: Proof, heard: Heard) -> SignedIn:
        if self._profile_id is None:
            raise FormNotValid(reason="this way to link is switched off here")
        try:
            return await self._client.exchange(vault, proof.secret, self._profile_id, heard=heard)
        except CredentialRefused as error:
            raise LoginRefused(
                reason="it does not accept your company's sign-in",
                remedy="Ask your Vault administrator whether your user signs in there through your company.",
                error_type=error.details.get("error_type"),
            ) from None

    async def _looked_at(self, vault: Vault, signed_in: SignedIn, heard: Heard) -> Proven:
        access = Access(
            vault=vault, credential=signed_in.credential, identity=signed_in.identity, heard=heard
        )
        if signed_in.vault_host != vault.host:
            await end_vault_session(self._client, access)
            elsewhere = self._vaults.at(signed_in.vault_host or "")
            if elsewhere:
                await end_vault_session(self._client, replace(access, vault=elsewhere))
            raise LandedElsewhere(vault=vault.name)
        try:
            user, _ = await self._client.me(access)
        except BaseException:
            await end_vault_session(self._client, access)
            raise
        return Proven(access=access, user=user)


def new_account(
    slack_user: SlackUser, proven: Proven, proof: Proof, now: datetime, token_ends: datetime | None
) -> LinkedAccount:
    """Return the link to be stored. `token_ends` is when an API access token ends, as far as that is known."""
    access, user = proven.access, proven.user
    if access.identity is None:
        raise ValueError("an account needs the identity Vault gave")
    is_token = proof.method is LinkMethod.TOKEN
    return LinkedAccount(
        slack_user=slack_user,
        vault_host=access.vault.host,
        identity=access.identity,
        vault_user_name=user.user_name,
        vault_full_name=user.full_name,
        method=proof.method,
        credential=access.credential,
        linked_at=now,
        valid_until=token_ends if is_token else now + LONGEST_VAULT_SESSION,
        refresh_token=proof.refresh_token,
        session_started=None if is_token else now,
        last_used=now,
    )
