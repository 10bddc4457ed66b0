"""The Web API's front: reads a call, checks its token and scope, meets its faults, answers as Slack does.

Slack: docs "Using the Slack Web API": errors come as `ok: false` with HTTP 200, except 429.
"""

import asyncio
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from bot.demo.serving import HangUp
from bot.demo.slack.bot_tokens import BotTokens
from bot.demo.slack.content import ContentError
from bot.demo.slack.exchanges import FROM_BOT, ExchangeLog
from bot.demo.slack.faults import ApiError, Dropped, Fault, Faults, RateLimited, ServerError, Slow
from bot.demo.slack.rejections import Rejections

BOT, APP, NONE = "bot", "app", "none"  # the token a method wants
Arguments = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Method:
    """One Web API method: what it takes to call it, and what it does."""

    run: Callable[[Arguments], dict[str, Any]]
    scope: str | None = None
    token: str = BOT


class ApiFailureError(Exception):
    """`ok: false`, with what else the body says."""

    def __init__(self, error: str, **more: Any) -> None:
        super().__init__(error)
        self.body = {"ok": False, "error": error, **more}


class TooManyError(Exception):
    """429: called again too soon."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


class WebApi:
    """All methods behind /api/."""

    def __init__(
        self,
        app_token: str,
        tokens: BotTokens,
        scopes: set[str],
        faults: Faults,
        log: ExchangeLog,
        methods: dict[str, Method],
        rejections: Rejections,
        whom: Callable[[Arguments], str | None],
        now: Callable[[], datetime],
    ) -> None:
        self.methods = methods
        self.scopes = scopes
        self._app_token = app_token
        self._tokens = tokens
        self._faults = faults
        self._log = log
        self._rejections = rejections
        self._whom = whom
        self._now = now
        self.ahead = timedelta(0)
        """By how much the date that its answers carry is ahead of the demo's clock."""

    async def serve(self, request: Request) -> Response:
        """Answer one call."""
        started = time.monotonic()
        name = request.path_params["method"]
        arguments = await read_arguments(request)
        token = token_of(request, arguments)
        whom = self._whom(arguments)
        response = await with_fault(self._faults.take(name), lambda: self._call(name, arguments, token))
        response.headers["X-OAuth-Scopes"] = ",".join(sorted(self.scopes))
        response.headers["Date"] = format_datetime(self._now() + self.ahead, usegmt=True)
        response.headers["X-Slack-Req-Id"] = secrets.token_hex(8)
        self._log.add(
            FROM_BOT,
            f"{request.method} /api/{name}",
            "dropped" if isinstance(response, HangUp) else response.status_code,
            who=whom,
            request=dict(arguments),
            response=_logged(response),
            seconds=time.monotonic() - started,
            headers=dict(request.headers),
        )
        return response

    def _call(self, name: str, arguments: Arguments, token: str | None) -> Response:
        try:
            method = self.methods.get(name)
            if method is None:
                raise ApiFailureError("unknown_method", req_method=name)
            self._check_token(method, token)
            return JSONResponse({"ok": True, **method.run(arguments)})
        except ApiFailureError as failure:
            return JSONResponse(failure.body)
        except ContentError as refusal:
            place = arguments.get("channel")
            self._rejections.add(
                name,
                refusal,
                dict(arguments),
                who=self._whom(arguments),
                place=str(place) if place else None,
            )
            return JSONResponse(refusal.as_json())
        except TooManyError as limit:
            return rate_limited(limit.retry_after)

    def _check_token(self, method: Method, token: str | None) -> None:
        if method.token == NONE:
            return
        if not token:
            raise ApiFailureError("not_authed")
        kind = APP if token == self._app_token else BOT
        refusal = self._tokens.refusal(token) if kind == BOT else None
        if refusal is not None:
            raise ApiFailureError(refusal)
        if kind != method.token:
            raise ApiFailureError("not_allowed_token_type")
        if method.scope is not None and method.scope not in self.scopes:
            granted = ",".join(sorted(self.scopes))
            raise ApiFailureError("missing_scope", needed=method.scope, provided=granted)


async def with_fault(fault: Fault | None, call: Callable[[], Response], error_status: int = 200) -> Response:
    """Make the call, with this fault in its way."""
    match fault:
        case RateLimited(retry_after):
            return rate_limited(retry_after)
        case ServerError(status, done):
            if done:
                call()
            return PlainTextResponse(HTTPStatus(status).phrase, status)
        case Slow(seconds):
            await asyncio.sleep(seconds)
            return call()
        case Dropped(done):
            if done:
                call()
            return HangUp()
        case ApiError(error):
            return JSONResponse({"ok": False, "error": error}, error_status)
        case None:
            return call()


async def read_arguments(request: Request) -> dict[str, Any]:
    """Arguments from query, form or JSON body, as Slack reads them."""
    arguments: dict[str, Any] = dict(request.query_params)
    body = await request.body()
    if request.headers.get("content-type", "").startswith("application/json"):
        try:
            sent = json.loads(body) if body else {}
        except ValueError:
            sent = {}
        if isinstance(sent, dict):
            arguments |= sent
    else:
        arguments |= parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    return arguments


def rate_limited(retry_after: int) -> Response:
    """Slack: docs "Rate limits"."""
    body = {"ok": False, "error": "ratelimited"}
    return JSONResponse(body, HTTPStatus.TOO_MANY_REQUESTS, {"Retry-After": str(retry_after)})


def token_of(request: Request, arguments: Arguments) -> str | None:
    """The token a call came with, in its header or among its arguments."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip()
    sent = arguments.get("token")
    return sent if isinstance(sent, str) else None


def _logged(response: Response) -> Any:
    if isinstance(response, JSONResponse):
        return json.loads(bytes(response.body))
    return bytes(response.body).decode()
