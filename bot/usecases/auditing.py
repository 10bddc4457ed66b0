"""One audit row for each thing a person asks for, written before they get their answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bot.model.accounts import Asker, Heard, Identity
from bot.model.audit import Action, AuditEntry, Outcome
from bot.model.clock import Clock
from bot.model.errors import (
    AbortUnsure,
    BotError,
    NotAborted,
    StoreError,
    StoreUnavailable,
    VaultTemporary,
)
from bot.model.meters import NO_METERS, Meters
from bot.model.uploads import UploadSession
from bot.store.audit import AuditLog

WRITE_SECONDS = 5.0
_PASSING = (VaultTemporary, StoreError, NotAborted, AbortUnsure)


@dataclass(slots=True)
class Record:
    """What is learnt on the way; it becomes the row."""

    vault_host: str = ""
    vault_user_id: str = ""
    upload_id: str = ""
    note: str = ""
    file_name: str = ""
    path: str = ""
    error: str = ""
    error_type: str = ""
    outcome: Outcome = Outcome.DONE
    heard: Heard = field(default_factory=Heard)

    def acted_as(self, vault_host: str, identity: Identity) -> None:
        """Whose rights were used."""
        self.vault_host, self.vault_user_id = vault_host, identity.vault_user_id

    def saw(self, upload: UploadSession) -> None:
        """Which upload was shown."""
        self.upload_id, self.file_name, self.path = upload.id, upload.name, upload.path

    def failed(self, error: BaseException) -> None:
        """What went wrong, by our name for it and by Vault's code."""
        self.error = type(error).__name__
        details = error.details if isinstance(error, BotError) else {}
        self.error_type = str(details.get("error_type") or "")
        passing = not isinstance(error, BotError) or isinstance(error, _PASSING)
        self.outcome = Outcome.FAILED if passing else Outcome.REFUSED


class Auditing:
    """Writes the rows. What cannot be written down is not done: a failure to write replaces the answer."""

    def __init__(self, *, log: AuditLog, clock: Clock, with_paths: bool, meters: Meters = NO_METERS) -> None:
        self._log = log
        self._meters = meters
        self._clock = clock
        self._with_paths = with_paths

    @asynccontextmanager
    async def recording(
        self, action: Action, asker: Asker, *, vault_host: str = "", upload_id: str = "", note: str = ""
    ) -> AsyncIterator[Record]:
        """Yield a record to fill; at the end, good or bad, it is written. StoreError when it cannot be."""
        record = Record(vault_host=vault_host, upload_id=upload_id, note=note)
        try:
            yield record
        except BaseException as error:
            record.failed(error)
            await self._write_at_the_end(action, asker, record)
            raise
        await self.write(action, asker, record)

    async def write(self, action: Action, asker: Asker, record: Record) -> None:
        """Write one row; StoreError when it cannot be."""
        try:
            await self._log.write(self._entry(action, asker, record))
        except Exception:
            self._meters.audit_failed()
            raise

    def _entry(self, action: Action, asker: Asker, record: Record) -> AuditEntry:
        person = asker.slack_user
        return AuditEntry(
            at=self._clock(),
            action=action,
            outcome=record.outcome,
            reference=asker.reference,
            workspace=person.workspace,
            team_id=person.team_id,
            slack_user_id=person.user_id,
            vault_host=record.vault_host,
            vault_user_id=record.vault_user_id,
            upload_id=record.upload_id,
            error=record.error,
            error_type=record.error_type,
            execution_id=" ".join(record.heard.execution_ids[-5:]),
            note=record.note,
            file_name=record.file_name if self._with_paths else "",
            path=record.path if self._with_paths else "",
        )

    async def _write_at_the_end(self, action: Action, asker: Asker, record: Record) -> None:
        """Write what came to nothing, also when the time for the answer is over: in a task of its own, which a
        cancellation does not reach."""
        writing = asyncio.ensure_future(self.write(action, asker, record))
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                await asyncio.shield(writing)
        except TimeoutError:
            raise StoreUnavailable(reason="the audit row took too long") from None
