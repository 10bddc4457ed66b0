"""What the last hour says of an upload: its pace, whether it will make it, and when to look again."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.model.reminders import Kind
from bot.model.uploads import Phase, UploadSession
from bot.model.watches import Sample, Target, Told, Topic, Watch

PACE_WINDOW = timedelta(hours=1)
SHORTEST_WINDOW = timedelta(minutes=10)
"""Less than this says more about one part than about the upload."""
WILL_MISS = 0.05
WILL_MAKE = 0.10
"""Shares of the time left by which the forecast must be off before it is told, and good before it may be told
again: between the two nothing is said, so that it does not flap."""
LEAST_MARGIN = timedelta(minutes=5)

SOON = timedelta(hours=1)
FAR = timedelta(hours=24)
ABOUT_TO_END = timedelta(minutes=10)
FASTEST = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Outlook:
    """When the upload will have all its bytes at the pace of late, and by how much that is before its expiry."""

    ends: datetime
    spare: timedelta


def recent_pace(upload: UploadSession, samples: Sequence[Sample], now: datetime) -> float | None:
    """Return bytes per second over the last hour as sampled, else over the upload's life; None where unknown.

    It is counted up to the last part: parts come whole, and how long the next one may take is for the rule about
    stalled uploads to judge. 0 where too little came for any judgement.
    """
    window = [sample for sample in samples if now - sample.at <= PACE_WINDOW]
    if window:
        first = min(window, key=lambda sample: sample.at)
        if now - first.at >= SHORTEST_WINDOW:
            span = upload.last_uploaded - first.at
            came = max(upload.uploaded - first.uploaded, 0)
            return came / span.total_seconds() if span >= SHORTEST_WINDOW else 0.0
    return upload.pace


def outlook(upload: UploadSession, samples: Sequence[Sample], now: datetime) -> Outlook | None:
    """Return the forecast at the pace of late; None when all is there, over, or nothing moves."""
    pace = recent_pace(upload, samples, now)
    left = upload.time_left(now)
    if not pace or upload.all_bytes_there or left <= timedelta(0):
        return None
    seconds = min(upload.remaining / pace, timedelta(days=3650).total_seconds())
    ends = now + timedelta(seconds=seconds)
    return Outlook(ends=ends, spare=upload.expires - ends)


def news(
    watch: Watch, upload: UploadSession, samples: Sequence[Sample], now: datetime, stall_after: timedelta
) -> tuple[list[Kind], Told]:
    """Return what a look at a living upload gives to tell, and what will then have been told.

    Below a live card each thing is told once, since the card itself shows what comes and goes.
    """
    told, found = watch.told, list[Kind]()
    phase = upload.phase(now, stall_after)
    only_once = watch.target is Target.CARD
    if phase is Phase.UPLOADED and not told.uncommitted:
        found += [Kind.UNCOMMITTED] if watch.wants(Topic.UNCOMMITTED) else []
        told = replace(told, uncommitted=True)
    if phase is Phase.STALLED and not told.stalled:
        found += [Kind.STALLED] if watch.wants(Topic.STALLED) else []
        told = replace(told, stalled=True)
    if phase is Phase.UPLOADING and told.stalled and not only_once:
        found += [Kind.MOVING] if watch.wants(Topic.STALLED) else []
        told = replace(told, stalled=False)
    if phase in (Phase.UPLOADING, Phase.NOT_STARTED, Phase.STALLED) and not only_once:
        told = replace(told, uncommitted=False)
    if phase is Phase.UPLOADING:
        misses = _misses(outlook(upload, samples, now), upload.time_left(now))
        if misses and not told.forecast:
            found += [Kind.FORECAST] if watch.wants(Topic.FORECAST) else []
            told = replace(told, forecast=True)
        elif misses is False and told.forecast:
            told = replace(told, forecast=False)
    return found, told


def still_true(kind: Kind, phase: Phase) -> bool:
    """Whether what a look found is still so at the moment it is told."""
    if kind is Kind.UNCOMMITTED:
        return phase is Phase.UPLOADED
    if kind is Kind.STALLED:
        return phase is Phase.STALLED
    if kind in (Kind.MOVING, Kind.FORECAST):
        return phase is Phase.UPLOADING
    return True


def untold(told: Told, kind: Kind, phase: Phase) -> Told:
    """Return what has been told, without what a look found and is no longer so; other news is not touched."""
    if kind is Kind.UNCOMMITTED:
        return replace(told, uncommitted=False)
    if kind is Kind.FORECAST:
        return replace(told, forecast=False)
    return replace(told, stalled=phase is Phase.STALLED)


def told_by_a_lead_time(told: Told, phase: Phase) -> Told:
    """Return what has been told once a lead time has: what it says of the upload is no news for the next look."""
    return replace(
        told,
        uncommitted=told.uncommitted or phase is Phase.UPLOADED,
        stalled=told.stalled or phase is Phase.STALLED,
    )


def told_at_the_start(upload: UploadSession, now: datetime, stall_after: timedelta) -> Told:
    """Return what need not be told any more, since the answer to `watch` itself has said it."""
    phase = upload.phase(now, stall_after)
    return Told(uncommitted=phase is Phase.UPLOADED, stalled=phase is Phase.STALLED)


def _misses(seen: Outlook | None, left: timedelta) -> bool | None:
    """True: it will expire first. False: it will make it. None: too close to say, or unknown."""
    if seen is None:
        return None
    if seen.spare < -max(left * WILL_MISS, LEAST_MARGIN):
        return True
    return False if seen.spare > max(left * WILL_MAKE, LEAST_MARGIN) else None


def pause_before_next_look(
    uploads: Sequence[UploadSession], now: datetime, *, poll_every: timedelta, stall_after: timedelta
) -> timedelta:
    """Return how long to wait before the next list call for these uploads of one person in one Vault.

    `poll_every` is for uploads in their last hour. For those that move and have less than a day left it is half as
    long again, far from the expiry twice that, when nothing moves three times, and shortly before the last byte less
    than half: lead times read their numbers themselves, so only news comes with a look. Never below 30 seconds, or
    `poll_every` itself where the operator wants it shorter still.
    """
    pauses = [_pause(upload, now, poll_every, stall_after) for upload in uploads if upload.expires > now]
    shortest = min(pauses, default=poll_every * 3)
    return max(shortest, min(FASTEST, poll_every))


def _pause(upload: UploadSession, now: datetime, poll_every: timedelta, stall_after: timedelta) -> timedelta:
    left = upload.time_left(now)
    moves = upload.phase(now, stall_after) is Phase.UPLOADING
    seen = outlook(upload, (), now) if moves else None
    if seen is not None and seen.ends - now <= ABOUT_TO_END:
        return poll_every * 0.4
    if left <= SOON:
        return poll_every
    if moves:
        quiet_for = now - upload.last_uploaded
        usual = poll_every * (1.5 if left <= FAR else 2)
        # Looked at again when it would count as stalled, so that this is told on time.
        return (
            min(usual, max(stall_after - quiet_for, poll_every * 0.4)) if quiet_for < stall_after else usual
        )
    return poll_every * 3
