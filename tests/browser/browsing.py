"""A real browser for tests and pictures: Debian's Chromium, and tabs that note everything that went wrong in them."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    async_playwright,
    expect,
)

from bot.demo.page.run import OpenPage

CHROMIUM = shutil.which("chromium")
AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
CHANNEL = "C0TRIALUPLOADS"
DESK, PHONE = (1440, 900), (380, 780)
PATIENCE_MS = 60_000
"""A process may be starting, on a machine with other things to do."""
expect.set_options(timeout=PATIENCE_MS)
Scheme = Literal["light", "dark"]


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Debian's Chromium, without a window."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(SWITCHES))
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def window(
    browser: Browser,
    *,
    size: tuple[int, int] = DESK,
    scheme: Scheme = "light",
    scale: float = 1,
) -> AsyncIterator[BrowserContext]:
    """A window with nothing remembered."""
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,
        reduced_motion="reduce",
        device_scale_factor=scale,
        locale="en-GB",
        timezone_id="Europe/Paris",
    )
    context.set_default_timeout(PATIENCE_MS)
    try:
        yield context
    finally:
        await context.close()


class Faults:
    """What a person would find wrong in the browser's own tools, in every tab of a window."""

    def __init__(self, context: BrowserContext) -> None:
        self.found: list[str] = []
        context.on("console", self._console)
        context.on("weberror", lambda error: self.found.append(f"error: {error.error}"))
        context.on("request", self._request)

    def forget_refusal(self, status: int) -> None:
        """Take off what the browser noted of a page that was refused with that status, as it was meant to be."""
        wanted = f"the server responded with a status of {status} "
        self.found.remove(next(one for one in self.found if wanted in one))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.found.append(f"{message.type}: {message.text} ({message.location})")

    def _request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in ("data", "blob") and address.hostname != "127.0.0.1":
            self.found.append(f"asked {request.url}")


class Workspace:
    """The demo workspace in a tab, by what a person can see and press."""

    def __init__(self, page: Page, url: str, faults: Faults | None = None) -> None:
        self.page = page
        self.url = url
        self.faults = faults or Faults(page.context)

    async def open(self, where: str = "/") -> None:
        """Load the page and wait until it has drawn everything once."""
        await self.page.goto(f"{self.url}{where}")
        await self.ready()

    async def ready(self) -> None:
        await self.page.locator("#layout[data-ready=true]").wait_for()

    def part(self, test: str) -> Locator:
        """Whatever bears that name for tests."""
        return self.page.locator(f"[data-test='{test}']")

    @property
    def messages(self) -> Locator:
        """Everything said at this place, oldest first."""
        return self.page.locator("#messages [data-test='message']")

    async def press(self, test: str) -> None:
        await self.part(test).click()

    async def type(self, text: str) -> None:
        """Type into the composer and send it."""
        await self.part("composer").fill(text)
        await self.part("composer").press("Enter")

    async def asked(self, text: str) -> Locator:
        """Type, and return the app's answer."""
        known = set(await self.keys())
        await self.type(text)
        key = await self.page.evaluate(NEW_ANSWER, [list(known)])
        return self.page.locator(f"#messages [data-key='{key}']")

    @property
    def replies(self) -> Locator:
        """What stands in the open thread, its first message included."""
        return self.page.locator("#thread [data-test='message']")

    @property
    def modal(self) -> Locator:
        """The app's modal."""
        return self.part("modal")

    async def reply(self, text: str) -> None:
        """Type into the composer of the open thread and send it."""
        await self.part("thread-composer").fill(text)
        await self.part("thread-composer").press("Enter")

    async def open_thread(self, message: Locator) -> None:
        """Open the thread below a message."""
        await message.hover()
        await message.locator("[data-test=act-open_thread]").click()
        await self.part("thread-composer").wait_for()

    async def use_shortcut(self, message: Locator, callback_id: str) -> None:
        """Use a shortcut of the message's menu."""
        await message.hover()
        await message.locator("[data-test=message-menu]").click()
        await self.press(f"act-message_shortcut-{callback_id}")

    async def my_uploads(self) -> None:
        """Open the modal by its shortcut, and wait until Vault has answered."""
        await self.press("shortcuts")
        await self.press("act-shortcut-my_uploads")
        await self.modal.locator("[data-action=details]").first.wait_for()

    async def home(self) -> Locator:
        """Open the app's home, and return it."""
        await self.press("place-home")
        await self.part("home").wait_for()
        return self.part("home")

    async def keys(self) -> list[str]:
        """The names of the messages on screen."""
        found: list[str] = await self.messages.evaluate_all("all => all.map((one) => one.dataset.key)")
        return found

    async def become(self, person: str) -> None:
        await self.press(f"person-{person}")
        await self.page.locator(f"[data-test='person-{person}'][aria-pressed=true]").wait_for()

    async def state(self) -> dict[str, Any]:
        """What the server tells the page."""
        found: dict[str, Any] = await self.page.evaluate("async () => (await fetch('/api/state')).json()")
        return found

    async def run_step(self) -> dict[str, Any]:
        """Let the tour's step do itself, and return what the server tells when that is over.

        That the step is ticked off says nothing: whoever did it by hand before has ticked it off too.
        """
        async with self.page.expect_response("**/api/do") as begun:
            await self.press("act-tour-run")
        assert (await begun.value).ok
        while (state := await self.state())["tour"]["running"]:  # noqa: ASYNC110 - another process runs it
            await asyncio.sleep(0.05)
        return state

    async def linking_page(self, answer: Locator) -> Page:
        """Press the button of the answer that opens the bot's link page in a new tab."""
        async with self.page.context.expect_page() as opening:
            await answer.locator("a[data-action]").first.click()
        page = await opening.value
        await page.wait_for_load_state()
        return page


NEW_ANSWER = """async ([known]) => {
  for (let left = 1200; left; left -= 1) {
    const all = [...document.querySelectorAll("#messages [data-test='message']")];
    const fresh = all.find((one) => !known.includes(one.dataset.key) && one.querySelector(".badge, .only-you"));
    if (fresh) return fresh.dataset.key;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error("the app did not answer");
}"""


async def calm(opened: OpenPage) -> None:
    """Alice looks at #trial-uploads, nothing is broken or open, and time runs as usual."""
    async with httpx.AsyncClient(base_url=opened.url, trust_env=False, timeout=60) as http:

        async def do(act: str, **more: Any) -> None:
            answer = await http.post("/api/do", json={"do": act, **more}, headers={"Origin": opened.url})
            assert answer.status_code == 200, answer.text

        state = (await http.get("/api/state")).json()
        for fault in state["faults"]:
            if fault["on"]:
                await do("fault", key=fault["key"], on=False)
        if state["modal"]:
            await do("close_modal", everything=True)
        if state["thread"]:
            await do("close_thread")
        if not state["bot"]["running"]:
            await do("bot", to="start")
        await do("become", person="alice")
        await do("go", place=CHANNEL)
        await do("clock", speed=1)
        await do("drawer", open=False)
        await do("tour", open=True, step=0)


async def axe(page: Page, about: str) -> list[str]:
    """What axe-core finds that is serious or critical, a line each; its script is set in past the page's own policy."""
    if not await page.evaluate("() => 'axe' in window"):
        await page.evaluate(AXE.read_text("utf-8"))
    is_dark = await page.evaluate("() => matchMedia('(prefers-color-scheme: dark)').matches")
    # Nothing but the colours is other in the dark.
    options = {"resultTypes": ["violations"]} | ({"runOnly": ["color-contrast"]} if is_dark else {})
    result = await page.evaluate("(options) => axe.run(document, options)", options)
    assert result["passes"], "axe-core saw nothing"
    return [
        f"{about}: {one['impact']} {one['id']}: {one['help']} · {node['target']} · {node['failureSummary']}"
        for one in result["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
