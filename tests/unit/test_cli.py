"""The command line: what each line of words means, and which exit code a wrong one gets."""

import importlib
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from aiohttp import ClientConnectionError
from slack_sdk.errors import SlackApiError

from bot import __version__, cli, cli_backup, cli_doctor, cli_store, cli_verbs
from bot.config import Config
from bot.slack.workspace import SlackRefused
from bot.store.seal import Keyring, new_key
from bot.web.server import CannotListen

SECRET = "do-not-print-this"
DEMO: dict[str, object] = {
    "once": None,
    "person": "alice",
    "channel": "#trial-uploads",
    "http": False,
    "port": 8765,
    "keep": None,
}
FORGET: dict[str, object] = {
    "lines": cli_store.person_forgotten,
    "slack_user": "U1",
    "workspace": None,
    "json": False,
}
EXPORT: dict[str, object] = {
    "lines": cli_store.audit_exported,
    "since": None,
    "until": None,
    "format": "jsonl",
}


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and an environment without any of the settings."""
    monkeypatch.chdir(tmp_path)
    for name in Config.names():
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("line", "command", "others"),
    [
        ("", cli.run, {}),
        ("run", cli.run, {}),
        ("demo", cli.demo, DEMO),
        ("demo --once list", cli.demo, {**DEMO, "once": ["list"]}),
        ("demo --once list --once help", cli.demo, {**DEMO, "once": ["list", "help"]}),
        ("demo --as bob --in dm", cli.demo, {**DEMO, "person": "bob", "channel": "dm"}),
        ("demo --http --port 0", cli.demo, {**DEMO, "http": True, "port": 0}),
        ("demo --keep kept", cli.demo, {**DEMO, "keep": Path("kept")}),
        ("migrate", cli.stored, {"lines": cli_store.migrated}),
        ("keys new", cli.stored, {"lines": cli_store.fresh_key}),
        ("keys rotate", cli.stored, {"lines": cli_store.keys_rotated}),
        ("accounts", cli.stored, {"lines": cli_store.accounts_listed, "json": False}),
        ("accounts --json", cli.stored, {"lines": cli_store.accounts_listed, "json": True}),
        ("accounts list", cli.stored, {"lines": cli_store.accounts_listed, "json": False}),
        ("accounts list --json", cli.stored, {"lines": cli_store.accounts_listed, "json": True}),
        ("accounts --json list", cli.stored, {"lines": cli_store.accounts_listed, "json": True}),
        ("accounts forget U1", cli.stored, FORGET),
        ("accounts forget U1 --json --workspace T1", cli.stored, {**FORGET, "json": True, "workspace": "T1"}),
        ("accounts --json forget U1", cli.stored, {**FORGET, "json": True}),
        ("doctor", cli.stored, {"lines": cli_doctor.examined, "json": False}),
        ("doctor --json", cli.stored, {"lines": cli_doctor.examined, "json": True}),
        ("backup copy.db", cli.stored, {"lines": cli_backup.backed_up, "file": Path("copy.db")}),
        ("audit verify", cli.stored, {"lines": cli_store.audit_verified}),
        ("audit export", cli.stored, EXPORT),
        ("audit export --format csv", cli.stored, {**EXPORT, "format": "csv"}),
        (
            "audit export --since 2026-11-01 --until 2026-11-22T08:00:00+02:00",
            cli.stored,
            {
                **EXPORT,
                "since": datetime(2026, 11, 1, tzinfo=UTC),
                "until": datetime(2026, 11, 22, 6, tzinfo=UTC),
            },
        ),
        ("manifest", cli.manifest, {"http": None, "socket": False}),
        ("manifest --socket", cli.manifest, {"http": None, "socket": True}),
        (
            "manifest --http https://a.example",
            cli.manifest,
            {"http": "https://a.example", "socket": False},
        ),
    ],
)
def test_parser__table(line: str, command: Callable[[Namespace], int], others: dict[str, object]) -> None:
    found = vars(cli.parser().parse_args(line.split()))
    if "lines" in found:
        module, _, name = found["lines"].partition(":")
        found["lines"] = getattr(importlib.import_module(f"bot.{module}"), name)
    assert found == {"command": command, **others}


def test_parser__once_takes_words_with_a_slash_in_front() -> None:
    assert cli.parser().parse_args(["demo", "--once", "/upload-status list"]).once == ["/upload-status list"]


@pytest.mark.parametrize(
    "line",
    [
        "serve",
        "run now",
        "keys",
        "keys old",
        "demo --once",
        "demo --port eighty",
        "accounts forget",
        "accounts everybody",
        "audit",
        "audit export --since tomorrow",
        "audit export --until 2026-11-31",
        "audit export --format xml",
        "manifest --http",
        "manifest --socket --http https://a.example",
        "--verbose",
    ],
)
def test_parser__wrong_usage_ends_with_code_2(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(line.split())
    printed = capsys.readouterr()
    assert ended.value.code == 2
    assert printed.out == ""
    assert printed.err.startswith("usage: vault-upload-bot")


@pytest.mark.parametrize("line", ["--help", "run --help", "demo --help", "keys --help", "keys rotate --help"])
def test_help__is_printed(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(line.split())
    assert ended.value.code == 0
    assert "usage: vault-upload-bot" in capsys.readouterr().out


def test_version__is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"vault-upload-bot {__version__}\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2026-11-22", datetime(2026, 11, 22, tzinfo=UTC)),
        ("2026-11-22T08:00", datetime(2026, 11, 22, 8, tzinfo=UTC)),
        (" 2026-11-22T08:00:00.5Z ", datetime(2026, 11, 22, 8, 0, 0, 500000, tzinfo=UTC)),
        ("2026-11-22 08:00:00-05:00", datetime(2026, 11, 22, 13, tzinfo=UTC)),
    ],
)
def test_moment__of_a_day_or_a_time(text: str, found: datetime) -> None:
    assert cli_verbs.moment(text) == found


@pytest.mark.parametrize("text", ["", "22.11.2026", "2026-11-31", "now", "0001-01-01T00:00+14:00"])
def test_moment__that_is_none(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="is not a day like"):
        cli_verbs.moment(text)


def test_keys_new__needs_no_settings(nowhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nowhere.joinpath(".env").write_bytes(b"PORT=\xff\xfe\n")
    assert cli.main(["keys", "new"]) == 0


def test_keys_new__prints_a_key_that_can_be_used(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        assert cli.main(["keys", "new"]) == 0
    assert len(Keyring.parse(capsys.readouterr().out).ids) == 2


@pytest.mark.parametrize("line", ["manifest", "manifest --socket", "manifest --http https://a.example/"])
def test_manifest__is_yaml_on_stdout(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(line.split()) == 0
    printed = capsys.readouterr()
    assert yaml.safe_load(printed.out)["settings"]["socket_mode_enabled"] == ("--http" not in line)
    assert printed.err == ""


@pytest.mark.parametrize("address", ["http://a.example", "a.example", "https://a.example/?q=1", "https://"])
def test_manifest__refuses_an_address_that_slack_would(
    address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["manifest", "--http", address]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("--http: ")


def test_manifest__has_the_hosts_of_the_vaults(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the environment, from `.env`, or from a file; of more than Slack takes it says which are left out."""
    (nowhere / ".env").write_text("VAULTS=one=https://one.veevavault.com,http://127.0.0.1:8090\n")
    assert cli.main(["manifest"]) == 0
    printed = capsys.readouterr()
    assert yaml.safe_load(printed.out)["features"]["unfurl_domains"] == ["one.veevavault.com"]
    assert printed.err == ""
    (nowhere / ".env").unlink()
    (nowhere / "vaults").write_text(",".join(f"https://v{number}.example" for number in range(6)))
    monkeypatch.setenv("VAULTS_FILE", str(nowhere / "vaults"))
    assert cli.main(["manifest"]) == 0
    printed = capsys.readouterr()
    assert len(yaml.safe_load(printed.out)["features"]["unfurl_domains"]) == 5
    assert "v5.example" in printed.err


def test_manifest__wrong_vaults_are_told_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VAULTS", f"https://{SECRET}/path")
    assert cli.main(["manifest"]) == 2
    printed = capsys.readouterr()
    assert (printed.out, SECRET in printed.err) == ("", False)
    assert "VAULTS: " in printed.err


def test_run__tells_every_wrong_setting_at_once_and_no_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", f"xapp-{SECRET}")
    monkeypatch.setenv("ENCRYPTION_KEYS", SECRET)
    monkeypatch.setenv("DATABASE_URL", f"mysql://{SECRET}@host/db")
    monkeypatch.setenv("PORT", SECRET)
    assert cli.main([]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    for name in (
        "SLACK_BOT_TOKEN",
        "SLACK_SIGNING_SECRET",
        "VAULTS",
        "ENCRYPTION_KEYS",
        "DATABASE_URL",
        "PORT",
    ):
        assert printed.err.count(f"  {name}: ") == 1
    assert SECRET not in printed.err


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("migrate", ["DATABASE_URL"]),
        ("keys rotate", ["DATABASE_URL", "ENCRYPTION_KEYS"]),
        ("accounts", ["DATABASE_URL", "ENCRYPTION_KEYS"]),
        ("accounts forget U1", ["DATABASE_URL", "ENCRYPTION_KEYS", "VAULTS"]),
        ("audit verify", ["DATABASE_URL", "ENCRYPTION_KEYS"]),
        ("audit export", ["DATABASE_URL", "ENCRYPTION_KEYS"]),
    ],
)
def test_store_commands__need_only_their_own_settings(
    line: str, names: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "no address")
    assert cli.main(line.split()) == 2
    told = capsys.readouterr().err
    assert [name for name in Config.names() if f"  {name}: " in told] == sorted(
        names, key=Config.names().index
    )


@pytest.mark.parametrize("line", ["demo --port 65536", "demo --port -1", "demo --as zed --once list"])
def test_demo__says_what_is_wrong(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(line.split()) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1


def test_environment__wins_over_the_file(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere.joinpath(".env").write_text("HOST=from file\nPORT=4000\nLOG_LEVEL=${HOST}\n", "utf-8")
    monkeypatch.setenv("PORT", "5000")
    found = cli.environment()
    assert (found["HOST"], found["PORT"], found["LOG_LEVEL"]) == ("from file", "5000", "${HOST}")


def test_environment__says_when_the_file_is_no_text(
    nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere.joinpath(".env").write_bytes(b"PORT=\xff\xfe\n")
    assert cli.main(["migrate"]) == 2
    assert capsys.readouterr().err == "The file .env cannot be read as text.\n"


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (SlackApiError("no", {"error": "missing_scope"}), "missing_scope"),  # type: ignore[no-untyped-call]
        (ClientConnectionError("refused"), "Slack cannot be reached."),
        (TimeoutError(), "Slack cannot be reached."),
        (SlackRefused("Slack does not accept SLACK_BOT_TOKEN."), "SLACK_BOT_TOKEN"),
        (CannotListen("cannot listen on 127.0.0.1:3000"), "127.0.0.1:3000"),
    ],
)
def test_run__that_cannot_start_ends_with_code_1_and_a_sentence(
    fault: Exception, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def serve(*_: object) -> None:
        raise fault

    monkeypatch.setattr("bot.serving.serve", serve)
    monkeypatch.setattr("bot.logs.set_up_logging", lambda *_: None)
    for name, value in {
        "SLACK_BOT_TOKEN": "xoxb-1",
        "SLACK_APP_TOKEN": "xapp-1",
        "VAULTS": "https://a.example",
        "ENCRYPTION_KEYS": new_key(),
    }.items():
        monkeypatch.setenv(name, value)
    assert cli.main(["run"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert told in printed.err
    assert "Traceback" not in printed.err
