"""What the demo's page does behind the API: uploads, people and callbacks."""

from collections.abc import AsyncIterator

import pytest

from bot.demo.clock import DemoClock
from bot.demo.vault import Domain, VaultEmulator, seed
from bot.demo.vault.envelope import RefusedError
from tests.emulators.vault_world import PARTS_OF_5_MB, World, open_world

GIBIBYTE = 1024**3


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as opened:
        yield opened


async def test_create__is_seen_by_its_owner(world: World) -> None:
    upload = world.emulator.create_upload("bob", "talks/one.mp4", 3 * PARTS_OF_5_MB - 1, vault="quality")
    record = await world.details(upload.id, "bob", vault="quality")
    assert (record["path"], record["uploaded"], record["size"]) == (
        "/talks/one.mp4",
        0,
        3 * PARTS_OF_5_MB - 1,
    )
    assert upload.path == "/u10001522/talks/one.mp4"


async def test_send_part__until_all_is_there(world: World) -> None:
    upload = world.emulator.create_upload("bob", "one.mp4", 3 * PARTS_OF_5_MB - 1)
    sizes = [world.emulator.send_part(upload.id).size for _ in range(3)]
    assert sizes == [PARTS_OF_5_MB, PARTS_OF_5_MB, PARTS_OF_5_MB - 1]
    with pytest.raises(RefusedError, match="No further"):
        world.emulator.send_part(upload.id)
    assert (await world.details(upload.id, "bob"))["uploaded"] == upload.size


async def test_send_part__of_another_size(world: World) -> None:
    part = world.emulator.send_part(seed.CHOLECAP, 1000)
    assert (part.number, part.size) == (3, 1000)
    assert (await world.details(seed.CHOLECAP))["uploaded"] == 10486760


async def test_part_size__fits_large_files_into_2000_parts(world: World) -> None:
    upload = world.emulator.create_upload("bob", "large.bin", 90 * GIBIBYTE)
    world.emulator.finish_bytes(upload.id)
    record = await world.details(upload.id, "bob")
    assert record["uploaded"] == 90 * GIBIBYTE
    assert 1000 < record["uploaded_parts"] <= 2000


async def test_let_run__brings_whole_parts_by_the_clock(world: World) -> None:
    upload = world.emulator.create_upload("alice", "run.bin", 10 * PARTS_OF_5_MB)
    world.emulator.let_run(upload.id, PARTS_OF_5_MB / 10)
    world.pass_time(seconds=9)
    assert (await world.details(upload.id))["uploaded_parts"] == 0
    world.pass_time(seconds=26)
    record = await world.details(upload.id)
    assert (record["uploaded_parts"], record["uploaded"]) == (3, 3 * PARTS_OF_5_MB)
    world.emulator.stall(upload.id)
    world.pass_time(hours=1)
    assert (await world.details(upload.id))["uploaded_parts"] == 3
    world.emulator.let_run(upload.id, PARTS_OF_5_MB)
    world.pass_time(hours=1)
    assert (await world.details(upload.id))["uploaded"] == 10 * PARTS_OF_5_MB
    with pytest.raises(ValueError, match="more than 0"):
        world.emulator.let_run(upload.id, 0)


async def test_finish_and_commit__makes_a_staged_file(world: World) -> None:
    with pytest.raises(RefusedError, match="Not every byte"):
        world.emulator.commit(seed.CHOLECAP)
    world.emulator.finish_bytes(seed.CHOLECAP)
    assert (await world.details(seed.CHOLECAP))["uploaded"] == 32862312
    job = world.emulator.commit(seed.CHOLECAP)
    assert job.status(world.clock.now()) == "QUEUED"
    world.pass_time(minutes=1)
    staging = world.emulator.vaults["promomats"].staging
    staging.finish_jobs(world.clock.now())
    assert list(staging.files) == ["/u10001400/cholecap-2021/Cholecap-Commercial-2021.mp4"]


@pytest.mark.parametrize("end", ["abort", "expire"])
async def test_ends__are_no_longer_there(world: World, end: str) -> None:
    getattr(world.emulator, end)(seed.CHOLECAP)
    with pytest.raises(KeyError, match=seed.CHOLECAP):
        world.emulator.upload(seed.CHOLECAP)
    assert seed.CHOLECAP not in {upload.id for upload in world.emulator.uploads("promomats")}


async def test_people__are_found_by_any_name(world: World) -> None:
    alice = world.emulator.users["alice"]
    for name in ("alice", "alice@nordlicht.example", 10001400, alice):
        assert world.emulator.domain.user(name) is alice
    with pytest.raises(KeyError, match="mallory"):
        world.emulator.domain.user("mallory")


async def test_on_change__calls_for_controls_and_for_the_api(world: World) -> None:
    changes: list[int] = []
    end = world.emulator.on_change(lambda: changes.append(1))
    world.emulator.send_part(seed.CHOLECAP)
    assert len(changes) == 1
    await world.listed("alice")
    assert len(changes) == 1
    path = f"/api/v24.3/services/file_staging/upload/{seed.CHOLECAP}"
    await world.call("DELETE", path, "bob")
    assert len(changes) == 1
    await world.call("DELETE", path)
    assert len(changes) == 2
    end()
    world.emulator.abort(seed.ALICE_STALLED)
    assert len(changes) == 2


async def test_start__serves_each_vault_on_its_port_and_keeps_the_state() -> None:
    clock = DemoClock()
    emulator = VaultEmulator(clock=clock, domain=Domain.seeded(clock.now()))
    with pytest.raises(ValueError, match="more ports"):
        await emulator.start(ports=(0, 0, 0))
    await emulator.start()
    ports = [int(vault.dns.rpartition(":")[2]) for vault in emulator.vaults.values()]
    assert len(set(ports)) == 2
    with pytest.raises(RuntimeError, match="running"):
        await emulator.start()
    emulator.abort(seed.CHOLECAP)
    await emulator.stop()
    await emulator.start(ports=ports)
    try:
        assert [int(vault.dns.rpartition(":")[2]) for vault in emulator.vaults.values()] == ports
        with pytest.raises(KeyError):
            emulator.upload(seed.CHOLECAP)
    finally:
        await emulator.stop()
