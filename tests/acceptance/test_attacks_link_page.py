"""Attacks on the link page from outside: guessing, trickling, and names that want to be more than names."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace

import httpx
import pytest
import pytest_asyncio

from bot.demo.slack.workspace import User as SlackPerson
from bot.demo.vault import seed
from bot.demo.vault.calls import Answer
from bot.demo.vault.faults import Fault
from bot.demo.vault.users import User as VaultPerson
from bot.demo.workspace import DemoWorkspace, hidden_fields, link_address
from tests.acceptance.operating import audit_rows, execute, operator_types
from tests.acceptance.steps import FORM, ask, browser, calm, link_by_token, shown, ticket_of, workspace

pytestmark = pytest.mark.asyncio(loop_scope="module")

GUESSES = 200
SLOW_ONES = 60
NASTY = "Eve\r\nX-Injected: 1\r\nSet-Cookie: a=b\r\n\r\n<script>alert(1)</script> <!channel> *bold* <https://evil.example|x>"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[DemoWorkspace]:
    async with workspace() as demo:
        yield demo


@pytest_asyncio.fixture(loop_scope="module")
async def demo(shared: DemoWorkspace) -> DemoWorkspace:
    """Nobody is linked; a Vault tells its versions to everybody, so that no page asks it again."""
    calm(shared)
    await ask(shared, "alice", "unlink all")
    shared.vault.forget_calls()
    return shared


# Guessing


async def test_guess__finds_no_ticket_and_leaves_no_trace(demo: DemoWorkspace) -> None:
    """Neither a call to Vault, nor a row in the audit log, nor a scratch on the tickets that are out."""
    address = link_address(await ask(demo, "alice", "link promomats"))
    before = execute(demo, "SELECT count(*) FROM audit_log")
    async with browser() as stranger:
        page = await stranger.get(address)
        fields = hidden_fields(page.text, "token")
        demo.vault.forget_calls()
        for _ in range(GUESSES):
            guess = secrets.token_urlsafe(32)
            seen = await stranger.get(f"{demo.bot.url}/link", params={"ticket": guess})
            assert seen.status_code == 410
            # With the token of a form that was really shown, but for another ticket.
            sent = {**fields, "ticket": guess, "token": seed.ACCESS_TOKENS["alice", "promomats"]}
            assert (await stranger.post(f"{demo.bot.url}/link", data=sent)).status_code == 403
    assert demo.vault.calls() == 0
    assert execute(demo, "SELECT count(*) FROM audit_log") == before
    async with browser() as alice:
        fields = hidden_fields((await alice.get(address)).text, "token")
        fields["token"] = seed.ACCESS_TOKENS["alice", "promomats"]
        assert (await alice.post(f"{demo.bot.url}/link", data=fields)).status_code == 200


async def test_guess__a_hash_from_a_stolen_database_is_no_ticket(demo: DemoWorkspace) -> None:
    ticket = ticket_of(await ask(demo, "alice", "link promomats"))
    digests = [row[0] for row in execute(demo, "SELECT digest FROM link_tickets")]
    assert digests
    assert ticket not in digests
    async with browser() as thief:
        for digest in digests:
            page = await thief.get(f"{demo.bot.url}/link", params={"ticket": digest})
            assert page.status_code == 410


# Trickling


async def test_body__that_trickles_is_let_go_and_holds_up_nobody(demo: DemoWorkspace) -> None:
    """Sixty clients send a byte now and then; meanwhile a person links, and in the end all of them are cut off."""
    head = f"POST /link HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nContent-Length: 5000\r\n\r\n".encode()
    slow = [await asyncio.open_connection("127.0.0.1", demo.bot.port) for _ in range(SLOW_ONES)]

    async def trickle(writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while not writer.is_closing():
            writer.write(b"t")
            await writer.drain()
            await asyncio.sleep(0.5)

    trickling = [asyncio.create_task(trickle(writer)) for _, writer in slow]
    try:
        assert (await link_by_token(demo, "alice")).status_code == 200
        assert "31%" in (await ask(demo, "alice", seed.CHOLECAP)).text
        async with asyncio.timeout(120):
            answers = await asyncio.gather(*(_all_of(reader) for reader, _ in slow))
    finally:
        for task in trickling:
            task.cancel()
        await asyncio.gather(*trickling, return_exceptions=True)
        for _, writer in slow:
            writer.close()
    assert all(not answer or b" 400 " in answer.partition(b"\r\n")[0] for answer in answers)


async def _all_of(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionError:
        return b""


# Names


@pytest.fixture
def nasty_in_slack(demo: DemoWorkspace) -> Iterator[SlackPerson]:
    """Alice has given herself a name in Slack that no person has."""
    users = demo.slack.workspace.users
    alice = users["U0ALICE"]
    users["U0ALICE"] = replace(alice, real_name=NASTY)
    yield users["U0ALICE"]
    users["U0ALICE"] = alice


@pytest.fixture
def nasty_in_vault(demo: DemoWorkspace) -> Iterator[VaultPerson]:
    """So has her Vault user, in every name that Vault tells."""
    alice = demo.vault.users["alice"]
    before = alice.first_name, alice.last_name, alice.user_name
    alice.first_name, alice.last_name, alice.user_name = NASTY, "=1+1", f"alice{NASTY}"
    yield alice
    alice.first_name, alice.last_name, alice.user_name = before


def harmless(page: httpx.Response) -> None:
    """A page on which the name is text, with the headers that it always has."""
    names = [name.lower() for name, _ in page.headers.multi_items()]
    assert "x-injected" not in names
    assert not any(value.startswith("a=b") for value in page.headers.get_list("set-cookie"))
    assert "<script" not in page.text
    assert "<!channel>" not in page.text


async def test_name__of_a_slack_user_stays_text(demo: DemoWorkspace, nasty_in_slack: SlackPerson) -> None:
    async with browser() as client:
        page = await client.get(link_address(await ask(demo, "alice", "link promomats")))
    assert page.status_code == 200
    harmless(page)
    assert "&lt;script&gt;" in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")


async def test_name__of_a_vault_user_stays_text(demo: DemoWorkspace, nasty_in_vault: VaultPerson) -> None:
    """On the page, in Slack, on the operator's terminal, in the log."""
    before = len(demo.slack.seen_by("alice", "dm"))
    page = await link_by_token(demo, "alice")
    assert page.status_code == 200
    harmless(page)
    told = demo.slack.seen_by("alice", "dm")[before:]
    who = await ask(demo, "alice", "whoami")
    for message in (*told, who):
        assert "<!channel>" not in shown(message)
        assert "<https://evil.example" not in shown(message)
    assert told
    table = await operator_types(demo, "accounts")
    assert len(table.splitlines()) == 3
    assert "\r" not in table
    assert not any(line.startswith("X-Injected") for line in demo.bot.log_text().splitlines())


@dataclass(frozen=True)
class OddHeaders(Fault):
    """What Vault, or who plays it, may write into headers that are kept and shown."""

    def after(self, answer: Answer) -> Answer:
        """An execution id that would be a formula, markup, and a page long."""
        odd = {"X-VaultAPI-ExecutionId": "=cmd|x <script>" + "x" * 3000}
        return replace(answer, headers={**answer.headers, **odd})


async def test_header__of_vault_that_is_odd_is_not_kept(demo: DemoWorkspace) -> None:
    await link_by_token(demo, "alice")
    demo.vault.faults.add(OddHeaders(), times=None)
    assert "31%" in (await ask(demo, "alice", seed.CHOLECAP)).text
    row = (await audit_rows(demo))[-1]
    assert row["action"] == "look_up"
    assert row["execution_id"] == ""
    assert "<script>" not in demo.bot.log_text()
