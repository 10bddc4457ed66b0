"""The Slack app manifest, filled in for one of the two modes."""

from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from bot.config_values import base_url


def template() -> str:
    """Return the manifest as it is shipped: beside the package in a checkout, within it when installed."""
    packaged = resources.files("bot").joinpath("manifest.yaml")
    if packaged.is_file():
        return packaged.read_text("utf-8")
    return Path(__file__).parent.parent.joinpath("manifest.yaml").read_text("utf-8")


def bot_scopes() -> tuple[str, ...]:
    """Return the scopes the app asks for, as the manifest lists them."""
    return tuple(yaml.safe_load(template())["oauth_config"]["scopes"]["bot"])


def filled_in(http_url: str | None) -> str:
    """Return the manifest as YAML for HTTP mode at that address, or for Socket Mode (None). ValueError."""
    manifest: dict[str, Any] = yaml.safe_load(template())
    settings = manifest["settings"]
    commands, events = manifest["features"]["slash_commands"], settings["event_subscriptions"]
    if http_url is None:
        settings["socket_mode_enabled"] = True
        for addressed in (*commands, settings["interactivity"], events):
            addressed.pop("url", None)
            addressed.pop("request_url", None)
        del manifest["oauth_config"]["redirect_urls"]
    else:
        host = base_url(http_url)
        for command in commands:
            command["url"] = f"{host}/slack/events"
        for addressed in (settings["interactivity"], events):
            addressed["request_url"] = f"{host}/slack/events"
        manifest["oauth_config"]["redirect_urls"] = [f"{host}/slack/oauth_redirect"]
    return yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True, width=110)
