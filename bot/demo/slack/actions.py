"""Using an interactive element: the `actions` entry that it sends."""

from collections.abc import Iterable, Iterator
from typing import Any

from bot.demo.slack import forms
from bot.demo.slack.messages import Block, Message, elements_of, walk

_CARRIED = ("text", "value", "style", "placeholder")


def action_on(
    blocks: Iterable[Block], action_id: str, *, block_id: str | None, option: Any, action_ts: str, where: str
) -> dict[str, Any]:
    """The action that using this element sends. Slack: reference "block_actions payloads".

    LookupError if the blocks have no such element, or several, or if it is an input that tells nothing until the
    form is sent (no `dispatch_action`).
    """
    there = list(_interactive(blocks))
    found = [
        (block, element)
        for block, element in there
        if element["action_id"] == action_id and block_id in (None, block["block_id"])
    ]
    if len(found) != 1:
        names = sorted(f"{element['action_id']} (in {block['block_id']})" for block, element in there)
        raise LookupError(f"{len(found)} elements {action_id!r} in {where}; there are: {', '.join(names)}")
    block, element = found[0]
    if block["type"] == "input" and not block.get("dispatch_action"):
        raise LookupError(f"{action_id} in {where} is sent with its form only")
    action = {
        "type": element["type"],
        "action_id": action_id,
        "block_id": block["block_id"],
        "action_ts": action_ts,
    }
    action |= {name: element[name] for name in _CARRIED if name in element}
    return action | forms.chosen(element, option)


def card_of(message: Message, action: dict[str, Any]) -> Block | None:
    """The card below a message in which this was used; None if it was the message itself."""
    for card in message.attachments:
        if any(block["block_id"] == action["block_id"] for block in walk(card["blocks"])):
            return card
    return None


def _interactive(blocks: Iterable[Block]) -> Iterator[tuple[Block, Block]]:
    for block in walk(blocks):
        for element in elements_of(block):
            if "action_id" in element:
                yield block, element
