"""The customer's identity provider, as the domain's OpenID Connect profile knows it."""

from dataclasses import dataclass
from typing import Final

import aiohttp

from bot.demo.vault.envelope import JsonObject, crashed, login_refused

PROFILE_ID: Final = "_7f1c2f5e-demo-4a2b-8c1d-nordlichtidp0"
PATIENCE_SECONDS: Final = 5.0
_REFUSING = frozenset({400, 401, 403})


@dataclass(frozen=True)
class IdentityProvider:
    """Where a Vault asks whose an access token is; a real one asks an introspection endpoint (facts §3.2)."""

    issuer: str
    userinfo_url: str
    profile_id: str = PROFILE_ID
    label: str = "Nordlicht sign-in"

    def profile(self, session_endpoint: str) -> JsonObject:
        """The entry in the answer of discovery (facts §3.3, E33)."""
        return {
            "id": self.profile_id,
            "label": self.label,
            "description": "",
            "vault_session_endpoint": session_endpoint,
            "use_adal": False,
            "as_metadata": {"issuer": self.issuer},
            "oauthProviderType": "Other",
        }

    async def claims(self, access_token: str) -> JsonObject:
        """What the provider says of the token's person; INVALID_TOKEN or EXPIRED_TOKEN if it says no (facts E30)."""
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_SECONDS)) as http,
                http.get(
                    self.userinfo_url,
                    headers={"Authorization": f"Bearer {access_token}"},
                    allow_redirects=False,
                ) as answer,
            ):
                told = f"{answer.headers.get('WWW-Authenticate', '')} {await answer.text()}".lower()
                if answer.status in _REFUSING:
                    raise refused_token(expired="expired" in told)
                claims = await answer.json() if answer.status == 200 else None
        except (aiohttp.ClientError, TimeoutError, ValueError):
            raise crashed() from None
        if not isinstance(claims, dict):
            raise crashed()
        return claims


def refused_token(*, expired: bool = False) -> Exception:
    """The provider's access token is not, or no longer, good (facts §3.2, E30)."""
    if expired:
        return login_refused("EXPIRED_TOKEN", "The access token has expired.")
    return login_refused("INVALID_TOKEN", "The access token is not valid.")
