"""Aborting an upload: the one thing this program does that cannot be undone.

The order makes every crash harmless. First a job is stored that finds out what came of it (see `settling_aborts`), then
the audit log says that it is begun; only then is Vault asked, once. Whatever happens after that, the job tells the
owner and everybody watching, and what the audit log lacks it writes.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace

from bot.model.aborts import Abort, comparable
from bot.model.accounts import Asker, SlackUser
from bot.model.audit import Action, Outcome
from bot.model.clock import Clock
from bot.model.errors import (
    AbortOff,
    AbortUnsure,
    BotError,
    LinkEnded,
    NotAborted,
    NotFoundInVault,
    NotItsName,
    StoreError,
    UploadNotVisible,
    VaultAnswerStrange,
    VaultBusy,
    VaultConfiguring,
    VaultError,
    VaultNotReached,
    VaultTemporary,
)
from bot.model.pasting import Pasted
from bot.model.statuses import UploadStatus
from bot.store.accounts import Accounts
from bot.store.due_work import DueWork
from bot.store.seal import Keyring
from bot.usecases import abort_jobs
from bot.usecases.acting import Acting, Person
from bot.usecases.auditing import Auditing, Record
from bot.usecases.upload_status import UploadStatuses
from bot.vault.client import VaultClient

LOOK_SECONDS, LOOK_AGAIN_SECONDS = 5.0, 3.0
"""Before and after. With the abort itself (`vault.client.ABORT_SECONDS`) less than the budget of one answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Aborted:
    """An upload that is gone, as it was, and whom of its owner's that is told."""

    abort: Abort
    vault_name: str
    owners: tuple[str, ...]


class Aborting:
    """Discards uploads with the rights of whoever asks: Vault lets owners and Admins. `allowed` is the operator's word
    (ALLOW_ABORT), without which nothing is ever sent."""

    def __init__(
        self,
        *,
        statuses: UploadStatuses,
        acting: Acting,
        client: VaultClient,
        accounts: Accounts,
        due: DueWork,
        auditing: Auditing,
        keyring: Keyring,
        clock: Clock,
        allowed: bool,
    ) -> None:
        self._statuses = statuses
        self._acting = acting
        self._client = client
        self._accounts = accounts
        self._due = due
        self._auditing = auditing
        self._keyring = keyring
        self._clock = clock
        self._allowed = allowed

    async def before(self, asker: Asker, pasted: Pasted) -> UploadStatus:
        """Return what would be lost. AbortOff; a look-up's errors."""
        if not self._allowed:
            raise AbortOff
        return await self._statuses.look_up(asker, pasted)

    async def abort(
        self, asker: Asker, vault_host: str, upload_id: str, *, typed_name: str, reason: str
    ) -> Aborted:
        """Discard the upload, if the name is its own at this moment.

        AbortOff, NotItsName; a look-up's errors and those of one call to Vault, after which it is still there, as it
        is after NotAborted; AbortUnsure when that is not known yet.
        """
        if not self._allowed:
            raise AbortOff
        pasted = Pasted(upload_id=upload_id, vault=vault_host, others=(), changed=False)
        async with asyncio.timeout(LOOK_SECONDS):
            status = await self._statuses.look_up(asker, pasted)
        abort = self._of(asker, status, reason)
        if comparable(typed_name) != comparable(status.upload.name):
            async with self._auditing.recording(Action.ABORT, asker) as record:
                fill(record, abort)
                raise NotItsName
        owners = await owners_of(self._accounts, abort)
        person = await self._acting.person(asker, vault_host)
        await self._begin(asker, abort)
        await self._see_through(person, abort)
        return Aborted(
            abort=abort, vault_name=status.vault.name, owners=tuple(owner.user_id for owner in owners)
        )

    def _of(self, asker: Asker, status: UploadStatus, reason: str) -> Abort:
        return Abort(
            by=asker.slack_user,
            reference=asker.reference,
            vault_host=status.vault.host,
            vault_user_id=status.account.identity.vault_user_id,
            upload_id=status.upload.id,
            owner=status.upload.owner,
            at=self._clock(),
            upload=status.upload,
            reason=reason,
        )

    async def _begin(self, asker: Asker, abort: Abort) -> None:
        """Let somebody find out what came of it in any case, and write down that it is begun."""
        job = abort_jobs.settling(abort, self._clock(), self._keyring, is_done=False)
        await self._due.schedule([job])
        record = Record(outcome=Outcome.BEGUN)
        fill(record, abort)
        try:
            await self._auditing.write(Action.ABORT, asker, record)
        except StoreError:
            await self._call_off(abort)
            raise

    async def _see_through(self, person: Person, abort: Abort) -> None:
        try:
            async with self._auditing.recording(Action.ABORT, person.asker) as record:
                fill(record, abort)
                await self._ask_vault(replace(person, heard=record.heard), abort)
            done = abort_jobs.settling(abort, self._clock(), self._keyring, is_done=True)
            await self._due.schedule([done])
        except (AbortUnsure, StoreError) as error:
            # It may be done: the job that is there already finds out, and tells.
            raise AbortUnsure from error
        except BotError:
            await self._call_off(abort)
            raise

    async def _ask_vault(self, person: Person, abort: Abort) -> None:
        """Ask Vault, once. Where its answer is lost, a look at the upload tells what became of it."""
        try:
            await self._acting.ask(person, lambda access: self._client.abort(access, abort.upload_id))
        except NotFoundInVault:
            raise UploadNotVisible(upload_id=abort.upload_id) from None
        except (VaultNotReached, VaultBusy, VaultConfiguring):
            raise  # surely not done
        except (VaultTemporary, VaultAnswerStrange) as error:
            code = error.details.get("error_type")
            match await self._is_there(person, abort.upload_id):
                case True:
                    raise NotAborted(vault=person.vault.name, error_type=code) from error
                case None:
                    raise AbortUnsure(error_type=code) from error

    async def _is_there(self, person: Person, upload_id: str) -> bool | None:
        """Whether Vault still shows the upload; None when it does not say."""
        try:
            async with asyncio.timeout(LOOK_AGAIN_SECONDS):
                await self._acting.ask(person, lambda access: self._client.upload(access, upload_id))
        except NotFoundInVault:
            return False
        except (VaultError, LinkEnded, TimeoutError):
            return None
        return True

    async def _call_off(self, abort: Abort) -> None:
        # Where the database fails here, the job finds out that it is still there, and says so.
        with suppress(StoreError):
            await self._due.cancel([abort_jobs.settle_key(abort)])


async def owners_of(accounts: Accounts, abort: Abort) -> list[SlackUser]:
    """Return whom of the owner's is to be told: who is linked as them in the same Slack workspace, where an Admin
    aborted the upload. StoreError."""
    if abort.is_own:
        return []
    found = await accounts.people_as(abort.by.workspace, abort.vault_host, abort.owner)
    return [owner for owner in found if owner != abort.by]


def fill(record: Record, abort: Abort) -> None:
    """Write into an audit record what every row of an abort holds."""
    record.vault_host, record.vault_user_id = abort.vault_host, abort.vault_user_id
    record.upload_id, record.note = abort.upload_id, abort.reason
    if abort.upload is not None:
        record.saw(abort.upload)
