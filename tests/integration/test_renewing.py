"""A renewal that goes wrong half-way: what the identity provider has handed out by then is not lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import stamina

from bot.demo.idp import Exchange, Fault, Kind
from bot.demo.vault import faults
from bot.demo.vault.calls import Kind as VaultCall
from bot.demo.vault.identity_provider import PROFILE_ID
from bot.model.accounts import Asker, LinkedAccount
from bot.model.errors import ProviderUnavailable, RenewalRefused, StoreUnavailable, VaultUnavailable
from bot.model.secret import Secret
from bot.store.accounts import Accounts
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
    async with renewing_in(world) as one:
        yield one


@asynccontextmanager
async def renewing_in(
    world: LinkingWorld, *, accounts: Accounts | None = None, profile_id: str = PROFILE_ID
) -> AsyncIterator[Renewing]:
    async with http_client() as http:
        yield Renewing(
            accounts=accounts or world.accounts,
            leases=Leases(world.db),
            provider=world.provider,
            profile_id=profile_id,
            client=VaultClient(
                http, version="v24.3", client_id="tests", login_url=world.vaults.default.url, budget=5.0
            ),
            auditing=Auditing(log=world.audit, clock=world.clock.now, with_paths=False),
            clock=world.clock.now,
        )


class FailingAccounts(Accounts):
    """The real ones, whose database fails some times when a refresh token is to be kept."""

    def __init__(self, world: LinkingWorld, *, times: int, after: bool) -> None:
        super().__init__(world.db, world.keyring)
        self.times = times
        self.after = after

    async def keep_refresh_token(self, account: LinkedAccount, refresh_token: Secret) -> LinkedAccount | None:
        self.times -= 1
        if self.times < 0 or self.after:
            kept = await super().keep_refresh_token(account, refresh_token)
        if self.times >= 0:
            raise StoreUnavailable(reason="the connection was lost")
        return kept


ASKER = Asker(slack_user("alice"), "CUTOFF22")


async def linked(world: LinkingWorld) -> LinkedAccount:
    """Link Alice by the identity provider."""
    async with browser() as client:
        await link_by_oidc(world, client, await world.ticket())
    account = await world.account()
    assert account is not None
    return account


async def cut_off_amid_the_renewal(world: LinkingWorld, renewing: Renewing, account: LinkedAccount) -> None:
    """Nobody waits any more from the moment in which the provider makes the old refresh token void."""
    cut_off = asyncio.create_task(renewing.fresh(account, world.vaults.default, ASKER))

    def cut(exchange: Exchange) -> None:
        if exchange.kind is Kind.TOKEN:
            cut_off.cancel()

    stop = world.idp.on_exchange(cut)
    with pytest.raises(asyncio.CancelledError):
        await cut_off
    stop()


async def test_fresh__whose_asker_runs_out_of_time_loses_no_refresh_token(
    world: LinkingWorld, renewing: Renewing
) -> None:
    """The time for an answer is over in the very moment in which the provider has made the old token void: nobody
    reads the answer to that person any more, but the link lives on."""
    account = await linked(world)
    await cut_off_amid_the_renewal(world, renewing, account)
    renewed = await renewing.fresh(account, world.vaults.default, ASKER)
    assert renewed.credential != account.credential
    assert world.idp.grants.of(world.idp.people["alice"]), "no refresh token was used twice"


@pytest.mark.parametrize("after", [False, True], ids=["nothing written", "written and not heard of"])
async def test_fresh__a_database_that_fails_for_a_moment_loses_no_refresh_token(
    world: LinkingWorld, *, after: bool
) -> None:
    account = await linked(world)
    accounts = FailingAccounts(world, times=1 if after else 5, after=after)
    async with renewing_in(world, accounts=accounts) as renewing:
        with stamina.set_testing(True, attempts=6, cap=True):
            renewed = await renewing.fresh(account, world.vaults.default, ASKER)
    assert renewed.credential != account.credential
    assert renewed.refresh_token != account.refresh_token
    assert await world.account() == renewed


@pytest.mark.parametrize("fault", [Fault.UNKNOWN_KEY, Fault.FROM_THE_FUTURE, Fault.NO_BEARER])
async def test_fresh__an_answer_that_is_of_no_use_loses_no_refresh_token(
    world: LinkingWorld, renewing: Renewing, fault: Fault
) -> None:
    account = await linked(world)
    world.idp.faults.add(fault)
    with pytest.raises(ProviderUnavailable):
        await renewing.fresh(account, world.vaults.default, ASKER)
    world.idp.faults.clear()
    assert (await renewing.fresh(account, world.vaults.default, ASKER)).credential != account.credential
    assert world.idp.grants.of(world.idp.people["alice"]), "no refresh token was used twice"


async def test_close__waits_for_the_renewals_under_way(world: LinkingWorld, renewing: Renewing) -> None:
    account = await linked(world)
    await cut_off_amid_the_renewal(world, renewing, account)
    await renewing.close()
    stored = await world.account()
    assert stored is not None
    assert stored.credential != account.credential


async def test_close__waits_no_longer_than_it_may(world: LinkingWorld, renewing: Renewing) -> None:
    account = await linked(world)
    person = account.slack_user
    async with Leases(world.db).hold(f"renew:{person.workspace}:{person.user_id}:{account.vault_host}"):
        late = asyncio.create_task(renewing.fresh(account, world.vaults.default, ASKER))
        await asyncio.sleep(0)
        await renewing.close(seconds=0)
        assert not late.done()
    assert (await late).credential != account.credential


async def test_close__with_nothing_under_way(renewing: Renewing) -> None:
    await renewing.close()


@pytest.mark.parametrize(
    ("error_type", "kind"),
    [
        ("INACTIVE_USER", RenewalRefused),
        ("USER_LOCKED_OUT", RenewalRefused),
        ("USER_NOT_FOUND", RenewalRefused),
        ("INVALID_TOKEN", RenewalRefused),
        ("EXPIRED_TOKEN", RenewalRefused),
        ("INSUFFICIENT_ACCESS", RenewalRefused),
        ("PASSWORD_CHANGE_REQUIRED", RenewalRefused),
        ("INVALID_DATA", VaultUnavailable),
        ("AUTHENTICATION_FAILED", VaultUnavailable),
        ("QUOTA_OF_TOMORROW", VaultUnavailable),
    ],
)
async def test_fresh__only_what_vault_says_of_the_person_is_final(
    world: LinkingWorld, renewing: Renewing, error_type: str, kind: type[Exception]
) -> None:
    account = await linked(world)
    world.vault.faults.add(faults.UnknownErrorType(error_type), endpoint=VaultCall.OIDC_EXCHANGE)
    with pytest.raises(kind):
        await renewing.fresh(account, world.vaults.default, ASKER)


async def test_fresh__by_a_profile_that_vault_does_not_know_ends_no_link(
    world: LinkingWorld, renewing: Renewing
) -> None:
    account = await linked(world)
    async with renewing_in(world, profile_id="_mistyped") as mistaken:
        with pytest.raises(VaultUnavailable):
            await mistaken.fresh(account, world.vaults.default, ASKER)
    assert (await renewing.fresh(account, world.vaults.default, ASKER)).credential != account.credential
