"""The words in a message's blocks, as Slack itself would write them into a message's text.

Slack: docs "Formatting text", and reference "Rich text block": unformatted text and links are elements of their own.
"""

from collections.abc import Iterator, Mapping

DEEPEST = 12
"""Blocks within blocks that are looked into; Slack nests far less."""

_MARKERS = {"bold": "*", "italic": "_", "strike": "~", "code": "`"}
_WORDS = ("mrkdwn", "plain_text", "markdown", "raw_text")
_LINES = ("rich_text_section", "rich_text_preformatted", "rich_text_quote")
_HOLDERS = ("text", "title", "elements", "fields", "blocks", "child_blocks", "rows")
_OF_ATTACHMENTS = ("pretext", "title", "text", "value", "fallback")


def texts_in(node: object, depth: int = 0) -> Iterator[str]:
    """Yield the texts of blocks and of attachments, each line of rich text as one."""
    if depth > DEEPEST:
        return
    if isinstance(node, list | tuple):
        for one in node:
            yield from texts_in(one, depth + 1)
    if not isinstance(node, Mapping):
        return
    kind, text = node.get("type"), node.get("text")
    if kind in _WORDS and isinstance(text, str):
        yield text
    elif kind in _LINES:
        elements = node.get("elements")
        yield "".join(map(_inline, elements if isinstance(elements, list) else ()))
    else:
        if kind is None:
            yield from (told for name in _OF_ATTACHMENTS if isinstance(told := node.get(name), str))
        for name in _HOLDERS:
            yield from texts_in(node.get(name), depth + 1)


def _inline(element: object) -> str:
    """One piece of a line; mentions, emoji and the like only keep apart what stands beside them."""
    if not isinstance(element, Mapping):
        return " "
    text = element.get("text")
    shown = _escaped(text) if isinstance(text, str) else ""
    if element.get("type") == "link":
        url = _escaped(str(element.get("url") or ""))
        return f"<{url}|{shown}>" if shown else f"<{url}>"
    if element.get("type") != "text":
        return " "
    style = element.get("style")
    for name, marker in _MARKERS.items():
        if isinstance(style, Mapping) and style.get(name):
            shown = f"{marker}{shown}{marker}"
    return shown


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
