"""Settings: defaults, every fault at once, and never a value in a message."""

import traceback
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.cli_store import CHECKS
from bot.config import DEFAULT_DATABASE, Config, ConfigError
from bot.config_rules import near_misses
from bot.model.accounts import LinkMethod, Vault
from bot.model.secret import Secret
from bot.store.seal import new_key

GOOD = {
    "SLACK_BOT_TOKEN": "xoxb-bot-hunter2",
    "SLACK_APP_TOKEN": "xapp-app-hunter2",
    "VAULTS": "https://one.veevavault.com",
    "ENCRYPTION_KEYS": "key-hunter2",
}
SECRETS = (
    "SLACK_BOT_TOKEN",
    "SLACK_APP_TOKEN",
    "SLACK_SIGNING_SECRET",
    "ENCRYPTION_KEYS",
    "DATABASE_URL",
)


def config(**changes: str) -> Config:
    """Good settings with changes."""
    return Config.from_environ({**GOOD, **changes})


def faults(mapping: Mapping[str, str], checks: Any = None) -> dict[str, str]:
    """What is wrong with these settings."""
    with pytest.raises(ConfigError) as caught:
        Config.from_environ(mapping, checks)
    found = {fault.name: fault.problem for fault in caught.value.faults}
    assert len(found) == len(caught.value.faults)
    return found


# Defaults


def test_from_environ__defaults() -> None:
    found = config()
    assert {name: getattr(found, name) for name in Config.model_fields} == {
        "slack_bot_token": Secret("xoxb-bot-hunter2"),
        "slack_app_token": Secret("xapp-app-hunter2"),
        "slack_signing_secret": None,
        "slack_client_id": None,
        "slack_client_secret": None,
        "slack_workspaces": None,
        "slack_api_url": "https://slack.com/api/",
        "vaults": (Vault("one", "https://one.veevavault.com"),),
        "vault_login_url": "https://login.veevavault.com",
        "vault_api_version": "v24.3",
        "vault_client_id": "vault-upload-bot",
        "link_methods": (LinkMethod.TOKEN, LinkMethod.PASSWORD),
        "oidc_profile_id": None,
        "oidc_client_id": None,
        "oidc_client_secret": None,
        "oidc_issuer": None,
        "oidc_scopes": "openid email offline_access",
        "encryption_keys": Secret("key-hunter2"),
        "database_url": Secret(DEFAULT_DATABASE),
        "public_url": "http://127.0.0.1:3000",
        "host": "127.0.0.1",
        "port": 3000,
        "remind_before": (timedelta(hours=24), timedelta(hours=4), timedelta(hours=1)),
        "poll_every": timedelta(minutes=5),
        "stall_after": timedelta(hours=1),
        "allow_abort": False,
        "link_any_email": False,
        "keep_alive": "watching",
        "audit_paths": False,
        "audit_keep": None,
        "failsafe": False,
        "log_level": "INFO",
        "log_format": None,
        "demo_clock_file": None,
    }


@pytest.mark.parametrize("empty", ["", "  "])
def test_from_environ__empty_means_not_set(empty: str) -> None:
    unset = {name: empty for name in Config.names() if name not in GOOD}
    assert config(**unset) == config()


def test_from_environ__everything_set() -> None:
    found = config(
        SLACK_SIGNING_SECRET="sign",
        SLACK_API_URL="http://127.0.0.1:9000/api",
        VAULTS="pm = https://ONE.veevavault.com/, https://two.veevavault.com:8443",
        VAULT_API_VERSION="v25.1",
        VAULT_CLIENT_ID="acme-bot",
        LINK_METHODS="Password , password",
        DATABASE_URL="postgresql://user:pw@host/db",
        PUBLIC_URL="https://bot.example/base/",
        HOST="0.0.0.0",
        PORT="8080",
        STALL_AFTER="90m",
        LINK_ANY_EMAIL="YES",
        LOG_LEVEL="debug",
        LOG_FORMAT="JSON",
        DEMO_CLOCK_FILE="clock.json",
    )
    assert found.slack_api_url == "http://127.0.0.1:9000/api/"
    assert found.vaults == (
        Vault("pm", "https://one.veevavault.com"),
        Vault("two", "https://two.veevavault.com:8443"),
    )
    assert found.link_methods == (LinkMethod.PASSWORD,)
    assert found.public_url == "https://bot.example/base"
    assert (found.host, found.port, found.stall_after) == ("0.0.0.0", 8080, timedelta(minutes=90))
    assert (found.link_any_email, found.log_level, found.log_format) == (True, "DEBUG", "json")
    assert found.demo_clock_file == Path("clock.json")
    assert found.database_url.reveal() == "postgresql://user:pw@host/db"


def test_from_environ__reads_only_what_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "1")
    monkeypatch.setenv("SLACK_SIGNING_SECRET", "from the environment")
    assert config() == config(PORT="3000")
    assert config().slack_signing_secret is None


def test_config__may_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        config().port = 1


@pytest.mark.parametrize(("app_token", "socket"), [("xapp-1", True), ("", False)])
def test_socket_mode__is_chosen_by_the_app_token(app_token: str, *, socket: bool) -> None:
    assert config(SLACK_APP_TOKEN=app_token, SLACK_SIGNING_SECRET="s").socket_mode is socket


OIDC = {
    "LINK_METHODS": "oidc, token",
    "OIDC_PROFILE_ID": "_5e2c77aa-0b1d",
    "OIDC_CLIENT_ID": "0oa7slackbot",
    "OIDC_ISSUER": "https://idp.example/realms/one/",
}


def test_oidc__is_taken_as_written() -> None:
    found = config(**OIDC, OIDC_CLIENT_SECRET="s", OIDC_SCOPES="openid,email  profile")
    assert found.link_methods == (LinkMethod.OIDC, LinkMethod.TOKEN)
    assert found.oidc_issuer == "https://idp.example/realms/one/"
    assert found.oidc_scopes == "openid email profile"


def test_audit__settings() -> None:
    found = config(AUDIT_PATHS="on", AUDIT_KEEP="30d", KEEP_ALIVE="NEVER")
    assert (found.audit_paths, found.audit_keep, found.keep_alive) == (True, timedelta(days=30), "never")


def test_reminders__settings() -> None:
    found = config(REMIND_BEFORE="1h 2d, 5s", POLL_EVERY="30s", FAILSAFE="true")
    assert found.remind_before == (timedelta(days=2), timedelta(hours=1), timedelta(seconds=5))
    assert (found.poll_every, found.failsafe) == (timedelta(seconds=30), True)


def test_poll_every__may_be_short_against_a_vault_on_this_machine() -> None:
    assert config(VAULTS="pm=http://127.0.0.1:8000", POLL_EVERY="1s").poll_every == timedelta(seconds=1)


def test_many_workspaces__take_no_bot_token() -> None:
    found = config(SLACK_BOT_TOKEN="", SLACK_CLIENT_ID="1.2", SLACK_CLIENT_SECRET="s")
    assert (found.slack_bot_token, found.slack_client_id) == (None, "1.2")


def test_slack_workspaces__are_ids() -> None:
    found = config(SLACK_WORKSPACES=" T0NORD, E0GROUP ,T0NORD,").slack_workspaces
    assert set(found or ()) == {"T0NORD", "E0GROUP"}


@pytest.mark.parametrize("value", [",", "nordlicht", "T0NORD E0GROUP", "t0nord", "C0UPLOADS", "*"])
def test_slack_workspaces__that_are_none(value: str) -> None:
    """A list that cannot be read must not mean that anyone may install."""
    found = faults({**GOOD, "SLACK_WORKSPACES": value})
    assert found["SLACK_WORKSPACES"].startswith("must be ids of workspaces")


# Faults


def test_many_workspaces__not_together_with_one() -> None:
    assert faults({**GOOD, "SLACK_CLIENT_ID": "1.2"}) == {
        "SLACK_BOT_TOKEN": "must not be set beside SLACK_CLIENT_ID: use one of the two",
        "SLACK_CLIENT_SECRET": "is not set (needed with SLACK_CLIENT_ID)",
    }


def test_oidc__needs_its_settings() -> None:
    found = faults({**GOOD, "LINK_METHODS": "oidc"})
    assert list(found) == ["OIDC_PROFILE_ID", "OIDC_CLIENT_ID", "OIDC_ISSUER"]


def test_from_environ__nothing_set() -> None:
    assert faults({}) == {
        "SLACK_BOT_TOKEN": "is not set (or SLACK_CLIENT_ID, to install into many workspaces)",
        "SLACK_SIGNING_SECRET": "is not set (needed unless SLACK_APP_TOKEN chooses Socket Mode)",
        "VAULTS": "is not set",
        "ENCRYPTION_KEYS": "is not set",
    }


def test_from_environ__every_fault_at_once_in_the_order_of_the_documents() -> None:
    wrong = {
        "SLACK_BOT_TOKEN": "xapp-1",
        "SLACK_API_URL": "ftp://x",
        "VAULTS": "nonsense",
        "VAULT_API_VERSION": "24.3",
        "VAULT_CLIENT_ID": "a b",
        "LINK_METHODS": "magic",
        "DATABASE_URL": "mysql://x",
        "ENCRYPTION_KEYS": "no key",
        "PUBLIC_URL": "bot.example",
        "HOST": "0.0.0.0",
        "PORT": "0",
        "STALL_AFTER": "soon",
        "LINK_ANY_EMAIL": "maybe",
        "LOG_LEVEL": "LOUD",
        "LOG_FORMAT": "xml",
    }
    found = faults(wrong, CHECKS)
    assert set(found) == (set(wrong) - {"HOST"}) | {"SLACK_SIGNING_SECRET"}
    assert list(found) == [name for name in Config.names() if name in found]


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("SLACK_BOT_TOKEN", "xapp-1-a", "is the other token: this one begins with xoxb-"),
        ("SLACK_BOT_TOKEN", "xoxp-1-a", "is the other token: this one begins with xoxb-"),
        ("SLACK_BOT_TOKEN", "xoxb-1 a", "must not contain white space"),
        ("SLACK_APP_TOKEN", "xoxb-1-a", "is the other token: this one begins with xapp-"),
        ("SLACK_API_URL", "http://slack.com/api/", "plain http only for this machine itself"),
        ("SLACK_API_URL", "slack.com", "is not a web address"),
        ("VAULT_API_VERSION", "v24", "must look like v24.3"),
        ("VAULT_CLIENT_ID", "x" * 101, "100 at most"),
        ("LINK_METHODS", "token,magic", "may hold these, separated by commas: token, oidc, password"),
        ("LINK_METHODS", ",", "may hold these"),
        ("VAULT_LOGIN_URL", "http://login.example", "must begin with https://"),
        ("OIDC_ISSUER", "http://idp.example", "must begin with https://"),
        ("OIDC_SCOPES", "email", "openid among them"),
        ("REMIND_BEFORE", "4h,1s", "between 5s and 3d"),
        ("REMIND_BEFORE", "soon", "write a number and a unit"),
        ("POLL_EVERY", "29s", "at least 30s"),
        ("KEEP_ALIVE", "always", "must be one of watching, never"),
        ("AUDIT_KEEP", "5m", "is too short"),
        ("PUBLIC_URL", "http://bot.example", "must begin with https://"),
        ("PUBLIC_URL", "https://bot.example/?a=b", "must not have a query or fragment"),
        ("PUBLIC_URL", "https://user:pw@bot.example", "is not a web address"),
        ("PUBLIC_URL", "https://", "is not a web address"),
        ("PUBLIC_URL", "https://[::1", "is not a web address"),
        ("PUBLIC_URL", "https://bot.example:port", "is not a web address"),
        ("PORT", "65536", "must be a number from 1 to 65535"),
        ("PORT", "-1", "must be a number from 1 to 65535"),
        ("PORT", "9" * 5000, ""),
        ("STALL_AFTER", "0s", "must be longer than nothing"),
        ("STALL_AFTER", "1 hour", "write a number and a unit"),
        ("LINK_ANY_EMAIL", "2", "must be true or false"),
        ("LOG_LEVEL", "TRACE", "must be one of DEBUG, INFO, WARNING, ERROR"),
        ("LOG_FORMAT", "xml", "must be one of text, json"),
        ("DEMO_CLOCK_FILE", "clock.json", "works only in the demo"),
    ],
)
def test_from_environ__wrong_value(name: str, value: str, problem: str) -> None:
    found = faults({**GOOD, name: value})
    assert list(found) == [name]
    assert problem in found[name]


@pytest.mark.parametrize("word", ["true", "Yes", "ON", "1", "false", "no", "Off", "0"])
def test_from_environ__truth_values(word: str) -> None:
    assert config(LINK_ANY_EMAIL=word).link_any_email is (word.lower() in ("true", "yes", "on", "1"))


@pytest.mark.parametrize(
    ("host", "public_url", "shown"),
    [
        ("127.0.0.1", "", "http://127.0.0.1:3000"),
        ("localhost", "", "http://localhost:3000"),
        ("::1", "", "http://[::1]:3000"),
        ("127.9.9.9", "", "http://127.9.9.9:3000"),
        ("0.0.0.0", "https://bot.example", "https://bot.example"),
        ("::", "https://bot.example/", "https://bot.example"),
        ("127.0.0.1", "http://localhost:8080", "http://localhost:8080"),
        ("127.0.0.1", "http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_public_url(host: str, public_url: str, shown: str) -> None:
    assert config(HOST=host, PUBLIC_URL=public_url).public_url == shown


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5", "bot.example"])
def test_public_url__is_needed_beyond_this_machine(host: str) -> None:
    assert faults({**GOOD, "HOST": host}) == {"PUBLIC_URL": "is needed when HOST is not this machine itself"}


# Vaults


@pytest.mark.parametrize(
    ("text", "vaults"),
    [
        ("https://one.veevavault.com", [("one", "https://one.veevavault.com")]),
        ("https://One.VeevaVault.com/", [("One", "https://one.veevavault.com")]),
        ("https://one.veevavault.com:443", [("one", "https://one.veevavault.com")]),
        ("https://one.veevavault.com:8443", [("one", "https://one.veevavault.com:8443")]),
        ("My-Vault_1=https://x.example", [("My-Vault_1", "https://x.example")]),
        ("http://127.0.0.1:8090", [("127", "http://127.0.0.1:8090")]),
        ("pm=http://localhost:1,q=http://[::1]:2", [("pm", "http://localhost:1"), ("q", "http://[::1]:2")]),
        (
            " a=https://x.example , b = https://y.example ",
            [("a", "https://x.example"), ("b", "https://y.example")],
        ),
    ],
)
def test_vaults__forms(text: str, vaults: list[tuple[str, str]]) -> None:
    found = config(VAULTS=text).vaults
    assert [vault.name.lower() for vault in found] == [name.lower() for name, _ in vaults]
    assert [vault.url for vault in found] == [url for _, url in vaults]


@pytest.mark.parametrize(
    "text",
    [
        "one.veevavault.com",
        "http://one.veevavault.com",
        "http://10.0.0.1:8000",
        "http://127.0.0.1.example",
        "https://one.veevavault.com/ui",
        "https://one.veevavault.com/?a=b",
        "https://one.veevavault.com#x",
        "https://user:hunter2@one.veevavault.com",
        "ftp://one.veevavault.com",
        "my vault=https://one.veevavault.com",
        f"{'x' * 41}=https://one.veevavault.com",
        "a=https://x.example,A=https://y.example",
        "a=https://x.example,b=https://X.example",
        "https://one.a.example,https://one.b.example",
        "pm=http://localhost:1,http://[::1]:2",
        "=",
    ],
)
def test_vaults__wrong(text: str) -> None:
    found = faults({**GOOD, "VAULTS": text})
    assert list(found) == ["VAULTS"]
    assert "hunter2" not in found["VAULTS"]


# Files


def test_name_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("xoxb-from-file\n")
    mapping = {**GOOD, "SLACK_BOT_TOKEN_FILE": str(tmp_path / "token")}
    del mapping["SLACK_BOT_TOKEN"]
    assert Config.from_environ(mapping).slack_bot_token == Secret("xoxb-from-file")


def test_name_file__is_checked_like_the_value(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("xapp-hunter2\n")
    mapping = {**GOOD, "SLACK_BOT_TOKEN": "", "SLACK_BOT_TOKEN_FILE": str(tmp_path / "token")}
    assert faults(mapping) == {"SLACK_BOT_TOKEN": "is the other token: this one begins with xoxb-"}


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "names a file that cannot be read as text"),
        (b"", "names an empty file"),
        (b" \n", "names an empty file"),
        (b"\xff\xfe\xff", "names a file that cannot be read as text"),
    ],
)
def test_name_file__missing_or_empty_is_told_once(
    name: str, content: bytes | None, problem: str, tmp_path: Path
) -> None:
    path = tmp_path / "hunter2"
    if content is not None:
        path.write_bytes(content)
    mapping = {**GOOD, name: "", f"{name}_FILE": str(path)}
    assert faults(mapping) == {f"{name}_FILE": problem}


def test_name_file__of_a_folder(tmp_path: Path) -> None:
    mapping = {**GOOD, "VAULTS": "", "VAULTS_FILE": str(tmp_path)}
    assert faults(mapping) == {"VAULTS_FILE": "names a file that cannot be read as text"}


def test_name_file__both_set(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("xoxb-from-file")
    found = faults({**GOOD, "SLACK_BOT_TOKEN_FILE": str(tmp_path / "token")})
    assert found == {"SLACK_BOT_TOKEN": "is set twice: use either SLACK_BOT_TOKEN or SLACK_BOT_TOKEN_FILE"}


def test_name_file__works_for_every_setting(tmp_path: Path) -> None:
    (tmp_path / "port").write_text("8080")
    assert config(PORT_FILE=str(tmp_path / "port")).port == 8080


# Never a value


LEAKS = ["xoxb-1 hunter2", "xapp-hunter2", "postgresql://u:hunter2@h/db", "hunter2", "veeva-vault-hunter2 é"]


@pytest.mark.parametrize("leak", LEAKS)
def test_faults__never_tell_a_value(leak: str) -> None:
    """The same secret put into every setting there is: no message may hold any of it."""
    mapping = dict.fromkeys(Config.names(), leak)
    with pytest.raises(ConfigError) as caught:
        Config.from_environ(mapping, CHECKS)
    assert len(caught.value.faults) >= 8
    whole = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert "hunter2" not in whole


@pytest.mark.parametrize("name", Config.names())
@pytest.mark.parametrize("leak", LEAKS)
def test_faults__never_tell_a_value_of_one(name: str, leak: str) -> None:
    good = {**GOOD, "ENCRYPTION_KEYS": new_key(), name: leak}
    try:
        said = repr(Config.from_environ(good, CHECKS))
    except ConfigError as error:
        said = str(error)
    else:
        said = said if name in SECRETS else ""
    assert "hunter2" not in said


def test_repr__shows_no_secret() -> None:
    found = config(SLACK_SIGNING_SECRET="sign-hunter2", DATABASE_URL="postgresql://u:hunter2@h/db")
    for shown in (repr(found), str(found), str(found.model_dump()), f"{found!r}"):
        assert "hunter2" not in shown
        assert "one.veevavault.com" in shown


# Checks of higher floors


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://u:hunter2@h/db"),
        ("DATABASE_URL", "hunter2"),
        ("ENCRYPTION_KEYS", "hunter2"),
        ("ENCRYPTION_KEYS", ","),
    ],
)
def test_checks__of_database_and_keys(name: str, value: str) -> None:
    good = {**GOOD, "ENCRYPTION_KEYS": new_key()}
    assert Config.from_environ(good, CHECKS).vaults
    found = faults({**good, name: value}, CHECKS)
    assert list(found) == [name]
    assert "hunter2" not in found[name]


def test_checks__are_told_together_with_all_other_faults() -> None:
    assert set(faults({**GOOD, "PORT": "x"}, CHECKS)) == {"ENCRYPTION_KEYS", "PORT"}


def test_checks__see_what_a_file_holds(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(new_key())
    mapping = {**GOOD, "ENCRYPTION_KEYS": "", "ENCRYPTION_KEYS_FILE": str(tmp_path / "keys")}
    assert Config.from_environ(mapping, CHECKS).encryption_keys


# Some settings alone


def test_only__asks_for_nothing_else() -> None:
    keys = new_key()
    found = Config.only({"ENCRYPTION_KEYS": keys}, ["DATABASE_URL", "ENCRYPTION_KEYS"], CHECKS)
    assert found == {"DATABASE_URL": DEFAULT_DATABASE, "ENCRYPTION_KEYS": keys}
    assert Config.only({"PORT": "nonsense"}, ["DATABASE_URL"], CHECKS) == {"DATABASE_URL": DEFAULT_DATABASE}


@pytest.mark.parametrize(
    ("mapping", "names"),
    [
        ({}, ["ENCRYPTION_KEYS"]),
        ({"DATABASE_URL": "mysql://hunter2"}, ["DATABASE_URL", "ENCRYPTION_KEYS"]),
        ({"ENCRYPTION_KEYS_FILE": "no-such-file"}, ["ENCRYPTION_KEYS_FILE"]),
    ],
)
def test_only__every_fault_at_once(mapping: dict[str, str], names: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        Config.only(mapping, ["DATABASE_URL", "ENCRYPTION_KEYS"], CHECKS)
    assert {fault.name for fault in caught.value.faults} == set(names)
    assert "hunter2" not in str(caught.value)


# Names that are no settings


@pytest.mark.parametrize(
    ("name", "warning"),
    [
        ("SLACK_BOT_TOKN", "SLACK_BOT_TOKN is not a setting of this bot; did you mean SLACK_BOT_TOKEN?"),
        ("SLACK_SIGNING_KEY", "did you mean SLACK_SIGNING_SECRET?"),
        (
            "VAULT_API_VERSON_FILE",
            "VAULT_API_VERSON_FILE is not a setting of this bot; did you mean VAULT_API_VERSION?",
        ),
        ("VAULT_ZZZZZZZZZZZZZZZZZZZZ", "VAULT_ZZZZZZZZZZZZZZZZZZZZ is not a setting of this bot"),
    ],
)
def test_near_misses(name: str, warning: str) -> None:
    (found,) = near_misses({**GOOD, name: "hunter2"}, Config.names())
    assert found.endswith(warning)
    assert "hunter2" not in found


@pytest.mark.parametrize("name", [*Config.names(), "SLACK_BOT_TOKEN_FILE", "PATH", "VAULTSX", "MY_SLACK_X"])
def test_near_misses__nothing_to_say(name: str) -> None:
    assert near_misses({name: "x"}, Config.names()) == []
