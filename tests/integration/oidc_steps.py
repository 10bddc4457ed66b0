"""Looks at what the sign-in pages answer."""

from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import httpx
from markupsafe import escape

from bot.model.errors import ProviderUnavailable, SignInNotValid
from tests.integration.linking_world import LinkingWorld, slack_user

NOT_VALID = SignInNotValid.what
PROVIDER_DOWN = str(escape(ProviderUnavailable.what))
BROWSER, FLOW = "vault-uploads-link", "vault-uploads-oidc"


def set_cookies(response: httpx.Response) -> dict[str, str]:
    """The Set-Cookie headers by name."""
    return {one.partition("=")[0]: one for one in response.headers.get_list("set-cookie")}


def changed(url: str, /, **parameters: str | None) -> str:
    """The address with some of its parameters replaced, or left out where None."""
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()} | parameters
    kept = {name: value for name, value in query.items() if value is not None}
    return urlunsplit(parts._replace(query=urlencode(kept)))


async def refused(world: LinkingWorld, page: httpx.Response, words: str, status: int) -> None:
    """Nothing came of it: no link, no Vault session, no sign-in left in the browser."""
    assert page.status_code == status, page.text
    assert words in page.text
    assert await world.accounts.find(slack_user("alice")) == []
    assert world.living_sessions("alice") == 0
    assert f'{FLOW}=""; HttpOnly; Max-Age=0' in page.headers["set-cookie"]
