"""Making cards live: what is stored, what is drawn at once, and what is left for later."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import pytest

from bot.model.accounts import Asker, Vault, Vaults
from bot.model.errors import CannotKeepThere, NothingToWatch, PlaceGone, SlackUnavailable, TooManyWatches
from bot.model.pasting import Pasted
from bot.model.statuses import UploadStatus
from bot.model.watches import Over, Place, Target, Watch
from bot.store.accounts import Accounts
from bot.store.database import Database
from bot.store.once import Once
from bot.store.seal import Keyring
from bot.store.watches import Watches
from bot.usecases import keeping as module
from bot.usecases import watch_limits
from bot.usecases.auditing import Auditing
from bot.usecases.card_pace import CardPace
from bot.usecases.keeping import Keeping
from bot.usecases.live_cards import LiveCards, finish
from tests.databases import ALICE, NOW, linked
from tests.factories import an_upload
from tests.integration.due_steps import SetClock
from tests.integration.some_watches import HERE, a_watch, keys, no_jobs
from tests.integration.test_live_cards_jobs import FewCards

STALL = timedelta(hours=1)
ASKER = Asker(ALICE, "ALICE234")
THREAD, FIRST, SECOND = Place("C1", "1.1"), "1.1", "1.2"
UPLOAD = an_upload(expires=NOW + timedelta(hours=50), last_uploaded=NOW)
PASTED = Pasted(upload_id=UPLOAD.id, others=(), vault=HERE, changed=False)


@dataclass
class FewRows:
    """The audit log."""

    rows: list[tuple[str, str, str]] = field(default_factory=list)

    async def write(self, entry: Any) -> None:
        """Keep what was done, and how it went."""
        self.rows.append((entry.action.value, entry.outcome.value, entry.note))


@dataclass
class FewStatuses:
    """Vault, as Alice sees it."""

    clock: SetClock

    async def look_up(self, _: Asker, __: Pasted) -> UploadStatus:
        """The one upload there is."""
        return UploadStatus(
            upload=UPLOAD, vault=Vault("promomats", f"https://{HERE}"), account=linked(vault_host=HERE)
        )


@dataclass
class World:
    """What makes cards live."""

    watches: Watches
    cards: FewCards
    audit: FewRows
    keeping: Keeping
    clock: SetClock
    db: Database

    async def here(self, message_ts: str = FIRST) -> module.Kept:
        """Alice keeps a card of hers up to date."""
        return await self.keeping.here(ASKER, PASTED, THREAD, message_ts)

    async def live(self) -> list[Watch]:
        """What is kept up to date."""
        return await self.watches.of_person(ALICE)


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """What differs between databases is in the stores, and tested there."""
    return sqlite_url


@pytest.fixture
async def world(db: Database, keyring: Keyring) -> World:
    clock, cards, audit = SetClock(), FewCards(), FewRows()
    watches, accounts = Watches(db, keyring), Accounts(db, keyring)
    await accounts.save(linked(vault_host=HERE))
    live = LiveCards(
        watches=watches,
        accounts=accounts,
        cards=cards,
        places=cast("Any", None),
        pace=CardPace(once=Once(db, clock), clock=clock),
        vaults=Vaults(()),
        clock=clock,
        stall_after=STALL,
    )
    keeping = Keeping(
        watches=watches,
        statuses=cast("Any", FewStatuses(clock)),
        live=live,
        cards=cards,
        auditing=Auditing(log=cast("Any", audit), clock=clock, with_paths=False),
        clock=clock,
        stall_after=STALL,
    )
    return World(watches=watches, cards=cards, audit=audit, keeping=keeping, clock=clock, db=db)


async def names(world: World) -> list[str]:
    """The jobs there are, without the id of their watch."""
    return [key.partition(":")[2] or key for key in await keys(world.db)]


async def test_here__is_drawn_at_once_and_looked_at_soon(world: World) -> None:
    kept = await world.here()
    assert kept.is_new
    assert world.cards.drawn == [(FIRST, None, UPLOAD.uploaded)]
    assert sorted(await names(world)) == ["expired", "poll U1"]
    (watch,) = await world.live()
    assert (watch.target, watch.place, watch.announced_ts) == (Target.CARD, THREAD, FIRST)
    assert watch.told.drawn
    assert world.audit.rows == [("watch", "done", "card")]


async def test_here__again_changes_nothing(world: World) -> None:
    first = await world.here()
    again = await world.here()
    assert (first.is_new, again.is_new) == (True, False)
    assert first.watch.id == again.watch.id
    assert len(world.cards.drawn) == 1


async def test_here__newer_card_takes_over_from_the_older(world: World) -> None:
    first = await world.here(FIRST)
    await world.here(SECOND)
    (watch,) = await world.live()
    assert (watch.id, watch.announced_ts) == (first.watch.id, SECOND)
    assert sorted(await names(world)) == [f"edit:{FIRST}", "expired", "poll U1"]


async def test_here__one_that_was_just_stopped_lives_again(world: World) -> None:
    first = await world.here()
    await finish(world.watches, first.watch, Over.STOPPED, world.clock())
    assert (await world.here()).is_new
    (watch,) = await world.live()
    assert not watch.told.muted
    assert watch.told.over is None
    assert sorted(await names(world)) == ["expired", "poll U1"]


async def test_here__slack_may_take_it_later(world: World) -> None:
    """A job is left to draw it; the same job draws it after a crash."""
    world.cards.then = [SlackUnavailable()]
    assert (await world.here()).is_new
    assert sorted(await names(world)) == ["edit", "expired", "poll U1"]


@pytest.mark.parametrize("how", ["refused", "deleted"])
async def test_here__where_slack_never_will(world: World, how: str) -> None:
    if how == "refused":
        world.cards.then = [PlaceGone(reason="not_in_channel")]
    else:
        world.cards.deleted = True
    with pytest.raises(CannotKeepThere):
        await world.here()
    assert await world.live() == []
    assert world.audit.rows == [("watch", "refused", "card")]


async def test_here__of_an_upload_whose_time_is_over(world: World) -> None:
    world.clock.now = UPLOAD.expires
    with pytest.raises(NothingToWatch):
        await world.here()
    with pytest.raises(NothingToWatch):
        await world.keeping.in_direct(ASKER, PASTED)
    assert (await world.live(), world.cards.posted, world.cards.drawn) == ([], 0, [])


async def test_here__no_more_than_one_person_can_follow(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_limits, "MOST_WATCHES", 1)
    await world.watches.save(a_watch(7), no_jobs)
    with pytest.raises(TooManyWatches):
        await world.here()


async def test_in_direct__posts_one_card_and_draws_it_afresh(world: World) -> None:
    first = await world.keeping.in_direct(ASKER, PASTED)
    again = await world.keeping.in_direct(ASKER, PASTED)
    assert (first.is_new, again.is_new, world.cards.posted) == (True, False, 1)
    assert world.cards.drawn == [("2.1", None, UPLOAD.uploaded)]
    (watch,) = await world.live()
    assert (watch.place.is_direct, watch.thread_ts) == (True, "2.1")
    assert sorted(await names(world)) == ["expired", "poll U1"]


async def test_in_direct__anew_where_it_was_deleted(world: World) -> None:
    await world.keeping.in_direct(ASKER, PASTED)
    world.cards.deleted = True
    assert (await world.keeping.in_direct(ASKER, PASTED)).is_new
    (watch,) = await world.live()
    assert (world.cards.posted, watch.announced_ts) == (2, "2.2")


async def test_in_direct__slack_may_take_it_later(world: World) -> None:
    """Its job posts it, and a second click waits for that."""
    world.cards.then = [SlackUnavailable()]
    await world.keeping.in_direct(ASKER, PASTED)
    assert not (await world.keeping.in_direct(ASKER, PASTED)).is_new
    assert sorted(await names(world)) == ["edit", "expired", "poll U1"]


async def test_of_message__only_the_persons_own_living_card(world: World) -> None:
    kept = await world.here()
    found = await world.keeping.of_message(ALICE, "C1", FIRST)
    assert found is not None
    assert found.id == kept.watch.id
    assert await world.keeping.of_message(ALICE, "C2", FIRST) is None
    assert await world.keeping.of_message(ALICE, "C1", SECOND) is None
    await finish(world.watches, found, Over.STOPPED, NOW)
    assert await world.keeping.of_message(ALICE, "C1", FIRST) is None


async def test_being_deleted__is_drawn_a_last_time_only_if_it_stays(world: World) -> None:
    kept = await world.here()
    await world.keeping.being_deleted(ASKER, kept.watch)
    (watch,) = await world.live()
    assert watch.told.over is Over.STOPPED
    assert "edit" in await names(world)
    assert world.audit.rows[-1] == ("unwatch", "done", "card")
    await world.keeping.deleted(watch)
    assert await world.live() == []
    assert await names(world) == ["poll U1"]
