"""Attacks by way of a person's browser: cookies that somebody else has set, and proxies that say odd things."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from bot.demo.vault import seed
from bot.demo.workspace import DemoWorkspace, hidden_fields, link_address
from tests.acceptance.operating import audit_rows, link_states
from tests.acceptance.steps import ask, browser, calm, ticket_of, vault_sessions, workspace
from tests.integration.linking_world import back_from_provider, parameters, start_links

pytestmark = pytest.mark.asyncio(loop_scope="module")

PUBLIC = "https://uploads.example"
BROWSER, FLOW = "vault-uploads-link", "vault-uploads-oidc"
EVIL = [
    {"Host": "evil.example"},
    {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http", "X-Forwarded-Port": "80"},
    {"X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1", "Forwarded": "host=evil.example;proto=http"},
    {
        "X-Original-URL": "/link?ticket=x",
        "X-Rewrite-URL": "//evil.example",
        "X-Forwarded-Prefix": "//evil.example",
    },
    {"X-HTTP-Method-Override": "POST", "X-Forwarded-Server": "evil.example", "X-Forwarded-Scheme": "http"},
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[DemoWorkspace]:
    async with workspace() as demo:
        yield demo


@pytest_asyncio.fixture(loop_scope="module")
async def demo(shared: DemoWorkspace) -> DemoWorkspace:
    """Nobody is linked."""
    calm(shared)
    for person in ("alice", "bob"):
        await ask(shared, person, "unlink all")
    return shared


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def behind_proxy() -> AsyncIterator[DemoWorkspace]:
    """A bot that people reach by https at another name; what it gets is plain http, from the proxy."""
    async with workspace(settings={"PUBLIC_URL": PUBLIC}) as demo:
        yield demo


# Cookies set by somebody else


async def begun(demo: DemoWorkspace, client: httpx.AsyncClient, person: str) -> tuple[str, str]:
    """Begin a sign-in on that person's own link page: the address of its button, and the one at the provider."""
    page = await client.get(link_address(await ask(demo, person, "link promomats")))
    start = str(page.url.join(start_links(page.text)[0]))
    sent = await client.get(start)
    assert sent.status_code == 303
    return start, str(sent.headers["location"])


def plant(cookies: httpx.Cookies, victim: httpx.AsyncClient) -> None:
    """Put these cookies into another browser, as a page on a neighbouring host name might."""
    for name in (BROWSER, FLOW):
        victim.cookies.set(name, cookies[name], domain="127.0.0.1")


async def test_fixation__with_a_planted_browser_name_links_nobody(demo: DemoWorkspace) -> None:
    """Bob's page was shown in a browser whose name Alice's has been given; so his button works there, and her
    company signs her in without a question. The e-mail rule stands between his Slack account and her rights.
    (Over https these names begin with __Host-, and no other host can plant them.)"""
    async with browser() as bob, browser() as alice:
        start, _ = await begun(demo, bob, "bob")
        plant(bob.cookies, alice)
        sent = await alice.get(start)
        assert sent.status_code == 303
        page = await alice.get(await back_from_provider(str(sent.headers["location"]), "alice"))
    assert page.status_code == 403
    assert "not the one of this Slack account" in page.text
    assert await link_states(demo) == {}
    assert vault_sessions(demo, "alice") == []
    row = (await audit_rows(demo))[-1]
    assert (row["slack_user_id"], row["vault_user_id"], row["error"]) == ("U0BOB", "10001400", "EmailsDiffer")


async def test_fixation__with_a_planted_sign_in_gives_nobody_anything(demo: DemoWorkspace) -> None:
    """Bob signs in as himself and lets Alice's browser bring it home: he is linked to himself, and she to nothing."""
    async with browser() as bob, browser() as alice:
        _, there = await begun(demo, bob, "bob")
        back = await back_from_provider(there, "bob")
        await alice.get(link_address(await ask(demo, "alice", "link promomats")))
        plant(bob.cookies, alice)
        page = await alice.get(back)
    assert page.status_code == 200
    assert await link_states(demo) == {"U0BOB": "active"}
    assert vault_sessions(demo, "alice") == []
    assert "archive.tar.gz" in (await ask(demo, "bob", seed.BOB_ARCHIVE)).text


async def test_fixation__a_planted_name_does_not_open_anothers_page(demo: DemoWorkspace) -> None:
    """Who knows the name of Alice's browser still lacks her ticket, and the token that her page alone was given."""
    async with browser() as mallory, browser() as alice:
        page = await mallory.get(link_address(await ask(demo, "bob", "link promomats")))
        alice.cookies.set(BROWSER, mallory.cookies[BROWSER], domain="127.0.0.1")
        ticket = ticket_of(await ask(demo, "alice", "link promomats"))
        await alice.get(f"{demo.bot.url}/link", params={"ticket": ticket})
        stolen = parameters(start_links(page.text)[0])
        trap = {"ticket": ticket, "csrf": stolen["csrf"], "vault": stolen["vault"]}
        shown = await mallory.get(f"{demo.bot.url}/link/oidc/start", params=trap)
    assert shown.status_code == 403
    assert "location" not in shown.headers


# Proxies


async def test_proxy__people_get_the_public_address_alone(behind_proxy: DemoWorkspace) -> None:
    demo = behind_proxy
    asked = await ask(demo, "alice", "link promomats")
    assert link_address(asked).startswith(f"{PUBLIC}/link?ticket=")
    async with browser() as client:
        path = link_address(asked).removeprefix(PUBLIC)
        page = await client.get(
            demo.bot.url + path, headers={"Host": "uploads.example", "X-Forwarded-Proto": "https"}
        )
    assert page.headers["strict-transport-security"].startswith("max-age=")
    [cookie] = page.headers.get_list("set-cookie")
    assert cookie.startswith(f"__Host-{BROWSER}=")
    assert "; Secure" in cookie
    assert "127.0.0.1:" not in page.text.replace(demo.vault.vaults[seed.PROMOMATS].dns, "")


@pytest.mark.parametrize("headers", EVIL, ids=lambda headers: next(iter(headers)))
async def test_proxy__whatever_it_says_changes_nothing(
    behind_proxy: DemoWorkspace, headers: dict[str, str]
) -> None:
    """No page, cookie or redirect takes a name or a scheme from a request."""
    demo = behind_proxy
    ticket = ticket_of(await ask(demo, "alice", "link promomats"))
    async with browser() as client:
        plain = await client.get(f"{demo.bot.url}/link", params={"ticket": ticket})
        page = await client.get(f"{demo.bot.url}/link", params={"ticket": ticket}, headers=headers)
        assert page.status_code == 200
        assert "evil.example" not in page.text + str(page.headers)
        # But for the name that this browser was given, which stands in the button's address.
        assert len(page.text) == len(plain.text)
        cookie = page.headers["set-cookie"].partition(";")[0]
        start = f"{demo.bot.url}/{start_links(page.text)[0]}"
        sent = await client.get(start, headers={**headers, "Cookie": cookie})
        assert parameters(str(sent.headers["location"]))["redirect_uri"] == f"{PUBLIC}/link/oidc/callback"
        assert all("; Secure" in one for one in sent.headers.get_list("set-cookie"))


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (PUBLIC, 401),  # accepted as ours; the token in it is wrong
        (PUBLIC.upper(), 401),
        ("http://uploads.example", 403),
        ("https://uploads.example.evil.example", 403),
        ("https://uploads.example:8443", 403),
        ("https://evil.example", 403),
        ("null", 403),
    ],
)
async def test_proxy__a_form_counts_as_ours_from_the_public_address_alone(
    behind_proxy: DemoWorkspace, origin: str, status: int
) -> None:
    """Also where the proxy names the other site as the host that was meant."""
    demo = behind_proxy
    ticket = ticket_of(await ask(demo, "alice", "link promomats"))
    async with browser() as client:
        page = await client.get(f"{demo.bot.url}/link", params={"ticket": ticket})
        fields = {**hidden_fields(page.text, "token"), "token": "veeva-vault-no-such-token"}
        host = origin.partition("://")[2] or "evil.example"
        headers = {"Origin": origin, "Host": host, "X-Forwarded-Host": host}
        sent = await client.post(f"{demo.bot.url}/link", data=fields, headers=headers)
    assert sent.status_code == status


@pytest.mark.parametrize(
    "line",
    [
        "GET http://evil.example/link?ticket=x HTTP/1.1",
        "GET //evil.example/link?ticket=x HTTP/1.1",
        "GET /link/../link/oidc/start?ticket=x HTTP/1.1",
        "GET /link/oidc/start/%2f%2fevil.example HTTP/1.1",
        "GET /link%0d%0aX-Injected:%201 HTTP/1.1",
        "CONNECT evil.example:443 HTTP/1.1",
        "TRACE /link HTTP/1.1",
    ],
)
async def test_request_line__of_any_form_leads_nowhere(demo: DemoWorkspace, line: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", demo.bot.port)
    writer.write(
        f"{line}\r\nHost: evil.example\r\nHost: uploads.example\r\nConnection: close\r\n\r\n".encode()
    )
    await writer.drain()
    async with asyncio.timeout(60):
        answer = await reader.read()
    writer.close()
    status = int(answer.split(b" ", 2)[1])
    assert 400 <= status < 500, answer
    assert b"location:" not in answer.lower()
    assert b"evil.example" not in answer
    assert b"x-injected" not in answer.lower()
