"""A fresh look at one upload for a reminder that is due, or why there is none."""

import asyncio
from dataclasses import dataclass

import structlog

from bot.model.accounts import Asker
from bot.model.errors import (
    KeyMissing,
    LinkEnded,
    NoStagingAccess,
    NotFoundInVault,
    NotLinked,
    OutOfTime,
    SealBroken,
    UnknownVault,
    VaultError,
)
from bot.model.reminders import Trouble
from bot.model.uploads import UploadSession
from bot.model.watches import Watch
from bot.usecases.acting import Acting, Person
from bot.vault.client import VaultClient

log = structlog.get_logger()

LOOK_SECONDS = 6.0
"""A reminder that is due does not wait longer for Vault; it comes with the numbers of the last look."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What Vault says now, or why it is not asked."""

    person: Person | None = None
    upload: UploadSession | None = None
    trouble: Trouble | None = None

    @property
    def is_gone(self) -> bool:
        """Whether Vault answered that there is no such upload."""
        return self.upload is None and self.trouble is None


class Looking:
    """Looks as the owner of a watch, and raises nothing of Vault's."""

    def __init__(self, *, acting: Acting, client: VaultClient) -> None:
        self._acting = acting
        self._client = client

    async def at(self, watch: Watch, asker: Asker) -> Look:
        """Return what Vault says of the watched upload now. StoreError."""
        try:
            person = await self._acting.person(asker, watch.vault_host)
        except (NotLinked, UnknownVault, SealBroken, KeyMissing):
            return Look(trouble=Trouble.LINK_ENDED)
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                upload = await self._acting.ask(
                    person, lambda access: self._client.upload(access, watch.upload_id), unasked=True
                )
        except NotFoundInVault:
            return Look(person=person)
        except (LinkEnded, NoStagingAccess):
            return Look(trouble=Trouble.LINK_ENDED)
        except (VaultError, OutOfTime, TimeoutError) as error:
            log.info("a reminder comes without a fresh look", error=type(error).__name__)
            return Look(person=person, trouble=Trouble.VAULT_DOWN)
        return Look(person=person, upload=upload)
