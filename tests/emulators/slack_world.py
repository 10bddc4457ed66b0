"""A running Slack emulator with a small bot that does as told, and forms to show."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.demo.serving import LoopbackServer
from bot.demo.slack import SlackEmulator, View

Json = dict[str, Any]
PATIENCE = 60.0
"""Seconds within which the bot acks, however slow the machine."""


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def entry(block_id: str = "reason_b", element: Json | None = None, **more: Any) -> Json:
    element = element or {"type": "plain_text_input", "action_id": "reason", "max_length": 20}
    return {"type": "input", "block_id": block_id, "label": plain("Why"), "element": element, **more}


def modal(title: str = "Abort", blocks: list[Json] | None = None, **more: Any) -> Json:
    blocks = [entry()] if blocks is None else blocks
    return {"type": "modal", "title": plain(title), "submit": plain("Send"), "blocks": blocks, **more}


def home(*blocks: Json, **more: Any) -> Json:
    return {"type": "home", "blocks": list(blocks), **more}


def actions(*elements: Json, block_id: str = "acts") -> Json:
    return {"type": "actions", "block_id": block_id, "elements": list(elements)}


def button(action_id: str = "refresh", **more: Any) -> Json:
    return {"type": "button", "action_id": action_id, "text": plain("Refresh"), **more}


def options(*values: str) -> list[Json]:
    return [{"text": plain(value.upper()), "value": value} for value in values]


@dataclass
class Bot:
    """Acks as told, after doing as told with the payload."""

    slack: SlackEmulator
    server: LoopbackServer = field(default_factory=LoopbackServer)
    acks: list[Response] = field(default_factory=list)
    acts: list[Callable[[Json], Awaitable[Any]]] = field(default_factory=list)
    seen: list[Json] = field(default_factory=list)

    @property
    def web(self) -> AsyncWebClient:
        return AsyncWebClient(token=self.slack.bot_token, base_url=self.slack.api_url, timeout=60)

    async def take(self, request: Request) -> Response:
        body = (await request.body()).decode()
        form = {} if body.startswith("{") else dict(parse_qsl(body))
        payload: Json = json.loads(form.get("payload", body)) if "command" not in form else form
        payload = payload.get("event", payload)
        self.seen.append(payload)
        if self.acts:
            await self.acts.pop(0)(payload)
        return self.acks.pop(0) if self.acks else Response()

    async def trigger(self, user: str = "alice") -> str:
        """A fresh trigger_id of this person's."""
        return str((await self.slack.shortcut(user, "my_uploads")).payload["trigger_id"])

    async def open(self, view: Json, user: str = "alice") -> View:
        """Open a modal for this person."""

        async def open_it(payload: Json) -> None:
            await self.web.views_open(trigger_id=payload["trigger_id"], view=view)

        self.acts.append(open_it)
        return await (await self.slack.shortcut(user, "my_uploads")).shown()

    def top(self, user: str = "alice") -> View:
        """The modal on this person's screen."""
        view = self.slack.modal(user)
        assert view is not None
        return view

    @property
    def kinds(self) -> list[str]:
        """What kinds of things it was sent."""
        return [str(payload.get("type") or payload.get("command")) for payload in self.seen]


@asynccontextmanager
async def running_bot(slack: SlackEmulator) -> AsyncIterator[Bot]:
    """A bot at that Slack, both served."""
    bot = Bot(slack)
    await slack.start()
    await bot.server.start(Starlette(routes=[Route("/slack/events", bot.take, methods=["POST"])]))
    slack.request_url = f"{bot.server.url}/slack/events"
    try:
        yield bot
    finally:
        await bot.server.stop()
        await slack.stop()


async def refusal_of(call: Any) -> Json:
    """The body of an `ok: false` answer."""
    with pytest.raises(SlackApiError) as caught:
        await call
    body = caught.value.response.data
    assert isinstance(body, dict)
    assert body["ok"] is False
    return body
