"""What a live card is: when it shows something else, what is told below it, and where."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.model.live_cards import digest
from bot.model.outlook import news
from bot.model.reminders import Kind
from bot.model.uploads import UploadSession
from bot.model.watches import Over, Place, Snapshot, Target, Told, Topic, Watch
from tests.factories import HOUR, MINUTE, NOW, a_watch, an_upload

CARD = a_watch(
    target=Target.CARD,
    place=Place("C01TRIALS", "1.1"),
    lead_times=(),
    topics=frozenset({Topic.UNCOMMITTED, Topic.STALLED, Topic.ENDED}),
    announced_ts="1.1",
)


def seen(upload: UploadSession | None = None, at: timedelta = timedelta(0), **changes: Any) -> str:
    """The digest after a look so much later."""
    snapshot = Snapshot(upload=upload or an_upload(), read_at=NOW + at)
    return digest(replace(CARD, snapshot=snapshot, **changes), HOUR)


def test_digest__time_alone_changes_nothing() -> None:
    assert seen() == seen(at=30 * MINUTE)
    assert len(seen()) == 16


@pytest.mark.parametrize(
    "changed",
    [
        an_upload(uploaded=10485761),
        an_upload(uploaded_parts=3),
        an_upload(expires=an_upload().expires + MINUTE),
        an_upload(size=32862313),
    ],
)
def test_digest__changes_with_what_the_card_shows(changed: UploadSession) -> None:
    assert seen(changed) != seen()


def test_digest__changes_with_the_phase_and_with_its_end() -> None:
    assert seen(at=2 * HOUR) != seen()
    assert seen(told=Told(over=Over.UNLINKED)) != seen()
    assert digest(replace(CARD, snapshot=None), HOUR) == ""


def looks(watch: Watch, *states: UploadSession) -> list[Kind]:
    """All that is told while an upload goes through these states, one look an hour."""
    found: list[Kind] = []
    for number, upload in enumerate(states):
        now = NOW + number * HOUR
        kinds, told = news(watch, upload, (), now, HOUR)
        watch, found = replace(watch, told=told), [*found, *kinds]
    return found


def test_news__of_a_card_is_told_once_each() -> None:
    """A watch tells each time that it stalls and moves again."""
    still = an_upload(last_uploaded=NOW - 2 * HOUR)
    moves = [an_upload(last_uploaded=NOW + number * HOUR, uploaded=10485760 + number) for number in range(6)]
    there = replace(moves[4], uploaded=moves[4].size)
    states = (still, moves[1], still, moves[3], there, moves[5], there)
    assert looks(CARD, *states) == [Kind.STALLED, Kind.UNCOMMITTED]
    assert looks(a_watch(), *states)[:4] == [Kind.STALLED, Kind.MOVING, Kind.STALLED, Kind.MOVING]


def test_watch__a_card_speaks_below_itself_or_in_its_own_thread() -> None:
    assert replace(CARD, place=Place("D01ALICE"), announced_ts="2.2").thread_ts == "2.2"
    assert replace(CARD, place=Place("C01TRIALS", "1.1"), announced_ts="2.2").thread_ts == "1.1"
    assert a_watch(place=Place("C01TRIALS"), announced_ts="2.2").thread_ts == ""


def test_place__own_messages_are_read_by_their_owner_alone() -> None:
    """So that quiet hours hold there too, and nobody else is asked about them."""
    assert Place().is_direct
    assert Place("D01ALICE", "1.1").is_direct
    assert not Place("C01TRIALS").is_direct
    assert not Place("G01PRIVATE", "1.1").is_direct
