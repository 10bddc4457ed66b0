"""The client's ways in besides the password, against the emulated Vault: discovery, exchange, a token's end."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
import structlog

from bot.demo.vault import IdentityProvider, SignIn, VaultEmulator, faults, seed
from bot.model import errors
from bot.model.accounts import Access, Heard, Identity, Vault
from bot.model.secret import Secret
from bot.vault.client import Discovery, VaultClient, http_client
from tests.emulators.vault_world import World, identity_provider, open_world

IDS = {"alice": "10001400", "bob": "10001522", "vera": "10000012"}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as opened:
        yield opened


@pytest.fixture
def emulator(world: World) -> VaultEmulator:
    return world.emulator


@pytest.fixture
async def provider(emulator: VaultEmulator) -> AsyncIterator[IdentityProvider]:
    async with identity_provider(emulator) as provider:
        yield provider


@pytest.fixture
async def client(emulator: VaultEmulator) -> AsyncIterator[VaultClient]:
    """Its login host is the other Vault, so that nothing goes there by mistake unseen."""
    http = http_client()
    login_url = emulator.vaults[seed.QUALITY].url
    yield VaultClient(http, version="v24.3", client_id="vault-upload-bot", login_url=login_url)
    await http.aclose()


def promomats(emulator: VaultEmulator) -> Vault:
    return Vault("promomats", emulator.vaults[seed.PROMOMATS].url)


def by_token(emulator: VaultEmulator, who: str = "alice", token: str | None = None) -> Access:
    return Access(
        vault=promomats(emulator),
        credential=Secret(token or seed.ACCESS_TOKENS[who, seed.PROMOMATS]),
        identity=Identity(vault_user_id=IDS[who], vault_id="48120"),
    )


async def test_discover__each_way_of_signing_in(
    client: VaultClient, emulator: VaultEmulator, provider: IdentityProvider
) -> None:
    emulator.users["bob"].sign_in, emulator.users["nils"].sign_in = SignIn.SAML, SignIn.OIDC
    found = {who: await client.discover(f"{who}@nordlicht.example") for who in ("alice", "bob", "nils")}
    assert found == {
        "alice": Discovery(single_sign_on=False, profiles=(), label=""),
        "bob": Discovery(single_sign_on=True, profiles=(), label=""),
        "nils": Discovery(single_sign_on=True, profiles=(provider.profile_id,), label=provider.label),
    }
    assert emulator.calls(vault=seed.PROMOMATS) == 0


async def test_exchange__opens_a_session_of_the_vault_asked_for(
    client: VaultClient, emulator: VaultEmulator, provider: IdentityProvider
) -> None:
    vault, heard = promomats(emulator), Heard()
    signed_in = await client.exchange(vault, Secret("idp-alice"), provider.profile_id, heard=heard)
    assert (signed_in.vault_host, signed_in.identity.vault_user_id) == (vault.host, IDS["alice"])
    assert len(heard.execution_ids) == 1
    assert emulator.calls(vault=seed.PROMOMATS) == 0, "the provider's token is not for a Vault"
    access = Access(vault=vault, credential=signed_in.credential, identity=signed_in.identity)
    assert (await client.upload(access, seed.CHOLECAP)).percent == 31
    await client.end_session(access)


async def test_exchange__landing_elsewhere_is_told(
    client: VaultClient, emulator: VaultEmulator, provider: IdentityProvider
) -> None:
    emulator.vaults[seed.PROMOMATS].active = False
    signed_in = await client.exchange(promomats(emulator), Secret("idp-alice"), provider.profile_id)
    assert signed_in.vault_host == emulator.vaults[seed.QUALITY].dns


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("idp-alice-expired", errors.CredentialRefused),
        ("never-issued", errors.CredentialRefused),
        ("two words", errors.CredentialRefused),
        ("idp-mallory", errors.LoginRefused),
        ("idp-broken", errors.VaultUnavailable),
    ],
)
async def test_exchange__refusals(
    client: VaultClient,
    emulator: VaultEmulator,
    provider: IdentityProvider,
    token: str,
    expected: type[errors.BotError],
) -> None:
    with pytest.raises(expected):
        await client.exchange(promomats(emulator), Secret(token), provider.profile_id)
    assert emulator.calls() == (token != "two words")


async def test_exchange__inactive_user(
    client: VaultClient, emulator: VaultEmulator, provider: IdentityProvider
) -> None:
    emulator.deactivate("alice")
    with pytest.raises(errors.LoginRefused, match="inactive"):
        await client.exchange(promomats(emulator), Secret("idp-alice"), provider.profile_id)


async def test_exchange__logs_no_token(
    client: VaultClient, emulator: VaultEmulator, provider: IdentityProvider
) -> None:
    with structlog.testing.capture_logs() as lines:
        await client.discover("alice@nordlicht.example")
        signed_in = await client.exchange(promomats(emulator), Secret("idp-alice"), provider.profile_id)
    assert [line["endpoint"] for line in lines] == ["discovery", "exchange"]
    told = repr(lines)
    for word in ("idp-alice", signed_in.credential.reveal(), provider.profile_id, "nordlicht.example"):
        assert word not in told


async def test_burst__of_the_login_host_is_no_vaults(
    client: VaultClient, emulator: VaultEmulator, provider: IdentityProvider
) -> None:
    await client.discover("alice@nordlicht.example")
    await client.exchange(promomats(emulator), Secret("idp-alice"), provider.profile_id)
    assert client.burst(promomats(emulator)) is None
    assert client.burst(Vault("quality", emulator.vaults[seed.QUALITY].url)) is None


@pytest.mark.parametrize("who", ["alice", "vera"])
async def test_token_expiry__of_the_only_one(client: VaultClient, world: World, who: str) -> None:
    (token, _) = world.emulator.domain.logins.tokens(world.emulator.users[who])
    expiry = await client.token_expiry(by_token(world.emulator, who), "v26.2")
    assert expiry == token.expires.replace(microsecond=0)


async def test_token_expiry__of_the_one_used_last(client: VaultClient, world: World) -> None:
    emulator, now = world.emulator, world.clock.now().replace(microsecond=0)
    second = emulator.domain.logins.grant_new(
        emulator.users["alice"], 48120, now + timedelta(days=3), "second"
    )
    await client.me(by_token(emulator))
    world.pass_time(minutes=1)
    access = by_token(emulator, token=second.value)
    await client.me(access)
    assert await client.token_expiry(access, "v26.2") == now + timedelta(days=3)


async def test_token_expiry__nobody_can_tell_which(client: VaultClient, world: World) -> None:
    emulator, now = world.emulator, world.clock.now()
    second = emulator.domain.logins.grant_new(
        emulator.users["alice"], 48120, now + timedelta(days=3), "second"
    )
    for access in (by_token(emulator), by_token(emulator, token=second.value)):
        await client.me(access)
    assert await client.token_expiry(by_token(emulator), "v26.2") is None


async def test_token_expiry__where_vault_does_not_tell(client: VaultClient, emulator: VaultEmulator) -> None:
    assert await client.token_expiry(by_token(emulator), "v26.1") is None
    assert await client.token_expiry(by_token(emulator), "v99.1") is None
    assert await client.token_expiry(replace(by_token(emulator), identity=None), "v26.2") is None
    assert await client.token_expiry(by_token(emulator, token="veeva-vault-none"), "v26.2") is None
    emulator.token_query_allowed = False
    assert await client.token_expiry(by_token(emulator), "v26.2") is None


@pytest.mark.parametrize(
    "fault",
    [faults.Dropped(), faults.Status(503), faults.Maintenance(), faults.HtmlWith200(), faults.WrongUserId()],
    ids=repr,
)
async def test_token_expiry__faults_are_no_hindrance(
    client: VaultClient, emulator: VaultEmulator, fault: faults.Fault
) -> None:
    emulator.faults.add(fault, times=1)
    assert await client.token_expiry(by_token(emulator), "v26.2") is None
    assert emulator.calls() == 1
