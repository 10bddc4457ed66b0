"""The log: one line for each thing that happened, on stderr, with everything secret masked on the way out."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from typing import Any, TextIO

import structlog

_MASKS = (
    (re.compile(r"xox[a-z]-[A-Za-z0-9-]+|xapp-[A-Za-z0-9-]+|xoxe\.[A-Za-z0-9.-]+"), "xox…"),
    (re.compile(r"veeva-vault-[A-Za-z0-9._~+/=-]+"), "veeva-vault-…"),
    (re.compile(r"vuk1\.[A-Za-z0-9_-]+"), "vuk1.…"),
    (re.compile(r"s1\.[0-9a-f]{8}\.[A-Za-z0-9_-]+"), "s1.…"),
    (re.compile(r"((?:ticket|token|password|secret|code|state)=)[^&\s'\"<>]+", re.IGNORECASE), r"\1…"),
    (re.compile(r"\b[0-9A-F]{64,}\b"), "…"),  # a Vault session id
    (re.compile(r"((?:Bearer|Basic)\s+)\S+", re.IGNORECASE), r"\1…"),
    (re.compile(r"(hooks\.slack\.com/)\S+"), r"\1…"),
    (re.compile(r"(/services/file_staging/upload/)[^\s/?'\"]+"), r"\1…"),
    (re.compile(r"(\w+://[^\s:/@]*:)[^\s@]+(@)"), r"\1…\2"),
)

# Most texts hold nothing of all this, and to see that takes one look.
_SUSPECT = re.compile("|".join(f"(?:{pattern.pattern})" for pattern, _ in _MASKS), re.IGNORECASE)

# These write whole requests, tokens included, at DEBUG, and rejected bodies at INFO.
_TALKATIVE = (
    "slack_bolt", "slack_sdk", "aiohttp", "aiosqlite", "httpx", "httpcore", "uvicorn", "websockets",
    "sqlalchemy", "alembic", "stamina", "asyncio", "urllib3", "multipart",
)  # fmt: skip


def _is_terse(record: logging.LogRecord) -> bool:
    """Keep chatter out by the logger's name too: Bolt gives each of its loggers the root's level (1.30)."""
    return record.levelno >= logging.WARNING or record.name.partition(".")[0] not in _TALKATIVE


def mask(text: str) -> str:
    """Return the text without anything that looks like a credential, a ticket or an upload id in an address."""
    if _SUSPECT.search(text):
        for pattern, instead in _MASKS:
            text = pattern.sub(instead, text)
    return text


def _mask_event(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        event[key] = _masked(value)
    return event


def _masked(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {mask(str(name)): _masked(content) for name, content in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(content) for content in value]
    return mask(str(value))


class _Lasting:
    """A stream that never fails: where its disk is full, or its reader has gone, work goes on without a log."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


def set_up_logging(level: str, form: str | None) -> None:
    """Send everything, also what libraries log, through one chain: `text` for people, `json` for machines.

    Without a form, text on a terminal and JSON elsewhere.
    """
    stream: Any = _Lasting(sys.stderr)
    as_text = form == "text" or (form is None and sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _mask_event,
    ]
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if as_text
        else structlog.processors.JSONRenderer()
    )
    threshold = logging.getLevelNamesMapping()[level]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared[:-2], structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _mask_event,
                renderer,
            ],
        )
    )
    handler.addFilter(_is_terse)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(threshold, logging.INFO))
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(threshold, logging.WARNING))
    # Anyone on the network can make uvicorn warn, of odd requests and of upgrades nobody offers.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
