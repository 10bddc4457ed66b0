"""When live cards may be edited, by any number of processes on one database."""

from dataclasses import replace
from datetime import timedelta

from bot.model.due import Again, Claimed, Payload
from bot.model.live_cards import EDIT_EVERY, EDITS_APART
from bot.model.watches import Target, Told
from bot.store.database import Database
from bot.store.once import Once
from bot.usecases.card_pace import LATE_SLOTS, CardPace
from tests.databases import NOW
from tests.integration.due_steps import SetClock
from tests.integration.some_watches import a_watch

CARD = a_watch(target=Target.CARD)
ELSEWHERE = replace(CARD, owner=replace(CARD.owner, workspace="T2"))
MINUTE = timedelta(minutes=1)


def job(payload: Payload | None = None) -> Claimed:
    """The job of a card."""
    return Claimed(
        key="watch:1:edit", kind="card", due_at=NOW, payload=payload or {"w": "1"}, attempts=1, claim="c"
    )


def a_pace(db: Database, clock: SetClock) -> CardPace:
    """That of one process."""
    return CardPace(once=Once(db, clock), clock=clock)


async def test_wait__each_edit_in_a_workspace_has_a_turn_of_its_own(db: Database) -> None:
    """Whichever process it is made by; other workspaces are not concerned."""
    clock = SetClock()
    one, other = a_pace(db, clock), a_pace(db, clock)
    assert await one.wait(CARD, job()) is None
    waits = [await pace.wait(CARD, job()) for pace in (other, one, other, other, one)]
    moments = [again.due_at for again in waits if again]
    assert len(set(moments)) == 5
    assert min(moments) > NOW
    assert max(moments) <= NOW + 5 * EDITS_APART
    assert await one.wait(ELSEWHERE, job()) is None


async def test_wait__turn_comes_and_stands_for_a_little_while(db: Database) -> None:
    clock = SetClock()
    pace = a_pace(db, clock)
    await pace.wait(CARD, job())
    again = await pace.wait(CARD, job())
    assert again is not None
    # Run too early, it is for the same moment.
    assert await pace.wait(CARD, job(again.payload)) == again
    clock.now = again.due_at + LATE_SLOTS * EDITS_APART
    assert await pace.wait(CARD, job(again.payload)) is None
    await pace.wait(CARD, job())
    clock.now += (LATE_SLOTS + 2) * EDITS_APART
    await pace.wait(CARD, job())
    late = await pace.wait(CARD, job(again.payload))
    assert late is not None
    assert late.payload != again.payload


async def test_wait__fewer_than_fifty_edits_in_any_minute(db: Database) -> None:
    """Slack: chat.update is tier 3. A hundred cards that change at once are all drawn, one after another."""
    clock = SetClock()
    pace = a_pace(db, clock)
    waiting: list[Claimed] = [job() for _ in range(100)]
    begun = clock.now
    done: list[timedelta] = []
    while waiting:
        left = []
        for one in waiting:
            again = await pace.wait(CARD, one)
            if again is None:
                done.append(clock.now - begun)
            else:
                left.append(job(again.payload))
        waiting = left
        # A worker looks once in a second, and now and then later.
        clock.now += timedelta(seconds=8 if len(done) % 7 == 0 else 1)
    for at in done:
        assert sum(at <= other < at + MINUTE for other in done) < 50
    assert max(done) < 4 * MINUTE


async def test_wait__one_card_not_more_often_than_anybody_reads(db: Database) -> None:
    clock = SetClock()
    drawn = replace(CARD, told=Told(drawn_at=NOW))
    clock.now = NOW + timedelta(seconds=1)
    assert await a_pace(db, clock).wait(drawn, job()) == Again(due_at=NOW + EDIT_EVERY, payload={"w": "1"})


async def test_block__all_cards_of_a_workspace_wait_as_slack_asks(db: Database) -> None:
    clock = SetClock()
    pace = a_pace(db, clock)
    pace.block(CARD.owner, 45)
    again = await pace.wait(CARD, job())
    assert again is not None
    assert again.due_at == NOW + timedelta(seconds=45)
    assert await pace.wait(ELSEWHERE, job()) is None
    clock.now = again.due_at
    assert await pace.wait(CARD, job()) is None


async def test_wait__clock_that_was_put_back(db: Database) -> None:
    """Turns of a day that has not come yet hold up nobody."""
    clock = SetClock()
    pace = a_pace(db, clock)
    clock.now = NOW + timedelta(days=1)
    await pace.wait(CARD, job())
    clock.now = NOW
    assert await pace.wait(CARD, job()) is None
