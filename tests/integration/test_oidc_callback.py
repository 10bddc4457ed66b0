"""The way back from the identity provider, against browsers that are clumsy, hurried or hostile."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
import pytest_asyncio

from bot.demo.idp import Fault
from bot.demo.vault import seed
from bot.demo.vault.faults import Maintenance
from bot.model.accounts import LinkMethod
from bot.model.audit import Action, Outcome
from tests.integration.linking_world import (
    LinkingWorld,
    back_from_provider,
    browser,
    form_fields,
    link_by_oidc,
    linking_world,
    parameters,
    sent_to_provider,
)
from tests.integration.oidc_steps import (
    BROWSER,
    FLOW,
    NOT_VALID,
    PROVIDER_DOWN,
    changed,
    refused,
    set_cookies,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LinkingWorld]:
    """One world for the module."""
    async with linking_world(tmp_path_factory.mktemp("world")) as one:
        yield one


@pytest_asyncio.fixture(loop_scope="module")
async def world(shared: LinkingWorld) -> LinkingWorld:
    return await shared.fresh()


@pytest_asyncio.fixture(loop_scope="module")
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with browser() as one:
        yield one


async def test_callback__replayed(world: LinkingWorld, client: httpx.AsyncClient) -> None:
    """The same address again, in the same browser, even with the cookie it had: the code is redeemed once."""
    there = await sent_to_provider(world, client, await world.ticket())
    flow = client.cookies[FLOW]
    back = await back_from_provider(there, "alice")
    assert (await client.get(back)).status_code == 200
    redeemed = world.idp.calls("token")
    without = await client.get(back)
    client.cookies.set(FLOW, flow, domain="127.0.0.1")
    with_cookie = await client.get(back)
    for page in (without, with_cookie):
        assert page.status_code == 400
        assert NOT_VALID in page.text
    assert world.idp.calls("token") == redeemed == 1
    assert world.living_sessions("alice") == 1


async def test_callback__replayed_at_another_replica_dies_with_the_ticket(
    world: LinkingWorld, client: httpx.AsyncClient
) -> None:
    """A process that has not seen the first: the ticket is used, so the code is not even redeemed."""
    ticket = await world.ticket()
    there = await sent_to_provider(world, client, ticket)
    back = await back_from_provider(there, "alice")
    other = await world.ticket()
    await world.tickets.use(ticket, world.clock.now())
    page = await client.get(back)
    assert page.status_code == 410
    assert world.idp.calls("token") == 0
    assert (await client.get(world.link_url(other))).status_code == 200


async def test_callback__twice_at_once(world: LinkingWorld, client: httpx.AsyncClient) -> None:
    back = await back_from_provider(await sent_to_provider(world, client, await world.ticket()), "alice")
    pages = await asyncio.gather(*(client.get(back) for _ in range(5)))
    assert sorted(page.status_code for page in pages) == [200, 400, 400, 400, 400]
    assert world.idp.calls("token") == 1
    account = await world.account()
    assert account is not None
    assert world.living_sessions("alice") == 1


async def test_callback__in_another_browser(world: LinkingWorld, client: httpx.AsyncClient) -> None:
    """Mallory signs in, stops before the end, and lets Alice's browser open the last address."""
    back = await back_from_provider(await sent_to_provider(world, client, await world.ticket("bob")), "bob")
    async with browser() as alice:
        await alice.get(world.link_url(await world.ticket("alice")))
        for _ in range(2):
            page = await alice.get(back)
            await refused(world, page, NOT_VALID, 400)
            await sent_to_provider(world, alice, await world.ticket("alice"))  # now with a sign-in of her own
    assert world.idp.calls("token") == 0
    assert await world.account("bob") is None


@pytest.mark.parametrize("taken", [BROWSER, FLOW])
async def test_callback__cookie_of_another_browser(world: LinkingWorld, taken: str) -> None:
    """The sealed sign-in opens only beside the browser's own name."""
    async with browser() as one, browser() as other:
        back = await back_from_provider(await sent_to_provider(world, one, await world.ticket()), "alice")
        await sent_to_provider(world, other, await world.ticket())
        value = other.cookies[taken]
        one.cookies.delete(taken)
        one.cookies.set(taken, value, domain="127.0.0.1")
        await refused(world, await one.get(back), NOT_VALID, 400)
    assert world.idp.calls("token") == 0


@pytest.mark.parametrize("state", ["", None, "x", "A" * 43, "%00", "ü"])
async def test_callback__state_that_does_not_match(
    world: LinkingWorld, client: httpx.AsyncClient, state: str | None
) -> None:
    back = await back_from_provider(await sent_to_provider(world, client, await world.ticket()), "alice")
    await refused(world, await client.get(changed(back, state=state)), NOT_VALID, 400)
    assert world.idp.calls("token") == 0
    assert await world.rows() == []


@pytest.mark.parametrize("name", ["code", "state", "iss", "error"])
async def test_callback__a_parameter_twice(world: LinkingWorld, client: httpx.AsyncClient, name: str) -> None:
    back = await back_from_provider(await sent_to_provider(world, client, await world.ticket()), "alice")
    twice = f"{back}&{name}={parameters(back).get(name, 'x')}&{name}=x"
    await refused(world, await client.get(twice), NOT_VALID, 400)
    assert world.idp.calls("token") == 0


@pytest.mark.parametrize("flow", ["", "x", "s1.00000000.AAAA", "{}"])
async def test_callback__sealed_sign_in_that_is_none(
    world: LinkingWorld, client: httpx.AsyncClient, flow: str
) -> None:
    back = await back_from_provider(await sent_to_provider(world, client, await world.ticket()), "alice")
    cookies = f"{BROWSER}={client.cookies[BROWSER]}; {FLOW}={flow}"
    async with browser() as bare:
        await refused(world, await bare.get(back, headers={"Cookie": cookies}), NOT_VALID, 400)


async def test_callback__too_late(world: LinkingWorld, client: httpx.AsyncClient) -> None:
    back = await back_from_provider(await sent_to_provider(world, client, await world.ticket()), "alice")
    world.clock.advance(timedelta(minutes=10))
    await refused(world, await client.get(back), NOT_VALID, 400)
    assert world.idp.calls("token") == 0


async def test_callback__out_of_nowhere(world: LinkingWorld, client: httpx.AsyncClient) -> None:
    for query in ("", "?code=x&state=y", "?error=access_denied", "?state="):
        await refused(world, await client.get(f"{world.url}/link/oidc/callback{query}"), NOT_VALID, 400)
    assert await world.rows() == []


async def test_callback__cancelled(world: LinkingWorld, client: httpx.AsyncClient) -> None:
    """The person pressed Cancel: a sentence, a row, no try counted, and a way back."""
    ticket = await world.ticket()
    for _ in range(3):
        back = await back_from_provider(await sent_to_provider(world, client, ticket), "")
        page = await client.get(back)
        await refused(world, page, "the sign-in was cancelled", 403)
        assert f'href="../../link?ticket={ticket}"' in page.text
    rows = await world.rows()
    assert {(row.action, row.outcome, row.error, row.error_type) for row in rows} == {
        (Action.LINK, Outcome.REFUSED, "ProviderRefused", "access_denied")
    }
    assert (await link_by_oidc(world, client, ticket)).status_code == 200


@pytest.mark.parametrize(
    "code", ["server_error", "<script>alert(1)</script>", "x" * 5000, "%0d%0aSet-Cookie:a=b"]
)
async def test_callback__error_of_any_form(world: LinkingWorld, client: httpx.AsyncClient, code: str) -> None:
    there = await sent_to_provider(world, client, await world.ticket())
    back = f"{world.url}/link/oidc/callback?" + urlencode(
        {"error": code, "state": parameters(there)["state"]}
    )
    page = await client.get(back)
    await refused(world, page, "Your company&#39;s sign-in did not let you in", 403)
    assert "<script>" not in page.text
    assert len(page.text) < 20_000
    assert list(set_cookies(page)) == [FLOW]


async def test_callback__without_code_or_error(world: LinkingWorld, client: httpx.AsyncClient) -> None:
    there = await sent_to_provider(world, client, await world.ticket())
    back = f"{world.url}/link/oidc/callback?state={parameters(there)['state']}"
    await refused(world, await client.get(back), "it gave no reason", 403)


@pytest.mark.parametrize("fault", [Fault.CALLBACK_OF_ANOTHER, Fault.CALLBACK_UNSIGNED])
async def test_callback__of_another_issuer(
    world: LinkingWorld, client: httpx.AsyncClient, fault: Fault
) -> None:
    """Mix-up: a code of one provider is never taken to another."""
    world.idp.faults.add(fault)
    back = await back_from_provider(await sent_to_provider(world, client, await world.ticket()), "alice")
    await refused(world, await client.get(back), "from another sign-in service", 403)
    assert world.idp.calls("token") == 0


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault.WRONG_NONCE, "belongs to another sign-in"),
        (Fault.WRONG_AUDIENCE, "made for another app"),
        (Fault.ALG_NONE, "not signed by it"),
        (Fault.REFUSES_CLIENT, "does not accept this app"),
    ],
)
async def test_callback__what_the_provider_sends_is_not_trusted_blindly(
    world: LinkingWorld, client: httpx.AsyncClient, fault: Fault, words: str
) -> None:
    world.idp.faults.add(fault)
    back = await back_from_provider(await sent_to_provider(world, client, await world.ticket()), "alice")
    await refused(world, await client.get(back), words, 403)
    assert world.vault.calls("oidc_exchange") == 0


@pytest.mark.parametrize("fault", [Fault.DOWN, Fault.NO_JSON, Fault.FAILING])
async def test_callback__provider_down_costs_no_try(
    world: LinkingWorld, client: httpx.AsyncClient, fault: Fault
) -> None:
    ticket = await world.ticket()
    for _ in range(3):
        back = await back_from_provider(await sent_to_provider(world, client, ticket), "alice")
        world.idp.faults.add(fault)
        await refused(world, await client.get(back), PROVIDER_DOWN, 503)
        world.idp.faults.clear()
    assert (await link_by_oidc(world, client, ticket)).status_code == 200
    assert {row.outcome for row in (await world.rows())[:-1]} == {Outcome.FAILED}


async def test_callback__vault_in_maintenance_costs_no_try(
    world: LinkingWorld, client: httpx.AsyncClient
) -> None:
    ticket = await world.ticket()
    planned = world.vault.faults.add(Maintenance(minutes=45), times=None)
    for _ in range(3):
        page = await link_by_oidc(world, client, ticket)
        assert page.status_code == 503
        assert "in maintenance" in page.text
    world.vault.faults.remove(planned)
    assert (await link_by_oidc(world, client, ticket)).status_code == 200


async def test_callback__another_person_than_in_slack(world: LinkingWorld, client: httpx.AsyncClient) -> None:
    """Twice; then the page is closed, as with passwords."""
    ticket = await world.ticket("alice")
    for _ in range(2):
        page = await link_by_oidc(world, client, ticket, "bob")
        await refused(world, page, "not the one of this Slack account", 403)
        assert world.living_sessions("bob") == 0
    back = await client.get(world.link_url(ticket))
    assert back.status_code == 410


async def test_callback__another_person_where_the_operator_allows_it(tmp_path: Path) -> None:
    async with linking_world(tmp_path, any_email=True) as world, browser() as client:
        assert (await link_by_oidc(world, client, await world.ticket("alice"), "bob")).status_code == 200
        account = await world.account("alice")
        assert account is not None
        assert account.vault_full_name.startswith("Bob")


async def test_callback__that_lands_in_another_vault(world: LinkingWorld, client: httpx.AsyncClient) -> None:
    alice, quality = world.vault.users["alice"], world.vault.vaults[seed.QUALITY].id
    alice.vault_ids.discard(quality)
    try:
        page = await link_by_oidc(world, client, await world.ticket(vault=seed.QUALITY))
    finally:
        alice.vault_ids.add(quality)
    await refused(world, page, "another Vault than quality", 403)


async def test_callback__vault_that_does_not_know_the_person(
    world: LinkingWorld, client: httpx.AsyncClient
) -> None:
    alice = world.vault.users["alice"]
    email, alice.email = alice.email, "somebody@else.example"
    try:
        page = await link_by_oidc(world, client, await world.ticket())
    finally:
        alice.email = email
    await refused(world, page, "Vault did not let you in", 403)
    row = (await world.rows())[-1]
    assert (row.error, row.error_type) == ("LoginRefused", "USER_NOT_FOUND")


async def test_callback__ticket_used_meanwhile(world: LinkingWorld, client: httpx.AsyncClient) -> None:
    """In another tab, by token, while the sign-in was under way."""
    ticket = await world.ticket()
    back = await back_from_provider(await sent_to_provider(world, client, ticket), "alice")
    page = await client.get(world.link_url(ticket))
    fields = form_fields(page.text, "token") | {"token": seed.ACCESS_TOKENS["alice", "promomats"]}
    assert (await client.post(f"{world.url}/link", data=fields)).status_code == 200
    late = await client.get(back)
    assert late.status_code == 410
    assert world.idp.calls("token") == 0
    account = await world.account()
    assert account is not None
    assert account.method is LinkMethod.TOKEN


async def test_callback__post_is_not_allowed(world: LinkingWorld, client: httpx.AsyncClient) -> None:
    for path in ("start", "callback"):
        assert (await client.post(f"{world.url}/link/oidc/{path}", data={})).status_code == 405
