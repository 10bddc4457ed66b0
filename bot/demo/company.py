"""The demo company's sign-in: the same people as in its Vaults, and a person's way through its pages."""

import html
import re
import secrets
from urllib.parse import parse_qs

import httpx

from bot.demo.clock import DemoClock
from bot.demo.idp import Client, IdpEmulator, Person
from bot.demo.vault import IdentityProvider, VaultEmulator

CALLBACK = "/link/oidc/callback"


def company_sign_in(clock: DemoClock, vault: VaultEmulator) -> IdpEmulator:
    """An identity provider of its own for the domain's people, not started yet."""
    people = [
        Person(
            key=user.key,
            subject=f"00u{user.id}",
            name=f"{user.first_name} {user.last_name}",
            email=user.email,
            user_name=user.user_name,
        )
        for user in vault.users.values()
    ]
    client = Client(id="vault-uploads", name="Vault Uploads", secret=secrets.token_urlsafe(24))
    return IdpEmulator(clock=clock, people=people, client=client)


def make_known(idp: IdpEmulator, vault: VaultEmulator, public_url: str) -> None:
    """Register the bot at the running provider, and the provider in the Vaults' domain."""
    idp.client.redirect_uris.add(public_url.rstrip("/") + CALLBACK)
    vault.domain.identity_provider = IdentityProvider(idp.issuer, idp.userinfo_url)


async def walk_through_sign_in(
    browser: httpx.AsyncClient, page: httpx.Response, person: str, vault: str | None
) -> httpx.Response:
    """From the bot's link page by its sign-in button to the provider, and as that person back; what is shown then.

    An empty `person` cancels. LookupError when a page lacks what a person would press.
    """
    sign_in_page = await browser.get(_start(page, vault), follow_redirects=True)
    request = re.search(r'name="request" value="([^"]+)"', sign_in_page.text)
    if request is None:
        raise LookupError(f"the sign-in page of the company did not come: {sign_in_page.status_code}")
    chosen = {"person": person} if person else {"cancel": "yes"}
    return await browser.post(
        sign_in_page.url.join("sign-in"), data={"request": request[1], **chosen}, follow_redirects=True
    )


def _start(page: httpx.Response, vault: str | None) -> httpx.URL:
    """The address behind the sign-in button, of the one for this Vault where there are several."""
    found = [html.unescape(one) for one in re.findall(r'href="([^"]*link/oidc/start\?[^"]*)"', page.text)]
    for address in found:
        if vault is None or len(found) == 1 or vault in parse_qs(address.partition("?")[2]).get("vault", []):
            return page.url.join(address)
    raise LookupError("the page has no button for the company's sign-in")
