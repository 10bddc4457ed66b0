"""After a busy day: no credential in any log, message, file or address, and no upload's name in the log at INFO."""

import json
from collections.abc import AsyncIterator
from urllib.parse import urlencode

import pytest
import pytest_asyncio

from bot.demo.slack import faults as slack_faults
from bot.demo.slack.exchanges import masked
from bot.demo.vault import seed
from bot.demo.vault.exchanges import MASK
from bot.demo.vault.faults import HtmlWith200, Status, UnknownErrorType, WrongUserId
from bot.demo.workspace import DemoWorkspace, hidden_fields, link_address
from tests.acceptance.steps import (
    FORM,
    ask,
    browser,
    buttons,
    click,
    crafted_click,
    done_count,
    link_by_token,
    password_fields,
    shown,
    slash_fields,
    ticket_of,
    until,
    vault_sessions,
    workspace,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Day:
    """A workspace in which much has happened, and the secrets that came up in it."""

    def __init__(self, demo: DemoWorkspace, level: str) -> None:
        self.demo = demo
        self.level = level
        self.tickets: dict[str, str] = {}
        self.sessions: set[str] = set()

    @property
    def credentials(self) -> list[str]:
        """What nobody may ever read anywhere."""
        demo = self.demo
        return [
            *seed.PASSWORDS.values(), *seed.ACCESS_TOKENS.values(), *self.sessions,
            demo.slack.bot_token, demo.slack.app_token, demo.slack.signing_secret,
            demo.settings["ENCRYPTION_KEYS"], demo.settings["ENCRYPTION_KEYS"].partition(".")[2], "guessed-password",
        ]  # fmt: skip

    async def pass_by(self) -> None:
        """Everything a day may bring."""
        demo = self.demo
        async with browser() as client:
            for person in ("alice", "bob", "vera"):
                asked = await ask(demo, person, "link promomats")
                self.tickets[person] = ticket_of(asked)
                page = await client.get(link_address(asked))
                fields = hidden_fields(page.text, "password") | password_fields(person)
                await client.post(f"{demo.bot.url}/link", data=fields | {"password": "guessed-password"})
                await client.post(f"{demo.bot.url}/link", data=fields | {"csrf": "x"})
                assert (await client.post(f"{demo.bot.url}/link", data=fields)).status_code == 200
                await client.post(f"{demo.bot.url}/link", data=fields)
                self.sessions |= set(vault_sessions(demo, person))
        await self._misuse()
        await link_by_token(demo, "bob")
        for words in (
            seed.CHOLECAP,
            "list",
            "whoami",
            "help",
            seed.BOB_ARCHIVE,
            "label set.pdf",
            seed.CHOLECAP[:-2],
        ):
            answer = await ask(demo, "alice", words)
            await ask(demo, "vera", words)
            if any(one["action_id"] == "refresh" for one in buttons(answer)) and len(buttons(answer)) < 3:
                await click(demo, "alice", answer, "refresh")
        await self._trouble()
        await ask(demo, "vera", "unlink all")

    async def _misuse(self) -> None:
        demo = self.demo
        async with browser() as stranger:
            body = urlencode(slash_fields(demo, "alice", seed.CHOLECAP)).encode()
            await stranger.post(f"{demo.bot.url}/slack/events", content=body, headers={"Content-Type": FORM})
            garbage = b'{"text": "' + seed.CHOLECAP.encode() + b" " + demo.slack.bot_token.encode()
            headers = demo.slack.signed(garbage, "application/json")
            await stranger.post(f"{demo.bot.url}/slack/events", content=garbage, headers=headers)
        await crafted_click(demo, "bob", "refresh", json.dumps({"u": seed.CHOLECAP}))

    async def _trouble(self) -> None:
        demo = self.demo
        for fault in (HtmlWith200(), Status(502), UnknownErrorType(), WrongUserId(), Status(401)):
            demo.vault.faults.add(fault, times=None)
            await ask(demo, "alice", seed.CHOLECAP)
            await ask(demo, "alice", "list")
            demo.vault.faults.clear()
        demo.vault.faults.add(HtmlWith200(), times=None)
        await link_by_token(demo, "alice")
        demo.vault.faults.clear()
        demo.slack.faults.add("response_url", slack_faults.ApiError("used_url"))
        demo.slack.faults.add("chat.postMessage", slack_faults.ApiError("is_archived"))
        done = done_count(demo)
        await demo.slack.slash(user="alice", text=seed.CHOLECAP)
        await until(lambda: done_count(demo) > done, "the bot is done")


@pytest_asyncio.fixture(
    scope="module",
    loop_scope="module",
    params=[("INFO", False), ("DEBUG", False), ("DEBUG", True)],
    ids=["INFO, http", "DEBUG, http", "DEBUG, socket"],
)
async def day(request: pytest.FixtureRequest) -> AsyncIterator[Day]:
    """A day at one log level and in one mode."""
    level, socket_mode = request.param
    async with workspace(socket_mode=socket_mode, settings={"LOG_LEVEL": level}) as demo:
        passed = Day(demo, level)
        await passed.pass_by()
        yield passed


def _found(secrets: list[str], text: str) -> list[str]:
    return [f"{secret[:12]}…" for secret in secrets if secret in text]


async def test_log__holds_no_secret(day: Day) -> None:
    log = day.demo.bot.log_text()
    assert len(log) > 1000
    assert _found([*day.credentials, *day.tickets.values()], log) == []
    assert ("vault call" in log) == (day.level == "DEBUG")


async def test_log__at_info_names_no_upload(day: Day) -> None:
    """Neither ids, nor paths, nor file names, nor what people typed."""
    if day.level == "INFO":
        log = day.demo.bot.log_text()
        uploads = day.demo.vault.uploads()
        names = [
            text for one in uploads for text in (one.id, one.name, one.path.rpartition("/")[0] or one.path)
        ]
        assert _found([*names, seed.ALICE_EXPIRED, "cholecap", "label set"], log) == []


async def test_messages__hold_no_secret(day: Day) -> None:
    """But for the ticket, in the ephemeral prompt to the person it is for."""
    for message in day.demo.slack.messages:
        assert _found(day.credentials, shown(message)) == []
        for person, ticket in day.tickets.items():
            if ticket in shown(message):
                assert message.visible_to == day.demo.slack.workspace.user(person).id


async def test_database__holds_no_secret(day: Day) -> None:
    """Every file beside it too, the write-ahead log among them."""
    files = [path for path in day.demo.folder.iterdir() if path.name.startswith("bot.db")]
    assert "bot.db" in {path.name for path in files}
    content = b"".join(path.read_bytes() for path in files)
    assert b"s1." in content
    for secret in [*day.credentials, *day.tickets.values()]:
        assert secret.encode() not in content
        assert secret.encode("utf-16-le") not in content
    assert b"alice@nordlicht.example" in content, "or else nothing was looked at"


async def test_database__is_readable_by_its_owner_alone(day: Day) -> None:
    for path in day.demo.folder.glob("bot.db*"):
        assert path.stat().st_mode & 0o077 == 0


async def test_addresses__hold_no_secret(day: Day) -> None:
    """The emulators mask what looks like a secret in their logs: no address of theirs needed a mask."""
    for exchange in day.demo.vault.log:
        assert MASK not in exchange.path
        assert _found([*day.credentials, *day.tickets.values()], exchange.path) == []
    for call in day.demo.slack.log:
        if call.direction == "from_bot" and "/api/" in call.what:
            assert call.what == masked(call.what)
            assert "•••" not in call.what
        assert _found([*day.credentials, *day.tickets.values()], call.what) == []


async def test_answers__to_vault_carry_the_client_id(day: Day) -> None:
    """So that Vault's own log tells an administrator who called."""
    assert {exchange.client_id for exchange in day.demo.vault.log} == {"vault-upload-bot"}
