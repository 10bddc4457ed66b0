"""The least code that does the job: bare ASGI, signature, one database read, one Vault GET, one answer. No Bolt.

It is the yardstick, not a bot: no errors, no retries, no privacy beyond the credential's own.
"""

import asyncio
import hashlib
import hmac
import json
import os
import sqlite3
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
import uvicorn

from bot.store.seal import Keyring, row_identity

SECRET = os.environ["SLACK_SIGNING_SECRET"].encode()
VAULT = os.environ["VAULTS"].partition("=")[2]
KEYRING = Keyring.parse(os.environ["ENCRYPTION_KEYS"])
DATABASE = sqlite3.connect(os.environ["DATABASE_URL"].removeprefix("sqlite:///"))
RUNNING: set[asyncio.Task[None]] = set()


def begin(session: aiohttp.ClientSession, command: Mapping[str, str]) -> None:
    """Answer on the side."""
    task = asyncio.create_task(answer(session, command))
    RUNNING.add(task)
    task.add_done_callback(RUNNING.discard)


async def answer(session: aiohttp.ClientSession, command: Mapping[str, str]) -> None:
    """Look the person up, ask Vault, answer."""
    team, user, upload_id = command["team_id"], command["user_id"], command["text"]
    host, sealed = DATABASE.execute(
        "SELECT vault_host, credential FROM accounts WHERE workspace = ? AND slack_user_id = ?", (team, user)
    ).fetchone()
    credential = KEYRING.open(sealed, row_identity("account", team, user, host)).reveal()
    url = f"{VAULT}/api/v24.3/services/file_staging/upload/{upload_id}"
    async with session.get(url, headers={"Authorization": f"Bearer {credential}"}) as response:
        data = json.loads(await response.read())["data"]
    text = f"{data['name']}: {data['uploaded'] * 100 // data['size']}%"
    block = {"type": "section", "text": {"type": "mrkdwn", "text": text}}
    async with session.post(command["response_url"], json={"text": text, "blocks": [block]}) as sent:
        await sent.read()


class Least:
    """The ASGI application."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer /readyz and /slack/events."""
        body = b""
        while scope["path"] == "/slack/events":
            message = await receive()
            body += message["body"]
            if not message.get("more_body"):
                break
        if body:
            headers = dict(scope["headers"])
            base = b"v0:" + headers[b"x-slack-request-timestamp"] + b":" + body
            signed = "v0=" + hmac.new(SECRET, base, hashlib.sha256).hexdigest()
            if not hmac.compare_digest(signed.encode(), headers[b"x-slack-signature"]):
                raise PermissionError
            if self._session is None:
                self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=100))
            begin(self._session, dict(parse_qsl(body.decode())))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


if __name__ == "__main__":
    uvicorn.run(
        Least(),
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        log_level="error",
        access_log=False,
        lifespan="off",
    )
