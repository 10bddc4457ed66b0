"""The compose files run what is there, with settings that exist, and with as few rights as it needs."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot import cli
from bot.config import Config

ROOT = Path(__file__).parent.parent.parent
FILES = ("compose.sqlite.yaml", "compose.postgres.yaml")
TEXTS = {name: ROOT.joinpath("ops", name).read_text("utf-8") for name in FILES}
COMPOSED: dict[str, dict[str, Any]] = {name: yaml.safe_load(text) for name, text in TEXTS.items()}
SERVICES = [(name, service) for name, composed in COMPOSED.items() for service in composed["services"]]
OURS = [(name, service) for name, service in SERVICES if "build" in COMPOSED[name]["services"][service]]
REQUIRED = {
    "bot": {"VAULTS", "ENCRYPTION_KEYS", "DATABASE_URL", "PUBLIC_URL", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"},
    "migrate": {"DATABASE_URL"},
}
SECRET = {"ENCRYPTION_KEYS", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "POSTGRES_PASSWORD"}
LONGEST_END = 25
"""Seconds that the bot may take after SIGTERM (docs/operating.md, "Starting, stopping, exit codes")."""


def seconds(text: str) -> int:
    """A compose duration in whole seconds."""
    (number,) = re.findall(r"^(\d+)s$", text)
    return int(number)


def test_compose__is_of_the_two_kinds() -> None:
    assert set(COMPOSED["compose.sqlite.yaml"]["services"]) == {"bot"}
    assert set(COMPOSED["compose.postgres.yaml"]["services"]) == {"database", "migrate", "bot"}
    assert "deploy" not in COMPOSED["compose.sqlite.yaml"]["services"]["bot"], "SQLite serves one replica"
    assert COMPOSED["compose.postgres.yaml"]["services"]["bot"]["deploy"]["replicas"] >= 2


@pytest.mark.parametrize(("name", "service"), SERVICES)
def test_service__has_the_rights_it_needs_and_no_more(name: str, service: str) -> None:
    one = COMPOSED[name]["services"][service]
    assert one["read_only"] is True
    assert one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert any(place.startswith("/tmp:") for place in one["tmpfs"])
    assert not {"privileged", "network_mode", "pid", "ipc", "devices", "env_file"} & set(one)
    assert "cap_add" not in one or service == "database"
    assert not any("docker.sock" in volume for volume in one.get("volumes", []))
    for port in one.get("ports", []):
        assert port.startswith("127.0.0.1:"), (
            "the bot speaks plain http: a proxy of the operator's goes in front"
        )


@pytest.mark.parametrize(("name", "service"), SERVICES)
def test_service__takes_its_secrets_from_files(name: str, service: str) -> None:
    composed = COMPOSED[name]
    one = composed["services"][service]
    assert set(one["secrets"]) <= set(composed["secrets"])
    files = {key: value for key, value in one["environment"].items() if key.endswith("_FILE")}
    assert {Path(value).name for value in files.values()} == set(one["secrets"])
    assert all(value == f"/run/secrets/{Path(value).name}" for value in files.values())
    plain = set(one["environment"]) - set(files)
    assert not plain & SECRET
    assert "DATABASE_URL" not in plain or one["environment"]["DATABASE_URL"].startswith("sqlite:")
    for secret, source in composed["secrets"].items():
        assert source == {"file": f"./secrets/{secret}"}
        assert secret in TEXTS[name].partition("name:")[0], f"its head does not tell to make {secret}"


@pytest.mark.parametrize(("name", "service"), OURS)
def test_settings__exist_and_suffice(name: str, service: str) -> None:
    environment = COMPOSED[name]["services"][service]["environment"]
    given = {key.removesuffix("_FILE") for key in environment}
    assert given <= set(Config.names())
    assert given == REQUIRED[service]
    values = {"ENCRYPTION_KEYS": "x", "SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"}
    values |= {"DATABASE_URL": "postgresql://bot:x@database/bot"}
    if service == "bot":
        plain = {key: value for key, value in environment.items() if not key.endswith("_FILE")}
        assert Config.from_environ({"HOST": "0.0.0.0", **values, **plain}).socket_mode


@pytest.mark.parametrize(("name", "service"), OURS)
def test_service__of_ours_is_the_dockerfiles(name: str, service: str) -> None:
    one = COMPOSED[name]["services"][service]
    dockerfile = ROOT.joinpath("ops", one["build"]["context"], "Dockerfile")
    assert dockerfile.is_file()
    assert "\nHEALTHCHECK " in dockerfile.read_text("utf-8")
    assert one.get("healthcheck", {}) in ({}, {"disable": True})
    assert ("healthcheck" in one) == (service == "migrate"), (
        "a server's health is asked, a command's is its end"
    )
    command = one.get("command", ["python", "-m", "bot", "run"])
    assert command[:3] == ["python", "-m", "bot"]
    cli.parser().parse_args(command[3:])


@pytest.mark.parametrize(("name", "service"), SERVICES)
def test_service__has_the_time_to_end(name: str, service: str) -> None:
    one = COMPOSED[name]["services"][service]
    assert seconds(one["stop_grace_period"]) > LONGEST_END
    assert one["restart"] == ("no" if service == "migrate" else "unless-stopped")


def test_order__the_tables_are_made_before_any_replica_starts() -> None:
    services = COMPOSED["compose.postgres.yaml"]["services"]
    assert services["migrate"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert services["bot"]["depends_on"] == {
        "database": {"condition": "service_healthy"},
        "migrate": {"condition": "service_completed_successfully"},
    }
    assert "pg_isready" in services["database"]["healthcheck"]["test"]


def test_ports__there_is_one_for_each_replica() -> None:
    bot = COMPOSED["compose.postgres.yaml"]["services"]["bot"]
    (found,) = re.findall(r"^127\.0\.0\.1:(\d+)-(\d+):3000$", *bot["ports"])
    first, last = map(int, found)
    assert last - first + 1 == bot["deploy"]["replicas"]
    assert COMPOSED["compose.sqlite.yaml"]["services"]["bot"]["ports"] == ["127.0.0.1:3000:3000"]


def test_data__lies_in_named_volumes() -> None:
    for composed in COMPOSED.values():
        used = {
            volume.partition(":")[0]
            for one in composed["services"].values()
            for volume in one.get("volumes", [])
        }
        assert used == set(composed["volumes"])
    sqlite = COMPOSED["compose.sqlite.yaml"]["services"]["bot"]
    assert sqlite["environment"]["DATABASE_URL"] == "sqlite:////app/data/bot.db"
    assert sqlite["volumes"] == ["data:/app/data"]
    assert "volumes" not in COMPOSED["compose.postgres.yaml"]["services"]["bot"], "replicas share no file"


def test_network__the_database_is_reached_from_inside_alone() -> None:
    composed = COMPOSED["compose.postgres.yaml"]
    assert composed["networks"]["inside"] == {"internal": True}
    assert composed["services"]["database"]["networks"] == ["inside"]
    assert "ports" not in composed["services"]["database"]
