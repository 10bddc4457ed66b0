"""The whole bot in this process, between the emulators: what is sent to it needs no socket of its own."""

import asyncio
import json
import logging
from collections.abc import Coroutine, Mapping, MutableMapping
from contextlib import AsyncExitStack
from typing import Any, TypeVar

import httpx
import pytest
import stamina
import structlog

from bot.app import Running, build
from bot.cli_store import CHECKS
from bot.config import Config
from bot.demo.slack.messages import Message
from bot.demo.vault import seed
from bot.demo.workspace import DemoWorkspace, demo_workspace, hidden_fields, link_address
from bot.model.errors import BotError
from bot.slack import replies, work
from bot.usecases import auditing
from bot.web import link_pages
from tests.fuzz.sentences import assert_sentence, texts_in

T = TypeVar("T")
LINKED = ("alice", "bob", "vera")
LONGEST_WORK = 60.0
"""Seconds after which an answer will never come; on no machine does one take so long."""
LOOPBACK = ("127.0.0.1", "::1", "localhost")
ODD_EVENTS = {"accounts unlinked", "person forgotten"}


class Violation(AssertionError):
    """The bot did what it must not do."""


class LoopbackLoop(asyncio.SelectorEventLoop):
    """An event loop that connects to this machine alone: what is made up may look like anybody's address."""

    async def getaddrinfo(self, host: Any, *rest: Any, **named: Any) -> Any:
        """Addresses of this machine; OSError for any other."""
        name = host.decode("utf-8", "replace") if isinstance(host, bytes) else host
        if name not in (*LOOPBACK, None):
            raise OSError("no way out of this machine")
        return await super().getaddrinfo(host, *rest, **named)

    async def sock_connect(self, sock: Any, address: Any) -> None:
        """Connect; OSError to any other machine."""
        if isinstance(address, tuple) and address[0] not in LOOPBACK:
            raise OSError("no way out of this machine")
        await super().sock_connect(sock, address)


class World:
    """Alice, Bob and Vera linked; time stands still. `run` works in the world's own event loop."""

    def __init__(self) -> None:
        self.loop = LoopbackLoop()
        self.demo: DemoWorkspace
        self.running: Running
        self.client: httpx.AsyncClient
        self.lines: list[dict[str, Any]] = []
        """What was logged since the last look."""
        self.troubles: list[str] = []
        self.count = 0
        self._stack = AsyncExitStack()
        self._messages = 0
        self._rejections = 0
        self._handler = _Kept(self.lines)
        self._patch = pytest.MonkeyPatch()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to its end."""
        return self.loop.run_until_complete(work)

    def open(self) -> None:
        """Start it all."""
        structlog.configure(
            processors=[
                structlog.contextvars.merge_contextvars,
                structlog.processors.add_log_level,
                self._keep,
            ],
            wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
            cache_logger_on_first_use=False,
        )
        logging.getLogger().addHandler(self._handler)
        stamina.set_testing(True, attempts=2, cap=True)
        self._patch.setattr(replies, "PAUSES", (0.0, 0.0, 0.0))
        # No machine is so slow or so loaded that this is a finding.
        self._patch.setattr(auditing, "WRITE_SECONDS", LONGEST_WORK)
        self._patch.setattr(link_pages, "PAGE_SECONDS", LONGEST_WORK)
        self._patch.setattr(work, "BUDGET", LONGEST_WORK)
        self.loop.set_exception_handler(lambda _, context: self.troubles.append(str(context)))
        self.run(self._open())

    def close(self) -> None:
        """End it all, and leave no trace in this process."""
        try:
            self.run(self._stack.aclose())
            self.run(self.loop.shutdown_asyncgens())
            self.run(self.loop.shutdown_default_executor())
        finally:
            self.loop.close()
            self._patch.undo()
            stamina.set_testing(False)
            logging.getLogger().removeHandler(self._handler)
            structlog.reset_defaults()

    async def _open(self) -> None:
        self.demo = demo = await self._stack.enter_async_context(
            demo_workspace(start_bot=False, settings={"ALLOW_ABORT": "true"})
        )
        demo.clock.run_at(0)
        # Time stands still, so no window of Vault's limits ever ends.
        demo.vault.burst_limit = demo.vault.auth_burst_limit = 10**9
        settings = {**demo.settings, "PORT": str(demo.bot.port)}
        started = asyncio.Event()
        config = Config.from_environ(settings, CHECKS)
        self.running = await self._stack.enter_async_context(build(config, started))
        started.set()
        self.client = await self._stack.enter_async_context(
            httpx.AsyncClient(
                transport=httpx.ASGITransport(self.running.web), base_url=demo.bot.url, trust_env=False
            )
        )
        for person in LINKED:
            await self.link(person)
        self.look()

    async def link(self, person: str) -> None:
        """Link a person by their API access token, unless they are."""
        asked = await self.type(person, f"link {seed.PROMOMATS}")
        page = await self.client.get(link_address(asked))
        fields = hidden_fields(page.text, "token") | {"token": seed.ACCESS_TOKENS[person, seed.PROMOMATS]}
        done = await self.client.post("/link", data=fields)
        assert done.status_code == 200, done.text

    async def type(self, person: str, text: str) -> Message:
        """Let a person type the command; return what they read."""
        slack = self.demo.slack
        slack.request_url = None
        from tests.fuzz.slack_payloads import Payloads

        body, kind = Payloads(slack).command(person, text)
        await self.send(body, slack.signed(body, kind))
        return slack.messages[-1]

    async def send(self, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
        """Send to Slack's endpoint, and wait until all that comes of it is done."""
        raw = [(name.encode(), value.encode("utf-8", "replace")) for name, value in headers.items()]
        response = await self.client.post("/slack/events", content=body, headers=raw)
        await self.settle()
        return response

    async def settle(self) -> None:
        """Wait until nothing is under way."""
        while tasks := set(self.running.work._running):
            _, late = await asyncio.wait(tasks, timeout=LONGEST_WORK)
            if late:
                raise Violation(f"no end of {late}")

    def look(self) -> None:
        """Look at what has happened since the last look; Violation where anything is not as it must be."""
        self.count += 1
        lines, troubles = list(self.lines), list(self.troubles)
        self.lines.clear()
        self.troubles.clear()
        messages, refused = self.demo.slack.messages[self._messages :], self.demo.slack.rejections
        refused, self._rejections = refused[self._rejections :], len(refused)
        self._messages += len(messages)
        for line in lines:
            if line["level"] in ("error", "critical") and not _is_nobodys_fault(line):
                raise Violation(f"in the log: {line}") from line.get("exc_info")
        if troubles:
            raise Violation(f"in the loop: {troubles}")
        for message in messages:
            assert_sentence(message.text)
        for one in refused:
            if "block" in one.error or "view" in one.error or "text" in one.error:
                raise Violation(f"Slack takes no such message: {one}")

    def forgotten(self, lines: list[dict[str, Any]]) -> bool:
        """Whether somebody's link is gone."""
        return any(line["event"] in ODD_EVENTS for line in lines)

    def _keep(self, _: object, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        self.lines.append(dict(line))
        raise structlog.DropEvent


class _Kept(logging.Handler):
    """What libraries log of their troubles."""

    def __init__(self, lines: list[dict[str, Any]]) -> None:
        super().__init__(logging.ERROR)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it beside the bot's own lines."""
        exc_info = record.exc_info[1] if record.exc_info else None
        line = {"event": record.getMessage(), "level": "error", "logger": record.name}
        self._lines.append({**line, "exc_info": exc_info})


def _is_nobodys_fault(line: Mapping[str, Any]) -> bool:
    """Whether there was nobody to tell, since neither the person nor the response_url exists; and what an event asked
    for, without anybody waiting, failed in a way that is foreseen."""
    if line["event"] == "event came to nothing":
        return isinstance(line["exc_info"], BotError)
    return line["event"] == "answer not delivered" and "exc_info" not in line


def assert_ack(response: httpx.Response) -> None:
    """Slack shows people what an ack says."""
    if response.status_code >= 500:
        raise Violation(f"status {response.status_code}: {response.text}")
    if response.status_code != 200 or not response.content:
        return
    try:
        said = json.loads(response.content)
    except ValueError:
        said = {"text": response.text}
    if not isinstance(said, dict):
        raise Violation(f"an ack that is no object: {said!r}")
    if said.get("text"):
        assert_sentence(said["text"])
    for text in texts_in(said.get("errors")):
        assert_sentence(text)
