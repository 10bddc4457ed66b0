"""How long a link lives: renewed in silence for weeks, ended once and plainly, never at the mercy of a crash."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from bot.demo.idp import Fault
from bot.demo.vault import seed
from bot.demo.vault.faults import Delay
from bot.demo.workspace import DemoWorkspace, link_address
from tests.acceptance.operating import audit_rows, execute, link_states, send_to, two_replicas
from tests.acceptance.steps import (
    ask,
    browser,
    buttons,
    calm,
    link_by_token,
    log_lines,
    shown,
    until,
    vault_sessions,
    workspace,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

ENDED = "Your link to Vault (promomats) has ended: "
OVER = timedelta(hours=50)
"""Longer than any Vault session lives."""
WARNINGS_LEFT = "SELECT key FROM due_work WHERE kind = 'token_ends'"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[DemoWorkspace]:
    """One workspace for the module."""
    async with workspace() as demo:
        yield demo


@pytest_asyncio.fixture(loop_scope="module")
async def demo(shared: DemoWorkspace) -> DemoWorkspace:
    """Alice linked by her company's sign-in a moment ago; nothing is wrong, and all counters are at zero."""
    calm(shared)
    shared.idp.faults.clear()
    await ask(shared, "alice", "unlink all")
    await shared.link("alice", method="oidc")
    forget_calls(shared)
    return shared


def forget_calls(demo: DemoWorkspace) -> None:
    """Count calls to Vault and to the identity provider from zero."""
    demo.idp.forget_calls()
    demo.vault.forget_calls()


def renewals(demo: DemoWorkspace) -> tuple[int, int]:
    """How often the provider was asked for tokens, and how often Vault for a session in exchange."""
    return demo.idp.calls("token"), demo.vault.calls("oidc_exchange")


def direct_messages(demo: DemoWorkspace, person: str) -> list[str]:
    """What the app has told a person unasked."""
    return [message.text for message in demo.slack.seen_by(person, "dm")]


# Renewal


async def test_renewal__for_weeks_and_once_for_each_session(demo: DemoWorkspace) -> None:
    """Seventeen days in which the person does nothing but ask."""
    for number in range(8):
        demo.clock.advance(OVER)
        name = f"week-{number}.bin"
        demo.vault.create_upload("alice", f"/{name}", 1000)
        forget_calls(demo)
        for _ in range(3):
            assert name in (await ask(demo, "alice", "list")).text
        assert renewals(demo) == (1, 1)
        # A session that is surely over is not even tried.
        assert demo.vault.calls("list_uploads") == 3
    assert len(vault_sessions(demo, "alice")) == 1
    assert direct_messages(demo, "alice")[-1].startswith("Your Slack account is now linked")


async def test_renewal__after_vault_ended_the_session(demo: DemoWorkspace) -> None:
    """Long before its time: one refusal, one renewal, the call once more, one answer."""
    demo.vault.create_upload("alice", "/killed.bin", 1000)
    demo.vault.end_sessions("alice")
    before = len(await audit_rows(demo))
    assert "killed.bin" in (await ask(demo, "alice", "list")).text
    assert renewals(demo) == (1, 1)
    assert demo.vault.calls("list_uploads") == 2
    rows = (await audit_rows(demo))[before:]
    assert [(row["action"], row["outcome"]) for row in rows] == [("renew", "done"), ("list", "done")]
    assert len({row["reference"] for row in rows}) == 1


async def test_renewal__of_twenty_commands_at_once_is_one(demo: DemoWorkspace) -> None:
    """A refresh token that is used twice ends everything at this provider: it never is."""
    demo.vault.create_upload("alice", "/at-once.bin", 1000)
    demo.clock.advance(OVER)
    demo.vault.create_upload("alice", "/at-once.bin", 1000)
    sent = await asyncio.gather(*(demo.slack.slash(user="alice", text="list") for _ in range(20)))
    for delivery in sent:
        assert "at-once.bin" in (await delivery.answered(timeout=60)).text
    assert renewals(demo) == (1, 1)
    assert demo.idp.grants.of(demo.idp.people["alice"])[-1].ended is False


async def test_renewal__by_two_replicas_at_once_is_one(postgres_url: str, tmp_path: Path) -> None:
    async with two_replicas(postgres_url, tmp_path) as (demo, second):
        await demo.link("alice", method="oidc")
        for _ in range(3):
            demo.clock.advance(OVER)
            demo.vault.create_upload("alice", "/both.bin", 1000)
            forget_calls(demo)
            sent = await asyncio.gather(
                *(send_to(demo, bot, "alice", "list") for bot in (demo.bot, second) * 6)
            )
            assert all("both.bin" in delivery.answers[0].text for delivery in sent)
            assert renewals(demo) == (1, 1)
        done = '"event": "answered"'
        await until(
            lambda: min(bot.log_text().count(done) for bot in (demo.bot, second)) >= 18, "both have answered"
        )


# Its end


async def test_refused__by_the_provider_is_the_end_of_the_link(demo: DemoWorkspace) -> None:
    """Told in the answer, kept for the operator, and mended by linking again."""
    told = len(direct_messages(demo, "alice"))
    demo.clock.advance(OVER)
    demo.idp.revoke("alice")
    for _ in range(2):
        answer = await ask(demo, "alice", "list")
        assert answer.text.startswith(f"{ENDED}your company's sign-in no longer renews it.")
        assert [one["action_id"] for one in buttons(answer)] == ["link"]
        assert await link_states(demo) == {"U0ALICE": "ended"}
    assert len(direct_messages(demo, "alice")) == told, "who asked has read it in the answer"
    assert demo.vault.calls("oidc_exchange") == 0
    await demo.link("alice", method="oidc")
    demo.vault.create_upload("alice", "/again.bin", 1000)
    assert "again.bin" in (await ask(demo, "alice", "list")).text
    assert await link_states(demo) == {"U0ALICE": "active"}


async def test_refused__by_vault_after_the_provider_agreed_is_the_end_too(demo: DemoWorkspace) -> None:
    """The provider has handed out another refresh token by then; the link is marked as ended all the same."""
    demo.clock.advance(OVER)
    demo.vault.users["alice"].active = False
    try:
        assert (await ask(demo, "alice", "list")).text.startswith(ENDED)
        assert renewals(demo) == (1, 1)
        states = await link_states(demo)
    finally:
        demo.vault.users["alice"].active = True
    assert states == {"U0ALICE": "ended"}
    assert ENDED not in (await ask(demo, "alice", "list")).text, "the refresh token was kept"
    assert await link_states(demo) == {"U0ALICE": "active"}


@pytest.mark.parametrize("fault", [Fault.DOWN, Fault.FAILING, Fault.NO_JSON, Fault.REFUSES_CLIENT])
async def test_provider__that_fails_for_a_while_ends_nothing(demo: DemoWorkspace, fault: Fault) -> None:
    """Not even when it is the bot's own registration that has run out."""
    demo.clock.advance(OVER)
    demo.idp.faults.add(fault)
    answer = await ask(demo, "alice", "list")
    assert "sign-in service" in answer.text
    assert "try again" in answer.text
    assert await link_states(demo) == {"U0ALICE": "active"}
    demo.idp.faults.clear()
    demo.vault.create_upload("alice", "/patience.bin", 1000)
    assert "patience.bin" in (await ask(demo, "alice", "list")).text


async def test_password__a_session_that_was_idle_is_over(demo: DemoWorkspace) -> None:
    await demo.link("alice", method="password")
    demo.clock.advance(demo.vault.domain.logins.idle_time)
    answer = await ask(demo, "alice", "list")
    assert answer.text.startswith(f"{ENDED}Vault ends sessions that are not used for a while.")
    assert await link_states(demo) == {"U0ALICE": "ended"}


async def test_password__a_session_in_use_is_over_after_48_hours(demo: DemoWorkspace) -> None:
    logins = demo.vault.domain.logins
    before, logins.idle_time = logins.idle_time, timedelta(days=3)
    try:
        await demo.link("alice", method="password")
        for _ in range(4):
            demo.clock.advance(timedelta(hours=11, minutes=59))
            assert ENDED not in (await ask(demo, "alice", "list")).text
        demo.clock.advance(timedelta(minutes=4))
        answer = await ask(demo, "alice", "list")
    finally:
        logins.idle_time = before
    assert answer.text.startswith(f"{ENDED}a Vault session lasts 48 hours at most.")


# Crashes


async def test_crash__between_the_provider_and_vault_loses_no_link(postgres_url: str) -> None:
    """Killed after the provider had handed out a new refresh token and before Vault answered: the old one is void
    by then, so the new one must have been stored. The dead process's turn runs out by itself."""
    async with workspace(settings={"DATABASE_URL": postgres_url}) as demo:
        await demo.link("alice", method="oidc")
        demo.clock.advance(OVER)
        demo.vault.create_upload("alice", "/crash.bin", 1000)
        forget_calls(demo)
        demo.vault.faults.add(Delay(30), times=None, endpoint="oidc_exchange")
        await demo.slack.slash(user="alice", text="list")
        await until(lambda: renewals(demo) == (1, 1), "the exchange is under way")
        await demo.bot.kill()
        demo.vault.faults.clear()
        await demo.bot.start()
        answers = []
        async with asyncio.timeout(150):
            while "crash.bin" not in (answer := await ask(demo, "alice", "list")).text:
                answers.append(answer.text)
        assert all(text.startswith("This took too long") for text in answers)
        assert renewals(demo) == (2, 2)
        assert await link_states(demo) == {"U0ALICE": "active"}


# API access tokens


async def test_token__warnings_come_once_each_whatever_restarts_between() -> None:
    async with workspace() as demo:
        await link_by_token(demo, "alice")
        said = len(direct_messages(demo, "alice"))

        def warned(times: int) -> bool:
            return len(direct_messages(demo, "alice")) == said + times

        demo.clock.advance(timedelta(days=83, seconds=1))
        await until(lambda: warned(1), "7 days before")
        await demo.bot.stop()
        demo.clock.advance(timedelta(days=6))
        await demo.bot.start()
        await until(lambda: warned(2), "1 day before")
        # Told at least once: what was sent and is not yet put down as sent would come again after a crash.
        await until(lambda: not execute(demo, WARNINGS_LEFT), "it is put down as sent")
        for _ in range(2):
            await demo.bot.kill()
            demo.clock.advance(timedelta(hours=6))
            await demo.bot.start()
            await ask(demo, "alice", "whoami")
        assert warned(2)
        assert ENDED not in (await ask(demo, "alice", "list")).text
        demo.clock.advance(timedelta(hours=12))
        answer = await ask(demo, "alice", "list")
        assert answer.text.startswith(f"{ENDED}the API access token has expired.")
        assert warned(2)


async def test_token__that_was_revoked(demo: DemoWorkspace) -> None:
    """In Vault, by its person. A new one and one form later all is well."""
    await link_by_token(demo, "bob")
    demo.vault.create_upload("bob", "/of-bob.bin", 1000)
    assert "of-bob.bin" in (await ask(demo, "bob", "list")).text
    tokens = demo.vault.domain.logins._tokens
    kept = {value: token for value, token in tokens.items() if token.user.key == "bob"}
    demo.vault.revoke_tokens("bob")
    answer = await ask(demo, "bob", "list")
    assert answer.text.startswith(f"{ENDED}Vault no longer accepts the API access token")
    assert "of-bob.bin" not in shown(answer)
    assert (await link_states(demo))["U0BOB"] == "ended"
    async with browser() as client:
        assert (await client.get(link_address(answer))).status_code == 200
    tokens |= kept
    assert (await link_by_token(demo, "bob")).status_code == 200
    assert (await link_states(demo))["U0BOB"] == "active"
    await ask(demo, "bob", "unlink all")


# Leaving


async def test_deactivated__in_slack_ends_a_link_that_renews_itself(demo: DemoWorkspace) -> None:
    """Last: Alice's account is gone afterwards. Nothing could be renewed for her any more."""
    sessions = vault_sessions(demo, "alice")
    assert len(sessions) == 1
    await demo.slack.deactivate("alice")
    await until(lambda: vault_sessions(demo, "alice") == [], "her Vault session is ended")
    assert await link_states(demo) == {}
    demo.clock.advance(OVER)
    assert [line for line in log_lines(demo) if line.get("event") == "person forgotten"]
    assert renewals(demo) == (0, 0)
    rows = [row for row in await audit_rows(demo) if row["action"] == "forget"]
    assert [(row["slack_user_id"], row["outcome"], row["note"]) for row in rows] == [
        ("U0ALICE", "done", "Slack account deactivated")
    ]
    assert seed.ACCESS_TOKENS["alice", "promomats"] not in str(rows)
