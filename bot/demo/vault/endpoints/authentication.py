"""Versions, discovery, both logins, keep-alive, logout, ``users/me`` and ``users/{id}`` (facts §1.1, §3, §4)."""

from bot.demo.vault.calls import Call
from bot.demo.vault.envelope import (
    JsonObject,
    RefusedError,
    invalid,
    login_refused,
    missing,
    success,
)
from bot.demo.vault.identity_provider import refused_token
from bot.demo.vault.logins import VaultSession
from bot.demo.vault.users import SignIn


def list_versions(call: Call) -> JsonObject:
    """Every version with its absolute address (facts §1.1, E40)."""
    base = f"{call.vault.url}/api"
    return success(values={version: f"{base}/{version}" for version in call.behaviour.versions})


def discover(call: Call) -> JsonObject:
    """How a user name logs in (facts §3.3, E31 to E33); without a profile, OpenID Connect reads like SAML."""
    user_name = call.form.get("username") or call.request.query_params.get("username")
    if not user_name:
        raise missing("username")
    way, provider = call.domain.sign_in_of(user_name), call.domain.identity_provider
    if way is SignIn.PASSWORD:
        return success(errors=[], data={"auth_type": "password"})
    profiles = []
    if way is SignIn.OIDC and provider is not None:
        profiles = [provider.profile(f"{call.vault.url}/auth/oauth/session/{provider.profile_id}")]
    return success(errors=[], data={"auth_type": "sso", "auth_profiles": profiles})


def log_in(call: Call) -> JsonObject:
    """Log in by password; the session may be for another Vault than was asked for (facts §3.1, E26, E27)."""
    user_name, password = call.form.get("username"), call.form.get("password")
    if not user_name:
        raise login_refused("PARAMETER_REQUIRED", "Parameter [username] is required.")
    if not password:
        raise login_refused("NO_PASSWORD_PROVIDED", "No password was given.")
    return _signed_in(call, call.domain.sign_in(user_name, password, wanted_dns(call), call.now))


async def exchange(call: Call) -> JsonObject:
    """Log in by an access token of the identity provider; without `vaultDNS` the session is for the Vault of the
    last login (facts §3.2, E26, E27, E30). Every Vault plays the login host that all share."""
    provider = call.domain.identity_provider
    if provider is None or call.path_values["profile_id"] != provider.profile_id:
        raise login_refused("INVALID_DATA", "This domain has no such profile.")
    scheme, _, access_token = call.request.headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() != "bearer" or not access_token.strip():
        raise refused_token()
    claims = await provider.claims(access_token.strip())
    email, wanted = str(claims.get("email") or ""), call.form.get("vaultDNS", "")
    return _signed_in(call, call.domain.sign_in_by_email(email, wanted, call.now))


def _signed_in(call: Call, session: VaultSession) -> JsonObject:
    return success(
        sessionId=session.id,
        userId=session.user.id,
        vaultIds=[
            {"id": vault.id, "name": vault.name, "url": f"{vault.url}/api"}
            for vault in call.domain.vaults_of(session.user)
        ],
        vaultId=session.vault_id,
    )


def wanted_dns(call: Call) -> str:
    """The Vault asked for: `vaultDNS` overrides the host of the address (facts §3.1)."""
    return call.form.get("vaultDNS") or call.vault.dns


def keep_alive(_: Call) -> JsonObject:
    """Use the session and do nothing else (facts §3.5, E14); a token needs none (assumed)."""
    return success()


def end_session(call: Call) -> JsonObject:
    """End just this session (facts §3.5, E14); a token is revoked elsewhere (facts §3.4)."""
    if not isinstance(call.credential, VaultSession):
        raise invalid("An API access token is not a session.")
    call.domain.logins.end(call.credential)
    return success()


def read_me(call: Call) -> JsonObject:
    """Whose session this is (facts §3.5, E34)."""
    return success(users=[{"user": call.user.record()}])


def read_user(call: Call) -> JsonObject:
    """Who another person of this Vault is, for an Admin; anyone else may ask for themselves alone (facts §4; who may
    ask, and what the others are told, is assumed)."""
    wanted = call.path_values["user_id"]
    if wanted == str(call.user.id):
        return read_me(call)
    if not call.user.is_admin:
        raise RefusedError("INSUFFICIENT_ACCESS", "You may not look at other users.")
    members = (user for user in call.domain.users.values() if call.vault.id in user.vault_ids)
    user = next((user for user in members if wanted == str(user.id)), None)
    if user is None:
        raise invalid("No user with that ID.")
    return success(users=[{"user": user.record()}])
