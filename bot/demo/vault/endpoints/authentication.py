"""Versions, discovery, login, keep-alive, logout and ``users/me`` (facts §1.1, §3)."""

from bot.demo.vault.calls import Call
from bot.demo.vault.envelope import (
    JsonObject,
    invalid,
    login_refused,
    missing,
    success,
)
from bot.demo.vault.logins import VaultSession
from bot.demo.vault.users import SignIn


def list_versions(call: Call) -> JsonObject:
    """Every version with its absolute address (facts §1.1, E40)."""
    base = f"{call.vault.url}/api"
    return success(values={version: f"{base}/{version}" for version in call.behaviour.versions})


def discover(call: Call) -> JsonObject:
    """How a user name logs in (facts §3.3, E31, E32)."""
    user_name = call.form.get("username") or call.request.query_params.get("username")
    if not user_name:
        raise missing("username")
    if call.domain.sign_in_of(user_name) is SignIn.SAML:
        return success(errors=[], data={"auth_type": "sso", "auth_profiles": []})
    return success(errors=[], data={"auth_type": "password"})


def log_in(call: Call) -> JsonObject:
    """Log in by password; the session may be for another Vault than was asked for (facts §3.1, E26, E27)."""
    user_name, password = call.form.get("username"), call.form.get("password")
    if not user_name:
        raise login_refused("PARAMETER_REQUIRED", "Parameter [username] is required.")
    if not password:
        raise login_refused("NO_PASSWORD_PROVIDED", "No password was given.")
    session = call.domain.sign_in(user_name, password, wanted_dns(call), call.now)
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
