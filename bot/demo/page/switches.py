"""The faults that can be switched on and off: in a Vault, in Slack, and in the company's sign-in."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from bot.demo import idp
from bot.demo.page.fields import Refused
from bot.demo.slack import RateLimited, ServerError
from bot.demo.slack.faults import RESPONSE_URL
from bot.demo.slack.faults import Fault as SlackFault
from bot.demo.vault import PlannedFault, faults
from bot.demo.vault.logins import TOKEN_PREFIX
from bot.demo.workspace import DemoWorkspace

SLOW_SECONDS = 4.0
PLENTY = 1000  # a fault of Slack's strikes a counted number of calls; nobody makes so many in a demo

VAULT_FAULTS: Final[dict[str, tuple[str, faults.Fault]]] = {
    "vault_slow": (f"Vault slow ({SLOW_SECONDS:g} s for each answer)", faults.Delay(SLOW_SECONDS)),
    "vault_down": ("Vault down (connections break)", faults.Dropped()),
    "vault_maintenance": ("Vault in maintenance (503)", faults.Maintenance()),
    "vault_burst": ("Vault's burst limit used up", faults.Throttled()),
}
SLACK_FAULTS: Final[dict[str, tuple[str, SlackFault]]] = {
    "slack_429": ("Slack rate limit (429)", RateLimited(retry_after=2)),
    "slack_down": ("Slack's API down (503)", ServerError(503)),
}
IDP_FAULTS: Final[dict[str, tuple[str, idp.Fault]]] = {
    "idp_down": ("Sign-in down (connections break)", idp.Fault.DOWN),
    "idp_refuses": ("Sign-in refuses everybody", idp.Fault.REFUSES_SIGN_IN),
    "idp_client": ("The bot's client secret has run out", idp.Fault.REFUSES_CLIENT),
    "idp_nonce": ("The ID token answers another sign-in", idp.Fault.WRONG_NONCE),
    "idp_key": ("The ID token is signed with an unknown key", idp.Fault.UNKNOWN_KEY),
    "idp_issuer": ("The callback names another issuer", idp.Fault.CALLBACK_OF_ANOTHER),
}
LOGGED_OUT, SOCKET_LOST = "vault_logged_out", "socket_lost"


@dataclass(frozen=True)
class Switch:
    """One fault as the page shows it; a momentary one never stands at on."""

    key: str
    group: str
    label: str
    on: bool = False

    def as_json(self) -> dict[str, Any]:
        """For the state."""
        return {"key": self.key, "group": self.group, "label": self.label, "on": self.on}


class Switches:
    """All of them."""

    def __init__(self, demo: DemoWorkspace, changed: Callable[[], None]) -> None:
        self._demo = demo
        self._changed = changed
        self._vault_faults: dict[str, PlannedFault] = {}
        self._slack_faults: set[str] = set()

    def as_json(self) -> list[dict[str, Any]]:
        """In the page's order."""
        switches = [
            Switch(key, "vault", label, key in self._vault_faults) for key, (label, _) in VAULT_FAULTS.items()
        ]
        switches.append(Switch(LOGGED_OUT, "vault", "Log everybody out of Vault"))
        switches += [
            Switch(key, "slack", label, key in self._slack_faults) for key, (label, _) in SLACK_FAULTS.items()
        ]
        if self._demo.socket_mode:
            switches.append(Switch(SOCKET_LOST, "slack", "Cut the bot's websocket"))
        switches += [
            Switch(key, "idp", label, fault in self._demo.idp.faults)
            for key, (label, fault) in IDP_FAULTS.items()
        ]
        return [switch.as_json() for switch in switches]

    def turn(self, key: str, *, on: bool) -> None:
        """Switch one on or off; Refused for one that is not there."""
        if key not in {switch["key"] for switch in self.as_json()}:
            raise Refused(f"There is no fault “{key}” here.")
        if key in VAULT_FAULTS:
            self._turn_vault(key, on=on)
        elif key in SLACK_FAULTS:
            self._turn_slack(key, on=on)
        elif key in IDP_FAULTS:
            self._turn_idp(key, on=on)
        elif on and key == LOGGED_OUT:
            self._log_everybody_out()
        elif on and key == SOCKET_LOST:
            self._demo.slack.drop_sockets()
        self._changed()

    def _turn_vault(self, key: str, *, on: bool) -> None:
        if (standing := self._vault_faults.pop(key, None)) is not None:
            self._demo.vault.faults.remove(standing)
        if on:
            self._vault_faults[key] = self._demo.vault.faults.add(VAULT_FAULTS[key][1], times=None)

    def _turn_slack(self, key: str, *, on: bool) -> None:
        self._slack_faults = self._slack_faults | {key} if on else self._slack_faults - {key}
        slack = self._demo.slack
        slack.faults.clear()
        for one in sorted(self._slack_faults):
            for method in (*slack.web_api.methods, RESPONSE_URL):
                slack.faults.add(method, SLACK_FAULTS[one][1], times=PLENTY)

    def _turn_idp(self, key: str, *, on: bool) -> None:
        standing = self._demo.idp.faults
        (standing.add if on else standing.discard)(IDP_FAULTS[key][1])

    def _log_everybody_out(self) -> None:
        """End all Vault sessions, and put new API access tokens in place of the old ones."""
        vault = self._demo.vault
        vault.end_sessions()
        until = self._demo.clock.now() + timedelta(days=90)
        for user in vault.users.values():
            vault.revoke_tokens(user)
            for one in vault.domain.vaults_of(user):
                token = f"{TOKEN_PREFIX}demo-{user.key}-{one.key}-{secrets.token_hex(16)}"
                vault.domain.logins.grant(token, user, one.id, until)
