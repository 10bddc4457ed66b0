"""Slack and Vault as fast stand-ins in the measuring process, and the program under test as a process of its own."""

import asyncio
import hashlib
import hmac
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
from starlette.types import Receive, Scope, Send

import bot
from bot.demo.serving import LoopbackServer
from bot.model.accounts import Identity, LinkedAccount, LinkMethod, SlackUser
from bot.model.secret import Secret
from bot.store.accounts import Accounts
from bot.store.database import Database, database_url
from bot.store.schema import migrate
from bot.store.seal import Keyring, new_key

TEAM, USER, SIGNING_SECRET = "T0BENCH", "U0BENCH", "bench-signing-secret"
UPLOAD_ID = "7b0e42c9d15f4a3e8f60b2a7c9d4e113"
ACK_LIMIT = 3.0


@dataclass
class Tally:
    """What came in."""

    vault_calls: int = 0
    answers: dict[str, int] = field(default_factory=dict)
    waiting: dict[str, asyncio.Event] = field(default_factory=dict)


class StandIns:
    """Slack's Web API and response_url, and Vault's details endpoint, with as little work as can be."""

    def __init__(self, vault_delay: float) -> None:
        self.tally = Tally()
        self._delay = vault_delay
        self._upload = _upload_json()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve by path."""
        path = scope["path"]
        while (await receive()).get("more_body"):
            pass
        if "/file_staging/upload/" in path:
            self.tally.vault_calls += 1
            if self._delay:
                await asyncio.sleep(self._delay)
            body = self._upload
        elif path.startswith("/answer/"):
            key = path.removeprefix("/answer/")
            self.tally.answers[key] = self.tally.answers.get(key, 0) + 1
            if key in self.tally.waiting:
                self.tally.waiting[key].set()
            body = b"ok"
        else:
            body = (
                f'{{"ok":true,"team_id":"{TEAM}","team":"Bench","user_id":"UBOT","bot_id":"BBOT"}}'.encode()
            )
        headers = [
            (b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()),
            (b"x-vaultapi-vaultid", b"1"), (b"x-vaultapi-userid", b"2"),
        ]  # fmt: skip
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@dataclass(frozen=True)
class Subject:
    """The program under test."""

    pid: int
    url: str

    def cpu_seconds(self) -> float:
        """Processor time used so far, own and kernel's."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        """Resident memory."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024


@asynccontextmanager
async def stand_ins(vault_delay: float) -> AsyncIterator[tuple[StandIns, str]]:
    """Serve the stand-ins and yield them with their address."""
    app, server = StandIns(vault_delay), LoopbackServer()
    await server.start(app)
    try:
        yield app, server.url
    finally:
        await server.stop()


@asynccontextmanager
async def subject(name: str, address: str, folder: Path) -> AsyncIterator[tuple[Subject, float]]:
    """Start `bot` or `least` against the stand-ins; yield it with the seconds it took to be ready."""
    folder.mkdir(parents=True, exist_ok=True)
    server = LoopbackServer()
    await server.start(StandIns(0))
    port = server.port
    await server.stop()
    settings = await _settings(address, folder, port)
    module = ["bot", "run"] if name == "bot" else ["bench.least"]
    begun = time.monotonic()
    with (folder / f"{name}.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *module, env=settings, cwd=folder, stdout=log, stderr=log
        )
    found = Subject(process.pid, f"http://127.0.0.1:{port}")
    try:
        await _ready(found.url, process)
        yield found, time.monotonic() - begun
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _ready(url: str, process: asyncio.subprocess.Process) -> None:
    async with aiohttp.ClientSession() as session:
        while process.returncode is None:
            try:
                async with session.get(f"{url}/readyz") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                await asyncio.sleep(0.01)
    raise RuntimeError("the program under test ended; see its log")


async def _settings(address: str, folder: Path, port: int) -> Mapping[str, str]:
    key = new_key()
    path = folder / "bench.db"
    path.unlink(missing_ok=True)
    account = LinkedAccount(
        slack_user=SlackUser(workspace=TEAM, user_id=USER, team_id=TEAM),
        vault_host=address.removeprefix("http://"),
        identity=Identity(vault_user_id="2", vault_id="1"),
        vault_user_name="bench@example.com",
        vault_full_name="Bench",
        method=LinkMethod.TOKEN,
        credential=Secret("veeva-vault-bench"),
        linked_at=datetime.now(UTC),
        valid_until=None,
    )
    async with Database.open(database_url(f"sqlite:///{path}")) as database:
        await migrate(database)
        await Accounts(database, Keyring.parse(key)).save(account)
    return {
        "PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(Path(bot.__file__).parent.parent), "PORT": str(port),
        "SLACK_BOT_TOKEN": "xoxb-bench", "SLACK_SIGNING_SECRET": SIGNING_SECRET, "SLACK_API_URL": f"{address}/api/",
        "VAULTS": f"bench={address}", "DATABASE_URL": f"sqlite:///{path}", "ENCRYPTION_KEYS": key,
    }  # fmt: skip


def signed_command(address: str, key: str) -> tuple[bytes, dict[str, str]]:
    """Body and headers of one `/upload-status` as Slack would send it."""
    fields = {
        "command": "/upload-status", "text": UPLOAD_ID, "team_id": TEAM, "user_id": USER, "channel_id": "C1",
        "response_url": f"{address}/answer/{key}", "trigger_id": key, "api_app_id": "A1",
    }  # fmt: skip
    body = urlencode(fields).encode()
    stamp = str(int(time.time()))
    signature = hmac.new(SIGNING_SECRET.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={signature}",
    }
    return body, headers


def _upload_json() -> bytes:
    now = int(time.time())

    def moment(seconds: int) -> str:
        return datetime.fromtimestamp(now + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")

    data: Any = {
        "path": "/wave2/m5-datasets.zip", "name": "m5-datasets.zip", "id": UPLOAD_ID, "owner": 2, "uploaded_parts": 121,
        "size": 7516192768, "uploaded": 3171942400, "overwrite": True, "created_date": moment(-9000),
        "last_uploaded_date": moment(-60), "expiration_date": moment(250_000),
    }  # fmt: skip
    return json.dumps({"responseStatus": "SUCCESS", "data": data}).encode()
