"""Live cards: messages that show an upload and are edited in place for as long as that changes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from bot.model.statuses import UploadStatus
from bot.model.watches import Over, Watch

EDIT_EVERY = timedelta(seconds=3)
"""Between two edits of one card, at least."""
EDITS_APART = timedelta(milliseconds=1500)
"""Between two edits in one workspace: 40 in a minute, where Slack takes 50 or more (docs, "Rate limits", tier 3)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveCard:
    """What a card is to show: the upload as it was read at `as_of`, and why it is kept up to date no more, if so.

    `message_ts` is where it stands in the watch's channel, empty where it is still to be posted.
    """

    watch: Watch
    status: UploadStatus
    as_of: datetime
    message_ts: str
    over: Over | None = None

    @property
    def is_final(self) -> bool:
        """Whether it is never drawn again."""
        return self.over not in (None, Over.UNLINKED, Over.UNREAD)


def digest(watch: Watch, stall_after: timedelta) -> str:
    """Return a short digest of what a card of the watch's snapshot shows, its moments aside: one that does not change
    needs no edit. Empty where there is no snapshot."""
    if watch.snapshot is None:
        return ""
    upload, read_at = watch.snapshot.upload, watch.snapshot.read_at
    shown = (
        upload.uploaded,
        upload.uploaded_parts,
        upload.size,
        upload.phase(read_at, stall_after),
        upload.expires.timestamp(),
        upload.last_uploaded.timestamp(),
        watch.told.over or "",
    )
    return sha256(repr(shown).encode()).hexdigest()[:16]
