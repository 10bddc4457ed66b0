"""The tour of the demo page, over real HTTP: every step by hand, and every step by itself."""

import json
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from bot.demo.page.run import OpenPage, demo_page
from bot.demo.vault import seed
from tests.integration.page_tab import State, Tab, calm_tab

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


async def test_tour__ticks_off_what_is_done_in_messages_and_in_the_home(tab: Tab) -> None:
    """A mention with the id is no command; what is pressed below a link is no refresh."""
    before = set(await done(tab))
    url = tab.page.stage.demo.vault.vaults[seed.PROMOMATS].url
    await tab.do("type", text=f"@Vault Uploads {seed.CHOLECAP}")
    assert set(await done(tab)) - before == {"Ask in a thread"}
    await tab.do("type", text=f"See {url}/api/v24.3/services/file_staging/upload/{seed.CHOLECAP}")
    state = await tab.until(lambda now: bool(now["messages"][-1]["cards"]), "the card below the link")
    link = state["messages"][-1]
    await tab.do("click", message=link["key"], action_id="refresh", card=link["cards"][0]["url"])
    await tab.until(lambda now: now["messages"][-1]["ephemeral"], "what Alice may see")
    await tab.do("message_shortcut", message=link["key"], callback_id="check_upload")
    await tab.do("click", message=(await tab.state())["messages"][-1]["key"], action_id="details")
    await tab.until(lambda now: now["modal"] is not None, "the details")
    await tab.do("close_modal", everything=True)
    await tab.do("go", place="home")
    assert set(await done(tab)) - before == {
        "Ask in a thread",
        "Check a link as yourself",
        "Check a message",
        "Details, and how to resume",
        "Open the app's Home",
    }


async def test_tour__ticks_off_what_is_done_by_hand(tab: Tab) -> None:
    demo, before = tab.page.stage.demo, set(await done(tab))
    await tab.typed(f"/upload-status {seed.CHOLECAP}")
    await tab.do("click", message=(await tab.state())["messages"][-1]["key"], action_id="live")
    watched = await tab.typed(f"/upload-status watch {seed.CHOLECAP} 45m")
    assert "I watch" in watched["text"]
    await demo.link("alice", seed.QUALITY, method="oidc")
    await tab.do("shortcut", callback_id="my_uploads")
    await tab.until(lambda now: now["modal"] is not None, "My uploads")
    await tab.do("close_modal", everything=True)
    await tab.do("clock", before_expiry_of=seed.CHOLECAP, seconds=HOUR)
    await tab.do("bot", to="kill")
    await tab.do("clock", by=HOUR / 2)
    await tab.do("bot", to="start")
    assert set(await done(tab)) - before == {
        "Ask for this upload",
        "See all of your uploads",
        "A shared card that stays true",
        "Link a second Vault by the company's sign-in",
        "Watch an upload, jump near its end",
        "Kill the bot when a reminder is due",
    }
    await tab.do("go", place="D0ALICE")
    await tab.until(lambda now: "This reminder is late" in now["messages"][-1]["text"], "the late reminder")


async def done(tab: Tab) -> list[str]:
    """The titles of the steps that are ticked off."""
    return [step["title"] for step in (await tab.state())["tour"]["steps"] if step["done"]]


def said(place: State) -> str:
    """The text of the last message there."""
    return str(place["messages"][-1]["text"])


def is_late(state: State) -> bool:
    return state["place"] == "D0ALICE" and "This reminder is late" in json.dumps(state["messages"])


def is_live(state: State) -> bool:
    return any("kept up to date until" in one["text"] and one["edited"] for one in state["messages"])


LEFT_BY: dict[str, Callable[[State], bool]] = {
    "Ask for this upload": lambda now: "Cholecap" in said(now),
    "Become Bob, ask for the same upload": lambda now: now["me"] == "bob" and "Cholecap" not in said(now),
    "More bytes arrive; press Refresh": lambda now: "4 parts" in json.dumps(now["messages"]),
    "See all of your uploads": lambda now: "Search by name" in json.dumps(now["modal"]),
    "Details, and how to resume": lambda now: "How to resume" in json.dumps(now["modal"], ensure_ascii=False),
    "Ask in a thread": lambda now: "Asked by" in said(now["thread"]) and "Cholecap" in said(now["thread"]),
    "Check a message": lambda now: "No longer active, or not yours" in said(now["thread"]),
    "Check a link as yourself": lambda now: "Cholecap" in said(now) and now["messages"][-1]["ephemeral"],
    "A shared card that stays true": is_live,
    "Open the app's Home": lambda now: "Your uploads" in json.dumps(now["home"]),
    "Become Nils and link an account": lambda now: now["me"] == "nils",
    "Link a second Vault by the company's sign-in": lambda now: "quality" in said(now),
    "Watch an upload, jump near its end": lambda now: "60 min" in said(now) or "1 h" in said(now),
    "Kill the bot when a reminder is due": is_late,
}
"""By a step that has done itself: what the page shows then."""


async def test_tour__every_step_does_itself_and_may_do_so_again(tab: Tab) -> None:
    steps = (await tab.state())["tour"]["steps"]
    assert [step["title"] for step in steps] == list(LEFT_BY)
    for number in (*range(len(steps)), 4, 8, len(steps) - 1):
        title = steps[number]["title"]
        await tab.do("tour", open=True, step=number, run=True)
        state = await tab.until(
            lambda now: not now["tour"]["running"], f"the end of step {title}", seconds=60
        )
        assert state["tour"]["steps"][number]["done"] is True, (title, state["problems"])
        assert state["problems"] == [], title
        assert LEFT_BY[title](state), (title, state["messages"][-2:], state["thread"], state["modal"])
    await tab.do("tour", open=False)
    assert (await tab.state())["tour"]["open"] is False
