"""Goodbye: unlinking an account, forgetting a person, forgetting a whole workspace.

The row goes first: whatever happens then, the bot can no longer act for the person. Its audit row follows at once,
and only then is Vault told, which may take its time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import structlog

from bot.model.accounts import Asker, LinkedAccount, SlackUser, Unlinked, Vaults, default_first
from bot.model.audit import Action
from bot.model.errors import BotError, KeyMissing, NotLinked, SealBroken, StoreError
from bot.model.references import new_reference
from bot.model.watches import Target, Watch
from bot.store.accounts import Accounts, Removed
from bot.store.tickets import Tickets
from bot.store.watches import Watches
from bot.usecases.auditing import Auditing, Record
from bot.usecases.goodbye import end_link
from bot.usecases.homes import HomeCare
from bot.vault.client import VaultClient

MOST_AT_ONCE = 8
"""Goodbyes to Vault under way at the same time."""

Release = Callable[[Watch], Awaitable[None]]
FAREWELL_SECONDS = 5.0

Farewell = Callable[[Watch, LinkedAccount], Awaitable[None]]
IsMeant = Callable[[SlackUser], bool]

log = structlog.get_logger()


@dataclass(slots=True)
class _Gone:
    """Links whose rows are gone, what Slack holds of them, and the first failure on the way. A failure keeps neither
    Vault nor Slack from being told of the others."""

    links: list[tuple[str, Removed]] = field(default_factory=list)
    held: list[tuple[Watch, LinkedAccount | None]] = field(default_factory=list)
    failure: StoreError | None = None

    def failed(self, error: StoreError) -> None:
        """Keep the failure, to be raised at the end."""
        self.failure = self.failure or error


class Leaving:
    """Removes what is stored of people, ends their Vault sessions, and writes down that it was done."""

    def __init__(
        self,
        *,
        accounts: Accounts,
        tickets: Tickets,
        client: VaultClient,
        vaults: Vaults,
        auditing: Auditing,
        watches: Watches,
        release: Release | None = None,
        farewell: Farewell | None = None,
        homes: HomeCare | None = None,
    ) -> None:
        """`release` takes back what Slack holds of a watch, `farewell` draws a live card a last time; None where there
        is no way to Slack. Without `homes` nobody has one."""
        self._watches = watches
        self._homes = homes
        self._release = release
        self._farewell = farewell
        self._accounts = accounts
        self._tickets = tickets
        self._client = client
        self._vaults = vaults
        self._auditing = auditing

    async def unlink(self, asker: Asker, vault_name: str | None, *, every: bool = False) -> list[Unlinked]:
        """Remove the link to one Vault, or every link, and end their Vault sessions. NotLinked, UnknownVault.

        A Vault is given by its name, or by the host of a link that stands, also when the operator no longer serves
        it; none given means the one that answers when none is named. A link whose seal is broken goes like any other.
        StoreError, once all the others are gone, when one could not be removed or written down.
        """
        try:
            hosts = await self._meant(asker.slack_user, vault_name, every=every)
        except BotError as error:
            record = Record()
            record.failed(error)
            await self._auditing.write(Action.UNLINK, asker, record)
            raise
        gone = _Gone()
        try:
            for host in hosts:
                await self._remove(gone, asker, host, Action.UNLINK)
            await self._empty_home(asker.slack_user)
        finally:
            told = await self._tell(gone)
        log.info("accounts unlinked", count=len(told))
        if gone.failure:
            raise gone.failure
        return told

    async def forget(self, asker: Asker, *, why: str) -> list[Unlinked]:
        """Erase all that is stored of the person, and return the links: to whatever Vault, with watches and jobs;
        preferences; tickets; what is known of their home.

        `why` goes into the audit log, which itself keeps what the person did. Of somebody who is not known nothing
        is written: Slack also tells of people who never used the app.
        """
        return await self._forget_all([asker.slack_user], asker.reference, why)

    async def forget_workspace(self, workspace: str, *, why: str, is_meant: IsMeant | None = None) -> int:
        """Erase all people of a workspace, or of an Enterprise organisation, and return how many there were.

        `is_meant` leaves out some. StoreError, the first of them, once everybody's turn has come: doing it again is
        harmless.
        """
        everybody = await self._accounts.people_of_workspace(workspace)
        people = [person for person in everybody if is_meant is None or is_meant(person)]
        reference = new_reference()
        await self._forget_all(people, reference, why)
        log.info("workspace forgotten", workspace=workspace, people=len(people), reference=reference)
        return len(people)

    async def _forget_all(self, people: Sequence[SlackUser], reference: str, why: str) -> list[Unlinked]:
        gone = _Gone()
        try:
            for person in people:
                try:
                    await self._erase(gone, Asker(person, reference), why)
                except StoreError as error:
                    gone.failed(error)
        finally:
            told = await self._tell(gone)
        if gone.failure:
            raise gone.failure
        return told

    async def _meant(self, slack_user: SlackUser, vault_name: str | None, *, every: bool) -> list[str]:
        """Return the hosts of the links that are to go, at least one."""
        linked = await self._accounts.hosts_of(slack_user)
        if every and linked:
            return linked
        if vault_name:
            host = vault_name if vault_name in linked else self._vaults.named(vault_name).host
        else:
            host = await self._default_of(slack_user, linked)
        if host not in linked:
            raise NotLinked(vault=self._name_of(host))
        return [host]

    async def _empty_home(self, slack_user: SlackUser) -> None:
        """Let the person's home show nothing any more of what is unlinked. That is gone all the same, so a failure
        is only logged."""
        if self._homes is None:
            return
        try:
            left = await self._accounts.hosts_of(slack_user)
            await self._homes.unlinked(slack_user, entirely=not left)
        except StoreError as error:
            log.warning("a home is not redrawn", error=type(error).__name__)

    async def _default_of(self, slack_user: SlackUser, linked: list[str]) -> str:
        """Return the host that answers the person when no Vault is named."""
        try:
            accounts = await self._accounts.find(slack_user)
        except (SealBroken, KeyMissing):
            accounts = []
        if served := default_first(self._vaults, accounts):
            return served[0].vault_host
        hosts = [vault.host for vault in self._vaults.all]
        return next((host for host in [*hosts, *linked] if host in linked), hosts[0])

    async def _erase(self, gone: _Gone, asker: Asker, why: str) -> None:
        hosts = await self._accounts.hosts_of(asker.slack_user)
        for host in hosts:
            await self._remove(gone, asker, host, Action.FORGET, why)
        tickets = await self._tickets.forget(asker.slack_user)
        await self._watches.forget_preferences(asker.slack_user)
        if self._homes is not None:
            await self._homes.forget(asker.slack_user)
        if tickets and not hosts:
            async with self._auditing.recording(Action.FORGET, asker, note=why):
                pass
        if tickets or hosts:
            log.info("person forgotten", accounts=len(hosts), tickets=tickets, reference=asker.reference)

    async def _remove(self, gone: _Gone, asker: Asker, host: str, action: Action, note: str = "") -> None:
        # A removal cannot be taken back when its audit row fails; the failure is told, and asking again is harmless.
        try:
            async with self._auditing.recording(action, asker, vault_host=host, note=note) as record:
                held = [
                    watch
                    for watch in await self._watches.of_account(asker.slack_user, host)
                    if watch.failsafe or (watch.target is Target.CARD and not watch.told.muted)
                ]
                removed = await self._accounts.remove(asker.slack_user, host)
                gone.links.append((host, removed))
                gone.held += [(watch, removed.account) for watch in held]
                if removed.account is not None:
                    record.acted_as(host, removed.account.identity)
        except StoreError as error:
            gone.failed(error)

    async def _tell(self, gone: _Gone) -> list[Unlinked]:
        """Tell Vault, and then Slack, of all that is gone, whether or not it could be written down."""
        limit = asyncio.Semaphore(MOST_AT_ONCE)

        async def told(host: str, removed: Removed) -> Unlinked:
            async with limit:
                return await self._told(host, removed)

        unlinked = await asyncio.gather(*(told(host, removed) for host, removed in gone.links))
        for watch, _ in gone.held:
            if watch.failsafe is not None and self._release is not None:
                await _tried(self._release(watch))
        try:
            async with asyncio.timeout(FAREWELL_SECONDS):
                for watch, account in gone.held:
                    if watch.target is Target.CARD and account is not None and self._farewell is not None:
                        await _tried(self._farewell(watch, account))
        except TimeoutError:
            # The links are gone, and the person is not to wait for Slack: each card says as of when it is true.
            log.warning("not every live card was drawn a last time")
        return unlinked

    async def _told(self, host: str, removed: Removed) -> Unlinked:
        """End the Vault session of a link that is removed."""
        account = removed.account
        ended = account is not None and await end_link(self._client, self._vaults, account)
        return Unlinked(
            vault_name=self._name_of(host), method=account.method if account else None, session_ended=ended
        )

    def _name_of(self, host: str) -> str:
        vault = self._vaults.at(host)
        return vault.name if vault else host


async def _tried(farewell: Awaitable[None]) -> None:
    """What Slack holds is a plain sentence about an upload of theirs, and comes to them alone or where they put it."""
    try:
        await farewell
    except BotError as error:
        log.warning("Slack did not take leave of a watch", error=type(error).__name__)
