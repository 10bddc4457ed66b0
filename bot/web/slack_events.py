"""Slack's endpoint in HTTP mode, in place of Bolt's adapter.

Bolt 1.30 looks for a field `payload` wherever that word stands in a form body, so a command about
`/x/payload.zip` arrives empty; it fails with 500 on a timestamp that is no number; and it logs bodies it rejects.
Here the signature is checked over the raw body (slack_sdk), the form is read by its content type, and Bolt gets
the payload as the parsed value it also gets in Socket Mode.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import parse_qsl

import structlog
from slack_bolt import BoltResponse
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.signature import Clock as SignatureClock
from slack_sdk.signature import SignatureVerifier
from starlette.requests import Request
from starlette.responses import Response

from bot.model.clock import Clock
from bot.model.meters import HTTP, NO_METERS, Meters
from bot.model.secret import Secret
from bot.slack.room import Room, Summary
from bot.slack.shapes import checked
from bot.web.bodies import BodyTooLarge, BodyTooSlow, Budget, TooManyBodies, read_body
from bot.web.replays import Replays

log = structlog.get_logger()

LARGEST_BODY = 1024 * 1024
LARGEST_UNSIGNED_BODY = 16 * 1024
"""Bytes of what does not even claim to be signed: Slack's look at our certificate is no longer."""
MOST_OF_ALL_BODIES = 64 * 1024 * 1024
"""Bytes. Nothing is known of a sender before its body is whole; Slack's own are there in no time."""
OLDEST_SIGNATURE = 300.0
"""Seconds (Slack docs, "Verifying requests from Slack"); the verifier has the same."""
OK = 200

Dispatch = Callable[[AsyncBoltRequest], Awaitable[BoltResponse]]


class _BotClock(SignatureClock):
    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> float:
        return self._clock().timestamp()


class SlackEvents:
    """Verifies, parses, hands on, answers."""

    def __init__(
        self, *, dispatch: Dispatch, signing_secret: Secret, clock: Clock, meters: Meters = NO_METERS
    ) -> None:
        self._dispatch = dispatch
        self._meters = meters
        self._clock = clock
        self._verifier = SignatureVerifier(signing_secret.reveal(), clock=_BotClock(clock))
        self._replays = Replays()
        self._budget = Budget(MOST_OF_ALL_BODIES)
        self._bodies = Room("bodies", MOST_OF_ALL_BODIES, meters)
        self._unsigned = Summary(_tell_unsigned)

    async def endpoint(self, request: Request) -> Response:
        """POST /slack/events. 401 for what Slack did not sign, 400 for what cannot be read."""
        timing = self._meters.payload(HTTP)
        signature = request.headers.get("x-slack-signature", "")
        timestamp = request.headers.get("x-slack-request-timestamp", "")
        if signature and not self._is_timely(timestamp):
            return self._not_signed()
        limit = LARGEST_BODY if signature else LARGEST_UNSIGNED_BODY
        try:
            body = await read_body(request, limit=limit, budget=self._budget)
        except BodyTooLarge:
            return Response(status_code=413) if signature else self._not_signed()
        except BodyTooSlow:
            return Response(status_code=408)
        except TooManyBodies:
            self._bodies.turn_away()
            return Response(status_code=503)
        if body.startswith(b"ssl_check=1"):
            # Slack's look at our certificate (docs, "Implementing slash commands"). Nothing comes of it, signed or not.
            return Response(status_code=200)
        if not self._is_signed(body, timestamp, signature):
            return self._not_signed()
        if not self._replays.is_new(signature, self._clock().timestamp()):
            log.warning("request refused: seen before")
            return Response(status_code=200)
        try:
            payload = checked(parse(body, request.headers.get("content-type", "")))
        except ValueError:
            log.warning("request refused: body cannot be read")
            return Response(status_code=400)
        retries: dict[str, str | Sequence[str]] = {
            name: value for name, value in request.headers.items() if name.startswith("x-slack-retry-")
        }
        answer = await self._dispatch(AsyncBoltRequest(mode="socket_mode", body=payload, headers=retries))
        timing.end()
        if answer.status != OK:
            # Slack sends it again, perhaps within the same second: then the signature is the same.
            self._replays.forget(signature)
        return Response(
            answer.body or b"",
            status_code=answer.status,
            media_type=answer.first_headers().get("content-type", "text/plain"),
        )

    def _not_signed(self) -> Response:
        self._unsigned.add()
        return Response(status_code=401)

    def _is_timely(self, timestamp: str) -> bool:
        """Whether what was signed then is worth reading."""
        if not timestamp.isascii() or not timestamp.isdecimal() or len(timestamp) > 15:
            return False
        return abs(self._clock().timestamp() - int(timestamp)) <= OLDEST_SIGNATURE

    def _is_signed(self, body: bytes, timestamp: str, signature: str) -> bool:
        """Slack docs, "Verifying requests from Slack". The verifier wants text all along, and a number as timestamp."""
        if not signature or not signature.isascii():
            return False
        try:
            return self._verifier.is_valid(body, timestamp, signature)
        except UnicodeDecodeError:
            return False


def parse(body: bytes, content_type: str) -> dict[str, Any]:
    """Return the payload of a command (form), an interaction (form with JSON) or an event (JSON); ValueError."""
    text = body.decode("utf-8")
    try:
        if content_type.partition(";")[0].strip().lower() == "application/json":
            payload = json.loads(text)
        else:
            form = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=200))
            payload = json.loads(form["payload"]) if "payload" in form and "command" not in form else form
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(payload, dict):
        raise ValueError("not an object")
    return payload


def _tell_unsigned(count: int) -> None:
    log.warning("request refused: not signed by Slack, or too old", count=count)
