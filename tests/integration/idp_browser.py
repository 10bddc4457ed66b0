"""An identity provider and a person's browser at it, without any bot between them."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from bot.demo.clock import DemoClock
from bot.demo.idp import Client, IdpEmulator, Person
from bot.idp.provider import IdentityProvider, Tokens
from bot.model.secret import Secret

CALLBACK = "http://127.0.0.1:9/link/oidc/callback"
SECRET = "a+b/c%d:e ~&=?"  # what form-encoding changes, and what it does not
PEOPLE = tuple(
    Person(
        key=name.lower(),
        subject=f"subject-of-{name.lower()}",
        name=name,
        email=f"{name.lower()}@nordlicht.example",
        user_name=f"{name.lower()}@nordlicht.example",
    )
    for name in ("Alice", "Bob")
)
STATE, NONCE = "a state", "a nonce"
VERIFIER, CHALLENGE = (
    "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
)
"""RFC 7636, appendix B."""
REDEEMING: dict[str, str] = {"verifier": VERIFIER, "nonce": NONCE}


@asynccontextmanager
async def emulated_idp(**client: Any) -> AsyncIterator[IdpEmulator]:
    """A provider with Alice and Bob, its clock standing still."""
    clock = DemoClock()
    clock.run_at(0)
    known = Client(
        **{"id": "the-bot", "name": "Vault Uploads", "secret": SECRET, "redirect_uris": {CALLBACK}, **client}
    )
    idp = IdpEmulator(clock=clock, people=PEOPLE, client=known)
    await idp.start()
    try:
        yield idp
    finally:
        await idp.stop()


def relying(http: httpx.AsyncClient, idp: IdpEmulator, **changes: Any) -> IdentityProvider:
    """The bot's side of it."""
    settings: dict[str, Any] = {
        "issuer": idp.issuer,
        "client_id": idp.client.id,
        "client_secret": None if idp.client.secret is None else Secret(idp.client.secret),
        "scopes": "openid email offline_access",
        "redirect_uri": CALLBACK,
        "clock": idp.clock.now,
    }
    return IdentityProvider(http, **{**settings, **changes})


async def choose(url: str, who: str = "alice") -> dict[str, str]:
    """Open the provider's page, choose a person (or nobody), and return what the callback is told."""
    async with httpx.AsyncClient(trust_env=False, timeout=60) as browser:
        page = await browser.get(url)
        if page.status_code != 303:
            assert page.status_code == 200, page.text
            found = re.search(r'name="request" value="([^"]+)"', page.text)
            assert found, page.text
            fields = {"request": found[1], **({"person": who} if who else {"cancel": "yes"})}
            page = await browser.post(f"{url.partition('/authorize')[0]}/sign-in", data=fields)
    assert page.status_code == 303, page.text
    back = page.headers["location"]
    assert back.startswith(CALLBACK + "?")
    return dict(parse_qsl(urlsplit(back).query))


async def sign_in(provider: IdentityProvider, who: str = "alice") -> Tokens:
    """The whole way."""
    back = await choose(await provider.sign_in_url(state=STATE, nonce=NONCE, verifier=VERIFIER), who)
    assert back["state"] == STATE
    return await provider.redeem(code=back["code"], issuer_seen=back["iss"], **REDEEMING)
