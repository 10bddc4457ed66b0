"""Where an upload that stopped goes on: which part is next, from which byte, and how much is left.

Vault: "Resumable Upload Sessions": parts are numbered from 1, and one is taken only when all before it are there; a
number that is sent again overwrites its part. All parts but the last have the same size, 5 to 50 MB by default, and
by default there are at most 2,000. The part size stands in no session: it is what the parts themselves have.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bot.model.uploads import Part, UploadSession

MOST_PARTS = 2000
"""By default; Veeva can change it for a Vault, so it is a reason to warn and never one to refuse."""
MEBIBYTE = 1024 * 1024
USUAL_PART, LARGEST_PART = 25 * MEBIBYTE, 50 * MEBIBYTE
"""Suggested where no part is there yet: the usual one while the most parts are enough, else the largest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Resume:
    """How an upload goes on, as its parts tell. Sizes and offsets in bytes.

    `number` is the next part to send, with `length` bytes from `offset`; None where only the commit is missing.
    `again` says that it is there already, in a wrong size, so that it and all parts after it are to be sent again.
    `left` bytes in `parts_left` parts are still to be sent. `gaps` are the numbers that are missing before later ones,
    each from its first to its last; `odd` the parts that are not as large as they must be. `is_suggested` says that
    the part size may still be chosen. `counted` is what the parts add up to.
    """

    part_size: int
    is_suggested: bool
    parts_in_all: int
    number: int | None
    offset: int
    length: int
    left: int
    parts_left: int
    gaps: tuple[tuple[int, int], ...]
    odd: tuple[int, ...]
    again: bool
    counted: int
    has_moved: bool
    """The parts add up to something else than the session said a moment before: bytes are arriving."""

    @property
    def only_commit(self) -> bool:
        """Whether every byte is there."""
        return self.number is None

    @property
    def too_many_parts(self) -> bool:
        """Whether it takes more parts than a Vault allows by default."""
        return self.parts_in_all > MOST_PARTS


def resume_of(upload: UploadSession, parts: Sequence[Part]) -> Resume:
    """Return how the upload goes on from these parts, which were read at about the same time."""
    by_number = {part.number: part for part in parts}
    numbered = [by_number[number] for number in sorted(by_number)]
    usual = _usual_size(numbered)
    part_size = usual or _suggested_size(upload.size)
    plan = _Plan(upload.size, part_size)
    gaps = _gaps([part.number for part in numbered if part.number >= 1], plan.parts)
    odd = tuple(part.number for part in numbered if part.size != plan.length_of(part.number))
    counted = sum(part.size for part in numbered)
    number: int | None = None
    offset, left, parts_left, again = upload.size, 0, 0, False
    if not numbered or counted < upload.size:
        missing = [*gaps, *_end(numbered, plan.parts)]
        # What follows a part of a wrong size may have been cut from another place of the file.
        first_odd = min((one for one in odd if 1 <= one <= plan.parts), default=plan.parts + 1)
        to_send = [(first, min(last, first_odd - 1)) for first, last in missing if first < first_odd]
        if first_odd <= plan.parts:
            to_send.append((first_odd, plan.parts))
        number = to_send[0][0]
        again = number == first_odd
        offset = plan.offset_of(number)
        left = sum(plan.bytes_of(first, last) for first, last in to_send)
        parts_left = sum(last - first + 1 for first, last in to_send)
    return Resume(
        part_size=part_size,
        is_suggested=usual is None,
        parts_in_all=plan.parts,
        number=number,
        offset=offset,
        length=plan.length_of(number) if number else 0,
        left=left,
        parts_left=parts_left,
        gaps=gaps,
        odd=odd,
        again=again,
        counted=counted,
        has_moved=counted != upload.uploaded,
    )


@dataclass(frozen=True, slots=True)
class _Plan:
    """A file cut into parts of one size, the last of them perhaps smaller. An empty file is one empty part."""

    size: int
    part_size: int

    @property
    def parts(self) -> int:
        return max(-(-self.size // self.part_size), 1)

    def offset_of(self, number: int) -> int:
        return (number - 1) * self.part_size

    def length_of(self, number: int) -> int:
        """Bytes that this part must have; 0 where the plan has no such part."""
        return self.bytes_of(number, number) if 1 <= number <= self.parts else 0

    def bytes_of(self, first: int, last: int) -> int:
        return min(last * self.part_size, self.size) - self.offset_of(first)


def _usual_size(parts: Sequence[Part]) -> int | None:
    """The size that most parts have; None where none has any. The last one is asked only if it is the only one."""
    sizes = Counter(part.size for part in parts[:-1] or parts if part.size > 0)
    return max(sizes, key=lambda size: sizes[size]) if sizes else None


def _suggested_size(size: int) -> int:
    if size <= 0:
        return USUAL_PART
    return min(size, USUAL_PART if size <= USUAL_PART * MOST_PARTS else LARGEST_PART)


def _gaps(numbers: Sequence[int], most: int) -> tuple[tuple[int, int], ...]:
    """What is missing before numbers that are there."""
    found, before = [], 0
    for number in numbers:
        first, last = before + 1, min(number - 1, most)
        if first <= last:
            found.append((first, last))
        before = number
    return tuple(found)


def _end(parts: Sequence[Part], most: int) -> list[tuple[int, int]]:
    """What is missing after the last number that is there."""
    last = parts[-1].number if parts else 0
    return [(max(last, 0) + 1, most)] if last < most else []
