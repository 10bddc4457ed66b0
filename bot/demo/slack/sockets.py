"""Socket Mode: the bot's websockets, and deliveries through any of them.

Slack: docs "Using Socket Mode"; frames as in slack_sdk's own tests.
"""

import asyncio
import contextlib
import itertools
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from bot.demo.slack.delivery import DISPATCH_FAILED, OPERATION_TIMEOUT, SLASH_COMMANDS, Ack, UndeliveredError
from bot.demo.slack.exchanges import FROM_BOT, TO_BOT, ExchangeLog
from bot.demo.slack.workspace import APP_ID

MOST_CONNECTIONS = 10
HOST = "applink-demo"
ANSWERABLE = frozenset({SLASH_COMMANDS, "block_actions", "view_submission", "block_suggestion"})


@dataclass(eq=False, slots=True)
class _Connection:
    socket: WebSocket
    leaving: bool = False
    sending: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def send(self, frame: dict[str, Any]) -> None:
        async with self.sending:
            await self.socket.send_text(json.dumps(frame))


class SocketHub:
    """All websockets of the bot; a payload goes to one of them, in turn."""

    def __init__(self, log: ExchangeLog) -> None:
        self._log = log
        self._tickets: set[str] = set()
        self._connections: list[_Connection] = []
        self._acks: dict[str, asyncio.Future[Any]] = {}
        self._arrival = asyncio.Event()
        self._turn = itertools.count()

    @property
    def connected(self) -> int:
        """How many connections may be given payloads."""
        return sum(not connection.leaving for connection in self._connections)

    def issue_ticket(self) -> str:
        """The one-time secret in the address that apps.connections.open hands out."""
        ticket = secrets.token_urlsafe(24)
        self._tickets.add(ticket)
        return ticket

    async def serve(self, socket: WebSocket) -> None:
        """One connection from its handshake to its end."""
        ticket = parse_qs(str(socket.url.query)).get("ticket", [""])[0]
        if ticket not in self._tickets:
            await socket.close(code=4401)
            return
        self._tickets.remove(ticket)
        await socket.accept()
        connection = _Connection(socket)
        if len(self._connections) >= MOST_CONNECTIONS:
            await connection.send(_disconnect("too_many_websockets"))
            await socket.close()
            return
        self._connections.append(connection)
        await connection.send(
            {
                "type": "hello",
                "num_connections": len(self._connections),
                "connection_info": {"app_id": APP_ID},
                "debug_info": {"host": HOST, "approximate_connection_time": 18060},
            }
        )
        self._log.add(TO_BOT, "socket hello", "open", response={"num_connections": len(self._connections)})
        self._arrival.set()
        try:
            while True:
                self._read_frame(await socket.receive_text())
        except WebSocketDisconnect as end:
            self._log.add(FROM_BOT, "socket closed", end.code)
        finally:
            self._connections.remove(connection)

    async def deliver(
        self, kind: str, payload: dict[str, Any], *, limit: float, retry: tuple[int, str] | None = None
    ) -> Ack:
        """Send an envelope and wait for its ack. Raises UndeliveredError."""
        started = time.monotonic()
        envelope_id = secrets.token_hex(16)
        takes_answer = kind in ANSWERABLE or payload.get("type") in ANSWERABLE
        envelope = {
            "envelope_id": envelope_id,
            "type": kind,
            "accepts_response_payload": takes_answer,
            "payload": payload,
        }
        if retry is not None:
            envelope |= {"retry_attempt": retry[0], "retry_reason": retry[1]}
        acked = self._acks[envelope_id] = asyncio.get_running_loop().create_future()
        try:
            await self._send_to_one(envelope, limit)
            async with asyncio.timeout(limit):
                answer = await acked
        except TimeoutError:
            raise UndeliveredError(OPERATION_TIMEOUT, "timeout") from None
        finally:
            del self._acks[envelope_id]
        return Ack(200, answer if takes_answer else None, time.monotonic() - started)

    async def disconnect(self, reason: str) -> None:
        """Ask every client to come back on a new connection; "warning" is only the ten seconds' notice of it."""
        for connection in list(self._connections):
            connection.leaving = reason != "warning"
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                await connection.send(_disconnect(reason))
        self._log.add(TO_BOT, "socket disconnect", reason)

    def drop(self, most: int | None = None) -> None:
        """Cut every connection without a word, or so many of them, the oldest first."""
        for connection in self._connections[:most]:
            connection.leaving = True
            connection.socket.scope["extensions"]["loopback.hang_up"]()

    async def _send_to_one(self, envelope: dict[str, Any], limit: float) -> None:
        """Send to the next connection; waits for one if there is none, as Slack seems to do for a moment."""
        try:
            async with asyncio.timeout(limit):
                while not await self._sent(envelope):
                    self._arrival.clear()
                    await self._arrival.wait()
        except TimeoutError:
            raise UndeliveredError(DISPATCH_FAILED, "connection_failed") from None

    async def _sent(self, envelope: dict[str, Any]) -> bool:
        ready = [
            one
            for one in self._connections
            if not one.leaving and one.socket.application_state is WebSocketState.CONNECTED
        ]
        if not ready:
            return False
        try:
            await ready[next(self._turn) % len(ready)].send(envelope)
        except (WebSocketDisconnect, RuntimeError):
            return False
        return True

    def _read_frame(self, text: str) -> None:
        try:
            frame = json.loads(text)
            waiting = self._acks.get(frame["envelope_id"])
        except (ValueError, TypeError, KeyError):
            self._log.add(FROM_BOT, "socket frame", "ignored", request=text)
            return
        if waiting is not None and not waiting.done():
            waiting.set_result(frame.get("payload") or None)


def _disconnect(reason: str) -> dict[str, Any]:
    return {"type": "disconnect", "reason": reason, "debug_info": {"host": HOST}}
