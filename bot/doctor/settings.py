"""The settings themselves. Wrong ones end the command before this: what is looked at here can be used."""

import stat
from collections.abc import Mapping
from pathlib import Path

from bot.config import Config
from bot.config_rules import near_misses
from bot.doctor.check import Check, ok, warn

DOTENV = Path(".env")


def check_settings(config: Config, environ: Mapping[str, str]) -> Check:
    """Return what the settings amount to, and what in them is probably not meant."""
    name = "settings"
    if strange := near_misses(environ, Config.names()):
        return warn(name, f"{'; '.join(strange)}.", "Correct or remove the name; the bot does not read it.")
    if DOTENV.is_file() and DOTENV.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return warn(
            name, "The file .env may be read by other users of this machine.", "Run `chmod 600 .env`."
        )
    return ok(name, f"They can be used: {_summary(config)}.")


def _summary(config: Config) -> str:
    mode = "Socket Mode" if config.socket_mode else "HTTP mode"
    where = "one workspace" if config.slack_bot_token is not None else "many workspaces by OAuth"
    vaults = ", ".join(vault.name for vault in config.vaults)
    methods = ", ".join(config.link_methods)
    demo = "; the clock is the demo's (DEMO_CLOCK_FILE)" if config.demo_clock_file else ""
    return f"{mode}, {where}; Vaults: {vaults}; link methods: {methods}{demo}"
