"""All checks of one installation, put together: opens what they need, and closes it."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, aclosing

import aiohttp
import httpx
from slack_sdk.web.async_client import AsyncWebClient

from bot.clocks import clock_for
from bot.config import Config
from bot.doctor.certificates import certificate
from bot.doctor.check import Check, fail
from bot.doctor.runner import LONGEST_CHECK, Step, examine
from bot.doctor.settings import check_settings
from bot.doctor.sign_in import check_sign_in
from bot.doctor.slack import SlackChecks
from bot.doctor.store import StoreChecks
from bot.doctor.vault import VaultChecks
from bot.doctor.web import WebChecks
from bot.idp.calls import Calls
from bot.idp.discovery import Discovery
from bot.manifest import bot_scopes
from bot.model.accounts import LinkMethod
from bot.model.clock import Clock, system_clock
from bot.model.errors import CertificatesUnreadable
from bot.vault.pool import http_client
from bot.vault.probing import Probe

CONNECT_SECONDS, READ_SECONDS = 4.0, 8.0
"""Less than a check may take in all, so that it can say itself what was slow."""


async def visit(config: Config, environ: Mapping[str, str]) -> AsyncGenerator[Check, None]:
    """Yield what each check finds; nothing is changed anywhere, and nothing raised."""
    clock = clock_for(config.demo_clock_file)
    async with AsyncExitStack() as stack:
        try:
            http = await stack.enter_async_context(http_client(connect=CONNECT_SECONDS, read=READ_SECONDS))
            by_tls = [_web(config, http, clock), *_vaults(config, http), _sign_in(config, http, clock)]
        except CertificatesUnreadable as error:
            by_tls = [[_certificates(error)]]
        timeout = aiohttp.ClientTimeout(total=READ_SECONDS, connect=CONNECT_SECONDS)
        slack_http = await stack.enter_async_context(aiohttp.ClientSession(timeout=timeout))
        slack = AsyncWebClient(base_url=config.slack_api_url, session=slack_http, retry_handlers=[])
        store = _store(config, clock, stack)
        found = examine(
            [
                [_settings(config, environ)],
                # One after the other: what was installed by OAuth stands in the database.
                [*store.steps(), *_slack(config, slack, slack_http, store, clock).steps()],
                *by_tls,
            ]
        )
        async with aclosing(found) as checks:
            async for check in checks:
                yield check


def _settings(config: Config, environ: Mapping[str, str]) -> Step:
    async def look() -> Check:
        return check_settings(config, environ)

    return Step(name="settings", look=look)


def _certificates(error: CertificatesUnreadable) -> Step:
    async def look() -> Check:
        return fail("certificates", error.sentence, error.remedy)

    return Step(name="certificates", look=look)


def _store(config: Config, clock: Clock, stack: AsyncExitStack) -> StoreChecks:
    return StoreChecks(
        config.database_url.reveal(),
        config.encryption_keys.reveal(),
        demo_clock=clock if config.demo_clock_file else None,
        oauth=config.slack_bot_token is None,
        stack=stack,
    )


def _slack(
    config: Config, client: AsyncWebClient, http: aiohttp.ClientSession, store: StoreChecks, clock: Clock
) -> SlackChecks:
    return SlackChecks(
        client,
        http,
        bot_token=config.slack_bot_token,
        app_token=config.slack_app_token,
        installations=lambda: store.installations,
        scopes=bot_scopes(),
        clock=clock,
    )


def _web(config: Config, http: httpx.AsyncClient, clock: Clock) -> list[Step]:
    checks = WebChecks(
        http,
        host=config.host,
        port=config.port,
        public_url=config.public_url,
        signing_secret=None if config.socket_mode else config.slack_signing_secret,
        clock=clock,
    )

    async def look() -> Check:
        return await certificate(
            "public_certificate",
            config.public_url,
            system_clock(),
            owner="whoever runs the https server in front",
        )

    is_https = config.public_url.startswith("https://")
    return [*checks.steps(), *([Step(name="public_certificate", look=look)] if is_https else [])]


def _vaults(config: Config, http: httpx.AsyncClient) -> list[list[Step]]:
    version, client_id = config.vault_api_version, config.vault_client_id
    return [
        VaultChecks(
            Probe(http, version=version, client_id=client_id),
            vault,
            version=version,
            client_id=client_id,
            now=system_clock(),
        ).steps()
        for vault in config.vaults
    ]


def _sign_in(config: Config, http: httpx.AsyncClient, clock: Clock) -> list[Step]:
    issuer = config.oidc_issuer
    if LinkMethod.OIDC not in config.link_methods or issuer is None:
        return []
    discovery = Discovery(
        Calls(http, seconds=LONGEST_CHECK / 2 - 1),
        issuer=issuer,
        has_secret=config.oidc_client_secret is not None,
        clock=clock,
    )

    async def look() -> Check:
        return await check_sign_in(discovery, issuer)

    return [Step(name="sign_in", look=look)]
