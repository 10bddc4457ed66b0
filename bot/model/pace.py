"""How the pace of an upload changed, as one person's looks found it."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.model.watches import Sample

MOST_STRETCHES = 12
STEPS = tuple(
    timedelta(minutes=minutes) for minutes in (5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10080)
)
SHORTEST = timedelta(minutes=5)
"""Less than this says more about one part than about the upload."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """Some time of an upload's life, and how many bytes came in it."""

    begins: datetime
    ends: datetime
    came: int

    @property
    def pace(self) -> float:
        """Bytes per second."""
        return self.came / (self.ends - self.begins).total_seconds()


def stretches(samples: Sequence[Sample], last: Sample) -> list[Stretch]:
    """Return at most twelve stretches from the first sample to `last`, the oldest first; none where too little is
    known. All but the first are of the same length.

    Between two samples bytes are taken to have come evenly. What was overwritten by less counts as nothing.
    """
    known = [*sorted((one for one in samples if one.at < last.at), key=lambda one: one.at), last]
    span = last.at - known[0].at
    if span < SHORTEST:
        return []
    step = next((one for one in STEPS if span <= one * MOST_STRETCHES), span / MOST_STRETCHES)
    edges = [last.at - step * count for count in range(MOST_STRETCHES, -1, -1)]
    edges = [known[0].at, *(edge for edge in edges if edge > known[0].at)]
    counts = [_uploaded(known, edge) for edge in edges]
    return [
        Stretch(begins=begins, ends=ends, came=max(after - before, 0))
        for begins, ends, before, after in zip(edges, edges[1:], counts, counts[1:], strict=False)
    ]


def _uploaded(known: Sequence[Sample], at: datetime) -> int:
    """How many bytes were there at that moment, which lies between the first sample and the last."""
    after = bisect_right(known, at, key=lambda one: one.at)
    if after == len(known):
        return known[-1].uploaded
    left, right = known[after - 1], known[after]
    return left.uploaded + int((right.uploaded - left.uploaded) * ((at - left.at) / (right.at - left.at)))
