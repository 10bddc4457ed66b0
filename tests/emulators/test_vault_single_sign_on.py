"""Logging in through the customer's identity provider."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from bot.demo.vault import IdentityProvider, SignIn
from tests.emulators.vault_world import World, error_of, identity_provider, open_world

ME = "/api/v24.3/objects/users/me"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as opened:
        yield opened


@pytest.fixture
async def provider(world: World) -> AsyncIterator[IdentityProvider]:
    async with identity_provider(world.emulator) as provider:
        yield provider


async def ask(world: World, token: str | None, profile_id: str, **form: str) -> httpx.Response:
    authorization = None if token is None else f"Bearer {token}"
    return await world.call(
        "POST", f"/auth/oauth/session/{profile_id}", None, authorization=authorization, data=form
    )


async def exchange(world: World, token: str | None, **form: str) -> dict[str, Any]:
    provider = world.emulator.domain.identity_provider
    answer = await ask(world, token, provider.profile_id if provider else "_none", **form)
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


async def discovered(world: World, who: str) -> Any:
    answer = await world.call("POST", "/auth/discovery", None, data={"username": f"{who}@nordlicht.example"})
    return answer.json()["data"]


async def test_exchange__answers_like_a_login(world: World, provider: IdentityProvider) -> None:
    body = await exchange(world, "idp-alice", vaultDNS=world.emulator.vaults["promomats"].dns)
    by_password = await world.log_in("alice")
    assert {**body, "sessionId": ""} == {**by_password, "sessionId": ""}
    me = await world.call("GET", ME, authorization=body["sessionId"])
    assert me.headers["x-vaultapi-userid"] == "10001400"


@pytest.mark.parametrize(
    ("token", "error_type"),
    [
        ("idp-alice-expired", "EXPIRED_TOKEN"),
        ("never-issued", "INVALID_TOKEN"),
        (None, "INVALID_TOKEN"),
        ("idp-mallory", "USER_NOT_FOUND"),
        ("idp-broken", "UNEXPECTED_ERROR"),
    ],
)
async def test_exchange__refusals(
    world: World, provider: IdentityProvider, token: str | None, error_type: str
) -> None:
    body = await exchange(world, token)
    assert error_of(body) == error_type
    assert "sessionId" not in body
    assert ("errorType" in body) is (error_type != "UNEXPECTED_ERROR")


async def test_exchange__of_an_inactive_user(world: World, provider: IdentityProvider) -> None:
    world.emulator.deactivate("alice")
    assert error_of(await exchange(world, "idp-alice")) == "INACTIVE_USER"


async def test_exchange__defaults_like_a_login(world: World, provider: IdentityProvider) -> None:
    quality = world.emulator.vaults["quality"].dns
    assert (await exchange(world, "idp-bob"))["vaultId"] == 48120
    assert (await exchange(world, "idp-bob", vaultDNS=quality))["vaultId"] == 48133
    assert (await exchange(world, "idp-bob"))["vaultId"] == 48133
    assert (await exchange(world, "idp-bob", vaultDNS="gone.veevavault.example"))["vaultId"] == 48133
    world.emulator.users["bob"].vault_ids = set()
    assert error_of(await exchange(world, "idp-bob", vaultDNS=quality)) == "INSUFFICIENT_ACCESS"


async def test_exchange__only_for_the_domains_own_profile(world: World) -> None:
    assert error_of(await exchange(world, "idp-alice")) == "INVALID_DATA"
    async with identity_provider(world.emulator):
        answer = await ask(world, "idp-alice", "_another")
        assert error_of(answer.json()) == "INVALID_DATA"


async def test_exchange__when_the_provider_is_down(world: World) -> None:
    async with identity_provider(world.emulator) as provider:
        pass
    world.emulator.domain.identity_provider = provider
    body = await exchange(world, "idp-alice")
    assert (body["responseStatus"], error_of(body)) == ("EXCEPTION", "UNEXPECTED_ERROR")


async def test_exchange__is_not_counted_by_any_burst_limit(world: World, provider: IdentityProvider) -> None:
    world.emulator.auth_burst_limit, world.emulator.burst_limit = 1, 1
    for _ in range(3):
        answer = await ask(world, "idp-alice", provider.profile_id)
        assert error_of(answer.json()) is None
        assert "x-vaultapi-responsedelay" not in answer.headers
    assert error_of(await world.log_in("alice")) is None


async def test_exchange__may_be_for_single_sign_on_users_only(
    world: World, provider: IdentityProvider
) -> None:
    world.emulator.domain.oidc_for_all = False
    world.emulator.users["bob"].sign_in = SignIn.OIDC
    assert error_of(await exchange(world, "idp-alice")) == "USER_NOT_FOUND"
    assert error_of(await exchange(world, "idp-bob")) is None
    assert error_of(await world.log_in("bob")) == "USERNAME_OR_PASSWORD_INCORRECT"
    assert error_of(await world.log_in("alice")) is None


async def test_discovery__names_the_profile_of_an_oidc_user(world: World, provider: IdentityProvider) -> None:
    world.emulator.users["nils"].sign_in = SignIn.OIDC
    found = await discovered(world, "nils")
    (profile,) = found["auth_profiles"]
    assert found["auth_type"] == "sso"
    assert (profile["id"], profile["label"]) == (provider.profile_id, "Nordlicht sign-in")
    assert profile["as_metadata"] == {"issuer": "https://idp.nordlicht.example"}
    url = world.emulator.vaults["promomats"].url
    assert profile["vault_session_endpoint"] == f"{url}/auth/oauth/session/{provider.profile_id}"
    assert await discovered(world, "alice") == {"auth_type": "password"}


async def test_discovery__without_a_provider_reads_like_saml(world: World) -> None:
    world.emulator.users["nils"].sign_in = SignIn.OIDC
    assert await discovered(world, "nils") == {"auth_type": "sso", "auth_profiles": []}


async def test_log__keeps_no_token_of_the_provider(world: World, provider: IdentityProvider) -> None:
    session = (await exchange(world, "idp-alice", access_token="idp-alice"))["sessionId"]
    told = repr(list(world.emulator.log))
    assert "idp-alice" not in told
    assert session not in told
