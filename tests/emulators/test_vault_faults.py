"""Faults on demand: each one is felt by a real client, and goes away."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from bot.demo.vault import Kind, faults, seed
from tests.emulators.vault_world import UPLOADS, World, error_of, open_world

ME = "/api/v24.3/objects/users/me"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as opened:
        yield opened


async def test_plan__counted_faults_strike_one_after_another(world: World) -> None:
    world.emulator.faults.add(faults.UnexpectedError(), times=2)
    world.emulator.faults.add(faults.Status(502))
    outcomes = [(await world.call("GET", ME)).status_code for _ in range(2)]
    assert outcomes == [200, 200]
    assert (await world.call("GET", ME)).status_code == 502
    assert await world.error_type("GET", ME) is None
    assert world.emulator.faults.planned == []


async def test_plan__standing_faults_join_counted_ones_until_cleared(world: World) -> None:
    standing = world.emulator.faults.add(faults.WrongVaultId(7), times=None)
    world.emulator.faults.add(faults.UnexpectedError())
    crashed = await world.call("GET", ME)
    assert (error_of(crashed.json()), crashed.headers["x-vaultapi-vaultid"]) == ("UNEXPECTED_ERROR", "7")
    assert (await world.call("GET", ME)).headers["x-vaultapi-vaultid"] == "7"
    world.emulator.faults.remove(standing)
    assert (await world.call("GET", ME)).headers["x-vaultapi-vaultid"] == "48120"
    world.emulator.faults.add(faults.Status(500), times=None)
    world.emulator.faults.clear()
    assert (await world.call("GET", ME)).status_code == 200


async def test_plan__goes_by_endpoint_and_vault(world: World) -> None:
    world.emulator.faults.add(faults.Status(500), None, Kind.LIST_UPLOADS)
    world.emulator.faults.add(faults.Status(503), None, "me", vault="quality")
    assert (await world.call("GET", UPLOADS)).status_code == 500
    assert (await world.call("GET", ME)).status_code == 200
    assert (await world.call("GET", ME, vault="quality")).status_code == 503


async def test_plan__refuses_nonsense(world: World) -> None:
    with pytest.raises(ValueError, match="at least once"):
        world.emulator.faults.add(faults.EmptyBody(), times=0)
    with pytest.raises(ValueError, match="not a valid Kind"):
        world.emulator.faults.add(faults.EmptyBody(), endpoint="typo")


async def test_delay__makes_only_that_call_slow(world: World) -> None:
    world.emulator.faults.add(faults.Delay(600), times=1)
    slow, quick = (asyncio.create_task(world.call("GET", ME)) for _ in range(2))
    done, waiting = await asyncio.wait((slow, quick), return_when=asyncio.FIRST_COMPLETED)
    (late,) = waiting
    late.cancel()
    assert len(done) == 1
    world.emulator.faults.add(faults.Delay(0.3), times=1)
    loop = asyncio.get_running_loop()
    started = loop.time()
    await world.call("GET", ME)
    assert loop.time() - started >= 0.3


async def test_throttled__delays_and_tells(world: World) -> None:
    world.emulator.faults.add(faults.Throttled(milliseconds=20))
    answer = await world.call("GET", ME)
    assert error_of(answer.json()) is None
    assert answer.headers["x-vaultapi-responsedelay"] == "20"
    assert answer.headers["x-vaultapi-burstlimitremaining"] == "0"


async def test_api_limit__in_the_words_of_the_endpoint(world: World) -> None:
    world.emulator.faults.add(faults.ApiLimitExceeded(), times=2)
    assert await world.error_type("GET", ME) == "API_LIMIT_EXCEEDED"
    body = await world.log_in("alice")
    assert (error_of(body), body["errorType"]) == ("API_LIMIT_EXCEEDED", "AUTHENTICATION_FAILED")


async def test_unexpected_error__is_an_exception_with_headers(world: World) -> None:
    world.emulator.faults.add(faults.UnexpectedError())
    answer = await world.call("GET", ME)
    assert answer.json()["responseStatus"] == "EXCEPTION"
    assert answer.headers["x-vaultapi-status"] == "EXCEPTION"
    assert answer.headers["x-vaultapi-userid"] == "10001400"


async def test_unknown_error_type__is_a_failure(world: World) -> None:
    world.emulator.faults.add(faults.UnknownErrorType("BRAND_NEW"))
    assert await world.error_type("GET", ME) == "BRAND_NEW"


@pytest.mark.parametrize("code", [401, 403, 404, 429, 500, 502, 503])
async def test_status__as_html_or_json(world: World, code: int) -> None:
    world.emulator.faults.add(faults.Status(code))
    world.emulator.faults.add(faults.Status(code, as_json=True))
    page, data = await world.call("GET", ME), await world.call("GET", ME)
    assert (page.status_code, data.status_code) == (code, code)
    assert page.headers["content-type"].startswith("text/html")
    assert "responseStatus" not in data.json()
    assert "x-vaultapi-vaultid" not in page.headers


async def test_maintenance__tells_how_long_if_it_does(world: World) -> None:
    world.emulator.faults.add(faults.Maintenance(90))
    world.emulator.faults.add(faults.Maintenance(None))
    told, silent = await world.call("GET", ME), await world.call("GET", ME)
    assert (told.status_code, silent.status_code) == (503, 503)
    assert told.headers["X-VaultAPI-DowntimeExpectedDurationMinutes"] == "90"
    assert "X-VaultAPI-DowntimeExpectedDurationMinutes" not in silent.headers


@pytest.mark.parametrize("in_body", [False, True])
async def test_dropped__breaks_the_connection(world: World, in_body: bool) -> None:
    world.emulator.faults.add(faults.Dropped(in_body=in_body))
    with pytest.raises(httpx.TransportError):
        await world.call("GET", ME)
    assert world.emulator.log[-1].status == (200 if in_body else 0)
    assert await world.error_type("GET", ME) is None


async def test_dropped__in_the_body_has_done_the_work(world: World) -> None:
    path = f"{UPLOADS}/{seed.CHOLECAP}"
    world.emulator.faults.add(faults.Dropped())
    world.emulator.faults.add(faults.Dropped(in_body=True))
    for gone in (False, True):
        with pytest.raises(httpx.TransportError):
            await world.call("DELETE", path)
        assert (seed.CHOLECAP not in {one.id for one in world.emulator.uploads()}) == gone


async def test_spoiled__bodies_with_status_200(world: World) -> None:
    for fault in (faults.EmptyBody(), faults.HtmlWith200(), faults.TruncatedJson()):
        world.emulator.faults.add(fault)
        answer = await world.call("GET", ME)
        assert answer.status_code == 200
        with pytest.raises(json.JSONDecodeError):
            answer.json()
    world.emulator.faults.add(faults.NotJsonObject())
    assert isinstance((await world.call("GET", ME)).json(), list)


async def test_wrong_ids__in_the_headers_only(world: World) -> None:
    world.emulator.faults.add(faults.WrongUserId(1))
    answer = await world.call("GET", ME)
    assert answer.headers["x-vaultapi-userid"] == "1"
    assert answer.json()["users"][0]["user"]["id"] == 10001400


async def test_redirect__names_another_address(world: World) -> None:
    world.emulator.faults.add(faults.RedirectTo("http://127.0.0.2:9/steal"))
    answer = await world.call("GET", ME)
    assert (answer.status_code, answer.headers["location"]) == (302, "http://127.0.0.2:9/steal")


async def test_next_page__on_another_host(world: World) -> None:
    world.emulator.faults.add(faults.NextPageOnOtherHost("http://127.0.0.2:9/x"), times=None)
    body = (await world.call("GET", UPLOADS)).json()
    assert body["responseDetails"]["next_page"] == "http://127.0.0.2:9/x"
    assert len(body["data"]) == 8
    assert "responseDetails" not in (await world.call("GET", f"{UPLOADS}/{seed.CHOLECAP}")).json()


async def test_configuration_mode__lets_admins_in_alone(world: World) -> None:
    world.emulator.faults.add(faults.ConfigurationMode(), times=None)
    assert await world.error_type("GET", UPLOADS, "vera") is None
    assert await world.error_type("GET", UPLOADS, "alice") == "CONFIGURATION_MODE_ENABLED"
    assert await world.error_type("GET", UPLOADS, None) == "INVALID_SESSION_ID"
    refused = (await world.call("GET", UPLOADS, "nils")).json()["errors"][0]
    assert refused["type"] == "INSUFFICIENT_ACCESS"
    assert error_of(await world.log_in("vera")) is None
    assert error_of(await world.log_in("alice")) == "CONFIGURATION_MODE_ENABLED"
