"""Upload sessions of Vault's file staging: what their numbers mean at a given moment.

Source of the fields and limits: Vault REST API, "Resumable Upload Sessions". A session carries no state field;
its phase is derived here and nowhere else.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.model.clock import aware


class Phase(StrEnum):
    """What people call the state of an upload session. The words are public (contract, section 7)."""

    NOT_STARTED = "Not started"
    UPLOADING = "Uploading"
    STALLED = "Stalled"
    UPLOADED = "Uploaded, not committed"
    EXPIRED = "Expired"


NO_LONGER_ACTIVE = "No longer active"
"""Of an upload session that Vault no longer shows: committed, aborted and expired look alike from outside."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UploadSession:
    """One resumable upload as Vault reported it. Sizes in bytes, moments in aware UTC.

    `path` is as the viewer's Vault session sees it: an Admin's begins at the staging root, anyone else's at
    their own directory. `owner` is a Vault user id. `last_uploaded` equals `created` until the first part.
    """

    id: str
    path: str
    name: str
    size: int
    uploaded: int
    uploaded_parts: int
    created: datetime
    expires: datetime
    last_uploaded: datetime
    owner: str
    overwrite: bool | None = None

    def __post_init__(self) -> None:
        for field in ("created", "expires", "last_uploaded"):
            object.__setattr__(self, field, aware(getattr(self, field)))

    @property
    def remaining(self) -> int:
        """Bytes still to come; never negative."""
        return max(self.size - self.uploaded, 0)

    @property
    def nothing_there(self) -> bool:
        """Whether no part has come yet, so that `last_uploaded` is only when it was created."""
        return self.uploaded_parts == 0 and self.uploaded == 0

    @property
    def all_bytes_there(self) -> bool:
        """Whether only the commit is missing. An empty file counts once its (empty) part is there."""
        return self.uploaded >= self.size and (self.uploaded > 0 or self.uploaded_parts > 0)

    @property
    def percent(self) -> int:
        """Whole percent, floored; 100 only when every byte is there."""
        if self.all_bytes_there:
            return 100
        return min(max(self.uploaded, 0) * 100 // self.size, 99) if self.size > 0 else 0

    @property
    def pace(self) -> float | None:
        """Average bytes per second from creation to the last part; None where it cannot be told."""
        seconds = (self.last_uploaded - self.created).total_seconds()
        return self.uploaded / seconds if seconds >= 1 and self.uploaded > 0 else None

    def phase(self, now: datetime, stall_after: timedelta) -> Phase:
        """The phase at `now`; Stalled when no part came for `stall_after`."""
        if now >= self.expires:
            return Phase.EXPIRED
        if self.all_bytes_there:
            return Phase.UPLOADED
        if self.nothing_there:
            return Phase.NOT_STARTED
        return Phase.STALLED if now - self.last_uploaded >= stall_after else Phase.UPLOADING

    def time_left(self, now: datetime) -> timedelta:
        """Time until Vault purges the session; negative afterwards."""
        return self.expires - now


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One numbered piece as Vault stored it; `size` in bytes, `md5` in hex (empty where Vault gave none)."""

    number: int
    size: int
    md5: str


@dataclass(frozen=True, kw_only=True, slots=True)
class StagedFile:
    """A whole file in file staging, as an upload becomes one when it is committed; `size` in bytes."""

    path: str
    name: str
    size: int
    modified: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """Whether the upload ends before it expires, if it goes on at its average pace.

    `spare` is the time between the forecast end and the expiration; negative when it will expire first.
    `needed` is the pace in bytes per second that would just do from now on.
    """

    spare: timedelta
    needed: float

    @property
    def in_time(self) -> bool:
        """Whether the forecast end lies before the expiration."""
        return self.spare > timedelta(0)


LONGEST_FORECAST = timedelta(days=3650)


def forecast(upload: UploadSession, now: datetime) -> Forecast | None:
    """Return the forecast at `now`; None when nothing is to be forecast or no pace is known."""
    left = upload.time_left(now)
    pace = upload.pace
    if pace is None or upload.all_bytes_there or left <= timedelta(0):
        return None
    seconds = min(upload.remaining / pace, LONGEST_FORECAST.total_seconds())
    return Forecast(spare=left - timedelta(seconds=seconds), needed=upload.remaining / left.total_seconds())


SOON = timedelta(hours=4)


def urgency(upload: UploadSession, now: datetime, stall_after: timedelta) -> int:
    """How soon it needs a person, the most urgent lowest: about to expire, only the commit missing, not getting
    there by itself, all the rest, over."""
    phase = upload.phase(now, stall_after)
    if phase is Phase.EXPIRED:
        return 4
    if upload.time_left(now) < SOON:
        return 0
    if phase is Phase.UPLOADED:
        return 1
    seen = forecast(upload, now)
    return 2 if phase is Phase.STALLED or (seen is not None and not seen.in_time) else 3


def most_urgent_first(
    uploads: list[UploadSession], now: datetime, stall_after: timedelta
) -> list[UploadSession]:
    """Sort by urgency, then by expiry. Vault promises no order of its own."""
    return sorted(uploads, key=lambda one: (urgency(one, now, stall_after), one.expires, one.name, one.id))
