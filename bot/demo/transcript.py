"""Conversations as text for a terminal: what a person would type and see, drawn from the blocks."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.demo.slack import Channel, User, Workspace
from bot.demo.workspace import ANSWER_SECONDS, CHANNEL, LINKED, UnknownName, demo_person, demo_workspace

_DATE = re.compile(r"<!date\^(\d+)\^([^|^>]*)(?:\^[^|>]*)?\|([^>]*)>")
_LINK = re.compile(r"<([^>|]+)\|([^>]+)>")


async def converse(
    typed: Sequence[str],
    *,
    person: str,
    say: Callable[[str], None],
    channel: str = CHANNEL,
    socket_mode: bool = False,
    keep: Path | None = None,
) -> int:
    """Print a conversation: what the person types and what they read. Returns 0 when all was answered, else 1."""
    who = demo_person(person)
    place = _demo_place(channel, who)
    async with demo_workspace(socket_mode=socket_mode, keep=keep) as demo:
        await demo.link_once([who.name] if who.name in LINKED else [])
        for text in typed:
            shown = text if text.startswith(("/", "@")) else f"/upload-status {text}".rstrip()
            where = "a direct message with the app" if place.is_im else f"#{place.name}"
            say(f"\n{who.real_name} in {where}\n> {shown}\n")
            try:
                delivery = await demo.type(who.name, shown, channel)
                if delivery is None:
                    continue
                answer = await delivery.answered(timeout=ANSWER_SECONDS)
            except TimeoutError as silence:
                say(f"  no answer: {silence}")
                return 1
            seen_by = f"  (only visible to {who.real_name.split()[0]})" if answer.is_ephemeral else ""
            say(f"Vault Uploads{seen_by}")
            say("\n".join(f"  {line}" for line in as_text(answer.text, answer.blocks).splitlines()))
    return 0


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


def _demo_place(name: str, who: User) -> Channel:
    """A conversation this person can open; UnknownName."""
    try:
        place = Workspace.seeded().channel(name, who)
    except LookupError:
        raise UnknownName(f"There is no channel “{name}” in the demo; try {CHANNEL} or dm.") from None
    if not place.shows_to(who):
        raise UnknownName(f"{who.real_name} cannot open {name}.")
    return place
