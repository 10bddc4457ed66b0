"""Using elements: in the Home tab, in modals, in messages; what was chosen and what is remembered of it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.demo.slack import SlackEmulator
from tests.emulators.slack_world import (
    PATIENCE,
    Bot,
    Json,
    actions,
    button,
    home,
    modal,
    options,
    plain,
    running_bot,
)


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    async with running_bot(SlackEmulator(ack_limit=PATIENCE)) as small:
        yield small


async def test_click__in_the_home_tab(bot: Bot) -> None:
    """No channel, no message, no response_url; what is published in answer belongs to the click."""
    await bot.web.views_publish(user_id="U0ALICE", view=home(actions(button(value="v"))))
    view = bot.slack.home("alice")
    assert view is not None

    async def publish(payload: Json) -> None:
        await bot.web.views_publish(
            user_id=payload["user"]["id"], hash=payload["view"]["hash"], view=home({"type": "divider"})
        )

    bot.acts.append(publish)
    delivery = await bot.slack.click(user="alice", view=view.id, action_id="refresh")
    [payload] = bot.seen
    assert payload["container"] == {"type": "view", "view_id": view.id}
    assert payload["actions"][0]["value"] == "v"
    assert not {"channel", "message", "response_url"} & set(payload)
    assert (await delivery.shown()).blocks[0]["type"] == "divider"
    with pytest.raises(LookupError, match="bob sees no view"):
        await bot.slack.click(user="bob", view=view, action_id="refresh")


async def test_click__only_in_the_topmost(bot: Bot) -> None:
    below = await bot.open(modal(blocks=[actions(button())]))
    await bot.web.views_push(trigger_id=await bot.trigger(), view=modal())
    with pytest.raises(LookupError, match="sees no view"):
        await bot.slack.click(user="alice", view=below, action_id="refresh")
    with pytest.raises(LookupError, match="sent with its form only"):
        await bot.slack.click(user="alice", view=bot.top(), action_id="reason")
    with pytest.raises(TypeError, match="needs a message or a view"):
        await bot.slack.click(user="alice", action_id="refresh")


CHOICES: list[tuple[Json, Any, Json]] = [
    ({"type": "static_select", "options": options("a", "b")}, "b", {"selected_option": options("b")[0]}),
    (
        {"type": "static_select", "option_groups": [{"label": plain("G"), "options": options("a")}]},
        "a",
        {"selected_option": options("a")[0]},
    ),
    (
        {"type": "multi_static_select", "options": options("a", "b")},
        ["a", "b"],
        {"selected_options": options("a", "b")},
    ),
    ({"type": "checkboxes", "options": options("a", "b")}, ["b"], {"selected_options": options("b")}),
    ({"type": "checkboxes", "options": options("a")}, None, {"selected_options": []}),
    ({"type": "radio_buttons", "options": options("a", "b")}, "a", {"selected_option": options("a")[0]}),
    ({"type": "users_select"}, "U0BOB", {"selected_user": "U0BOB"}),
    ({"type": "multi_users_select"}, ["U0BOB"], {"selected_users": ["U0BOB"]}),
    ({"type": "conversations_select"}, "C0RANDOM", {"selected_conversation": "C0RANDOM"}),
    ({"type": "datepicker"}, "2026-10-01", {"selected_date": "2026-10-01"}),
    ({"type": "timepicker"}, "09:30", {"selected_time": "09:30"}),
    ({"type": "datetimepicker"}, 1790000000, {"selected_date_time": 1790000000}),
]


@pytest.mark.parametrize(("element", "option", "chosen"), CHOICES)
async def test_click__choices(bot: Bot, element: Json, option: Any, chosen: Json) -> None:
    """The action says what was chosen, and so does the view's state then and later."""
    view = await bot.open(modal(blocks=[actions({**element, "action_id": "pick"})]))
    delivery = await bot.slack.click(user="alice", view=view, action_id="pick", option=option)
    [action] = delivery.payload["actions"]
    held = {"type": element["type"], **chosen}
    assert {name: action[name] for name in held} == held
    assert delivery.payload["view"]["state"]["values"] == {"acts": {"pick": held}}
    assert bot.top().state == {"acts": {"pick": held}}


async def test_click__choice_in_a_message(bot: Bot) -> None:
    """Its state holds the other elements with what they began with."""
    first, second = options("a", "b")
    select = {"type": "static_select", "action_id": "pick", "options": [first, second]}
    other = {**select, "action_id": "other", "initial_option": second}
    overflow = {"type": "overflow", "action_id": "more", "options": [first]}
    blocks = [actions(select, other, overflow)]
    posted = await bot.web.chat_postMessage(channel="C0TRIALUPLOADS", text="x", blocks=blocks)
    key = f"C0TRIALUPLOADS:{posted['ts']}"
    delivery = await bot.slack.click(user="bob", message=key, action_id="pick", option="a")
    assert delivery.payload["state"]["values"]["acts"] == {
        "pick": {"type": "static_select", "selected_option": first},
        "other": {"type": "static_select", "selected_option": second},
    }
    delivery = await bot.slack.click(user="bob", message=key, action_id="more", option="a")
    assert delivery.payload["actions"][0]["selected_option"] == first
    for wrong in ("c", None):
        with pytest.raises(LookupError, match="more has no option"):
            await bot.slack.click(user="bob", message=key, action_id="more", option=wrong)


async def test_click__inside_a_container(bot: Bot) -> None:
    """Blocks in blocks are used like any other; a confirm dialog stands in them untouched."""
    confirm = {"title": plain("Sure?"), "text": plain("Gone."), "confirm": plain("Yes"), "deny": plain("No")}
    container = {
        "type": "container",
        "title": plain("C"),
        "child_blocks": [{"type": "actions", "elements": [button(confirm=confirm)]}],
    }
    posted = await bot.web.chat_postMessage(channel="C0TRIALUPLOADS", text="x", blocks=[container])
    key = f"C0TRIALUPLOADS:{posted['ts']}"
    message = bot.slack.message(key)
    assert message is not None
    assert message.blocks[0]["child_blocks"][0]["elements"][0]["confirm"] == confirm
    delivery = await bot.slack.click(user="bob", message=key, action_id="refresh")
    assert delivery.payload["actions"][0]["block_id"] == message.blocks[0]["child_blocks"][0]["block_id"]
