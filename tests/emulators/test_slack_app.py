"""The app as its manifest declares it: what reaches the bot, and what a person is told instead."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.demo.slack import SlackEmulator
from tests.emulators.slack_world import Bot, running_bot

UPLOADS = "C0TRIALUPLOADS"
MANIFEST: dict[str, Any] = {
    "display_information": {"name": "Vault Uploads", "description": "How far uploads are"},
    "features": {
        "app_home": {"home_tab_enabled": True, "messages_tab_enabled": True},
        "bot_user": {"display_name": "Vault Uploads"},
        "slash_commands": [{"command": "/upload-status", "description": "Show", "usage_hint": "<id>"}],
        "shortcuts": [
            {
                "name": "Check upload",
                "type": "message",
                "callback_id": "check_upload",
                "description": "Check",
            },
            {"name": "My uploads", "type": "global", "callback_id": "my_uploads", "description": "List"},
        ],
    },
    "oauth_config": {"scopes": {"bot": ["app_mentions:read", "chat:write", "commands", "im:write"]}},
    "settings": {"event_subscriptions": {"bot_events": ["app_home_opened", "app_mention"]}},
}


def without(*path: str) -> dict[str, Any]:
    """The manifest less one of its parts."""
    copy: dict[str, Any] = json.loads(json.dumps(MANIFEST))
    inner = copy
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return copy


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    async with running_bot(SlackEmulator(manifest=MANIFEST)) as small:
        yield small


def test_app__read_from_the_manifest() -> None:
    app = SlackEmulator(manifest=MANIFEST).app
    assert (app.name, app.description, app.home_tab) == ("Vault Uploads", "How far uploads are", True)
    [command] = app.commands
    assert (command.name, command.description, command.usage_hint) == ("/upload-status", "Show", "<id>")
    assert [(one.callback_id, one.kind) for one in app.shortcuts] == [
        ("check_upload", "message"),
        ("my_uploads", "global"),
    ]
    assert app.events == {"app_home_opened", "app_mention"}
    assert SlackEmulator(manifest=MANIFEST).scopes == {
        "app_mentions:read",
        "chat:write",
        "commands",
        "im:write",
    }


def test_app__of_an_almost_empty_manifest() -> None:
    """What is not declared is not there."""
    app = SlackEmulator(manifest={"display_information": {"name": "Bare"}, "features": None}).app
    assert (app.name, app.commands, app.shortcuts, app.home_tab) == ("Bare", (), (), False)
    assert not app.events | app.scopes


async def test_slash__undeclared_is_told_to_the_person(bot: Bot) -> None:
    delivery = await bot.slack.slash(user="alice", command="/x", text="list")
    assert delivery.refusal is not None
    assert delivery.refusal.startswith("/x is not a valid command.")
    assert [message.text for message in bot.slack.seen_by("alice")] == [delivery.refusal]
    assert (bot.seen, bot.slack.log, bot.slack.seen_by("bob")) == ([], [], [])
    assert (await bot.slack.slash(user="alice")).error is None


async def test_slash__anything_goes_without_a_manifest() -> None:
    async with running_bot(SlackEmulator()) as bot:
        assert [command.name for command in bot.slack.app.commands] == ["/upload-status"]
        await bot.slack.slash(user="alice", command="/other")
        await bot.slack.event({"type": "team_join"})
        await bot.slack.shortcut("alice", "whatever")
        assert len(bot.seen) == 3


@pytest.mark.parametrize("part", [("settings", "event_subscriptions"), ("oauth_config", "scopes")])
async def test_event__needs_subscription_and_scope(part: tuple[str, str]) -> None:
    async with running_bot(SlackEmulator(manifest=without(*part))) as bot:
        delivery = await bot.slack.mention(user="alice", channel=UPLOADS, text="list")
        assert "not subscribed to app_mention" in str(delivery.refusal)
        assert delivery.settled.is_set()
        assert bot.seen == []


async def test_shortcut__global_has_no_place(bot: Bot) -> None:
    delivery = await bot.slack.shortcut("alice", "my_uploads")
    assert delivery.error is None
    [payload] = bot.seen
    assert (payload["type"], payload["callback_id"], payload["user"]["id"]) == (
        "shortcut",
        "my_uploads",
        "U0ALICE",
    )
    assert payload["trigger_id"]
    assert not {"channel", "response_url", "message"} & set(payload)


async def test_shortcut__of_a_message_where_the_bot_is_not(bot: Bot) -> None:
    """Its answer through the response_url reaches the person all the same."""
    message = await bot.slack.say("bob", "#random", "the id is TpE_x--")
    delivery = await bot.slack.message_shortcut("alice", message, "check_upload")
    [payload] = bot.seen
    assert (payload["type"], payload["message"]["text"]) == ("message_action", "the id is TpE_x--")
    assert (payload["message"]["user"], payload["message_ts"]) == ("U0BOB", message.ts)
    assert payload["channel"] == {"id": "C0RANDOM", "name": "random"}
    assert (await AsyncWebhookClient(payload["response_url"]).send(text="31%")).status_code == 200
    answer = await delivery.answered(1)
    assert (answer.channel, answer.visible_to) == ("C0RANDOM", "U0ALICE")


async def test_shortcut__only_declared_and_on_messages_one_sees(bot: Bot) -> None:
    secret = await bot.slack.say("alice", "migration", "TpE_x--")
    notice = (await bot.slack.slash(user="alice", in_thread=True)).refusal
    [ephemeral] = [message for message in bot.slack.seen_by("alice") if message.text == notice]
    for call, words in (
        (bot.slack.shortcut("alice", "check_upload"), "declares no global shortcut check_upload"),
        (bot.slack.message_shortcut("alice", secret, "my_uploads"), "declares no message shortcut"),
        (bot.slack.message_shortcut("bob", secret, "check_upload"), "bob sees no message"),
        (bot.slack.message_shortcut("alice", ephemeral, "check_upload"), "has no shortcuts"),
    ):
        with pytest.raises(LookupError, match=words):
            await call
    assert bot.seen == []


async def test_home__opened_first_without_a_view(bot: Bot) -> None:
    """From the second time with the view that was published at the first."""
    await bot.slack.open_home("alice")
    await bot.web.views_publish(user_id="U0ALICE", view={"type": "home", "blocks": [{"type": "divider"}]})
    await bot.slack.open_home("alice")
    await bot.slack.open_home("bob", tab="messages")
    first, second, other = bot.seen
    assert (first["type"], first["user"], first["channel"], first["tab"]) == (
        "app_home_opened",
        "U0ALICE",
        "D0ALICE",
        "home",
    )
    assert "view" not in first
    assert second["view"]["blocks"][0]["type"] == "divider"
    assert (other["tab"], "view" in other) == ("messages", False)


async def test_home__only_where_declared() -> None:
    slack = SlackEmulator(manifest=without("features", "app_home"))
    with pytest.raises(LookupError, match="has no home tab"):
        await slack.open_home("alice")
    assert [place.name for place in slack.places("alice") if place.is_home] == []
