"""Logging in, staying logged in, and the ends of every credential."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.demo.vault import seed
from bot.demo.vault.users import SignIn
from tests.emulators.vault_world import UPLOADS, World, error_of, open_world

ME = "/api/v24.3/objects/users/me"
KEEP_ALIVE = "/api/v24.3/keep-alive"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as opened:
        opened.emulator.burst_delay = 0
        yield opened


async def test_login__answers_as_documented(world: World) -> None:
    body = await world.log_in("alice")
    promomats, quality = world.emulator.vaults.values()
    assert body["responseStatus"] == "SUCCESS"
    assert re.fullmatch("[0-9A-F]{128}", body["sessionId"])
    assert (body["userId"], body["vaultId"]) == (10001400, 48120)
    assert body["vaultIds"] == [
        {"id": 48120, "name": "Nordlicht PromoMats", "url": f"{promomats.url}/api"},
        {"id": 48133, "name": "Nordlicht Quality", "url": f"{quality.url}/api"},
    ]


@pytest.mark.parametrize("scheme", ["", "Bearer ", "bearer  "])
async def test_session__is_taken_raw_and_as_bearer(world: World, scheme: str) -> None:
    session = (await world.log_in("bob"))["sessionId"]
    answer = await world.call("GET", ME, authorization=scheme + session)
    assert answer.json()["users"][0]["user"]["user_email__v"] == "bob.tanaka@nordlicht.example"
    assert answer.headers["x-vaultapi-userid"] == "10001522"
    assert answer.headers["X-VaultAPI-TruncatedSessionId"] == f"{session[:4]}..."


async def test_session__is_good_for_its_own_vault_only(world: World) -> None:
    session = (await world.log_in("alice"))["sessionId"]
    dead = await world.error_type("GET", ME, authorization=session, vault="quality")
    assert dead == "INVALID_SESSION_ID"


async def test_login__vault_dns_overrides_the_host(world: World) -> None:
    body = await world.log_in("alice", vaultDNS=world.emulator.vaults["quality"].dns)
    assert body["vaultId"] == 48133


async def test_login__defaults_to_the_last_vault(world: World) -> None:
    await world.log_in("alice", vault="quality")
    assert (await world.log_in("alice", vaultDNS="gone.veevavault.example"))["vaultId"] == 48133


async def test_login__defaults_to_the_oldest_vault_of_a_newcomer(world: World) -> None:
    assert (await world.log_in("alice", vaultDNS="gone.veevavault.example"))["vaultId"] == 48120


async def test_login__lands_elsewhere_without_membership(world: World) -> None:
    world.emulator.users["bob"].vault_ids = {48133}
    body = await world.log_in("bob", vault="promomats")
    assert body["vaultId"] == 48133
    assert [vault["id"] for vault in body["vaultIds"]] == [48133]


async def test_login__lands_elsewhere_if_the_vault_is_inactive(world: World) -> None:
    world.emulator.vaults["promomats"].active = False
    assert (await world.log_in("bob", vault="promomats"))["vaultId"] == 48133


async def test_login__fails_without_any_vault(world: World) -> None:
    world.emulator.users["bob"].vault_ids = set()
    assert error_of(await world.log_in("bob")) == "INSUFFICIENT_ACCESS"


async def test_login__wrong_password_and_unknown_name_read_alike(world: World) -> None:
    wrong, unknown = await world.log_in("alice", password="no"), await world.log_in("mallory", password="no")
    assert wrong == unknown
    assert error_of(wrong) == "USERNAME_OR_PASSWORD_INCORRECT"
    assert wrong["errorType"] == "AUTHENTICATION_FAILED"


async def test_login__five_wrong_passwords_lock_the_account(world: World) -> None:
    for _ in range(5):
        assert error_of(await world.log_in("alice", password="no")) == "USERNAME_OR_PASSWORD_INCORRECT"
    assert error_of(await world.log_in("alice")) == "USER_LOCKED_OUT"
    assert error_of(await world.log_in("bob")) is None


async def test_login__a_right_password_forgives_four_wrong_ones(world: World) -> None:
    for _ in range(2):
        for _ in range(4):
            await world.log_in("alice", password="no")
        assert error_of(await world.log_in("alice")) is None


@pytest.mark.parametrize(
    ("form", "error_type"),
    [
        ({"username": "alice@nordlicht.example"}, "NO_PASSWORD_PROVIDED"),
        ({"password": "alice-demo-1"}, "PARAMETER_REQUIRED"),
        ({}, "PARAMETER_REQUIRED"),
    ],
)
async def test_login__asks_for_both(world: World, form: dict[str, str], error_type: str) -> None:
    answer = await world.call("POST", "/api/v24.3/auth", None, data=form)
    assert error_of(answer.json()) == error_type


async def test_login__of_an_inactive_user(world: World) -> None:
    world.emulator.deactivate("alice")
    assert error_of(await world.log_in("alice")) == "INACTIVE_USER"


async def test_login__burst_limit_by_name_and_minute(world: World) -> None:
    for used in range(1, 21):
        answer = await world.call(
            "POST",
            "/api/v24.3/auth",
            None,
            data={"username": "bob@nordlicht.example", "password": "bob-demo-1"},
        )
        assert error_of(answer.json()) is None
        assert answer.headers["x-vaultapi-burstlimit"] == "20"
        assert answer.headers["x-vaultapi-burstlimitremaining"] == str(20 - used)
    limited = await world.log_in("bob")
    assert error_of(limited) == "API_LIMIT_EXCEEDED"
    assert limited["errorType"] == "AUTHENTICATION_FAILED"
    assert error_of(await world.log_in("alice")) is None
    world.pass_time(minutes=1)
    assert error_of(await world.log_in("bob")) is None


async def test_login__is_delayed_from_half_of_the_limit(world: World) -> None:
    world.emulator.auth_burst_limit = 2
    world.emulator.burst_delay = 0.01
    form = {"username": "bob@nordlicht.example", "password": "bob-demo-1"}
    first = await world.call("POST", "/api/v24.3/auth", None, data=form)
    second = await world.call("POST", "/api/v24.3/auth", None, data=form)
    assert "x-vaultapi-responsedelay" not in first.headers
    assert second.headers["x-vaultapi-responsedelay"] == "10"


@pytest.mark.parametrize("credential", ["", "Bearer", "0" * 128, "Bearer veeva-vault-none", "Basic YTpi"])
async def test_dead_session__for_whatever_is_no_credential(world: World, credential: str) -> None:
    for method, path in (("GET", ME), ("GET", UPLOADS), ("POST", KEEP_ALIVE), ("GET", "/api/")):
        assert await world.error_type(method, path, authorization=credential) == "INVALID_SESSION_ID"


async def test_session__dies_after_20_idle_minutes(world: World) -> None:
    session = (await world.log_in("alice"))["sessionId"]
    world.pass_time(minutes=19, seconds=59)
    assert await world.error_type("POST", KEEP_ALIVE, authorization=session) is None
    world.pass_time(minutes=19, seconds=59)
    assert await world.error_type("GET", ME, authorization=session) is None
    world.pass_time(minutes=20)
    assert await world.error_type("POST", KEEP_ALIVE, authorization=session) == "INVALID_SESSION_ID"


async def test_session__dies_after_48_hours_however_busy(world: World) -> None:
    session = (await world.log_in("alice"))["sessionId"]
    world.emulator.domain.logins.idle_time = timedelta(hours=8)
    for _ in range(6):
        world.pass_time(hours=7, minutes=59)
        assert await world.error_type("POST", KEEP_ALIVE, authorization=session) is None
    world.pass_time(minutes=6)
    assert await world.error_type("POST", KEEP_ALIVE, authorization=session) == "INVALID_SESSION_ID"


async def test_session__end_is_for_just_this_one(world: World) -> None:
    one, other = (await world.log_in("alice"))["sessionId"], (await world.log_in("alice"))["sessionId"]
    assert await world.error_type("DELETE", "/api/v24.3/session", authorization=one) is None
    assert await world.error_type("GET", ME, authorization=one) == "INVALID_SESSION_ID"
    assert await world.error_type("GET", ME, authorization=other) is None


async def test_session__ends_with_deactivation_and_logging_out(world: World) -> None:
    alice, bob = (await world.log_in("alice"))["sessionId"], (await world.log_in("bob"))["sessionId"]
    assert world.emulator.end_sessions("alice") == 1
    assert await world.error_type("GET", ME, authorization=alice) == "INVALID_SESSION_ID"
    assert await world.error_type("GET", ME, authorization=bob) is None
    world.emulator.deactivate("bob")
    assert await world.error_type("GET", ME, authorization=bob) == "INVALID_SESSION_ID"
    assert await world.error_type("GET", ME, "bob") == "INVALID_SESSION_ID"


async def test_token__is_taken_as_bearer_for_its_vault_only(world: World) -> None:
    token = seed.ACCESS_TOKENS["alice", "promomats"]
    answer = await world.call("GET", ME, authorization=f"Bearer {token}")
    assert answer.headers["x-vaultapi-userid"] == "10001400"
    assert "x-vaultapi-truncatedsessionid" not in answer.headers
    assert await world.error_type("GET", ME, authorization=token) == "INVALID_SESSION_ID"
    elsewhere = await world.error_type("GET", ME, authorization=f"Bearer {token}", vault="quality")
    assert elsewhere == "INVALID_SESSION_ID"


async def test_token__expires_and_is_revoked(world: World) -> None:
    assert world.emulator.revoke_tokens("bob") == 2
    assert await world.error_type("GET", ME, "bob") == "INVALID_SESSION_ID"
    with pytest.raises(KeyError):
        world.emulator.access_token("bob")
    world.pass_time(days=89)
    assert await world.error_type("GET", ME, "alice") is None
    world.pass_time(days=1)
    assert await world.error_type("GET", ME, "alice") == "INVALID_SESSION_ID"


async def test_token__is_no_session_to_end(world: World) -> None:
    assert await world.error_type("POST", KEEP_ALIVE) is None
    assert await world.error_type("DELETE", "/api/v24.3/session") == "INVALID_DATA"


async def test_rights__are_asked_for_in_order(world: World) -> None:
    nils = world.emulator.users["nils"]
    answer = (await world.call("GET", UPLOADS, "nils")).json()
    assert answer["errors"][0]["type"] == "INSUFFICIENT_ACCESS"
    assert "file staging" in answer["errors"][0]["message"]
    nils.api_access = False
    answer = (await world.call("GET", UPLOADS, "nils")).json()
    assert "VaultActions_API_Access" in answer["errors"][0]["message"]
    assert error_of(await world.log_in("nils")) is None
    assert await world.error_type("GET", ME, "nils") == "INSUFFICIENT_ACCESS"
    world.emulator.revoke_tokens("nils")
    assert await world.error_type("GET", UPLOADS, "nils") == "INVALID_SESSION_ID"


async def test_discovery__tells_how_to_log_in(world: World) -> None:
    world.emulator.users["bob"].sign_in = SignIn.SAML
    for vault in ("promomats", "quality"):
        for who, data in (
            ("alice", {"auth_type": "password"}),
            ("bob", {"auth_type": "sso", "auth_profiles": []}),
            ("nobody", {"auth_type": "password"}),
        ):
            answer = await world.call(
                "POST", f"/auth/discovery?username={who}@nordlicht.example", None, vault=vault
            )
            assert answer.json() == {"responseStatus": "SUCCESS", "errors": [], "data": data}
    assert await world.error_type("POST", "/auth/discovery", None) == "PARAMETER_REQUIRED"
    assert error_of(await world.log_in("bob")) == "USERNAME_OR_PASSWORD_INCORRECT"


async def test_me__carries_the_documented_fields(world: World) -> None:
    user = (await world.call("GET", ME, "vera")).json()["users"][0]["user"]
    assert user["user_name__v"] == "vera@nordlicht.example"
    assert user["security_profile__v"] == "vault_owner__v"
    assert user["user_last_name__v"] == "Lindqvist"
    assert user["active__v"] is True


async def test_user__is_as_users_me_says(world: World) -> None:
    path = "/api/v24.3/objects/users/10001400"
    bodies = [(await world.call("GET", one)).json() for one in (ME, path)]
    assert bodies[0] == bodies[1]
    seen = (await world.call("GET", path, "vera")).json()["users"][0]["user"]
    assert (seen["id"], seen["user_first_name__v"], seen["user_last_name__v"]) == (
        10001400,
        "Alice",
        "Moreau",
    )


@pytest.mark.parametrize("wanted", ["10001522", "10000012", "1", "vera"])
async def test_user__others_are_for_admins_alone(world: World, wanted: str) -> None:
    path = f"/api/v24.3/objects/users/{wanted}"
    assert await world.error_type("GET", path, "alice") == "INSUFFICIENT_ACCESS"
    assert await world.error_type("GET", path, None) == "INVALID_SESSION_ID"


async def test_user__that_this_vault_does_not_have(world: World) -> None:
    world.emulator.users["bob"].vault_ids = {48133}
    for wanted in ("10001522", "1", "bob", "010001400"):
        assert await world.error_type("GET", f"/api/v24.3/objects/users/{wanted}", "vera") == "INVALID_DATA"
