"""Conversations as text for a terminal: what a person would type and see, drawn from the blocks."""

import asyncio
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.demo.settings import TO_TRY
from bot.demo.slack import Channel, Delivery, Message, User, Workspace
from bot.demo.slack.workspace import BOT_USER_ID
from bot.demo.workspace import (
    ANSWER_SECONDS,
    CHANNEL,
    LINKED,
    DemoWorkspace,
    UnknownName,
    demo_person,
    demo_workspace,
)

NAMES = {user.id: user.real_name for user in Workspace.seeded().users.values()}
_DATE = re.compile(r"<!date\^(\d+)\^([^|^>]*)(?:\^[^|>]*)?\|([^>]*)>")
_PERSON = re.compile(r"<@(\w+)>")
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
    """Print a conversation: what the person types and what they read, also what the bot has written to them by direct
    message until then. Returns 0 when all was answered, else 1."""
    who = demo_person(person)
    place = _demo_place(channel, who)
    async with demo_workspace(socket_mode=socket_mode, settings=TO_TRY, keep=keep) as demo:
        await demo.link_once([who.name] if who.name in LINKED else [])
        read = {message.key for message in direct_messages(demo, who)}
        for text in typed:
            shown = text if text.startswith(("/", "@")) else f"/upload-status {text}".rstrip()
            where = "a direct message with the app" if place.is_im else f"#{place.name}"
            say(f"\n{who.real_name} in {where}\n> {shown}\n")
            try:
                delivery = await demo.type(who.name, shown, channel)
                if delivery is None:
                    continue
                if delivery.refusal is not None:
                    say(f"  Slack does not pass it on: {delivery.refusal}")
                    return 1
                answer = (
                    await _answer_to_mention(demo, delivery, who, read)
                    if shown.startswith("@")
                    else await delivery.answered(timeout=ANSWER_SECONDS)
                )
            except TimeoutError as silence:
                say(f"  no answer: {silence}")
                return 1
            if answer is not None:
                say_message(say, answer, _remark(answer, who))
                read.add(answer.key)
            for message in direct_messages(demo, who):
                if message.key not in read:
                    read.add(message.key)
                    say_message(say, message, "in a direct message")
    return 0


async def _answer_to_mention(
    demo: DemoWorkspace, delivery: Delivery, who: User, read: set[str]
) -> Message | None:
    """The answer where it was asked; None where it came by direct message, as what only its asker is to read does when
    nobody is in the thread yet. TimeoutError."""
    asking = asyncio.create_task(delivery.answered(timeout=ANSWER_SECONDS))
    changed = asyncio.Event()
    ending = demo.slack.on_change(changed.set)
    asking.add_done_callback(lambda _: changed.set())
    try:
        while not asking.done():
            if any(message.key not in read for message in direct_messages(demo, who)):
                return None
            await changed.wait()
            changed.clear()
        return asking.result()
    finally:
        ending()
        asking.cancel()


def direct_messages(demo: DemoWorkspace, who: User) -> list[Message]:
    """Everything the bot has written to a person, oldest first."""
    return [message for message in demo.slack.seen_by(who.name, "dm") if message.author == BOT_USER_ID]


def _remark(answer: Message, who: User) -> str:
    """Who reads it, and where, beside everybody in the conversation."""
    where = "in the thread" if answer.thread_ts and answer.thread_ts != answer.ts else ""
    seen_by = f"only visible to {who.real_name.split()[0]}" if answer.is_ephemeral else ""
    return ", ".join(filter(None, (where, seen_by)))


def say_message(say: Callable[[str], None], message: Message, remark: str) -> None:
    """Print one message of the bot, its lines set in."""
    say(f"Vault Uploads  ({remark})" if remark else "Vault Uploads")
    say("\n".join(f"  {line}" for line in as_text(message.text, message.blocks).splitlines()))


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
            tail = [_element(block["accessory"])] if "accessory" in block else []
            return [*_plain(block["text"]["text"]).splitlines(), *tail]
        case "context":
            return [_plain(element["text"]) for element in block["elements"]]
        case "actions":
            return [" ".join(_element(element) for element in block["elements"])]
        case "divider":
            return ["-" * 40]
        case other:
            return [f"({other})"]


def _element(element: dict[str, Any]) -> str:
    """A button, or a menu by its label."""
    address = f" -> {element['url']}" if element.get("url") else ""
    label = element.get("text") or element.get("placeholder")
    return f"[{label['text']}]{address}" if label else f"({element['type']})"


def _plain(mrkdwn: str) -> str:
    text = _DATE.sub(lambda match: _moment(match[1], match[2]), mrkdwn)
    text = _PERSON.sub(lambda match: f"@{NAMES.get(match[1], match[1])}", text)
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
