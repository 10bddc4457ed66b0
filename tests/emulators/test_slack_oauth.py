"""Several workspaces at one address, installing by OAuth, tokens that end, and what administrators do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.demo.clock import DemoClock
from bot.demo.slack import SlackEmulator, SlackWorkspaces, User, Workspace
from bot.demo.slack.workspace import BOT_USER_ID
from tests.emulators.slack_world import Bot, refusal_of, running_bot

# slack_sdk 3.47 sends the client's secret by a class that aiohttp 3.14 wants to be rid of.
pytestmark = pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning")

BACK = "https://bot.example/slack/oauth_redirect"
SCOPES = "chat:write,users:read"
MANIFEST: dict[str, Any] = {
    "features": {"slash_commands": [{"command": "/upload-status"}]},
    "oauth_config": {"redirect_urls": [BACK], "scopes": {"bot": ["chat:write", "commands", "users:read"]}},
    "settings": {"event_subscriptions": {"bot_events": ["app_uninstalled", "tokens_revoked", "user_change"]}},
}


def a_workspace(domain: str, *, enterprise_id: str | None = None) -> Workspace:
    """A workspace of one person and the app's bot user."""
    team_id = f"T0{domain.upper()}"
    ann = User(f"U0{domain.upper()}", "ann", "Ann", None, "UTC", team_id, enterprise_id=enterprise_id)
    bot = User(BOT_USER_ID, "vault_uploads", "Vault Uploads", None, "UTC", team_id, is_bot=True)
    return Workspace([ann, bot], [], domain.title(), domain, team_id=team_id, enterprise_id=enterprise_id)


@asynccontextmanager
async def serving(*, rotating: bool = False) -> AsyncIterator[SlackWorkspaces]:
    """Two workspaces and one of an organisation."""
    slack = SlackWorkspaces(
        [a_workspace("nord"), a_workspace("sued"), a_workspace("ost", enterprise_id="E0GROUP")],
        clock=DemoClock(),
        manifest=MANIFEST,
        rotating=rotating,
    )
    await slack.start()
    try:
        yield slack
    finally:
        await slack.stop()


@pytest.fixture
async def slack() -> AsyncIterator[SlackWorkspaces]:
    async with serving() as running:
        yield running


@pytest.fixture
async def rotating() -> AsyncIterator[SlackWorkspaces]:
    async with serving(rotating=True) as running:
        yield running


def client_of(slack: SlackWorkspaces, token: str | None = None) -> AsyncWebClient:
    """The real client."""
    return AsyncWebClient(token=token, base_url=slack.api_url, timeout=60)


def authorize_url(slack: SlackWorkspaces, **changes: str) -> str:
    """Where an app sends a browser."""
    asked = {
        "client_id": slack.credentials.client_id,
        "scope": SCOPES,
        "state": "s&1",
        "redirect_uri": BACK,
        **changes,
    }
    return str(httpx.URL(slack.api_url.replace("/api/", "/oauth/v2/authorize"), params=asked))


async def answered(slack: SlackWorkspaces, place: str, answer: str = "allow") -> dict[str, str]:
    """What Slack sends the browser back with."""
    url = authorize_url(slack)
    async with httpx.AsyncClient(trust_env=False) as browser:
        sent = await browser.post(url.partition("?")[0], data=slack.answer(url, place, answer))
    assert sent.status_code == 302
    back = httpx.URL(sent.headers["location"])
    assert str(back).startswith(f"{BACK}?")
    return dict(back.params)


async def exchange(slack: SlackWorkspaces, **arguments: str) -> dict[str, Any]:
    """Call oauth.v2.access as the app."""
    own = slack.credentials
    given = {"client_id": own.client_id, "client_secret": own.client_secret, **arguments}
    answer = await client_of(slack).oauth_v2_access(**given)
    assert isinstance(answer.data, dict)
    return answer.data


async def install(slack: SlackWorkspaces, place: str) -> dict[str, Any]:
    """All of it."""
    return await exchange(slack, code=(await answered(slack, place))["code"], redirect_uri=BACK)


async def test_install__gives_a_token_that_works_in_that_workspace(slack: SlackWorkspaces) -> None:
    assert not slack["sued"].installed
    found = await install(slack, "sued")
    assert (found["token_type"], found["scope"], found["bot_user_id"]) == ("bot", SCOPES, BOT_USER_ID)
    assert (found["team"], found["enterprise"]) == ({"id": "T0SUED", "name": "Sued"}, None)
    assert found["authed_user"] == {"id": "U0SUED"}
    assert "refresh_token" not in found
    told = await client_of(slack, found["access_token"]).auth_test()
    assert (told["team_id"], told["is_enterprise_install"]) == ("T0SUED", False)
    assert (slack["sued"].installed, slack["nord"].installed) == (True, False)


async def test_install__again_gives_the_same_token(slack: SlackWorkspaces) -> None:
    one, other = await install(slack, "sued"), await install(slack, "nord")
    assert one["access_token"] != other["access_token"]
    assert (await install(slack, "sued"))["access_token"] == one["access_token"]


async def test_install__for_an_organisation(slack: SlackWorkspaces) -> None:
    found = await install(slack, "E0GROUP")
    assert (found["team"], found["is_enterprise_install"]) == (None, True)
    assert found["enterprise"] == {"id": "E0GROUP", "name": "Nordlicht Group"}
    told = await client_of(slack, found["access_token"]).auth_test()
    assert (told["team_id"], told["enterprise_id"]) == ("E0GROUP", "E0GROUP")
    person = (await client_of(slack, found["access_token"]).users_info(user="U0OST"))["user"]
    assert person["enterprise_user"]["enterprise_id"] == "E0GROUP"


async def test_authorize__shows_what_is_asked_for(slack: SlackWorkspaces) -> None:
    async with httpx.AsyncClient(trust_env=False) as browser:
        page = await browser.get(authorize_url(slack, state='"><script>'))
    assert page.status_code == 200
    assert "<script>" not in page.text
    for words in ("chat:write", "users:read", "Allow", "Cancel", "Nord", "Nordlicht Group"):
        assert words in page.text


async def test_authorize__cancelled(slack: SlackWorkspaces) -> None:
    assert await answered(slack, "nord", "cancel") == {"error": "access_denied", "state": "s&1"}


@pytest.mark.parametrize(
    "wrong", [{"client_id": "other"}, {"redirect_uri": "https://evil.example/"}, {"scope": "admin"}]
)
async def test_authorize__wrong_is_a_page_and_no_redirect(
    slack: SlackWorkspaces, wrong: dict[str, str]
) -> None:
    async with httpx.AsyncClient(trust_env=False) as browser:
        assert (await browser.get(authorize_url(slack, **wrong))).status_code == 400


async def test_code__serves_once_for_ten_minutes_and_for_its_address(slack: SlackWorkspaces) -> None:
    code = (await answered(slack, "nord"))["code"]
    await exchange(slack, code=code, redirect_uri=BACK)
    assert (await refusal_of(exchange(slack, code=code, redirect_uri=BACK)))["error"] == "invalid_code"
    code = (await answered(slack, "nord"))["code"]
    assert (await refusal_of(exchange(slack, code=code)))["error"] == "bad_redirect_uri"
    code = (await answered(slack, "nord"))["code"]
    slack["nord"].clock.advance(timedelta(minutes=10))
    assert (await refusal_of(exchange(slack, code=code, redirect_uri=BACK)))["error"] == "invalid_code"


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"client_id": "other"}, "invalid_client_id"),
        ({"client_secret": "other"}, "bad_client_secret"),
        ({"code": "other"}, "invalid_code"),
        ({"grant_type": "refresh_token", "refresh_token": "other"}, "invalid_refresh_token"),
    ],
)
async def test_access__refusals(slack: SlackWorkspaces, wrong: dict[str, str], error: str) -> None:
    assert (await refusal_of(exchange(slack, **wrong)))["error"] == error


async def test_rotation__a_refresh_token_serves_once(rotating: SlackWorkspaces) -> None:
    first = await install(rotating, "nord")
    assert first["access_token"].startswith("xoxe.xoxb-")
    assert (first["refresh_token"].startswith("xoxe-1-"), first["expires_in"]) == (True, 43200)
    arguments = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    second = await exchange(rotating, **arguments)
    assert (await refusal_of(exchange(rotating, **arguments)))["error"] == "invalid_refresh_token"
    assert second["team"] == first["team"]
    for token in (first["access_token"], second["access_token"]):
        await client_of(rotating, token).auth_test()
    assert rotating["nord"].rotations == 1


async def test_rotation__token_ends_after_twelve_hours(rotating: SlackWorkspaces) -> None:
    found = await install(rotating, "nord")
    rotating["nord"].clock.advance(timedelta(hours=12))
    refusal = await refusal_of(client_of(rotating, found["access_token"]).auth_test())
    assert refusal["error"] == "token_expired"


async def test_call__with_a_token_of_nobody(slack: SlackWorkspaces) -> None:
    await install(slack, "nord")
    for token in ("xoxb-other", slack.credentials.bot_token, ""):
        refusal = await refusal_of(client_of(slack, token).auth_test())
        assert refusal["error"] in ("invalid_auth", "not_authed")


async def test_log__masks_every_token(rotating: SlackWorkspaces) -> None:
    found = await install(rotating, "nord")
    await client_of(rotating, found["access_token"]).users_info(user="U0NORD")
    told = str(rotating["nord"].log)
    assert "users.info" in told
    for secret in (found["access_token"], found["refresh_token"], rotating.credentials.client_secret):
        assert secret not in told


# What administrators do


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    async with running_bot(SlackEmulator(manifest=MANIFEST)) as small:
        yield small


async def test_deactivate__is_told_and_seen(bot: Bot) -> None:
    delivery = await bot.slack.deactivate("alice")
    assert delivery.error is None
    [event] = bot.seen
    assert (event["type"], event["user"]["id"], event["user"]["deleted"]) == ("user_change", "U0ALICE", True)
    assert (await bot.web.users_info(user="U0ALICE"))["user"]["deleted"] is True
    with pytest.raises(LookupError, match="alice cannot open"):
        await bot.slack.slash(user="alice")


async def test_deactivate__of_a_guest_and_of_no_one(bot: Bot) -> None:
    found = (await bot.web.users_info(user="U0BOB"))["user"]
    assert (found["is_restricted"], "enterprise_user" in found) == (False, False)
    with pytest.raises(LookupError):
        await bot.slack.deactivate("nobody")


async def test_uninstall__ends_tokens_and_commands_and_is_told(bot: Bot) -> None:
    told = await bot.slack.uninstall()
    assert [one.error for one in told] == [None, None]
    assert bot.kinds == ["app_uninstalled", "tokens_revoked"]
    assert bot.seen[1]["tokens"]["bot"] == [BOT_USER_ID]
    assert "authorizations" not in told[0].payload
    assert (await refusal_of(bot.web.auth_test()))["error"] == "account_inactive"
    delivery = await bot.slack.slash(user="alice")
    assert "not a valid command" in str(delivery.refusal)
    event = await bot.slack.event({"type": "user_change", "user": {"id": "U0ALICE"}})
    assert "not installed" in str(event.refusal)


async def test_revoke_tokens__is_told(bot: Bot) -> None:
    await bot.slack.revoke_tokens()
    assert bot.kinds == ["tokens_revoked"]
    assert (await refusal_of(bot.web.auth_test()))["error"] == "token_revoked"


async def test_payloads__of_an_organisation() -> None:
    """Slack: with an org-wide install, interactions name no team."""
    here = a_workspace("ost", enterprise_id="E0GROUP")
    async with running_bot(SlackEmulator(workspace=here)) as bot:
        await bot.slack.slash(user="ann", channel="dm")
        await bot.slack.shortcut("ann", "my_uploads")
        here.org_wide = True
        await bot.slack.slash(user="ann", channel="dm")
        await bot.slack.shortcut("ann", "my_uploads")
        delivery = await bot.slack.event({"type": "app_home_opened", "user": "U0OST"})
    team, shortcut, org, org_shortcut, _ = bot.seen
    assert (team["enterprise_id"], team["is_enterprise_install"]) == ("E0GROUP", "false")
    assert (org["enterprise_id"], org["is_enterprise_install"]) == ("E0GROUP", "true")
    assert (shortcut["team"]["id"], shortcut["enterprise"]["id"]) == ("T0OST", "E0GROUP")
    assert (org_shortcut["team"], org_shortcut["is_enterprise_install"]) == (None, True)
    [sent_by] = delivery.payload["authorizations"]
    assert (sent_by["enterprise_id"], sent_by["team_id"]) == ("E0GROUP", None)
