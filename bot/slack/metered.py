"""Every call to Slack, seen where it leaves: Web API calls in the one aiohttp session that all of them go through,
answers to a response_url here."""

import re
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import aiohttp

from bot.model.meters import OK, Meters

RESPONSE_URL, OTHER = "response_url", "other"
TOO_MANY, SERVER_ERROR, BAD_REQUEST = 429, 500, 400
_METHOD = re.compile(r"[a-z][A-Za-z]*(\.[a-z0-9][A-Za-z0-9]*)+")
_NO = re.compile(rb'\s*\{\s*"ok"\s*:\s*false')


def call_meters(meters: Meters, api_url: str) -> aiohttp.TraceConfig:
    """Return what tells `meters` of each call in a session: of a Web API call below `api_url` by its method. A
    repetition is a call of its own.

    A call ends with the head of its answer. Whether Slack then says no stands in the body: `slack_refused`.
    """
    places: dict[str, str] = {}

    def method_of(url: str) -> str:
        if not url.startswith(api_url):
            return OTHER
        known = places.get(url)
        if known is None:
            last = url[len(api_url) :].partition("?")[0]
            known = last if _METHOD.fullmatch(last) else OTHER
            if len(places) < 100 and "?" not in url:
                places[url] = known
        return known

    async def begins(_: aiohttp.ClientSession, call: SimpleNamespace, start: Any) -> None:
        call.method = method_of(str(start.url))
        call.timing = meters.slack_call(call.method)

    async def answered(_: aiohttp.ClientSession, call: SimpleNamespace, end: Any) -> None:
        status = end.response.status
        if status == TOO_MANY:
            meters.slack_rate_limited()
        call.timing.end(_outcome(status))

    async def failed(_: aiohttp.ClientSession, call: SimpleNamespace, end: Any) -> None:
        call.timing.end(_fault(end.exception))

    async def reads(_: aiohttp.ClientSession, call: SimpleNamespace, part: Any) -> None:
        if _NO.match(part.chunk):
            meters.slack_refused(call.method)

    config = aiohttp.TraceConfig()
    config.on_request_start.append(begins)
    config.on_request_end.append(answered)
    config.on_request_exception.append(failed)
    config.on_response_chunk_received.append(reads)
    return config


async def post_answer(
    http: aiohttp.ClientSession, url: str, body: Mapping[str, Any], meters: Meters
) -> tuple[int, str]:
    """Post to a response_url; return the HTTP status, and what its Retry-After says. aiohttp.ClientError, TimeoutError.

    Slack: docs, "Handling user interaction": the answer's body says nothing.
    """
    timing = meters.slack_call(RESPONSE_URL)
    try:
        async with http.post(url, json=body, allow_redirects=False) as response:
            status, wait = response.status, response.headers.get("Retry-After", "")
    except BaseException as error:
        timing.end(_fault(error))
        raise
    if status == TOO_MANY:
        meters.slack_rate_limited()
    timing.end(_outcome(status))
    return status, wait


def _outcome(status: int) -> str:
    if status < BAD_REQUEST:
        return OK
    if status == TOO_MANY:
        return "rate_limited"
    return "server_error" if status >= SERVER_ERROR else "refused"


def _fault(error: BaseException) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        return "not_reached"
    if isinstance(error, TimeoutError):
        return "timeout"
    return "lost" if isinstance(error, aiohttp.ClientError) else "cancelled"
