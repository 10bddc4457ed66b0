"""API access tokens: made, listed by VQL, used, ended."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.demo.vault import seed
from tests.emulators.vault_world import World, error_of, open_world

ME = "/api/v24.3/objects/users/me"
QUERY = "/api/v26.2/query"
CREATE = "/api/v26.2/objects/users/me/api_access_token__sys"
MINE = "SELECT id, name__v, status__v, expiry_date__sys, last_used_date__sys FROM api_access_token__sys"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as opened:
        yield opened


async def rows(world: World, q: str = MINE, who: str = "alice", **rest: Any) -> list[dict[str, Any]]:
    body = (await world.call("POST", QUERY, who, data={"q": q}, **rest)).json()
    assert body["responseStatus"] == "SUCCESS", body
    found: list[dict[str, Any]] = body["data"]
    assert body["responseDetails"] == {
        "pagesize": 1000,
        "pageoffset": 0,
        "size": len(found),
        "total": len(found),
    }
    return found


async def create(world: World, who: str = "alice", **form: str) -> dict[str, Any]:
    body: dict[str, Any] = (await world.call("POST", CREATE, who, data=form)).json()
    return body


async def test_query__own_tokens_of_this_vault(world: World) -> None:
    await world.call("GET", ME)
    (row,) = await rows(world)
    assert row["id"].startswith("V8T")
    assert (row["name__v"], row["status__v"]) == ("Upload tools", ["active__v"])
    now = world.clock.now()
    assert datetime.fromisoformat(row["last_used_date__sys"]) == now.replace(microsecond=0)
    ends = datetime.fromisoformat(row["expiry_date__sys"])
    assert timedelta(days=89) < ends - now <= timedelta(days=90)
    (elsewhere,) = await rows(world, vault="quality")
    assert elsewhere["id"] != row["id"]
    assert elsewhere["last_used_date__sys"] is None


async def test_query__last_use_is_that_of_each_token(world: World) -> None:
    made = (await create(world, name__v="second"))["data"]
    world.pass_time(minutes=5)
    await world.call("GET", ME, authorization=f"Bearer {made['token__sys']}")
    used = {row["name__v"]: row["last_used_date__sys"] for row in await rows(world)}
    assert used["second"] > used["Upload tools"]


async def test_query__an_admin_sees_everybodys(world: World) -> None:
    q = "SELECT user__sys FROM api_access_token__sys"
    owners = {row["user__sys"] for row in await rows(world, q, "vera")}
    assert owners == {user.id for user in world.emulator.users.values()}
    one = "select id, user__sys from api_access_token__sys where user__sys = '10001522' and status__v='active__v'"
    assert [row["user__sys"] for row in await rows(world, one, "vera")] == [10001522]
    assert await rows(world, one, "alice") == []


async def test_query__expired_ones_are_inactive(world: World) -> None:
    session = (await world.log_in("alice"))["sessionId"]
    soon = (world.clock.now() + timedelta(minutes=5)).isoformat()
    assert error_of(await create(world, name__v="short", expiry_date__v=soon)) is None
    world.pass_time(minutes=10)
    q = f"{MINE} WHERE status__v = 'inactive__v'"
    assert [row["name__v"] for row in await rows(world, q, authorization=session)] == ["short"]


@pytest.mark.parametrize(
    ("path", "form", "error_type"),
    [
        (QUERY, {}, "PARAMETER_REQUIRED"),
        (QUERY, {"q": "drop everything"}, "INCORRECT_QUERY_SYNTAX_ERROR"),
        (QUERY, {"q": f"{MINE} WHERE id > 3"}, "INCORRECT_QUERY_SYNTAX_ERROR"),
        (QUERY, {"q": f"{MINE} WHERE colour__c = 'red'"}, "INVALID_DATA"),
        (QUERY, {"q": "SELECT id, colour__c FROM api_access_token__sys"}, "INVALID_DATA"),
        (QUERY, {"q": "SELECT id FROM users"}, "INVALID_DATA"),
        ("/api/v26.1/query", {"q": MINE}, "INVALID_DATA"),
    ],
)
async def test_query__refusals(world: World, path: str, form: dict[str, str], error_type: str) -> None:
    assert await world.error_type("POST", path, data=form) == error_type


async def test_query__may_be_forbidden(world: World) -> None:
    world.emulator.token_query_allowed = False
    assert await world.error_type("POST", QUERY, data={"q": MINE}) == "INSUFFICIENT_ACCESS"
    assert await world.error_type("POST", QUERY, None, data={"q": MINE}) == "INVALID_SESSION_ID"


async def test_create__a_token_that_works(world: World) -> None:
    ends = (world.clock.now() + timedelta(days=10)).strftime("%Y-%m-%dT%H:%M:%SZ")
    body = await create(world, name__v="bot", expiry_date__v=ends)
    token = body["data"]["token__sys"]
    assert token.startswith("veeva-vault-")
    assert await world.error_type("GET", ME, authorization=f"Bearer {token}") is None
    row = next(row for row in await rows(world) if row["id"] == body["data"]["id"])
    assert datetime.fromisoformat(row["expiry_date__sys"]) == datetime.fromisoformat(ends)
    world.pass_time(days=10)
    assert await world.error_type("GET", ME, authorization=f"Bearer {token}") == "INVALID_SESSION_ID"


@pytest.mark.parametrize(
    ("form", "error_type"),
    [
        ({}, "PARAMETER_REQUIRED"),
        ({"name__v": "x", "expiry_date__v": "soon"}, "INVALID_DATA"),
        ({"name__v": "x", "expiry_date__v": "2001-01-01T00:00:00Z"}, "INVALID_DATA"),
    ],
)
async def test_create__refusals(world: World, form: dict[str, str], error_type: str) -> None:
    assert error_of(await create(world, **form)) == error_type


async def test_create__25_active_ones_and_no_more(world: World) -> None:
    for number in range(24):
        assert error_of(await create(world, name__v=f"token {number}")) is None
    assert error_of(await create(world, name__v="too many")) == "OPERATION_NOT_ALLOWED"
    assert error_of(await create(world, "bob", name__v="his first")) is None


async def test_create__came_with_its_version(world: World) -> None:
    answer = await world.call("POST", CREATE.replace("v26.2", "v26.1"), data={"name__v": "x"})
    assert answer.status_code == 404


async def test_log__keeps_no_new_token(world: World) -> None:
    token = (await create(world, name__v="bot"))["data"]["token__sys"]
    assert token not in repr(list(world.emulator.log))
    assert token not in repr(world.emulator.domain.logins.tokens())


async def test_versions__may_be_for_everybody(world: World) -> None:
    assert await world.error_type("GET", "/api/", None) == "INVALID_SESSION_ID"
    world.emulator.versions_need_session = False
    answer = await world.call("GET", "/api/", None)
    assert "v26.2" in answer.json()["values"]
    assert "x-vaultapi-userid" not in answer.headers
    token = seed.ACCESS_TOKENS["alice", "promomats"]
    with_token = await world.call("GET", "/api/", authorization=f"Bearer {token}")
    assert with_token.headers["x-vaultapi-userid"] == "10001400"
    assert await world.error_type("GET", ME, None) == "INVALID_SESSION_ID"
