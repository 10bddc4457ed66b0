"""Every line that a bot logs, looked at when its process ends: nothing secret, no name of an upload, and all JSON."""

import functools
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import quote

import pytest

from bot.demo.bot_process import BotProcess
from tests.acceptance.secrets_seen import SecretsSeen

_E_MAIL = re.compile(r"[\w.+-]+@[A-Za-z][\w-]*(?:\.[\w-]+)+")
_SOURCE = re.compile(r'File "[^"]*\.py", line')
"""A traceback names source files, and bot/store/audit.py is no upload in a folder `/audit`."""
LEVELS = {"debug", "info", "warning", "error", "critical"}
EVERYTHING = "DEBUG"
"""The level of bots whose test does not choose one: what INFO shows is among it."""


class LeakInLog(AssertionError):
    """A line of a bot's log that must not be there."""


class LogCheck:
    """Looks through logs for what `seen` knows to be secret."""

    def __init__(self, seen: SecretsSeen) -> None:
        self.seen = seen
        self.lines = 0
        """How many were looked at."""

    def look_through(self, text: str, settings: Mapping[str, str], *, refused_to_start: bool) -> None:
        """Look at each line of the log of a bot with these settings; LeakInLog for the first that is not as it must be.

        A bot that ends by itself says why in plain words, behind its log.
        """
        self.seen.note_settings(settings)
        forbidden = _in_all_forms({**self.seen.names_for(settings), **self.seen.secrets})
        for line in text.splitlines():
            self.lines += 1
            record = _record(line)
            if record is None and not refused_to_start and settings.get("LOG_FORMAT") == "json":
                raise LeakInLog(
                    f"a line of the log is no JSON object with event, level and timestamp: {line}"
                )
            plain = _SOURCE.sub("", line if record is None else "\n".join(_texts(record)))
            for value, what in forbidden.items():
                if value in plain:
                    raise LeakInLog(f"{what}, {value!r}, stands in the log: {line}")
            if found := _E_MAIL.search(plain):
                raise LeakInLog(f"an e-mail address, {found[0]!r}, stands in the log: {line}")

    @contextmanager
    def at_each_end(self) -> Iterator[None]:
        """Look through the whole log of every `BotProcess` that ends while the block runs."""
        with pytest.MonkeyPatch.context() as patch:
            plain_init, plain_stop, plain_kill = BotProcess.__init__, BotProcess.stop, BotProcess.kill

            @functools.wraps(plain_init)
            def init(bot: BotProcess, settings: Mapping[str, str], *rest: Any, **named: Any) -> None:
                plain_init(bot, {"LOG_LEVEL": EVERYTHING, **settings}, *rest, **named)

            def ending(plain: Any) -> Any:
                @functools.wraps(plain)
                async def end(bot: BotProcess) -> int:
                    was_there = bot._process is not None
                    code: int = await plain(bot)
                    if was_there:
                        self.look_through(bot.log_text(), bot._settings, refused_to_start=code in (1, 2))
                    return code

                return end

            patch.setattr(BotProcess, "__init__", init)
            patch.setattr(BotProcess, "stop", ending(plain_stop))
            patch.setattr(BotProcess, "kill", ending(plain_kill))
            yield


def _record(line: str) -> dict[str, Any] | None:
    """The line's object, if it is one of the log."""
    try:
        found = json.loads(line)
        is_one = isinstance(found, dict) and isinstance(found["event"], str) and found["level"] in LEVELS
        return found if is_one and datetime.fromisoformat(found["timestamp"]).tzinfo else None
    except (ValueError, KeyError, TypeError):
        return None


def _texts(node: object) -> Iterator[str]:
    """Every text in a line's object, the names of its fields too."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield str(name)
            yield from _texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from _texts(value)
    else:
        yield str(node)


def _in_all_forms(values: Mapping[str, str]) -> dict[str, str]:
    """Each value as it is, and as an address or a `repr` would show it."""
    found = dict(values)
    for value, what in values.items():
        for form in (quote(value, safe=""), quote(value), repr(value)[1:-1]):
            found.setdefault(form, what)
    return found
