"""All that Vault and the person's own watches know of one upload."""

import asyncio
from urllib.parse import quote

from bot.model.accounts import Asker
from bot.model.clock import Clock
from bot.model.details import Details
from bot.model.errors import (
    BotError,
    LinkEnded,
    NotFoundInVault,
    NotLinked,
    OutOfTime,
    UploadNotVisible,
    VaultError,
)
from bot.model.pace import stretches
from bot.model.pasting import Pasted
from bot.model.resume import resume_of
from bot.model.statuses import UploadStatus
from bot.model.uploads import Part
from bot.model.watches import Sample
from bot.store.watches import Watches
from bot.usecases.acting import Acting
from bot.usecases.upload_status import UploadStatuses
from bot.vault.client import VaultClient
from bot.vault.endpoints import Endpoint

READ_BY = 14.0
"""Seconds after which the parts are done without, counted from the beginning: all the rest is told then."""
AT_LEAST = 1.0
"""Seconds for the parts, however long the look-up took."""


class UploadDetails:
    """Reads Vault as the asking person and nobody else, and keeps nothing. `api_version` is Vault's, as `v24.3`."""

    def __init__(
        self,
        *,
        statuses: UploadStatuses,
        acting: Acting,
        client: VaultClient,
        watches: Watches,
        clock: Clock,
        api_version: str,
    ) -> None:
        self._statuses = statuses
        self._acting = acting
        self._client = client
        self._watches = watches
        self._clock = clock
        self._api_version = api_version

    async def look_up(self, asker: Asker, pasted: Pasted) -> Details:
        """Return the details: a look-up with its audit row, then the parts, and the pace from the person's own samples.

        Parts that cannot be read do not hide the rest. A look-up's errors, StoreError.
        """
        loop = asyncio.get_running_loop()
        started = loop.time()
        status = await self._statuses.look_up(asker, pasted)
        now, upload = self._clock(), status.upload
        parts = list[Part]()
        trouble: BotError | None = None
        try:
            async with asyncio.timeout_at(max(started + READ_BY, loop.time() + AT_LEAST)):
                parts = await self._parts(asker, status)
        except TimeoutError:
            trouble = OutOfTime()
        except NotFoundInVault:
            trouble = UploadNotVisible(upload_id=upload.id)
        except (VaultError, LinkEnded, NotLinked, OutOfTime) as error:
            trouble = error
        samples = await self._watches.samples(asker.slack_user, status.vault.host, upload.id)
        path = Endpoint.UPLOAD.path.format(
            version=self._api_version, upload_id=quote(upload.id, safe="", errors="replace")
        )
        return Details(
            status=status,
            parts=tuple(parts),
            trouble=trouble,
            resume=None if trouble else resume_of(upload, parts),
            pace=tuple(stretches(samples, Sample(at=now, uploaded=upload.uploaded))),
            address=status.vault.url.rstrip("/") + path,
        )

    async def _parts(self, asker: Asker, status: UploadStatus) -> list[Part]:
        """Read the parts with the account as it is now: the look-up may have renewed its credential."""
        person = await self._acting.person(asker, status.vault.name)
        return await self._acting.ask(person, lambda access: self._client.parts(access, status.upload.id))
