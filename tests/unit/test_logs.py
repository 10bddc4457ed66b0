"""The log: what is secret is masked in whatever way it comes, and libraries do not pour out whole requests."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.logs import mask
from bot.store.seal import new_key

SESSION = "A1B2C3D4E5F60718" * 6
SECRETS = {
    "slack bot token": "xoxb-1234-5678-hunter2",
    "slack app token": "xapp-1-A01-5678-hunter2",
    "slack rotated token": "xoxe.xoxb-1-hunter2",
    "slack refresh token": "xoxe-1-hunter2",
    "vault token": "veeva-vault-demo-alice-hunter2",
    "vault session": SESSION,
    "encryption key": new_key(),
    "sealed value": "s1.1a2b3c4d.hunter2_-sealed",
}
IN_CONTEXT = {
    "ticket": ("GET /link?ticket=hunter2&x=1", "GET /link?ticket=…&x=1"),
    "form": ("username=alice&password=hunter2", "username=alice&password=…"),
    "upper case": ("PASSWORD=hunter2", "PASSWORD=…"),
    "oauth": ("/slack/oauth_redirect?code=hunter2&state=hunter2", "/slack/oauth_redirect?code=…&state=…"),
    "bearer": ("Authorization: Bearer hunter2", "Authorization: Bearer …"),
    "basic": ("authorization: basic hunter2==", "authorization: basic …"),
    "response_url": (
        "POST https://hooks.slack.com/commands/T1/2/hunter2",
        "POST https://hooks.slack.com/…",
    ),
    "upload id in an address": (
        "GET /api/v24.3/services/file_staging/upload/hunter2--/parts",
        "GET /api/v24.3/services/file_staging/upload/…/parts",
    ),
    "database": ("postgresql://bot:hunter2@db/bot", "postgresql://bot:…@db/bot"),
    "database with odd signs": ("postgresql://bot:hun/ter2:hunter2@db/bot", "postgresql://bot:…@db/bot"),
    "redis": ("redis://:hunter2@cache", "redis://:…@cache"),
}


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize(
    "around", ["{}", "token {} refused", "{{'t': '{}'}}", '{{"t":"{}"}}', "a\n{}\nb", "({})"]
)
def test_mask__each_kind_of_secret(secret: str, around: str) -> None:
    masked = mask(around.format(secret))
    assert secret not in masked
    assert "hunter2" not in masked
    assert "…" in masked


@pytest.mark.parametrize(("text", "masked"), IN_CONTEXT.values(), ids=IN_CONTEXT)
def test_mask__in_context(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "answered",
        "https://one.veevavault.com/api/v24.3/objects/users/me",
        "https://host:8443/path",
        "vault=promomats outcome=ok seconds=0.12",
        "reference K7QX2M9B",
        "schema 0001_accounts",
        "7b0e42c9d15f4a3e8f60b2a7c9d4e113",
        "key 1a2b3c4d",
        "",
    ],
)
def test_mask__leaves_what_is_useful(text: str) -> None:
    assert mask(text) == text


@given(st.text())
def test_mask__twice_is_once(text: str) -> None:
    assert mask(mask(text)) == mask(text)


PROGRAM = """
import logging, sys, structlog
from bot.logs import set_up_logging
from bot.model.secret import Secret

set_up_logging({level!r}, {form!r})
log = structlog.get_logger()
SECRET = {secret!r}
{body}
"""


def stderr_of(
    body: str, folder: Path, *, level: str = "INFO", form: str | None = "json", secret: str = ""
) -> str:
    """What a fresh process with our logging writes."""
    code = PROGRAM.format(body=body, level=level, form=form, secret=secret)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == ""
    return done.stderr


def lines_of(body: str, folder: Path, **rest: Any) -> list[dict[str, Any]]:
    """The same as JSON lines."""
    return [json.loads(line) for line in stderr_of(body, folder, **rest).splitlines()]


EVERY_WAY = """
log.info("said " + SECRET)
log.info("key", value=SECRET)
log.info("nested", value={"a": [SECRET, (SECRET,)], SECRET: 1})
log.info("object", value=ValueError(SECRET))
log.info("bytes", value=SECRET.encode())
log.info(ValueError(SECRET))
structlog.contextvars.bind_contextvars(bound=SECRET)
log.info("bound")
structlog.contextvars.clear_contextvars()
try:
    try:
        raise ValueError("inner " + SECRET)
    except ValueError:
        raise RuntimeError(SECRET)
except RuntimeError as error:
    log.error("failed", exc_info=error)
    log.exception("failed again")
    logging.getLogger("library").exception("foreign %s", SECRET)
logging.getLogger("library").warning("foreign %s %r", SECRET, {"t": SECRET})
logging.getLogger("library").warning(ValueError(SECRET))
logging.getLogger("sqlalchemy.engine").error("statement", extra={"params": SECRET})
import warnings
logging.captureWarnings(True)
warnings.warn(SECRET)
"""


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize("name", SECRETS)
def test_set_up_logging__no_way_past_the_mask(name: str, form: str, tmp_path: Path) -> None:
    found = stderr_of(EVERY_WAY, tmp_path, form=form, secret=SECRETS[name])
    assert SECRETS[name] not in found
    assert "hunter2" not in found
    assert found.count("…") + found.count("\\u2026") >= 14
    assert "RuntimeError" in found


def test_set_up_logging__json_is_one_object_a_line(tmp_path: Path) -> None:
    own, foreign, failed = lines_of(
        """
log.info("own", number=3, truth=True, nothing=None, ratio=0.5, many=["a", {"b": 1}], line="a\\nb", who=Secret("x"))
logging.getLogger("library").warning("foreign %s", 1)
try:
    1 / 0
except ZeroDivisionError:
    log.exception("failed")
""",
        tmp_path,
    )
    assert own.pop("timestamp").endswith("Z")
    assert own == {
        "event": "own",
        "level": "info",
        "number": 3,
        "truth": True,
        "nothing": None,
        "ratio": 0.5,
        "many": ["a", {"b": 1}],
        "line": "a\nb",
        "who": "Secret('**********')",
    }
    assert (foreign["event"], foreign["level"], foreign["logger"]) == ("foreign 1", "warning", "library")
    assert "ZeroDivisionError" in failed["exception"]


def test_set_up_logging__without_a_form_and_a_terminal_it_is_json(tmp_path: Path) -> None:
    (line,) = lines_of('log.info("x")', tmp_path, form=None)
    assert line["event"] == "x"


@pytest.mark.parametrize(
    ("level", "seen"),
    [
        ("DEBUG", ["debug", "info", "warning", "error"]),
        ("INFO", ["info", "warning", "error"]),
        ("WARNING", ["warning", "error"]),
        ("ERROR", ["error"]),
    ],
)
def test_set_up_logging__level(level: str, seen: list[str], tmp_path: Path) -> None:
    own = 'for name in ("debug", "info", "warning", "error"): getattr(log, name)(name)'
    assert [line["event"] for line in lines_of(own, tmp_path, level=level)] == seen
    foreign = own.replace("log,", 'logging.getLogger("library"),')
    assert [line["event"] for line in lines_of(foreign, tmp_path, level=level)] == [
        one for one in seen if one != "debug"
    ]


LIBRARIES = [
    "slack_bolt.AsyncApp",
    "slack_bolt",
    "slack_sdk.web.async_client",
    "slack_sdk.socket_mode.aiohttp",
    "slack_sdk.webhook.async_client",
    "httpx",
    "httpcore.http11",
    "aiohttp.client",
    "aiosqlite",
    "sqlalchemy.engine.Engine",
    "uvicorn.access",
    "websockets.client",
    "asyncio",
]


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
def test_set_up_logging__libraries_pour_out_no_bodies(level: str, tmp_path: Path) -> None:
    body = f"""
for name in {LIBRARIES!r}:
    logger = logging.getLogger(name)
    logger.debug("body of a request")
    logger.info("body of a request")
    logger.warning("trouble of %s", name)
"""
    assert [line["event"] for line in lines_of(body, tmp_path, level=level)] == [
        f"trouble of {name}" for name in LIBRARIES
    ]


def test_set_up_logging__real_clients_at_debug_say_nothing_of_their_requests(tmp_path: Path) -> None:
    body = """
import asyncio, httpx
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

async def main():
    client = AsyncWebClient(token="xoxb-hunter2", base_url="http://127.0.0.1:9/api/", timeout=1)
    try:
        await client.chat_postMessage(channel="C1", text="text of hunter2")
    except Exception:
        pass
    app = AsyncApp(client=client, signing_secret="hunter2")
    rejected = await app.async_dispatch(AsyncBoltRequest(body="text=hunter2", mode="http", headers={}))
    assert rejected.status == 401
    async with httpx.AsyncClient() as http:
        try:
            await http.get("http://127.0.0.1:9/hunter2", headers={"Authorization": "Bearer hunter2"})
        except httpx.HTTPError:
            pass

asyncio.run(main())
"""
    assert "hunter2" not in stderr_of(body, tmp_path, level="DEBUG")
