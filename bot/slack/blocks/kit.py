"""Block Kit as plain dicts, within Slack's limits by construction.

Limits: Slack docs, "Block Kit" reference, and slack_sdk's own models. Every string that comes from Vault or from
a person goes through `escape`, `code` or a plain_text object, so that none of it is ever read as markup.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.model import text as words

Block = dict[str, Any]

MOST_BLOCKS = 50
MOST_IN_A_VIEW = 100
LONGEST_TEXT = 3900  # Slack advises 4,000 for a message's `text` and refuses more in an update
LONGEST_SECTION = 3000
LONGEST_HEADER = 150
LONGEST_BUTTON = 75

_as_text = json.JSONEncoder(separators=(",", ":")).encode

# Control signs break lines and layouts; the bidirectional ones can make `gpj.exe` look like `exe.jpg`.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """What a person gets. `text` alone carries every fact: screen readers and notifications read nothing else.

    `only_asker` marks what is for the asker alone, also where the question was asked in public.
    """

    text: str
    blocks: list[Block]
    only_asker: bool = False

    def __post_init__(self) -> None:
        if not self.text or len(self.blocks) > MOST_BLOCKS:
            raise ValueError("a message needs a text and at most 50 blocks")
        if len(self.text) > LONGEST_TEXT:
            object.__setattr__(self, "text", clip(self.text, LONGEST_TEXT))


def clip(text: str, limit: int) -> str:
    """Return the text, or its beginning and an ellipsis in `limit` characters; never half of an entity."""
    if len(text) <= limit:
        return text
    return re.sub(r"&[a-z]{0,3}$", "", text[: limit - 1]) + "…"


def visible(text: str) -> str:
    """Return the text with every sign that cannot be seen replaced, so that what is read is what is there."""
    return _UNSEEN.sub("\ufffd", text)


def escape(text: str) -> str:
    """Return foreign text for mrkdwn: the three signs Slack gives a meaning, the ampersand first."""
    return visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def code(text: str) -> str:
    """Return foreign text as inline code, where none of its `*`, `_` or `~` means anything.

    It fits into a section, so that no later cut takes the closing mark.
    """
    return f"`{clip(escape(text).replace('`', 'ˋ'), LONGEST_SECTION - 2)}`"


def section(text: str, *, accessory: Block | None = None) -> Block:
    """A paragraph of mrkdwn; `verbatim` keeps Slack from making links of ids, paths and file names."""
    block: Block = {"type": "section", "text": _mrkdwn(clip(text, LONGEST_SECTION))}
    return {**block, "accessory": accessory} if accessory else block


def header(text: str) -> Block:
    """A large line of plain text, shown to the letter."""
    plain = clip(visible(text), LONGEST_HEADER) if text.strip() else "-"
    return {"type": "header", "text": {"type": "plain_text", "text": plain, "emoji": False}}


def context(*lines: str) -> Block:
    """Small print, up to ten pieces."""
    return {
        "type": "context",
        "elements": [_mrkdwn(clip(line, LONGEST_SECTION)) for line in lines[:10] if line],
    }


def divider() -> Block:
    """A line across."""
    return {"type": "divider"}


def actions(*elements: Block) -> Block:
    """A row of buttons."""
    return {"type": "actions", "elements": list(elements)}


def button(
    label: str,
    action_id: str,
    *,
    value: Mapping[str, str | int] | None = None,
    url: str | None = None,
    style: str | None = None,
    spoken: str | None = None,
    confirm: Block | None = None,
) -> Block:
    """A button. `value` is state, never authority: the client can change it. `spoken` is for screen readers."""
    element: Block = {
        "type": "button",
        "action_id": action_id,
        "text": {"type": "plain_text", "text": clip(label, LONGEST_BUTTON), "emoji": False},
    }
    if value is not None:
        element["value"] = _as_text(value)
    if url:
        element["url"] = url
    if style:
        element["style"] = style
    if spoken:
        element["accessibility_label"] = clip(visible(spoken), LONGEST_BUTTON)
    if confirm:
        element["confirm"] = confirm
    return element


def confirm(*, title: str, text: str, yes: str, no: str = "Cancel") -> Block:
    """A question before a button acts."""
    return {
        "title": {"type": "plain_text", "text": clip(title, 100)},
        "text": {"type": "plain_text", "text": clip(visible(text), 300)},
        "confirm": {"type": "plain_text", "text": clip(yes, 30)},
        "deny": {"type": "plain_text", "text": clip(no, 30)},
    }


def modal(
    title: str,
    blocks: list[Block],
    *,
    callback_id: str,
    submit: str | None = None,
    metadata: Mapping[str, str | int] | None = None,
) -> Block:
    """A modal of at most 100 blocks. `metadata` is state, never authority, as a button's value."""
    view: Block = {
        "type": "modal",
        "callback_id": callback_id,
        "title": {"type": "plain_text", "text": clip(title, 24), "emoji": False},
        "close": {"type": "plain_text", "text": "Close"},
        "blocks": blocks[:MOST_IN_A_VIEW],
    }
    if submit:
        view["submit"] = {"type": "plain_text", "text": clip(submit, 24)}
    if metadata is not None:
        view["private_metadata"] = _as_text(metadata)
    return view


def date(moment: datetime, form: str = "{date_short_pretty} at {time}") -> str:
    """A moment in the reader's own zone, with UTC for clients that cannot."""
    return f"<!date^{int(moment.timestamp())}^{form}|{words.utc(moment)}>"


def _mrkdwn(text: str) -> Block:
    return {"type": "mrkdwn", "text": text or "-", "verbatim": True}
