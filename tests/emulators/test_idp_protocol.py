"""The emulated identity provider speaks OpenID Connect as it is written down."""

import base64
import hashlib
import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from starlette.routing import Route

from bot.demo.clock import DemoClock
from bot.demo.idp import COVERAGE, Client, Exchange, Fault, IdpEmulator, Kind, Person
from bot.demo.idp.server import Provider

CALLBACK = "https://app.example/back?keep=this"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
ASKING = {
    "response_type": "code",
    "client_id": "an-app",
    "redirect_uri": CALLBACK,
    "scope": "openid email offline_access unheard-of",
    "state": "the state",
    "nonce": "the nonce",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
    "prompt": "consent",
}
ALICE = Person(
    key="alice", subject="00u1", name="Alice <Ångström>", email="alice@nordlicht.example", user_name="alice"
)


@pytest.fixture
async def idp() -> AsyncIterator[IdpEmulator]:
    clock = DemoClock()
    clock.run_at(0)
    client = Client(id="an-app", name="An App", secret="s:e%c+r", redirect_uris={CALLBACK})
    emulator = IdpEmulator(clock=clock, people=[ALICE], client=client)
    await emulator.start()
    yield emulator
    await emulator.stop()


@pytest.fixture
async def http(idp: IdpEmulator) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=idp.issuer, timeout=60, trust_env=False) as client:
        yield client


async def ask(http: httpx.AsyncClient, **changes: str | None) -> httpx.Response:
    query = {name: value for name, value in {**ASKING, **changes}.items() if value is not None}
    return await http.get("/authorize", params=query)


def told(answer: httpx.Response) -> dict[str, str]:
    """What the client's address is told."""
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].startswith(CALLBACK + "&")
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


async def choose(http: httpx.AsyncClient, page: httpx.Response, **chosen: str) -> httpx.Response:
    found = re.search(r'name="request" value="([^"]+)"', page.text)
    assert found
    return await http.post("/sign-in", data={"request": found[1], **chosen})


async def token(http: httpx.AsyncClient, **form: str) -> httpx.Response:
    return await http.post("/token", data={"client_id": "an-app", "client_secret": "s:e%c+r", **form})


async def redeem(http: httpx.AsyncClient, **changes: str) -> httpx.Response:
    code = told(await choose(http, await ask(http), person="alice"))["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    return await token(http, **{**form, "code_verifier": VERIFIER, **changes})


async def refresh(http: httpx.AsyncClient, refresh_token: str) -> httpx.Response:
    return await token(http, grant_type="refresh_token", refresh_token=refresh_token)


async def whose(http: httpx.AsyncClient, access_token: str) -> httpx.Response:
    return await http.get("/userinfo", headers={"Authorization": f"Bearer {access_token}"})


async def claims_of(http: httpx.AsyncClient, id_token: str) -> dict[str, Any]:
    """Verified by a library that is not the emulator's own."""
    keys = KeySet.import_key_set((await http.get("/jwks")).json())
    return dict(jwt.decode(id_token, keys, algorithms=["RS256"]).claims)


def test_coverage__is_the_table_of_routes(idp: IdpEmulator) -> None:
    routes = [route for route in Provider(idp, "").app.routes if isinstance(route, Route)]
    served = sorted(
        (method, route.path) for route in routes for method in (route.methods or set()) - {"HEAD"}
    )
    assert sorted((entry.method, entry.path) for entry in COVERAGE) == served
    assert all(entry.note for entry in COVERAGE)


async def test_metadata__name_the_issuer_and_addresses_that_answer(
    http: httpx.AsyncClient, idp: IdpEmulator
) -> None:
    metadata = (await http.get("/.well-known/openid-configuration")).json()
    assert metadata["issuer"] == idp.issuer
    addresses = [value for name, value in metadata.items() if name.endswith(("_endpoint", "_uri"))]
    assert len(addresses) == 4
    for address in addresses:
        assert (await http.get(address)).status_code in (200, 400, 401, 405)


async def test_sign_in__shows_everyone_and_names_the_app(http: httpx.AsyncClient) -> None:
    page = await ask(http)
    assert page.status_code == 200
    assert "Continue as <strong>Alice &lt;Ångström&gt;</strong>" in page.text
    assert "Sign in to An App" in page.text
    assert "may go on acting for you" in page.text
    assert "may go on acting" not in (await ask(http, scope="openid")).text
    assert "https://app.example;" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"


async def test_sign_in__sends_back_a_code_with_state_and_issuer(
    http: httpx.AsyncClient, idp: IdpEmulator
) -> None:
    back = told(await choose(http, await ask(http), person="alice"))
    assert back.pop("code")
    assert back == {"keep": "this", "state": "the state", "iss": idp.issuer}


async def test_sign_in__cancelled(http: httpx.AsyncClient, idp: IdpEmulator) -> None:
    back = told(await choose(http, await ask(http), cancel="yes"))
    assert back == {"keep": "this", "error": "access_denied", "state": "the state", "iss": idp.issuer}


async def test_sign_in__page_used_twice(http: httpx.AsyncClient) -> None:
    page = await ask(http)
    await choose(http, page, person="alice")
    again = await choose(http, page, person="alice")
    assert (again.status_code, "used already" in again.text) == (400, True)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "email"}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
    ],
)
async def test_authorize__tells_the_app_what_is_wrong(
    http: httpx.AsyncClient, changes: dict[str, str | None], error: str
) -> None:
    assert told(await ask(http, **changes))["error"] == error


@pytest.mark.parametrize(
    "changes",
    [{"client_id": "another"}, {"redirect_uri": "https://app.example/back"}, {"redirect_uri": None}],
)
async def test_authorize__sends_nobody_to_an_address_that_is_not_registered(
    http: httpx.AsyncClient, changes: dict[str, str | None]
) -> None:
    answer = await ask(http, **changes)
    assert (answer.status_code, answer.headers.get("location")) == (400, None)


async def test_token__gives_an_id_token_that_holds(http: httpx.AsyncClient, idp: IdpEmulator) -> None:
    answer = await redeem(http)
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    now = int(idp.clock.timestamp())
    half = hashlib.sha256(body["access_token"].encode()).digest()[:16]
    assert await claims_of(http, body["id_token"]) == {
        "iss": idp.issuer,
        "sub": "00u1",
        "aud": "an-app",
        "iat": now,
        "exp": now + 600,
        "auth_time": now,
        "nonce": "the nonce",
        "at_hash": base64.urlsafe_b64encode(half).decode().rstrip("="),
    }
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 3600)
    assert body["scope"] == "email offline_access openid"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"redirect_uri": "https://app.example/back"}, "invalid_grant"),
        ({"code": "made up"}, "invalid_grant"),
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_id": "another"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
async def test_token__refuses(http: httpx.AsyncClient, changes: dict[str, str], error: str) -> None:
    answer = await redeem(http, **changes)
    assert answer.json()["error"] == error
    assert answer.status_code == (401 if error == "invalid_client" else 400)


async def test_token__a_code_lives_for_a_minute(http: httpx.AsyncClient, idp: IdpEmulator) -> None:
    code = told(await choose(http, await ask(http), person="alice"))["code"]
    idp.clock.advance(timedelta(minutes=1))
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    assert (await token(http, **form, code_verifier=VERIFIER)).json()["error"] == "invalid_grant"


async def test_token__takes_the_secret_as_a_user_name_and_password_too(http: httpx.AsyncClient) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": "unknown"}
    good = await http.post("/token", data=form, auth=("an-app", "s%3Ae%25c%2Br"))
    assert good.json()["error"] == "invalid_grant"
    for auth in (("an-app", "s:e%c+r"), ("another", "s%3Ae%25c%2Br")):
        assert (await http.post("/token", data=form, auth=auth)).json()["error"] == "invalid_client"
    odd = await http.post("/token", data=form, headers={"Authorization": "Basic !!"})
    assert odd.json()["error"] == "invalid_client"


async def test_offline_access__only_with_the_persons_consent(http: httpx.AsyncClient) -> None:
    code = told(await choose(http, await ask(http, prompt=None), person="alice"))["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    assert "refresh_token" not in (await token(http, **form, code_verifier=VERIFIER)).json()


async def test_refresh__rotates_and_a_reuse_ends_the_family(
    http: httpx.AsyncClient, idp: IdpEmulator
) -> None:
    first = (await redeem(http)).json()
    second = (await refresh(http, first["refresh_token"])).json()
    assert second["refresh_token"] != first["refresh_token"]
    claims = await claims_of(http, second["id_token"])
    assert (claims["sub"], "nonce" in claims) == ("00u1", False)
    assert (await whose(http, second["access_token"])).status_code == 200
    for spent in (first["refresh_token"], second["refresh_token"]):
        assert (await refresh(http, spent)).json()["error"] == "invalid_grant"
    assert (await whose(http, second["access_token"])).status_code == 401
    assert idp.grants.of(ALICE) == []


async def test_refresh__a_code_that_comes_again_ends_the_family(http: httpx.AsyncClient) -> None:
    code = told(await choose(http, await ask(http), person="alice"))["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    first = (await token(http, **form, code_verifier=VERIFIER)).json()
    assert (await token(http, **form, code_verifier=VERIFIER)).json()["error"] == "invalid_grant"
    assert (await refresh(http, first["refresh_token"])).json()["error"] == "invalid_grant"


async def test_userinfo__says_whose_it_is_until_it_expires(http: httpx.AsyncClient, idp: IdpEmulator) -> None:
    access_token = (await redeem(http)).json()["access_token"]
    assert (await whose(http, access_token)).json() == {
        "sub": "00u1",
        "email": "alice@nordlicht.example",
        "email_verified": True,
    }
    idp.clock.advance(timedelta(hours=1))
    late = await whose(http, access_token)
    assert (late.status_code, "expired" in late.headers["www-authenticate"]) == (401, True)
    assert (await http.get("/userinfo")).status_code == 401


async def test_revoke__ends_what_a_person_has_and_lets_them_sign_in_anew(
    http: httpx.AsyncClient, idp: IdpEmulator
) -> None:
    first = (await redeem(http)).json()
    assert idp.revoke("alice") == 1
    assert idp.revoke("alice") == 0
    assert (await refresh(http, first["refresh_token"])).json()["error"] == "invalid_grant"
    revoked = await whose(http, first["access_token"])
    assert (revoked.status_code, "expired" in revoked.headers["www-authenticate"]) == (401, False)
    assert (await redeem(http)).status_code == 200


async def test_keys__an_old_one_may_stay_published(http: httpx.AsyncClient, idp: IdpEmulator) -> None:
    before = (await redeem(http)).json()["id_token"]
    idp.change_keys(keep_old=True)
    assert await claims_of(http, before)
    assert await claims_of(http, (await redeem(http)).json()["id_token"])
    idp.change_keys()
    assert len((await http.get("/jwks")).json()["keys"]) == 1


async def test_log__counts_and_keeps_requests_without_a_secret(
    http: httpx.AsyncClient, idp: IdpEmulator
) -> None:
    heard: list[Exchange] = []
    stop = idp.on_exchange(heard.append)
    body = (await redeem(http)).json()
    stop()
    await refresh(http, "unknown")
    assert idp.calls() == 4
    assert [one.kind for one in heard] == [Kind.AUTHORIZE, Kind.SIGN_IN, Kind.TOKEN]
    last, before = idp.log[-1], idp.log[-2]
    assert (before.who, before.grant_type, before.status) == ("alice", "authorization_code", 200)
    assert (last.error, last.status, last.number) == ("invalid_grant", 400, 4)
    text = repr(idp.log)
    assert not [one for one in (body["access_token"], body["refresh_token"], VERIFIER, "s:e") if one in text]
    idp.forget_calls()
    assert (idp.calls(Kind.TOKEN), len(idp.log)) == (0, 4)


@pytest.mark.parametrize("fault", [Fault.FAILING, Fault.NO_JSON, Fault.TOO_LARGE])
async def test_fault__spoils_every_answer_until_it_is_taken_away(
    http: httpx.AsyncClient, idp: IdpEmulator, fault: Fault
) -> None:
    idp.faults.add(fault)
    spoiled = await http.get("/jwks")
    assert "keys" not in spoiled.text
    assert (spoiled.status_code == 500) is (fault is Fault.FAILING)
    idp.faults.clear()
    assert "keys" in (await http.get("/jwks")).json()


async def test_fault__down_breaks_the_connection(http: httpx.AsyncClient, idp: IdpEmulator) -> None:
    idp.faults.add(Fault.DOWN)
    with pytest.raises(httpx.TransportError):
        await http.get("/jwks")
    assert idp.log[-1].status == 0


async def test_fault__slow_answers_are_right(http: httpx.AsyncClient, idp: IdpEmulator) -> None:
    idp.slow_seconds = 0.05
    idp.faults.add(Fault.SLOW)
    assert "keys" in (await http.get("/jwks")).json()
    assert idp.log[-1].seconds >= 0.05


@pytest.mark.parametrize("error", ["temporarily_unavailable", "server_error"])
async def test_fault__refuses_sign_in_with_the_error_chosen(
    http: httpx.AsyncClient, idp: IdpEmulator, error: str
) -> None:
    idp.faults.add(Fault.REFUSES_SIGN_IN)
    idp.sign_in_error = error
    assert told(await ask(http))["error"] == error


async def test_fault__id_tokens_are_spoiled_in_the_way_named(
    http: httpx.AsyncClient, idp: IdpEmulator
) -> None:
    async def parts(fault: Fault) -> tuple[dict[str, Any], dict[str, Any]]:
        idp.faults = {fault}
        header, claims, _ = (await redeem(http)).json()["id_token"].split(".")
        return _decoded(header), _decoded(claims)

    assert (await parts(Fault.ALG_NONE))[0]["alg"] == "none"
    assert (await parts(Fault.HS256))[0]["alg"] == "HS256"
    assert "kid" not in (await parts(Fault.NO_KID))[0]
    assert (await parts(Fault.UNKNOWN_KEY))[0]["kid"] != idp.keys[0].kid
    assert (await parts(Fault.TOKEN_ISSUER))[1]["iss"] != idp.issuer
    assert (await parts(Fault.WRONG_AUDIENCE))[1]["aud"] == "another-client"
    assert (await parts(Fault.SECOND_AUDIENCE))[1]["aud"] == ["an-app", "another-client"]
    assert (await parts(Fault.WRONG_NONCE))[1]["nonce"] != "the nonce"
    assert "nonce" not in (await parts(Fault.NO_NONCE))[1]
    assert "sub" not in (await parts(Fault.NO_SUBJECT))[1]
    now = idp.clock.timestamp()
    assert (await parts(Fault.EXPIRED))[1]["exp"] < now
    assert (await parts(Fault.FROM_THE_FUTURE))[1]["iat"] > now


def _decoded(segment: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    return found
