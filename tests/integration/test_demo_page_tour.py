"""The tour of the demo page, over real HTTP: every step by hand, and every step by itself."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.demo.page.run import OpenPage, demo_page
from bot.demo.vault import seed
from tests.integration.page_tab import Tab, calm_tab

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


async def test_tour__ticks_off_what_is_done_by_hand(tab: Tab) -> None:
    demo = tab.page.stage.demo
    await tab.typed(f"/upload-status {seed.CHOLECAP}")
    watched = await tab.typed(f"/upload-status watch {seed.CHOLECAP} 45m")
    assert "I watch" in watched["text"]
    await demo.link("bob", seed.PROMOMATS, method="oidc")
    await tab.do("clock", before_expiry_of=seed.CHOLECAP, seconds=HOUR)
    await tab.do("bot", to="kill")
    await tab.do("clock", by=HOUR / 2)
    await tab.do("bot", to="start")
    steps = (await tab.state())["tour"]["steps"]
    assert [step["title"] for step in steps if step["done"]] == [
        "Ask for this upload",
        "Link by the company's sign-in",
        "Watch an upload",
        "Jump to one hour before expiry",
        "Kill the bot when a reminder is due",
    ]
    await tab.do("go", place="D0ALICE")
    await tab.until(lambda now: "This reminder is late" in now["messages"][-1]["text"], "the late reminder")


async def test_tour__every_step_does_itself_and_may_do_so_again(tab: Tab) -> None:
    steps = (await tab.state())["tour"]["steps"]
    for number in (*range(len(steps)), len(steps) - 1):
        title = steps[number]["title"]
        await tab.do("tour", open=True, step=number, run=True)
        state = await tab.until(
            lambda now: not now["tour"]["running"], f"the end of step {title}", seconds=60
        )
        assert state["tour"]["steps"][number]["done"] is True, (title, state["problems"])
        assert state["problems"] == [], title
        answer = state["messages"][-1]
        assert answer["author"]["kind"] == "app", title
        words = json.dumps(state["messages"])
        if "Bob, ask" in title:
            assert state["me"] == "bob"
            assert "Cholecap" not in answer["text"]
        if "company" in title:
            assert "company sign-in" in answer["text"]
        if "second Vault" in title:
            assert "quality" in answer["text"]
        if "Watch" in title:
            assert "45 min before it expires" in answer["text"]
        if "before expiry" in title:
            assert "60 min" in words or "1 h" in words
        if "Kill" in title:
            assert state["place"] == "D0ALICE"
            assert "This reminder is late" in words
    await tab.do("tour", open=False)
    assert (await tab.state())["tour"]["open"] is False
