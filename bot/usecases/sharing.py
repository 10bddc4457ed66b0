"""Showing an upload to others: a person's own choice, written down before anybody sees it."""

from bot.model.accounts import Asker
from bot.model.audit import Action
from bot.model.pasting import Pasted
from bot.model.statuses import UploadStatus
from bot.usecases.auditing import Auditing
from bot.usecases.upload_status import UploadStatuses


class Sharing:
    """Reads what is to be shared, with the rights of whoever shares it."""

    def __init__(self, *, statuses: UploadStatuses, auditing: Auditing) -> None:
        self._statuses = statuses
        self._auditing = auditing

    async def read(self, asker: Asker, pasted: Pasted, channel_id: str) -> UploadStatus:
        """Return the upload's status, once it is written down who shows it where. A look-up's errors, StoreError."""
        async with self._auditing.recording(
            Action.SHARE, asker, upload_id=pasted.upload_id, note=channel_id
        ) as record:
            status = await self._statuses.look_up(asker, pasted)
            record.acted_as(status.vault.host, status.account.identity)
            record.saw(status.upload)
        return status

    async def taken_back(self, asker: Asker, vault_host: str, upload_id: str, channel_id: str) -> None:
        """Write down that a person takes back what they showed there. StoreError."""
        note = f"taken back from {channel_id}"
        async with self._auditing.recording(
            Action.SHARE, asker, vault_host=vault_host, upload_id=upload_id, note=note
        ):
            pass
