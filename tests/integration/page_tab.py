"""The demo page in a tab, over real HTTP as its own script asks, and what tests read in its state."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from bot.demo.page.run import OpenPage
from bot.demo.vault import seed

State = dict[str, Any]


@dataclass
class Tab:
    """A tab with the page open."""

    http: httpx.AsyncClient
    page: OpenPage

    async def state(self) -> State:
        """What it shows."""
        answer = await self.http.get("/api/state")
        assert answer.status_code == 200
        state: State = answer.json()
        return state

    async def send(self, act: str, **more: Any) -> httpx.Response:
        """Do something, as the page's own script does."""
        return await self.http.post("/api/do", json={"do": act, **more}, headers={"Origin": self.page.url})

    async def do(self, act: str, **more: Any) -> None:
        """Do something that works."""
        answer = await self.send(act, **more)
        assert answer.status_code == 200, answer.text
        assert answer.json() == {"ok": True}

    async def refused(self, act: str, status: int = 400, **more: Any) -> str:
        """Do something that does not; returns the sentence."""
        answer = await self.send(act, **more)
        assert answer.status_code == status, answer.text
        body = answer.json()
        assert body["ok"] is False
        return str(body["error"])

    async def until(self, condition: Callable[[State], bool], what: str, seconds: float = 60) -> State:
        """Wait until the page shows it."""
        try:
            async with asyncio.timeout(seconds):
                while not condition(state := await self.state()):  # noqa: ASYNC110 - it is another process
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"never shown: {what}") from None
        return state

    async def typed(self, text: str, *, seconds: float = 60) -> State:
        """Type and return the newest message once there is one more."""
        before = {message["key"] for message in (await self.state())["messages"]}
        await self.do("type", text=text)
        state = await self.until(
            lambda now: any(
                one["key"] not in before and one["author"]["kind"] != "person" for one in now["messages"]
            ),
            f"an answer to {text}",
            seconds,
        )
        newest: State = state["messages"][-1]
        return newest


@asynccontextmanager
async def calm_tab(opened: OpenPage) -> AsyncIterator[Tab]:
    """A tab in which Alice looks at #trial-uploads, nothing is broken, and time runs as usual."""
    async with httpx.AsyncClient(base_url=opened.url, trust_env=False, timeout=60) as client:
        tab = Tab(client, opened)
        await tab.do("become", person="alice")
        await tab.do("go", place="C0TRIALUPLOADS")
        state = await tab.state()
        for fault in state["faults"]:
            if fault["on"]:
                await tab.do("fault", key=fault["key"], on=False)
        await tab.do("clock", speed=1)
        if not state["bot"]["running"]:
            await tab.do("bot", to="start")
        await tab.until(lambda state: state["bot"]["running"], "the bot runs")
        yield tab


def uploads(state: State, vault: str = seed.PROMOMATS) -> dict[str, State]:
    return {one["id"]: one for each in state["vaults"] if each["key"] == vault for one in each["uploads"]}


def ended(state: State, vault: str = seed.PROMOMATS) -> dict[str, str]:
    return {
        one["id"]: one["end"] for each in state["vaults"] if each["key"] == vault for one in each["ended"]
    }


def faults_on(state: State) -> set[str]:
    return {fault["key"] for fault in state["faults"] if fault["on"]}
