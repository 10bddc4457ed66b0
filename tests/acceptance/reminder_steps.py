"""Lives of watches: a workspace whose time is ours, jumps that wait until all that is due is done, transcripts."""

import json
import os
import re
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from bot.demo.slack.messages import Message
from bot.demo.transcript import as_text
from bot.demo.vault.uploads import Upload
from bot.demo.workspace import DemoWorkspace, demo_workspace
from tests.acceptance.steps import ask, buttons, done_count, the_answer, until
from tests.databases import put_tables

GOLDEN = Path(__file__).parent / "golden"
SWITCH = "WRITE_GOLDEN"
START = datetime(2036, 3, 3, 7, 0, tzinfo=UTC)
"""A Monday, eight in the morning for Alice; `T0` comes after the time that starting takes."""
T0 = START + timedelta(minutes=5)
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
GIB, MIB, KIB = 1024**3, 1024**2, 1024
SETTLED_SECONDS = 90.0
LIFETIME = 72 * HOUR

_ID = re.compile(r"\b[0-9a-f]{32}\b")
_DATE = re.compile(r"<!date\^(\d+)\^[^|>]*\|[^>]*>")


@asynccontextmanager
async def at_a_moment(
    *linked: str,
    start: datetime = START,
    settings: Mapping[str, str] | None = None,
    method: str = "token",
) -> AsyncIterator[DemoWorkspace]:
    """A demo workspace whose time stands still five minutes after `start`, these people linked by token, which
    outlives every jump."""
    with tempfile.TemporaryDirectory(prefix="reminders ") as folder:
        (Path(folder) / "clock.json").write_text(json.dumps({"demo": start.timestamp()}), "utf-8")
        put_tables(Path(folder) / "bot.db")
        async with demo_workspace(keep=Path(folder), settings=settings) as demo:
            for person in linked:
                await demo.link(person, "promomats", method=method, channel="dm")
            demo.clock.run_at(0)
            demo.clock.set(start + 5 * MINUTE)
            yield demo


# Time


class Book:
    """The due work as it stands in the bot's database, read from outside."""

    def __init__(self, demo: DemoWorkspace) -> None:
        self._demo = demo
        self._url = demo.settings["DATABASE_URL"]

    def rows(self, prefix: str = "") -> list[tuple[str, datetime, bool]]:
        """Key, moment and whether a worker holds it, of what is not parked; the first first."""
        found = self._select("SELECT key, due_at, claim FROM due_work ORDER BY due_at, key")
        parked = 253402214400000
        return [
            (key, datetime.fromtimestamp(due / 1000, UTC), claim is not None)
            for key, due, claim in found
            if due < parked and key.startswith(prefix)
        ]

    def is_settled(self) -> bool:
        """Whether nothing is due and nothing is being worked on."""
        now = self._demo.clock.now()
        return not any(held or due <= now for _, due, held in self.rows())

    def next_moment(self) -> datetime | None:
        """When the next job is due."""
        return min((due for _, due, _ in self.rows()), default=None)

    def watches(self) -> list[dict[str, Any]]:
        """The rows of all watches, what is sealed left as it is."""
        rows = self._select(
            "SELECT id, slack_user_id, target, upload_id, channel_id FROM watches ORDER BY created_at, id"
        )
        names = ("id", "slack_user_id", "target", "upload_id", "channel_id")
        return [dict(zip(names, row, strict=True)) for row in rows]

    def _select(self, statement: str) -> list[tuple[Any, ...]]:
        if self._url.startswith("sqlite"):
            with closing(sqlite3.connect(self._url.partition("///")[2], timeout=10)) as connection:
                return connection.execute(statement).fetchall()
        with psycopg.connect(self._url, autocommit=True) as server:
            return server.execute(statement).fetchall()  # type: ignore[call-overload, no-any-return, unused-ignore]


async def settled(demo: DemoWorkspace, seconds: float = SETTLED_SECONDS) -> None:
    """Wait until the bot has done all that is due at this moment of the demo's time."""
    book = Book(demo)
    await until(book.is_settled, f"all is done that was due by {demo.clock.now():%a %H:%M}", seconds)


async def jump(demo: DemoWorkspace, by: timedelta) -> None:
    """Let so much time pass at once, and let the bot do what is due then."""
    demo.clock.advance(by)
    await settled(demo)


async def go_to(demo: DemoWorkspace, moment: datetime) -> None:
    """Jump to a moment, and let the bot do what is due then."""
    demo.clock.set(moment)
    await settled(demo)


async def follow(demo: DemoWorkspace, until_moment: datetime, prefix: str = "watch:") -> None:
    """Go from each moment at which something is due to the next, as time itself does, up to a last one."""
    book = Book(demo)
    while moments := [due for _, due, _ in book.rows(prefix) if due <= until_moment]:
        await go_to(demo, max(min(moments), demo.clock.now()))
    await go_to(demo, until_moment)


# What people do


def new_upload(demo: DemoWorkspace, owner: str, path: str, size: int, *, pace: float = 0) -> Upload:
    """A new upload session of 50 MiB parts; with a pace in bytes per second it moves by itself."""
    upload = demo.vault.create_upload(owner, path, size, part_size=50 * MIB)
    if pace:
        demo.vault.let_run(upload.id, pace)
    return upload


async def watch(
    demo: DemoWorkspace, person: str, upload: Upload | str, more: str = "", *, channel: str = "dm"
) -> Message:
    """Type `watch <id> …` and return the answer."""
    upload_id = upload if isinstance(upload, str) else upload.id
    return await ask(demo, person, f"watch {upload_id} {more}".strip(), channel=channel)


async def choose(
    demo: DemoWorkspace, person: str, message: Message, option: str, *, block_id: str | None = None
) -> Message:
    """Choose in the menu Snooze; return the one answer."""
    done = done_count(demo)
    menus = [block["accessory"] for block in message.blocks if "accessory" in block]
    values = [one["value"] for menu in menus for one in menu.get("options", [])]
    value = next(value for value in values if json.loads(value)["s"] == option)
    delivery = await demo.slack.click(
        user=person, message=message, action_id="snooze", block_id=block_id, option=value
    )
    return await the_answer(demo, delivery, done)


async def form(demo: DemoWorkspace, person: str, upload_id: str, **chosen: object) -> Message:
    """Ask for the card, press Watch, change these fields, send the form; return the answer."""
    card = await ask(demo, person, upload_id, channel="dm")
    done = done_count(demo)
    delivery = await demo.slack.click(user=person, message=card, action_id="watch")
    await delivery.shown()
    sent = await demo.slack.submit_view(person, {name: {name: value} for name, value in chosen.items()})
    assert sent.error is None
    assert demo.slack.modal(person) is None
    answer = await delivery.answered()
    await until(lambda: done_count(demo) >= done + 2, "the bot is done")
    return answer


def nights(start: str = "22:00", end: str = "07:00") -> dict[str, object]:
    """The form's fields for quiet hours."""
    return {"quiet": ["on"], "quiet_from": start, "quiet_to": end}


# What people read


def inbox(demo: DemoWorkspace, person: str, since: int = 0, *, channel: str = "dm") -> list[Message]:
    """What the app has written to a person, or what stands in a channel, in order; answers to commands too."""
    return [one for one in demo.slack.seen_by(person, channel) if one.author == "U0UPLOADS"][since:]


def told(demo: DemoWorkspace, person: str, since: int = 0, *, channel: str = "dm") -> list[str]:
    """The texts of what came by itself: reminders and the like, no answers."""
    return [one.text for one in inbox(demo, person, since, channel=channel) if one.via == "chat.postMessage"]


def button_labels(message: Message) -> list[str]:
    """What the buttons of a message say."""
    return [str(one["text"]["text"]) for one in buttons(message)]


def moment_of(message: Message) -> datetime:
    """When it was posted, in the demo's time."""
    return datetime.fromtimestamp(int(message.ts.partition(".")[0]), UTC)


def transcript(
    demo: DemoWorkspace, person: str, messages: Sequence[Message], *, since: datetime = T0, title: str = ""
) -> str:
    """Messages as that person reads them, on the phone (the text) and on the screen (the blocks), each with the
    moment in their own time zone."""
    zone = ZoneInfo(demo.slack.workspace.user(person).tz)
    pieces = [f"{title}\n"] if title else []
    for message in messages:
        at = moment_of(message)
        minutes = round((at - since) / MINUTE)
        head = f"=== {at.astimezone(zone):%a %H:%M} ({minutes // 60} h {minutes % 60:02d} min after watching) ==="
        screen = as_text(message.text, _with_moments(list(message.blocks), zone))
        lines = [
            head,
            f"phone:  {_plain(message.text)}",
            *(f"screen: {line}" for line in screen.splitlines()),
        ]
        pieces.append("\n".join(lines) + "\n")
    return _ID.sub("<id>", "\n".join(pieces))


def agrees(name: str, found: str) -> None:
    """Assert that the golden transcript of that name holds just this; with WRITE_GOLDEN=1 write it first."""
    path = GOLDEN / f"{name}.txt"
    if os.environ.get(SWITCH) == "1":
        path.write_text(found, "utf-8")
    assert found.splitlines() == path.read_text("utf-8").splitlines()


def _plain(text: str) -> str:
    """As it is read aloud."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _with_moments(blocks: list[dict[str, Any]], zone: ZoneInfo) -> list[dict[str, Any]]:
    """Slack's date tokens as the reader sees them."""

    def drawn(match: re.Match[str]) -> str:
        return f"{datetime.fromtimestamp(int(match[1]), UTC).astimezone(zone):%a %b %-d at %H:%M}"

    found: list[dict[str, Any]] = json.loads(_DATE.sub(drawn, json.dumps(blocks)))
    return found
