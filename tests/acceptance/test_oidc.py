"""The company's sign-in from end to end: the bot as a process, or two of them, and the provider beside it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from bot.demo.bot_process import BotProcess
from bot.demo.idp import Kind
from bot.demo.vault import seed
from bot.demo.vault.users import SignIn
from bot.demo.workspace import DemoWorkspace, link_address
from tests.acceptance.operating import audit_rows, execute, link_states, two_replicas
from tests.acceptance.steps import (
    ask,
    browser,
    calm,
    open_form,
    password_fields,
    vault_sessions,
    workspace,
)
from tests.integration.linking_world import back_from_provider, parameters, start_links

pytestmark = pytest.mark.asyncio(loop_scope="module")

OVER = timedelta(hours=50)
ENDED = "has ended: "


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[DemoWorkspace]:
    async with workspace() as demo:
        yield demo


@pytest_asyncio.fixture(loop_scope="module")
async def demo(shared: DemoWorkspace) -> DemoWorkspace:
    """Nobody is linked; counters at zero."""
    calm(shared)
    for person in ("alice", "bob"):
        await ask(shared, person, "unlink all")
    shared.idp.forget_calls()
    shared.vault.forget_calls()
    return shared


async def sent_there(demo: DemoWorkspace, client: httpx.AsyncClient, person: str, bot: BotProcess) -> str:
    """Open the person's link page at this bot and press the button; the address at the provider."""
    address = link_address(await ask(demo, person, "link promomats")).replace(demo.bot.url, bot.url)
    page = await client.get(address)
    assert page.status_code == 200
    sent = await client.get(str(page.url.join(start_links(page.text)[0])))
    assert sent.status_code == 303
    return str(sent.headers["location"])


async def test_link__asks_for_no_more_than_it_needs(demo: DemoWorkspace) -> None:
    """Code flow with PKCE, state and nonce; and tokens are asked for by the bot itself, with its secret."""
    async with browser() as client:
        there = await sent_there(demo, client, "alice", demo.bot)
        asked = parameters(there)
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        assert asked["scope"] == "openid email offline_access"
        assert {len(asked[name]) for name in ("state", "nonce", "code_challenge")} == {43}
        page = await client.get(await back_from_provider(there, "alice"))
    assert page.status_code == 200
    assert "Alice Moreau" in page.text
    assert [one.kind for one in demo.idp.log][-2:] == [Kind.TOKEN, Kind.USERINFO]
    assert "31%" in (await ask(demo, "alice", seed.CHOLECAP)).text


async def test_link__as_somebody_else_links_nobody(demo: DemoWorkspace) -> None:
    """Alice's page, but Bob is signed in at the company in that browser."""
    async with browser() as client:
        back = await back_from_provider(await sent_there(demo, client, "alice", demo.bot), "bob")
        page = await client.get(back)
    assert page.status_code == 403
    assert "not the one of this Slack account" in page.text
    assert await link_states(demo) == {}
    assert vault_sessions(demo, "bob") == []
    row = (await audit_rows(demo))[-1]
    assert (row["slack_user_id"], row["vault_user_id"], row["error"]) == (
        "U0ALICE",
        "10001522",
        "EmailsDiffer",
    )


async def test_link__after_the_provider_changed_its_keys(demo: DemoWorkspace) -> None:
    await demo.link("alice", method="oidc")
    demo.idp.change_keys()
    demo.clock.advance(timedelta(minutes=2))  # unknown keys are looked for once a minute
    await demo.link("bob", method="oidc")
    demo.clock.advance(OVER)
    demo.idp.change_keys()
    for person in ("alice", "bob"):
        assert ENDED not in (await ask(demo, person, "list")).text


async def test_link__of_several_vaults_each_renews_by_itself(demo: DemoWorkspace) -> None:
    for vault in (seed.PROMOMATS, seed.QUALITY):
        await demo.link("alice", vault, method="oidc")
    for _ in range(3):
        demo.clock.advance(OVER)
        demo.idp.forget_calls()
        demo.vault.forget_calls()
        for vault in (seed.PROMOMATS, seed.QUALITY):
            demo.vault.create_upload("alice", f"/in-{vault}.bin", 1000, vault=vault)
        listed = await ask(demo, "alice", "list")
        assert "in-promomats.bin" in listed.text
        assert "in-quality.bin" in listed.text
        assert (demo.idp.calls("token"), demo.vault.calls("oidc_exchange")) == (2, 2)
    execute(
        demo,
        "UPDATE accounts SET refresh_token = NULL WHERE vault_host = ?",
        demo.vault.vaults["quality"].dns,
    )
    demo.clock.advance(OVER)
    listed = await ask(demo, "alice", "list")
    assert "quality: Your link to Vault (quality) has ended" in listed.text
    assert "promomats: " in listed.text


async def test_unlink__ends_the_session_and_deletes_both_credentials(demo: DemoWorkspace) -> None:
    await demo.link("alice", method="oidc")
    assert "Unlinked" in (await ask(demo, "alice", "unlink")).text
    assert vault_sessions(demo, "alice") == []
    assert execute(demo, "SELECT count(*) FROM accounts") == [(0,)]
    demo.clock.advance(OVER)
    assert "not linked" in (await ask(demo, "alice", "list")).text
    assert demo.idp.calls("token") == 1


async def test_password__of_somebody_who_signs_in_there_is_not_asked_for(demo: DemoWorkspace) -> None:
    """Vault's discovery names the company's sign-in, and the page has a button for it."""
    demo.vault.users["bob"].sign_in = SignIn.OIDC
    try:
        async with browser() as client:
            fields = await open_form(demo, client, "bob", "password", "link promomats")
            page = await client.post(f"{demo.bot.url}/link", data=fields | password_fields("bob"))
            assert page.status_code == 403
            assert "Nordlicht sign-in" in page.text
            assert demo.vault.calls("auth") == 0
            sent = await client.get(str(page.url.join(start_links(page.text)[0])))
            done = await client.get(await back_from_provider(str(sent.headers["location"]), "bob"))
        assert done.status_code == 200
    finally:
        demo.vault.users["bob"].sign_in = SignIn.PASSWORD
    assert "by company sign-in" in (await ask(demo, "bob", "whoami")).text


@pytest.mark.parametrize("where", ["code", "state", "iss", "error", "cookie"])
async def test_callback__with_a_value_of_any_size_is_a_page(demo: DemoWorkspace, where: str) -> None:
    """Up to what the server takes as a request's head at all."""
    async with browser() as client:
        back = await back_from_provider(await sent_there(demo, client, "alice", demo.bot), "alice")
        huge = "x" * 20_000
        if where == "cookie":
            client.cookies.set("vault-uploads-oidc", huge, domain="127.0.0.1")
        else:
            back = str(httpx.URL(back).copy_merge_params({where: huge}))
        before = demo.idp.calls("token")
        page = await client.get(back)
    assert page.status_code in (400, 403)
    assert "content-security-policy" in page.headers
    assert huge[:300] not in page.text
    assert demo.idp.calls("token") - before in (0, 1 if where == "code" else 0)
    assert await link_states(demo) == {}


async def test_scopes__without_offline_access_the_link_ends_with_its_session() -> None:
    """Where the company gives no refresh token, the link is one for a Vault session, and says so."""
    async with workspace(settings={"OIDC_SCOPES": "openid email"}) as demo:
        await demo.link("alice", method="oidc")
        assert "31%" in (await ask(demo, "alice", seed.CHOLECAP)).text
        assert "at the latest" in (await ask(demo, "alice", "whoami")).text
        demo.clock.advance(OVER)
        answer = await ask(demo, "alice", "list")
        assert "a Vault session lasts 48 hours at most" in answer.text
        assert demo.idp.calls("token") == 1
        assert await link_states(demo) == {"U0ALICE": "ended"}


# Two replicas


async def test_replicas__begun_at_one_and_completed_at_the_other(postgres_url: str, tmp_path: Path) -> None:
    """What belongs to a sign-in travels in the browser, sealed; so any replica can complete it, and only once."""
    async with two_replicas(postgres_url, tmp_path, {"PUBLIC_URL": "http://127.0.0.1:9"}) as (demo, second):
        async with browser() as client:
            ticket_at = link_address(await ask(demo, "alice", "link promomats"))
            page = await client.get(ticket_at.replace("http://127.0.0.1:9", demo.bot.url))
            sent = await client.get(str(page.url.join(start_links(page.text)[0])))
            cookies = {"Cookie": _header(client)}
            back = (await back_from_provider(str(sent.headers["location"]), "alice")).partition("/link")[2]
            done = await client.get(f"{second.url}/link{back}")
            assert done.status_code == 200
        # The same once more, to the process that has not seen it: the ticket is used.
        async with browser() as client:
            again = await client.get(f"{demo.bot.url}/link{back}", headers=cookies)
            assert again.status_code == 410
        assert demo.idp.calls("token") == 1
        assert await link_states(demo) == {"U0ALICE": "active"}
        assert "31%" in (await ask(demo, "alice", seed.CHOLECAP)).text


async def test_replicas__completed_at_both_at_once_links_once_or_not_at_all(
    postgres_url: str, tmp_path: Path
) -> None:
    """Neither knows of the other. The provider may then take back what it gave, since a code came to it twice."""
    async with two_replicas(postgres_url, tmp_path, {"PUBLIC_URL": "http://127.0.0.1:9"}) as (demo, second):
        async with browser() as client:
            ticket_at = link_address(await ask(demo, "alice", "link promomats"))
            page = await client.get(ticket_at.replace("http://127.0.0.1:9", demo.bot.url))
            sent = await client.get(str(page.url.join(start_links(page.text)[0])))
            cookies = {"Cookie": _header(client)}
            back = (await back_from_provider(str(sent.headers["location"]), "alice")).partition("/link")[2]
        async with browser() as one, browser() as other:
            pages = await asyncio.gather(
                one.get(f"{demo.bot.url}/link{back}", headers=cookies),
                other.get(f"{second.url}/link{back}", headers=cookies),
            )
        statuses = sorted(page.status_code for page in pages)
        assert statuses in ([200, 403], [200, 410], [403, 403], [403, 410])
        assert len(vault_sessions(demo, "alice")) == statuses.count(200)
        assert len(await link_states(demo)) == statuses.count(200)
        await demo.bot.stop()
        assert "Traceback" not in demo.bot.log_text() + second.log_text()


def _header(client: httpx.AsyncClient) -> str:
    """The cookies that this browser has now."""
    return "; ".join(f"{one.name}={one.value}" for one in client.cookies.jar)
