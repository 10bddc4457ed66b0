"""What Slack's composer makes of typed text: the message's `text`, and the same as a rich_text block."""

import re
from typing import Any

from bot.demo.slack.messages import Block
from bot.demo.slack.workspace import BOT_USER_ID, Workspace

MENTION = f"<@{BOT_USER_ID}>"
_REST = r"`(?P<code>[^`\n]+)`|<@(?P<id>[UW]\w+)>|(?P<url>https?://[^\s<>|]*[^\s<>|.,;:!?)])"


def compose(typed: str, workspace: Workspace) -> tuple[str, list[Block]]:
    """Text and blocks of a person's message.

    Known are `@name` and `@Real Name` of people and the app, `<@ID>`, web addresses and `code`; everything else
    stays as it was typed. Slack: docs "Formatting text": &, < and > are escaped in text, not in rich_text.
    """
    ids = {name.lower(): user.id for user in workspace.users.values() for name in (user.name, user.real_name)}
    names = "|".join(re.escape(name) for name in sorted(ids, key=len, reverse=True))
    tokens = re.compile(rf"{_REST}|@(?P<name>{names})\b", re.IGNORECASE)
    parts: list[dict[str, Any]] = []
    text, at = "", 0
    for found in tokens.finditer(typed):
        text, at = _add_plain(text, parts, typed[at : found.start()]), found.end()
        if found["code"]:
            text += f"`{escaped(found['code'])}`"
            parts.append({"type": "text", "text": found["code"], "style": {"code": True}})
        elif found["url"]:
            text += f"<{escaped(found['url'])}>"
            parts.append({"type": "link", "url": found["url"]})
        else:
            person = found["id"] or ids[found["name"].lower()]
            text += f"<@{person}>"
            parts.append({"type": "user", "user_id": person})
    text = _add_plain(text, parts, typed[at:])
    return text, [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": parts}]}]


def escaped(text: str) -> str:
    """Text with the three signs escaped that Slack gives a meaning."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _add_plain(text: str, parts: list[dict[str, Any]], plain: str) -> str:
    if plain:
        parts.append({"type": "text", "text": plain})
    return text + escaped(plain)
