"""What the conversations are made of: typed words, clicks, browsers, waiting, and looks behind the scenes."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

import bot
from bot.demo.slack.delivery import Delivery
from bot.demo.slack.messages import Message
from bot.demo.vault import seed
from bot.demo.workspace import CHANNEL, LINKED, DemoWorkspace, demo_workspace, hidden_fields, link_address
from bot.model.errors import UploadNotVisible
from tests.databases import put_tables

ACK_LIMIT = 3.0
"""Slack's, in seconds. Judged where the Vault is slower than that; a machine may stand still for longer at any time."""
PATIENCE = 60.0
NOT_VISIBLE = UploadNotVisible.what.partition("{")[0]
"""How the one answer to unknown, foreign and ended ids begins."""
FORM = "application/x-www-form-urlencoded"


async def until(condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Wait for a condition; AssertionError names what never came."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - it depends on another process
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"never happened: {what}") from None


@asynccontextmanager
async def workspace(
    *linked: str,
    stand_still: bool = True,
    socket_mode: bool = False,
    settings: Mapping[str, str] | None = None,
) -> AsyncIterator[DemoWorkspace]:
    """A demo workspace with these people linked, its time standing still."""
    async with demo_workspace(socket_mode=socket_mode, settings=settings, start_bot=False) as demo:
        put_tables(demo.folder / "bot.db")
        await demo.bot.start()
        for person in linked:
            await demo.link(person)
        if stand_still:
            demo.clock.run_at(0)
        yield demo


@asynccontextmanager
async def usual_workspace() -> AsyncIterator[DemoWorkspace]:
    """Alice, Bob and Vera linked by password, in HTTP mode on SQLite."""
    async with workspace(*LINKED) as demo:
        yield demo


def calm(demo: DemoWorkspace) -> None:
    """Take away every fault that an earlier test left."""
    demo.vault.faults.clear()
    demo.slack.faults.clear()
    demo.vault.forget_calls()


# Slack's side


async def ask(demo: DemoWorkspace, person: str, text: str, *, channel: str = CHANNEL) -> Message:
    """Type `/upload-status TEXT`; return the one answer, after the bot is done with the command."""
    done = done_count(demo)
    delivery = await demo.slack.slash(user=person, channel=channel, text=text)
    return await the_answer(demo, delivery, done)


async def click(
    demo: DemoWorkspace, person: str, message: Message, action_id: str, *, block_id: str | None = None
) -> Message:
    """Press a button; return the one answer, after the bot is done with the click."""
    done = done_count(demo)
    delivery = await demo.slack.click(user=person, message=message, action_id=action_id, block_id=block_id)
    return await the_answer(demo, delivery, done)


async def the_answer(demo: DemoWorkspace, delivery: Delivery, done_before: int) -> Message:
    """The only answer, to what was acked, seen by the asker alone; no second one can follow."""
    await delivery.answered(timeout=PATIENCE)
    await until(lambda: done_count(demo) > done_before, "the bot is done")
    assert delivery.error is None
    assert delivery.ack is not None
    assert len(delivery.answers) == 1, [answer.text for answer in delivery.answers]
    answer = delivery.answers[0]
    assert answer.visible_to == delivery.user or answer.channel.startswith("D")
    return answer


def done_count(demo: DemoWorkspace) -> int:
    """How many commands and clicks the bot has seen through, by its own log."""
    return demo.bot.log_text().count('"event": "answered"')


def log_lines(demo: DemoWorkspace) -> list[dict[str, Any]]:
    """The bot's log."""
    return [json.loads(line) for line in demo.bot.log_text().splitlines() if line.startswith("{")]


def shown(message: Message) -> str:
    """All of a message that reaches a screen or a screen reader."""
    return message.text + "\n" + json.dumps(bare_blocks(message), ensure_ascii=False)


def bare_blocks(message: Message) -> list[dict[str, Any]]:
    """The blocks as the bot sent them, without the block ids that Slack adds."""
    return [{name: value for name, value in block.items() if name != "block_id"} for block in message.blocks]


def buttons(message: Message) -> list[dict[str, Any]]:
    """Every button, in the order of the message."""
    found = []
    for block in message.blocks:
        elements = [block["accessory"]] if "accessory" in block else block.get("elements", [])
        found += [{**one, "block_id": block["block_id"]} for one in elements if one.get("type") == "button"]
    return found


def show_button(message: Message, upload_id: str) -> str:
    """The block with the list's Show button for an upload."""
    return next(str(one["block_id"]) for one in buttons(message) if upload_id in one.get("value", ""))


@dataclass
class Traffic:
    """What has gone over the wires since it was made."""

    demo: DemoWorkspace

    def __post_init__(self) -> None:
        self._slack, self._vault = len(self.demo.slack.log), self.demo.vault.calls()

    @property
    def vault_calls(self) -> int:
        """Requests that arrived at any Vault."""
        return self.demo.vault.calls() - self._vault

    @property
    def slack_calls(self) -> list[str]:
        """The bot's requests to Slack, the secret parts of response_urls masked."""
        return [one.what for one in self.demo.slack.log[self._slack :] if one.direction == "from_bot"]

    @property
    def web_api_calls(self) -> list[str]:
        """The bot's calls of Web API methods."""
        return [what for what in self.slack_calls if "/api/" in what]


def slash_fields(demo: DemoWorkspace, person: str, text: str, **other: str) -> dict[str, str]:
    """The form of a slash command, to be sent by hand."""
    user = demo.slack.workspace.user(person)
    return {
        "token": "legacy", "team_id": user.team_id, "team_domain": "nordlicht", "channel_id": "C0TRIALUPLOADS",
        "channel_name": "trial-uploads", "user_id": user.id, "user_name": user.name, "command": "/upload-status",
        "text": text, "api_app_id": demo.slack.app_id, "is_enterprise_install": "false", "trigger_id": "1.2.abc",
        "response_url": f"{demo.slack.api_url.removesuffix('/api/')}/response/T0NORDLICHT/none", **other,
    }  # fmt: skip


def action_payload(demo: DemoWorkspace, person: str, action_id: str, value: str | None) -> dict[str, Any]:
    """A click as a meddling client would send it: any action, any value."""
    user = demo.slack.workspace.user(person)
    action = {"type": "button", "action_id": action_id, "block_id": "b1", "action_ts": "1.1"}
    return {
        "type": "block_actions", "token": "legacy", "api_app_id": demo.slack.app_id,
        "team": {"id": demo.slack.team_id, "domain": "nordlicht"}, "enterprise": None,
        "is_enterprise_install": False, "user": {"id": user.id, "username": user.name, "team_id": user.team_id},
        "channel": {"id": "C0TRIALUPLOADS", "name": "trial-uploads"},
        "container": {"type": "message", "message_ts": "1.1", "channel_id": "C0TRIALUPLOADS", "is_ephemeral": True},
        "trigger_id": "1.2.abc", "state": {"values": {}},
        "actions": [action if value is None else {**action, "value": value}],
    }  # fmt: skip


def event_payload(demo: DemoWorkspace, event: Mapping[str, Any]) -> dict[str, Any]:
    """An event in its envelope, also one that the app has not subscribed to."""
    return {
        "token": "legacy", "team_id": demo.slack.team_id, "api_app_id": demo.slack.app_id, "event": dict(event),
        "type": "event_callback", "event_id": "Ev1", "event_time": 1_790_000_000, "authorizations": [],
    }  # fmt: skip


async def deliver(
    demo: DemoWorkspace, kind: str, payload: Mapping[str, Any], person: str = "alice"
) -> Delivery:
    """Send a payload of one's own making the usual way, and wait for its ack."""
    delivery = Delivery(kind, demo.clock.now(), dict(payload), demo.slack.workspace.user(person).id)
    await demo.slack._deliver(delivery)
    return delivery


async def crafted_click(demo: DemoWorkspace, person: str, action_id: str, value: str | None) -> Message:
    """Send a click of one's own making; the answer comes to where a true command was typed."""
    delivery = Delivery("interactive", demo.clock.now(), {}, demo.slack.workspace.user(person).id)
    place = demo.slack.workspace.channel(CHANNEL)
    url = demo.slack._response_url(delivery, place, demo.slack.workspace.user(person))
    delivery.payload = {**action_payload(demo, person, action_id, value), "response_url": url}
    done = done_count(demo)
    await demo.slack._deliver(delivery)
    return await the_answer(demo, delivery, done)


# The browser's side


@asynccontextmanager
async def browser() -> AsyncIterator[httpx.AsyncClient]:
    """A browser without memory of anyone."""
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as client:
        yield client


async def open_form(
    demo: DemoWorkspace, client: httpx.AsyncClient, person: str, method: str, words: str = "link"
) -> dict[str, str]:
    """Ask for a link in Slack, open it, and return the hidden fields of one form."""
    asked = await ask(demo, person, words)
    page = await client.get(link_address(asked))
    assert page.status_code == 200
    return hidden_fields(page.text, method)


def ticket_of(message: Message) -> str:
    """The ticket in a link prompt."""
    return link_address(message).partition("ticket=")[2]


async def link_by_token(
    demo: DemoWorkspace, person: str, *, vault: str = seed.PROMOMATS, as_user: str | None = None
) -> httpx.Response:
    """Link through the page with an API access token."""
    async with browser() as client:
        fields = await open_form(demo, client, person, "token", f"link {vault}")
        fields["token"] = seed.ACCESS_TOKENS[as_user or person, vault]
        return await client.post(f"{demo.bot.url}/link", data=fields)


def password_fields(person: str) -> dict[str, str]:
    """What a person types into the password form."""
    return {"username": f"{person}@nordlicht.example", "password": seed.PASSWORDS[person]}


def vault_sessions(demo: DemoWorkspace, person: str) -> list[str]:
    """Ids of the person's Vault sessions that live at this moment."""
    logins, now = demo.vault.domain.logins, demo.clock.now()
    owner = demo.vault.users[person]
    living = [logins._living_session(session_id, now) for session_id in list(logins._sessions)]
    return [one.id for one in living if one is not None and one.user is owner]


# Processes


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A process that has ended."""

    code: int
    out: str
    err: str


async def start_cli(
    *arguments: str, cwd: Path, settings: Mapping[str, str] | None = None
) -> asyncio.subprocess.Process:
    """Start `python -m bot ARGUMENTS` with these settings alone."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    environment = {
        **kept,
        "PYTHONPATH": str(Path(bot.__file__).parent.parent),
        "PYTHONDONTWRITEBYTECODE": os.environ.get("PYTHONDONTWRITEBYTECODE", ""),
        **(settings or {}),
    }
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", *arguments, cwd=cwd, env=environment,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        # A shell that runs the tests in the background has told them to ignore SIGINT, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


async def ended(process: asyncio.subprocess.Process, seconds: float = 120) -> Ended:
    """Wait for its end."""
    try:
        async with asyncio.timeout(seconds):
            out, err = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.communicate()
        raise AssertionError("the process did not end") from None
    assert process.returncode is not None
    return Ended(code=process.returncode, out=out.decode(), err=err.decode())


async def cli(*arguments: str, cwd: Path, settings: Mapping[str, str] | None = None) -> Ended:
    """Run one command to its end."""
    return await ended(await start_cli(*arguments, cwd=cwd, settings=settings))


def same_but(messages: Sequence[tuple[Message, str]]) -> bool:
    """Whether messages are identical to the byte once each one's own id is taken out."""
    return len({shown(message).replace(upload_id, "<id>") for message, upload_id in messages}) == 1
