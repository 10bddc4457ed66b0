"""The company's sign-in, where linking by it is offered: its metadata and its keys."""

from bot.doctor.check import Check, fail, ok
from bot.idp.discovery import Discovery
from bot.model.errors import ProviderUnavailable


async def check_sign_in(discovery: Discovery, issuer: str) -> Check:
    """Return whether people can be sent there, and what it signs be checked."""
    try:
        await discovery.metadata()
        keys = await discovery.keys()
    except ProviderUnavailable as error:
        return fail(
            "sign_in",
            f"The company's sign-in {issuer} cannot be used ({error.details.get('reason')}).",
            "Open /.well-known/openid-configuration below OIDC_ISSUER: it must be reached from here, and name that "
            "issuer to the letter.",
        )
    count = len(keys.keys)
    return ok("sign_in", f"{issuer} gives its metadata and {count} signing key{'s' if count > 1 else ''}.")
