"""`python -m bot demo` as people start it: one address, and nothing left when it is stopped."""

import asyncio
import json
import os
import re
import signal
import socket
import stat
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.demo.serving import bind_loopback
from bot.demo.vault import seed
from bot.demo.workspace import hidden_fields
from tests.acceptance.steps import cli, ended, start_cli

ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/")
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@dataclass
class Running:
    """A demo that has printed its address."""

    process: asyncio.subprocess.Process
    url: str
    http: httpx.AsyncClient
    temp: Path

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    async def state(self) -> dict[str, Any]:
        state: dict[str, Any] = (await self.http.get("/api/state")).json()
        return state

    async def do(self, act: str, **more: Any) -> None:
        answer = await self.http.post("/api/do", json={"do": act, **more}, headers={"Origin": self.url})
        assert answer.status_code == 200, answer.text

    async def typed(self, text: str) -> dict[str, Any]:
        """Type and return the app's answer."""
        count = len((await self.state())["messages"])
        await self.do("type", text=text)
        async with asyncio.timeout(90):
            while len(messages := (await self.state())["messages"]) == count:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        answer: dict[str, Any] = messages[-1]
        return answer

    async def stop(self, number: int = signal.SIGTERM) -> None:
        """Send the signal and see that everything is gone."""
        bot = (await self.state())["bot"]
        ports = [self.port, int(bot["address"].rpartition(":")[2])]
        ports += [int(vault["url"].rpartition(":")[2]) for vault in (await self.state())["vaults"]]
        family = children(self.process.pid)
        assert bot["pid"] in family
        self.process.send_signal(number)
        end = await ended(self.process, 90)
        assert end.code == 0, end.err
        assert "Traceback" not in end.err
        assert not [pid for pid in family if is_alive(pid)]
        assert not [port for port in ports if listens(port)]
        assert list(self.temp.iterdir()) == []


@asynccontextmanager
async def demo(tmp_path: Path, *arguments: str, port: int = 0) -> AsyncIterator[Running]:
    """Start it in a folder of its own, with a folder of its own for temporary files."""
    temp = tmp_path / "temporary files"
    temp.mkdir(exist_ok=True)
    process = await start(tmp_path, "--port", str(port), *arguments)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(120):
            first = (await process.stdout.readline()).decode()
            second = (await process.stdout.readline()).decode()
        found = ADDRESS.search(first)
        assert found, first
        assert "Ctrl-C" in second
        url = found[0].rstrip("/")
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as http:
            yield Running(process, url, http, temp)
    finally:
        if process.returncode is None:
            process.terminate()
            await ended(process)


async def start(
    tmp_path: Path, *arguments: str, settings: Mapping[str, str] | None = None
) -> asyncio.subprocess.Process:
    temp = {"TMPDIR": str(tmp_path / "temporary files")}
    return await start_cli("demo", *arguments, cwd=tmp_path, settings={**temp, **(settings or {})})


def children(pid: int) -> list[int]:
    """The processes below this one."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == pid:
                found += [int(entry.name), *children(int(entry.name))]
    return found


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: signal.Signals(number).name)
async def test_it_prints_an_address_serves_the_page_and_leaves_nothing(tmp_path: Path, number: int) -> None:
    async with demo(tmp_path) as running:
        page = await running.http.get("/")
        assert page.status_code == 200
        assert "<html" in page.text
        answer = await running.typed(f"/upload-status {seed.CHOLECAP}")
        assert "31%" in answer["text"]
        assert (await running.state())["bot"]["mode"] == "socket"
        await running.stop(number)


async def test_http_mode(tmp_path: Path) -> None:
    async with demo(tmp_path, "--http", "--as", "bob") as running:
        state = await running.state()
        assert (state["bot"]["mode"], state["me"]) == ("http", "bob")
        assert "socket_lost" not in {fault["key"] for fault in state["faults"]}
        assert "Your uploads" in (await running.typed("/upload-status list"))["text"]
        entries = (await running.http.get("/api/log")).json()["entries"]
        assert any(entry["what"] == "POST /slack/events · slash command" for entry in entries)
        await running.stop()


async def test_ten_rounds_leave_nothing(tmp_path: Path) -> None:
    for _ in range(10):
        async with demo(tmp_path) as running:
            await running.stop(signal.SIGINT)


async def test_it_stops_while_a_page_is_listening_and_the_bot_is_dead(tmp_path: Path) -> None:
    async with demo(tmp_path) as running:
        bot = (await running.state())["bot"]["pid"]
        async with running.http.stream("GET", "/api/events") as stream:
            assert stream.status_code == 200
            await running.do("bot", to="kill")
            running.process.send_signal(signal.SIGINT)
            assert (await ended(running.process, 25)).code == 0
        assert not is_alive(bot)
        assert list(running.temp.iterdir()) == []


async def test_who_asks_twice_does_not_wait_for_a_stuck_bot(tmp_path: Path) -> None:
    async with demo(tmp_path) as running:
        bot = (await running.state())["bot"]["pid"]
        os.kill(bot, signal.SIGSTOP)
        running.process.send_signal(signal.SIGINT)
        async with asyncio.timeout(60):
            while listens(running.port):  # noqa: ASYNC110 - another process closes it
                await asyncio.sleep(0.1)
        # Now it waits for the bot.
        assert running.process.returncode is None
        running.process.send_signal(signal.SIGINT)
        assert (await ended(running.process, 25)).code == 0
        assert not is_alive(bot)
        assert list(running.temp.iterdir()) == []


async def test_a_taken_port_is_left_to_its_owner(tmp_path: Path, spare_port: int) -> None:
    with bind_loopback(spare_port) as taken:
        taken.listen()
        async with demo(tmp_path, port=spare_port) as running:
            assert running.port != spare_port
            assert (await running.http.get("/")).status_code == 200
    async with demo(tmp_path, port=spare_port) as running:
        assert running.port == spare_port


async def test_an_early_signal_stops_it_too(tmp_path: Path) -> None:
    (tmp_path / "temporary files").mkdir()
    for seconds in (1.2, 2.0):
        process = await start(tmp_path, "--port", "0")
        await asyncio.sleep(seconds)
        family = children(process.pid)
        process.send_signal(signal.SIGTERM)
        end = await ended(process, 40)
        assert "Traceback" not in end.err
        assert not [pid for pid in family if is_alive(pid)]
        assert list((tmp_path / "temporary files").iterdir()) == []


async def test_a_kept_folder_goes_on_where_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "kept here"
    async with demo(tmp_path, "--keep", str(folder)) as running:
        await running.do("become", person="nils")
        asked = await running.typed("/upload-status link")
        token = next(
            one["tokens"]["promomats"]
            for one in (await running.state())["credentials"]
            if one["person"] == "nils"
        )
        await link(running, asked, token)
        await running.do("become", person="bob")
        await running.typed("/upload-status unlink")
        await running.do("clock", by=50 * 3600)
        before = (await running.state())["clock"]["epoch"]
        await running.stop()
    key = folder / "encryption.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    first_key = key.read_text()
    assert (folder / "bot.db").exists()
    async with demo(tmp_path, "--keep", str(folder)) as running:
        assert (await running.state())["clock"]["epoch"] >= before
        assert "in promomats" in (await running.typed("/upload-status list"))["text"]
        await running.do("become", person="nils")
        assert "Nils Okafor" in (await running.typed("/upload-status whoami"))["text"]
        await running.do("become", person="bob")
        assert "link" in (await running.typed("/upload-status list"))["text"].lower()
        other = await cli("demo", "--keep", str(folder), cwd=tmp_path)
        assert other.code == 1
        assert "Another demo is running" in other.err
        await running.stop()
    assert key.read_text() == first_key


async def link(running: Running, asked: dict[str, Any], token: str) -> None:
    address = next(
        element["url"]
        for block in asked["blocks"]
        for element in block.get("elements", [])
        if "url" in element
    )
    async with httpx.AsyncClient(trust_env=False, timeout=60) as tab:
        form = hidden_fields((await tab.get(address)).text, "token") | {"token": token}
        done = await tab.post(f"{(await running.state())['bot']['address']}/link", data=form)
    assert done.status_code == 200


async def test_the_operators_own_settings_and_data_are_not_touched(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SLACK_BOT_TOKEN=xoxb-operators-own\nDATABASE_URL=sqlite:///mine.db\n")
    settings = {
        "DATABASE_URL": f"sqlite:///{tmp_path}/theirs.db",
        "SLACK_BOT_TOKEN": "xoxb-of-the-environment",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "HTTP_PROXY": "http://127.0.0.1:9",
    }
    done = await cli("demo", "--once", "list", cwd=tmp_path, settings=settings)
    assert done.code == 0, done.err
    assert "Your uploads in promomats" in done.out
    assert {one.name for one in tmp_path.iterdir()} == {".env"}


@pytest.mark.parametrize("mode", [[], ["--http"]], ids=["socket", "http"])
async def test_once_prints_a_conversation(tmp_path: Path, mode: list[str]) -> None:
    typed = ["--once", f"/upload-status {seed.CHOLECAP}", "--once", "whoami", "--as", "alice", "--in", "dm"]
    done = await cli("demo", *typed, *mode, cwd=tmp_path)
    assert done.code == 0, done.err
    assert "Alice Moreau in a direct message with the app\n> /upload-status Vx3k" in done.out
    assert "31%" in done.out
    assert "> /upload-status whoami" in done.out
    assert "API access token" in done.out
    assert "in a direct message)" not in done.out
    assert done.err == ""


async def test_once_is_stopped_by_a_signal(tmp_path: Path) -> None:
    (tmp_path / "temporary files").mkdir()
    process = await start(tmp_path, *["--once", "list"] * 200)
    async with asyncio.timeout(120):
        while not (family := children(process.pid)):  # noqa: ASYNC110 - another process makes them
            await asyncio.sleep(0.1)
    process.terminate()
    end = await ended(process, 40)
    assert end.code == 1
    assert "Traceback" not in end.err
    assert not [pid for pid in family if is_alive(pid)]
    assert list((tmp_path / "temporary files").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--as", "mallory"], "mallory"),
        (["--once", "list", "--as", "mallory"], "mallory"),
        (["--once", "list", "--in", "#nowhere"], "#nowhere"),
        (["--once", "list", "--as", "bob", "--in", "#migration"], "cannot open"),
        (["--port", "70000"], "--port"),
        (["--port", "x"], "--port"),
    ],
)
async def test_wrong_usage(tmp_path: Path, arguments: list[str], words: str) -> None:
    done = await cli("demo", *arguments, cwd=tmp_path)
    assert done.code == 2
    assert words in done.err
    assert done.out == ""
    assert json.dumps(done.err).count("Traceback") == 0


async def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = await cli("demo", "--keep", str(tmp_path / "file"), cwd=tmp_path)
    assert done.code == 1
    assert "cannot be used" in done.err
