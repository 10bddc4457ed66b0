"""Slack messages as text for a terminal: what a person would see, drawn from the blocks."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

_DATE = re.compile(r"<!date\^(\d+)\^([^|^>]*)(?:\^[^|>]*)?\|([^>]*)>")
_LINK = re.compile(r"<([^>|]+)\|([^>]+)>")


def as_text(text: str, blocks: Sequence[dict[str, Any]]) -> str:
    """Return a message's blocks as lines of text; its fallback text where it has none."""
    if not blocks:
        return _plain(text)
    return "\n".join(line for block in blocks for line in _lines(block))


def _lines(block: dict[str, Any]) -> list[str]:
    match block["type"]:
        case "header":
            return [f"== {block['text']['text']} =="]
        case "section":
            button = block.get("accessory")
            tail = [_button(button)] if button and button["type"] == "button" else []
            return [*_plain(block["text"]["text"]).splitlines(), *tail]
        case "context":
            return [_plain(element["text"]) for element in block["elements"]]
        case "actions":
            return [" ".join(_button(element) for element in block["elements"])]
        case "divider":
            return ["-" * 40]
        case other:
            return [f"({other})"]


def _button(element: dict[str, Any]) -> str:
    address = f" -> {element['url']}" if element.get("url") else ""
    return f"[{element['text']['text']}]{address}"


def _plain(mrkdwn: str) -> str:
    text = _DATE.sub(lambda match: _moment(match[1], match[2]), mrkdwn)
    text = _LINK.sub(r"\2 (\1)", text)
    text = re.sub(r"\*([^*\n]+)\*", r"\1", text).replace("`", "")
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _moment(seconds: str, form: str) -> str:
    """A date token in the zone of this machine, as Slack shows it in that of the reader's."""
    moment = datetime.fromtimestamp(int(seconds), UTC).astimezone()
    return form.replace("{date_short_pretty}", _pretty(moment)).replace("{time}", f"{moment:%H:%M}")


def _pretty(moment: datetime) -> str:
    today = datetime.now(UTC).astimezone().date()
    names = {-1: "yesterday", 0: "today", 1: "tomorrow"}
    return names.get((moment.date() - today).days, moment.strftime("%b %-d"))
