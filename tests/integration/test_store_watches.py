"""Watches in both databases: what is kept, and that a watch and its jobs change together or not at all."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from bot.model.accounts import SlackUser
from bot.model.due import Claimed, Job
from bot.model.watches import Failsafe, Over, Place, Snapshot, Target, Told, Topic, Watch
from bot.store.accounts import Accounts
from bot.store.database import Database
from bot.store.database import database_url as parsed
from bot.store.due_work import DueWork, put
from bot.store.seal import Keyring
from bot.store.tables import watches as table
from bot.store.watch_rows import values_of
from bot.store.watches import Watches, drop_of_account
from tests.databases import ALICE, BOB, NOW, linked
from tests.integration.some_watches import (
    CHANNEL,
    EXPIRES,
    HERE,
    HOUR,
    MINUTE,
    THERE,
    UPLOAD,
    a_job,
    a_watch,
    all_of,
    keys,
    no_jobs,
    poll,
    promised,
)


@pytest.fixture
def watches(db: Database, keyring: Keyring) -> Watches:
    return Watches(db, keyring)


async def test_save__returns_what_is_stored(watches: Watches) -> None:
    watch = a_watch(
        place=CHANNEL,
        told=Told(uncommitted=True, forecast=True, muted=True, seen_until=NOW),
        snoozed_until=NOW + HOUR,
        announced_ts="1700000001.000200",
        failsafe=Failsafe(channel_id="C1", message_id="Q1", post_at=EXPIRES),
        parent="f" * 16,
    )
    assert await watches.save(watch, no_jobs) == watch
    assert await watches.get(watch.id) == watch
    stored = (await watches.of_person(ALICE))[0]
    assert stored.owner.team_id == "T1"
    assert stored.snapshot
    assert stored.snapshot.upload == UPLOAD


async def test_save__of_as_little_as_can_be(watches: Watches) -> None:
    watch = a_watch(
        target=Target.OWN, upload_id="", lead_times=(), topics=frozenset(), expires=None, snapshot=None
    )
    assert await watches.save(watch, no_jobs) == watch == await watches.get(watch.id)
    assert await watches.get("nobody's") is None


async def test_save__every_field_of_an_upload_comes_back(watches: Watches) -> None:
    bare = replace(UPLOAD, overwrite=None, size=2**62, uploaded=0, uploaded_parts=0)
    stored = await watches.save(a_watch(snapshot=Snapshot(upload=bare, read_at=NOW)), no_jobs)
    assert stored.snapshot == Snapshot(upload=bare, read_at=NOW)


async def test_save__with_its_jobs_and_others(watches: Watches, db: Database) -> None:
    await watches.save(a_watch(), promised, [poll()])
    assert await keys(db) == [*all_of(1), "poll U1"]


async def test_save__again_changes_the_watch_that_is_there(watches: Watches, db: Database) -> None:
    held = Failsafe(channel_id="D1", message_id="Q1", post_at=EXPIRES)
    first = await watches.save(
        a_watch(1, announced_ts="1.2", failsafe=held, parent="p", snoozed_until=NOW, told=Told(muted=True)),
        promised,
    )
    later = replace(UPLOAD, uploaded=UPLOAD.size, path="/elsewhere")
    again = a_watch(
        2,
        owner=SlackUser("E1", "U1", "T9"),
        lead_times=(HOUR,),
        topics=frozenset(Topic),
        created_at=NOW + HOUR,
        expires=EXPIRES + HOUR,
        snapshot=Snapshot(upload=later, read_at=NOW + HOUR),
    )
    stored = await watches.save(again, promised)
    # What was made by a watch over all uploads is the person's own from now on.
    kept = {name: getattr(first, name) for name in ("id", "created_at", "announced_ts", "failsafe")}
    assert stored == replace(again, **kept, version=1)
    assert stored.owner.team_id == "T9"
    assert await watches.of_person(ALICE) == [stored]
    assert await keys(db) == ["1:expired", "1:lead:3600"]


@pytest.mark.parametrize(
    "other",
    [
        {"owner": BOB},
        {"owner": SlackUser("E2", "U1", "T1")},
        {"vault_host": THERE},
        {"target": Target.VAULT},
        {"upload_id": UPLOAD.id.upper()},
        {"place": Place("C1")},
        {"place": CHANNEL},
    ],
)
async def test_save__another_wish_is_another_watch(watches: Watches, other: dict[str, Any]) -> None:
    one, two = a_watch(1), a_watch(2, **other)
    await watches.save(one, no_jobs)
    await watches.save(two, no_jobs)
    assert (await watches.get(one.id), await watches.get(two.id)) == (one, two)


async def test_save__whose_jobs_fail_changes_nothing(watches: Watches, db: Database) -> None:
    def fails(watch: Watch) -> Sequence[Job]:
        raise RuntimeError("no jobs today")

    with pytest.raises(RuntimeError, match="no jobs today"):
        await watches.save(a_watch(), fails)
    assert await watches.of_person(ALICE) == []
    first = await watches.save(a_watch(), promised)
    before = await keys(db)
    with pytest.raises(RuntimeError, match="no jobs today"):
        await watches.save(a_watch(2, lead_times=()), fails)
    with pytest.raises(TypeError):
        await watches.save(a_watch(2, lead_times=()), lambda watch: [a_job(watch, "x", what=object())])
    assert await watches.of_person(ALICE) == [first]
    assert await keys(db) == before


async def test_save__of_many_at_once_from_two_processes_is_one_watch(
    watches: Watches, db: Database, database_url: str, keyring: Keyring
) -> None:
    async with Database.open(parsed(database_url)) as another_db:
        stores = [watches, Watches(another_db, keyring)]
        stored = await asyncio.gather(
            *(
                stores[number % 2].save(a_watch(number, lead_times=(number * HOUR,)), promised, [poll()])
                for number in range(1, 21)
            )
        )
    (watch,) = await watches.of_person(ALICE)
    assert {one.id for one in stored} == {watch.id}
    assert sorted(one.version for one in stored) == list(range(20))
    assert watch in stored
    leads = [f"lead:{int(lead.total_seconds())}" for lead in watch.lead_times]
    assert await keys(db) == [*(f"{int(watch.id, 16):x}:{name}" for name in ("expired", *leads)), "poll U1"]
    assert watch.snapshot


async def test_change__stores_what_changes_while_it_lives(watches: Watches) -> None:
    stored = await watches.save(a_watch(), no_jobs)
    wished = replace(
        stored,
        lead_times=(2 * HOUR,),
        topics=frozenset({Topic.FORECAST}),
        expires=EXPIRES + HOUR,
        snapshot=None,
        told=Told(stalled=True, ended=True, crowded=True, seen_until=NOW + HOUR),
        snoozed_until=NOW + HOUR,
        announced_ts="1.2",
        failsafe=Failsafe(channel_id="D1", message_id="Q1", post_at=EXPIRES),
    )
    changed = await watches.change(wished)
    assert changed == replace(wished, version=1)
    assert await watches.get(stored.id) == changed
    back = await watches.change(replace(stored, version=1))
    assert back == replace(stored, version=2)


async def test_change__jobs_come_and_go_with_it(watches: Watches, db: Database) -> None:
    watch = await watches.save(a_watch(), promised)
    await watches.save(a_watch(2, owner=BOB), promised)
    jobs = [a_job(watch, "say:stalled"), a_job(watch, "lead:5", EXPIRES)]
    changed = await watches.change(watch, jobs=jobs, drop=[a_job(watch, "lead:86400").key, "nobody's"])
    assert changed
    assert await keys(db) == ["1:expired", "1:lead:3600", "1:lead:5", "1:say:stalled", *all_of(2)]
    assert (await watches.next_due([watch.id]))[watch.id] == EXPIRES - HOUR
    changed = await watches.change(changed, jobs=[a_job(watch, "say:ended")], drop_all=True)
    assert changed
    assert changed.version == 2
    assert await keys(db) == ["1:say:ended", *all_of(2)]


@pytest.mark.parametrize("how", ["changed", "watched again", "removed", "removed and watched again"])
async def test_change__of_one_that_somebody_changed_does_nothing(
    watches: Watches, db: Database, how: str
) -> None:
    watch = await watches.save(a_watch(), promised)
    if how == "changed":
        assert await watches.change(watch)
    if how.startswith("removed"):
        assert await watches.remove(watch.id)
    if how.endswith("watched again"):
        await watches.save(a_watch(2), promised)
    before = (await watches.of_person(ALICE), await keys(db))
    stale = replace(watch, told=Told(ended=True))
    say = [a_job(watch, "say:ended")]
    assert await watches.change(stale, jobs=say, drop=[a_job(watch, "expired").key]) is None
    assert await watches.change(stale, jobs=say, drop_all=True) is None
    assert (await watches.of_person(ALICE), await keys(db)) == before


async def test_change__of_twenty_at_once_one_tells(watches: Watches, db: Database) -> None:
    watch = await watches.save(a_watch(), no_jobs)
    changing = [
        watches.change(replace(watch, announced_ts=str(n)), jobs=[a_job(watch, f"say:{n}")])
        for n in range(20)
    ]
    (changed,) = [one for one in await asyncio.gather(*changing) if one]
    assert await watches.get(watch.id) == changed
    assert await keys(db) == [f"1:say:{changed.announced_ts}"]


async def test_change__without_its_jobs_does_not_happen(watches: Watches, db: Database) -> None:
    watch = await watches.save(a_watch(), promised)
    before = await keys(db)
    with pytest.raises(TypeError):
        await watches.change(
            replace(watch, expires=None), jobs=[a_job(watch, "say", what=object())], drop_all=True
        )
    assert await watches.of_person(ALICE) == [watch]
    assert await keys(db) == before


async def test_add_child__with_its_jobs(watches: Watches, db: Database) -> None:
    whole = await watches.save(a_watch(1, target=Target.OWN, upload_id=""), no_jobs)
    child = await watches.add_child(a_watch(2, parent=whole.id), promised)
    assert child == a_watch(2, parent=whole.id)
    assert await keys(db) == all_of(2)


async def test_add_child__of_one_that_was_stopped_is_not_made(watches: Watches, db: Database) -> None:
    whole = await watches.save(a_watch(1, target=Target.OWN, upload_id=""), no_jobs)
    await watches.remove(whole.id)
    assert await watches.add_child(a_watch(2, parent=whole.id), promised) is None
    assert await watches.of_person(ALICE) == []
    assert await keys(db) == []


async def test_add_child__leaves_a_watch_made_by_hand_as_it_is(watches: Watches, db: Database) -> None:
    whole = await watches.save(a_watch(1, target=Target.OWN, upload_id=""), no_jobs)
    by_hand = await watches.save(a_watch(2, lead_times=(HOUR,)), promised)
    assert await watches.add_child(a_watch(3, parent=whole.id), promised) is None
    assert await watches.get(by_hand.id) == by_hand
    assert await keys(db) == ["2:expired", "2:lead:3600"]


async def test_remove__takes_its_jobs_and_samples_with_it(watches: Watches, db: Database) -> None:
    watch = await watches.save(a_watch(), promised)
    bobs = await watches.save(a_watch(2, owner=BOB), promised)
    other = await watches.save(a_watch(3, upload_id="other"), no_jobs)
    for owner in (ALICE, BOB):
        await watches.add_samples(owner, HERE, NOW, {UPLOAD.id: 1, "other": 2})
    assert await watches.remove(watch.id) == watch
    assert await watches.remove(watch.id) is None
    assert await watches.of_person(ALICE) == [other]
    assert await watches.samples(ALICE, HERE, UPLOAD.id) == []
    assert len(await watches.samples(ALICE, HERE, "other")) == 1
    assert len(await watches.samples(BOB, HERE, UPLOAD.id)) == 1
    assert await keys(db) == all_of(2)
    assert await watches.of_person(BOB) == [bobs]


async def test_remove__samples_stay_for_another_watch_of_the_same_person(watches: Watches) -> None:
    first = await watches.save(a_watch(1), no_jobs)
    second = await watches.save(a_watch(2, place=CHANNEL), no_jobs)
    await watches.add_samples(ALICE, HERE, NOW, {UPLOAD.id: 1})
    await watches.remove(first.id)
    assert len(await watches.samples(ALICE, HERE, UPLOAD.id)) == 1
    await watches.remove(second.id)
    assert await watches.samples(ALICE, HERE, UPLOAD.id) == []


async def test_remove__of_the_last_two_at_once_leaves_no_samples(watches: Watches, db: Database) -> None:
    places = [Place(f"C{number}") for number in range(8)]
    made = [
        await watches.save(a_watch(number, place=place), promised) for number, place in enumerate(places, 1)
    ]
    await watches.add_samples(ALICE, HERE, NOW, {UPLOAD.id: 1})
    removed = await asyncio.gather(*(watches.remove(watch.id) for watch in made * 2))
    assert sum(one is not None for one in removed) == len(made)
    assert await watches.samples(ALICE, HERE, UPLOAD.id) == []
    assert await keys(db) == []


async def test_of__each_asks_for_its_own(watches: Watches) -> None:
    made = [
        await watches.save(watch, no_jobs)
        for watch in (
            a_watch(1, created_at=NOW + HOUR),
            a_watch(2, vault_host=THERE),
            a_watch(3, upload_id="another", created_at=NOW + MINUTE),
            a_watch(4, owner=BOB),
        )
    ]
    one, there, another, bobs = made
    assert await watches.of_person(ALICE) == [there, another, one]
    assert await watches.of_account(ALICE, HERE) == [another, one]
    assert await watches.of_upload(HERE, UPLOAD.id) == [bobs, one]
    assert await watches.of_person(SlackUser("E2", "U1", "T1")) == []
    assert await watches.of_account(BOB, THERE) == await watches.of_upload(THERE, "another") == []


async def test_next_due__the_first_of_lead_times_and_expiry(watches: Watches, db: Database) -> None:
    due = DueWork(db, lambda: NOW)
    first = await watches.save(a_watch(1), promised)
    second = await watches.save(a_watch(2, owner=BOB, lead_times=()), promised)
    own = await watches.save(
        a_watch(3, target=Target.OWN, upload_id="", expires=None), lambda watch: [a_job(watch, "announce")]
    )
    ids = [first.id, second.id, own.id, "nobody's"]
    assert await watches.next_due(ids) == {first.id: EXPIRES - 24 * HOUR, second.id: EXPIRES}
    await due.cancel([a_job(first, "lead:86400").key, a_job(first, "lead:3600").key])
    assert (await watches.next_due(ids))[first.id] == EXPIRES - timedelta(seconds=5)
    assert await watches.next_due([]) == {}


async def test_next_due__is_what_was_promised_also_while_it_is_being_sent(
    watches: Watches, db: Database
) -> None:
    watch = await watches.save(a_watch(), promised)
    due = DueWork(db, lambda: EXPIRES - 23 * HOUR)
    (running,) = await due.claim(16)
    assert running.due_at == EXPIRES - 24 * HOUR
    assert await watches.next_due([watch.id]) == {watch.id: EXPIRES - 24 * HOUR}


async def test_two_thousand_watches__of_many_people(watches: Watches, db: Database, keyring: Keyring) -> None:
    people = [SlackUser("E1", f"U{number}", "T1") for number in range(100)]
    made = [
        a_watch(20 * n + m, owner=person, upload_id=f"upload-{m}")
        for n, person in enumerate(people)
        for m in range(20)
    ]
    async with db.write() as connection:
        await connection.execute(insert(table), [values_of(watch, keyring) for watch in made])
        await put(connection, [job for watch in made for job in promised(watch)])
    assert await watches.of_account(people[7], HERE) == made[140:160]
    assert len(await watches.of_upload(HERE, "upload-3")) == 100
    due = await watches.next_due([watch.id for watch in made])
    assert len(due) == 2000
    assert set(due.values()) == {EXPIRES - 24 * HOUR}
    for watch in made[140:160]:
        saved = await watches.save(watch, promised)
        assert await watches.change(saved)
        assert await watches.remove(watch.id)
    assert len(await keys(db)) == 1980 * 4


async def test_drop_of_account__all_that_hangs_on_it(
    watches: Watches, db: Database, keyring: Keyring
) -> None:
    gone = await watches.save(a_watch(1), promised, [poll()])
    own = a_watch(2, target=Target.OWN, upload_id="")
    await watches.save(own, lambda watch: [a_job(watch, "announce")])
    elsewhere = await watches.save(a_watch(3, vault_host=THERE), promised)
    bobs = await watches.save(a_watch(4, owner=BOB), promised, [poll(BOB)])
    for owner, host in ((ALICE, HERE), (ALICE, THERE), (BOB, HERE)):
        await watches.add_samples(owner, host, NOW, {gone.upload_id: 1})
    accounts = Accounts(db, keyring)
    await accounts.save(linked(vault_host=HERE), jobs=[])
    await watches.save(a_watch(1), promised, [poll()])
    assert (await accounts.remove(ALICE, HERE)).existed
    assert await watches.of_person(ALICE) == [elsewhere]
    assert await watches.of_person(BOB) == [bobs]
    assert await keys(db) == [*all_of(3, 4), "poll U2"]
    for owner, host, left in ((ALICE, HERE, 0), (ALICE, THERE, 1), (BOB, HERE, 1)):
        assert len(await watches.samples(owner, host, gone.upload_id)) == left


async def test_drop_of_account__goes_with_the_transaction(watches: Watches, db: Database) -> None:
    watch = await watches.save(a_watch(), promised)
    await watches.add_samples(ALICE, HERE, NOW, {UPLOAD.id: 1})
    before = await keys(db)

    async def drop_and_fail() -> None:
        async with db.write() as connection:
            await drop_of_account(connection, ALICE, HERE)
            raise RuntimeError("changed my mind")

    with pytest.raises(RuntimeError, match="changed my mind"):
        await drop_and_fail()
    assert await watches.of_person(ALICE) == [watch]
    assert await keys(db) == before
    assert len(await watches.samples(ALICE, HERE, UPLOAD.id)) == 1


async def test_everything_at_once__nobody_waits_in_a_circle(
    watches: Watches, db: Database, keyring: Keyring
) -> None:
    """Saving, changing, removing, unlinking and a worker that settles what it holds, over the same rows."""
    accounts, due = Accounts(db, keyring), DueWork(db, lambda: EXPIRES)
    places = [Place(f"C{number}") for number in range(5)]

    async def save() -> None:
        for number, place in enumerate(places, 1):
            # Each wish has an id of its own, as those of people have.
            wished = replace(a_watch(number, place=place), id=secrets.token_hex(8))
            await watches.save(wished, promised, [poll()])

    async def change() -> None:
        for watch in await watches.of_person(ALICE):
            await watches.change(watch, jobs=promised(watch), drop=[a_job(watch, "lead:5").key])

    async def remove() -> None:
        for watch in reversed(await watches.of_person(ALICE)):
            await watches.remove(watch.id)

    async def unlink() -> None:
        await accounts.save(linked(vault_host=HERE), jobs=[poll()])
        await accounts.remove(ALICE, HERE)

    async def work() -> None:
        claims: list[Claimed] = await due.claim(16)
        await due.renew(claims)
        await due.give_back(claims)

    for _ in range(12):
        await asyncio.gather(*(one() for _ in range(3) for one in (save, work, change, remove, unlink, work)))
    await accounts.remove(ALICE, HERE)
    assert await watches.of_person(ALICE) == []
    assert await keys(db) == []


async def test_remove__only_the_version_that_was_meant(watches: Watches, db: Database) -> None:
    watch = await watches.save(a_watch(), promised)
    newer = await watches.change(watch)
    assert newer is not None
    assert await watches.remove(watch.id, version=watch.version) is None
    assert await keys(db) == all_of(1)
    assert await watches.remove(watch.id, version=newer.version) == newer
    assert await keys(db) == []


async def test_save__live_card(watches: Watches) -> None:
    told = Told(asked=True, drawn="abc", drawn_at=NOW, over=Over.UNLINKED)
    watch = a_watch(target=Target.CARD, place=CHANNEL, told=told, announced_ts="1700000001.000200")
    assert await watches.save(watch, no_jobs) == watch
    # Beside it, the same upload may be watched in the same thread.
    assert await watches.save(a_watch(2, place=CHANNEL), no_jobs) == a_watch(2, place=CHANNEL)
