"""A request that Slack signed counts once."""

import hashlib

import pytest

from bot.web import replays
from bot.web.replays import PERIOD, WINDOW, Replays


def signature(number: int) -> str:
    return f"v0={hashlib.sha256(str(number).encode()).hexdigest()}"


def test_request__counts_once() -> None:
    seen = Replays()
    assert seen.is_new(signature(1), 1000.0)
    assert not seen.is_new(signature(1), 1000.0)
    assert seen.is_new(signature(2), 1000.0)


def test_request__is_known_for_as_long_as_its_signature_is_good() -> None:
    """However many others come meanwhile, and however they lie in time."""
    seen = Replays()
    now = 1000.0
    assert seen.is_new(signature(0), now)
    for number in range(1, int(WINDOW) // 7):
        now += 7
        assert seen.is_new(signature(number), now)
    assert now <= 1000 + WINDOW
    assert not seen.is_new(signature(0), now)


def test_request__is_forgotten_in_the_end() -> None:
    seen = Replays()
    assert seen.is_new(signature(0), 0.0)
    for number in range(1, 2 * int(WINDOW / PERIOD) + 2):
        assert seen.is_new(signature(number), number * PERIOD)
    assert sum(map(len, seen._seen)) <= int(WINDOW / PERIOD) + 1
    assert seen.is_new(signature(0), (2 * WINDOW / PERIOD + 2) * PERIOD)


def test_request__that_slack_shall_send_again() -> None:
    seen = Replays()
    assert seen.is_new(signature(1), 0.0)
    seen.forget(signature(1))
    assert seen.is_new(signature(1), PERIOD)
    seen.forget(signature(2))


def test_request__of_too_many_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replays, "MOST_REMEMBERED", 10)
    seen = Replays()
    for number in range(40):
        assert seen.is_new(signature(number), number * PERIOD / 4)
        assert sum(map(len, seen._seen)) <= 10
    assert not seen.is_new(signature(39), 10 * PERIOD)
