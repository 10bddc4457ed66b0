"""Your company's sign-in, where the settings name one."""

import httpx

from bot.config import Config
from bot.idp.provider import IdentityProvider
from bot.model.accounts import LinkMethod
from bot.model.clock import Clock


def identity_provider(config: Config, http: httpx.AsyncClient, clock: Clock) -> IdentityProvider | None:
    """Return the identity provider; None where nobody links by it."""
    if LinkMethod.OIDC not in config.link_methods or not config.oidc_issuer or not config.oidc_client_id:
        return None
    return IdentityProvider(
        http,
        issuer=config.oidc_issuer,
        client_id=config.oidc_client_id,
        client_secret=config.oidc_client_secret,
        scopes=config.oidc_scopes,
        redirect_uri=f"{config.public_url}/link/oidc/callback",
        clock=clock,
    )
