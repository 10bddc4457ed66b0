"""Links to the app's domains: what the bot hears of them, the cards it puts below, and clicks in these."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.demo.slack import Message, SlackEmulator
from bot.demo.slack.workspace import BOT_USER_ID
from tests.emulators.slack_world import PATIENCE, Bot, Json, actions, button, plain, refusal_of, running_bot

UPLOADS, RANDOM = "C0TRIALUPLOADS", "C0RANDOM"
DOMAINS = ["acme.veevavault.com", "127.0.0.1", "10.0.0.1"]
URL, SECOND = "https://acme.veevavault.com/u?id=a1", "http://127.0.0.1:8090/api/x/a2"
CARD = {
    "blocks": [{"type": "section", "text": plain("A card")}, actions(button(value="v"))],
    "fallback": "A card",
}


def manifest(**changes: Any) -> Json:
    """An app with unfurl domains."""
    return {
        "display_information": {"name": "Vault Uploads"},
        "features": {"unfurl_domains": DOMAINS, "app_home": {"messages_tab_enabled": True}},
        "oauth_config": {"scopes": {"bot": ["chat:write", "links:read", "links:write", "app_mentions:read"]}},
        "settings": {"event_subscriptions": {"bot_events": ["link_shared", "app_mention"]}},
        **changes,
    }


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    async with running_bot(SlackEmulator(manifest=manifest(), ack_limit=PATIENCE)) as small:
        yield small


async def unfurled(bot: Bot, *urls: str, channel: str = UPLOADS) -> Message:
    """Bob's message with these links, each with a card below it."""
    message = await bot.slack.say("bob", channel, " and ".join(urls))
    await bot.web.chat_unfurl(channel=message.channel, ts=message.ts, unfurls=dict.fromkeys(urls, CARD))
    return now(bot, message)


def now(bot: Bot, message: Message) -> Message:
    """The message as it stands."""
    found = bot.slack.message(message.key)
    assert found is not None
    return found


# The event


async def test_link_shared__says_where_and_which(bot: Bot) -> None:
    message = await bot.slack.say("bob", UPLOADS, f"see {URL}, {SECOND} and https://other.example/x {URL}")
    [event] = bot.seen
    assert (event["type"], event["user"], event["channel"], event["message_ts"]) == (
        "link_shared", "U0BOB", UPLOADS, message.ts,
    )  # fmt: skip
    assert event["links"] == [{"domain": DOMAINS[0], "url": URL}, {"domain": DOMAINS[1], "url": SECOND}]
    assert (event["source"], event["is_bot_user_member"], event["user_locale"]) == (
        "conversations_history", True, "en-US",
    )  # fmt: skip
    assert event["unfurl_id"].startswith(f"{UPLOADS}.{message.ts}.")
    assert "text" not in event
    assert "thread_ts" not in event


async def test_link_shared__in_a_thread_and_where_the_bot_is_not(bot: Bot) -> None:
    root = await bot.slack.say("bob", RANDOM, "what of it?")
    assert bot.seen == []
    await bot.slack.say("alice", RANDOM, URL, root)
    await bot.slack.say("alice", "#migration", URL)
    assert [(one["channel"], one["is_bot_user_member"], one.get("thread_ts")) for one in bot.seen] == [
        (RANDOM, False, root.ts),
        ("C0MIGRATION", False, None),
    ]


@pytest.mark.parametrize(
    ("typed", "domains"),
    [
        ("https://acme.veevavault.com:8443/x", [DOMAINS[0]]),
        ("http://ACME.veevavault.com", [DOMAINS[0]]),
        ("https://sub.acme.veevavault.com/x", [DOMAINS[0]]),
        ("https://veevavault.com/x", []),
        ("https://notacme.veevavault.com/x", []),
        ("https://acme.veevavault.com.evil.example/x", []),
        ("acme.veevavault.com/x", []),
        ("`https://acme.veevavault.com/x`", []),
        ("http://10.0.0.1/x", []),
        ("https://[broken", []),
        (" ".join(f"{URL}{number}" for number in range(7)), [DOMAINS[0]] * 5),
    ],
)
async def test_link_shared__of_the_apps_domains_alone(bot: Bot, typed: str, domains: list[str]) -> None:
    await bot.slack.say("bob", UPLOADS, typed)
    assert [link["domain"] for event in bot.seen for link in event["links"]] == domains


async def test_link_shared__beside_a_mention_is_one_event_each(bot: Bot) -> None:
    await bot.slack.mention(user="bob", channel=UPLOADS, text=URL)
    assert sorted(bot.kinds) == ["app_mention", "link_shared"]


async def test_link_shared__not_of_an_apps_own_message(bot: Bot) -> None:
    await bot.web.chat_postMessage(channel=UPLOADS, text=f"<{URL}>")
    assert bot.seen == []


@pytest.mark.parametrize(
    "changes",
    [
        {"settings": {"event_subscriptions": {"bot_events": []}}},
        {"oauth_config": {"scopes": {"bot": ["links:write"]}}},
        {"features": {}},
    ],
)
async def test_link_shared__needs_subscription_scope_and_domain(changes: Json) -> None:
    async with running_bot(SlackEmulator(manifest=manifest(**changes))) as bot:
        await bot.slack.say("bob", UPLOADS, URL)
        assert bot.seen == []


# The card


async def test_unfurl__everybody_who_sees_the_message_sees_the_card(bot: Bot) -> None:
    message = await unfurled(bot, URL, channel=RANDOM)
    [card] = message.attachments
    assert (card["id"], card["app_unfurl_url"], card["is_app_unfurl"], card["fallback"]) == (
        1,
        URL,
        True,
        "A card",
    )
    assert card["blocks"][1]["block_id"] == "acts"
    assert card["blocks"][0]["block_id"]
    assert (message.text, message.author, message.edited) == (f"<{URL}>", "U0BOB", 0)
    assert [one.attachments for one in bot.slack.seen_by("alice", "#random")] == [message.attachments]
    assert message.as_json("T1")["attachments"] == [dict(card)]
    assert bot.slack.rejections == []


async def test_unfurl__by_its_id(bot: Bot) -> None:
    message = await bot.slack.say("bob", UPLOADS, URL)
    event = bot.seen[0]
    await bot.web.chat_unfurl(unfurl_id=event["unfurl_id"], source=event["source"], unfurls={URL: CARD})
    assert len(now(bot, message).attachments) == 1


async def test_unfurl__again_changes_the_card_and_adds_none(bot: Bot) -> None:
    message = await unfurled(bot, URL, SECOND)
    assert [one["id"] for one in message.attachments] == [1, 2]
    other: Json = {"blocks": [{"type": "section", "text": plain("Another")}]}
    await bot.web.chat_unfurl(channel=UPLOADS, ts=message.ts, unfurls={URL: other})
    urls = {one["app_unfurl_url"]: one["blocks"][0]["text"]["text"] for one in now(bot, message).attachments}
    assert urls == {URL: "Another", SECOND: "A card"}
    await bot.web.chat_unfurl(channel=UPLOADS, ts=message.ts, unfurls={URL: {}})
    assert [one["app_unfurl_url"] for one in now(bot, message).attachments] == [SECOND]


async def test_unfurl__of_what_is_being_written_is_its_authors_alone(bot: Bot) -> None:
    await bot.slack.draft("bob", f"look at {URL}")
    [event] = bot.seen
    assert (event["source"], event["channel"], event["message_ts"]) == (
        "composer",
        "COMPOSER",
        event["unfurl_id"],
    )
    await bot.web.chat_unfurl(unfurl_id=event["unfurl_id"], source="composer", unfurls={URL: CARD})
    assert list(bot.slack.previews[event["unfurl_id"]]) == [URL]
    assert bot.slack.messages == []
    assert (await bot.slack.draft("bob", "no link")).refusal is not None
    refused = await refusal_of(
        bot.web.chat_unfurl(unfurl_id=event["unfurl_id"], source="conversations_history", unfurls={URL: CARD})
    )
    assert refused["error"] == "cannot_find_message"


async def test_unfurl__needs_its_scope() -> None:
    lacking = {"oauth_config": {"scopes": {"bot": ["links:read"]}}}
    async with running_bot(SlackEmulator(manifest=manifest(**lacking))) as bot:
        message = await bot.slack.say("bob", UPLOADS, URL)
        refused = await refusal_of(bot.web.chat_unfurl(channel=UPLOADS, ts=message.ts, unfurls={URL: CARD}))
        assert (refused["error"], refused["needed"]) == ("missing_scope", "links:write")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"channel": None}, "missing_channel"),
        ({"ts": None}, "missing_ts"),
        ({"unfurls": None}, "missing_unfurls"),
        ({"unfurls": "{"}, "invalid_unfurls_format"),
        ({"unfurls": [URL]}, "invalid_unfurls_format"),
        ({"channel": "C0NOWHERE"}, "cannot_find_channel"),
        ({"ts": "1.1"}, "cannot_find_message"),
        ({"unfurl_id": "nothing", "source": "composer"}, "cannot_find_message"),
        ({"unfurls": {SECOND: CARD}}, "cannot_unfurl_message"),
        ({"unfurls": {"https://other.example/x": CARD}}, "cannot_unfurl_url"),
        ({"unfurls": {URL: "text"}}, "cannot_parse_attachment"),
        ({"unfurls": {URL: {**CARD, "extra": 1}}}, "cannot_parse_attachment"),
        ({"unfurls": {URL: {"blocks": [{"type": "nonsense"}]}}}, "invalid_blocks"),
        ({"unfurls": {URL: {"blocks": [{"type": "rich_text", "elements": []}]}}}, "invalid_blocks"),
    ],
)
async def test_unfurl__refusals(bot: Bot, arguments: Json, error: str) -> None:
    """Nothing is shown then; and what was wrong with the blocks is kept for the one who tries out the bot."""
    message = await bot.slack.say("bob", UPLOADS, f"{URL} https://other.example/x")
    sent = {"channel": UPLOADS, "ts": message.ts, "unfurls": {URL: CARD}, **arguments}
    refused = await refusal_of(bot.web.api_call("chat.unfurl", json=sent))
    assert refused["error"] == error
    assert now(bot, message).attachments == ()
    assert [one.error for one in bot.slack.rejections] == (
        ["invalid_blocks"] if error == "invalid_blocks" else []
    )


async def test_unfurl__not_below_a_deleted_or_ephemeral_message(bot: Bot) -> None:
    message = await bot.slack.say("bob", UPLOADS, URL)
    bot.slack._board.delete(message.key)
    refused = await refusal_of(bot.web.chat_unfurl(channel=UPLOADS, ts=message.ts, unfurls={URL: CARD}))
    assert refused["error"] == "cannot_find_message"


# Clicks


async def test_click__in_a_card(bot: Bot) -> None:
    """The bot sees the card, not the message."""
    message = await unfurled(bot, URL, channel=RANDOM)
    bot.seen.clear()
    delivery = await bot.slack.click(user="alice", message=message, action_id="refresh")
    [payload] = bot.seen
    assert payload["container"] == {
        "type": "message_attachment",
        "message_ts": message.ts,
        "attachment_id": 1,
        "channel_id": RANDOM,
        "is_ephemeral": False,
        "is_app_unfurl": True,
        "app_unfurl_url": URL,
    }
    assert payload["is_app_unfurl"] is True
    assert payload["app_unfurl"] == message.attachments[0]
    assert "message" not in payload
    assert (payload["actions"][0]["value"], payload["channel"]["id"]) == ("v", RANDOM)
    await AsyncWebhookClient(payload["response_url"]).send(text="31%", response_type="ephemeral")
    assert (await delivery.answered()).visible_to == "U0ALICE"
    assert now(bot, message).attachments == message.attachments


async def test_click__in_one_of_two_cards(bot: Bot) -> None:
    message = await unfurled(bot, URL, SECOND)
    bot.seen.clear()
    with pytest.raises(LookupError, match="2 elements 'refresh'"):
        await bot.slack.click(user="alice", message=message, action_id="refresh")
    assert bot.seen == []


async def test_click__answer_in_place_of_the_card_is_read_by_all(bot: Bot) -> None:
    """What an app must not do with one person's answer: the emulator shows it to everybody, as Slack does."""
    message = await unfurled(bot, URL)
    delivery = await bot.slack.click(user="alice", message=message, action_id="refresh")
    url = delivery.payload["response_url"]
    await AsyncWebhookClient(url).send(
        text="31%", blocks=[{"type": "section", "text": plain("31%")}], replace_original=True
    )
    [card] = now(bot, message).attachments
    assert (card["fallback"], card["app_unfurl_url"]) == ("31%", URL)
    assert now(bot, message).text == message.text
    await AsyncWebhookClient(url).send(delete_original=True)
    assert now(bot, message).attachments == ()
    assert now(bot, message).author != BOT_USER_ID
