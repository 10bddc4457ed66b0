"""Forms that people fill in and send or leave, and what the bot's ack does to them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.responses import JSONResponse, PlainTextResponse, Response

from bot.demo.slack import Delivery, SlackEmulator, View
from tests.emulators.slack_world import (
    PATIENCE,
    Bot,
    Json,
    entry,
    modal,
    options,
    plain,
    running_bot,
)


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    async with running_bot(SlackEmulator(ack_limit=PATIENCE)) as small:
        yield small


async def test_submit__empty_ack_closes(bot: Bot) -> None:
    view = await bot.open(modal(callback_id="abort", private_metadata="m"))
    delivery = await bot.slack.submit_view("alice", {"reason_b": {"reason": "wrong file"}})
    assert delivery.error is None
    payload = bot.seen[-1]
    assert (payload["type"], payload["view"]["id"], payload["response_urls"]) == (
        "view_submission",
        view.id,
        [],
    )
    assert (payload["view"]["callback_id"], payload["view"]["private_metadata"]) == ("abort", "m")
    assert payload["view"]["state"]["values"] == {
        "reason_b": {"reason": {"type": "plain_text_input", "value": "wrong file"}}
    }
    assert bot.slack.modal("alice") is None
    with pytest.raises(LookupError, match="no modal open"):
        await bot.slack.submit_view("alice")


async def test_submit__errors_below_their_inputs(bot: Bot) -> None:
    await bot.open(modal())
    bot.acks.append(JSONResponse({"response_action": "errors", "errors": {"reason_b": "Say more."}}))
    await bot.slack.submit_view("alice", {"reason_b": {"reason": "no"}})
    assert bot.top().errors == {"reason_b": "Say more."}
    assert bot.top().state["reason_b"]["reason"]["value"] == "no"
    await bot.slack.submit_view("alice", {"reason_b": {"reason": "wrong file"}})
    assert bot.slack.modal("alice") is None


async def test_submit__update_push_and_clear(bot: Bot) -> None:
    view = await bot.open(modal("One"))
    answers: list[tuple[str, Json]] = [
        ("update", modal("Two")),
        ("push", modal("Three")),
        ("clear", {}),
    ]
    shown: list[View] = []
    for action, body in answers:
        bot.acks.append(JSONResponse({"response_action": action, **({"view": body} if body else {})}))
        delivery = await bot.slack.submit_view("alice", {"reason_b": {"reason": "x"}})
        assert delivery.error is None
        shown += delivery.views
    assert [one.title for one in shown] == [plain("Two"), plain("Three")]
    assert (shown[0].id, shown[1].previous_view_id) == (view.id, view.id)
    assert bot.slack.modal("alice") is None


async def test_submit__working_view_updated_later(bot: Bot) -> None:
    """Ack with a first view, then views.update: both count as the answer."""
    await bot.open(modal())
    bot.acks.append(JSONResponse({"response_action": "update", "view": modal("Working", [])}))
    delivery = await bot.slack.submit_view("alice", {"reason_b": {"reason": "x"}})
    working = await delivery.shown()
    await bot.web.views_update(view_id=working.id, hash=working.hash, view=modal("Done", []))
    assert (await delivery.shown(1, count=2)).title == plain("Done")
    with pytest.raises(TimeoutError, match=r"2 of 3 views"):
        await delivery.shown(0.01, count=3)


@pytest.mark.parametrize(
    ("ack", "error"),
    [
        (PlainTextResponse("ok"), "invalid_response_action"),
        (JSONResponse({"text": "ok"}), "invalid_response_action"),
        (JSONResponse({"response_action": "errors", "errors": {}}), "invalid_errors"),
        (JSONResponse({"response_action": "errors", "errors": {"nope": "x"}}), "invalid_errors"),
        (JSONResponse({"response_action": "update", "view": modal("x" * 25)}), "invalid_arguments"),
        (JSONResponse({"response_action": "push"}), "invalid_arguments"),
    ],
)
async def test_submit__bad_ack_leaves_the_form(bot: Bot, ack: Response, error: str) -> None:
    await bot.open(modal())
    bot.acks.append(ack)
    delivery = await bot.slack.submit_view("alice", {"reason_b": {"reason": "x"}})
    assert delivery.error == error
    assert bot.top().trouble == "We had some trouble connecting. Try again?"
    [rejection] = bot.slack.rejections
    assert (rejection.what, rejection.error, rejection.who) == ("ack of view_submission", error, "U0ALICE")


async def test_submit__bot_fails(bot: Bot) -> None:
    await bot.open(modal())
    bot.acks.append(PlainTextResponse("no", 500))
    assert (await bot.slack.submit_view("alice", {"reason_b": {"reason": "x"}})).error == "dispatch_failed"
    assert bot.top().trouble is not None
    assert bot.slack.rejections == []
    await bot.slack.submit_view("alice")
    assert bot.slack.modal("alice") is None


async def test_submit__left_meanwhile(bot: Bot) -> None:
    """The person closes the form while the bot thinks: its `update` comes too late."""
    await bot.open(modal())

    async def leave(_payload: Json) -> None:
        await bot.slack.close_view("alice")

    bot.acts.append(leave)
    bot.acks.append(JSONResponse({"response_action": "update", "view": modal()}))
    assert (await bot.slack.submit_view("alice", {"reason_b": {"reason": "x"}})).error == "not_found"
    assert bot.slack.modal("alice") is None


def number(**more: Any) -> Json:
    return {"type": "number_input", "action_id": "reason", "is_decimal_allowed": True, **more}


@pytest.mark.parametrize(
    ("block", "value", "words"),
    [
        (entry(), None, "required field"),
        (entry(), "x" * 21, "at most 20"),
        (
            entry(element={"type": "plain_text_input", "action_id": "reason", "min_length": 3}),
            "x",
            "at least 3",
        ),
        (entry(element=number()), "1.2.3", "a number"),
        (entry(element=number()), "-1.5", None),
        (entry(element={"type": "email_text_input", "action_id": "reason"}), "x", "email"),
        (entry(element={"type": "url_text_input", "action_id": "reason"}), "x", "URL"),
        (entry(optional=True), None, None),
        (
            entry(element={"type": "checkboxes", "action_id": "reason", "options": options("a")}),
            [],
            "required",
        ),
        (
            entry(element={"type": "datepicker", "action_id": "reason", "initial_date": "2026-10-01"}),
            ...,
            None,
        ),
    ],
)
async def test_submit__client_looks_first(bot: Bot, block: Json, value: Any, words: str | None) -> None:
    """What Slack's own client holds back never reaches the bot."""
    await bot.open(modal(blocks=[block]))
    typed = {} if value is ... else {"reason_b": {"reason": value}}
    delivery = await bot.slack.submit_view("alice", typed)
    if words is None:
        assert delivery.refusal is None
        assert bot.seen[-1]["type"] == "view_submission"
    else:
        assert delivery.refusal is not None
        assert words in bot.top().errors["reason_b"]
        assert bot.kinds == ["shortcut"]


async def test_submit__only_what_is_there(bot: Bot) -> None:
    await bot.open(modal(blocks=[{"type": "divider"}]))
    with pytest.raises(LookupError, match="no reason_b/reason to fill in"):
        await bot.slack.submit_view("alice", {"reason_b": {"reason": "x"}})
    await bot.open(modal(blocks=[{"type": "divider"}], submit=None))
    with pytest.raises(LookupError, match="no button to send it"):
        await bot.slack.submit_view("alice")


async def test_close__told_only_on_request(bot: Bot) -> None:
    await bot.open(modal())
    assert await bot.slack.close_view("alice") == []
    view = await bot.open(modal(notify_on_close=True))
    [delivery] = await bot.slack.close_view("alice")
    assert (delivery.error, bot.slack.modal("alice")) == (None, None)
    payload = bot.seen[-1]
    assert (payload["type"], payload["view"]["id"], payload["is_cleared"]) == ("view_closed", view.id, False)
    with pytest.raises(LookupError, match="no modal open"):
        await bot.slack.close_view("alice")


@pytest.mark.parametrize("by_view", [True, False])
async def test_close__all_at_once(bot: Bot, by_view: bool) -> None:
    """By the cross, or because the topmost has `clear_on_close`."""
    await bot.open(modal(notify_on_close=True))
    pushed = modal("2", notify_on_close=True, clear_on_close=by_view)
    await bot.web.views_push(trigger_id=await bot.trigger(), view=pushed)
    told: list[Delivery] = await bot.slack.close_view("alice", everything=not by_view)
    assert [one.payload["is_cleared"] for one in told] == [True, True]
    assert bot.slack.modal("alice") is None
