"""A renewal that is cut off: what the identity provider has handed out by then is not lost."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.demo.idp import Exchange, Kind
from bot.demo.vault.identity_provider import PROFILE_ID
from bot.model.accounts import Asker
from bot.store.leases import Leases
from bot.usecases.auditing import Auditing
from bot.usecases.renewing import Renewing
from bot.vault.client import VaultClient
from bot.vault.pool import http_client
from tests.integration.linking_world import LinkingWorld, browser, link_by_oidc, linking_world, slack_user


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[LinkingWorld]:
    async with linking_world(tmp_path) as one:
        yield one


@pytest.fixture
async def renewing(world: LinkingWorld) -> AsyncIterator[Renewing]:
    async with http_client() as http:
        yield Renewing(
            accounts=world.accounts,
            leases=Leases(world.db),
            provider=world.provider,
            profile_id=PROFILE_ID,
            client=VaultClient(
                http, version="v24.3", client_id="tests", login_url=world.vaults.default.url, budget=5.0
            ),
            auditing=Auditing(log=world.audit, clock=world.clock.now, with_paths=False),
            clock=world.clock.now,
        )


async def test_fresh__whose_asker_runs_out_of_time_loses_no_refresh_token(
    world: LinkingWorld, renewing: Renewing
) -> None:
    """The time for an answer is over in the very moment in which the provider has made the old token void: nobody
    reads the answer to that person any more, but the link lives on."""
    async with browser() as client:
        await link_by_oidc(world, client, await world.ticket())
    account = await world.account()
    assert account is not None
    asker = Asker(slack_user("alice"), "CUTOFF22")
    cut_off = asyncio.create_task(renewing.fresh(account, world.vaults.default, asker))

    def cut(exchange: Exchange) -> None:
        if exchange.kind is Kind.TOKEN:
            cut_off.cancel()

    stop = world.idp.on_exchange(cut)
    with pytest.raises(asyncio.CancelledError):
        await cut_off
    stop()
    renewed = await renewing.fresh(account, world.vaults.default, asker)
    assert renewed.credential != account.credential
    assert world.idp.grants.of(world.idp.people["alice"]), "no refresh token was used twice"
