"""The way of a file into staging: create, parts, commit, job, file."""

import base64
import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from bot.demo.vault import seed
from tests.emulators.vault_world import UPLOADS, World, error_of, open_world

ITEMS = "/api/v24.3/services/file_staging/items"
JOBS = "/api/v24.3/services/jobs"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as opened:
        limits = opened.emulator.vaults["promomats"].staging.limits
        limits.smallest_part, limits.largest_part = 10, 100
        yield opened


async def _create(world: World, who: str = "alice", **form: str) -> dict[str, Any]:
    answer = await world.call("POST", UPLOADS, who, data={"path": "new/film.mov", "size": "25", **form})
    body: dict[str, Any] = answer.json()
    return body


async def _send(
    world: World, upload_id: str, number: object, content: bytes, **headers: str
) -> dict[str, Any]:
    answer = await world.call(
        "PUT",
        f"{UPLOADS}/{upload_id}",
        headers={
            "X-VaultAPI-FilePartNumber": str(number),
            "Content-Type": "application/octet-stream",
            **headers,
        },
        content=content,
    )
    body: dict[str, Any] = answer.json()
    return body


async def _create_whole(world: World, **form: str) -> str:
    upload_id = str((await _create(world, **form))["data"]["id"])
    for number, content in ((1, b"a" * 10), (2, b"b" * 10), (3, b"c" * 5)):
        assert error_of(await _send(world, upload_id, number, content)) is None
    return upload_id


async def test_create__answers_with_a_new_session(world: World) -> None:
    record = (await _create(world, overwrite="true"))["data"]
    assert (record["path"], record["name"], record["owner"]) == ("/new/film.mov", "film.mov", 10001400)
    assert (record["size"], record["uploaded"], record["uploaded_parts"]) == (25, 0, 0)
    assert record["overwrite"] is True
    assert record["last_uploaded_date"] == record["created_date"]
    assert len(record["id"]) == 32
    assert (await world.details(record["id"], "vera"))["path"] == "/u10001400/new/film.mov"


async def test_create__by_an_admin_counts_from_the_root(world: World) -> None:
    record = (await _create(world, "vera", path="/u10001522/for-bob.zip"))["data"]
    assert record["path"] == "/u10001522/for-bob.zip"
    assert await world.error_type("GET", f"{UPLOADS}/{record['id']}", "bob") == "INVALID_DATA"


@pytest.mark.parametrize(
    ("form", "error_type"),
    [
        ({"path": ""}, "PARAMETER_REQUIRED"),
        ({"size": ""}, "PARAMETER_REQUIRED"),
        ({"size": "many"}, "INVALID_DATA"),
        ({"size": "-1"}, "INVALID_DATA"),
        ({"size": str(500 * 1024**3 + 1)}, "EXCEEDS_FILE_MAX_SIZE"),
        ({"overwrite": "perhaps"}, "INVALID_DATA"),
        ({"path": "folder/"}, "INVALID_DATA"),
        ({"path": "../u10001522/x"}, "INVALID_DATA"),
    ],
)
async def test_create__refuses(world: World, form: dict[str, str], error_type: str) -> None:
    assert error_of(await _create(world, **form)) == error_type


async def test_create__at_most_50_are_active(world: World) -> None:
    for number in range(50 - len(world.emulator.uploads("promomats"))):
        assert error_of(await _create(world, path=f"{number}")) is None
    assert error_of(await _create(world)) == "OPERATION_NOT_ALLOWED"
    world.emulator.abort(seed.BOB_ARCHIVE)
    assert error_of(await _create(world)) is None


async def test_parts__follow_in_order_and_can_be_sent_again(world: World) -> None:
    upload_id = (await _create(world))["data"]["id"]
    assert error_of(await _send(world, upload_id, 2, b"b" * 10)) == "OPERATION_NOT_ALLOWED"
    world.pass_time(minutes=3)
    body = await _send(world, upload_id, 1, b"a" * 10)
    md5 = hashlib.md5(b"a" * 10, usedforsecurity=False).hexdigest()
    assert body["data"] == {"size": 10, "part_number": 1, "part_content_md5": md5}
    assert error_of(await _send(world, upload_id, 2, b"b" * 10)) is None
    assert error_of(await _send(world, upload_id, 1, b"z" * 10)) is None
    record = await world.details(upload_id)
    assert (record["uploaded"], record["uploaded_parts"]) == (20, 2)
    assert record["last_uploaded_date"] != record["created_date"]
    parts = (await world.call("GET", f"{UPLOADS}/{upload_id}/parts")).json()["data"]
    assert parts[0]["part_content_md5"] == hashlib.md5(b"z" * 10, usedforsecurity=False).hexdigest()


async def test_parts__no_more_bytes_than_declared(world: World) -> None:
    upload_id = await _create_whole(world)
    assert error_of(await _send(world, upload_id, 4, b"d")) == "OPERATION_NOT_ALLOWED"
    assert error_of(await _send(world, upload_id, 3, b"c" * 6)) == "OPERATION_NOT_ALLOWED"
    assert (await world.details(upload_id))["uploaded"] == 25


@pytest.mark.parametrize(
    ("number", "content", "error_type"),
    [
        ("", b"b" * 10, "PARAMETER_REQUIRED"),
        ("two", b"b" * 10, "INVALID_DATA"),
        ("0", b"b" * 10, "INVALID_DATA"),
        ("2", b"", "OPERATION_NOT_ALLOWED"),
        ("2", b"b" * 9, "OPERATION_NOT_ALLOWED"),
        ("2", b"b" * 11, "OPERATION_NOT_ALLOWED"),
        ("2", b"b" * 101, "OPERATION_NOT_ALLOWED"),
        ("2001", b"b" * 10, "OPERATION_NOT_ALLOWED"),
    ],
)
async def test_parts__refuses(world: World, number: str, content: bytes, error_type: str) -> None:
    upload_id = (await _create(world))["data"]["id"]
    assert error_of(await _send(world, upload_id, 1, b"a" * 10)) is None
    assert error_of(await _send(world, upload_id, number, content)) == error_type
    assert (await world.details(upload_id))["uploaded"] == 10


async def test_parts__md5_is_checked_if_given(world: World) -> None:
    upload_id = (await _create(world))["data"]["id"]
    digest = hashlib.md5(b"a" * 10, usedforsecurity=False)
    wrong = await _send(world, upload_id, 1, b"b" * 10, **{"Content-MD5": digest.hexdigest()})
    assert error_of(wrong) == "INVALID_DATA"
    for right in (digest.hexdigest(), base64.b64encode(digest.digest()).decode()):
        assert error_of(await _send(world, upload_id, 1, b"a" * 10, **{"Content-MD5": right})) is None


async def test_life__is_not_lengthened_by_parts(world: World) -> None:
    before = (await _create(world))["data"]
    world.pass_time(hours=71)
    await _send(world, before["id"], 1, b"a" * 10)
    assert (await world.details(before["id"]))["expiration_date"] == before["expiration_date"]


async def test_commit__only_when_every_byte_is_there(world: World) -> None:
    upload_id = (await _create(world))["data"]["id"]
    await _send(world, upload_id, 1, b"a" * 10)
    assert await world.error_type("POST", f"{UPLOADS}/{upload_id}") == "OPERATION_NOT_ALLOWED"
    assert (await world.details(upload_id))["uploaded"] == 10


async def test_commit__becomes_a_job_and_then_a_file(world: World) -> None:
    upload_id = await _create_whole(world)
    data = (await world.call("POST", f"{UPLOADS}/{upload_id}")).json()["data"]
    assert data["url"] == f"{JOBS}/{data['job_id']}"
    assert upload_id not in {record["id"] for record in await world.listed("alice")}

    async def status(who: str = "alice") -> dict[str, Any]:
        body = (await world.call("GET", data["url"], who)).json()
        assert body["responseMessage"] == "OK"
        job: dict[str, Any] = body["data"]
        return job

    queued = await status()
    assert (queued["id"], queued["status"], queued["created_by"]) == (data["job_id"], "QUEUED", 10001400)
    assert queued["links"][0]["href"] == data["url"]
    assert "run_start_date" not in queued
    assert await world.error_type("GET", data["url"]) == "API_LIMIT_EXCEEDED"
    assert await world.error_type("GET", f"{ITEMS}/new") == "INVALID_DATA"
    world.pass_time(seconds=10)
    running = await status()
    assert running["status"] == "RUNNING"
    assert "run_start_date" in running
    assert "run_end_date" not in running
    world.pass_time(seconds=30)
    done = await status("vera")
    assert (done["status"], done["links"]) == ("SUCCESS", [])
    assert done["run_end_date"] > done["run_start_date"]
    items = (await world.call("GET", f"{ITEMS}/new")).json()["data"]
    assert [(item["path"], item["size"]) for item in items] == [("/new/film.mov", 25)]
    assert items[0]["modified_date"] == done["run_end_date"]


async def test_job__is_for_who_committed_and_admins(world: World) -> None:
    job = world.emulator.commit(seed.BOB_UNCOMMITTED)
    world.pass_time(minutes=1)
    assert await world.error_type("GET", f"{JOBS}/{job.id}", "alice") == "INVALID_DATA"
    assert await world.error_type("GET", f"{JOBS}/{job.id}", "vera") is None
    assert await world.error_type("GET", f"{JOBS}/nonsense", "vera") == "INVALID_DATA"


async def test_overwrite__is_asked_for_at_creation_and_by_the_job(world: World) -> None:
    first, second, third = [await _create_whole(world, **form) for form in ({}, {}, {"overwrite": "true"})]
    assert await world.error_type("POST", f"{UPLOADS}/{first}") is None
    world.pass_time(minutes=5)
    assert error_of(await _create(world)) == "ITEM_NAME_EXISTS"
    assert error_of(await _create(world, overwrite="true")) is None
    jobs = [world.emulator.commit(upload_id) for upload_id in (second, third)]
    later = world.clock.now() + timedelta(hours=1)
    assert [job.status(later) for job in jobs] == ["ERRORS_ENCOUNTERED", "SUCCESS"]


async def test_items__are_shown_from_ones_own_directory(world: World) -> None:
    for path in ("a/1.txt", "a/deep/2.txt", "3.txt"):
        upload = world.emulator.create_upload("alice", path, 20, part_size=20)
        world.emulator.finish_bytes(upload.id)
        world.emulator.commit(upload.id)
    world.pass_time(minutes=1)

    async def items(path: str, who: str = "alice") -> list[str]:
        answer = (await world.call("GET", ITEMS + path, who)).json()
        return [f"{item['kind']} {item['path']}" for item in answer["data"]]

    assert await items("") == ["file /3.txt", "folder /a"]
    assert await items("/a") == ["file /a/1.txt", "folder /a/deep"]
    assert await items("/a?recursive=true") == [
        "file /a/1.txt",
        "folder /a/deep",
        "file /a/deep/2.txt",
    ]
    assert await items("", "bob") == []
    assert await items("", "vera") == ["folder /u10001400"]
    assert await items("/u10001400/a", "vera") == ["file /u10001400/a/1.txt", "folder /u10001400/a/deep"]
    assert await world.error_type("GET", f"{ITEMS}/a", "bob") == "INVALID_DATA"
    first = (await world.call("GET", f"{ITEMS}/a?recursive=true&limit=2")).json()
    rest = (await world.call("GET", first["responseDetails"]["next_page"])).json()
    assert [item["name"] for item in first["data"] + rest["data"]] == ["1.txt", "deep", "2.txt"]


async def test_items__of_a_folder_with_an_odd_name(world: World) -> None:
    for number in range(3):
        upload = world.emulator.create_upload("alice", f"50% odd? #é/{number}.txt", 20)
        world.emulator.finish_bytes(upload.id)
        world.emulator.commit(upload.id)
    world.pass_time(minutes=1)
    first = (await world.call("GET", f"{ITEMS}/{quote('50% odd? #é')}?limit=2")).json()
    rest = (await world.call("GET", first["responseDetails"]["next_page"])).json()
    shown = [item["path"] for item in first["data"] + rest["data"]]
    assert shown == [f"/50% odd? #é/{number}.txt" for number in range(3)]
