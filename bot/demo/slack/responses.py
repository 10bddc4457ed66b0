"""Answers to an interaction: through its response_url, or in the body of the ack.

Slack: docs "Handling user interaction" and "Implementing slash commands".
"""

import json
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from bot.demo.serving import HangUp
from bot.demo.slack.content import Content, ContentError, read_content
from bot.demo.slack.delivery import Delivery
from bot.demo.slack.exchanges import FROM_BOT, ExchangeLog, readable
from bot.demo.slack.faults import RESPONSE_URL, Faults
from bot.demo.slack.messages import Message, MessageBoard
from bot.demo.slack.rejections import Rejections
from bot.demo.slack.response_urls import ResponseUrl, ResponseUrls, Source, SpentError
from bot.demo.slack.web_api import with_fault
from bot.demo.slack.workspace import BOT_USER_ID

IN_CHANNEL = "in_channel"
_SPENT = {
    "expired_url": "[ERROR] this response_url is unknown, or older than 30 minutes",
    "used_url": "[ERROR] this response_url was used five times",
}


class Responses:
    """Turns answers into messages."""

    def __init__(
        self,
        board: MessageBoard,
        urls: ResponseUrls,
        faults: Faults,
        log: ExchangeLog,
        rejections: Rejections,
    ) -> None:
        self._board = board
        self._rejections = rejections
        self._urls = urls
        self._faults = faults
        self._log = log

    async def serve(self, request: Request) -> Response:
        """One POST to a response_url."""
        started = time.monotonic()
        raw = await request.body()
        secret = request.path_params["secret"]
        fault = self._faults.take(RESPONSE_URL)
        response = await with_fault(fault, lambda: self._use(secret, raw), HTTPStatus.NOT_FOUND)
        known = self._urls.look_up(secret)
        self._log.add(
            FROM_BOT,
            f"POST {request.url.path}",
            "dropped" if isinstance(response, HangUp) else response.status_code,
            who=known.user if known else None,
            request=readable(raw),
            response=readable(bytes(response.body)),
            seconds=time.monotonic() - started,
            headers=dict(request.headers),
            delivery=known.delivery if known else None,
        )
        return response

    def answer_in_ack(self, delivery: Delivery, channel: str, user: str, body: Any) -> None:
        """The body of a slash command's ack: plain text, or a message; in_channel also shows what was typed."""
        if body is None or body == "":
            return
        message = body if isinstance(body, Mapping) else {"text": str(body)}
        is_public = message.get("response_type") == IN_CHANNEL
        if is_public:
            typed = f"{delivery.payload['command']} {delivery.payload['text']}".strip()
            self._board.post(channel=channel, text=typed, author=user, via="command")
        if not message.get("text") and not message.get("blocks"):
            return
        content = read_content(message)
        posted = self._board.post(
            channel=channel,
            text=content.text or "",
            blocks=content.blocks or (),
            author=BOT_USER_ID,
            visible_to=None if is_public else user,
            via="ack",
        )
        delivery.answer(posted)

    def _use(self, secret: str, raw: bytes) -> Response:
        try:
            url = self._urls.find(secret)
            self._respond(url, _read_body(raw))
        except SpentError as refusal:
            self._note(secret, ContentError(str(refusal), [_SPENT[str(refusal)]]), raw)
            return JSONResponse({"ok": False, "error": str(refusal)}, HTTPStatus.NOT_FOUND)
        except ContentError as refusal:
            self._note(secret, refusal, raw)
            return JSONResponse(refusal.as_json(), HTTPStatus.BAD_REQUEST)
        url.uses_left -= 1
        return PlainTextResponse("ok")

    def _respond(self, url: ResponseUrl, body: Mapping[str, Any]) -> None:
        """Delete, swap, or post. An ephemeral message stays one when it is swapped."""
        if body.get("delete_original"):
            self._delete(self._source(url))
            return
        content = read_content(body)
        content.require_some()
        if body.get("replace_original") and url.source is not None:
            message = self._swap(self._source(url), content)
        else:
            message = self._board.post(
                channel=url.channel,
                text=content.text or "",
                blocks=content.blocks or (),
                author=BOT_USER_ID,
                visible_to=None if body.get("response_type") == IN_CHANNEL else url.user,
                thread_ts=str(body["thread_ts"]) if body.get("thread_ts") else None,
                via=RESPONSE_URL,
            )
        url.delivery.answer(message)

    def _swap(self, source: Source, content: Content) -> Message:
        """Of a click on a card below somebody's message, the card alone is what is swapped."""
        if source.attachment is None:
            return self._board.edit(source.key, content.text or "", content.blocks or (), via=RESPONSE_URL)
        swapped = {"blocks": content.blocks or [], "fallback": content.text or ""}
        cards = self._message(source).attachments
        return self._board.attach(
            source.key, [one | swapped if one["id"] == source.attachment else one for one in cards]
        )

    def _delete(self, source: Source) -> None:
        if source.attachment is None:
            self._board.delete(source.key)
        else:
            rest = [one for one in self._message(source).attachments if one["id"] != source.attachment]
            self._board.attach(source.key, rest)

    def _note(self, secret: str, refusal: ContentError, raw: bytes) -> None:
        known = self._urls.look_up(secret)
        who, place = (known.user, known.channel) if known else (None, None)
        self._rejections.add(RESPONSE_URL, refusal, readable(raw), who=who, place=place)

    def _source(self, url: ResponseUrl) -> Source:
        if url.source is None:
            raise ContentError("message_not_found")
        self._message(url.source)
        return url.source

    def _message(self, source: Source) -> Message:
        message = self._board.find(source.key)
        if message is None:
            raise ContentError("message_not_found")
        return message


def _read_body(raw: bytes) -> Mapping[str, Any]:
    text = raw.decode("utf-8", "replace")
    if text.startswith("payload="):
        text = parse_qs(text)["payload"][0]
    try:
        body = json.loads(text)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ContentError("invalid_payload")
    return body
