"""What every answer has: envelope, headers, versions, limits; and what the log keeps of it."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest

from bot.demo.vault import COVERAGE, Exchange, Kind, faults, seed
from bot.demo.vault.endpoints.table import ENDPOINTS
from tests.emulators.vault_world import UPLOADS, World, open_world

ME = "/api/v24.3/objects/users/me"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as opened:
        yield opened


def test_coverage__is_the_table_of_endpoints() -> None:
    covered = [(entry.method, entry.path) for entry in COVERAGE]
    assert sorted(covered) == sorted((endpoint.method, endpoint.path) for endpoint in ENDPOINTS)
    assert len(covered) == len(set(covered))
    assert all(entry.note for entry in COVERAGE)
    assert {endpoint.kind for endpoint in ENDPOINTS} == set(Kind) - {Kind.UNKNOWN}


async def test_headers__are_on_every_answer(world: World) -> None:
    answer = await world.call("GET", ME, headers={"X-VaultAPI-ReferenceId": "ref 7"})
    assert uuid.UUID(answer.headers["x-vaultapi-executionid"]).version == 4
    assert answer.headers["x-vaultapi-vaultid"] == "48120"
    assert answer.headers["x-vaultapi-userid"] == "10001400"
    assert answer.headers["x-vaultapi-burstlimit"] == "2000"
    assert answer.headers["x-vaultapi-burstlimitremaining"] == "1999"
    assert answer.headers["x-vaultapi-status"] == "SUCCESS"
    assert answer.headers["x-vaultapi-referenceid"] == "ref 7"
    assert answer.headers["cache-control"] == "no-store, no-cache"
    assert answer.headers["content-type"] == "application/json;charset=UTF-8"
    failed = await world.call("GET", ME, None)
    assert failed.headers["x-vaultapi-status"] == "FAILURE"
    assert "x-vaultapi-userid" not in failed.headers
    assert "x-vaultapi-referenceid" not in failed.headers
    assert failed.headers["x-vaultapi-executionid"] != answer.headers["x-vaultapi-executionid"]
    other = await world.call("GET", ME, vault="quality")
    assert other.headers["x-vaultapi-vaultid"] == "48133"


async def test_headers__came_with_their_versions(world: World) -> None:
    old = await world.call("GET", "/api/v23.1/objects/users/me", headers={"x-vaultapi-referenceid": "r"})
    assert "x-vaultapi-status" not in old.headers
    newer = await world.call("GET", "/api/v23.2/objects/users/me", headers={"x-vaultapi-referenceid": "r"})
    assert newer.headers["x-vaultapi-status"] == "SUCCESS"
    assert "x-vaultapi-referenceid" not in newer.headers


async def test_headers__of_requests_are_read_in_any_case(world: World) -> None:
    token = seed.ACCESS_TOKENS["alice", "promomats"]
    answer = await world.call("GET", ME, None, headers={"aUTHORIZATION": f"Bearer {token}"})
    assert answer.json()["responseStatus"] == "SUCCESS"


async def test_versions__are_listed_with_their_addresses(world: World) -> None:
    values = (await world.call("GET", "/api/")).json()["values"]
    assert values["v24.3"] == f"{world.emulator.vaults['promomats'].url}/api/v24.3"
    assert (next(iter(values)), list(values)[-1]) == ("v20.3", "v26.2")
    world.emulator.versions = ["v24.3"]
    assert list((await world.call("GET", "/api/")).json()["values"]) == ["v24.3"]
    assert (await world.call("GET", "/api/v24.2/objects/users/me")).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api/v20.2/objects/users/me",
        "/api/v26.3/objects/users/me",
        "/api/24.3/objects/users/me",
        "/api/v24.3/nowhere",
        "/api/v24.3/services/file_staging/upload/a/b",
    ],
)
async def test_lost_page__is_a_plain_404_with_html(world: World, path: str) -> None:
    answer = await world.call("GET", path)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "x-vaultapi-executionid" in answer.headers


async def test_method__unknown_to_a_path(world: World) -> None:
    assert await world.error_type("PATCH", ME) == "METHOD_NOT_SUPPORTED"


async def test_host__of_others_is_refused(world: World) -> None:
    port = world.emulator.vaults["promomats"].dns.rpartition(":")[2]
    answer = await world.call("GET", ME, headers={"Host": f"rebound.example:{port}"})
    assert answer.status_code == 403


async def test_burst_limit__delays_and_does_not_refuse(world: World) -> None:
    world.emulator.burst_limit = 2
    world.emulator.burst_delay = 0.05
    answers = [await world.call("GET", ME) for _ in range(3)]
    assert [answer.headers["x-vaultapi-burstlimitremaining"] for answer in answers] == ["1", "0", "0"]
    assert ["x-vaultapi-responsedelay" in answer.headers for answer in answers] == [False, False, True]
    assert answers[2].headers["x-vaultapi-responsedelay"] == "50"
    assert answers[2].json()["responseStatus"] == "SUCCESS"
    assert world.emulator.log[-1].seconds >= 0.05
    elsewhere = await world.call("GET", ME, vault="quality")
    assert elsewhere.headers["x-vaultapi-burstlimitremaining"] == "1"
    world.pass_time(minutes=5)
    again = await world.call("GET", ME)
    assert again.headers["x-vaultapi-burstlimitremaining"] == "1"


async def test_client_ids__can_be_filtered(world: World) -> None:
    world.emulator.client_ids = frozenset({"vault-upload-bot"})
    for headers, query, error_type in (
        ({"X-VaultAPI-ClientID": "vault-upload-bot"}, "", None),
        ({"X-VaultAPI-ClientID": "other"}, "", "INSUFFICIENT_ACCESS"),
        ({"X-VaultAPI-ClientID": "other"}, "?client_id=vault-upload-bot", None),
        ({}, "", "INSUFFICIENT_ACCESS"),
    ):
        assert await world.error_type("GET", ME + query, headers=headers) == error_type


async def test_client_id__is_logged_as_vault_does(world: World) -> None:
    await world.call("GET", ME)
    for given in ("fine.name_1-x", "not fine", "x" * 101):
        await world.call("GET", ME, headers={"X-VaultAPI-ClientID": given})
    logged = [entry.client_id for entry in world.emulator.log]
    assert logged == ["unknown", "fine.name_1-x", "invalid_client_id", "invalid_client_id"]


async def test_log__tells_who_did_what(world: World) -> None:
    seen: list[Exchange] = []
    end = world.emulator.on_exchange(seen.append)
    await world.call("GET", f"{UPLOADS}/{seed.BOB_ARCHIVE}?x=1", "alice")
    end()
    await world.call("GET", ME, "bob")
    first, second = world.emulator.log
    assert seen == [first]
    assert (first.method, first.path) == ("GET", f"{UPLOADS}/{seed.BOB_ARCHIVE}?x=1")
    assert (first.endpoint, first.user, first.vault) == (Kind.UPLOAD_DETAILS, "alice", "promomats")
    assert (first.status, first.response_status, first.error_type) == (200, "FAILURE", "INVALID_DATA")
    assert first.at == world.clock.now()
    assert (second.user, second.response_status, second.error_type) == ("bob", "SUCCESS", None)
    assert "Tanaka" in second.response_body
    assert second.number == first.number + 1


async def test_log__keeps_no_secret(world: World) -> None:
    session = (await world.log_in("alice"))["sessionId"]
    token = seed.ACCESS_TOKENS["alice", "promomats"]
    await world.log_in("alice", password="a wrong secret")
    await world.call("GET", ME, authorization=session)
    await world.call("GET", f"{ME}?password=a+wrong+secret&token={token}", authorization=f"Bearer {token}")
    await world.call("POST", "/api/v24.3/auth", None, json={"password": "a wrong secret"})
    await world.call("POST", "/auth/discovery", None, data={"username": token})
    told = repr(list(world.emulator.log)) + repr(world.emulator.users) + repr(world.emulator.domain.logins)
    for secret in (session, token, "alice-demo-1", "a wrong secret", "a+wrong+secret"):
        assert secret not in told
    assert "alice@nordlicht.example" in told


async def test_calls__are_counted_by_kind_and_vault(world: World) -> None:
    await world.call("GET", ME)
    await world.call("GET", UPLOADS)
    await world.call("GET", UPLOADS, vault="quality")
    await world.call("GET", "/nowhere")
    assert world.emulator.calls() == 4
    assert world.emulator.calls(Kind.LIST_UPLOADS) == 2
    assert world.emulator.calls("list_uploads", vault="quality") == 1
    world.emulator.forget_calls()
    assert world.emulator.calls() == 0
    with pytest.raises(ValueError, match="not a valid Kind"):
        world.emulator.calls("typo")


async def test_many_calls__run_beside_each_other(world: World) -> None:
    world.emulator.faults.add(faults.Delay(0.3), times=None)
    loop = asyncio.get_running_loop()
    started = loop.time()
    answers = await asyncio.gather(*(world.call("GET", UPLOADS) for _ in range(90)))
    assert {answer.status_code for answer in answers} == {200}
    # One after the other they take 27 seconds.
    assert loop.time() - started < 20
