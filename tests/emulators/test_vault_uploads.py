"""Who sees which upload session, in what words, and in how many pages."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from bot.demo.vault import NotVisible, seed
from tests.emulators.vault_world import PARTS_OF_5_MB, UPLOADS, World, open_world

FIELDS = {
    "path",
    "name",
    "id",
    "expiration_date",
    "created_date",
    "last_uploaded_date",
    "owner",
    "uploaded_parts",
    "size",
    "uploaded",
    "overwrite",
}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as opened:
        yield opened


async def _all_pages(world: World, path: str, who: str) -> list[list[dict[str, Any]]]:
    pages: list[list[dict[str, Any]]] = []
    url: str | None = path
    while url:
        body = (await world.call("GET", url, who)).json()
        assert body["responseStatus"] == "SUCCESS"
        pages.append(body["data"])
        url = body.get("responseDetails", {}).get("next_page")
        assert url is None or url.startswith(f"{world.emulator.vaults['promomats'].url}{path.split('?')[0]}?")
    return pages


async def test_record__has_the_documented_fields(world: World) -> None:
    record = await world.details(seed.ALICE_STALLED)
    assert set(record) == FIELDS
    assert isinstance(record["owner"], int)
    for name in ("expiration_date", "created_date", "last_uploaded_date"):
        assert len(record[name]) == 24
        assert record[name].endswith(".000Z")
    assert record in await world.listed("alice")


async def test_path__is_rendered_for_the_viewer(world: World) -> None:
    alice, vera = await world.details(seed.ALICE_STALLED), await world.details(seed.ALICE_STALLED, "vera")
    assert alice["path"] == "/wave2/Safety-Narratives-wave2.zip"
    assert vera["path"] == "/u10001400/wave2/Safety-Narratives-wave2.zip"
    assert {**alice, "path": ""} == {**vera, "path": ""}
    root = await world.details(seed.VERA_ROOT, "vera")
    assert root["path"] == "/migration-wave-3.csv.gz"


async def test_optional_fields__can_be_left_out(world: World) -> None:
    world.emulator.omit_optional_fields = True
    assert set(await world.details(seed.CHOLECAP)) == FIELDS - {"name", "overwrite"}
    for record in await world.listed("alice"):
        assert set(record) == FIELDS - {"name", "overwrite"}


async def test_list__is_sorted_by_creation_and_one_page(world: World) -> None:
    body = (await world.call("GET", UPLOADS, "vera")).json()
    created = [record["created_date"] for record in body["data"]]
    assert created == sorted(created)
    assert "responseDetails" not in body


async def test_list__of_nothing_is_empty(world: World) -> None:
    for upload in world.emulator.uploads("quality"):
        world.emulator.abort(upload.id)
    assert (await world.call("GET", UPLOADS, vault="quality")).json() == {
        "responseStatus": "SUCCESS",
        "data": [],
    }


@pytest.mark.parametrize("size", [1, 5, 11, 12, 13])
async def test_list__in_pages_is_the_same_list(world: World, size: int) -> None:
    whole = await world.listed("vera")
    assert len(whole) == 12
    world.emulator.page_size = size
    pages = await _all_pages(world, UPLOADS, "vera")
    assert [record for page in pages for record in page] == whole
    assert [len(page) for page in pages[:-1]] == [size] * (len(pages) - 1)
    assert len(pages) == -(-12 // size)


async def test_list__next_page_survives_what_ends_meanwhile(world: World) -> None:
    whole = await world.listed("vera")
    world.emulator.page_size = 4
    first = (await world.call("GET", UPLOADS, "vera")).json()
    for record in first["data"]:
        world.emulator.abort(record["id"])
    second = (await world.call("GET", first["responseDetails"]["next_page"], "vera")).json()
    assert second["data"] == whole[4:8]


async def test_cursor__is_good_for_30_minutes_and_shows_nothing_foreign(world: World) -> None:
    world.emulator.page_size = 4
    next_page = (await world.call("GET", UPLOADS, "vera")).json()["responseDetails"]["next_page"]
    as_bob = (await world.call("GET", next_page, "bob")).json()
    assert {record["owner"] for record in as_bob["data"]} == {10001522}
    world.pass_time(minutes=29)
    assert await world.error_type("GET", next_page, "vera") is None
    world.pass_time(minutes=1)
    assert await world.error_type("GET", next_page, "vera") == "INVALID_DATA"


@pytest.mark.parametrize("cursor", ["x", "", "%FF", "W10=", "WyJhIiwxXQ==", "WzEsImEiLCJiIl0=", "e30="])
async def test_cursor__that_nobody_made(world: World, cursor: str) -> None:
    assert await world.error_type("GET", f"{UPLOADS}?cursor={cursor}") == "INVALID_DATA"


async def test_parts__come_in_pages_of_the_wished_length(world: World) -> None:
    path = f"{UPLOADS}/{seed.ALICE_STALLED}/parts"
    whole = (await world.call("GET", path)).json()["data"]
    assert [part["part_number"] for part in whole] == list(range(1, 122))
    assert set(whole[0]) == {"size", "part_number", "part_content_md5"}
    pages = await _all_pages(world, f"{path}?limit=50", "alice")
    assert [len(page) for page in pages] == [50, 50, 21]
    assert [part for page in pages for part in page] == whole
    first = (await world.call("GET", f"{path}?limit=2")).json()["responseDetails"]["next_page"]
    assert urlsplit(first).query.endswith("&limit=2")
    none = await world.call("GET", f"{UPLOADS}/{seed.ALICE_NOT_STARTED}/parts")
    assert none.json() == {"responseStatus": "SUCCESS", "data": []}


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "ten", "1e2", "99999999999999999999"])
async def test_parts__limit_out_of_range(world: World, limit: str) -> None:
    path = f"{UPLOADS}/{seed.CHOLECAP}/parts?limit={limit}"
    assert await world.error_type("GET", path) == "INVALID_DATA"


def _told(answer: httpx.Response) -> tuple[int, str, bytes]:
    return answer.status_code, answer.headers["content-type"], answer.content


@pytest.mark.parametrize("variant", list(NotVisible))
async def test_not_visible__reads_alike_for_every_reason(world: World, variant: NotVisible) -> None:
    world.emulator.not_visible = variant
    world.emulator.abort(seed.ALICE_STALLED)
    world.emulator.commit(seed.ALICE_UNCOMMITTED)
    world.emulator.expire(seed.ALICE_OLD_STYLE)
    gone = {
        "unknown": "ffffffffffffffffffffffffffffffff",
        "odd": "no such-id",
        "foreign": seed.BOB_ARCHIVE,
        "other Vault": seed.ALICE_QUALITY,
        "aborted": seed.ALICE_STALLED,
        "committed": seed.ALICE_UNCOMMITTED,
        "expired just now": seed.ALICE_OLD_STYLE,
        "expired long ago": seed.ALICE_EXPIRED,
    }
    calls = [("GET", ""), ("DELETE", ""), ("GET", "/parts"), ("PUT", ""), ("POST", "")]
    told = {
        _told(await world.call(method, f"{UPLOADS}/{upload_id}{rest}"))
        for method, rest in calls
        for upload_id in gone.values()
    }
    assert len(told) == 1
    status, content_type, body = told.pop()
    if variant is NotVisible.HTTP_404:
        assert (status, content_type) == (404, "text/html;charset=UTF-8")
    else:
        assert status == 200
        assert f'"type": "{variant.value}"'.encode() in body
    assert (await world.details(seed.BOB_ARCHIVE, "bob"))["uploaded"] > 0


async def test_expiry__comes_by_the_clock(world: World) -> None:
    world.pass_time(minutes=46, seconds=59)
    assert (await world.details(seed.ALICE_EXPIRING))["id"] == seed.ALICE_EXPIRING
    world.pass_time(seconds=1)
    assert await world.error_type("GET", f"{UPLOADS}/{seed.ALICE_EXPIRING}") == "INVALID_DATA"
    assert seed.ALICE_EXPIRING not in {record["id"] for record in await world.listed("vera")}


async def test_abort__is_for_owner_and_admin(world: World) -> None:
    path = f"{UPLOADS}/{seed.BOB_ARCHIVE}"
    assert await world.error_type("DELETE", path, "alice") == "INVALID_DATA"
    assert await world.error_type("DELETE", path, "vera") is None
    assert await world.error_type("GET", path, "bob") == "INVALID_DATA"
    ended = await world.call("DELETE", f"{UPLOADS}/{seed.CHOLECAP}")
    assert ended.json() == {"responseStatus": "SUCCESS"}


async def test_sending__is_for_the_owner_alone(world: World) -> None:
    upload = world.emulator.create_upload("bob", "f.bin", PARTS_OF_5_MB)
    path, part = f"{UPLOADS}/{upload.id}", {"X-VaultAPI-FilePartNumber": "1"}
    assert await world.error_type("PUT", path, "vera", headers=part, content=b"x") == "INSUFFICIENT_ACCESS"
    world.emulator.finish_bytes(upload.id)
    assert await world.error_type("POST", path, "vera") == "INSUFFICIENT_ACCESS"
    assert await world.error_type("POST", path, "bob") is None
