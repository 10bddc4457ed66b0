"""All that is known of one upload."""

from dataclasses import dataclass

from bot.model.errors import BotError
from bot.model.pace import Stretch
from bot.model.resume import Resume
from bot.model.statuses import UploadStatus
from bot.model.uploads import Part


@dataclass(frozen=True, kw_only=True, slots=True)
class Details:
    """One upload as its reader may see it, with its parts by number.

    `trouble` says why the parts are not known; there are none then, and no `resume`. `pace` is as the reader's own
    watches found it, empty where they have none. `address` is the upload session's own in Vault's API.
    """

    status: UploadStatus
    parts: tuple[Part, ...]
    trouble: BotError | None
    resume: Resume | None
    pace: tuple[Stretch, ...]
    address: str
