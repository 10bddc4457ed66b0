"""Signing in and renewing at a certified OpenID provider made by others: npm's oidc-provider, as a process."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx
import pytest
import pytest_asyncio

from bot.idp.provider import IdentityProvider, Tokens
from bot.model.clock import system_clock
from bot.model.errors import ProviderRefused, RenewalRefused
from bot.model.secret import Secret
from bot.vault.pool import http_client
from tests.integration.idp_browser import CALLBACK, NONCE, REDEEMING, SECRET, STATE, VERIFIER

FOLDER = Path(__file__).parent.parent / "idp"
START_SECONDS = 120.0


async def unkept(_: Secret) -> None:
    """Keep no refresh token: the test has it from the answer."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def issuer() -> AsyncIterator[str]:
    """The provider's address; it is one process for all tests here."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed (Debian: nodejs)")
    if not (FOLDER / "node_modules" / "oidc-provider").exists():
        pytest.skip("oidc-provider is not installed (npm ci --prefix tests/idp)")
    settings = json.dumps({"redirect_uri": CALLBACK, "client_secret": SECRET})
    process = await asyncio.create_subprocess_exec(
        node, str(FOLDER / "provider.mjs"), settings,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert process.stdout
        async with asyncio.timeout(START_SECONDS):
            line = await process.stdout.readline()
        assert line, f"the provider ended with {await process.wait()}"
        yield json.loads(line)["issuer"]
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@pytest_asyncio.fixture(loop_scope="module")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    client = http_client()
    yield client
    await client.aclose()


pytestmark = pytest.mark.asyncio(loop_scope="module")


def relying(
    http: httpx.AsyncClient, issuer: str, client_id: str = "RS256", **changes: Any
) -> IdentityProvider:
    """The bot's side, as one of the clients of tests/idp/provider.mjs."""
    settings: dict[str, Any] = {
        "issuer": issuer,
        "client_id": client_id,
        "client_secret": None if client_id == "public" else Secret(SECRET),
        "scopes": "openid email offline_access",
        "redirect_uri": CALLBACK,
        "clock": system_clock,
    }
    return IdentityProvider(http, **{**settings, **changes})


async def walk(url: str, account: str = "alice") -> dict[str, str]:
    """Follow the provider's pages as a browser with cookies does, to what the callback is told."""
    async with httpx.AsyncClient(trust_env=False, timeout=60) as browser:
        for _ in range(12):
            if urlsplit(url).path.startswith("/interaction/"):
                url += f"?account={account}"
            answer = await browser.get(url)
            assert answer.status_code in (302, 303), answer.text
            url = urljoin(url, answer.headers["location"])
            if url.startswith(CALLBACK):
                return dict(parse_qsl(urlsplit(url).query))
    raise AssertionError("the provider does not come to an end")


async def sign_in(provider: IdentityProvider, account: str = "alice") -> Tokens:
    back = await walk(await provider.sign_in_url(state=STATE, nonce=NONCE, verifier=VERIFIER), account)
    assert back["state"] == STATE
    return await provider.redeem(code=back["code"], issuer_seen=back["iss"], **REDEEMING)


@pytest.mark.parametrize("client_id", ["RS256", "PS256", "ES256", "EdDSA", "post", "public"])
async def test_sign_in__with_each_signature_and_each_way_to_authenticate(
    http: httpx.AsyncClient, issuer: str, client_id: str
) -> None:
    provider = relying(http, issuer, client_id)
    tokens = await sign_in(provider, "bob")
    assert tokens.subject == "bob"
    assert tokens.refresh_token
    metadata = (await http.get(f"{issuer}/.well-known/openid-configuration")).json()
    bearer = {"Authorization": f"Bearer {tokens.access_token.reveal()}"}
    userinfo = (await http.get(metadata["userinfo_endpoint"], headers=bearer)).json()
    assert userinfo == {"sub": "bob", "email": "bob@nordlicht.example", "email_verified": True}


async def test_sign_in__signed_with_the_client_secret_is_refused(
    http: httpx.AsyncClient, issuer: str
) -> None:
    with pytest.raises(ProviderRefused) as refused:
        await sign_in(relying(http, issuer, "HS256"))
    assert refused.value.details["error_type"] == "id_token_signature"


@pytest.mark.parametrize(
    ("changes", "error_type"),
    [
        ({"verifier": "w" * 43}, "invalid_grant"),
        ({"code": "made-up"}, "invalid_grant"),
        ({"nonce": "another"}, "id_token_nonce"),
        ({"issuer_seen": "https://idp.elsewhere.example"}, "issuer"),
        ({"issuer_seen": None}, "issuer"),
    ],
)
async def test_redeem__what_does_not_belong_to_this_sign_in(
    http: httpx.AsyncClient, issuer: str, changes: dict[str, Any], error_type: str
) -> None:
    provider = relying(http, issuer)
    back = await walk(await provider.sign_in_url(state=STATE, nonce=NONCE, verifier=VERIFIER))
    with pytest.raises(ProviderRefused) as refused:
        await provider.redeem(**{"code": back["code"], "issuer_seen": back["iss"], **REDEEMING, **changes})
    assert refused.value.details["error_type"] == error_type


async def test_redeem__a_code_twice(http: httpx.AsyncClient, issuer: str) -> None:
    provider = relying(http, issuer)
    back = await walk(await provider.sign_in_url(state=STATE, nonce=NONCE, verifier=VERIFIER))
    first = await provider.redeem(code=back["code"], issuer_seen=back["iss"], **REDEEMING)
    with pytest.raises(ProviderRefused):
        await provider.redeem(code=back["code"], issuer_seen=back["iss"], **REDEEMING)
    assert first.refresh_token
    with pytest.raises(RenewalRefused):  # what the first use gave has ended with it
        await provider.refresh(first.refresh_token, unkept)


async def test_redeem__with_a_wrong_client_secret(http: httpx.AsyncClient, issuer: str) -> None:
    provider = relying(http, issuer, client_secret=Secret("another"))
    with pytest.raises(ProviderRefused, match="does not accept this app's registration"):
        await sign_in(provider)


async def test_sign_in__cancelled(http: httpx.AsyncClient, issuer: str) -> None:
    provider = relying(http, issuer)
    back = await walk(await provider.sign_in_url(state=STATE, nonce=NONCE, verifier=VERIFIER), "")
    assert (back["error"], back["state"], back["iss"]) == ("access_denied", STATE, issuer)
    assert "cancelled" in provider.refusal(back["error"]).sentence


async def test_refresh__rotates_and_refuses_the_old_one_and_then_all(
    http: httpx.AsyncClient, issuer: str
) -> None:
    provider = relying(http, issuer)
    first = await sign_in(provider)
    assert first.refresh_token
    second = await provider.refresh(first.refresh_token, unkept)
    assert second.refresh_token not in (None, first.refresh_token)
    assert second.access_token != first.access_token
    assert second.subject == "alice"
    assert second.refresh_token
    third = await provider.refresh(second.refresh_token, unkept)
    assert third.refresh_token
    for token in (first.refresh_token, third.refresh_token):
        with pytest.raises(RenewalRefused, match="your company's sign-in has ended it") as refused:
            await provider.refresh(token, unkept)
        assert refused.value.details["error_type"] == "invalid_grant"


async def test_refresh__after_it_was_revoked(http: httpx.AsyncClient, issuer: str) -> None:
    provider = relying(http, issuer, "post")
    tokens = await sign_in(provider)
    assert tokens.refresh_token
    metadata = (await http.get(f"{issuer}/.well-known/openid-configuration")).json()
    form = {"token": tokens.refresh_token.reveal(), "client_id": "post", "client_secret": SECRET}
    assert (await http.post(metadata["revocation_endpoint"], data=form)).status_code == 200
    with pytest.raises(RenewalRefused):
        await provider.refresh(tokens.refresh_token, unkept)


async def test_refresh__by_another_client(http: httpx.AsyncClient, issuer: str) -> None:
    tokens = await sign_in(relying(http, issuer))
    assert tokens.refresh_token
    with pytest.raises(RenewalRefused):
        await relying(http, issuer, "post").refresh(tokens.refresh_token, unkept)
