"""Upload sessions and their parts, as file staging keeps them."""

import hashlib
import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.demo.vault.envelope import JsonObject, moment, no_more_bytes
from bot.demo.vault.users import User

MEBIBYTE = 1024 * 1024
SMALLEST_PART = 5 * MEBIBYTE
LARGEST_PART = 50 * MEBIBYTE
MOST_PARTS = 2000


@dataclass(kw_only=True, slots=True)
class Part:
    """One numbered piece (facts §2.2)."""

    number: int
    size: int
    md5: str | None = None
    """Of the real bytes; None for a part that only the demo's controls have sent."""


@dataclass(kw_only=True, slots=True)
class Flow:
    """An upload that runs by itself: its next parts arrive at a steady speed."""

    since: datetime
    bytes_per_second: float
    sent_before: int


@dataclass(kw_only=True, eq=False)
class Upload:
    """A resumable upload session in progress (facts §2.2)."""

    id: str
    owner: User
    path: str
    """Full path from the staging root, as an Admin sees it (facts §2.6)."""
    size: int
    created: datetime
    expires: datetime
    overwrite: bool = False
    part_size: int = SMALLEST_PART
    """What the demo's controls send as one part."""
    path_as_given: bool = False
    """The path is shown to everyone as it stands: the documentation allows both (facts §8)."""
    old_style: bool = False
    """Shown without `name` and `overwrite`, as in older answers (facts §2.2)."""
    parts: list[Part] = field(default_factory=list, repr=False)
    uploaded: int = 0
    last_uploaded: datetime = field(init=False)
    flow: Flow | None = None

    def __post_init__(self) -> None:
        self.last_uploaded = self.created

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.rpartition("/")[2]

    def path_for(self, viewer: User) -> str:
        """From the viewer's own directory, or from the staging root for an Admin (facts §0.3, §2.6)."""
        if self.path_as_given:
            return self.path
        return shown_path(self.path, viewer)

    def record(self, viewer: User, *, brief: bool = False) -> JsonObject:
        """The session object as this viewer gets it (facts §2.2, E2, E3)."""
        record: JsonObject = {
            "path": self.path_for(viewer),
            "name": self.name,
            "id": self.id,
            "expiration_date": moment(self.expires),
            "created_date": moment(self.created),
            "last_uploaded_date": moment(self.last_uploaded),
            "owner": self.owner.id,
            "uploaded_parts": len(self.parts),
            "size": self.size,
            "uploaded": self.uploaded,
            "overwrite": self.overwrite,
        }
        if brief or self.old_style:
            del record["name"], record["overwrite"]
        return record

    def part_record(self, part: Part) -> JsonObject:
        """One entry of the parts list (facts E8)."""
        made_up = f"{self.id}/{part.number}/{part.size}".encode()
        md5 = part.md5 or hashlib.md5(made_up, usedforsecurity=False).hexdigest()
        return {"size": part.size, "part_number": part.number, "part_content_md5": md5}

    def put_part(self, number: int, size: int, at: datetime, md5: str | None = None) -> Part:
        """Take the next part, or one in place of another with its number (facts §2.3, §7.1.5)."""
        if not 1 <= number <= len(self.parts) + 1:
            raise no_more_bytes()
        replaced = self.parts[number - 1].size if number <= len(self.parts) else 0
        if size < 1 or self.uploaded - replaced + size > self.size:
            raise no_more_bytes()
        part = Part(number=number, size=size, md5=md5)
        self.parts[number - 1 : number] = [part]
        self.uploaded += size - replaced
        self.last_uploaded = at
        return part

    def next_part_size(self) -> int:
        """What the demo's controls send next; 0 when every byte is there."""
        return min(self.part_size, self.size - self.uploaded)

    def let_run(self, bytes_per_second: float, now: datetime) -> None:
        """From now on parts arrive by themselves."""
        self.flow = Flow(since=now, bytes_per_second=bytes_per_second, sent_before=self.uploaded)

    def settle(self, now: datetime) -> None:
        """Let the parts arrive that were due by `now`; nothing arrives after the expiration."""
        flow = self.flow
        if flow is None:
            return
        until = min(now, self.expires)
        while size := self.next_part_size():
            seconds = (self.uploaded + size - flow.sent_before) / flow.bytes_per_second
            arrival = flow.since + timedelta(seconds=seconds)
            if arrival > until:
                return
            self.put_part(len(self.parts) + 1, size, arrival)
        self.flow = None


def fitting_part_size(size: int) -> int:
    """The smallest usual part size with which a file fits into the most parts allowed (facts §2.3)."""
    wanted = math.ceil(size / MOST_PARTS / SMALLEST_PART) * SMALLEST_PART
    return max(SMALLEST_PART, wanted)


def full_path(path: str, user: User) -> str:
    """A path as this person gives it, from the staging root (facts §2.6)."""
    rooted = "/" + path.strip("/")
    if user.is_admin:
        return rooted
    return user.home if rooted == "/" else user.home + rooted


def shown_path(path: str, viewer: User) -> str:
    """A path from the staging root, as this person sees it (facts §0.3)."""
    return path if viewer.is_admin else path.removeprefix(viewer.home)
