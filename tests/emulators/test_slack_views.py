"""Views: the Web API's methods, driven by the real slack_sdk client."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.demo.slack import SlackEmulator
from tests.emulators.slack_world import (
    PATIENCE,
    Bot,
    actions,
    button,
    entry,
    home,
    modal,
    plain,
    refusal_of,
    running_bot,
)


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    async with running_bot(SlackEmulator(ack_limit=PATIENCE)) as small:
        yield small


async def test_open__shows_to_the_one_who_acted(bot: Bot) -> None:
    view = await bot.open(modal(callback_id="abort", private_metadata="{}"))
    assert bot.slack.modal("alice") == view
    assert bot.slack.modal("bob") is None
    assert (view.kind, view.callback_id, view.private_metadata, view.root_view_id) == (
        "modal",
        "abort",
        "{}",
        view.id,
    )
    assert view.state == {"reason_b": {"reason": {"type": "plain_text_input", "value": None}}}


async def test_open__answer_is_the_view(bot: Bot) -> None:
    answer = await bot.web.views_open(trigger_id=await bot.trigger(), view=modal())
    assert answer["view"]["id"] == bot.top().id
    assert answer["view"]["hash"] == bot.top().hash
    assert answer["view"]["title"]["text"] == "Abort"
    assert answer["view"]["previous_view_id"] is None


async def test_trigger__once_and_known(bot: Bot) -> None:
    trigger = await bot.trigger()
    bad = await refusal_of(bot.web.views_open(trigger_id=trigger, view=modal("x" * 25)))
    assert bad["error"] == "invalid_arguments"
    await bot.web.views_open(trigger_id=trigger, view=modal())
    again = await refusal_of(bot.web.views_open(trigger_id=trigger, view=modal()))
    assert again["error"] == "exchanged_trigger_id"
    unknown = await refusal_of(bot.web.views_open(trigger_id="1.2.a", view=modal()))
    assert unknown["error"] == "invalid_trigger_id"
    assert (await refusal_of(bot.web.api_call("views.open", json={"view": modal()})))[
        "response_metadata"
    ] == {"messages": ["invalid `trigger_id`"]}
    assert [one.who for one in bot.slack.rejections] == ["U0ALICE", "U0ALICE", None, None]


async def test_trigger__expires() -> None:
    slack = SlackEmulator(trigger_lifetime=0, ack_limit=0.05)
    await slack.start()
    try:
        delivery = await slack.shortcut("alice", "my_uploads")
        web = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
        late = await refusal_of(web.views_open(trigger_id=delivery.payload["trigger_id"], view=modal()))
        assert late["error"] == "expired_trigger_id"
        assert slack.modal("alice") is None
    finally:
        await slack.stop()


@pytest.mark.parametrize(
    ("view", "reason"),
    [
        ({"type": "modal", "title": plain("T")}, "missing required field: blocks"),
        ({"type": "modal", "blocks": []}, "missing required field: title"),
        (modal("x" * 25), "less than 25 characters [json-pointer:/view/title/text]"),
        (modal(submit=plain("x" * 25)), "[json-pointer:/view/submit/text]"),
        (modal(close=plain("x" * 25)), "[json-pointer:/view/close/text]"),
        (modal(submit=None), "missing required field: submit"),
        (modal(private_metadata="x" * 3001), "[json-pointer:/view/private_metadata]"),
        (modal(callback_id="x" * 256), "[json-pointer:/view/callback_id]"),
        (modal(blocks=[{"type": "divider"}] * 101), "no more than 100 items"),
        (modal(blocks=[{"type": "markdown", "text": "x"}]), "[json-pointer:/view/blocks/0/type]"),
        (modal(colour="red"), "invalid additional property: colour"),
        ({**modal(), "type": "home"}, "must be one of: modal"),
        ("nonsense", "must be an object"),
        (["nonsense"], "must be an object"),
    ],
)
async def test_open__refused_with_reasons(bot: Bot, view: Any, reason: str) -> None:
    body = await refusal_of(bot.web.views_open(trigger_id=await bot.trigger(), view=view))
    assert body["error"] == "invalid_arguments"
    assert any(reason in message for message in body["response_metadata"]["messages"])
    assert bot.slack.modal("alice") is None
    [rejection] = bot.slack.rejections
    assert (rejection.what, rejection.who) == ("views.open", "U0ALICE")


async def test_open__at_the_limits(bot: Bot) -> None:
    view = modal(
        "x" * 24,
        [{"type": "divider"}] * 100,
        close=plain("x" * 24),
        private_metadata="x" * 3000,
        callback_id="x" * 255,
    )
    answer = await bot.web.api_call(
        "views.open", data={"trigger_id": await bot.trigger(), "view": json.dumps(view)}
    )
    assert len(answer["view"]["blocks"]) == 100


async def test_open__too_large(bot: Bot) -> None:
    text = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 2900}}
    body = await refusal_of(
        bot.web.views_open(trigger_id=await bot.trigger(), view=modal(blocks=[text] * 90))
    )
    assert body["error"] == "view_too_large"


async def test_open__gives_way(bot: Bot) -> None:
    first = await bot.open(modal("First"))
    second = await bot.open(modal("Second"))
    assert (bot.top().id, second.previous_view_id) == (second.id, None)
    assert (await refusal_of(bot.web.views_update(view_id=first.id, view=modal())))["error"] == "not_found"


async def test_push__three_at_most(bot: Bot) -> None:
    root = await bot.open(modal("1"))
    for number in ("2", "3"):
        await bot.web.views_push(trigger_id=await bot.trigger(), view=modal(number))
    assert (bot.top().root_view_id, bot.top().title) == (root.id, plain("3"))
    assert bot.top().previous_view_id not in (None, root.id)
    body = await refusal_of(bot.web.views_push(trigger_id=await bot.trigger(), view=modal("4")))
    assert body["error"] == "push_limit_reached"
    await bot.slack.close_view("alice")
    assert bot.top().title == plain("2")
    none = await refusal_of(bot.web.views_push(trigger_id=await bot.trigger("bob"), view=modal()))
    assert none["error"] == "not_found"


async def test_update__keeps_what_was_typed(bot: Bot) -> None:
    """Under the same block_id and action_id, that is."""
    view = await bot.open(modal(blocks=[entry(), entry("other_b"), actions(button())]))
    await bot.slack.click(
        user="alice",
        view=view,
        action_id="refresh",
        values={"reason_b": {"reason": "wrong file"}, "other_b": {"reason": "x"}},
    )
    await bot.web.views_update(view_id=view.id, hash=view.hash, view=modal(blocks=[entry(), entry("new_b")]))
    assert bot.top().state == {
        "reason_b": {"reason": {"type": "plain_text_input", "value": "wrong file"}},
        "new_b": {"reason": {"type": "plain_text_input", "value": None}},
    }
    assert (bot.top().id, bot.top().revision) == (view.id, 1)


async def test_update__hash_and_external_id(bot: Bot) -> None:
    view = await bot.open(modal(external_id="card-1"))
    await bot.web.views_update(external_id="card-1", view=modal("Two", external_id="card-1"))
    stale = await refusal_of(bot.web.views_update(view_id=view.id, hash=view.hash, view=modal()))
    assert stale["error"] == "hash_conflict"
    double = await refusal_of(
        bot.web.views_open(trigger_id=await bot.trigger("bob"), view=modal(external_id="card-1"))
    )
    assert double["error"] == "duplicate_external_id"
    assert (await refusal_of(bot.web.views_update(view_id="V404", view=modal())))["error"] == "not_found"
    assert (await refusal_of(bot.web.views_update(external_id="no", view=modal())))["error"] == "not_found"


async def test_publish__each_person_their_own(bot: Bot) -> None:
    first = await bot.web.views_publish(user_id="U0ALICE", view=home(actions(button())))
    view = bot.slack.home("alice")
    assert view is not None
    assert (view.kind, view.id, bot.slack.home("bob")) == ("home", first["view"]["id"], None)
    again = await bot.web.views_publish(user_id="U0ALICE", view=home(), hash=view.hash)
    assert again["view"]["id"] == view.id
    stale = bot.web.views_publish(user_id="U0ALICE", view=home(), hash=view.hash)
    assert (await refusal_of(stale))["error"] == "hash_conflict"
    table = {"type": "alert", "text": plain("x")}
    for user, body in (("U404", home()), ("U0ALICE", modal()), ("U0ALICE", home(table))):
        refused = await refusal_of(bot.web.views_publish(user_id=user, view=body))
        assert refused["error"] == "invalid_arguments"


async def test_publish__not_enabled() -> None:
    slack = SlackEmulator(manifest={"features": {"app_home": {"home_tab_enabled": False}}})
    await slack.start()
    try:
        web = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
        assert (await refusal_of(web.views_publish(user_id="U0ALICE", view=home())))["error"] == "not_enabled"
    finally:
        await slack.stop()
