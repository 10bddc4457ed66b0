"""Tying a Slack user to their own Vault user, and untying them.

The person proves to Vault who they are on our page; Slack only ever carries the single-use ticket. Slack's advice:
docs, "Binding accounts across services". A typed password is used for one login and kept nowhere.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from bot.model.accounts import (
    Access,
    Identity,
    LinkedAccount,
    LinkMethod,
    LinkTicket,
    SlackProfile,
    SlackUser,
    Unlinked,
    Vault,
    Vaults,
    VaultUser,
)
from bot.model.clock import Clock
from bot.model.errors import (
    BotError,
    CredentialRefused,
    EmailsDiffer,
    KeyMissing,
    LandedElsewhere,
    LoginRefused,
    NoStagingAccess,
    NotLinked,
    SealBroken,
    TicketNotValid,
    TicketSpent,
    VaultBusy,
    VaultConfiguring,
    VaultMaintenance,
    VaultNotReached,
    VaultTemporary,
    WrongCredential,
)
from bot.model.secret import Secret
from bot.store.accounts import Accounts
from bot.store.tickets import MAX_TRIES, Tickets
from bot.vault.client import VaultClient

LONGEST_VAULT_SESSION = timedelta(hours=48)
"""Vault: a session ends 48 hours after the login at the latest, whatever its use."""

END_SECONDS = 5.0
"""Nobody waits longer for a goodbye: an abandoned Vault session ends by itself."""

log = structlog.get_logger()

SURELY_NOT_JUDGED = (VaultNotReached, VaultBusy, VaultMaintenance, VaultConfiguring)
"""After these Vault has not looked at a password. After any other failure it may have counted a wrong one, and
five of those lock the account; a token locks nothing."""

ProfileOf = Callable[[SlackUser], Awaitable[SlackProfile]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """What the person entered: an API access token, or user name and password."""

    method: LinkMethod
    secret: Secret
    user_name: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Invitation:
    """What the link page shows before anything happens."""

    slack_user: SlackUser
    profile: SlackProfile
    vaults: tuple[Vault, ...]


class Linking:
    """Start, show, complete, undo."""

    def __init__(
        self,
        *,
        accounts: Accounts,
        tickets: Tickets,
        client: VaultClient,
        vaults: Vaults,
        clock: Clock,
        profile_of: ProfileOf,
        any_email: bool,
    ) -> None:
        self._accounts = accounts
        self._tickets = tickets
        self._client = client
        self._vaults = vaults
        self._clock = clock
        self._profile_of = profile_of
        self._any_email = any_email

    async def start(self, slack_user: SlackUser, vault_name: str | None) -> Secret:
        """Return a fresh ticket for the Vault of that name; without a name the page lets choose. UnknownVault."""
        vault = self._vaults.named(vault_name) if vault_name else None
        return await self._tickets.issue(slack_user, vault.host if vault else None, self._clock())

    async def invitation(self, ticket: str) -> Invitation:
        """Return who would be linked to what; changes nothing. TicketNotValid, SlackUnavailable."""
        found = await self._tickets.look(ticket, self._clock())
        return Invitation(
            slack_user=found.slack_user,
            profile=await self._profile_of(found.slack_user),
            vaults=self._choices(found),
        )

    async def complete(self, ticket: str, *, vault_name: str | None, proof: Proof) -> LinkedAccount:
        """Let Vault judge the proof and store the link; LinkingError or VaultError when it does not come about.

        The Slack side is asked before Vault is: a try is counted, and a Vault session opened, only when all else
        is ready. A stray or unwanted Vault session is ended.
        """
        now = self._clock()
        found = await self._tickets.look(ticket, now)
        vault = self._chosen(found, vault_name)
        profile = await self._profile_of(found.slack_user)
        counted = await self._tickets.begin_try(ticket, now)
        access, user = await self._prove(counted, ticket, vault, proof)
        try:
            if not self._any_email and not _same_person(profile, user):
                raise EmailsDiffer
            await self._tickets.use(ticket, now)
            account = _account(found.slack_user, access, user, proof.method, now)
            replaced = await self._accounts.save(account)
        except BaseException:
            if proof.method is LinkMethod.PASSWORD:
                await self._end_session(access)
            raise
        if replaced and replaced.credential != account.credential:
            await self._end_account(replaced)
        log.info("account linked", vault=vault.name, method=proof.method.value, replaced=replaced is not None)
        return account

    async def accounts_of(self, slack_user: SlackUser) -> list[LinkedAccount]:
        """Return the person's links, oldest first."""
        return await self._accounts.find(slack_user)

    async def unlink(
        self, slack_user: SlackUser, vault_name: str | None, *, every: bool = False
    ) -> list[Unlinked]:
        """Remove the link to one Vault, or every link, and end their Vault sessions. NotLinked, UnknownVault.

        A Vault is given by its name, or by the host of a link that stands, also when the operator no longer serves
        it; none given means the one that answers when none is named. The row goes first: whatever happens then,
        the bot can no longer act for the person.
        """
        linked = await self._linked_hosts(slack_user)
        served = [vault.host for vault in self._vaults.all]
        if every:
            hosts = list(dict.fromkeys([*linked, *served]))
        elif vault_name:
            hosts = [vault_name if vault_name in linked else self._vaults.named(vault_name).host]
        else:
            hosts = [next((host for host in [*served, *linked] if host in linked), served[0])]
        done = []
        for host in hosts:
            removed = await self._accounts.remove(slack_user, host)
            if removed.existed:
                ended = removed.account is not None and await self._end_account(removed.account)
                method = removed.account.method if removed.account else None
                done.append(Unlinked(vault_name=self._name_of(host), method=method, session_ended=ended))
        if not done:
            raise NotLinked(vault=self._name_of(hosts[0]) if hosts else self._vaults.default.name)
        log.info("accounts unlinked", count=len(done))
        return done

    async def _linked_hosts(self, slack_user: SlackUser) -> list[str]:
        """Where the person has links whose credentials open; the others go by name, or all at once."""
        try:
            return [account.vault_host for account in await self._accounts.find(slack_user)]
        except (SealBroken, KeyMissing):
            return []

    def _choices(self, ticket: LinkTicket) -> tuple[Vault, ...]:
        if ticket.vault_host is None:
            return self._vaults.all
        vault = self._vaults.at(ticket.vault_host)
        if vault is None:
            raise TicketNotValid
        return (vault,)

    def _chosen(self, ticket: LinkTicket, vault_name: str | None) -> Vault:
        choices = Vaults(self._choices(ticket))
        return choices.named(vault_name) if vault_name else choices.default

    async def _prove(
        self, ticket: LinkTicket, ticket_secret: str, vault: Vault, proof: Proof
    ) -> tuple[Access, VaultUser]:
        try:
            if proof.method is LinkMethod.PASSWORD:
                return await self._prove_by_password(vault, proof)
            access = Access(vault=vault, credential=proof.secret, identity=None)
            user, identity = await self._client.me(access)
            return replace(access, identity=identity), user
        except CredentialRefused:
            if ticket.tries >= MAX_TRIES:
                raise TicketSpent from None
            method = "token" if proof.method is LinkMethod.TOKEN else "user name or password"
            raise WrongCredential(method=method) from None
        except NoStagingAccess as error:
            raise LoginRefused(reason="your Vault user may not use the API", remedy=error.remedy) from None
        except VaultTemporary as error:
            if proof.method is LinkMethod.TOKEN or isinstance(error, SURELY_NOT_JUDGED):
                await self._tickets.give_back_try(ticket_secret)
            raise

    async def _prove_by_password(self, vault: Vault, proof: Proof) -> tuple[Access, VaultUser]:
        signed_in = await self._client.sign_in(vault, proof.user_name, proof.secret)
        access = Access(vault=vault, credential=signed_in.credential, identity=signed_in.identity)
        if signed_in.vault_host != vault.host:
            await self._end_session(access)
            elsewhere = self._vaults.at(signed_in.vault_host or "")
            if elsewhere:
                await self._end_session(replace(access, vault=elsewhere))
            raise LandedElsewhere(vault=vault.name)
        try:
            user, _ = await self._client.me(access)
        except BaseException:
            await self._end_session(access)
            raise
        return access, user

    async def _end_account(self, account: LinkedAccount) -> bool:
        """End the Vault session of a link. A token is not ended: it is the person's, who may use it elsewhere."""
        vault = self._vaults.at(account.vault_host)
        if account.method is not LinkMethod.PASSWORD:
            return True
        if vault is None:
            return False
        access = Access(vault=vault, credential=account.credential, identity=account.identity)
        return await self._end_session(access)

    async def _end_session(self, access: Access) -> bool:
        try:
            async with asyncio.timeout(END_SECONDS):
                await self._client.end_session(access)
        except CredentialRefused:
            return True
        except (BotError, TimeoutError) as error:
            log.warning("vault session not ended", vault=access.vault.name, error=type(error).__name__)
            return False
        return True

    def _name_of(self, host: str) -> str:
        vault = self._vaults.at(host)
        return vault.name if vault else host


def _same_person(profile: SlackProfile, user: VaultUser) -> bool:
    """Whether both sides know the person by the same address; one that is not known proves nothing."""
    known, given = profile.email.strip(), user.email.strip()
    if known.isascii() and given.isascii():
        known, given = known.lower(), given.lower()
    # Beyond ASCII, different letters may fold into the same: there, only the very same address will do.
    return bool(known) and known == given


def _account(
    slack_user: SlackUser, access: Access, user: VaultUser, method: LinkMethod, now: datetime
) -> LinkedAccount:
    identity: Identity | None = access.identity
    if identity is None:
        raise ValueError("an account needs the identity Vault gave")
    return LinkedAccount(
        slack_user=slack_user,
        vault_host=access.vault.host,
        identity=identity,
        vault_user_name=user.user_name,
        vault_full_name=user.full_name,
        method=method,
        credential=access.credential,
        linked_at=now,
        valid_until=now + LONGEST_VAULT_SESSION if method is LinkMethod.PASSWORD else None,
    )
