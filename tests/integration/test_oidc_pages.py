"""The way to the identity provider, against browsers that are clumsy, hurried or hostile."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from markupsafe import escape

from bot.demo.idp import Fault
from bot.model.accounts import LinkMethod
from bot.model.audit import Action, Outcome
from bot.model.errors import EmailsDiffer, TicketNotValid
from tests.integration.linking_world import (
    LinkingWorld,
    back_from_provider,
    browser,
    form_fields,
    link_by_oidc,
    linking_world,
    parameters,
    sent_to_provider,
    slack_user,
    start_links,
)
from tests.integration.oidc_steps import (
    BROWSER,
    FLOW,
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


# The way that works


async def test_sign_in__links_and_can_be_renewed(world: LinkingWorld, client: httpx.AsyncClient) -> None:
    done = await link_by_oidc(world, client, await world.ticket())
    assert done.status_code == 200, done.text
    assert "Alice Moreau" in done.text
    account = await world.account()
    assert account is not None
    assert account.method is LinkMethod.OIDC
    assert account.renewable
    assert account.valid_until == account.linked_at + timedelta(hours=48)
    assert account.session_started == account.last_used == account.linked_at
    assert world.living_sessions("alice") == 1
    assert world.told == [(slack_user("alice").user_id, "linked")]


async def test_sign_in__is_one_audit_row_with_what_vault_said(
    world: LinkingWorld, client: httpx.AsyncClient
) -> None:
    await link_by_oidc(world, client, await world.ticket())
    (row,) = await world.rows()
    assert (row.action, row.outcome, row.note) == (Action.LINK, Outcome.DONE, "oidc")
    assert (row.slack_user_id, row.vault_user_id) == (slack_user("alice").user_id, "10001400")
    assert len(row.execution_id.split()) >= 2
    assert len(row.reference) == 8


async def test_sign_in__for_one_of_several_vaults(world: LinkingWorld, client: httpx.AsyncClient) -> None:
    page = await client.get(world.link_url(await world.ticket(vault=None)))
    links = start_links(page.text)
    assert [parameters(one)["vault"] for one in links] == ["promomats", "quality"]
    sent = await client.get(str(page.url.join(links[1])))
    done = await client.get(await back_from_provider(str(sent.headers["location"]), "alice"))
    assert done.status_code == 200
    assert await world.account(vault="quality") is not None
    assert await world.account() is None


async def test_sign_in__nothing_secret_stands_in_an_address(
    world: LinkingWorld, client: httpx.AsyncClient
) -> None:
    there = await sent_to_provider(world, client, await world.ticket())
    back = await back_from_provider(there, "alice")
    assert set(parameters(back)) == {"code", "state", "iss"}
    assert "code_verifier" not in there
    assert {"state", "nonce", "code_challenge"} <= set(parameters(there))
    sealed = client.cookies[FLOW]
    assert all(parameters(there)[name] not in sealed for name in ("state", "nonce"))


async def test_sign_in__replaces_and_ends_an_earlier_link(
    world: LinkingWorld, client: httpx.AsyncClient
) -> None:
    await link_by_oidc(world, client, await world.ticket())
    first = await world.account()
    await link_by_oidc(world, client, await world.ticket())
    second = await world.account()
    assert first is not None
    assert second is not None
    assert first.credential != second.credential
    assert world.living_sessions("alice") == 1


# Cookies


async def test_cookies__on_this_machine(world: LinkingWorld, client: httpx.AsyncClient) -> None:
    page = await client.get(world.link_url(await world.ticket()))
    (cookie,) = set_cookies(page).values()
    assert cookie.startswith(f"{BROWSER}=")
    assert cookie.partition("; ")[2] == "HttpOnly; Max-Age=900; Path=/; SameSite=lax"
    assert len(client.cookies[BROWSER]) == 43
    sent = await client.get(str(page.url.join(start_links(page.text)[0])))
    (cookie,) = set_cookies(sent).values()
    assert cookie.startswith(f"{FLOW}=")
    assert cookie.partition("; ")[2] == "HttpOnly; Max-Age=600; Path=/; SameSite=lax"


async def test_cookies__over_https(tmp_path: Path) -> None:
    """Behind a proxy: the names begin with __Host-, so that no other host can set them, and they are Secure."""
    async with linking_world(tmp_path, public_url="https://bot.example") as world, browser() as client:
        page = await client.get(world.link_url(await world.ticket()))
        (cookie,) = set_cookies(page).values()
        assert cookie.startswith(f"__Host-{BROWSER}=")
        assert cookie.partition("; ")[2] == "HttpOnly; Max-Age=900; Path=/; SameSite=lax; Secure"
        value = cookie.partition(";")[0]
        start = str(page.url.join(start_links(page.text)[0]))
        sent = await client.get(start, headers={"Cookie": value})
        assert sent.status_code == 303
        assert parameters(str(sent.headers["location"]))["redirect_uri"] == (
            "https://bot.example/link/oidc/callback"
        )
        (flow,) = set_cookies(sent).values()
        assert flow.startswith(f"__Host-{FLOW}=")
        assert flow.endswith("; HttpOnly; Max-Age=600; Path=/; SameSite=lax; Secure")
        # The names that serve plain http mean nothing here.
        plain = await client.get(start, headers={"Cookie": value.removeprefix("__Host-")})
        assert plain.status_code == 403
        back = changed(f"{world.url}/link/oidc/callback", code="x", state="y")
        answer = await client.get(back)
        assert answer.headers["set-cookie"] == (
            f'__Host-{FLOW}=""; HttpOnly; Max-Age=0; Path=/; SameSite=lax; Secure'
        )


async def test_cookies__none_where_oidc_is_off(tmp_path: Path) -> None:
    methods = (LinkMethod.TOKEN, LinkMethod.PASSWORD)
    async with linking_world(tmp_path, methods=methods) as world, browser() as client:
        page = await client.get(world.link_url(await world.ticket()))
        assert page.status_code == 200
        assert "set-cookie" not in page.headers
        assert start_links(page.text) == []


async def test_cookies__one_browser_keeps_its_name(world: LinkingWorld, client: httpx.AsyncClient) -> None:
    """So several tabs can be open at once."""
    first = await client.get(world.link_url(await world.ticket()))
    name = client.cookies[BROWSER]
    await client.get(world.link_url(await world.ticket("bob")))
    assert client.cookies[BROWSER] == name
    sent = await client.get(str(first.url.join(start_links(first.text)[0])))
    assert sent.status_code == 303


@pytest.mark.parametrize("value", ["", "x", "a" * 44, "a" * 42 + "!", "é" * 43])
async def test_cookies__a_name_that_is_not_ours_is_replaced(world: LinkingWorld, value: str) -> None:
    async with browser() as client:
        page = await client.get(
            world.link_url(await world.ticket()), headers={b"Cookie": f"{BROWSER}={value}".encode()}
        )
    assert len(set_cookies(page)[BROWSER].partition("=")[2].partition(";")[0]) == 43


# Starting


@pytest.mark.parametrize("missing", ["cookie", "csrf", "both", "other csrf", "form csrf"])
async def test_start__without_the_page_sends_nobody_away(
    world: LinkingWorld, client: httpx.AsyncClient, missing: str
) -> None:
    ticket = await world.ticket()
    page = await client.get(world.link_url(ticket))
    start = str(page.url.join(start_links(page.text)[0]))
    if missing in ("csrf", "both"):
        start = changed(start, csrf=None)
    elif missing == "other csrf":
        other = await client.get(world.link_url(await world.ticket()))
        start = changed(start, csrf=parameters(start_links(other.text)[0])["csrf"])
    elif missing == "form csrf":
        start = changed(start, csrf=form_fields(page.text, "token")["csrf"])
    if missing in ("cookie", "both"):
        client.cookies.clear()
    again = await client.get(start)
    assert again.status_code == 403
    assert "location" not in again.headers
    assert FLOW not in set_cookies(again)
    assert "Alice Moreau" in again.text
    assert "press the button again" in again.text
    # The page works from where it is now, two folders below.
    sent = await client.get(str(again.url.join(start_links(again.text)[0])))
    assert sent.status_code == 303
    assert 'action="../../link"' in again.text


async def test_start__a_link_that_somebody_else_sent_signs_nobody_in(world: LinkingWorld) -> None:
    """Mallory copies the address of the button on the own page and sends it to Alice, who has been here before."""
    async with browser() as mallory, browser() as alice:
        await alice.get(world.link_url(await world.ticket("alice")))
        page = await mallory.get(world.link_url(await world.ticket("bob")))
        trap = str(page.url.join(start_links(page.text)[0]))
        shown = await alice.get(trap)
    assert shown.status_code == 403
    assert "location" not in shown.headers
    assert "Bob" in shown.text
    assert world.idp.calls() == 0


async def test_start__victim_who_presses_the_button_all_the_same_links_nobody(world: LinkingWorld) -> None:
    """Alice signs in on Mallory's page: the e-mail rule stands between them."""
    async with browser() as alice:
        page = await link_by_oidc(world, alice, await world.ticket("bob"), "alice")
    await refused(world, page, str(escape(EmailsDiffer.what)), 403)
    assert await world.account("bob") is None
    row = (await world.rows())[-1]
    assert (row.outcome, row.error) == (Outcome.REFUSED, "EmailsDiffer")
    assert row.slack_user_id == slack_user("bob").user_id
    assert row.vault_user_id == "10001400"


@pytest.mark.parametrize("ticket", ["", "x", "A" * 43, "<script>", "%00"])
async def test_start__unknown_ticket(world: LinkingWorld, client: httpx.AsyncClient, ticket: str) -> None:
    page = await client.get(f"{world.url}/link/oidc/start?ticket={ticket}&csrf=x")
    assert page.status_code == 410
    assert TicketNotValid.what in page.text
    assert await world.rows() == []


async def test_start__expired_ticket(world: LinkingWorld, client: httpx.AsyncClient) -> None:
    page = await client.get(world.link_url(await world.ticket()))
    world.clock.advance(timedelta(minutes=11))
    assert (await client.get(str(page.url.join(start_links(page.text)[0])))).status_code == 410


@pytest.mark.parametrize("vault", ["quality", "https://evil.example", "evil.example", "//evil.example"])
async def test_start__another_vault_than_the_tickets(
    world: LinkingWorld, client: httpx.AsyncClient, vault: str
) -> None:
    page = await client.get(world.link_url(await world.ticket()))
    start = changed(str(page.url.join(start_links(page.text)[0])), vault=vault)
    refusal = await client.get(start)
    assert refusal.status_code == 400
    assert "location" not in refusal.headers


async def test_start__where_oidc_is_off(tmp_path: Path) -> None:
    methods = (LinkMethod.TOKEN,)
    async with linking_world(tmp_path, methods=methods) as world, browser() as client:
        ticket = await world.ticket()
        for path in (f"/link/oidc/start?ticket={ticket}&csrf=x", "/link/oidc/callback?code=x&state=y"):
            page = await client.get(world.url + path)
            assert page.status_code == 400
            assert "switched off" in page.text
            assert "content-security-policy" in page.headers


async def test_start__provider_that_is_down(world: LinkingWorld, client: httpx.AsyncClient) -> None:
    world.clock.advance(timedelta(hours=2))  # what is known of the provider is kept for an hour
    page = await client.get(world.link_url(await world.ticket()))
    start = str(page.url.join(start_links(page.text)[0]))
    world.idp.faults.add(Fault.FAILING)
    down = await client.get(start)
    assert down.status_code == 503
    assert PROVIDER_DOWN in down.text
    world.idp.faults.clear()
    assert (await client.get(start)).status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"},
        {"Forwarded": "host=evil.example;proto=https"},
        {"X-Original-URL": "https://evil.example/", "X-Forwarded-Prefix": "//evil.example"},
    ],
)
async def test_addresses__come_from_the_settings_alone(
    world: LinkingWorld, client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    """Whatever names a request carries, nobody is sent elsewhere and no page names another host."""
    page = await client.get(world.link_url(await world.ticket()), headers=headers)
    assert "evil.example" not in page.text + str(page.headers)
    assert "Secure" not in page.headers["set-cookie"]
    cookie = {"Cookie": f"{BROWSER}={set_cookies(page)[BROWSER].partition('=')[2].partition(';')[0]}"}
    start = f"{world.url}/{start_links(page.text)[0]}"
    sent = await client.get(start, headers={**headers, **cookie})
    assert sent.status_code == 303
    assert str(sent.headers["location"]).startswith(f"{world.idp.issuer}/authorize?")
    assert parameters(str(sent.headers["location"]))["redirect_uri"] == f"{world.url}/link/oidc/callback"


@pytest.mark.parametrize("name", ["next", "redirect_uri", "return_to", "url", "issuer", "state"])
async def test_start__no_parameter_changes_where_it_leads(
    world: LinkingWorld, client: httpx.AsyncClient, name: str
) -> None:
    page = await client.get(world.link_url(await world.ticket()))
    start = changed(str(page.url.join(start_links(page.text)[0])), **{name: "https://evil.example/"})
    sent = await client.get(start)
    assert "evil.example" not in str(sent.headers["location"])


async def test_form__for_oidc_is_none(world: LinkingWorld, client: httpx.AsyncClient) -> None:
    """An access token of one's own cannot be posted in place of the way there and back."""
    page = await client.get(world.link_url(await world.ticket()))
    fields = form_fields(page.text, "token") | {"method": "oidc", "token": "x" * 20}
    refusal = await client.post(f"{world.url}/link", data=fields)
    assert refusal.status_code == 400
    assert world.vault.calls("oidc_exchange") == 0


async def test_headers__keep_every_page_to_itself(world: LinkingWorld, client: httpx.AsyncClient) -> None:
    """Also the redirect: the ticket in the address before it is told to nobody."""
    ticket = await world.ticket()
    page = await client.get(world.link_url(ticket))
    sent = await client.get(str(page.url.join(start_links(page.text)[0])))
    done = await client.get(await back_from_provider(str(sent.headers["location"]), "alice"))
    used = await client.get(str(page.url.join(start_links(page.text)[0])))
    assert [one.status_code for one in (page, sent, done, used)] == [200, 303, 200, 410]
    for one in (page, sent, done, used):
        assert one.headers["referrer-policy"] == "same-origin"
        assert one.headers["cache-control"] == "no-store"
        assert one.headers["x-frame-options"] == "DENY"
        policy = one.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "form-action 'self'" in policy
        assert "unsafe" not in policy
