"""Signing in and renewing at the emulated identity provider, over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import structlog

from bot.demo.idp import Fault, IdpEmulator, Kind
from bot.idp.provider import IdentityProvider
from bot.model.errors import ProviderRefused, ProviderUnavailable, RenewalRefused
from bot.model.secret import Secret
from bot.vault.pool import http_client
from tests.integration.idp_browser import (
    CALLBACK,
    CHALLENGE,
    NONCE,
    REDEEMING,
    STATE,
    VERIFIER,
    choose,
    emulated_idp,
    relying,
    sign_in,
)

UNUSABLE = [
    Fault.DOWN,
    Fault.FAILING,
    Fault.NO_JSON,
    Fault.TOO_LARGE,
]
NOT_TRUSTED = {
    Fault.TOKEN_ISSUER: "iss",
    Fault.WRONG_AUDIENCE: "aud",
    Fault.SECOND_AUDIENCE: "azp",
    Fault.EXPIRED: "exp",
    Fault.FROM_THE_FUTURE: "iat",
    Fault.NO_SUBJECT: "sub",
    Fault.WRONG_HASH: "at_hash",
    Fault.HS256: "signature",
    Fault.ALG_NONE: "signature",
    Fault.UNKNOWN_KEY: "signature",
    Fault.BROKEN_SIGNATURE: "signature",
}


@pytest.fixture
async def idp() -> AsyncIterator[IdpEmulator]:
    async with emulated_idp() as one:
        yield one


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    client = http_client()
    yield client
    await client.aclose()


@pytest.fixture
def provider(http: httpx.AsyncClient, idp: IdpEmulator) -> IdentityProvider:
    return relying(http, idp)


async def unkept(_: Secret) -> None:
    """Keep no refresh token: the test has it from the answer."""


async def url_of(provider: IdentityProvider) -> str:
    return await provider.sign_in_url(state=STATE, nonce=NONCE, verifier=VERIFIER)


async def test_sign_in_url__asks_for_a_code_with_all_that_protects_it(
    provider: IdentityProvider, idp: IdpEmulator
) -> None:
    url = urlsplit(await url_of(provider))
    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{idp.issuer}/authorize"
    assert parse_qs(url.query) == {
        "response_type": ["code"],
        "client_id": ["the-bot"],
        "redirect_uri": [CALLBACK],
        "scope": ["openid email offline_access"],
        "state": [STATE],
        "nonce": [NONCE],
        "code_challenge": [CHALLENGE],
        "code_challenge_method": ["S256"],
        "prompt": ["consent"],
    }


async def test_sign_in_url__asks_for_no_consent_where_no_refresh_token_is_wanted(
    http: httpx.AsyncClient, idp: IdpEmulator
) -> None:
    provider = relying(http, idp, scopes="openid email")
    assert "prompt" not in parse_qs(urlsplit(await url_of(provider)).query)
    assert (await sign_in(provider)).refresh_token is None


async def test_redeem__gives_the_tokens_of_the_person(provider: IdentityProvider, idp: IdpEmulator) -> None:
    tokens = await sign_in(provider, "bob")
    assert tokens.subject == "subject-of-bob"
    assert idp.grants.behind(tokens.access_token.reveal()).person.key == "bob"
    assert tokens.refresh_token


async def test_redeem__by_the_form_where_only_that_is_taken(
    http: httpx.AsyncClient, idp: IdpEmulator
) -> None:
    idp.client_auth = frozenset({"client_secret_post"})
    assert (await sign_in(relying(http, idp))).subject


async def test_redeem__by_a_public_client(http: httpx.AsyncClient) -> None:
    async with emulated_idp(secret=None) as idp:
        assert (await sign_in(relying(http, idp))).subject


async def test_redeem__a_secret_that_only_an_unknown_way_takes(
    http: httpx.AsyncClient, idp: IdpEmulator
) -> None:
    idp.client_auth = frozenset({"private_key_jwt"})
    with pytest.raises(ProviderUnavailable):
        await url_of(relying(http, idp))


@pytest.mark.parametrize("change", ["code", "verifier"])
async def test_redeem__another_code_or_verifier(provider: IdentityProvider, change: str) -> None:
    back = await choose(await url_of(provider))
    fields = {"code": back["code"], **REDEEMING} | {change: "w" * 43}
    with pytest.raises(ProviderRefused) as refused:
        await provider.redeem(**fields, issuer_seen=back["iss"])
    assert refused.value.details["error_type"] == "invalid_grant"


async def test_redeem__a_code_twice(provider: IdentityProvider, idp: IdpEmulator) -> None:
    back = await choose(await url_of(provider))
    first = await provider.redeem(code=back["code"], issuer_seen=back["iss"], **REDEEMING)
    with pytest.raises(ProviderRefused):
        await provider.redeem(code=back["code"], issuer_seen=back["iss"], **REDEEMING)
    assert idp.grants.of(idp.people["alice"]) == []
    assert first.refresh_token
    with pytest.raises(RenewalRefused):
        await provider.refresh(first.refresh_token, unkept)


@pytest.mark.parametrize("fault", [Fault.CALLBACK_OF_ANOTHER, Fault.CALLBACK_UNSIGNED])
async def test_redeem__a_callback_of_another_provider_is_not_followed(
    provider: IdentityProvider, idp: IdpEmulator, fault: Fault
) -> None:
    idp.faults.add(fault)
    back = await choose(await url_of(provider))
    with pytest.raises(ProviderRefused, match="another sign-in service") as refused:
        await provider.redeem(code=back["code"], issuer_seen=back.get("iss"), **REDEEMING)
    assert refused.value.details["error_type"] == "issuer"
    assert idp.calls(Kind.TOKEN) == 0


@pytest.mark.parametrize(("fault", "check"), NOT_TRUSTED.items(), ids=lambda one: str(one))
async def test_redeem__an_id_token_that_is_not_to_be_trusted(
    provider: IdentityProvider, idp: IdpEmulator, fault: Fault, check: str
) -> None:
    idp.faults.add(fault)
    with pytest.raises(ProviderRefused) as refused:
        await sign_in(provider)
    assert refused.value.details["error_type"] == f"id_token_{check}"


@pytest.mark.parametrize(
    ("fault", "check"),
    [(Fault.WRONG_NONCE, "nonce"), (Fault.NO_NONCE, "nonce"), (Fault.NO_ID_TOKEN, "missing")],
)
async def test_redeem__an_id_token_of_another_sign_in(
    provider: IdentityProvider, idp: IdpEmulator, fault: Fault, check: str
) -> None:
    idp.faults.add(fault)
    with pytest.raises(ProviderRefused) as refused:
        await sign_in(provider)
    assert refused.value.details["error_type"] == f"id_token_{check}"


async def test_redeem__needs_a_nonce(provider: IdentityProvider) -> None:
    with pytest.raises(ValueError, match="nonce"):
        await provider.redeem(code="c", verifier=VERIFIER, nonce="", issuer_seen=None)


async def test_redeem__without_a_key_id_while_there_is_one_key(
    provider: IdentityProvider, idp: IdpEmulator
) -> None:
    idp.faults.add(Fault.NO_KID)
    assert (await sign_in(provider)).subject
    idp.change_keys(keep_old=True)
    idp.clock.advance(timedelta(hours=2))
    with pytest.raises(ProviderRefused):
        await sign_in(provider)


@pytest.mark.parametrize(("seconds", "fine"), [(-50, True), (50, True), (-700, False), (700, False)])
async def test_redeem__clocks_may_differ_by_a_minute(
    http: httpx.AsyncClient, idp: IdpEmulator, seconds: int, fine: bool
) -> None:
    provider = relying(http, idp, clock=lambda: idp.clock.now() + timedelta(seconds=seconds))
    if fine:
        assert (await sign_in(provider)).subject
        return
    with pytest.raises(ProviderRefused):
        await sign_in(provider)


async def test_keys__changed_ones_are_fetched_at_once(provider: IdentityProvider, idp: IdpEmulator) -> None:
    await sign_in(provider)
    idp.clock.advance(timedelta(minutes=2))
    idp.change_keys()
    assert (await sign_in(provider)).subject
    assert idp.calls(Kind.KEYS) == 2


async def test_keys__unknown_ones_are_looked_for_once_a_minute(
    provider: IdentityProvider, idp: IdpEmulator
) -> None:
    idp.faults.add(Fault.UNKNOWN_KEY)
    for _ in range(3):
        with pytest.raises(ProviderRefused):
            await sign_in(provider)
    assert idp.calls(Kind.KEYS) == 1
    idp.clock.advance(timedelta(minutes=1))
    with pytest.raises(ProviderRefused):
        await sign_in(provider)
    assert idp.calls(Kind.KEYS) == 2


async def test_keys__are_had_before_the_code_is_spent(provider: IdentityProvider, idp: IdpEmulator) -> None:
    back = await choose(await url_of(provider))
    idp.faults.add(Fault.FAILING)
    with pytest.raises(ProviderUnavailable):
        await provider.redeem(code=back["code"], issuer_seen=back["iss"], **REDEEMING)
    idp.faults.clear()
    assert idp.calls(Kind.TOKEN) == 0
    assert (await provider.redeem(code=back["code"], issuer_seen=back["iss"], **REDEEMING)).subject


async def test_metadata__are_kept_for_an_hour(provider: IdentityProvider, idp: IdpEmulator) -> None:
    for _ in range(3):
        await url_of(provider)
    assert idp.calls(Kind.METADATA) == 1
    idp.clock.advance(timedelta(hours=1))
    await url_of(provider)
    assert idp.calls(Kind.METADATA) == 2


async def test_metadata__asked_for_by_many_at_once_are_fetched_once(
    provider: IdentityProvider, idp: IdpEmulator
) -> None:
    await asyncio.gather(*(url_of(provider) for _ in range(20)))
    assert idp.calls(Kind.METADATA) == 1


async def test_metadata__one_who_stops_waiting_does_not_end_it_for_the_others(
    provider: IdentityProvider, idp: IdpEmulator
) -> None:
    first = asyncio.create_task(url_of(provider))
    second = asyncio.create_task(url_of(provider))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).startswith(idp.issuer)
    assert idp.calls(Kind.METADATA) == 1


@pytest.mark.parametrize("fault", [*UNUSABLE, Fault.OTHER_ISSUER, Fault.PLAIN_HTTP])
async def test_metadata__that_cannot_be_used(
    provider: IdentityProvider, idp: IdpEmulator, fault: Fault
) -> None:
    idp.faults.add(fault)
    with pytest.raises(ProviderUnavailable) as unavailable:
        await url_of(provider)
    assert unavailable.value.details["reason"]
    idp.faults.clear()
    assert await url_of(provider)


async def test_metadata__of_an_issuer_with_a_slash_more(http: httpx.AsyncClient, idp: IdpEmulator) -> None:
    with pytest.raises(ProviderUnavailable):
        await url_of(relying(http, idp, issuer=f"{idp.issuer}/"))


async def test_metadata__from_nobody(http: httpx.AsyncClient, idp: IdpEmulator) -> None:
    await idp.stop()
    with pytest.raises(ProviderUnavailable):
        await url_of(relying(http, idp))


async def test_slow__is_given_up(http: httpx.AsyncClient, idp: IdpEmulator) -> None:
    provider = relying(http, idp)
    await url_of(provider)
    provider._calls._seconds = 0.2
    idp.faults.add(Fault.SLOW)
    with pytest.raises(ProviderUnavailable) as unavailable:
        await provider.refresh(Secret("never-looked-at"), unkept)
    assert "no answer in time" in str(unavailable.value.details["reason"])


async def test_refresh__gives_new_tokens_and_a_new_refresh_token(
    provider: IdentityProvider, idp: IdpEmulator
) -> None:
    first = await sign_in(provider)
    assert first.refresh_token
    second = await provider.refresh(first.refresh_token, unkept)
    assert second.refresh_token not in (None, first.refresh_token)
    assert second.subject == first.subject
    assert idp.grants.behind(second.access_token.reveal()).person.key == "alice"


async def test_refresh__without_an_id_token(provider: IdentityProvider, idp: IdpEmulator) -> None:
    first = await sign_in(provider)
    assert first.refresh_token
    idp.faults.add(Fault.NO_ID_TOKEN)
    second = await provider.refresh(first.refresh_token, unkept)
    assert (second.subject, bool(second.access_token)) == ("", True)


async def test_refresh__with_a_token_that_was_used(provider: IdentityProvider, idp: IdpEmulator) -> None:
    first = await sign_in(provider)
    assert first.refresh_token
    second = await provider.refresh(first.refresh_token, unkept)
    assert second.refresh_token
    for token in (first.refresh_token, second.refresh_token):  # the reuse ends the whole family
        with pytest.raises(RenewalRefused, match="has ended it") as refused:
            await provider.refresh(token, unkept)
        assert refused.value.details["error_type"] == "invalid_grant"


async def test_refresh__after_the_company_has_revoked_it(
    provider: IdentityProvider, idp: IdpEmulator
) -> None:
    tokens = await sign_in(provider)
    assert tokens.refresh_token
    assert idp.revoke("alice") == 1
    with pytest.raises(RenewalRefused, match="your company's sign-in has ended it"):
        await provider.refresh(tokens.refresh_token, unkept)


@pytest.mark.parametrize("fault", [*UNUSABLE, Fault.NO_BEARER, Fault.REFUSES_CLIENT, *NOT_TRUSTED])
async def test_refresh__faults_that_may_pass_end_no_link(
    provider: IdentityProvider, idp: IdpEmulator, fault: Fault
) -> None:
    tokens = await sign_in(provider)
    assert tokens.refresh_token
    idp.faults.add(fault)
    with pytest.raises(ProviderUnavailable) as unavailable:
        await provider.refresh(tokens.refresh_token, unkept)
    assert unavailable.value.details["reason"]


async def test_refresh__by_a_provider_that_refuses_in_another_way(
    provider: IdentityProvider, idp: IdpEmulator
) -> None:
    await url_of(provider)
    answers = {
        (400, "consent_required"): RenewalRefused,
        (400, "interaction_required"): RenewalRefused,
        (403, "access_denied"): RenewalRefused,
        (400, "invalid_scope"): ProviderUnavailable,
        (400, "invalid_request"): ProviderUnavailable,
        (400, "unsupported_grant_type"): ProviderUnavailable,
        (401, "unauthorized_client"): ProviderUnavailable,
        (403, "Bad <code>"): ProviderUnavailable,
        (404, ""): ProviderUnavailable,
        (400, "temporarily_unavailable"): ProviderUnavailable,
        (429, "invalid_grant"): ProviderUnavailable,
        (503, "invalid_grant"): ProviderUnavailable,
        (302, ""): ProviderUnavailable,
    }
    for (status, code), kind in answers.items():
        async with answering(status, {"error": code} if code else {}) as http:
            other = relying(http, idp)
            with pytest.raises(kind) as failure:
                await other.refresh(Secret("r"), unkept)
            shown = failure.value.details.get("error_type")
            assert shown == (code if kind is RenewalRefused else None)


@pytest.mark.parametrize(
    ("status", "document", "code"),
    [
        (400, {"error": "invalid_scope"}, "invalid_scope"),
        (403, {"error": "Bad <code>"}, "unknown"),
        (404, {}, "unknown"),
    ],
)
async def test_refresh__a_refusal_of_the_bot_itself_is_an_error_in_the_log(
    idp: IdpEmulator, status: int, document: dict[str, Any], code: str
) -> None:
    async with answering(status, document) as http:
        other = relying(http, idp)
        with structlog.testing.capture_logs() as logged, pytest.raises(ProviderUnavailable):
            await other.refresh(Secret("r"), unkept)
    assert [one["error"] for one in logged if one["log_level"] == "error"] == [code]


@pytest.mark.parametrize("fault", [Fault.NO_BEARER, *NOT_TRUSTED])
async def test_refresh__keeps_the_new_token_of_an_answer_that_is_of_no_use(
    provider: IdentityProvider, idp: IdpEmulator, fault: Fault
) -> None:
    """The provider has made the old one void all the same."""
    first = await sign_in(provider)
    assert first.refresh_token
    kept: list[Secret] = []

    async def keep(token: Secret) -> None:
        kept.append(token)

    idp.faults.add(fault)
    with pytest.raises(ProviderUnavailable):
        await provider.refresh(first.refresh_token, keep)
    idp.faults.clear()
    (new,) = kept
    assert (await provider.refresh(new, keep)).access_token
    assert len(kept) == 2


async def test_refresh__the_same_token_again_is_nothing_to_keep(idp: IdpEmulator) -> None:
    async with answering(200, {"access_token": "a", "token_type": "Bearer", "refresh_token": "r"}) as http:
        kept: list[Secret] = []

        async def keep(token: Secret) -> None:
            kept.append(token)

        assert (await relying(http, idp).refresh(Secret("r"), keep)).refresh_token == Secret("r")
    assert kept == []


async def test_refusal__has_a_sentence_for_each_code(provider: IdentityProvider) -> None:
    assert "cancelled" in provider.refusal("access_denied").sentence
    assert "“something_new”" in provider.refusal("something_new").sentence
    for odd in ("", "<script>", "a" * 41, "AADSTS50105", "a b"):
        refusal = provider.refusal(odd)
        assert refusal.details["error_type"] == "unknown"
        assert "it gave no reason" in refusal.sentence


async def test_nothing_secret__in_log_errors_or_values(provider: IdentityProvider, idp: IdpEmulator) -> None:
    with structlog.testing.capture_logs() as logged:
        tokens = await sign_in(provider)
        assert tokens.refresh_token
        back = await choose(await url_of(provider))
        seen = [repr(tokens), repr(provider)]
        idp.faults.add(Fault.ALG_NONE)
        with pytest.raises(ProviderRefused) as refused:
            await provider.redeem(code=back["code"], issuer_seen=back["iss"], **REDEEMING)
        idp.revoke("alice")
        with pytest.raises(RenewalRefused) as ended:
            await provider.refresh(tokens.refresh_token, unkept)
    assert idp.client.secret
    seen += [repr(logged), repr(refused.value), repr(ended.value), str(refused.value.details)]
    secrets = (
        idp.client.secret,
        tokens.access_token.reveal(),
        tokens.refresh_token.reveal(),
        back["code"],
        VERIFIER,
    )
    assert not [secret for secret in secrets for text in seen if secret in text]
    assert {one["log_level"] for one in logged} == {"debug", "warning"}


def answering(status: int, document: dict[str, Any]) -> httpx.AsyncClient:
    """A client whose token endpoint always says this; all else goes to the real provider."""

    class Transport(httpx.AsyncBaseTransport):
        def __init__(self) -> None:
            self._real = http_client()

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path == "/token":
                return httpx.Response(status, json=document)
            return await self._real.send(request, stream=True)

        async def aclose(self) -> None:
            await self._real.aclose()

    return httpx.AsyncClient(transport=Transport())
