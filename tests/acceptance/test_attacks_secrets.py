"""After a day of sign-ins through the company, good and failed ones: no secret in any log, page, message or row."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
import pytest_asyncio

from bot.demo.company import walk_through_sign_in
from bot.demo.idp import Fault
from bot.demo.vault import seed
from bot.demo.vault.faults import HtmlWith200, Maintenance
from bot.demo.workspace import DemoWorkspace, hidden_fields, link_address
from tests.acceptance.operating import audit_rows, execute, operator_types, stored_bytes
from tests.acceptance.steps import ask, password_fields, shown, ticket_of, workspace
from tests.integration.linking_world import back_from_provider, parameters, start_links

pytestmark = pytest.mark.asyncio(loop_scope="module")

FAULTS = (
    Fault.DOWN, Fault.FAILING, Fault.NO_JSON, Fault.REFUSES_CLIENT, Fault.REFUSES_SIGN_IN, Fault.WRONG_NONCE,
    Fault.ALG_NONE, Fault.NO_BEARER, Fault.CALLBACK_OF_ANOTHER,
)  # fmt: skip


class Day:
    """What the browsers saw, and the secrets that came up."""

    def __init__(self, demo: DemoWorkspace) -> None:
        self.demo = demo
        self.pages: list[httpx.Response] = []
        self.tickets: set[str] = set()
        self.in_flight: set[str] = set()
        """State, nonce, code and sealed cookies: of use to whoever has them in time."""

    @property
    def secrets(self) -> list[str]:
        """What nobody may ever read anywhere; sessions, codes and tokens that have ended among them."""
        demo, grants = self.demo, self.demo.idp.grants
        return [
            *grants._refresh, *grants._access, *grants._codes, *self.sessions, *self.in_flight,
            *seed.PASSWORDS.values(), *seed.ACCESS_TOKENS.values(), "guessed-password",
            demo.idp.client.secret or "", demo.slack.bot_token, demo.slack.signing_secret,
            demo.settings["ENCRYPTION_KEYS"],
        ]  # fmt: skip

    async def pass_by(self) -> None:
        """Linked in every way, refused in every way, renewed, ended, unlinked."""
        demo = self.demo
        self.sessions: set[str] = set()
        opened = demo.vault.domain.logins.open

        def noticed(*arguments: object, **named: object) -> object:
            session = opened(*arguments, **named)  # type: ignore[arg-type]
            self.sessions.add(session.id)
            return session

        demo.vault.domain.logins.open = noticed  # type: ignore[method-assign, assignment]
        for person in ("alice", "bob"):
            await self._walk(person, person)
        await self._walk("alice", "bob")
        await self._walk("alice", "")
        for fault in FAULTS:
            demo.clock.advance(timedelta(hours=2))  # so that the provider's metadata are asked for again
            demo.idp.faults.add(fault)
            await self._walk("alice", "alice")
            demo.idp.faults.clear()
        for vault_fault in (HtmlWith200(), Maintenance(minutes=5)):
            demo.vault.faults.add(vault_fault, times=None)
            await self._walk("alice", "alice")
            demo.vault.faults.clear()
        await self._replayed()
        await self._forms()
        for _ in range(2):
            demo.clock.advance(timedelta(hours=50))
            await ask(demo, "alice", "list")
        demo.clock.advance(timedelta(hours=50))
        demo.idp.faults.add(Fault.FAILING)
        await ask(demo, "alice", "list")
        demo.idp.faults.clear()
        demo.idp.revoke("alice")
        for words in ("list", "whoami", "unlink all"):
            await ask(demo, "alice", words)
        await ask(demo, "bob", "list")

    async def _walk(self, person: str, as_person: str) -> None:
        async with self._watched() as client:
            page = await self._opened(client, person)
            try:
                await walk_through_sign_in(client, page, as_person, None)
            except LookupError:
                return  # the way ended before the provider's page

    async def _replayed(self) -> None:
        async with self._watched() as client:
            page = await self._opened(client, "alice")
            sent = await client.get(page.url.join(start_links(page.text)[0]))
            back = await back_from_provider(str(sent.headers["location"]), "alice")
            for url in (back, back, back.replace("state=", "state=x"), back + "&code=x"):
                await client.get(url)

    async def _forms(self) -> None:
        async with self._watched() as client:
            page = await self._opened(client, "bob")
            fields = hidden_fields(page.text, "password") | password_fields("bob")
            for changed in (
                {"password": "guessed-password"},
                {"csrf": "x"},
                {"method": "oidc"},
                {"vault": "x"},
            ):
                await client.post(f"{self.demo.bot.url}/link", data=fields | changed)

    async def _opened(self, client: httpx.AsyncClient, person: str) -> httpx.Response:
        asked = await ask(self.demo, person, "link promomats")
        self.tickets.add(ticket_of(asked))
        return await client.get(link_address(asked))

    def _watched(self) -> httpx.AsyncClient:
        """A browser whose every answer from the bot is kept."""

        async def keep(response: httpx.Response) -> None:
            if response.request.url.port != self.demo.bot.port:
                return
            await response.aread()
            self.pages.append(response)
            self.in_flight |= {
                value for value in response.cookies.values() if len(value) > 60
            }  # the sealed sign-in, not the browser's name, which stands in no secret place
            there = parameters(response.headers.get("location", ""))
            self.in_flight |= {there[name] for name in ("state", "nonce") if name in there}

        return httpx.AsyncClient(trust_env=False, timeout=60, event_hooks={"response": [keep]})


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["INFO", "DEBUG"])
async def day(request: pytest.FixtureRequest) -> AsyncIterator[Day]:
    """A day at one log level."""
    async with workspace(settings={"LOG_LEVEL": request.param, "AUDIT_PATHS": "true"}) as demo:
        passed = Day(demo)
        await passed.pass_by()
        yield passed


def found(secrets: list[str], text: str) -> list[str]:
    """The secrets that stand in a text, shortened."""
    return [f"{secret[:14]}…" for secret in secrets if secret and secret in text]


async def test_day__was_a_full_one(day: Day) -> None:
    """Or else the other tests here would prove nothing."""
    statuses = {page.status_code for page in day.pages}
    assert {200, 303, 400, 401, 403, 503} <= statuses
    assert len(day.demo.idp.grants._refresh) > 5
    assert len(day.sessions) > 5
    assert len(day.in_flight) > 20
    outcomes = {(row["action"], row["outcome"]) for row in await audit_rows(day.demo)}
    assert {("link", "done"), ("link", "refused"), ("link", "failed")} <= outcomes
    assert {("renew", "done"), ("renew", "refused"), ("renew", "failed")} <= outcomes


async def test_log__of_sign_ins_holds_no_secret(day: Day) -> None:
    log = day.demo.bot.log_text()
    assert "link page" in log
    assert found([*day.secrets, *day.tickets], log) == []


async def test_pages__of_sign_ins_hold_no_secret(day: Day) -> None:
    """But for what belongs there: the person's own ticket in the form, state and nonce on the way to the provider."""
    lasting = [one for one in day.secrets if one not in day.in_flight]
    for page in day.pages:
        assert found(lasting, page.text + str(page.headers)) == []
        assert found(sorted(day.in_flight), page.text) == []
        assert not re.search(r"Traceback|File \"|site-packages|sqlalchemy|127\.0\.0\.1:\d+/token", page.text)


async def test_pages__of_failures_do_not_repeat_the_ticket(day: Day) -> None:
    """A page that ends a way names the ticket only where the person can still go on with it."""
    for page in day.pages:
        if page.status_code in (400, 410):
            assert found(sorted(day.tickets), page.text) == []


async def test_database__of_sign_ins_holds_no_secret(day: Day) -> None:
    content = stored_bytes(day.demo)
    assert b"s1." in content
    for secret in [*day.secrets, *day.tickets]:
        assert not secret or secret.encode() not in content


async def test_operator__reads_no_secret(day: Day) -> None:
    """In the audit log, the list of links, and what due work keeps of its errors."""
    printed = await operator_types(day.demo, "audit", "export", "--format", "csv")
    printed += await operator_types(day.demo, "accounts", "--json")
    printed += str(execute(day.demo, "SELECT key, payload, last_error FROM due_work"))
    assert found([*day.secrets, *day.tickets], printed) == []


async def test_messages__of_sign_ins_hold_no_secret(day: Day) -> None:
    for message in day.demo.slack.messages:
        assert found(day.secrets, shown(message)) == []


async def test_browser__gets_no_cookie_that_a_script_could_read(day: Day) -> None:
    cookies = [one for page in day.pages for one in page.headers.get_list("set-cookie")]
    assert cookies
    assert all("; HttpOnly" in one and "; SameSite=lax" in one for one in cookies)
