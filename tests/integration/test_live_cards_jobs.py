"""The job that draws live cards, with whatever may happen between its steps."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast

import pytest

from bot.model.accounts import SlackUser, Vaults
from bot.model.due import Again, Job
from bot.model.errors import PlaceGone, SlackUnavailable, StoreUnavailable
from bot.model.live_cards import LiveCard
from bot.model.reminders import Kind, Posted, Trouble
from bot.model.watches import Over, Place, Snapshot, Target, Told, Watch
from bot.store.accounts import Accounts
from bot.store.database import Database
from bot.store.due_work import DueWork
from bot.store.once import Once
from bot.store.seal import Keyring
from bot.store.watches import Watches
from bot.usecases import watch_jobs
from bot.usecases.card_pace import CardPace
from bot.usecases.live_cards import LiveCards, finish
from bot.usecases.watch_places import WatchPlaces
from tests.databases import ALICE, NOW, linked
from tests.integration.due_steps import SetClock
from tests.integration.some_watches import HERE, UPLOAD, a_watch, keys

STALL = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
TS = "1700000000.000100"
THREAD = Place("C1", TS)


@dataclass
class FewCards:
    """Slack, as far as cards need it: what was drawn, and what is to happen at the next call."""

    drawn: list[tuple[str, Over | None, int]] = field(default_factory=list)
    posted: int = 0
    then: list[Exception | Callable[[], Any]] = field(default_factory=list)
    deleted: bool = False

    async def edit(self, card: LiveCard) -> bool:
        """Note it; whatever is to happen, happens after Slack has taken it."""
        if not self.deleted:
            self.drawn.append((card.message_ts, card.over, card.status.upload.uploaded))
        await self._happen()
        return not self.deleted

    async def post(self, card: LiveCard) -> Posted:
        """Post it."""
        self.posted += 1
        await self._happen()
        return Posted(card.watch.place.channel_id, f"2.{self.posted}")

    async def direct_of(self, slack_user: SlackUser) -> str:
        """Everybody has some."""
        return f"D{slack_user.user_id}"

    async def _happen(self) -> None:
        if self.then:
            event = self.then.pop(0)
            if isinstance(event, Exception):
                raise event
            await event()


@dataclass
class World:
    """The job, its stores, and Slack."""

    watches: Watches
    due: DueWork
    clock: SetClock
    cards: FewCards
    live: LiveCards

    async def save(self, **changes: Any) -> Watch:
        """A live card of Alice's that stands there and shows nothing of ours yet."""
        wished = {"target": Target.CARD, "place": THREAD, "lead_times": (), "announced_ts": TS, **changes}
        watch = a_watch(**wished)
        return await self.watches.save(watch, lambda stored: [watch_jobs.edit(stored, NOW)])

    async def draw(self, job: Job | None = None) -> Again | None:
        """Do what is due, or this."""
        if job is None:
            (claimed,) = await self.due.claim(5)
        else:
            await self.due.schedule([job])
            claimed = next(one for one in await self.due.claim(5) if one.key == job.key)
        again = await self.live.draw(claimed)
        await self.due.finish(claimed, again)
        return again

    async def get(self) -> Watch | None:
        """The card's watch."""
        found = await self.watches.of_person(ALICE)
        return found[0] if found else None


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """What differs between databases is in the stores, and tested there."""
    return sqlite_url


@pytest.fixture
async def world(db: Database, keyring: Keyring) -> World:
    clock, cards = SetClock(), FewCards()
    watches, accounts = Watches(db, keyring), Accounts(db, keyring)
    await accounts.save(linked(vault_host=HERE))
    vaults = Vaults(())
    places = WatchPlaces(watches=watches, deliveries=cast("Any", None), vaults=vaults, clock=clock)
    live = LiveCards(
        watches=watches,
        accounts=accounts,
        cards=cards,
        places=places,
        pace=CardPace(once=Once(db, clock), clock=clock),
        vaults=vaults,
        clock=clock,
        stall_after=STALL,
    )
    return World(watches=watches, due=DueWork(db, clock), clock=clock, cards=cards, live=live)


async def changed(world: World, uploaded: int) -> None:
    """A look finds more bytes, and keeps them."""
    watch = await world.get()
    assert watch is not None
    upload = replace(UPLOAD, uploaded=uploaded)
    seen = replace(watch, snapshot=Snapshot(upload=upload, read_at=world.clock()))
    await world.watches.change(seen, jobs=world.live.job_for(seen))


async def test_draw__once_for_each_change(world: World, db: Database) -> None:
    await world.save()
    assert await world.draw() is None
    assert world.cards.drawn == [(TS, None, UPLOAD.uploaded)]
    assert await keys(db) == []
    # Asked for again, it sees that the card shows just that.
    watch = await world.get()
    assert watch is not None
    assert world.live.job_for(watch) == []
    await world.draw(watch_jobs.edit(watch, NOW))
    assert len(world.cards.drawn) == 1
    world.clock.move(60)
    await changed(world, UPLOAD.uploaded + 1)
    await world.draw()
    assert world.cards.drawn[1:] == [(TS, None, UPLOAD.uploaded + 1)]


async def test_draw__not_twice_within_three_seconds(world: World) -> None:
    await world.save()
    await world.draw()
    await changed(world, UPLOAD.uploaded + 1)
    again = await world.draw()
    assert again is not None
    assert again.due_at == NOW + timedelta(seconds=3)
    assert len(world.cards.drawn) == 1


async def test_draw__what_changes_meanwhile_is_drawn_too(world: World, db: Database) -> None:
    """The newer state has a job of its own, which what has just been drawn does not take away."""
    await world.save()
    world.cards.then = [lambda: changed(world, UPLOAD.uploaded + 1)]
    await world.draw()
    assert await keys(db) == ["1:edit"]
    world.clock.move(60)
    await world.draw()
    assert [uploaded for _, _, uploaded in world.cards.drawn] == [UPLOAD.uploaded, UPLOAD.uploaded + 1]


async def test_draw__slack_took_it_but_the_note_was_lost(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drawing the same again does no harm."""
    await world.save()

    async def fails(*_: Any, **__: Any) -> None:
        raise StoreUnavailable(reason="locked")

    with monkeypatch.context() as broken:
        broken.setattr(world.watches, "change", fails)
        with pytest.raises(StoreUnavailable):
            await world.draw()
    watch = await world.get()
    assert watch is not None
    world.clock.move(60)
    await world.draw(watch_jobs.edit(watch, NOW))
    assert world.cards.drawn == [(TS, None, UPLOAD.uploaded)] * 2


async def test_finish__draws_a_last_time_and_forgets(world: World, db: Database) -> None:
    watch = await world.save()
    await world.draw()
    world.clock.move(60)
    assert await finish(world.watches, watch, Over.STOPPED, world.clock())
    assert not await finish(world.watches, watch, Over.STOPPED, world.clock())
    await world.draw()
    assert world.cards.drawn[-1] == (TS, Over.STOPPED, UPLOAD.uploaded)
    assert await world.get() is None
    assert await keys(db) == []


@pytest.mark.parametrize(
    ("kind", "trouble", "over"),
    [
        (Kind.COMMITTED, None, Over.COMMITTED),
        (Kind.GONE, None, Over.GONE),
        (Kind.ABORTED, None, Over.ABORTED),
        (Kind.EXPIRED, None, Over.EXPIRED),
        (Kind.EXPIRED, Trouble.LINK_ENDED, Over.UNSEEN),
    ],
)
async def test_end__says_how(world: World, kind: Kind, trouble: Trouble | None, over: Over) -> None:
    watch = await world.save()
    await world.live.end(watch, kind, trouble)
    await world.draw()
    assert world.cards.drawn == [(TS, over, UPLOAD.uploaded)]
    assert await world.get() is None


async def test_finish__last_edit_fails_and_is_tried_again(world: World) -> None:
    watch = await world.save()
    await finish(world.watches, watch, Over.STOPPED, NOW)
    world.cards.then = [SlackUnavailable()]
    with pytest.raises(SlackUnavailable):
        await world.draw()
    assert await world.get() is not None
    world.clock.move(60)
    await world.draw(watch_jobs.edit(watch, NOW))
    assert await world.get() is None


async def test_finish__kept_again_while_the_last_edit_goes_out(world: World, db: Database) -> None:
    """What was brought to life again is not forgotten, and is drawn once more."""
    watch = await world.save()
    await finish(world.watches, watch, Over.STOPPED, NOW)

    async def kept_again() -> None:
        found = await world.get()
        assert found is not None
        alive = replace(found, told=Told())
        await world.watches.change(alive, jobs=[watch_jobs.edit(alive, NOW)], drop_all=True)

    world.cards.then = [kept_again]
    await world.draw()
    assert await world.get() is not None
    assert await keys(db) == ["1:edit"]
    world.clock.move(60)
    await world.draw()
    assert [over for _, over, _ in world.cards.drawn] == [Over.STOPPED, None]


async def test_draw__deleted_card_is_forgotten_quietly(world: World, db: Database) -> None:
    await world.save()
    world.cards.deleted = True
    await world.draw()
    assert await world.get() is None
    assert await keys(db) == []


async def test_draw__place_gone_is_to_be_told(world: World, db: Database) -> None:
    await world.save()
    world.cards.then = [PlaceGone(reason="is_inactive")]
    await world.draw()
    watch = await world.get()
    assert watch is not None
    assert watch.told.lost
    assert await keys(db) == ["1:announce"]


async def test_draw__place_gone_of_one_that_is_over_anyhow(world: World, db: Database) -> None:
    """Its end was told, or wished for: no further word."""
    watch = await world.save()
    await finish(world.watches, watch, Over.STOPPED, NOW)
    world.cards.then = [PlaceGone(reason="is_inactive")]
    await world.draw()
    assert await world.get() is None
    assert await keys(db) == []


async def test_draw__posts_what_nobody_posted(world: World) -> None:
    """The process died before it could: the job does it, once."""
    await world.save(place=Place("DU1"), announced_ts="")
    await world.draw()
    watch = await world.get()
    assert watch is not None
    assert (world.cards.posted, watch.announced_ts) == (1, "2.1")
    assert world.live.job_for(watch) == []


async def test_draw__posted_but_the_note_was_lost(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes back knowing what it has posted."""
    await world.save(place=Place("DU1"), announced_ts="")

    async def fails(*_: Any, **__: Any) -> None:
        raise StoreUnavailable(reason="locked")

    with monkeypatch.context() as broken:
        broken.setattr(world.watches, "change", fails)
        assert await world.draw() is not None
    world.clock.move(60)
    await world.draw()
    watch = await world.get()
    assert watch is not None
    assert (world.cards.posted, watch.announced_ts) == (1, "2.1")


async def test_draw__stopped_before_it_was_posted(world: World) -> None:
    watch = await world.save(place=Place("DU1"), announced_ts="")
    await finish(world.watches, watch, Over.STOPPED, NOW)
    await world.draw()
    assert world.cards.posted == 0
    assert await world.get() is None


async def test_draw__stopped_while_it_is_being_posted(world: World) -> None:
    watch = await world.save(place=Place("DU1"), announced_ts="")
    world.cards.then = [lambda: finish(world.watches, watch, Over.STOPPED, NOW)]
    await world.draw()
    world.clock.move(60)
    await world.draw()
    assert world.cards.drawn == [("2.1", Over.STOPPED, UPLOAD.uploaded)]
    assert await world.get() is None


async def test_farewell__to_a_card_that_was_replaced(world: World) -> None:
    """The watch itself stays, whatever becomes of the old card."""
    watch = await world.save()
    await world.draw()
    for _ in range(2):
        world.clock.move(60)
        await world.draw(watch_jobs.farewell(watch, "1.9", NOW))
        world.cards.deleted = True
    assert world.cards.drawn[1:] == [("1.9", Over.REPLACED, UPLOAD.uploaded)]
    assert await world.get() is not None


async def test_link_ended__is_said_once(world: World) -> None:
    watch = await world.save()
    await world.draw()
    world.clock.move(60)
    for _ in range(2):
        found = await world.get()
        assert found is not None
        await world.live.not_read([found], Over.UNLINKED)
    await world.draw()
    assert world.cards.drawn[1:] == [(TS, Over.UNLINKED, UPLOAD.uploaded)]
    found = await world.get()
    assert found is not None
    assert world.live.job_for(found) == []
    assert watch.id == found.id


async def test_not_read__only_where_it_was_long(world: World) -> None:
    """A Vault that is down for a moment is no reason to write anything on a card."""
    await world.save()
    found = await world.get()
    assert found is not None
    await world.live.not_read([found], Over.UNREAD, since=timedelta(hours=1))
    assert (await world.get()) == found
    world.clock.move(3600)
    await world.live.not_read([found], Over.UNREAD, since=timedelta(hours=1))
    await world.draw()
    assert world.cards.drawn[-1] == (TS, Over.UNREAD, UPLOAD.uploaded)
    assert await world.get() is not None


@pytest.mark.parametrize(
    ("reader", "is_there", "hours", "is_over"),
    [
        ("1", True, 71, False),
        ("1", True, 72, True),
        ("1", False, 72, False),
        ("2", True, 1, True),
        ("2", False, 1, True),
    ],
)
async def test_retired__after_three_days_and_for_another_vault_user(
    world: World, reader: str, is_there: bool, hours: int, is_over: bool
) -> None:
    """Whose link is another Vault user's by now has a card that shows what the earlier one saw: it says no more."""
    await world.save(told=Told(reader="1"))
    found = await world.get()
    assert found is not None
    world.clock.move(hours * 3600)
    assert await world.live.retired(found, reader, is_there=is_there) is is_over
    now = await world.get()
    assert now is not None
    assert (now.told.muted, now.told.over) == ((True, Over.STOPPED) if is_over else (False, None))


async def test_draw__without_numbers_waits_for_the_next_look(world: World) -> None:
    await world.save(snapshot=None)
    assert await world.draw() is None
    assert world.cards.drawn == []
    assert await world.get() is not None
