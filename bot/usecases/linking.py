"""Tying a Slack user to their own Vault user.

The person proves to Vault who they are on our page; Slack only ever carries the single-use ticket. Slack's advice:
docs, "Binding accounts across services".
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from bot.idp.provider import IdentityProvider
from bot.model.accounts import (
    Asker,
    Heard,
    LinkedAccount,
    LinkMethod,
    LinkTicket,
    SlackProfile,
    SlackUser,
    Vault,
    Vaults,
)
from bot.model.audit import Action
from bot.model.clock import Clock
from bot.model.due import Job
from bot.model.errors import (
    BotError,
    CredentialRefused,
    EmailsDiffer,
    KeyMissing,
    LoginRefused,
    NoStagingAccess,
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
from bot.store.vault_versions import VaultVersions
from bot.usecases import watch_jobs
from bot.usecases.auditing import Auditing, Record
from bot.usecases.goodbye import end_link, end_vault_session
from bot.usecases.notices import Notices
from bot.usecases.proving import Proof, Proven, Proving, WayBack, new_account
from bot.usecases.same_person import is_same_person
from bot.usecases.token_support import TokenSupport
from bot.vault.client import VaultClient

log = structlog.get_logger()

SURELY_NOT_JUDGED = (VaultNotReached, VaultBusy, VaultMaintenance, VaultConfiguring)
"""After these Vault has not looked at a password. After any other failure it may have counted a wrong one, and
five of those lock the account; a token locks nothing."""

ProfileOf = Callable[[SlackUser], Awaitable[SlackProfile]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Invitation:
    """What the link page shows before anything happens; `with_tokens` are the Vaults where API access tokens can be
    made."""

    slack_user: SlackUser
    profile: SlackProfile
    vaults: tuple[Vault, ...]
    with_tokens: tuple[Vault, ...]


class Linking:
    """Start, show, complete; and which link a person prefers."""

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
        auditing: Auditing,
        notices: Notices,
        versions_store: VaultVersions,
        provider: IdentityProvider | None,
        profile_id: str | None,
        methods: tuple[LinkMethod, ...],
        login_is_public: bool,
    ) -> None:
        self._accounts = accounts
        self._tickets = tickets
        self._client = client
        self._vaults = vaults
        self._clock = clock
        self._profile_of = profile_of
        self._any_email = any_email
        self._auditing = auditing
        self._notices = notices
        self._tokens = TokenSupport(client=client, store=versions_store, clock=clock)
        self._proving = Proving(
            client=client,
            vaults=vaults,
            provider=provider,
            profile_id=profile_id,
            methods=methods,
            login_is_public=login_is_public,
        )

    async def start(self, slack_user: SlackUser, vault_name: str | None) -> Secret:
        """Return a fresh ticket for the Vault of that name; without a name the page lets choose. UnknownVault."""
        vault = self._vaults.named(vault_name) if vault_name else None
        return await self._tickets.issue(slack_user, vault.host if vault else None, self._clock())

    async def invitation(self, ticket: str) -> Invitation:
        """Return who would be linked to what; changes nothing. TicketNotValid, SlackUnavailable."""
        found = await self._looked_up(ticket)
        vaults = self._choices(found)
        return Invitation(
            slack_user=found.slack_user,
            profile=await self._profile_of(found.slack_user),
            vaults=vaults,
            with_tokens=await self._tokens.offered_by(vaults),
        )

    async def chosen(self, ticket: str, vault_name: str | None) -> Vault:
        """Return the Vault that a living ticket is for. TicketNotValid, UnknownVault."""
        return self._chosen(await self._looked_up(ticket), vault_name)

    async def complete(
        self, ticket: str, *, vault_name: str | None, proof: Proof | WayBack, reference: str
    ) -> LinkedAccount:
        """Let Vault judge the proof and store the link; LinkingError or VaultError when it does not come about.

        The Slack side is asked before Vault is: a try is counted, and a Vault session opened, only when all else
        is ready. A stray or unwanted Vault session is ended. Whatever comes of it is an audit row.
        """
        # A ticket that is unknown, used or too old leaves no audit row: there is nobody to attribute it to, and
        # strangers must not be able to fill the audit log.
        found = await self._looked_up(ticket)
        asker = Asker(found.slack_user, reference)
        account: LinkedAccount | None = None
        replaced: LinkedAccount | None = None
        try:
            async with self._auditing.recording(Action.LINK, asker, note=proof.method.value) as record:
                vault = self._chosen(found, vault_name)
                record.vault_host = vault.host
                proven, judged = await self._proven(found, ticket, vault, proof, record)
                account, replaced = await self._linked(found.slack_user, ticket, proven, judged)
        except BaseException:
            if account is not None:
                # Its audit row could not be written: what is not written down must not stand.
                await self._undo(account, replaced)
            raise
        if replaced and replaced.credential != account.credential:
            await end_link(self._client, self._vaults, replaced)
        log.info("account linked", vault=vault.name, method=proof.method.value, replaced=replaced is not None)
        return account

    async def accounts_of(self, slack_user: SlackUser) -> list[LinkedAccount]:
        """Return the person's links, oldest first."""
        return await self._accounts.find(slack_user)

    async def prefer(self, asker: Asker, vault_name: str) -> LinkedAccount | None:
        """Make the Vault of that name the person's default, and return their link to it; UnknownVault.

        None, and nothing is changed, when there is no such link or it has ended: then they want to link.
        """
        vault = self._vaults.named(vault_name)
        try:
            account = await self._accounts.find_one(asker.slack_user, vault.host)
        except (SealBroken, KeyMissing):
            return None  # linking again mends it
        if account is None or account.ended_at is not None:
            return None
        known = await self._accounts.prefer(asker.slack_user, vault.host, self._clock())
        return account if known else None

    async def _looked_up(self, ticket: str) -> LinkTicket:
        """Return the living ticket; from here on the log's lines of this request name its workspace. TicketNotValid."""
        found = await self._tickets.look(ticket, self._clock())
        structlog.contextvars.bind_contextvars(team=found.slack_user.team_id)
        return found

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

    async def _proven(
        self, ticket: LinkTicket, ticket_secret: str, vault: Vault, shown: Proof | WayBack, record: Record
    ) -> tuple[Proven, Proof]:
        """Return what Vault says, and the proof it judged, once it is the same person as in Slack."""
        profile = await self._profile_of(ticket.slack_user)
        proof = await self._proving.prepared(vault, shown)
        counted = await self._tickets.begin_try(ticket_secret, self._clock())
        proven = await self._judged(counted, ticket_secret, vault, proof, record.heard)
        identity = proven.access.identity
        if identity is not None:
            record.acted_as(vault.host, identity)
        if not self._any_email and not is_same_person(profile, proven.user):
            await self._let_go(proven, proof)
            raise EmailsDiffer
        return proven, proof

    async def _judged(
        self, ticket: LinkTicket, ticket_secret: str, vault: Vault, proof: Proof, heard: Heard
    ) -> Proven:
        try:
            return await self._proving.judged(vault, proof, heard)
        except CredentialRefused as error:
            error_type = error.details.get("error_type")
            if ticket.tries >= MAX_TRIES:
                raise TicketSpent(error_type=error_type) from None
            method = "token" if proof.method is LinkMethod.TOKEN else "user name or password"
            raise WrongCredential(method=method, error_type=error_type) from None
        except NoStagingAccess as error:
            raise LoginRefused(
                reason="your Vault user may not use the API",
                remedy=error.remedy,
                error_type=error.details.get("error_type"),
            ) from None
        except VaultTemporary as error:
            if proof.method is not LinkMethod.PASSWORD or isinstance(error, SURELY_NOT_JUDGED):
                await self._tickets.give_back_try(ticket_secret)
            raise

    async def _linked(
        self, slack_user: SlackUser, ticket_secret: str, proven: Proven, proof: Proof
    ) -> tuple[LinkedAccount, LinkedAccount | None]:
        """Store the link; return it and the one it replaces."""
        account: LinkedAccount | None = None
        earlier: LinkedAccount | None = None
        try:
            await self._tokens.learn(proven.access)
            token_ends = proof.ends
            if proof.method is LinkMethod.TOKEN and token_ends is None:
                token_ends = await self._tokens.end_of(proven.access)
            earlier = await self._standing(slack_user, proven.access.vault.host)
            now = self._clock()
            await self._tickets.use(ticket_secret, now)
            account = new_account(slack_user, proven, proof, now, token_ends)
            return account, await self._accounts.save(account, jobs=self._jobs(account))
        except BaseException:
            if account is None:
                await self._let_go(proven, proof)
            else:
                await self._undo(account, earlier)  # cut off while saving: it may stand
            raise

    async def _let_go(self, proven: Proven, proof: Proof) -> None:
        """End the Vault session that was opened for a link that does not come about."""
        if proof.method is not LinkMethod.TOKEN:
            await end_vault_session(self._client, proven.access)

    async def _standing(self, slack_user: SlackUser, vault_host: str) -> LinkedAccount | None:
        """Return the link that stands until now; None without, or when it cannot be opened."""
        try:
            return await self._accounts.find_one(slack_user, vault_host)
        except (SealBroken, KeyMissing):
            return None

    def _jobs(self, account: LinkedAccount) -> list[Job]:
        now = self._clock()
        return [*self._notices.jobs_for(account, now), *watch_jobs.after_linking(account, now)]

    async def _undo(self, account: LinkedAccount, replaced: LinkedAccount | None) -> None:
        """Take back a link that was just stored, unless another one stands in its place: what it replaced stands
        again, with the watches that hang on it."""
        try:
            stored = await self._accounts.find_one(account.slack_user, account.vault_host)
            if stored is not None and stored.credential == account.credential:
                if replaced is None:
                    await self._accounts.remove(account.slack_user, account.vault_host)
                else:
                    await self._accounts.save(replaced, jobs=self._jobs(replaced))
        except BotError as error:
            log.error("link not taken back", error=type(error).__name__)
        if replaced is None or replaced.credential != account.credential:
            await end_link(self._client, self._vaults, account)
