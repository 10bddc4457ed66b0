"""The demo's first data, as people see it over the API."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.demo.vault import seed
from tests.emulators.vault_world import World, open_world

ALICES = {
    seed.CHOLECAP,
    seed.ALICE_NOT_STARTED,
    seed.ALICE_STALLED,
    seed.ALICE_UNCOMMITTED,
    seed.ALICE_EXPIRING,
    seed.ALICE_MOVING,
    seed.ALICE_OLD_STYLE,
    seed.ALICE_AWKWARD,
}
BOBS = {seed.BOB_ARCHIVE, seed.BOB_UPLOADING, seed.BOB_UNCOMMITTED}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as opened:
        yield opened


def _at(record: dict[str, Any], name: str) -> datetime:
    return datetime.fromisoformat(record[name])


@pytest.mark.parametrize("who", ["alice", "vera"])
async def test_cholecap__is_the_published_example(world: World, who: str) -> None:
    record = await world.details(seed.CHOLECAP, who)
    assert record["path"] == "/u10001400/cholecap-2021/Cholecap-Commercial-2021.mp4"
    assert record["name"] == "Cholecap-Commercial-2021.mp4"
    assert (record["size"], record["uploaded"], record["uploaded_parts"]) == (32862312, 10485760, 2)
    assert record["owner"] == 10001400
    assert timedelta(0) < world.clock.now() - _at(record, "last_uploaded_date") < timedelta(minutes=10)
    parts = (await world.call("GET", f"/api/v24.3/services/file_staging/upload/{seed.CHOLECAP}/parts")).json()
    assert [part["size"] for part in parts["data"]] == [5242880, 5242880]


def test_cholecap__has_an_id_of_the_old_style() -> None:
    assert len(seed.CHOLECAP) >= 70
    assert seed.CHOLECAP.endswith("--")
    assert {"_", "."} < set(seed.CHOLECAP)
    assert all(letter.isascii() and (letter.isalnum() or letter in "._-") for letter in seed.CHOLECAP)


async def test_list__shows_each_their_own_and_the_admin_all(world: World) -> None:
    assert {one["id"] for one in await world.listed("alice")} == ALICES
    assert {one["id"] for one in await world.listed("bob")} == BOBS
    assert {one["id"] for one in await world.listed("vera")} == ALICES | BOBS | {seed.VERA_ROOT}
    quality = await world.listed("alice", vault="quality")
    assert [one["id"] for one in quality] == [seed.ALICE_QUALITY]
    assert [one["id"] for one in await world.listed("bob", vault="quality")] == [seed.BOB_QUALITY]


async def test_phases__are_all_there(world: World) -> None:
    records = {one["id"]: one for one in await world.listed("alice")}
    now = world.clock.now()
    started = records[seed.ALICE_NOT_STARTED]
    assert (started["uploaded"], started["uploaded_parts"], started["size"]) == (0, 0, 40 * 1024**3)
    assert started["last_uploaded_date"] == started["created_date"]
    stalled = records[seed.ALICE_STALLED]
    assert now - _at(stalled, "last_uploaded_date") >= timedelta(hours=5)
    assert 0 < stalled["uploaded"] < stalled["size"]
    waiting = records[seed.ALICE_UNCOMMITTED]
    assert waiting["uploaded"] == waiting["size"]
    assert timedelta(0) < _at(records[seed.ALICE_EXPIRING], "expiration_date") - now < timedelta(minutes=50)
    old = records[seed.ALICE_OLD_STYLE]
    assert "name" not in old
    assert "overwrite" not in old
    awkward = records[seed.ALICE_AWKWARD]["name"]
    assert all(letter in awkward for letter in '<>&"*_`~é')
    assert len(awkward.encode()) <= 218


async def test_moving__grows_with_the_clock(world: World) -> None:
    before = await world.details(seed.ALICE_MOVING)
    world.pass_time(minutes=10)
    after = await world.details(seed.ALICE_MOVING)
    assert after["uploaded"] - before["uploaded"] == pytest.approx(3600 * 1024**2, abs=50 * 1024**2)
    assert after["uploaded_parts"] - before["uploaded_parts"] == 72
    assert timedelta(0) <= world.clock.now() - _at(after, "last_uploaded_date") < timedelta(seconds=10)


async def test_every_upload__expires_72_hours_after_creation(world: World) -> None:
    for record in await world.listed("vera"):
        assert _at(record, "expiration_date") - _at(record, "created_date") == timedelta(hours=72)


async def test_people__are_known_by_their_tokens(world: World) -> None:
    ids = {"alice": 10001400, "bob": 10001522, "vera": 10000012, "nils": 10001777}
    assert set(ids) == set(seed.PASSWORDS)
    for who, user_id in ids.items():
        for vault in ("promomats", "quality"):
            assert world.emulator.access_token(who, vault) == seed.ACCESS_TOKENS[who, vault]
            me = (await world.call("GET", "/api/v24.3/objects/users/me", who, vault=vault)).json()
            assert me["users"][0]["user"]["id"] == user_id
    assert len(set(seed.ACCESS_TOKENS.values())) == 8


async def test_nils__may_call_yet_not_use_file_staging(world: World) -> None:
    assert await world.error_type("GET", "/api/v24.3/objects/users/me", "nils") is None
    path = "/api/v24.3/services/file_staging/upload"
    assert await world.error_type("GET", path, "nils") == "INSUFFICIENT_ACCESS"
