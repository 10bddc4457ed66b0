"""The manifest filled in, and the clock of the demo."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.clocks import clock_for
from bot.manifest import bot_scopes, filled_in, template
from bot.model.clock import system_clock


def addresses(manifest: dict[str, Any]) -> list[str | None]:
    """Every place of Slack's endpoint."""
    return [
        manifest["features"]["slash_commands"][0].get("url"),
        manifest["settings"]["interactivity"].get("request_url"),
        manifest["settings"]["event_subscriptions"].get("request_url"),
    ]


@pytest.mark.parametrize("url", ["https://bot.example", "https://bot.example/"])
def test_filled_in__for_http(url: str) -> None:
    manifest = yaml.safe_load(filled_in(url))
    assert addresses(manifest) == ["https://bot.example/slack/events"] * 3
    assert manifest["oauth_config"]["redirect_urls"] == ["https://bot.example/slack/oauth_redirect"]
    assert manifest["settings"]["socket_mode_enabled"] is False
    assert "HOST" not in filled_in(url)


def test_filled_in__for_socket_mode_has_no_address() -> None:
    manifest = yaml.safe_load(filled_in(None))
    assert addresses(manifest) == [None, None, None]
    assert "redirect_urls" not in manifest["oauth_config"]
    assert "app_uninstalled" in manifest["settings"]["event_subscriptions"]["bot_events"]
    assert manifest["settings"]["socket_mode_enabled"] is True
    assert manifest["settings"]["interactivity"]["is_enabled"] is True
    assert "https://" not in filled_in(None)


def test_filled_in__changes_nothing_else() -> None:
    expected = yaml.safe_load(template())
    found = yaml.safe_load(filled_in("https://HOST"))
    assert found == expected


@pytest.mark.parametrize("url", ["bot.example", "http://bot.example", "https://bot.example?x", "https://a b"])
def test_filled_in__wrong_address(url: str) -> None:
    with pytest.raises(ValueError, match=r"^(is|must)"):
        filled_in(url)


@pytest.mark.parametrize(
    ("hosts", "domains"),
    [
        (["a.veevavault.com"], ["a.veevavault.com"]),
        (["A.veevavault.com:8443", "a.veevavault.com", "b.example"], ["a.veevavault.com", "b.example"]),
        (
            ["127.0.0.1:8090", "[::1]:80", "localhost", "10.0.0.1", "a.b-", "x_y.example", "münchen.example"],
            None,
        ),
        ([f"v{number}.example" for number in range(7)], [f"v{number}.example" for number in range(5)]),
        ([], ["your-vault.veevavault.com"]),
    ],
)
def test_filled_in__unfurl_domains_are_the_vaults_hosts(hosts: list[str], domains: list[str] | None) -> None:
    for url in (None, "https://bot.example"):
        printed = filled_in(url, hosts)
        assert yaml.safe_load(printed)["features"].get("unfurl_domains") == domains
        assert printed.count("# Your Vaults' hosts") == (domains is not None)


def test_bot_scopes__are_those_of_the_manifest() -> None:
    scopes = bot_scopes()
    assert list(scopes) == yaml.safe_load(template())["oauth_config"]["scopes"]["bot"]
    assert {"chat:write", "commands", "im:write", "users:read"} <= set(scopes)


def test_template__keeps_slacks_limits() -> None:
    manifest = yaml.safe_load(template())
    shown = manifest["display_information"]
    assert len(shown["name"]) <= 35
    assert len(shown["description"]) <= 140
    assert 175 <= len(shown["long_description"]) <= 4000
    (command,) = manifest["features"]["slash_commands"]
    assert command["should_escape"] is False
    assert (len(command["command"]) <= 32, len(command["usage_hint"]) <= 1000) == (True, True)


def test_template__slack_takes_commands_in_the_apps_direct_messages() -> None:
    """It does where people may write there; without a history scope what they write stays unread."""
    manifest = yaml.safe_load(template())
    tabs = manifest["features"]["app_home"]
    assert (tabs["messages_tab_enabled"], tabs["messages_tab_read_only_enabled"]) == (True, False)
    assert not [scope for scope in bot_scopes() if scope.endswith(":history")]
    assert not [
        event for event in manifest["settings"]["event_subscriptions"]["bot_events"] if "message" in event
    ]


def test_clock_for__nothing_is_the_machines_own() -> None:
    assert clock_for(None) is system_clock


def test_clock_for__demo_runs_at_its_own_speed_and_is_read_at_every_look(tmp_path: Path) -> None:
    path = tmp_path / "clock.json"
    noon = datetime(2026, 9, 22, 12, tzinfo=UTC)
    path.write_text(json.dumps({"demo": noon.timestamp(), "real": time.time(), "speed": 0}))
    clock = clock_for(path)
    assert clock() == noon
    path.write_text(json.dumps({"demo": noon.timestamp(), "real": time.time() - 10, "speed": 3600}))
    assert noon + timedelta(hours=10) <= clock() < noon + timedelta(hours=20)
    assert clock().utcoffset() == timedelta(0)
