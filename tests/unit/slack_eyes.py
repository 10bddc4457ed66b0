"""Messages as Slack and its readers take them: rules kept, markup dead, facts stripped of their dress."""

import re
from collections.abc import Iterator
from typing import Any

from slack_sdk.models.basic_objects import JsonObject
from slack_sdk.models.blocks import Block

from bot.demo.slack.block_kit import faults_in
from bot.slack.blocks.kit import Message

DATE = re.compile(r"<!date\^-?\d+\^[^<>|^]*\|([^<>|]*)>")
ENTITY = re.compile(r"&(amp|lt|gt);")


def assert_slack_takes(message: Message, own_addresses: tuple[str, ...] = ()) -> None:
    """Slack's limits by two opinions, and no markup but our own date tokens."""
    assert 0 < len(message.text) <= 4000
    assert faults_in(message.blocks, surface="message") == []
    models = Block.parse_all(message.blocks)
    assert len(models) == len(message.blocks)
    for model in models:
        _validate(model)
    for text in (message.text, *mrkdwn_in(message.blocks)):
        for address in own_addresses:
            text = text.replace(address, "")
        bare = DATE.sub("", text)
        assert "<" not in bare, text
        assert ">" not in bare, text
        assert "&" not in ENTITY.sub("", bare), text


def _validate(model: JsonObject) -> None:
    model.validate_json()
    inner = [getattr(model, "accessory", None), *(getattr(model, "elements", None) or [])]
    for one in inner:
        if isinstance(one, JsonObject):
            one.validate_json()


def objects_in(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in the blocks, from the outside in."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from objects_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from objects_in(inner)


def mrkdwn_in(blocks: list[dict[str, Any]]) -> list[str]:
    """Every text that Slack would look for markup in."""
    return [str(one["text"]) for one in objects_in(blocks) if one.get("type") == "mrkdwn"]


def buttons_in(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every button."""
    return [one for one in objects_in(blocks) if one.get("type") == "button"]


def facts_in(blocks: list[dict[str, Any]]) -> list[str]:
    """What the blocks tell, piece by piece, without signs and decoration: each must stand in `text`."""
    facts = []
    for block in blocks:
        if block["type"] == "header":
            facts.append(block["text"]["text"])
        for text in mrkdwn_in([block]):
            plain = DATE.sub(r"\1", text)
            plain = re.sub(r"[▰▱🔵⚪🟠🟡🔴]|⚠️ ", "", plain)
            facts += [_undressed(piece) for piece in re.split(r"\n|  ·  ", plain)]
    return [fact for fact in facts if fact]


def _undressed(piece: str) -> str:
    piece = piece.strip().removeprefix("*").removesuffix("*").replace("*", "")
    piece = re.sub(r"^about (.*) on average$", r"\1", piece.strip())
    piece = re.sub(r"^(last part|created|as of|Created) ", "", piece)
    return piece.strip().removeprefix("`/").removesuffix("`") if piece.startswith("`/") else piece.strip()
