"""Pictures of the main views, light, dark and on a phone, into the folder `shots`: `python -m tests.browser.shots`."""

import asyncio
import sys
from pathlib import Path

from playwright.async_api import Browser, Page

from bot.demo.page.run import OpenPage, demo_page
from bot.demo.vault import seed
from tests.browser.browsing import CHROMIUM, DESK, PHONE, Scheme, Workspace, calm, chromium, window

FOLDER = Path("shots")
SCHEMES: tuple[Scheme, ...] = ("light", "dark")


async def desk(browser: Browser, opened: OpenPage, scheme: Scheme) -> None:
    """The whole workspace on a desk, and the link page opened from it."""
    async with window(browser, size=DESK, scheme=scheme) as context:
        tab = Workspace(await context.new_page(), opened.url)
        await calm(opened)
        await tab.open()
        await shoot(tab.page, f"start-{scheme}")
        card = await tab.asked(f"/upload-status {seed.CHOLECAP}")
        await shoot(tab.page, f"card-{scheme}")
        await card.hover()
        await tab.asked("/upload-status list")
        await shoot(tab.page, f"list-{scheme}")
        await tab.press("act-drawer")
        await tab.part("log-row").last.click()
        await tab.page.locator(".log-details").wait_for()
        await shoot(tab.page, f"log-{scheme}")
        await tab.press("act-drawer")
        await tab.part(f"upload-{seed.CHOLECAP}").locator("[data-test='upload-menu']").click()
        await shoot(tab.page, f"menu-{scheme}")
        await tab.page.keyboard.press("Escape")
        await tab.type("The film is on its way.")
        await tab.messages.last.hover()
        await tab.messages.last.locator("[data-test='act-open_thread']").click()
        await tab.part("thread-composer").wait_for()
        await tab.part("thread-composer").fill("/upload-status list")
        await tab.part("thread-composer").press("Enter")
        await tab.page.get_by_text("not supported in threads").first.wait_for()
        await shoot(tab.page, f"thread-{scheme}")
        await tab.press("act-close_thread")
        await tab.part("credentials-nils").scroll_into_view_if_needed()
        await shoot(tab.page, f"sign-in-{scheme}")
        page = await tab.linking_page(await tab.asked("/upload-status link"))
        await page.set_viewport_size({"width": 900, "height": 900})
        await shoot(page, f"link-page-{scheme}")


async def phone(browser: Browser, opened: OpenPage, scheme: Scheme) -> None:
    """The three tabs of a narrow screen, and the link page there."""
    async with window(browser, size=PHONE, scheme=scheme, scale=2) as context:
        tab = Workspace(await context.new_page(), opened.url)
        await calm(opened)
        await tab.open()
        await tab.asked(f"/upload-status {seed.CHOLECAP}")
        for name in ("chats", "vault", "talk"):
            await tab.press(f"tab-{name}")
            await shoot(tab.page, f"phone-{name}-{scheme}")
        page = await tab.linking_page(await tab.asked("/upload-status link"))
        await shoot(page, f"phone-link-page-{scheme}")


async def for_readme(browser: Browser, opened: OpenPage) -> None:
    """The two pictures that README.md shows, from `docs/`."""
    async with window(browser, size=(1200, 720)) as context:
        tab = Workspace(await context.new_page(), opened.url)
        await calm(opened)
        await tab.open()
        await tab.asked(f"/upload-status {seed.CHOLECAP}")
        await shoot(tab.page, "demo-light")
        page = await tab.linking_page(await tab.asked("/upload-status link promomats"))
        await page.set_viewport_size({"width": 560, "height": 610})
        await shoot(page, "link-page")


async def shoot(page: Page, name: str) -> None:
    await page.screenshot(path=FOLDER / f"{name}.png", animations="disabled", caret="hide")


async def main() -> None:
    """Take all of them, in one workspace."""
    if CHROMIUM is None:
        sys.exit("Chromium is not installed (Debian: chromium).")
    FOLDER.mkdir(exist_ok=True)
    async with chromium() as browser, demo_page(port=0) as opened:
        await for_readme(browser, opened)
        for scheme in SCHEMES:
            await desk(browser, opened, scheme)
            await phone(browser, opened, scheme)
    print(f"{len(list(FOLDER.glob('*.png')))} pictures in {FOLDER}/")  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main())
