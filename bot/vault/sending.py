"""One request over the pooled HTTP client: the whole answer, or one of our errors."""

import aiohttp
import httpx

from bot.model.errors import (
    VaultAnswerStrange,
    VaultNotReached,
    VaultSlow,
    VaultTemporary,
    VaultUnavailable,
)
from bot.vault import answers
from bot.vault.messages import Meta, Request

LARGEST_ANSWER = 8 * 1024 * 1024
"""Bytes."""


async def send(http: httpx.AsyncClient, request: Request) -> tuple[int, Meta, bytes]:
    """Send the request once and return HTTP status, headers and the whole body.

    Foreign errors become ours here: VaultTemporary, or VaultAnswerStrange for an answer that cannot be read. Their
    texts may hold addresses, so only their names go on.
    """
    name = request.vault.name
    try:
        outgoing = httpx.Request(
            request.endpoint.method, request.url, headers=request.headers, content=request.form or None
        )
        response = await http.send(outgoing, stream=True, follow_redirects=False)
        try:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > LARGEST_ANSWER:
                    raise VaultAnswerStrange(vault=name, reason="the answer is too large")
        finally:
            await response.aclose()
    except httpx.DecodingError as error:
        raise VaultAnswerStrange(vault=name, reason=type(error).__name__) from None
    except (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError) as error:
        raise _kind_of(error)(vault=name, reason=type(error.__cause__ or error).__name__) from None
    # Not by `response.headers`, which looks anew for the encoding of all of them each time it is asked.
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in response.headers.raw}
    return response.status_code, answers.read_meta(headers), bytes(body)


def _kind_of(error: Exception) -> type[VaultTemporary]:
    if _is_timeout(error):
        return VaultSlow
    return VaultNotReached if isinstance(error.__cause__, aiohttp.ClientConnectorError) else VaultUnavailable


def _is_timeout(error: Exception) -> bool:
    """Whether time ran out. httpx-aiohttp calls every lost connection a ConnectTimeout; its cause tells them apart."""
    cause = error.__cause__
    if isinstance(cause, aiohttp.ClientError):
        return isinstance(cause, TimeoutError)
    return isinstance(error, httpx.TimeoutException | TimeoutError)
