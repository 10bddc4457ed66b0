"""What the page can show before the bot uses it: a modal with inputs and errors, and what Slack would reject.

The test speaks for the bot over Slack's Web API; the bot process itself gets the submission.
"""

import pytest
from playwright.async_api import expect
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.demo.page.run import OpenPage
from tests.browser.browsing import Workspace

pytestmark = pytest.mark.asyncio(loop_scope="session")

VIEW = {
    "type": "modal",
    "callback_id": "anything",
    "title": {"type": "plain_text", "text": "Why so slow?"},
    "submit": {"type": "plain_text", "text": "Tell us"},
    "close": {"type": "plain_text", "text": "Never mind"},
    "blocks": [
        {
            "type": "input",
            "block_id": "reason",
            "label": {"type": "plain_text", "text": "Reason"},
            "element": {"type": "plain_text_input", "action_id": "text", "min_length": 5},
        },
        {
            "type": "input",
            "block_id": "when",
            "optional": True,
            "label": {"type": "plain_text", "text": "Since when"},
            "element": {
                "type": "static_select",
                "action_id": "since",
                "options": [
                    {"text": {"type": "plain_text", "text": "Today"}, "value": "today"},
                    {"text": {"type": "plain_text", "text": "Longer"}, "value": "longer"},
                ],
            },
        },
    ],
}


async def test_modal__is_filled_in_and_sent(tab: Workspace, opened: OpenPage) -> None:
    slack = opened.stage.demo.slack
    client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
    asked = await slack.slash(user="alice", text="help")
    await asked.answered()
    await client.views_open(trigger_id=asked.payload["trigger_id"], view=VIEW)
    modal = tab.part("modal")
    await expect(modal).to_contain_text("Why so slow?")
    reason = modal.get_by_label("Reason")
    await expect(reason).to_be_focused()
    await modal.get_by_label("Since when").select_option("Longer")
    await modal.locator("[data-test=act-submit]").click()
    await expect(modal).to_be_visible()
    await reason.fill("The line is slow")
    await modal.locator("[data-test=act-submit]").click()
    await expect(modal).not_to_be_visible()
    sent = next(one for one in reversed(slack.log) if "view_submission" in str(one.request))
    assert "The line is slow" in str(sent.request)
    assert "longer" in str(sent.request)


async def test_message__that_slack_would_reject_is_shown_with_the_reason(
    tab: Workspace, opened: OpenPage
) -> None:
    slack = opened.stage.demo.slack
    client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
    with pytest.raises(SlackApiError):
        await client.chat_postMessage(
            channel="C0TRIALUPLOADS", text="x", blocks=[{"type": "hologram", "depth": 3}]
        )
    problem = tab.part("problem")
    await expect(problem).to_contain_text("hologram")
    await problem.locator("[data-test=act-dismiss]").click()
    await expect(problem).not_to_be_visible()
