"""The demo page's server over real HTTP: the bot's life, time, and the company's sign-in."""

import json
import os
import signal
from collections.abc import AsyncIterator
from datetime import datetime

import httpx
import pytest
import pytest_asyncio

from bot.demo.idp import Fault
from bot.demo.page.run import OpenPage, demo_page
from bot.demo.page.switches import IDP_FAULTS
from bot.demo.vault import SignIn, seed
from bot.demo.workspace import DemoCannotStart
from tests.integration.page_tab import State, Tab, calm_tab, faults_on, uploads

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOUR = 3600


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened() -> AsyncIterator[OpenPage]:
    async with demo_page(port=0) as page:
        yield page


@pytest_asyncio.fixture(loop_scope="module")
async def tab(opened: OpenPage) -> AsyncIterator[Tab]:
    async with calm_tab(opened) as one:
        yield one


async def phase(tab: Tab, wanted: str) -> State:
    """The bot's part of the state once it is so."""
    state = await tab.until(lambda now: now["bot"]["phase"] == wanted, f"the bot is {wanted}")
    bot: State = state["bot"]
    return bot


# The bot's life


async def test_bot__stopped_ends_in_good_order_and_starts_again(tab: Tab) -> None:
    pid = (await phase(tab, "running"))["pid"]
    await tab.do("bot", to="stop")
    stopped = await phase(tab, "stopped")
    assert (stopped["running"], stopped["pid"], stopped["exit_code"]) == (False, 0, 0)
    await tab.do("bot", to="start")
    await phase(tab, "starting")
    alive = await phase(tab, "running")
    assert alive["pid"] not in (0, pid)
    assert alive["exit_code"] is None
    assert "in promomats" in (await tab.typed("/upload-status list"))["text"]


async def test_bot__killed_is_missed_by_slack_and_comes_back_with_nothing_lost(tab: Tab) -> None:
    await tab.do("bot", to="kill")
    assert (await phase(tab, "stopped"))["exit_code"] == -signal.SIGKILL
    told = await tab.typed("/upload-status list")
    assert told["author"]["kind"] == "slackbot"
    assert "dispatch_failed" in told["text"]
    await tab.do("bot", to="start")
    await phase(tab, "running")
    assert "in promomats" in (await tab.typed("/upload-status list"))["text"]


async def test_bot__stuck_while_it_stops_can_be_killed(tab: Tab) -> None:
    os.kill((await phase(tab, "running"))["pid"], signal.SIGSTOP)
    await tab.do("bot", to="stop")
    await phase(tab, "stopping")
    await tab.do("bot", to="kill")
    assert (await phase(tab, "stopped"))["exit_code"] == -signal.SIGKILL
    assert (await tab.state())["problems"] == []


async def test_bot__started_twice_or_ended_twice_is_no_trouble(tab: Tab) -> None:
    await tab.do("bot", to="start")
    for way in ("stop", "stop", "kill"):
        await tab.do("bot", to=way)
    await phase(tab, "stopped")
    for _ in range(2):
        await tab.do("bot", to="start")
    await phase(tab, "running")
    assert (await tab.state())["problems"] == []


async def test_bot__that_ends_by_itself_says_how(tab: Tab) -> None:
    os.kill((await phase(tab, "running"))["pid"], signal.SIGABRT)
    assert (await phase(tab, "stopped"))["exit_code"] == -signal.SIGABRT


async def test_bot__does_only_these_three(tab: Tab) -> None:
    assert "start, stop or be killed" in await tab.refused("bot", to="dance")
    assert "must be a text" in await tab.refused("bot")


# Time


async def test_clock__goes_to_an_hour_before_one_expiry_after_the_other(tab: Tab) -> None:
    await tab.do("clock", speed=0)
    state = await tab.state()
    expiries = sorted(
        datetime.fromisoformat(one["expires"]).timestamp()
        for vault in (seed.PROMOMATS, seed.QUALITY)
        for one in uploads(state, vault).values()
    )
    later = [one for one in expiries if one > state["clock"]["epoch"] + HOUR]
    for expires in later[:2]:
        await tab.do("clock", before_next_expiry=HOUR)
        assert (await tab.state())["clock"]["epoch"] == pytest.approx(expires - HOUR, abs=0.01)


async def test_clock__has_no_next_expiry_when_none_is_that_far_away(tab: Tab) -> None:
    await tab.do("clock", speed=0)
    before = (await tab.state())["clock"]["epoch"]
    assert "No upload expires later" in await tab.refused("clock", 409, before_next_expiry=100 * HOUR)
    assert (await tab.state())["clock"]["epoch"] == before


# The company's sign-in


async def test_log__tells_of_the_sign_in_and_none_of_its_secrets(tab: Tab) -> None:
    before = tab.page.stage.log.last
    await tab.page.stage.demo.link("bob", seed.QUALITY, method="oidc")
    lines = [line for line in tab.page.stage.log.after(before) if line["to"] == "Sign-in"]
    assert [(line["from"], line["what"], line["who"]) for line in lines if line["who"]] == [
        ("Person", "POST /sign-in · sign in", "bob"),
        ("Bot", "POST /token · token", "bob"),
        ("Vault", "GET /userinfo · userinfo", "bob"),
    ]
    assert all(line["ok"] for line in lines)
    whole = json.dumps([(await tab.http.get(f"/api/log/{line['n']}")).json() for line in lines])
    assert '"grant_type": "authorization_code"' in whole
    assert "idp-" not in whole
    assert (tab.page.stage.demo.idp.client.secret or "none") not in whole


@pytest.mark.parametrize("key", IDP_FAULTS)
async def test_fault__of_the_sign_in_lets_nobody_link(tab: Tab, key: str) -> None:
    await tab.do("fault", key=key, on=True)
    assert faults_on(await tab.state()) == {key}
    with pytest.raises((DemoCannotStart, LookupError, httpx.TransportError)):
        await tab.page.stage.demo.link("alice", seed.QUALITY, method="oidc")
    await tab.do("fault", key=key, on=False)
    assert tab.page.stage.demo.idp.faults == set[Fault]()
    assert "quality" not in (await tab.typed("/upload-status whoami"))["text"]


async def test_sign_out__ends_what_the_company_allowed(tab: Tab) -> None:
    demo = tab.page.stage.demo
    await demo.link("bob", seed.PROMOMATS, method="oidc")
    await tab.do("become", person="bob")
    assert "in promomats" in (await tab.typed("/upload-status list @promomats"))["text"]
    assert next(one["sign_ins"] for one in (await tab.state())["credentials"] if one["person"] == "bob") > 0
    await tab.do("sign_out", person="bob")
    assert next(one["sign_ins"] for one in (await tab.state())["credentials"] if one["person"] == "bob") == 0
    assert "has ended" in (await tab.typed("/upload-status list @promomats"))["text"]
    await tab.do("become", person="alice")
    assert "in promomats" in (await tab.typed("/upload-status list"))["text"]


@pytest.mark.parametrize("way", [SignIn.SAML, SignIn.OIDC])
async def test_sign_in_way__other_than_by_password_takes_none(tab: Tab, way: SignIn) -> None:
    await tab.do("sign_in_way", person="nils", way=way)
    assert next(one["way"] for one in (await tab.state())["credentials"] if one["person"] == "nils") == way
    with pytest.raises(DemoCannotStart):
        await tab.page.stage.demo.link("nils")
    await tab.do("sign_in_way", person="nils", way="password")
    await tab.page.stage.demo.link("nils")


async def test_sign_in__of_nobody_and_by_no_way_is_refused(tab: Tab) -> None:
    assert "no way" in await tab.refused("sign_in_way", person="alice", way="fax")
    for act in ("sign_in_way", "sign_out"):
        assert "gina" in await tab.refused(act, 404, person="gina", way="saml")
