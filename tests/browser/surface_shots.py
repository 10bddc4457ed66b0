"""One picture of each surface, for docs/using.md, “Where you can ask”."""

from pathlib import Path

from playwright.async_api import Browser, FloatRect, Locator, expect

from bot.demo.page.run import OpenPage
from bot.demo.vault import seed
from tests.browser.browsing import Workspace, calm, window

DOCS = Path("docs")
NARROW, WIDE, TALL = (1200, 800), (1440, 640), (1200, 1040)


async def surfaces(browser: Browser, opened: OpenPage) -> None:
    """Take them all, as Alice, in a workspace where nothing was said before."""
    async with window(browser, size=NARROW) as context:
        tab = Workspace(await context.new_page(), opened.url)
        await calm(opened)
        await tab.open()
        await tab.press("act-tour-close")
        await home(tab)
        await mention(tab)
        await message_menu(tab)
        await modals(tab)
        await unfurl(tab, opened)
        await live_card(tab)


async def resized(tab: Workspace, size: tuple[int, int]) -> None:
    await tab.page.set_viewport_size({"width": size[0], "height": size[1]})


async def home(tab: Workspace) -> None:
    await tab.press("place-D0ALICE")
    await tab.asked(f"/upload-status watch {seed.ALICE_EXPIRING} 30m")
    await tab.home()
    await expect(tab.part("home")).to_contain_text("Launch-Film")
    await take(tab, "home", tab.page.locator("#talk"))
    await tab.press("place-C0TRIALUPLOADS")


async def mention(tab: Workspace) -> None:
    await tab.type("How far is the film?")
    await tab.open_thread(tab.messages.last)
    await tab.reply(f"@Vault Uploads {seed.CHOLECAP}")
    await expect(tab.replies.last).to_contain_text("Asked by")
    await take(tab, "mention", tab.replies.first, tab.replies.last)
    await tab.press("act-close_thread")


async def message_menu(tab: Workspace) -> None:
    """The menu of a message, and beside it what came of choosing from it."""
    await resized(tab, WIDE)
    await tab.type(f"For the launch: `{seed.ALICE_EXPIRING}` and `{seed.BOB_ARCHIVE}`")
    message = tab.messages.last
    await tab.use_shortcut(message, "check_upload")
    await message.locator("[data-test=replies]").click()
    await expect(tab.replies.last).to_contain_text("Uploads in this message")
    await message.hover()
    await message.locator("[data-test=message-menu]").click()
    await take(tab, "message-menu", tab.page.locator("#talk"), tab.page.locator("#thread"))
    await tab.page.keyboard.press("Escape")
    await tab.press("act-close_thread")


async def modals(tab: Workspace) -> None:
    await resized(tab, TALL)
    await tab.my_uploads()
    await tab.modal.get_by_role("textbox").fill("wave")
    await tab.modal.get_by_role("textbox").press("Enter")
    await expect(tab.modal).to_contain_text("found by")
    await take(tab, "my-uploads", tab.modal)
    await tab.press("act-close-all")
    card = await tab.asked(f"/upload-status {seed.CHOLECAP}")
    await card.locator("[data-action=details]").click()
    await expect(tab.modal).to_contain_text("How to resume")
    await take(tab, "details", tab.modal)
    await tab.modal.locator("[data-action=abort]").click()
    await tab.modal.get_by_label("Type its file name").fill("Cholecap-Commercial-2021.mp4")
    await tab.modal.get_by_label("Why").fill("A newer cut takes its place.")
    await take(tab, "abort", tab.modal)
    await tab.press("act-close-all")


async def unfurl(tab: Workspace, opened: OpenPage) -> None:
    await resized(tab, NARROW)
    url = opened.stage.demo.vault.vaults[seed.PROMOMATS].url
    await tab.type(f"Is it {url}/api/v24.3/services/file_staging/upload/{seed.ALICE_STALLED} ?")
    link = tab.messages.filter(has_text="Is it http").last
    await link.locator("[data-test=unfurl] [data-action=refresh]").click()
    answer = tab.messages.filter(has_text="Safety-Narratives").last
    await expect(answer).to_contain_text("Only visible to you")
    await take(tab, "unfurl", link, answer)


async def live_card(tab: Workspace) -> None:
    """It was shared, is kept up to date, and all its bytes have come: the thread below it tells that too."""
    card = await tab.asked(f"/upload-status {seed.CHOLECAP}")
    await card.locator("[data-action=share]").click()
    shared = tab.messages.filter(has_text="Shared by @Alice").last
    await shared.locator("[data-action=live]").click()
    await expect(shared).to_contain_text("kept up to date until")
    upload = tab.part(f"upload-{seed.CHOLECAP}")
    for _ in range(2):
        await upload.locator("[data-test=act-next-part]").click()
    await tab.press("act-clock-half-hour")
    await expect(shared).to_contain_text("4 parts")
    await shared.scroll_into_view_if_needed()
    await take(tab, "live-card", shared)


async def take(tab: Workspace, name: str, *parts: Locator) -> None:
    """The part of the page that holds all of these."""
    await tab.page.mouse.move(0, 0)
    boxes = [box for part in parts if (box := await part.bounding_box())]
    left, top = min(one["x"] for one in boxes), min(one["y"] for one in boxes)
    right = max(one["x"] + one["width"] for one in boxes)
    bottom = max(one["y"] + one["height"] for one in boxes)
    clip = FloatRect(x=left, y=top, width=right - left, height=bottom - top)
    await tab.page.screenshot(path=DOCS / f"{name}.png", clip=clip, animations="disabled", caret="hide")
