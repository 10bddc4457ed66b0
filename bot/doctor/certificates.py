"""The certificate a server shows, looked at over a connection of its own."""

import asyncio
import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from bot.doctor.check import Check, fail, ok, warn
from bot.vault.pool import trust

SOON = timedelta(days=21)
CLOSE_SECONDS = 1.0


async def certificate(name: str, url: str, now: datetime, *, subject: str = "", owner: str) -> Check:
    """Return how long the certificate behind an https address lasts; `owner` is who renews it, in words.

    Trusts what the bot's own calls trust: certifi's list, or SSL_CERT_FILE and SSL_CERT_DIR.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "https":
        return ok(name, "Plain http, which is for this machine itself alone.", subject=subject)
    if getproxies().get("https") and not proxy_bypass(host):
        return warn(
            name,
            f"Calls to {host} go through a proxy, so its certificate was not looked at.",
            "Nothing needs to be done while the checks beside this one are well.",
            subject=subject,
        )
    try:
        ends = await _end_of(host, parts.port or 443)
    except ssl.SSLCertVerificationError as error:
        return fail(
            name,
            f"The certificate of {host} is not accepted: {error.verify_message}.",
            f"Have {owner} put it right. If it is issued by a company's own authority, name that authority's "
            "certificate in SSL_CERT_FILE.",
            subject=subject,
        )
    except (OSError, ValueError) as error:
        return fail(
            name,
            f"No TLS connection to {host} came about ({type(error).__name__}).",
            "See the connection's own line; a firewall or proxy may stand between.",
            subject=subject,
        )
    left = ends - now
    told = f"The certificate of {host} lasts until {ends:%Y-%m-%d} ({max(left.days, 0)} days)."
    if left < SOON:
        return warn(name, told, f"Have {owner} renew it.", subject=subject)
    return ok(name, told, subject=subject)


async def _end_of(host: str, port: int) -> datetime:
    _, writer = await asyncio.open_connection(host, port, ssl=trust(), server_hostname=host)
    try:
        shown = writer.get_extra_info("peercert")
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(shown["notAfter"]), UTC)
    finally:
        writer.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await writer.wait_closed()
