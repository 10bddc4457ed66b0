"""The whole bot in this process, between the emulators: what is sent to it needs no socket of its own."""

import asyncio
import json
import logging
from collections.abc import Coroutine, Mapping, MutableMapping
from contextlib import AsyncExitStack
from typing import Any, Self, TypeVar
from urllib.parse import urlencode

import pytest
import stamina
import structlog

from bot.app import Running, build
from bot.cli_store import CHECKS
from bot.config import Config
from bot.demo.slack.messages import Message
from bot.demo.slack.rejections import Rejection
from bot.demo.vault import seed
from bot.demo.workspace import DemoWorkspace, demo_workspace, hidden_fields, link_address
from bot.model.errors import BotError
from bot.slack import replies, work
from bot.usecases import auditing
from bot.web import link_pages
from tests.fuzz.door import Answer, Door
from tests.fuzz.sentences import assert_sentence, texts_in
from tests.fuzz.slack_payloads import FORM, Payloads

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
    """Alice, Bob and Vera linked; time stands still. A context; `run` works in the world's own event loop."""

    def __init__(self) -> None:
        self.loop = LoopbackLoop()
        self.demo: DemoWorkspace
        self.running: Running
        self.door: Door
        self.lines: list[dict[str, Any]] = []
        """What was logged since the last look."""
        self.troubles: list[str] = []
        self._stack = AsyncExitStack()
        self._read: dict[str, Message] = {}
        self._refused = 0
        self._handler = _Kept(self.lines)
        self._patch = pytest.MonkeyPatch()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to its end. What it left behind when it broke is not held against what comes next."""
        try:
            return self.loop.run_until_complete(work)
        except BaseException:
            self._since()
            raise

    def __enter__(self) -> Self:
        try:
            self._begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _begin(self) -> None:
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
        self.loop.run_until_complete(self._open())

    def __exit__(self, *_: object) -> None:
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
        self.door = Door(self.running.web, demo.bot.url)
        for person in LINKED:
            await self.link(person)
        self.look()

    async def link(self, person: str) -> None:
        """Link a person by their API access token, unless they are."""
        asked = await self.type(person, f"link {seed.PROMOMATS}")
        page = await self.door.send("GET", link_address(asked))
        fields = hidden_fields(page.text, "token") | {"token": seed.ACCESS_TOKENS[person, seed.PROMOMATS]}
        body = urlencode(fields).encode()
        done = await self.door.send("POST", "/link", [("Content-Type", FORM)], body)
        assert done.status == 200, done.text

    async def type(self, person: str, text: str) -> Message:
        """Let a person type the command; return what they read."""
        slack = self.demo.slack
        slack.request_url = None
        body, kind = Payloads(slack).command(person, text)
        await self.send(body, slack.signed(body, kind))
        return slack.messages[-1]

    async def send(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send to Slack's endpoint, and wait until all that comes of it is done."""
        answer = await self.door.send("POST", "/slack/events", headers.items(), body)
        await self.settle()
        return answer

    async def settle(self) -> None:
        """Wait until nothing is under way."""
        while tasks := set(self.running.work._running):
            _, late = await asyncio.wait(tasks, timeout=LONGEST_WORK)
            if late:
                raise Violation(f"no end of {late}")

    def look(self) -> None:
        """Look at what has happened since the last look; Violation where anything is not as it must be."""
        lines, troubles, messages, refused = self._since()
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

    def _since(self) -> tuple[list[dict[str, Any]], list[str], list[Message], list[Rejection]]:
        """What was logged, went wrong in the loop, was said or changed, and was refused since the last time."""
        slack = self.demo.slack
        lines, troubles = self.lines[:], self.troubles[:]
        self.lines.clear()
        self.troubles.clear()
        said = [one for one in slack.messages if self._read.get(one.key) is not one and not one.deleted]
        self._read.update((one.key, one) for one in said)
        refused = [one for one in slack.rejections if one.number > self._refused]
        self._refused = max((one.number for one in refused), default=self._refused)
        return lines, troubles, said, refused

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


def assert_ack(answer: Answer) -> None:
    """Slack shows people what an ack says."""
    if answer.status >= 500:
        raise Violation(f"status {answer.status}: {answer.text}")
    if answer.status != 200 or not answer.content:
        return
    try:
        said = json.loads(answer.content)
    except ValueError:
        said = {"text": answer.text}
    if not isinstance(said, dict):
        raise Violation(f"an ack that is no object: {said!r}")
    if said.get("text"):
        assert_sentence(said["text"])
    for text in texts_in(said.get("errors")):
        assert_sentence(text)
