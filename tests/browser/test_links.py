"""Links to uploads and ids in messages, as people meet them: the card below a link, and a message's shortcut."""

import pytest
from playwright.async_api import expect

from bot.demo.page.run import OpenPage
from bot.demo.vault import seed
from tests.browser.browsing import Workspace

pytestmark = pytest.mark.asyncio(loop_scope="session")

FILE = "Cholecap-Commercial-2021.mp4"


async def test_card__below_a_link_asks_as_whoever_presses_it(tab: Workspace, opened: OpenPage) -> None:
    """Alice sees her upload; Bob, who sees the same card, does not."""
    url = opened.stage.demo.vault.vaults[seed.PROMOMATS].url
    await tab.type(f"It is {url}/api/v24.3/services/file_staging/upload/{seed.CHOLECAP}")
    card = tab.messages.last.locator("[data-test=unfurl]")
    await expect(card).to_contain_text("A Vault upload in promomats")
    await expect(card).not_to_contain_text(FILE)
    for person, expected in (("alice", FILE), ("bob", "No longer active, or not yours")):
        await tab.become(person)
        card = tab.page.locator("#messages [data-test=unfurl]").last
        await card.locator("[data-action=refresh]").click()
        await expect(tab.messages.last).to_contain_text(expected)
        await expect(tab.messages.last).to_contain_text("Only visible to you")
    await expect(tab.messages.last).not_to_contain_text(FILE)


async def test_shortcut__answers_in_the_messages_thread(tab: Workspace) -> None:
    await tab.type(f"Are {seed.CHOLECAP} and `{seed.ALICE_STALLED}` done?")
    message = tab.messages.last
    await message.hover()
    await message.locator("[data-test=message-menu]").click()
    await tab.press("act-message_shortcut-check_upload")
    await message.locator("[data-test=replies]").click()
    answer = tab.page.locator("#thread [data-test=message], .thread [data-test=message]").last
    await expect(answer).to_contain_text("Uploads in this message: 2")
    await expect(answer).to_contain_text(FILE)
    await expect(answer).to_contain_text("Only visible to you")
