"""Whoever leaves Slack leaves nothing behind: one workspace by its token, in both modes."""

import asyncio

import pytest

from bot.demo.workspace import DemoWorkspace
from bot.model.accounts import AccountSummary
from bot.store.accounts import Accounts
from bot.store.database import Database, database_url
from bot.store.seal import Keyring
from tests.acceptance.steps import ask, log_lines, until, vault_sessions, workspace


async def _linked(demo: DemoWorkspace) -> list[AccountSummary]:
    async with Database.open(database_url(demo.settings["DATABASE_URL"])) as db:
        return await Accounts(db, Keyring.parse(demo.settings["ENCRYPTION_KEYS"])).summaries()


async def _until_linked_are(demo: DemoWorkspace, *user_ids: str) -> None:
    async with asyncio.timeout(60):
        while {one.slack_user.user_id for one in await _linked(demo)} != set(user_ids):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("socket_mode", [False, True], ids=["http", "socket"])
async def test_leaving__a_person_then_the_whole_workspace(socket_mode: bool) -> None:
    async with workspace("alice", "bob", socket_mode=socket_mode) as demo:
        await demo.slack.deactivate("alice")
        await _until_linked_are(demo, "U0BOB")
        await until(lambda: vault_sessions(demo, "alice") == [], "Alice's Vault session is ended")
        assert len(vault_sessions(demo, "bob")) == 1
        for delivery in await demo.slack.uninstall():
            assert delivery.error is None
        await _until_linked_are(demo)
        await until(lambda: vault_sessions(demo, "bob") == [], "Bob's too")
        dealt_with = [line for line in log_lines(demo) if line["event"] == "event dealt with"]
        assert dealt_with
        assert all(len(line["reference"]) == 8 for line in dealt_with)


async def test_leaving__an_old_word_of_it_changes_nothing() -> None:
    async with workspace("alice") as demo:
        await demo.slack.event({"type": "app_uninstalled"})
        await demo.slack.event({"type": "tokens_revoked", "tokens": {"bot": ["U0UPLOADS"]}})
        await until(lambda: demo.bot.log_text().count('"event dealt with"') == 2, "both are looked at")
        assert "linked to" in (await ask(demo, "alice", "whoami")).text
