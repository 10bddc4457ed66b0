"""The way to the bot: a signed HTTP POST to its request URL, or a Socket Mode envelope."""

import json
import time
from typing import Any
from urllib.parse import urlencode

from bot.demo.clock import DemoClock
from bot.demo.slack.delivery import (
    DISPATCH_FAILED,
    EVENTS_API,
    INTERACTIVE,
    SLASH_COMMANDS,
    Ack,
    UndeliveredError,
)
from bot.demo.slack.exchanges import TO_BOT, ExchangeLog, readable
from bot.demo.slack.http_posts import post_within
from bot.demo.slack.signing import signed_headers
from bot.demo.slack.sockets import SocketHub

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


class Dispatcher:
    """Sends each delivery the way that is set at that moment, and writes it down."""

    def __init__(
        self, *, clock: DemoClock, signing_secret: str, log: ExchangeLog, hub: SocketHub, ack_limit: float
    ) -> None:
        self.request_url: str | None = None
        self._clock = clock
        self._signing_secret = signing_secret
        self._log = log
        self._hub = hub
        self._ack_limit = ack_limit

    async def send(
        self, kind: str, payload: dict[str, Any], user: str | None, retry: tuple[int, str] | None = None
    ) -> Ack:
        """Deliver once. Raises UndeliveredError if the bot does not take it in time."""
        started = time.monotonic()
        # Read before the wait: the setting may change while the bot thinks.
        url = self.request_url
        what = f"socket {kind}" if url is None else f"POST {url} {kind}"
        status: int | str = 200
        answer: Any = None
        headers: dict[str, str] = {}
        try:
            if url is None:
                ack = await self._hub.deliver(kind, payload, limit=self._ack_limit, retry=retry)
            else:
                body, headers = self._encode(kind, payload, retry)
                ack = await self._post(kind, url, headers, body)
            status, answer = ack.status, ack.body
        except UndeliveredError as error:
            status = error.ack.status if error.ack else error.reason
            answer = error.ack.body if error.ack else None
            raise
        else:
            return ack
        finally:
            self._log.add(
                TO_BOT,
                what,
                status,
                who=user,
                request=payload,
                response=answer,
                seconds=time.monotonic() - started,
                headers=headers,
            )

    def signed(self, body: bytes, content_type: str, timestamp: int | None = None) -> dict[str, str]:
        """Headers that make this body a request of Slack's, at the emulator's time unless told otherwise."""
        moment = int(self._clock.timestamp()) if timestamp is None else timestamp
        return signed_headers(self._signing_secret, body, content_type, moment)

    def _encode(
        self, kind: str, payload: dict[str, Any], retry: tuple[int, str] | None
    ) -> tuple[bytes, dict[str, str]]:
        """Slack: commands are a plain form, interactions a form with one JSON field, events are JSON."""
        if kind == SLASH_COMMANDS:
            body, content_type = urlencode(payload).encode(), FORM
        elif kind == INTERACTIVE:
            body, content_type = urlencode({"payload": json.dumps(payload)}).encode(), FORM
        else:
            body, content_type = json.dumps(payload).encode(), JSON
        headers = self.signed(body, content_type)
        if retry is not None:
            headers |= {"X-Slack-Retry-Num": str(retry[0]), "X-Slack-Retry-Reason": retry[1]}
        return body, headers

    async def _post(self, kind: str, url: str, headers: dict[str, str], body: bytes) -> Ack:
        started = time.monotonic()
        answer = await post_within(self._ack_limit, url, headers, body)
        is_json = answer.headers.get("content-type", "").startswith(JSON)
        content = readable(answer.body) if is_json else answer.body.decode("utf-8", "replace")
        ack = Ack(answer.status, content if answer.body else None, time.monotonic() - started, answer.headers)
        # Slack: events may be acked with any 2xx, everything else with 200 alone.
        if ack.status not in (range(200, 300) if kind == EVENTS_API else (200,)):
            raise UndeliveredError(DISPATCH_FAILED, "http_error", ack)
        return ack
