"""Modals as people use them: what is clicked, what stands in them afterwards, and what nobody was told instead."""

import html
from typing import Any

from bot.demo.slack.delivery import Delivery
from bot.demo.slack.messages import Message, elements_of
from bot.demo.slack.views import View
from bot.demo.workspace import DemoWorkspace
from tests.acceptance.steps import PATIENCE, done_count, until


async def press(
    demo: DemoWorkspace, person: str, on: Message | View, action_id: str, *, views: int, **how: Any
) -> View:
    """Use a button of a message or view that leads to a modal; return the modal when the bot is done, once it was
    shown so many times. Nothing else was said."""
    done = done_count(demo)
    where = {"view": on} if isinstance(on, View) else {"message": on}
    delivery = await demo.slack.click(user=person, action_id=action_id, **where, **how)
    return await modal_after(demo, delivery, done, views)


async def modal_after(demo: DemoWorkspace, delivery: Delivery, done: int, views: int) -> View:
    """The modal that answers an act."""
    assert delivery.ack is not None
    shown = await delivery.shown(count=views, timeout=PATIENCE)
    await until(lambda: done_count(demo) > done, "the bot is done")
    assert delivery.error is None
    assert delivery.answers == []
    assert len(delivery.views) == views
    return shown


def stack(demo: DemoWorkspace, person: str) -> list[View]:
    """The person's modals; the last one is on top."""
    return demo.slack._views.stack(demo.slack.workspace.user(person).id)


def read(view: View) -> str:
    """All that stands in a modal."""
    pieces = []
    for block in view.blocks:
        texts = [block["text"]] if "text" in block else block.get("elements", [])
        pieces += [str(one["text"]) for one in texts if one.get("type") in ("mrkdwn", "plain_text")]
    return html.unescape("\n".join(pieces))


def buttons_of(view: View) -> list[dict[str, Any]]:
    """Every button, in order."""
    found = []
    for block in view.blocks:
        found += [
            {**one, "block_id": block["block_id"]} for one in elements_of(block) if one["type"] == "button"
        ]
    return found


def block_with(view: View, upload_id: str) -> str:
    """The block whose button means that upload."""
    return next(str(one["block_id"]) for one in buttons_of(view) if upload_id in one.get("value", ""))
