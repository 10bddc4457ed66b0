"""axe-core finds nothing serious: the demo page in its main states, and the bot's link page; light and dark."""

import pytest
from playwright.async_api import Page, expect

from bot.demo.vault import seed
from tests.browser.browsing import PHONE, Scheme, Workspace, axe

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.usefixtures("axe_core")]

SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])


async def seen(page: Page, scheme: Scheme) -> None:
    """Look in that scheme from now on; a test that would look at the other one proves nothing."""
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    assert await page.evaluate(f"() => matchMedia('(prefers-color-scheme: {scheme})').matches")


@SCHEMES
async def test_demo_page(tab: Workspace, scheme: Scheme) -> None:
    await seen(tab.page, scheme)
    found = await axe(tab.page, "start")
    await tab.asked(f"/upload-status {seed.CHOLECAP}")
    await tab.asked("/upload-status list")
    await tab.asked("/upload-status help")
    await tab.part("composer").fill("/")
    found += await axe(tab.page, "answers, proposals")
    await tab.part("composer").fill("")
    who = await tab.asked("/upload-status whoami")
    await who.locator("[data-action=unlink]").first.click()
    found += await axe(tab.page, "confirm dialog")
    await tab.page.keyboard.press("Escape")
    await tab.press("act-new-upload")
    found += await axe(tab.page, "new upload")
    await tab.page.keyboard.press("Escape")
    await tab.part(f"upload-{seed.CHOLECAP}").locator("[data-test=upload-menu]").click()
    found += await axe(tab.page, "menu")
    await tab.page.keyboard.press("Escape")
    await tab.type("A thread begins")
    await tab.messages.last.hover()
    await tab.messages.last.locator("[data-test=act-open_thread]").click()
    await expect(tab.part("thread-composer")).to_be_visible()
    await tab.press("fault-vault_down")
    await tab.asked("/upload-status list")
    found += await axe(tab.page, "thread, Vault's faults")
    await tab.press("fault-vault_down")
    await tab.part("credentials-nils").scroll_into_view_if_needed()
    found += await axe(tab.page, "sign-ins")
    await tab.press("act-bot-kill")
    await expect(tab.part("act-bot-start")).to_be_visible()
    found += await axe(tab.page, "killed bot")
    await tab.press("act-bot-start")
    await expect(tab.part("act-bot-kill")).to_be_visible()
    await tab.press("act-close_thread")
    await tab.press("act-drawer")
    await tab.part("log-row").last.click()
    await expect(tab.page.locator(".log-details")).to_be_visible()
    found += await axe(tab.page, "log drawer")
    await tab.page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    for name in ("chats", "vault", "talk"):
        await tab.press(f"tab-{name}")
        found += await axe(tab.page, f"phone, {name}")
    assert found == []


@SCHEMES
async def test_surfaces_of_the_app(tab: Workspace, scheme: Scheme) -> None:
    await seen(tab.page, scheme)
    await tab.type(f"@Vault Uploads {seed.CHOLECAP}")
    await tab.messages.last.locator("[data-test=replies]").click()
    await expect(tab.replies.last.locator("[data-action=take_back]")).to_be_visible()
    found = await axe(tab.page, "mention")
    await tab.press("act-close_thread")
    await tab.my_uploads()
    found += await axe(tab.page, "my uploads")
    await tab.modal.locator("[data-action=details]").last.click()
    await expect(tab.modal).to_contain_text("How to resume")
    found += await axe(tab.page, "details")
    await tab.modal.locator("[data-action=abort]").click()
    await expect(tab.modal.get_by_label("Type its file name")).to_be_visible()
    found += await axe(tab.page, "abort")
    await tab.press("act-close-all")
    home = await tab.home()
    found += await axe(tab.page, "home")
    await home.locator("[data-action=settings]").click()
    await expect(tab.part("act-submit")).to_be_visible()
    found += await axe(tab.page, "settings")
    await tab.press("act-close-all")
    await tab.page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    found += await axe(tab.page, "home on a phone")
    assert await tab.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert found == []


@SCHEMES
async def test_sign_in_of_the_company(tab: Workspace, scheme: Scheme) -> None:
    answer = await tab.asked("/upload-status link promomats")
    address = await answer.locator("a[data-action]").get_attribute("href")
    assert address
    page = await tab.page.context.new_page()
    await seen(page, scheme)
    await page.goto(address)
    await page.get_by_role("link", name="Sign in").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in to Vault Uploads")
    found = await axe(page, "whom to sign in as")
    await page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    found += await axe(page, "whom to sign in as, on a phone")
    assert await page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    used = page.url
    await page.get_by_role("button", name="Cancel").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    tab.faults.forget_refusal(403)
    found += await axe(page, "back with nothing done")
    await page.goto(used.replace("redirect_uri=http", "redirect_uri=x"))
    await expect(page.get_by_role("heading", level=1)).to_have_text("You cannot sign in here")
    tab.faults.forget_refusal(400)
    found += await axe(page, "cannot sign in")
    assert found == []


@SCHEMES
async def test_link_page(tab: Workspace, scheme: Scheme) -> None:
    address = await (await tab.asked("/upload-status link")).locator("a[data-action]").get_attribute("href")
    assert address
    page = await tab.page.context.new_page()
    await seen(page, scheme)
    await page.goto(address)
    found = await axe(page, "form")
    await page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    found += await axe(page, "form on a phone")
    await page.get_by_label("API access token").fill(seed.ACCESS_TOKENS["alice", "promomats"])
    await page.get_by_role("button", name="Link with token").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Your account is linked")
    found += await axe(page, "linked")
    assert found == []
