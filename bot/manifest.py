"""The Slack app manifest, filled in for one of the two modes."""

import re
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from bot.config_values import base_url

MOST_DOMAINS = 5
"""Slack: reference "App manifest", `unfurl_domains`."""
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z](?:[a-z0-9-]*[a-z0-9])?")
_DOMAINS = "  unfurl_domains:\n"


def template() -> str:
    """Return the manifest as it is shipped: beside the package in a checkout, within it when installed."""
    packaged = resources.files("bot").joinpath("manifest.yaml")
    if packaged.is_file():
        return packaged.read_text("utf-8")
    return Path(__file__).parent.parent.joinpath("manifest.yaml").read_text("utf-8")


def bot_scopes() -> tuple[str, ...]:
    """Return the scopes the app asks for, as the manifest lists them."""
    return tuple(yaml.safe_load(template())["oauth_config"]["scopes"]["bot"])


def domains_of(hosts: Iterable[str]) -> list[str]:
    """Return what Slack takes for unfurl domains of these hosts: names alone, without ports. Slack: docs "Unfurling
    links in messages": a name needs a top level, and addresses by number match nothing."""
    names = dict.fromkeys(host.lower().partition(":")[0] for host in hosts)
    return [name for name in names if _DOMAIN.fullmatch(name)]


def filled_in(http_url: str | None, vault_hosts: Iterable[str] = ()) -> str:
    """Return the manifest as YAML for HTTP mode at that address, or for Socket Mode (None). ValueError.

    Links to the first five of the Vaults get a card; where no Vault is known yet, a placeholder stays.
    """
    manifest: dict[str, Any] = yaml.safe_load(template())
    if hosts := list(vault_hosts):
        manifest["features"]["unfurl_domains"] = domains_of(hosts)[:MOST_DOMAINS]
        if not manifest["features"]["unfurl_domains"]:
            del manifest["features"]["unfurl_domains"]
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
    text = yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True, width=110)
    return text.replace(_DOMAINS, _comment_above(_DOMAINS) + _DOMAINS, 1)


def _comment_above(line: str) -> str:
    """The template's comment on a line, which YAML's reader drops."""
    found = re.search(rf"((?:^ *#.*\n)+){re.escape(line)}", template(), re.MULTILINE)
    return found[1] if found else ""
