"""Installing by OAuth: Slack's page, the way back, what is stored; and everything that can come instead."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import text
from starlette.applications import Starlette

from bot.demo.slack import ApiError, Dropped, ServerError
from bot.manifest import bot_scopes
from bot.model.audit import Action, Outcome
from bot.model.errors import NotInstalled
from bot.model.secret import Secret
from bot.slack.calls import SlackHome
from bot.store.database import Database
from bot.store.install_states import InstallStates
from bot.store.seal import Keyring
from bot.usecases.auditing import Auditing
from bot.web.slack_install import MOST_STARTS, InstallPages
from tests.integration.install_world import (
    ENTERPRISE,
    NORD,
    OST,
    SUED,
    TEAMS,
    InstallWorld,
    a_workspace,
    browser,
    install_world,
)

# slack_sdk 3.47 sends the client's secret by a class that aiohttp 3.14 wants to be rid of.
pytestmark = pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning")


@pytest.fixture
async def world(db: Database, keyring: Keyring) -> AsyncIterator[InstallWorld]:
    """Two workspaces, and one that belongs to an Enterprise organisation."""
    workspaces = [a_workspace(NORD), a_workspace(SUED), a_workspace(OST, enterprise_id=ENTERPRISE)]
    async with install_world(db, keyring, *workspaces) as running:
        running.clock.run_at(0)
        yield running


async def started(world: InstallWorld, client: httpx.AsyncClient) -> str:
    """Open the install page; return Slack's address."""
    asked = await client.get(f"{world.bot.url}/slack/install")
    assert asked.status_code == 303
    return str(asked.headers["location"])


def assert_is_our_page(page: httpx.Response, heading: str) -> None:
    """Of our own making, without a script, and not to be kept or framed."""
    assert f"<h1>{heading}</h1>" in page.text
    assert "script" not in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-frame-options"] == "DENY"


async def test_install__into_a_workspace(world: InstallWorld) -> None:
    page = await world.install(SUED)
    assert page.status_code == 200
    assert_is_our_page(page, "Installed in Südwind &amp; Söhne")
    [installation] = await world.installations.all()
    slack = world.slack[SUED]
    assert (installation.workspace, installation.team_id, installation.enterprise_id) == (
        TEAMS[SUED],
        TEAMS[SUED],
        None,
    )
    assert installation.bot_token.reveal() == slack.bot_token
    assert (installation.bot_id, installation.bot_user_id) == ("B0UPLOADS", "U0UPLOADS")
    assert (installation.installed_by, installation.installed_at.date()) == (
        "U0SUEDWIND",
        world.clock.now().date(),
    )
    assert (installation.refresh_token, installation.expires_at) == (None, None)
    assert set(installation.scopes.split(",")) == set(bot_scopes())
    [row] = await world.rows()
    assert (row.action, row.outcome, row.workspace, row.slack_user_id, row.note) == (
        Action.INSTALL,
        Outcome.DONE,
        TEAMS[SUED],
        "U0SUEDWIND",
        "Südwind & Söhne",
    )


async def test_install__token_is_sealed_at_rest(world: InstallWorld) -> None:
    await world.install(SUED)
    async with world.db.read() as connection:
        rows = (await connection.execute(text("SELECT * FROM installations"))).all()
        states = (await connection.execute(text("SELECT * FROM install_states"))).all()
    assert world.slack[SUED].bot_token not in str(rows)
    assert states == []


async def test_install__again_replaces_it(world: InstallWorld) -> None:
    for _ in range(2):
        assert (await world.install(NORD)).status_code == 200
    assert len(await world.installations.all()) == 1
    assert [row.action for row in await world.rows()] == [Action.INSTALL] * 2


async def test_install__for_a_whole_organisation(world: InstallWorld) -> None:
    page = await world.install(ENTERPRISE)
    assert_is_our_page(page, "Installed in Nordlicht Group")
    [installation] = await world.installations.all()
    assert (installation.workspace, installation.enterprise_id, installation.team_id) == (
        ENTERPRISE,
        ENTERPRISE,
        None,
    )
    [row] = await world.rows()
    assert (row.workspace, row.team_id) == (ENTERPRISE, "")


async def test_install__into_one_team_of_an_organisation(world: InstallWorld) -> None:
    await world.install(OST)
    [installation] = await world.installations.all()
    assert (installation.workspace, installation.enterprise_id, installation.team_id) == (
        TEAMS[OST],
        ENTERPRISE,
        TEAMS[OST],
    )
    [row] = await world.rows()
    assert (row.workspace, row.team_id) == (ENTERPRISE, TEAMS[OST])


async def test_start__asks_slack_for_what_the_manifest_lists(world: InstallWorld) -> None:
    """Whatever host the request claims to be for, and whatever stands in its query."""
    lie = {"team": "T1&client_id=evil", "redirect_uri": "https://evil.example/", "scope": "admin"}
    async with browser() as client:
        asked = await client.get(
            f"{world.bot.url}/slack/install",
            params=lie,
            headers={"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"},
        )
    url = httpx.URL(asked.headers["location"])
    assert str(url).startswith(world.slack.api_url.removesuffix("api/") + "oauth/v2/authorize?")
    assert url.params["client_id"] == world.slack.credentials.client_id
    assert url.params["redirect_uri"] == f"{world.bot.url}/slack/oauth_redirect"
    assert url.params["scope"].split(",") == list(bot_scopes())
    assert url.params["user_scope"] == ""
    assert "evil" not in str(url)
    cookie = asked.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=lax", "Max-Age=600", "Path=/"))


async def test_cancelled__says_so(world: InstallWorld) -> None:
    async with browser() as client:
        back = await world.allow(client, await started(world, client), NORD, "cancel")
        page = await client.get(back)
    assert page.status_code == 200
    assert_is_our_page(page, "The app was not installed")
    assert "cancelled in Slack" in page.text
    assert await world.installations.all() == []


async def test_state__of_another_browser_is_worth_nothing(world: InstallWorld) -> None:
    """Who is sent a link from Slack back to us does not install anything; whoever began it still can."""
    async with browser() as attacker, browser() as victim:
        back = await world.allow(attacker, await started(world, attacker), NORD)
        for others in ({}, {"vault-uploads-install": "made-up"}):
            victim.cookies.update(others)
            page = await victim.get(back)
            assert page.status_code == 400
            assert "not started in this browser" in page.text
        await started(world, victim)
        assert (await victim.get(back)).status_code == 400
        assert await world.installations.all() == []
        assert (await attacker.get(back)).status_code == 200
    assert len(await world.installations.all()) == 1


async def test_state__works_once(world: InstallWorld) -> None:
    async with browser() as client:
        url = await started(world, client)
        kept = dict(client.cookies)
        back = await world.allow(client, url, NORD)
        assert (await client.get(back)).status_code == 200
        assert dict(client.cookies) == {}
        client.cookies.update(kept)
        page = await client.get(back)
    assert page.status_code == 400
    assert "already completed" in page.text
    assert len(await world.rows()) == 1


async def test_state__lives_ten_minutes(world: InstallWorld) -> None:
    async with browser() as client:
        back = await world.allow(client, await started(world, client), NORD)
        world.clock.advance(timedelta(minutes=10))
        page = await client.get(back)
    assert page.status_code == 400
    assert "more than 10 minutes ago" in page.text


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?code=abc",
        "?state=&code=abc",
        "?state=x&code=abc",
        "?state=%FF%00&code=abc",
        "?state=<script>alert(1)</script>&code=<script>",
        "?error=<script>alert(1)</script>",
        "?error=server_error&error_description=<b>owned</b>",
        f"?state={'x' * 5000}",
    ],
)
async def test_redirect__nothing_of_its_query_is_shown(world: InstallWorld, query: str) -> None:
    async with browser() as client:
        await started(world, client)
        page = await client.get(f"{world.bot.url}/slack/oauth_redirect{query}")
    assert page.status_code in (400, 502)
    assert_is_our_page(page, "The app was not installed")
    assert "owned" not in page.text
    assert "alert(" not in page.text


@pytest.mark.parametrize("twice", ["state", "code"])
async def test_redirect__a_parameter_that_stands_there_twice(world: InstallWorld, twice: str) -> None:
    async with browser() as client:
        back = await world.allow(client, await started(world, client), NORD)
        assert (await client.get(f"{back}&{twice}=other")).status_code in (400, 502)
    assert await world.installations.all() == []


async def test_code__that_slack_refuses(world: InstallWorld) -> None:
    async with browser() as client:
        back = httpx.URL(await world.allow(client, await started(world, client), NORD))
        page = await client.get(back.copy_set_param("code", "made-up"))
    assert page.status_code == 502
    assert "Slack did not complete the installation" in page.text
    assert "Reference: " in page.text
    assert await world.installations.all() == []


async def test_scopes__fewer_than_asked_for(world: InstallWorld) -> None:
    world.slack.oauth.withheld.add("im:write")
    page = await world.install(NORD)
    assert page.status_code == 400
    assert "missing: im:write." in page.text
    assert await world.installations.all() == []
    [row] = await world.rows()
    assert (row.action, row.outcome, row.error, row.note) == (
        Action.INSTALL,
        Outcome.REFUSED,
        "ScopesMissing",
        "im:write",
    )


@pytest.mark.parametrize(
    ("place", "named", "is_kept"),
    [
        (NORD, {TEAMS[NORD]}, True),
        (OST, {ENTERPRISE}, True),
        (ENTERPRISE, {ENTERPRISE}, True),
        (SUED, {TEAMS[NORD], ENTERPRISE}, False),
        (ENTERPRISE, {TEAMS[OST]}, False),
    ],
)
async def test_named__are_all_that_may_install(
    world: InstallWorld, place: str, named: set[str], *, is_kept: bool
) -> None:
    """SLACK_WORKSPACES: whoever runs a workspace of their own also says which e-mail addresses its people have."""
    world.bot.installed._named = frozenset(named)
    page = await world.install(place)
    assert len(await world.installations.all()) == is_kept
    [row] = await world.rows()
    if is_kept:
        assert (page.status_code, row.outcome) == (200, Outcome.DONE)
        return
    assert page.status_code == 403
    assert_is_our_page(page, "The app was not installed")
    assert "only in workspaces its operator has named." in page.text
    assert (row.action, row.outcome, row.error) == (Action.INSTALL, Outcome.REFUSED, "WorkspaceNotNamed")


async def break_audit(world: InstallWorld) -> None:
    """No row can be written any more: the chain's end was changed from outside."""
    async with world.db.write() as connection:
        await connection.execute(text("UPDATE audit_ends SET mac = 'x'"))


async def test_audit__what_cannot_be_written_down_is_not_installed(world: InstallWorld) -> None:
    await world.install(SUED)
    await break_audit(world)
    page = await world.install(NORD)
    assert page.status_code == 503
    assert "Reference: " in page.text
    assert [one.workspace for one in await world.installations.all()] == [TEAMS[SUED]]
    with pytest.raises(NotInstalled):
        await world.bot.installed.of(SlackHome(None, TEAMS[NORD]))


async def test_audit__what_cannot_be_written_down_leaves_the_earlier_installation(
    world: InstallWorld,
) -> None:
    await world.install(NORD)
    [before] = await world.installations.all()
    await break_audit(world)
    world.clock.advance(timedelta(hours=1))
    assert (await world.install(NORD)).status_code == 503
    [after] = await world.installations.all()
    assert replace(after, version=0) == replace(before, version=0)


async def test_take_back__leaves_what_was_installed_since(world: InstallWorld) -> None:
    await world.install(NORD)
    [first] = await world.installations.all()
    world.clock.advance(timedelta(hours=1))
    await world.install(NORD)
    [second] = await world.installations.all()
    await world.bot.installed.take_back(first, None)
    assert await world.installations.all() == [second]


@pytest.mark.parametrize("fault", [ServerError(), Dropped(), ApiError("internal_error")])
async def test_slack__that_fails_just_now(
    world: InstallWorld, fault: ServerError | Dropped | ApiError
) -> None:
    world.slack.oauth.faults.add("oauth.v2.access", fault, times=5)
    page = await world.install(NORD)
    assert page.status_code == 503
    assert_is_our_page(page, "The app was not installed")
    assert await world.installations.all() == []


async def test_start__too_often_is_put_off(world: InstallWorld) -> None:
    """Anyone may open the page, and each time it costs a write."""
    async with browser() as client:
        answers = [
            (await client.get(f"{world.bot.url}/slack/install")).status_code for _ in range(MOST_STARTS + 1)
        ]
        assert answers == [303] * MOST_STARTS + [429]
        world.clock.advance(timedelta(minutes=1))
        assert (await client.get(f"{world.bot.url}/slack/install")).status_code == 303


async def test_start__over_https_the_cookie_is_tied_to_the_host(world: InstallWorld) -> None:
    pages = InstallPages(
        installed=world.bot.installed,
        states=InstallStates(world.db),
        auditing=Auditing(log=world.audit, clock=world.clock.now, with_paths=False),
        client=world.bot.client,
        client_id="1.2",
        client_secret=Secret("s"),
        scopes=bot_scopes(),
        public_url="https://bot.example",
        slack_api_url="https://slack.com/api/",
        clock=world.clock.now,
    )
    transport = httpx.ASGITransport(Starlette(routes=pages.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="https://elsewhere.example") as client:
        asked = await client.get("/slack/install")
    assert asked.headers["location"].startswith("https://slack.com/oauth/v2/authorize?")
    assert httpx.URL(asked.headers["location"]).params["redirect_uri"] == (
        "https://bot.example/slack/oauth_redirect"
    )
    cookie = asked.headers["set-cookie"]
    assert cookie.startswith("__Host-vault-uploads-install=")
    assert all(word in cookie for word in ("Secure", "HttpOnly", "Path=/", "SameSite=lax"))
    assert "Domain" not in cookie
    assert asked.headers["strict-transport-security"]
