"""The one HTTP client of the process: pooled connections, no cookies, no redirects, quiet logs."""

import logging
import os
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ssl import SSLContext, SSLError
from typing import Any
from urllib.request import getproxies

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from bot.model.errors import CertificatesUnreadable

_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


def http_client(
    *, connect: float = 5.0, read: float = 10.0, connections: int = 100, idle: float = 30.0
) -> httpx.AsyncClient:
    """Return the client that VaultClient calls through. It opens nothing before its first request; `aclose()` it.

    httpx over aiohttp's connections costs half of what httpx's own cost, and does not slow down with the number of
    requests in flight. Seconds: `connect` (also the wait for a free connection) and `read` are for one try, `idle`
    is how long an unused connection is kept. A proxy is taken from HTTPS_PROXY and NO_PROXY, the usual way.
    CertificatesUnreadable as `trust`.
    """
    # httpx writes every address at INFO, and an address may hold an upload id.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    tls = trust()  # building it takes 40 ms, so there is one
    direct = _transport(tls, connections, idle, None)
    return _PlainClient(
        transport=direct,
        mounts=_proxies(tls, connections, idle),
        timeout=httpx.Timeout(connect=connect, read=read, write=read, pool=connect),
        follow_redirects=False,
        cookies=CookieJar(
            DefaultCookiePolicy(allowed_domains=[])
        ),  # one person's cookie would meet another's call
        trust_env=False,
    )


def trust() -> SSLContext:
    """Return what calls trust: certifi's list, or SSL_CERT_FILE and SSL_CERT_DIR; CertificatesUnreadable. Blocks."""
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        reason = "it holds none" if isinstance(error, SSLError) else error.strerror or type(error).__name__
        raise CertificatesUnreadable(file=os.environ.get("SSL_CERT_FILE", ""), reason=reason) from None


class _PlainClient(httpx.AsyncClient):
    """Hands each request to its transport, and what comes back to the caller: there are no redirects to follow, no
    sign-in to repeat, no cookies and no hooks, and httpx's own way through all of them takes as long as the rest.

    So whatever else `send` can be told means nothing here.
    """

    async def send(self, request: httpx.Request, *, stream: bool = False, **_: Any) -> httpx.Response:
        """Return the answer of one call, whatever it is; unread with `stream`."""
        request.extensions = {"timeout": self.timeout.as_dict(), **request.extensions}
        response = await self._transport_for_url(request.url).handle_async_request(request)
        response.request = request
        if not stream:
            await response.aread()
        return response


def _transport(
    tls: SSLContext, connections: int, idle: float, proxy: httpx.Proxy | None
) -> httpx.AsyncBaseTransport:
    return AiohttpTransport(
        verify=tls, proxy=proxy, client=partial(_session, tls=tls, connections=connections, idle=idle)
    )


def _session(*, tls: SSLContext, connections: int, idle: float) -> aiohttp.ClientSession:
    """Made at the first request, since aiohttp wants a running loop."""
    connector = aiohttp.TCPConnector(ssl=tls, limit=connections, keepalive_timeout=idle)
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        middlewares=(_delete_once,),
        trust_env=False,
    )


async def _delete_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from sending a DELETE again by itself: what it does for every method that HTTP calls idempotent
    when a connection is lost (client.py, `IDEMPOTENT_METHODS`). Whoever sent it must learn that its answer was lost.
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise  # no connection came about
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        if request.method != "DELETE":
            raise
        raise aiohttp.ClientConnectionError(type(error).__name__) from error


def _proxies(tls: SSLContext, connections: int, idle: float) -> dict[str, httpx.AsyncBaseTransport | None]:
    """Return a transport for each proxy in the environment, and none for hosts that are to be reached directly.

    httpx reads these variables only for transports it makes itself.
    """
    found = getproxies()
    excepted = [host.strip() for host in found.get("no", "").split(",") if host.strip()]
    if "*" in excepted:
        return {}
    mounts: dict[str, httpx.AsyncBaseTransport | None] = {
        f"{scheme}://": _transport(
            tls, connections, idle, httpx.Proxy(url if "://" in url else f"http://{url}")
        )
        for scheme in ("http", "https")
        if (url := found.get(scheme))
    }
    if mounts:
        mounts |= dict.fromkeys([f"all://{host}" for host in _LOOPBACK])
        mounts |= dict.fromkeys(
            [f"all://*{host}" for host in excepted if "/" not in host and ":" not in host]
        )
    return mounts
