"""The life of the process: how it stops, why it does not start, and the operator's commands."""

import asyncio
import json
import os
import re
import shutil
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import yaml

import bot
from bot.demo.bot_process import BotProcess
from bot.demo.slack import faults as slack_faults
from bot.demo.vault import seed
from bot.demo.vault.faults import Delay
from bot.demo.workspace import DemoWorkspace, demo_workspace
from tests.acceptance.steps import (
    NOT_VISIBLE,
    Ended,
    ask,
    cli,
    done_count,
    ended,
    link_by_token,
    start_cli,
    until,
    workspace,
)


@pytest.fixture
async def stopped() -> AsyncIterator[DemoWorkspace]:
    """Both emulators, and a bot that nobody has started."""
    async with demo_workspace(start_bot=False) as demo:
        yield demo


async def _run(demo: DemoWorkspace, **changed: str) -> Ended:
    return await cli(
        "run", cwd=demo.folder, settings={**demo.settings, "PORT": str(demo.bot.port), **changed}
    )


def _sentence(failed: Ended) -> str:
    """What the operator reads: one plain sentence or two, after the log, and never a traceback."""
    assert failed.code == 1, failed.err
    assert failed.out == ""
    assert "Traceback" not in failed.err
    return failed.err.splitlines()[-1]


# Stopping


@pytest.mark.parametrize("socket_mode", [False, True], ids=["http", "socket"])
async def test_sigterm__answers_what_is_running_first(socket_mode: bool) -> None:
    async with workspace("alice", socket_mode=socket_mode) as demo:
        demo.vault.faults.add(Delay(1.5), times=None)
        deliveries = await asyncio.gather(
            *(demo.slack.slash(user="alice", text=text) for text in [seed.CHOLECAP, "list"] * 10)
        )
        assert await demo.bot.stop() == 0
        for delivery in deliveries:
            assert len(delivery.answers) == 1
            assert "Cholecap-Commercial-2021.mp4" in delivery.answers[0].text
        assert '"event": "stopped"' in demo.bot.log_text()


async def test_sigterm__twice_does_not_wait() -> None:
    async with workspace("alice") as demo:
        demo.vault.faults.add(Delay(60), times=None)
        delivery = await demo.slack.slash(user="alice", text="list")
        os.kill(demo.bot.pid, signal.SIGTERM)
        await until(lambda: '"event": "stopping"' in demo.bot.log_text(), "it stops")
        done = done_count(demo)
        assert await demo.bot.stop() == 1
        assert delivery.answers == []
        assert done_count(demo) == done


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_signal__during_the_start(stopped: DemoWorkspace, number: signal.Signals) -> None:
    """Slack takes its time over the first question; nobody has to wait for that."""
    stopped.slack.faults.add("auth.test", slack_faults.Slow(60))
    process = await start_cli(
        "run", cwd=stopped.folder, settings={**stopped.settings, "PORT": str(stopped.bot.port)}
    )
    await until(lambda: stopped.slack.faults.waiting("auth.test") == 0, "it asks Slack")
    process.send_signal(number)
    assert (await ended(process)).code == 0


async def test_sigterm__idle_and_started_again(stopped: DemoWorkspace) -> None:
    """Links outlive the process."""
    await stopped.bot.start()
    await link_by_token(stopped, "alice")
    assert await stopped.bot.stop() == 0
    await stopped.bot.start()
    assert "31%" in (await ask(stopped, "alice", seed.CHOLECAP)).text


async def test_kill__loses_no_link(stopped: DemoWorkspace) -> None:
    await stopped.bot.start()
    await link_by_token(stopped, "alice")
    await stopped.bot.kill()
    await stopped.bot.start()
    assert "31%" in (await ask(stopped, "alice", seed.CHOLECAP)).text


# Not starting


async def test_settings__every_fault_at_once_and_no_value(tmp_path: Path) -> None:
    wrong = {
        "SLACK_BOT_TOKEN": "xapp-1-swapped-abc",
        "SLACK_API_URL": "http://slack.example/api/",
        "VAULTS": "ftp://nowhere",
        "VAULT_API_VERSION": "24_3",
        "LINK_METHODS": "fax",
        "ENCRYPTION_KEYS": "not-a-key",
        "DATABASE_URL": "mysql://user:hunter2@host/db",
        "PORT": "70000",
        "STALL_AFTER": "soon",
        "LINK_ANY_EMAIL": "perhaps",
        "LOG_LEVEL": "LOUD",
    }
    failed = await cli("run", cwd=tmp_path, settings=wrong)
    assert failed.code == 2
    assert failed.out == ""
    for name, value in wrong.items():
        assert re.search(rf"^  {name}: ", failed.err, re.MULTILINE), name
        assert value not in failed.err
    assert "  SLACK_SIGNING_SECRET: is not set" in failed.err
    assert "hunter2" not in failed.err
    assert "Traceback" not in failed.err
    assert list(tmp_path.iterdir()) == []


async def test_settings__none_at_all(tmp_path: Path) -> None:
    failed = await cli(cwd=tmp_path)
    assert failed.code == 2
    for name in ("SLACK_BOT_TOKEN", "VAULTS", "ENCRYPTION_KEYS", "SLACK_SIGNING_SECRET"):
        assert f"  {name}: is not set" in failed.err


async def test_settings__from_env_file_and_secret_files(stopped: DemoWorkspace) -> None:
    """`.env` in the working folder, and NAME_FILE for a secret."""
    settings = {**stopped.settings, "PORT": str(stopped.bot.port)}
    secret_file = stopped.folder / "the key"
    secret_file.write_text(settings.pop("ENCRYPTION_KEYS") + "\n")
    settings["ENCRYPTION_KEYS_FILE"] = str(secret_file)
    (stopped.folder / ".env").write_text("".join(f"{name}='{value}'\n" for name, value in settings.items()))
    process = await start_cli(cwd=stopped.folder)
    await until(lambda: _is_ready(stopped.bot.port), "it is ready")
    assert "How to use this" in (await (await stopped.slack.slash(user="alice", text="help")).answered()).text
    process.terminate()
    assert (await ended(process)).code == 0


def _is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False, timeout=5).status_code == 200
    except httpx.TransportError:
        return False


async def test_port__taken(stopped: DemoWorkspace) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"cannot listen on 127.0.0.1:{port}" in _sentence(await _run(stopped, PORT=str(port)))


@pytest.mark.parametrize(
    "content",
    [b"this is no database, and yet somebody's file\n" * 100, b"SQLite format 3\0" + b"\xff" * 5000],
)
async def test_database__that_is_none_stays_as_it_is(stopped: DemoWorkspace, content: bytes) -> None:
    file = stopped.folder / "bot.db"
    file.write_bytes(content)
    assert "damaged or is not a database" in _sentence(await _run(stopped))
    assert file.read_bytes() == content
    assert "damaged or is not a database" in _sentence(
        await cli("migrate", cwd=stopped.folder, settings={"DATABASE_URL": stopped.settings["DATABASE_URL"]})
    )
    assert file.read_bytes() == content


async def test_key__that_is_missing(stopped: DemoWorkspace) -> None:
    """Nothing is opened, nothing written; with the right key all is there."""
    await stopped.bot.start()
    await link_by_token(stopped, "alice")
    await stopped.bot.stop()
    before = (stopped.folder / "bot.db").read_bytes()
    other = (await cli("keys", "new", cwd=stopped.folder)).out.strip()
    for failed in (
        await _run(stopped, ENCRYPTION_KEYS=other),
        await cli(
            "keys", "rotate", cwd=stopped.folder,
            settings={"DATABASE_URL": stopped.settings["DATABASE_URL"], "ENCRYPTION_KEYS": other},
        ),
    ):  # fmt: skip
        assert "which ENCRYPTION_KEYS lacks" in _sentence(failed)
        assert other not in failed.err
        assert stopped.settings["ENCRYPTION_KEYS"] not in failed.err
    assert (stopped.folder / "bot.db").read_bytes() == before
    await stopped.bot.start()
    assert "31%" in (await ask(stopped, "alice", seed.CHOLECAP)).text


async def test_slack_token__that_slack_does_not_know(stopped: DemoWorkspace) -> None:
    told = _sentence(await _run(stopped, SLACK_BOT_TOKEN="xoxb-not-this-one"))
    assert "Slack does not accept SLACK_BOT_TOKEN (invalid_auth)" in told
    assert "xoxb" not in told


@pytest.mark.parametrize("error", ["account_inactive", "missing_scope"])
async def test_slack__that_refuses_the_app(stopped: DemoWorkspace, error: str) -> None:
    stopped.slack.faults.add("auth.test", slack_faults.ApiError(error))
    assert error in _sentence(await _run(stopped))


async def test_app_token__that_slack_does_not_know(stopped: DemoWorkspace) -> None:
    """In Socket Mode; the library alone would try for ever."""
    told = _sentence(await _run(stopped, SLACK_APP_TOKEN="xapp-1-not-this-one"))
    assert "Slack does not accept SLACK_APP_TOKEN (invalid_auth)" in told


# Commands


async def test_keys_rotate__and_the_old_key_removed(stopped: DemoWorkspace) -> None:
    await stopped.bot.start()
    await link_by_token(stopped, "alice")
    await link_by_token(stopped, "bob")
    await stopped.bot.stop()
    old = stopped.settings["ENCRYPTION_KEYS"]
    new = (await cli("keys", "new", cwd=stopped.folder)).out.strip()
    store = {"DATABASE_URL": stopped.settings["DATABASE_URL"], "ENCRYPTION_KEYS": f"{new},{old}"}
    rotated = await cli("keys", "rotate", cwd=stopped.folder, settings=store)
    assert rotated.code == 0
    assert "2 credential(s) sealed anew" in rotated.out
    assert new not in rotated.out
    again = await cli("keys", "rotate", cwd=stopped.folder, settings=store)
    assert "0 credential(s) sealed anew" in again.out
    restarted = BotProcess({**stopped.settings, "ENCRYPTION_KEYS": new}, stopped.folder, stopped.bot.port)
    await restarted.start()
    assert "31%" in (await ask(stopped, "alice", seed.CHOLECAP)).text
    assert await restarted.stop() == 0


async def test_keys_new__differ(tmp_path: Path) -> None:
    keys = [await cli("keys", "new", cwd=tmp_path) for _ in range(2)]
    assert keys[0].out != keys[1].out
    assert all(re.fullmatch(r"\S{40,}\n", key.out) and key.code == 0 and key.err == "" for key in keys)


async def test_migrate__new_and_again(tmp_path: Path) -> None:
    settings = {"DATABASE_URL": f"sqlite:///{tmp_path / 'new folder' / 'bot.db'}"}
    first = await cli("migrate", cwd=tmp_path, settings=settings)
    assert first.code == 0
    assert "The database is at schema" in first.out
    assert (await cli("migrate", cwd=tmp_path, settings=settings)).out == first.out
    assert (tmp_path / "new folder" / "bot.db").exists()


async def test_manifest__for_both_ways(tmp_path: Path) -> None:
    http = yaml.safe_load((await cli("manifest", "--http", "https://uploads.example/bot/", cwd=tmp_path)).out)
    assert http["features"]["slash_commands"][0]["url"] == "https://uploads.example/bot/slack/events"
    assert http["settings"]["interactivity"]["request_url"] == "https://uploads.example/bot/slack/events"
    assert http["settings"]["socket_mode_enabled"] is False
    printed = await cli("manifest", "--socket", cwd=tmp_path)
    assert "HOST" not in printed.out
    by_socket = yaml.safe_load(printed.out)
    assert by_socket["settings"]["socket_mode_enabled"] is True
    assert "url" not in by_socket["features"]["slash_commands"][0]


@pytest.mark.parametrize(
    "arguments",
    [
        ("manifest", "--http", "http://plain.example"),
        ("manifest", "--http", "nonsense"),
        ("manifest", "--http", "https://x.example", "--socket"),
        ("no-such-command",),
        ("keys",),
        ("run", "--loud"),
        ("demo", "--once", "list", "--as", "mallory"),
    ],
)
async def test_usage__wrong(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    failed = await cli(*arguments, cwd=tmp_path)
    assert failed.code == 2
    assert failed.out == ""
    assert failed.err
    assert "Traceback" not in failed.err


async def test_version__and_help(tmp_path: Path) -> None:
    version = await cli("--version", cwd=tmp_path)
    assert (version.code, version.out) == (0, f"vault-upload-bot {bot.__version__}\n")
    told = await cli("--help", cwd=tmp_path)
    assert told.code == 0
    for verb in ("run", "demo", "migrate", "keys", "manifest"):
        assert re.search(rf"^    {verb} ", told.out, re.MULTILINE)


# The demo as a process


def _left_behind(folder: Path) -> list[str]:
    """What of a demo is still there: files in its temporary folder, and processes that run in it."""
    left = [str(path) for path in folder.iterdir()]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            where = (process / "cwd").readlink()
        except OSError:
            continue
        if where.is_relative_to(folder):
            left.append(f"process {process.name}")
    return left


@pytest.mark.parametrize("way", [(), ("--http",)], ids=["socket", "http"])
async def test_demo_once__prints_the_card_and_leaves_nothing(tmp_path: Path, way: tuple[str, ...]) -> None:
    arguments = ("demo", *way, "--once", f"/upload-status {seed.CHOLECAP}", "--once", "whoami")
    done = await cli(*arguments, cwd=tmp_path, settings={"TMPDIR": str(tmp_path)})
    assert done.code == 0, done.err
    for fact in (
        "Cholecap-Commercial-2021.mp4",
        "31%",
        "10.0 MB of 31.3 MB",
        "2 parts",
        "Alice Moreau (you)",
    ):
        assert fact in done.out
    assert "Linked to Alice Moreau" in done.out
    assert _left_behind(tmp_path) == []


async def test_demo_once__in_a_path_with_a_space(tmp_path: Path) -> None:
    """Package, working folder and temporary folder."""
    home = tmp_path / "a path with a space"
    (home / "tmp").mkdir(parents=True)
    package = Path(bot.__file__).parent
    shutil.copytree(package, home / "bot", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(package.parent / "manifest.yaml", home)
    settings = {"PYTHONPATH": str(home), "TMPDIR": str(home / "tmp")}
    done = await cli("demo", "--as", "bob", "--once", seed.CHOLECAP, cwd=home, settings=settings)
    assert done.code == 0, done.err
    assert NOT_VISIBLE.rstrip("`") in done.out
    assert "Cholecap" not in done.out.replace(seed.CHOLECAP, "")
    assert _left_behind(home / "tmp") == []


async def test_demo_once__stopped_half_way_leaves_nothing(tmp_path: Path) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        process = await start_cli("demo", "--once", "list", cwd=tmp_path, settings={"TMPDIR": str(tmp_path)})
        await until(lambda: any(tmp_path.glob("*/bot.log")), "the bot is being started")
        process.send_signal(number)
        assert (await ended(process)).code != 0
        assert _left_behind(tmp_path) == []


async def test_log__is_json_one_line_each(stopped: DemoWorkspace) -> None:
    process = await start_cli(
        "run",
        cwd=stopped.folder,
        settings={**stopped.settings, "PORT": str(stopped.bot.port), "LOG_FORMAT": ""},
    )
    await until(lambda: _is_ready(stopped.bot.port), "it is ready")
    process.terminate()
    done = await ended(process)
    assert done.out == ""
    assert {"ready", "stopped"} <= {json.loads(line)["event"] for line in done.err.splitlines()}
