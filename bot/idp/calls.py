"""One call to the identity provider: bounded in time and size, its faults made ours, one line about it in the log."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from types import MappingProxyType

import aiohttp
import httpx
import structlog
from pydantic_core import from_json

from bot import __version__
from bot.model.errors import ProviderUnavailable

LARGEST_ANSWER = 1024 * 1024
_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
    "User-Agent": f"vault-upload-bot/{__version__}",
}

_log = structlog.get_logger("bot.idp")

Document = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: the HTTP status, and the JSON object, or None where the body holds none."""

    status: int
    document: Document | None


class Calls:
    """Asks the identity provider over the process's HTTP client; `seconds` is what one call may take in all."""

    def __init__(self, http: httpx.AsyncClient, *, seconds: float) -> None:
        self._http = http
        self._seconds = seconds

    async def get(self, what: str, url: str) -> Document:
        """Return the JSON object at an address; ProviderUnavailable when there is none."""
        reply = await self._send(what, "GET", url)
        if reply.status != 200 or reply.document is None:
            raise unusable(what, f"{what}: HTTP {reply.status}, no JSON object to use")
        return reply.document

    async def post(self, what: str, url: str, headers: Mapping[str, str], form: str) -> Reply:
        """Send a form that stands ready encoded; ProviderUnavailable when no answer came."""
        return await self._send(what, "POST", url, headers, form)

    async def _send(
        self,
        what: str,
        method: str,
        url: str,
        headers: Mapping[str, str] = MappingProxyType({}),
        form: str = "",
    ) -> Reply:
        """Send and read. Foreign errors' texts may hold addresses, so only their names go on."""
        started = perf_counter()
        status, fault = None, None
        try:
            request = httpx.Request(method, url, headers={**_HEADERS, **headers}, content=form or None)
            async with asyncio.timeout(self._seconds):
                status, body = await self._exchange(what, request)
            return Reply(status, _json_object(body))
        except TimeoutError:
            fault = "no answer in time"
        except (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError) as error:
            fault = type(error.__cause__ or error).__name__
        finally:
            seconds = round(perf_counter() - started, 3)
            _log.debug("identity provider call", call=what, status=status, fault=fault, seconds=seconds)
        raise unusable(what, f"{what}: {fault}")

    async def _exchange(self, what: str, request: httpx.Request) -> tuple[int, bytes]:
        response = await self._http.send(request, stream=True, follow_redirects=False)
        try:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > LARGEST_ANSWER:
                    raise unusable(what, f"{what}: the answer is too large")
        finally:
            await response.aclose()
        return response.status_code, bytes(body)


def unusable(what: str, reason: str) -> ProviderUnavailable:
    """Return the error for an answer that cannot be used; the reason is for the log, and is written there here."""
    _log.warning("identity provider gave nothing to use", call=what, reason=reason)
    return ProviderUnavailable(reason=reason)


def _json_object(body: bytes) -> Document | None:
    try:
        found = from_json(body, allow_inf_nan=False)
    except ValueError:  # no JSON, cut off, not UTF-8, nested too deep
        return None
    return found if isinstance(found, dict) else None
