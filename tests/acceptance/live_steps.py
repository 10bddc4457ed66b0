"""What the conversations about live cards are made of."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import bot
from bot.demo.slack.messages import Message
from bot.demo.vault.uploads import Upload
from bot.demo.workspace import CHANNEL, DemoWorkspace
from tests.acceptance.reminder_steps import GIB, MIB, Book, at_a_moment, new_upload
from tests.acceptance.steps import ask, buttons, click, done_count, until

BOT = "U0UPLOADS"
EDIT = "/api/chat.update"
LIVE = "kept up to date until the upload ends"
NO_LONGER = "no longer kept up to date"
QUICK = """
from bot import worker

worker.LOOK_SECONDS = 0.05
"""
"""Python runs a module of this name, `sitecustomize`, before anything else: due work is looked for more often, so that
a jump of the clock takes less of our time."""


def quick(folder: Path) -> dict[str, str]:
    """The settings of a bot that looks for due work all the time."""
    (folder / "sitecustomize.py").write_text(QUICK)
    return {"PYTHONPATH": f"{folder}:{Path(bot.__file__).parents[1]}"}


@asynccontextmanager
async def quick_workspace(folder: Path, *linked: str) -> AsyncIterator[DemoWorkspace]:
    """A workspace whose time is ours, with such a bot and these people linked by token."""
    async with at_a_moment(*linked, settings=quick(folder)) as demo:
        yield demo


def fresh_upload(demo: DemoWorkspace, name: str, owner: str = "alice") -> Upload:
    """A new upload of 1 GiB whose first part has come."""
    upload = new_upload(demo, owner, f"secret/{name}", GIB)
    demo.vault.send_part(upload.id, 50 * MIB)
    return upload


async def shared(
    demo: DemoWorkspace, upload: Upload, person: str = "alice", channel: str = CHANNEL
) -> Message:
    """Share it, and return the card that others see too."""
    await ask(demo, person, f"{upload.id} share", channel=channel)
    return newest(demo, channel)


async def asked(demo: DemoWorkspace, upload: Upload, thread: Message | None = None) -> Message:
    """Ask for it in public as Alice does, and return the card in the thread."""
    before = len(demo.slack.seen_by("alice", CHANNEL))
    await demo.type("alice", f"@Vault Uploads {upload.id}", CHANNEL, thread=thread.ts if thread else None)
    await until(lambda: _posted_since(demo, before) != [], "the card is posted")
    return _posted_since(demo, before)[-1]


async def live(demo: DemoWorkspace, upload: Upload, channel: str = CHANNEL) -> Message:
    """Share it as Alice does and keep the card up to date; return the card as it is then."""
    card = await shared(demo, upload, channel=channel)
    await click(demo, "alice", card, "live")
    return now_of(demo, card)


async def press_twice(demo: DemoWorkspace, person: str, message: Message, action_id: str) -> list[str]:
    """Press a button twice at the same moment; return what both answers say."""
    done = done_count(demo)
    clicks = [demo.slack.click(user=person, message=message, action_id=action_id) for _ in range(2)]
    deliveries = await asyncio.gather(*clicks)
    answers = [await delivery.answered() for delivery in deliveries]
    await until(lambda: done_count(demo) >= done + 2, "the bot is done with both")
    return [answer.text for answer in answers]


def newest(demo: DemoWorkspace, channel: str = CHANNEL, person: str = "alice") -> Message:
    """The last message of the app's that everybody in a conversation sees."""
    return [one for one in demo.slack.seen_by(person, channel) if one.author == BOT and not one.is_ephemeral][
        -1
    ]


def now_of(demo: DemoWorkspace, card: Message) -> Message:
    """A card as it stands now."""
    found = demo.slack.message(card.key)
    assert found is not None
    return found


def replies(demo: DemoWorkspace, card: Message) -> list[str]:
    """What stands below a card, posted by the app for all to see."""
    thread = card.thread_ts or card.ts
    return [
        one.text
        for one in demo.slack.seen_by("alice", card.channel)
        if one.thread_ts == thread and one.author == BOT and not one.is_ephemeral and one.key != card.key
    ]


def edits(demo: DemoWorkspace, card: Message) -> list[str]:
    """The text of each edit of a card that Slack took, in order."""
    return [
        str(one.request["text"])
        for one in demo.slack.log
        if one.what.endswith(EDIT) and one.request.get("ts") == card.ts and one.response.get("ok")
    ]


def labels(message: Message) -> list[str]:
    """What its buttons say."""
    return [str(one["text"]["text"]) for one in buttons(message)]


def cards(demo: DemoWorkspace) -> list[str]:
    """The uploads that have a live card, as the database knows it."""
    return [one["upload_id"] for one in Book(demo).watches() if one["target"] == "card"]


def _posted_since(demo: DemoWorkspace, before: int) -> list[Message]:
    found = demo.slack.seen_by("alice", CHANNEL)[before:]
    return [one for one in found if one.author == BOT and not one.is_ephemeral]


def calls_to_edit(demo: DemoWorkspace) -> list[str]:
    """Every call to edit a message, taken or not."""
    return [one.what for one in demo.slack.log if one.what.endswith(EDIT)]
