"""What a person does in the demo workspace, with a real browser, the real bot, and both emulators."""

import re

import pytest
from playwright.async_api import Locator, expect

from bot.demo.vault import seed
from tests.browser.browsing import PHONE, Workspace

pytestmark = pytest.mark.asyncio(loop_scope="session")

FILE = "Cholecap-Commercial-2021.mp4"


def upload(tab: Workspace, upload_id: str = seed.CHOLECAP) -> Locator:
    """The upload at the right."""
    return tab.part(f"upload-{upload_id}")


async def credential(tab: Workspace, person: str, what: str) -> str:
    """One of the sign-ins that stand on the page."""
    found = tab.part(f"credentials-{person}").get_by_role("button", name=re.compile(rf"Copy .* {what}:"))
    return await found.inner_text()


async def focused(tab: Workspace, name: str) -> str | None:
    """That attribute of what has the keyboard."""
    value: str | None = await tab.page.evaluate("(name) => document.activeElement.getAttribute(name)", name)
    return value


async def test_card__is_read_by_the_asker_alone(tab: Workspace) -> None:
    card = await tab.asked(f"/upload-status {seed.CHOLECAP}")
    for words in ("Only visible to you", FILE, "31%", "10.0 MB of 31.3 MB", "2 parts", "Alice Moreau (you)"):
        await expect(card).to_contain_text(words)
    await expect(card.locator("[data-action=refresh]")).to_have_text("Refresh")
    await tab.become("bob")
    await expect(card).to_have_count(0)
    told = await tab.asked(f"/upload-status {seed.CHOLECAP}")
    await expect(told).to_contain_text("No longer active, or not yours")
    spoken = await tab.page.locator("#talk").inner_text()
    assert "Cholecap" not in spoken
    assert "/u10001400" not in spoken


async def test_completion__by_keyboard(tab: Workspace) -> None:
    field = tab.part("composer")
    await field.press_sequentially("/up")
    option = tab.page.get_by_role("option", name="/upload-status")
    await expect(option).to_be_visible()
    await expect(field).to_have_attribute(
        "aria-activedescendant", await option.get_attribute("id") or "no id"
    )
    await field.press("Tab")
    await expect(field).to_have_value("/upload-status ")
    await expect(option).to_be_hidden()
    await field.press_sequentially("help")
    known = await tab.messages.count()
    await field.press("Enter")
    await expect(tab.messages).to_have_count(known + 1)
    await expect(tab.messages.last).to_contain_text("/upload-status list")
    await expect(field).to_have_value("")
    await field.press("ArrowUp")
    await expect(field).to_have_value("/upload-status help")
    await field.fill("")


async def test_refresh__shows_the_bytes_that_came_meanwhile_in_place(tab: Workspace) -> None:
    await upload(tab).locator("[data-test=act-ask]").click()
    await expect(tab.part("composer")).to_have_value(f"/upload-status {seed.CHOLECAP}")
    await expect(tab.part("composer")).to_be_focused()
    known = await tab.messages.count()
    await tab.part("composer").press("Enter")
    await expect(tab.messages).to_have_count(known + 1)
    card = tab.messages.last
    await expect(card).to_contain_text("31%")
    await upload(tab).locator("[data-test=act-next-part]").click()
    await expect(upload(tab)).to_contain_text("47%")
    await expect(card).to_contain_text("31%")
    await card.locator("[data-action=refresh]").click()
    await expect(card).to_contain_text("47%")
    await expect(card).to_contain_text("3 parts")
    await expect(card).to_contain_text("(edited)")
    await expect(tab.messages).to_have_count(known + 1)
    await expect(card.locator("[data-action=refresh]")).to_be_focused()


async def test_thread__takes_words_and_refuses_commands(tab: Workspace) -> None:
    await tab.type("The film is on its way.")
    message = tab.messages.last
    await expect(message).to_contain_text("The film is on its way.")
    await message.hover()
    await message.locator("[data-test=act-open_thread]").click()
    field = tab.part("thread-composer")
    await field.fill("Good")
    await field.press("Enter")
    await expect(tab.page.locator("#thread-messages")).to_contain_text("Good")
    await expect(message.locator("[data-test=replies]")).to_have_text("1 reply")
    await field.fill("/upload-status list")
    await field.press("Enter")
    await expect(tab.messages.last).to_contain_text("/upload-status is not supported in threads. Sorry!")
    await tab.press("act-close_thread")
    await expect(tab.page.locator("#thread")).to_be_hidden()


async def test_linking__through_the_bots_own_page(tab: Workspace) -> None:
    await tab.become("nils")
    page = await tab.linking_page(await tab.asked("/upload-status link"))
    await expect(page.locator("main")).to_contain_text("Nils Okafor")
    await page.get_by_label("Vault user name").fill(await credential(tab, "nils", "user name"))
    await page.get_by_label("Vault password").fill(await credential(tab, "nils", "password"))
    await page.get_by_role("button", name="Link with password").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Your account is linked")
    await page.close()
    refused = await tab.asked("/upload-status list")
    await expect(refused).to_contain_text("File Staging: Access")
    await expect(tab.page.locator(".place.is-unread", has_text="Vault Uploads")).to_have_count(1)


async def test_linking__through_the_companys_sign_in_and_back(tab: Workspace) -> None:
    await tab.become("vera")
    page = await tab.linking_page(await tab.asked("/upload-status link promomats"))
    await page.get_by_role("link", name="Sign in").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in to Vault Uploads")
    await page.get_by_role("button", name="Cancel").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    tab.faults.forget_refusal(403)
    await page.get_by_role("link", name="Back to the link page").click()
    await page.get_by_role("link", name="Sign in").click()
    await page.get_by_role("button", name="Continue as Vera Lindqvist").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Your account is linked")
    await expect(page.locator("main")).to_contain_text("vera@nordlicht.example")
    await page.close()
    await expect(await tab.asked("/upload-status whoami")).to_contain_text("By company sign-in")
    await tab.press("act-sign-out-vera")
    await expect(tab.part("toast")).to_contain_text("Vera Lindqvist is signed out everywhere.")
    await expect(await tab.asked("/upload-status list")).to_contain_text("has ended")


async def test_sign_in_way__of_a_person_is_what_vault_says_on_the_link_page(tab: Workspace) -> None:
    await tab.become("nils")
    await tab.press("way-nils-oidc")
    await expect(tab.part("way-nils-oidc")).to_have_attribute("aria-pressed", "true")
    page = await tab.linking_page(await tab.asked("/upload-status link promomats"))
    await page.get_by_label("Vault user name").fill(await credential(tab, "nils", "user name"))
    await page.get_by_role("button", name="Link with password").click()
    await expect(page.get_by_role("alert")).to_contain_text("sign-in")
    tab.faults.forget_refusal(403)
    await page.close()
    await tab.press("way-nils-password")
    await expect(tab.part("way-nils-password")).to_have_attribute("aria-pressed", "true")


async def test_unlink__asks_first_and_linking_again_works(tab: Workspace) -> None:
    who = await tab.asked("/upload-status whoami")
    button = who.locator("[data-action=unlink]").first
    await button.click()
    question = tab.part("confirm")
    await expect(question).to_contain_text("Unlink this account?")
    await tab.page.keyboard.press("Escape")
    await expect(question).to_have_count(0)
    await expect(button).to_be_focused()
    await button.click()
    await tab.press("dialog-yes")
    await expect(tab.page.locator("#messages")).to_contain_text("Unlinked from promomats")
    lost = await tab.asked(f"/upload-status {seed.CHOLECAP}")
    await expect(lost).to_contain_text("/upload-status link")
    page = await tab.linking_page(await tab.asked("/upload-status link"))
    await page.get_by_label("API access token").fill(await credential(tab, "alice", "token for promomats"))
    await page.get_by_role("button", name="Link with token").click()
    await expect(page.locator("main")).to_contain_text("alice@nordlicht.example")
    await page.close()
    await expect(await tab.asked(f"/upload-status {seed.CHOLECAP}")).to_contain_text(FILE)


async def test_log__tells_everything_but_the_secrets(tab: Workspace) -> None:
    await tab.asked(f"/upload-status {seed.CHOLECAP}")
    await tab.press("act-drawer")
    rows = tab.part("log-row")
    await expect(rows.filter(has_text="Slack → Bot").filter(has_text="slash command")).not_to_have_count(0)
    await tab.part("log-filter").fill("bot → vault get")
    await expect(rows.filter(has_text="Slack → Bot")).to_have_count(0)
    await expect(rows.last).to_contain_text(f"/services/file_staging/upload/{seed.CHOLECAP}")
    await rows.last.click()
    details = tab.page.locator(".log-details")
    await expect(details).to_contain_text('"responseStatus": "SUCCESS"')
    await expect(details).to_contain_text('"authorization": "•••', ignore_case=True)
    await expect(rows.last).to_have_attribute("aria-pressed", "true")
    everything = await tab.page.evaluate(
        """async () => {
          const { entries } = await (await fetch("/api/log?after=0")).json();
          const all = entries.map(({ n }) => fetch(`/api/log/${n}`).then((one) => one.json()));
          return JSON.stringify(await Promise.all(all));
        }"""
    )
    state = await tab.state()
    secrets = [one for each in state["credentials"] for one in (each["password"], *each["tokens"].values())]
    assert len(secrets) > 8
    assert [one for one in secrets if one in everything] == []
    assert not re.search(r"xox[bp]-\w|xapp-\w", everything)
    await tab.part("log-filter").fill("")
    await tab.page.get_by_label("Close the details").click()
    await tab.press("act-drawer")
    await expect(rows).to_have_count(0)


async def test_reload__changes_nothing(tab: Workspace) -> None:
    await tab.become("vera")
    await tab.press("place-C0MIGRATION")
    await tab.asked("/upload-status list")
    await tab.press("act-drawer")
    await tab.press("act-tour-next")
    await expect(tab.part("tour")).to_contain_text("Step 2")
    await tab.part("composer").fill("half a th")
    before = [await tab.keys(), await tab.messages.all_inner_texts(), await tab.page.title()]
    await tab.page.reload()
    await tab.ready()
    assert [await tab.keys(), await tab.messages.all_inner_texts(), await tab.page.title()] == before
    await expect(tab.part("person-vera")).to_have_attribute("aria-pressed", "true")
    await expect(tab.part("place-C0MIGRATION")).to_have_attribute("aria-current", "true")
    await expect(tab.part("composer")).to_have_value("half a th")
    await expect(tab.part("log-row")).not_to_have_count(0)
    await expect(tab.part("tour")).to_contain_text("Step 2")


async def test_two_tabs__are_in_step(tab: Workspace) -> None:
    other = Workspace(await tab.page.context.new_page(), tab.url)
    await other.open()
    await tab.type("Seen in both?")
    await expect(other.messages.last).to_contain_text("Seen in both?")
    card = await other.asked(f"/upload-status {seed.CHOLECAP}")
    key = await card.get_attribute("data-key")
    await expect(tab.page.locator(f"[data-key='{key}']")).to_contain_text(FILE)
    await other.become("bob")
    await expect(tab.part("person-bob")).to_have_attribute("aria-pressed", "true")
    await expect(tab.page.locator(f"[data-key='{key}']")).to_have_count(0)


async def test_keyboard__is_enough(tab: Workspace) -> None:
    press = tab.page.keyboard.press
    await press("Tab")
    await expect(tab.page.locator(".skip")).to_be_focused()
    await press("Enter")
    await expect(tab.part("composer")).to_be_focused()
    await tab.page.keyboard.type("/upload-status list")
    known = await tab.messages.count()
    await press("Enter")
    await expect(tab.messages).to_have_count(known + 1)
    answer = tab.messages.last
    await expect(answer).to_contain_text("Your uploads in promomats")
    for _ in range(8):
        await press("Shift+Tab")
        if await focused(tab, "data-action") == "refresh":
            break
    await expect(answer.locator("[data-action=refresh]", has_text="Show").last).to_be_focused()
    await press("Enter")
    await expect(answer.get_by_role("heading", name=FILE)).to_be_visible()
    await expect(answer).not_to_contain_text("Your uploads in promomats")
    await upload(tab).locator("[data-test=act-next-part]").focus()
    await press("Tab")
    await press("Enter")
    menu = tab.page.get_by_role("menu")
    await expect(menu.get_by_role("menuitem").first).to_be_focused()
    await press("End")
    await expect(tab.part("act-vault_expire")).to_be_focused()
    await press("Escape")
    await expect(menu).to_have_count(0)
    await expect(upload(tab).locator("[data-test=upload-menu]")).to_be_focused()


async def test_phone__has_three_tabs_and_nothing_to_the_side(tab: Workspace) -> None:
    await tab.page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    await tab.page.reload()
    await tab.ready()
    await tab.asked(f"/upload-status {seed.CHOLECAP}")
    await tab.asked("/upload-status list")
    shown = {"chats": "#sidebar", "talk": "#conversation", "vault": "#vault"}
    for name, column in shown.items():
        await tab.press(f"tab-{name}")
        for other in shown.values():
            await expect(tab.page.locator(other)).to_be_visible(visible=other == column)
        assert await tab.page.evaluate(WIDER_THAN_THE_WINDOW) == []
    await tab.press("act-drawer")
    await tab.part("log-row").last.click()
    await expect(tab.page.locator(".log-details")).to_be_visible()
    assert await tab.page.evaluate(WIDER_THAN_THE_WINDOW) == []
    await tab.page.get_by_label("Close the details").click()
    await upload(tab).locator("[data-test=act-ask]").click()
    await expect(tab.page.locator("#conversation")).to_be_visible()
    await tab.part("composer").fill("")
    page = await tab.linking_page(await tab.asked("/upload-status link"))
    await page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    assert await page.evaluate(WIDER_THAN_THE_WINDOW) == []


WIDER_THAN_THE_WINDOW = """() => {
  const scrolling = document.querySelectorAll("html, body, .scroller, .vault-scroller, .log-details, #sidebar");
  return [...scrolling]
    .filter((one) => one.checkVisibility() && one.scrollWidth > one.clientWidth)
    .map((one) => `${one.tagName}#${one.id}.${one.className}: ${one.scrollWidth} in ${one.clientWidth}`);
}"""


async def test_composer__shows_what_people_type_as_text(tab: Workspace) -> None:
    words = "<img src=x onerror=alert(1)> <b>not bold</b> & *bold*"
    await tab.type(words)
    await expect(tab.messages.last).to_contain_text("<img src=x onerror=alert(1)> <b>not bold</b> &")
    assert await tab.messages.last.locator("img, script").count() == 0
