"""Slack and Vault as fast stand-ins in the measuring process: they count, and do as little else as can be."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from starlette.types import Receive, Scope, Send

from bot.demo.serving import LoopbackServer

TEAM, USER = "T0BENCH", "U0BENCH"
UPLOAD_ID = "7b0e42c9d15f4a3e8f60b2a7c9d4e113"
FILE_NAME = "m5-datasets.zip"


@dataclass
class Tally:
    """What came in. A right answer names the file; all others are wrong."""

    vault_calls: int = 0
    slack_calls: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    connections: int = 0
    waiting: dict[str, asyncio.Event] = field(default_factory=dict)

    def clear(self) -> None:
        """Begin to count anew."""
        self.vault_calls = self.slack_calls = self.wrong = self.connections = 0
        self.answers.clear()

    def take(self, key: str, body: bytes) -> None:
        """Count one answer and wake whoever waits for it."""
        if FILE_NAME.encode() not in body:
            self.wrong += 1
            return
        self.answers[key] += 1
        if event := self.waiting.get(key):
            event.set()


class Socket:
    """One program's websocket: envelopes out, acks in."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._acks: dict[str, asyncio.Future[None]] = {}

    async def hand_in(self, envelope_id: str, payload: dict[str, str]) -> None:
        """Send a command and return when it is acknowledged."""
        acked = self._acks[envelope_id] = asyncio.get_running_loop().create_future()
        envelope = {
            "envelope_id": envelope_id, "type": "slash_commands", "accepts_response_payload": True, "payload": payload,
        }  # fmt: skip
        await self._send({"type": "websocket.send", "text": json.dumps(envelope)})
        await acked

    def read(self, text: str) -> None:
        """Take one frame of the program."""
        acked = self._acks.pop(json.loads(text).get("envelope_id", ""), None)
        if acked is not None and not acked.done():
            acked.set_result(None)


class StandIns:
    """Slack's Web API, websocket and response_url, and Vault's details endpoint."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.vault_delay = 0.0
        """Seconds that Vault takes."""
        self.sockets: dict[str, Socket] = {}
        """The websocket of each program that has one, by its app token."""
        self.address = ""
        self._upload = _upload_json()
        self._seen: set[tuple[str, int]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve by path."""
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
            return
        if scope["client"] not in self._seen:
            # Ports are given out in turn: one that was seen before is the same connection.
            self._seen.add(scope["client"])
            self.tally.connections += 1
        answer = await self._answer(scope, await _body(receive))
        headers = [
            (b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode()),
            (b"x-vaultapi-vaultid", b"1"), (b"x-vaultapi-userid", b"2"),
        ]  # fmt: skip
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def _answer(self, scope: Scope, body: bytes) -> bytes:
        path = scope["path"]
        if path.startswith("/answer/"):
            self.tally.take(path.removeprefix("/answer/"), body)
            return b"ok"
        if path.startswith("/api/v"):
            self.tally.vault_calls += 1
            if self.vault_delay:
                await asyncio.sleep(self.vault_delay)
            return self._upload
        self.tally.slack_calls += 1
        if path == "/api/apps.connections.open":
            token = dict(scope["headers"])[b"authorization"].decode().removeprefix("Bearer ")
            url = f"{self.address.replace('http', 'ws')}/socket/{token}"
            return json.dumps({"ok": True, "url": url}).encode()
        return json.dumps(
            {"ok": True, "team_id": TEAM, "team": "Bench", "user_id": "UBOT", "bot_id": "BBOT"}
        ).encode()

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = scope["path"].removeprefix("/socket/")
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": '{"type":"hello","num_connections":1}'})
        socket = self.sockets[token] = Socket(send)
        while (frame := await receive())["type"] == "websocket.receive":
            socket.read(frame["text"])
        if self.sockets.get(token) is socket:
            del self.sockets[token]


class _Server(LoopbackServer):
    def _is_own_host(self, scope: Scope) -> bool:  # noqa: ARG002
        # Each request costs a look less; and the port is open for minutes, with nothing behind it.
        return True


@asynccontextmanager
async def stand_ins() -> AsyncIterator[StandIns]:
    """Serve the stand-ins; their address is in them."""
    app, server = StandIns(), _Server()
    await server.start(app)
    app.address = server.url
    try:
        yield app
    finally:
        await server.stop()


async def _body(receive: Receive) -> bytes:
    body = b""
    while (message := await receive()).get("more_body"):
        body += message["body"]
    return body + bytes(message.get("body", b""))


def _upload_json() -> bytes:
    now = int(time.time())

    def moment(seconds: int) -> str:
        return datetime.fromtimestamp(now + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")

    data: Any = {
        "path": f"/wave2/{FILE_NAME}", "name": FILE_NAME, "id": UPLOAD_ID, "owner": 2, "uploaded_parts": 121,
        "size": 7516192768, "uploaded": 3171942400, "overwrite": True, "created_date": moment(-9000),
        "last_uploaded_date": moment(-60), "expiration_date": moment(250_000),
    }  # fmt: skip
    return json.dumps({"responseStatus": "SUCCESS", "data": data}).encode()
