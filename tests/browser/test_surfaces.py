"""Each way to ask that Slack has, as a person goes it: what is seen, by whom, and what a press does."""

import re

import pytest
from playwright.async_api import Locator, expect

from bot.demo.page.run import OpenPage
from bot.demo.vault import seed
from tests.browser.browsing import Workspace

pytestmark = pytest.mark.asyncio(loop_scope="session")

FILE, MOVING = "Cholecap-Commercial-2021.mp4", "m5-datasets.zip"
NOT_YOURS = "No longer active, or not yours"
ONLY_YOU = "Only visible to you"


async def shared_card(tab: Workspace, upload_id: str) -> Locator:
    """Ask, press Share, and return the card that all see."""
    known = await tab.page.locator("#messages [data-action=take_back]").count()
    card = await tab.asked(f"/upload-status {upload_id}")
    await card.locator("[data-action=share]").click()
    await expect(tab.page.locator("#messages [data-action=take_back]")).to_have_count(known + 1)
    key = await tab.messages.filter(has=tab.page.locator("[data-action=take_back]")).last.get_attribute(
        "data-key"
    )
    return tab.page.locator(f"#messages [data-key='{key}']")


async def test_mention__in_a_thread_is_answered_there_for_all(tab: Workspace) -> None:
    await tab.type("How far is the film?")
    question = tab.messages.last
    await tab.open_thread(question)
    await tab.part("thread-composer").press_sequentially("@va")
    await tab.part("thread-composer").press("Tab")
    await expect(tab.part("thread-composer")).to_have_value("@Vault Uploads ")
    await tab.reply(f"@Vault Uploads {seed.CHOLECAP}")
    card = tab.replies.last
    await expect(card).to_contain_text("Asked by @Alice Moreau")
    await expect(card).to_contain_text(FILE)
    await expect(card).not_to_contain_text(ONLY_YOU)
    await expect(question.locator("[data-test=replies]")).to_have_text("2 replies")
    await tab.become("bob")
    await tab.open_thread(question)
    await expect(tab.replies.last).to_contain_text(FILE)
    await tab.reply(f"@Vault Uploads {seed.CHOLECAP}")
    await expect(tab.replies.last).to_contain_text(NOT_YOURS)
    await expect(tab.replies.last).to_contain_text(ONLY_YOU)
    await tab.become("alice")
    await tab.open_thread(question)
    await expect(tab.replies).to_have_count(4)
    await expect(tab.replies.filter(has_text=NOT_YOURS)).to_have_count(0)


async def test_shared_card__stays_true_acts_as_the_clicker_and_is_taken_back(tab: Workspace) -> None:
    card = await shared_card(tab, seed.ALICE_EXPIRING)
    await expect(card).to_contain_text("Shared by @Alice Moreau")
    await card.locator("[data-action=live]").click()
    await expect(card).to_contain_text("kept up to date until the upload ends")
    await expect(card).to_contain_text("(edited)")
    await expect(card).to_contain_text("251 parts")
    await tab.part(f"upload-{seed.ALICE_EXPIRING}").locator("[data-test=act-next-part]").click()
    await tab.press("act-clock-half-hour")
    await expect(card).to_contain_text("252 parts")
    await tab.become("bob")
    await card.locator("[data-action=refresh]").click()
    await expect(tab.messages.last).to_contain_text(NOT_YOURS)
    await tab.become("alice")
    await card.locator("[data-action=take_back]").click()
    await expect(card).to_have_count(0)


async def test_my_uploads__are_searched_by_enter_and_lead_to_details(tab: Workspace) -> None:
    await tab.my_uploads()
    await expect(tab.modal).to_contain_text("Launch-Film-Master-4K.mov")
    search = tab.modal.get_by_label(re.compile("Search by name"))
    await search.fill("m5")
    await search.press("Enter")
    await expect(tab.modal).to_contain_text("1 of")
    await expect(search).to_have_value("m5")
    await expect(search).to_be_focused()
    await expect(tab.modal).not_to_contain_text("Launch-Film-Master-4K.mov")
    await tab.modal.locator("[data-action=details]").click()
    await expect(tab.modal).to_contain_text("How to resume")
    await tab.press("act-back")
    await expect(search).to_have_value("m5")
    await search.fill("")
    await tab.press("act-submit")
    await expect(tab.modal).to_contain_text("Launch-Film-Master-4K.mov")
    await tab.modal.locator("[data-action=details]").first.click()
    await expect(tab.part("act-back")).to_be_visible()
    await tab.press("act-close-all")
    await expect(tab.modal).to_have_count(0)


async def test_details__tell_how_to_resume(tab: Workspace) -> None:
    card = await tab.asked(f"/upload-status {seed.CHOLECAP}")
    await card.locator("[data-action=details]").click()
    for words in ("How to resume", "curl", "Next part: 3", "10,485,760", seed.CHOLECAP, "Pace"):
        await expect(tab.modal).to_contain_text(words)
    await tab.page.keyboard.press("Escape")
    await expect(tab.modal).to_have_count(0)
    await expect(card.locator("[data-action=details]")).to_be_focused()


async def test_abort__wants_the_file_name_and_a_reason(tab: Workspace, opened: OpenPage) -> None:
    doomed = opened.stage.demo.vault.create_upload("alice", "/demo/doomed.mov", 32862312)
    card = await tab.asked(f"/upload-status {doomed.id}")
    await card.locator("[data-action=details]").click()
    await tab.modal.locator("[data-action=abort]").click()
    await expect(tab.modal).to_contain_text("This cannot be undone.")
    await tab.modal.get_by_label("Type its file name").fill("something.mov")
    await tab.modal.get_by_label("Why").fill("A newer cut is there")
    await tab.press("act-submit")
    await expect(tab.modal.get_by_role("alert")).to_be_visible()
    await expect(tab.part(f"upload-{doomed.id}")).to_be_visible()
    await tab.modal.get_by_label("Type its file name").fill("doomed.mov")
    await tab.press("act-submit")
    await expect(tab.part(f"upload-{doomed.id}")).to_have_count(0)
    await expect(tab.page.locator(".place.is-unread", has_text="Vault Uploads")).to_have_count(1)


async def test_home__watches_snoozes_and_keeps_settings(tab: Workspace) -> None:
    home = await tab.home()
    await expect(home).to_contain_text("Needs you")
    await expect(home).to_contain_text(MOVING)
    await home.locator("[data-action=watch]").last.click()
    await expect(tab.modal.locator("[data-test=act-submit]")).to_be_visible()
    await tab.press("act-submit")
    await expect(home).to_contain_text(re.compile(r"You watch: [1-9]"))
    await home.locator("[data-action=settings]").click()
    await tab.modal.get_by_label(re.compile("Times before an upload expires")).fill("6h")
    await tab.modal.get_by_label("Hold all my reminders back at night").check()
    await tab.modal.get_by_label(re.compile("^From")).fill("21:30")
    await tab.press("act-submit")
    await expect(tab.modal).to_have_count(0)
    await expect(home).to_contain_text("21:30")
    await expect(home).to_contain_text("6 h")
    await tab.become("nils")
    await expect(await tab.home()).not_to_contain_text(MOVING)
    await expect(tab.part("home").locator("a[data-action=link], [data-action=link]").first).to_be_visible()
