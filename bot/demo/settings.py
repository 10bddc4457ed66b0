"""The settings with which the demo starts the real bot, as an operator would write them."""

import os
from pathlib import Path
from typing import Any, Final

import yaml

from bot.demo.idp import IdpEmulator
from bot.demo.serving import LOOPBACK
from bot.demo.slack import SlackEmulator
from bot.demo.vault import VaultEmulator
from bot.demo.vault.identity_provider import PROFILE_ID
from bot.manifest import filled_in
from bot.store.seal import new_key

TO_TRY: Final = {"ALLOW_ABORT": "true"}
"""What is switched on beside an operator's defaults where people come to try everything."""


def manifest(http_url: str | None) -> dict[str, Any]:
    """The real manifest, for the demo's way of running; without an address it is Socket Mode's.

    Its unfurl domain is where the emulated Vaults are; Slack itself takes none that is a number.
    """
    filled: dict[str, Any] = yaml.safe_load(filled_in(http_url))
    filled["features"]["unfurl_domains"] = [LOOPBACK]
    return filled


def bot_settings(
    slack: SlackEmulator, vault: VaultEmulator, idp: IdpEmulator, folder: Path, *, socket_mode: bool
) -> dict[str, str]:
    """All that the bot needs to work between these three, which are running."""
    way_in = (
        {"SLACK_APP_TOKEN": slack.app_token}
        if socket_mode
        else {"SLACK_SIGNING_SECRET": slack.signing_secret}
    )
    vaults = [(name, one.url) for name, one in vault.vaults.items()]
    return {
        **way_in,
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_API_URL": slack.api_url,
        "VAULTS": ",".join(f"{name}={url}" for name, url in vaults),
        "VAULT_LOGIN_URL": vaults[0][1],
        "LINK_METHODS": "token,oidc,password",
        "OIDC_PROFILE_ID": PROFILE_ID,
        "OIDC_CLIENT_ID": idp.client.id,
        "OIDC_CLIENT_SECRET": idp.client.secret or "",
        "OIDC_ISSUER": idp.issuer,
        "DATABASE_URL": f"sqlite:///{folder / 'bot.db'}",
        "ENCRYPTION_KEYS": _encryption_key(folder),
        "DEMO_CLOCK_FILE": str(folder / "clock.json"),
        "LOG_FORMAT": "json",
    }


def _encryption_key(folder: Path) -> str:
    """The folder's own key; a new one for a new folder, readable by its owner alone."""
    path = folder / "encryption.key"
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(new_key())
    return path.read_text("utf-8").strip()
