"""What comes after an abort was begun, also when the process that began it is no more: finding out what came of it,
telling the owner, and telling everybody who watches."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum, auto

import structlog

from bot.model.aborts import Abort, News, Told
from bot.model.accounts import Asker, SlackUser, Vaults
from bot.model.audit import Action, Outcome
from bot.model.clock import Clock, milliseconds_of
from bot.model.due import Again, Claimed
from bot.model.errors import (
    AbortUnsure,
    KeyMissing,
    LinkEnded,
    NoStagingAccess,
    NotAborted,
    NotFoundInVault,
    NotLinked,
    SealBroken,
    UnknownVault,
    UploadNotVisible,
    VaultError,
)
from bot.model.reminders import Kind
from bot.model.watches import Snapshot, Watch
from bot.store.accounts import Accounts
from bot.store.due_work import DueWork
from bot.store.seal import Keyring
from bot.store.watches import Watches
from bot.usecases import abort_jobs, watch_jobs
from bot.usecases.aborting import fill, owners_of
from bot.usecases.acting import Acting
from bot.usecases.auditing import Auditing, Record
from bot.usecases.endings import JOB_MAY_TAKE, Endings, may_be_committed
from bot.vault.client import VaultClient

log = structlog.get_logger()

LOOK_AGAIN = timedelta(minutes=1)
GIVE_UP = timedelta(days=1)
"""By then whoever aborted it has looked themselves."""

Tell = Callable[[Told], Awaitable[None]]
Work = Callable[[Claimed], Awaitable[Again | None]]


class _Found(Enum):
    """What became of the upload."""

    ABORTED = auto()
    STILL_THERE = auto()
    COMMITTED = auto()
    UNKNOWN = auto()
    NOT_YET = auto()
    """It is to be looked for once more."""


_ENDS = {
    _Found.ABORTED: (Outcome.DONE, "", News.DONE),
    _Found.STILL_THERE: (Outcome.FAILED, NotAborted.__name__, News.NOT_DONE),
    _Found.COMMITTED: (Outcome.REFUSED, UploadNotVisible.__name__, News.COMMITTED),
    _Found.UNKNOWN: (Outcome.FAILED, AbortUnsure.__name__, News.UNKNOWN),
}


class SettlingAborts:
    """The due work of kinds `abort` and `aborted`. `tell` sends a direct message; what it raises goes to the worker,
    who tries again."""

    def __init__(
        self,
        *,
        acting: Acting,
        client: VaultClient,
        accounts: Accounts,
        watches: Watches,
        due: DueWork,
        auditing: Auditing,
        keyring: Keyring,
        vaults: Vaults,
        tell: Tell,
        clock: Clock,
    ) -> None:
        self._acting = acting
        self._client = client
        self._endings = Endings(acting=acting, client=client)
        self._accounts = accounts
        self._watches = watches
        self._due = due
        self._auditing = auditing
        self._keyring = keyring
        self._vaults = vaults
        self._tell = tell
        self._clock = clock

    def kinds(self) -> Mapping[str, Work]:
        """Return what is done with each kind of job."""
        return {abort_jobs.SETTLE: self.settle, abort_jobs.TELL: self.tell}

    async def tell(self, job: Claimed) -> None:
        """Tell one person."""
        await self._tell(abort_jobs.told_in(job, self._vaults, self._keyring))

    async def settle(self, job: Claimed) -> Again | None:
        """See to it that everybody is told of an abort; first find out whether it was one, where nobody has said."""
        abort, is_done = abort_jobs.abort_in(job, self._keyring), abort_jobs.is_done(job)
        owners = await owners_of(self._accounts, abort)
        if not is_done:
            found = await self._find_out(abort, owners)
            if found is _Found.NOT_YET:
                return Again(due_at=self._clock() + LOOK_AGAIN, payload=job.payload)
            await self._write_down(abort, found)
            news = self._told(_ENDS[found][2], abort.by, abort, owners)
            await self._due.schedule([abort_jobs.telling(news, self._clock(), self._keyring)])
            if found is not _Found.ABORTED:
                return None
        told = [self._told(News.YOURS, owner, abort, owners) for owner in owners]
        now = self._clock()
        await self._due.schedule([abort_jobs.telling(one, now, self._keyring) for one in told])
        await self._tell_watchers(abort, now)
        return None

    def _told(self, news: News, to: SlackUser, abort: Abort, owners: list[SlackUser]) -> Told:
        return Told(
            news=news,
            to=to,
            abort=abort,
            vault_name=self._vaults.name_of(abort.vault_host),
            owners=tuple(owner.user_id for owner in owners),
        )

    async def _find_out(self, abort: Abort, owners: list[SlackUser]) -> _Found:
        """Look with the rights of who began it, or where their link has ended with the owner's. VaultError."""
        is_over = self._clock() - abort.at >= GIVE_UP
        try:
            for slack_user in (abort.by, *owners):
                found = await self._look(slack_user, abort)
                if found is not _Found.UNKNOWN:
                    return found
        except VaultError:
            if not is_over:
                raise
        return _Found.UNKNOWN if is_over else _Found.NOT_YET

    async def _look(self, slack_user: SlackUser, abort: Abort) -> _Found:
        """What became of it as this person sees it; UNKNOWN where they see nothing any more."""
        try:
            person = await self._acting.person(Asker(slack_user, abort.reference), abort.vault_host)
            try:
                await self._acting.ask(
                    person, lambda access: self._client.upload(access, abort.upload_id), unasked=True
                )
            except NotFoundInVault:
                if abort.upload is None:
                    return _Found.ABORTED
                snapshot = Snapshot(upload=abort.upload, read_at=abort.at)
                if await self._endings.how(person, snapshot, abort.at) is Kind.COMMITTED:
                    return _Found.COMMITTED
                is_early = self._clock() - abort.at < JOB_MAY_TAKE
                may_become_a_file = is_early and may_be_committed(snapshot, abort.at)
                return _Found.NOT_YET if may_become_a_file else _Found.ABORTED
        except (NotLinked, LinkEnded, UnknownVault, NoStagingAccess, SealBroken, KeyMissing):
            return _Found.UNKNOWN
        return _Found.STILL_THERE

    async def _write_down(self, abort: Abort, found: _Found) -> None:
        """The row after: it was not written when the abort ended, or could not say what came of it."""
        outcome, error, _ = _ENDS[found]
        record = Record(outcome=outcome, error=error)
        fill(record, abort)
        record.note = f"found out afterwards; {abort.reason}"
        await self._auditing.write(Action.ABORT, Asker(abort.by, abort.reference), record)
        log.info("an abort was found out about", outcome=outcome.value, reference=abort.reference)

    async def _tell_watchers(self, abort: Abort, now: datetime) -> None:
        """Let every watch over it tell its end now: each looks once more, with its own person's rights."""
        for watch in await self._watches.of_upload(abort.vault_host, abort.upload_id):
            found: Watch | None = watch
            while found is not None and not found.told.muted:
                ended = replace(found, told=replace(found.told, ended=True))
                job = watch_jobs.say(ended, watch_jobs.ENDED, now, since=milliseconds_of(now), aborted=1)
                if await self._watches.change(ended, jobs=[job]):
                    break
                found = await self._watches.get(watch.id)
