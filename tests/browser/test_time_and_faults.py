"""What can happen to the workspace: the tour, time, a stopped and a killed bot, faults."""

import re

import pytest
from playwright.async_api import expect

from bot.demo.vault import seed
from tests.browser.browsing import Workspace

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_bot__is_killed_and_comes_back_with_its_links(tab: Workspace) -> None:
    before = await tab.part("bot-pid").inner_text()
    await tab.press("act-bot-kill")
    await expect(tab.part("bot-state")).to_have_text("Bot was killed")
    await expect(tab.part("act-bot-stop")).to_have_count(0)
    failed = await tab.asked("/upload-status list")
    await expect(failed).to_contain_text('/upload-status failed with the error "dispatch_failed"')
    await expect(failed).to_contain_text("Only visible to you")
    await tab.press("act-bot-start")
    await expect(tab.part("bot-state")).to_have_text("Bot is running")
    assert await tab.part("bot-pid").inner_text() != before
    await expect(await tab.asked("/upload-status list")).to_contain_text("Cholecap-Commercial-2021.mp4")


async def test_bot__is_stopped_and_started(tab: Workspace) -> None:
    await tab.press("act-bot-stop")
    await expect(tab.part("bot-state")).to_have_text("Bot is stopped")
    await expect(tab.part("act-bot-kill")).to_have_count(0)
    await tab.press("act-bot-start")
    await expect(tab.part("bot-state")).to_have_text("Bot is starting")
    await expect(tab.part("act-bot-start")).to_have_count(0)
    await expect(tab.part("bot-state")).to_have_text("Bot is running")
    await expect(await tab.asked("/upload-status list")).to_contain_text("Cholecap-Commercial-2021.mp4")


async def test_vault__down_is_told_and_over_when_it_is_over(tab: Workspace) -> None:
    await tab.press("fault-vault_down")
    await expect(tab.part("fault-vault_down")).to_have_attribute("aria-checked", "true")
    told = await tab.asked("/upload-status list")
    await expect(told).not_to_contain_text("Cholecap")
    await expect(told).to_contain_text("Vault")
    await tab.press("fault-vault_down")
    await expect(tab.part("fault-vault_down")).to_have_attribute("aria-checked", "false")
    await expect(await tab.asked("/upload-status list")).to_contain_text("Cholecap")


async def test_clock__one_hour_before_expiry(tab: Workspace) -> None:
    await tab.press("act-speed-0")
    moment = await tab.part("clock-now").inner_text()
    await tab.press("act-clock-hour")
    await expect(tab.part("clock-now")).not_to_have_text(moment)
    card = await tab.asked(f"/upload-status {seed.CHOLECAP}")
    await expect(card).to_contain_text(re.compile(r"in 7\d h"))
    item = tab.part(f"upload-{seed.CHOLECAP}")
    await item.locator("[data-test=upload-menu]").click()
    await tab.press("act-clock-before")
    await expect(item).to_contain_text(re.compile(r"expires in (60|59) min"))
    await card.locator("[data-action=refresh]").click()
    await expect(card).to_contain_text(re.compile(r"\(in (59 min|60 min|1 h)\)"))


async def test_clock__one_hour_before_the_next_expiry(tab: Workspace) -> None:
    await tab.press("act-speed-0")
    await tab.press("act-new-upload")
    await tab.press("dialog-yes")
    button = tab.part("act-clock-next")
    await expect(button).to_be_enabled()
    about = await button.get_attribute("title") or ""
    name = about.removeprefix("One hour before ").removesuffix(" expires")
    moment = await tab.part("clock-now").inner_text()
    await button.click()
    await expect(tab.part("clock-now")).not_to_have_text(moment)
    item = tab.page.locator(".upload", has_text=name).first
    await expect(item).to_contain_text(re.compile(r"expires in (60|59) min"))


async def test_reminder__comes_late_after_the_bot_was_down(tab: Workspace) -> None:
    await tab.press("act-new-upload")
    dialog = tab.part("new-upload")
    await dialog.get_by_label("File name").fill("Watched.mp4")
    await dialog.get_by_label("File name").press("Enter")
    item = tab.page.locator(".upload", has_text="Watched.mp4")
    await item.locator("[data-test=act-ask]").click()
    upload_id = (await tab.part("composer").input_value()).split()[1]
    promised = await tab.asked(f"/upload-status watch {upload_id} 45m")
    await expect(promised).to_contain_text("I watch Watched.mp4")
    await item.locator("[data-test=upload-menu]").click()
    await tab.press("act-clock-before")
    await expect(item).to_contain_text(re.compile(r"expires in (60|59) min"))
    await tab.press("act-bot-kill")
    await expect(tab.part("bot-state")).to_have_text("Bot was killed")
    await tab.press("act-clock-half-hour")
    await tab.page.locator(".place", has_text="Vault Uploads").click()
    await tab.press("act-bot-start")
    reminder = tab.messages.filter(has_text="This reminder is late by 15 min")
    await expect(reminder).to_have_count(1, timeout=90_000)
    await expect(reminder).to_contain_text("Watched.mp4")
    await reminder.locator("[data-action=unwatch]").click()
    await expect(tab.messages.last).to_contain_text("I no longer watch Watched.mp4")
    await expect(tab.part("problem")).to_have_count(0)


async def test_new_upload__is_answered_for(tab: Workspace) -> None:
    await tab.press("act-new-upload")
    dialog = tab.part("new-upload")
    await dialog.get_by_label("File name").fill("Visual-Aid.mp4")
    await dialog.get_by_label("Size in MB").fill("40")
    await dialog.get_by_label("Size in MB").press("Enter")
    item = tab.page.locator(".upload", has_text="Visual-Aid.mp4")
    await item.locator("[data-test=upload-menu]").click()
    await tab.press("act-vault_finish")
    await expect(item).to_contain_text("all bytes there, not committed")
    await item.locator("[data-test=act-ask]").click()
    card = await tab.asked(await tab.part("composer").input_value())
    await expect(card).to_contain_text("100%")
    await item.locator("[data-test=upload-menu]").click()
    await tab.press("act-vault_commit")
    await expect(item).to_have_count(0)
    await card.locator("[data-action=refresh]").click()
    await expect(card).to_contain_text("No longer active")


async def test_tour__does_every_step_by_itself(tab: Workspace) -> None:
    tour = tab.part("tour")
    steps = (await tab.state())["tour"]["steps"]
    for number in range(len(steps)):
        await expect(tour).to_contain_text(f"Step {number + 1} of {len(steps)}")
        state = await tab.run_step()
        assert state["problems"] == []
        assert state["tour"]["steps"][number]["done"]
        await expect(tour).to_contain_text("✓ done")
        await expect(tab.part("toast")).to_have_count(0)
        await expect(tab.part("problem")).to_have_count(0)
        # Some steps end with a modal of the app's.
        await expect(tab.modal).to_have_count(1 if state["modal"] else 0)
        if state["modal"]:
            await tab.press("act-close-all")
            await expect(tab.modal).to_have_count(0)
        await tab.press("act-tour-next" if number + 1 < len(steps) else "act-tour-finish")
    await expect(tour).to_have_count(0)
    assert (await tab.state())["problems"] == []
    await tab.press("act-tour-open")
    await expect(tour).to_contain_text("Step 1")
    await tab.press("act-tour-close")
    await expect(tour).to_have_count(0)
