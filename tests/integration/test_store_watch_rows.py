"""What of watches is sealed or JSON, samples of progress, and what people prefer, in both databases."""

import json
import logging
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from bot.model.accounts import SlackUser
from bot.model.secret import Secret
from bot.model.watches import Failsafe, Place, Preferences, Snapshot, Told
from bot.store.database import Database
from bot.store.seal import Keyring, new_key, row_identity
from bot.store.watches import Watches
from tests.databases import ALICE, BOB, NOW
from tests.factories import an_upload
from tests.integration.some_watches import EXPIRES, HERE, HOUR, MINUTE, THERE, a_watch, no_jobs, promised


@pytest.fixture
def watches(db: Database, keyring: Keyring) -> Watches:
    return Watches(db, keyring)


async def run(db: Database, statement: str, **values: object) -> None:
    async with db.write() as connection:
        await connection.execute(text(statement), values)


async def column(db: Database, name: str) -> list[Any]:
    async with db.read() as connection:
        return list((await connection.execute(text(f"SELECT {name} FROM watches ORDER BY id"))).scalars())  # noqa: S608


# What is sealed


async def test_snapshot__is_sealed_to_its_row(
    watches: Watches, db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await watches.save(a_watch(1), no_jobs)
    await watches.save(a_watch(2, owner=BOB, snapshot=Snapshot(upload=an_upload(), read_at=NOW)), no_jobs)
    first, second = await column(db, "snapshot")
    assert "geheim" not in first
    await run(db, "UPDATE watches SET snapshot = :snapshot WHERE slack_user_id = 'U2'", snapshot=first)
    with caplog.at_level(logging.WARNING):
        (bobs,) = await watches.of_person(BOB)
    assert bobs == a_watch(2, owner=BOB, snapshot=None)
    assert f"snapshot of watch {bobs.id} cannot be opened" in caplog.text
    assert "geheim" not in caplog.text
    await run(db, "UPDATE watches SET snapshot = :snapshot WHERE slack_user_id = 'U2'", snapshot=second)
    assert (await watches.of_person(BOB))[0].snapshot


@pytest.mark.parametrize("words", ["rubbish", '{"upload": {}}', "[]", '{"upload": [], "read_at": "x"}'])
async def test_snapshot__that_cannot_be_read_is_left_out(
    watches: Watches, db: Database, keyring: Keyring, caplog: pytest.LogCaptureFixture, words: str
) -> None:
    watch = await watches.save(a_watch(), promised)
    sealed = keyring.seal(Secret(words), row_identity("snapshot", watch.id))
    await run(db, "UPDATE watches SET snapshot = :sealed", sealed=sealed)
    with caplog.at_level(logging.WARNING):
        assert await watches.of_person(ALICE) == [replace(watch, snapshot=None)]
    assert "cannot be read" in caplog.text
    assert await watches.change(watch) == replace(watch, version=1)


async def test_row__of_a_later_release_can_be_read(watches: Watches, db: Database, keyring: Keyring) -> None:
    held = Failsafe(channel_id="D1", message_id="Q1", post_at=EXPIRES)
    watch = await watches.save(a_watch(failsafe=held, told=Told(forecast=True)), no_jobs)
    identity = row_identity("snapshot", watch.id)
    snapshot = json.loads(keyring.open((await column(db, "snapshot"))[0], identity).reveal())
    snapshot["upload"]["colour"] = snapshot["weather"] = "blue"
    told = {**json.loads((await column(db, "told"))[0]), "sung": True}
    failsafe = {**json.loads((await column(db, "failsafe"))[0]), "sung": True}
    await run(
        db,
        "UPDATE watches SET told = :told, failsafe = :failsafe, topics = 'ended,songs,stalled', snapshot = :snapshot",
        told=json.dumps(told),
        failsafe=json.dumps(failsafe),
        snapshot=keyring.seal(Secret(json.dumps(snapshot)), identity),
    )
    assert await watches.of_person(ALICE) == [watch]
    await run(db, "UPDATE watches SET told = '{}'")
    assert await watches.of_person(ALICE) == [replace(watch, told=Told())]


async def test_reseal__with_the_newest_key(db: Database) -> None:
    old, new = new_key(), new_key()
    before = Watches(db, Keyring.parse(old))
    made = [await before.save(a_watch(number, place=Place(f"C{number}")), no_jobs) for number in (1, 2)]
    bare = await before.save(a_watch(3, snapshot=None), no_jobs)
    assert await Watches(db, Keyring.parse(f"{new},{old}")).reseal() == 2
    after = Watches(db, Keyring.parse(new))
    assert await after.of_person(ALICE) == [*made, bare]
    assert await after.reseal() == 0


# Samples


async def watched(watches: Watches, *upload_ids: str, owner: SlackUser = ALICE, host: str = HERE) -> None:
    """Let the person watch these uploads."""
    for upload_id in upload_ids:
        await watches.save(
            a_watch(
                hash((owner, host, upload_id)) % 10**9, owner=owner, vault_host=host, upload_id=upload_id
            ),
            no_jobs,
        )


async def test_samples__of_what_nobody_watches_are_not_kept(watches: Watches) -> None:
    await watched(watches, "a")
    await watches.add_samples(ALICE, HERE, NOW, {"a": 1, "b": 2})
    assert len(await watches.samples(ALICE, HERE, "a")) == 1
    assert await watches.samples(ALICE, HERE, "b") == []


async def test_samples__all_of_the_last_two_hours_then_one_in_thirty_minutes(watches: Watches) -> None:
    await watched(watches, "a", "b")
    start = NOW.replace(minute=0, second=0)
    end = start + 6 * HOUR
    for number in range(0, 361, 3):
        await watches.add_samples(ALICE, HERE, start + number * MINUTE, {"a": number, "b": 2 * number})
    found = await watches.samples(ALICE, HERE, "a")
    recent = [sample for sample in found if sample.at >= end - 2 * HOUR]
    old = [sample for sample in found if sample.at < end - 2 * HOUR]
    assert [sample.uploaded for sample in recent] == list(range(240, 361, 3))
    assert [sample.uploaded for sample in old] == list(range(0, 240, 30))
    assert all(sample.at == start + sample.uploaded * MINUTE for sample in found)
    assert [sample.uploaded for sample in await watches.samples(ALICE, HERE, "b")] == [
        2 * sample.uploaded for sample in found
    ]


async def test_samples__of_others_are_not_thinned_and_not_read(watches: Watches) -> None:
    for owner, host in ((ALICE, HERE), (BOB, HERE), (ALICE, THERE)):
        await watched(watches, "a", "b", owner=owner, host=host)
    for minute in (0, 1):
        for owner, host in ((ALICE, HERE), (BOB, HERE), (ALICE, THERE)):
            await watches.add_samples(owner, host, NOW + minute * MINUTE, {"a": minute, "b": minute})
    await watches.add_samples(ALICE, HERE, NOW + 5 * HOUR, {"a": 5})
    assert [sample.uploaded for sample in await watches.samples(ALICE, HERE, "a")] == [0, 5]
    assert len(await watches.samples(ALICE, HERE, "b")) == 2
    assert len(await watches.samples(BOB, HERE, "a")) == len(await watches.samples(ALICE, THERE, "a")) == 2
    assert await watches.samples(SlackUser("E2", "U1", "T1"), HERE, "a") == []


async def test_samples__at_the_same_moment_the_last_counts(watches: Watches) -> None:
    await watched(watches, "a")
    await watches.add_samples(ALICE, HERE, NOW, {"a": 1})
    await watches.add_samples(ALICE, HERE, NOW, {"a": 2**62})
    await watches.add_samples(ALICE, HERE, NOW + MINUTE, {})
    assert [sample.uploaded for sample in await watches.samples(ALICE, HERE, "a")] == [2**62]


# Preferences


async def test_preferences__default_kept_changed_and_forgotten(watches: Watches) -> None:
    assert await watches.preferences(ALICE) == Preferences()
    wished = Preferences(
        time_zone="Europe/Stockholm",
        time_zone_read_at=NOW,
        quiet_from=22 * 60,
        quiet_to=0,
        lead_times=(24 * HOUR, 5 * MINUTE),
    )
    await watches.save_preferences(ALICE, wished)
    await watches.save_preferences(BOB, Preferences(lead_times=()))
    assert await watches.preferences(ALICE) == wished
    assert await watches.preferences(BOB) == Preferences(lead_times=())
    plain = Preferences(time_zone="Asia/Tokyo")
    await watches.save_preferences(ALICE, plain)
    assert await watches.preferences(ALICE) == plain
    await watches.forget_preferences(ALICE)
    assert await watches.preferences(ALICE) == Preferences()
    assert await watches.preferences(BOB) == Preferences(lead_times=())
