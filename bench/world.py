"""The programs under test, each a process of its own, and how a command is handed to them."""

import asyncio
import hashlib
import hmac
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import aiohttp

import bot
from bench.stand_ins import TEAM, UPLOAD_ID, USER, StandIns
from bot.demo.serving import reserved_port
from bot.model.accounts import Identity, LinkedAccount, LinkMethod, SlackUser
from bot.model.secret import Secret
from bot.store.accounts import Accounts
from bot.store.database import Database, database_url
from bot.store.schema import migrate
from bot.store.seal import Keyring, new_key

SIGNING_SECRET = "bench-signing-secret"
VAULT_SESSION = "veeva-vault-bench"
START_SECONDS = 300.0
"""Only against waiting for ever."""
HTTP, SOCKET = "HTTP mode", "Socket Mode"
LEAST, BOT, TUTORIAL = "least", "bot", "tutorial"
_MODULES = {
    (LEAST, HTTP): ["bench.least"],
    (LEAST, SOCKET): ["bench.least_socket"],
    (BOT, HTTP): ["bot", "run"],
    (BOT, SOCKET): ["bot", "run"],
    (TUTORIAL, HTTP): ["bench.tutorial"],
}


@dataclass(frozen=True)
class Subject:
    """A program under test."""

    name: str
    mode: str
    process: asyncio.subprocess.Process
    url: str
    app: StandIns
    session: aiohttp.ClientSession

    async def hand_in(self, key: str) -> None:
        """Send one `/upload-status` as Slack would, and return when it is acknowledged; `key` marks its answer.

        ConnectionError or aiohttp.ClientError when it is not.
        """
        fields = {
            "command": "/upload-status", "text": UPLOAD_ID, "team_id": TEAM, "user_id": USER, "channel_id": "C1",
            "response_url": f"{self.app.address}/answer/{key}", "trigger_id": key, "api_app_id": "A1",
        }  # fmt: skip
        if self.mode == SOCKET:
            socket = self.app.sockets.get(_app_token(self.name))
            if socket is None:
                raise ConnectionError(f"{self.name} has no websocket")
            await socket.hand_in(key, fields)
            return
        body = urlencode(fields).encode()
        async with self.session.post(
            f"{self.url}/slack/events", data=body, headers=_signed(body)
        ) as response:
            await response.read()
            if response.status != 200:
                raise ConnectionError(f"{self.name} said {response.status}")

    def cpu_seconds(self) -> float:
        """Processor time used so far, own and kernel's."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        """Resident memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    async def ready(self) -> None:
        """Wait until commands may be handed in; RuntimeError when it never comes to that."""
        give_up = time.monotonic() + START_SECONDS
        while self.process.returncode is None and time.monotonic() < give_up:
            if self.mode == SOCKET:
                if _app_token(self.name) in self.app.sockets:
                    return
            else:
                try:
                    async with self.session.get(f"{self.url}/readyz") as response:
                        # The tutorial's server knows no such page, and says so when it is up.
                        if response.status in (200, 404):
                            return
                except aiohttp.ClientError:
                    pass
            await asyncio.sleep(0.01)
        raise RuntimeError(f"{self.name} did not start; see its log")


@asynccontextmanager
async def subject(
    name: str, mode: str, app: StandIns, folder: Path, python: str = sys.executable
) -> AsyncIterator[Subject]:
    """Start a program against the stand-ins, give it at once, and end it after."""
    folder = folder / f"{name} in {mode}"
    folder.mkdir(parents=True, exist_ok=True)
    with reserved_port() as port:
        settings = await _settings(name, mode, app.address, folder, port)
        # The tutorial stands on a library that our own program has no need of.
        python = sys.executable if name == TUTORIAL else python
        with (folder / "log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                python, "-m", *_MODULES[name, mode], env=settings, cwd=folder, stdout=log, stderr=log
            )
        connector = aiohttp.TCPConnector(limit=0)
        try:
            async with aiohttp.ClientSession(connector=connector) as session:
                yield Subject(name, mode, process, f"http://127.0.0.1:{port}", app, session)
        finally:
            if process.returncode is None:
                process.terminate()
            try:
                async with asyncio.timeout(30):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


def _app_token(name: str) -> str:
    return f"xapp-bench-{name}"


def _signed(body: bytes) -> dict[str, str]:
    stamp = str(int(time.time()))
    signature = hmac.new(SIGNING_SECRET.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={signature}",
    }


async def _settings(name: str, mode: str, address: str, folder: Path, port: int) -> Mapping[str, str]:
    key = new_key()
    path = folder / "bench.db"
    if not path.exists():
        async with Database.open(database_url(f"sqlite:///{path}")) as database:
            await migrate(database)
            (folder / "key").write_text(key)
            await Accounts(database, Keyring.parse(key)).save(_account(address))
    settings = {
        "PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(Path(bot.__file__).parent.parent), "PORT": str(port),
        "SLACK_BOT_TOKEN": "xoxb-bench", "SLACK_SIGNING_SECRET": SIGNING_SECRET, "SLACK_API_URL": f"{address}/api/",
        "VAULTS": f"bench={address}", "DATABASE_URL": f"sqlite:///{path}",
        "ENCRYPTION_KEYS": (folder / "key").read_text(),
    }  # fmt: skip
    if mode == SOCKET:
        settings["SLACK_APP_TOKEN"] = _app_token(name)
    if name == TUTORIAL:
        settings["VAULT_SESSION"] = VAULT_SESSION
    return settings


def _account(address: str) -> LinkedAccount:
    return LinkedAccount(
        slack_user=SlackUser(workspace=TEAM, user_id=USER, team_id=TEAM),
        vault_host=address.removeprefix("http://"),
        identity=Identity(vault_user_id="2", vault_id="1"),
        vault_user_name="bench@example.com",
        vault_full_name="Bench",
        method=LinkMethod.TOKEN,
        credential=Secret(VAULT_SESSION),
        linked_at=datetime.now(UTC),
        valid_until=None,
    )
