"""Room for so many at once, and what the log says of those who find none."""

import asyncio

import pytest
from structlog.testing import capture_logs

from bot.slack import room
from bot.slack.room import Room, SharedRoom


def test_room__takes_as_many_as_it_has_places() -> None:
    one = Room("answers", 2)
    assert [one.enter() for _ in range(3)] == [True, True, False]
    assert one.is_full
    one.leave()
    assert (one.count, one.is_full) == (1, False)
    assert one.enter()


def test_shared_room__is_anybodys_up_to_its_half() -> None:
    one = SharedRoom("answers", 6, 2)
    assert [one.enter_as("alice") for _ in range(5)] == [True] * 4 + [False]
    assert not one.has_place("alice")
    assert [one.enter_as("bob") for _ in range(3)] == [True, True, False]
    assert (one.count, one.is_full, one.has_place("carol")) == (6, True, False)


def test_shared_room__keeps_nothing_of_who_has_left() -> None:
    one = SharedRoom("answers", 6, 2)
    for guest in ("alice", "alice", "alice", "alice", "bob"):
        assert one.enter_as(guest)
    for left in ("alice", "alice"):
        one.leave_as(left)
    assert [one.enter_as("alice") for _ in range(2)] == [True, False]
    for left in ("alice", "alice", "alice", "bob"):
        one.leave_as(left)
    assert (one.count, one._held) == (0, {})


async def test_turn_away__is_told_once_a_period(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first at once; those of a period together at its end; and then nothing until the next one comes."""
    monkeypatch.setattr(room, "PERIOD", 0.01)
    one = Room("answers", 7)
    with capture_logs() as lines:
        for _ in range(5):
            one.turn_away()
        assert [line["turned_away"] for line in lines] == [1]
        while one._summary._timer is not None:  # noqa: ASYNC110 - the room tells nobody that it has nothing more to tell
            await asyncio.sleep(0.001)
        assert [line["turned_away"] for line in lines] == [1, 4]
        one.turn_away()
    assert [(line["what"], line["most"], line["turned_away"], line["log_level"]) for line in lines] == [
        ("answers", 7, 1, "warning"),
        ("answers", 7, 4, "warning"),
        ("answers", 7, 1, "warning"),
    ]
    assert one.turned_away == 6
