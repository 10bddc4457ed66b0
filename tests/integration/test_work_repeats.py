"""What Slack sends again, and what must not be lost when the database or the room is in the way for a moment."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from bot.model.accounts import SlackUser
from bot.model.errors import StoreUnavailable
from bot.slack import rooms
from bot.slack.blocks.kit import Message
from bot.slack.calls import Call, Event, ReplyTo, SlackHome
from bot.slack.work import Work
from bot.store.database import Database
from bot.store.once import Once
from tests.factories import NOW

HOME = SlackHome(None, "T1")


def asked(person: str, once: str = "") -> Call:
    user = SlackUser("T1", person, "T1")
    return Call(kind="mention", slack_user=user, home=HOME, reply_to=ReplyTo(slack_user=user), once=once)


@dataclass
class Answers:
    """What was begun to be answered; each waits for the gate."""

    given: list[str] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, call: Call) -> Message | None:
        self.given.append(call.slack_user.user_id)
        self.begun.set()
        await self.gate.wait()
        return None


class Troubled(Once):
    """A database that fails so many times, and does something first each time it is asked."""

    def __init__(self, db: Database, failures: int = 0) -> None:
        super().__init__(db, lambda: NOW)
        self.failures = failures
        self.meanwhile: Any = None

    async def first(self, key: str, kept_for: Any) -> bool:
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable(reason="it was restarted")
        found = await super().first(key, kept_for)
        if self.meanwhile:
            self.meanwhile()
        return found


class Belonging:
    """Everybody is at home where they ask."""

    async def of(self, _: SlackHome) -> None:
        return None

    async def is_member(self, *_: object, **__: object) -> bool:
        return True


@pytest.fixture
async def works() -> AsyncIterator[list[Work]]:
    made = list[Work]()
    yield made
    for work in made:
        await work.drain(0)


def working(once: Once, works: list[Work]) -> Work:
    nobody = cast("Any", None)
    belonging = cast("Any", Belonging())
    work = Work(
        replies=nobody,
        failures=nobody,
        installed=belonging,
        people=belonging,
        auditing=nobody,
        views=nobody,
        once=once,
    )
    works.append(work)
    return work


async def test_repeat__that_finds_the_last_place_taken_meanwhile_counts_when_it_comes_once_more(
    db: Database, works: list[Work], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms, "MOST_ANSWERS", 1)
    monkeypatch.setattr(rooms, "MOST_REFUSALS", 0)
    once, answers = Troubled(db), Answers()
    work = working(once, works)
    once.meanwhile = lambda: work.start(asked("U2"), answers.answer)
    assert not await work.start_repeat(asked("U1", "Ev1"), answers.answer)
    once.meanwhile = None
    answers.gate.set()
    await work.drain(60)
    assert answers.given == ["U2"]
    assert await work.start_repeat(asked("U1", "Ev1"), answers.answer)
    await work.drain(60)
    assert answers.given == ["U2", "U1"]
    assert await work.start_repeat(asked("U1", "Ev1"), answers.answer)
    await work.drain(60)
    assert answers.given == ["U2", "U1"], "it is answered, so it is only acknowledged"


async def test_repeat__stays_with_slack_while_the_database_is_down(db: Database, works: list[Work]) -> None:
    answers = Answers()
    answers.gate.set()
    work = working(Troubled(db, failures=1), works)
    assert not await work.start_repeat(asked("U1", "Ev1"), answers.answer)
    assert await work.start_repeat(asked("U1", "Ev1"), answers.answer)
    await work.drain(60)
    assert answers.given == ["U1"]


async def test_event__survives_a_moment_without_the_database_and_is_done_once(
    db: Database, works: list[Work]
) -> None:
    """Slack has its ack, and will not send it again."""
    done = list[str]()
    tries = iter([StoreUnavailable(reason="it was restarted"), None])

    async def act(event: Event) -> None:
        done.append(event.kind)
        if trouble := next(tries, None):
            raise trouble

    work = working(Troubled(db, failures=1), works)
    shared = Event(
        kind="link_shared", home=HOME, slack_user=SlackUser("T1", "U1", "T1"), content={}, once="Ev1"
    )
    assert work.do(shared, act, once=True)
    await work.drain(60)
    assert done == ["link_shared", "link_shared"], "tried again, since it is noted only once"
    assert work.do(shared, act, once=True)
    await work.drain(60)
    assert len(done) == 2


async def test_drain__that_is_cancelled_cancels_what_runs(db: Database, works: list[Work]) -> None:
    """Whoever asks twice does not want to wait, and what the answers need is closed next."""
    answers = Answers()
    work = working(Troubled(db), works)
    assert work.start(asked("U1"), answers.answer)
    async with asyncio.timeout(60):
        await answers.begun.wait()
    draining = asyncio.create_task(work.drain(600))
    await asyncio.sleep(0)
    draining.cancel()
    with pytest.raises(asyncio.CancelledError):
        await draining
    assert work.count == 0
