"""Pictures of the main views, light, dark and on a phone, into the folder `shots`, and those of the README into `docs`:
`python -m tests.browser.shots`."""

import asyncio
import sys
from pathlib import Path

from playwright.async_api import Browser, Page

from bot.demo.page.run import OpenPage, demo_page
from bot.demo.vault import seed
from tests.browser.browsing import CHROMIUM, DESK, PHONE, Scheme, Workspace, calm, chromium, window
from tests.browser.surface_shots import DOCS, surfaces

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
        await page.get_by_role("link", name="Sign in").first.click()
        await shoot(page, f"company-sign-in-{scheme}")


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
    """The pictures that README.md shows."""
    async with window(browser, size=(1200, 720)) as context:
        tab = Workspace(await context.new_page(), opened.url)
        await calm(opened)
        await tab.open()
        await tab.asked(f"/upload-status {seed.CHOLECAP}")
        await shoot(tab.page, "demo-light", DOCS)
        page = await tab.linking_page(await tab.asked("/upload-status link promomats"))
        await page.set_viewport_size({"width": 560, "height": 610})
        await page.screenshot(
            path=DOCS / "link-page.png", animations="disabled", caret="hide", full_page=True
        )
        await tab.press("act-tour-close")
        await late_reminder(tab)
        await shoot(tab.page, "reminder", DOCS)


async def late_reminder(tab: Workspace) -> None:
    """A reminder that fell due while the bot was killed, at the end of the direct messages."""
    await tab.asked(f"/upload-status watch {seed.CHOLECAP} 45m")
    await tab.part(f"upload-{seed.CHOLECAP}").locator("[data-test='upload-menu']").click()
    await tab.press("act-clock-before")
    await tab.page.locator(".place", has_text="Vault Uploads").click()
    await tab.messages.filter(has_text="stalled").first.wait_for()
    await tab.press("act-bot-kill")
    await tab.part("act-bot-start").wait_for()
    await tab.press("act-clock-half-hour")
    await tab.press("act-bot-start")
    await tab.messages.filter(has_text="This reminder is late").first.wait_for()
    await tab.page.locator(".vault-scroller").evaluate("one => one.scrollTo(0, 0)")
    await tab.page.wait_for_timeout(500)


async def shoot(page: Page, name: str, folder: Path = FOLDER) -> None:
    await page.screenshot(path=folder / f"{name}.png", animations="disabled", caret="hide")


async def main() -> None:
    """Take all of them; those of the README in a workspace of their own, where nothing was said before."""
    if CHROMIUM is None:
        sys.exit("Chromium is not installed (Debian: chromium).")
    FOLDER.mkdir(exist_ok=True)
    async with chromium() as browser:
        async with demo_page(port=0) as opened:
            await for_readme(browser, opened)
        async with demo_page(port=0) as opened:
            await surfaces(browser, opened)
        async with demo_page(port=0) as opened:
            for scheme in SCHEMES:
                await desk(browser, opened, scheme)
                await phone(browser, opened, scheme)
    print(f"{len(list(FOLDER.glob('*.png')))} pictures in {FOLDER}/")  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main())
