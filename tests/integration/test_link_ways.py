"""What the link page offers to whom, what is learnt while linking, and what the audit log keeps of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text

from bot.demo.vault import seed
from bot.demo.vault.behaviour import released_versions
from bot.demo.vault.faults import Dropped, UnexpectedError
from bot.demo.vault.users import SignIn
from bot.model.accounts import Access, Asker, LinkMethod
from bot.model.audit import Action, Outcome
from bot.model.errors import SingleSignOnOnly, UnknownVault
from bot.store.watches import Watches
from bot.usecases.notices import CHECK_PERSON, TOKEN_ENDS
from tests.acceptance.steps import password_fields
from tests.factories import a_watch
from tests.integration.linking_world import (
    LinkingWorld,
    browser,
    form_fields,
    linking_world,
    slack_user,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

ALICES_TOKEN = seed.ACCESS_TOKENS["alice", "promomats"]
OLD_VERSIONS = [one for one in released_versions() if one != "v26.2"]
RECOMMENDED = "Recommended"
USELESS = SingleSignOnOnly.what.partition("{provider}")[2].split(".")[0]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LinkingWorld]:
    """One world for the module."""
    async with linking_world(tmp_path_factory.mktemp("world")) as one:
        one.vault.auth_burst_limit = 10_000
        yield one


@pytest_asyncio.fixture(loop_scope="module")
async def world(shared: LinkingWorld) -> LinkingWorld:
    """A day later than the test before, with Vaults as they were released."""
    shared.clock.advance(timedelta(hours=25))
    shared.vault.versions, shared.vault.versions_need_session = released_versions(), True
    shared.vault.token_query_allowed = True
    async with shared.db.write() as connection:
        await connection.execute(text("DELETE FROM vault_versions"))
    logins, alice = shared.vault.domain.logins, shared.vault.users["alice"]
    logins.revoke_all(alice)
    logins.grant(
        ALICES_TOKEN, alice, shared.vault.vaults["promomats"].id, shared.clock.now() + timedelta(days=90)
    )
    alice.sign_in = SignIn.PASSWORD
    return await shared.fresh()


@pytest_asyncio.fixture(loop_scope="module")
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with browser() as one:
        yield one


@asynccontextmanager
async def another(folder: Path, **options: object) -> AsyncIterator[LinkingWorld]:
    """A world of the test's own."""
    async with linking_world(folder, **options) as one:  # type: ignore[arg-type]
        yield one


async def posted(
    world: LinkingWorld, client: httpx.AsyncClient, method: str = "token", ticket: str = "", **fields: str
) -> httpx.Response:
    """Open Alice's page and send one of its forms, filled in rightly unless a field says otherwise."""
    page = await client.get(world.link_url(ticket or await world.ticket()))
    right = {"token": ALICES_TOKEN} if method == "token" else password_fields("alice")
    return await client.post(f"{world.url}/link", data=form_fields(page.text, method) | right | fields)


# API access tokens


async def test_tokens__are_not_recommended_while_nobody_knows_the_version(
    world: LinkingWorld, client: httpx.AsyncClient
) -> None:
    """Vault tells its versions to people with a session only; then they are known for all who come later."""
    page = await client.get(world.link_url(await world.ticket()))
    assert RECOMMENDED not in page.text
    await posted(world, client)
    page = await client.get(world.link_url(await world.ticket()))
    assert RECOMMENDED in page.text
    for step in ("Your name at the top right", "User Profile", "API Access Tokens", "Create"):
        assert step in page.text


async def test_tokens__of_a_vault_that_tells_everybody(
    world: LinkingWorld, client: httpx.AsyncClient
) -> None:
    world.vault.versions_need_session = False
    page = await client.get(world.link_url(await world.ticket()))
    assert RECOMMENDED in page.text
    assert await world.versions.get(world.vaults.default.host) == released_versions()


async def test_tokens__an_old_vault_is_asked_once_an_hour(
    world: LinkingWorld, client: httpx.AsyncClient
) -> None:
    world.vault.versions, world.vault.versions_need_session = OLD_VERSIONS, False
    ticket = await world.ticket()
    for _ in range(3):
        assert RECOMMENDED not in (await client.get(world.link_url(ticket))).text
    assert world.vault.calls("versions") == 1
    world.clock.advance(timedelta(hours=1))
    world.vault.versions = released_versions()
    assert RECOMMENDED in (await client.get(world.link_url(await world.ticket()))).text
    assert world.vault.calls("versions") == 2


async def test_tokens__say_in_which_of_several_vaults(world: LinkingWorld, client: httpx.AsyncClient) -> None:
    await posted(world, client)
    page = await client.get(world.link_url(await world.ticket(vault=None)))
    assert RECOMMENDED in page.text
    assert "Make one in Vault (in promomats):" in page.text


async def test_methods__stand_in_the_operators_order_unless_tokens_are_recommended(tmp_path: Path) -> None:
    methods = (LinkMethod.PASSWORD, LinkMethod.OIDC, LinkMethod.TOKEN)
    async with another(tmp_path, methods=methods) as world, browser() as client:
        for order in (
            ("name and password", "company", "access token"),
            ("access token", "name and pass", "company"),
        ):
            page = await client.get(world.link_url(await world.ticket()))
            headings = page.text.partition("Vault rights.")[2]
            places = [headings.index(word, headings.index("<h2>")) for word in order]
            assert places == sorted(places)
            await posted(world, client)


async def test_token__its_end_is_read_from_vault(world: LinkingWorld, client: httpx.AsyncClient) -> None:
    assert (await posted(world, client)).status_code == 200
    account = await world.account()
    (token,) = world.vault.domain.logins.tokens(world.vault.users["alice"])
    assert account is not None
    assert account.valid_until is not None
    assert abs(account.valid_until - token.expires) < timedelta(seconds=1)
    assert (account.session_started, account.refresh_token) == (None, None)


@pytest.mark.parametrize("why", ["old Vault", "no right", "fault"])
async def test_token__whose_end_vault_does_not_tell(
    world: LinkingWorld, client: httpx.AsyncClient, why: str
) -> None:
    if why == "old Vault":
        world.vault.versions = OLD_VERSIONS
    elif why == "no right":
        world.vault.token_query_allowed = False
    else:
        world.vault.faults.add(UnexpectedError(), times=None, endpoint="query")
    assert (await posted(world, client)).status_code == 200
    account = await world.account()
    assert account is not None
    assert account.valid_until is None
    assert world.vault.calls("query") == (0 if why == "old Vault" else 1)


async def test_token__versions_that_cannot_be_had_do_not_stand_in_the_way(
    world: LinkingWorld, client: httpx.AsyncClient
) -> None:
    world.vault.faults.add(Dropped(), times=None, endpoint="versions")
    assert (await posted(world, client)).status_code == 200
    assert await world.account() is not None


async def test_token__versions_are_learnt_once_a_day(world: LinkingWorld, client: httpx.AsyncClient) -> None:
    for _ in range(3):
        assert (await posted(world, client)).status_code == 200
    asked = [one for one in world.vault.log if one.endpoint == "versions" and one.status == 200]
    learnt = world.vault.calls("versions")
    assert asked
    world.clock.advance(timedelta(hours=24))
    assert (await posted(world, client)).status_code == 200
    assert world.vault.calls("versions") == learnt + 1


async def test_token__its_end_as_the_person_says(world: LinkingWorld, client: httpx.AsyncClient) -> None:
    day = (world.clock.now() + timedelta(days=40)).date()
    assert (await posted(world, client, expires=day.isoformat())).status_code == 200
    account = await world.account()
    assert account is not None
    assert account.valid_until is not None
    assert account.valid_until.isoformat() == f"{day}T00:00:00+00:00"
    assert world.vault.calls("query") == 0


async def test_token__that_ends_today_lives_to_the_end_of_the_day(
    world: LinkingWorld, client: httpx.AsyncClient
) -> None:
    now = world.clock.now()
    assert (await posted(world, client, expires=now.date().isoformat())).status_code == 200
    account = await world.account()
    assert account is not None
    assert account.valid_until is not None
    assert now < account.valid_until <= now + timedelta(days=1)


@pytest.mark.parametrize(
    "expires", ["2020-01-01", "tomorrow", "2026-13-01", "01.02.2027", "<b>", "x" * 200, "0000-00-00"]
)
async def test_token__end_that_cannot_be(
    world: LinkingWorld, client: httpx.AsyncClient, expires: str
) -> None:
    ticket = await world.ticket()
    refused = await posted(world, client, ticket=ticket, expires=expires)
    assert refused.status_code == 400
    assert "<b>" not in refused.text
    assert (await posted(world, client, ticket=ticket)).status_code == 200


async def test_token__jobs_come_with_the_link_and_are_replaced_with_it(
    world: LinkingWorld, client: httpx.AsyncClient
) -> None:
    async def kinds() -> list[str]:
        async with world.db.read() as connection:
            return list((await connection.execute(text("SELECT kind FROM due_work ORDER BY kind"))).scalars())

    await posted(world, client)
    await posted(world, client)
    assert await kinds() == [CHECK_PERSON, "poll", TOKEN_ENDS, TOKEN_ENDS]
    await posted(world, client, "password")
    assert await kinds() == [CHECK_PERSON, "poll"]
    await world.leaving.unlink(Asker(slack_user("alice"), "UNLINKED"), None)
    assert await kinds() == []


# Passwords, and who has none


@pytest.mark.parametrize("way", [SignIn.SAML, SignIn.OIDC])
async def test_password__of_somebody_who_signs_in_elsewhere_is_not_sent(
    world: LinkingWorld, client: httpx.AsyncClient, way: SignIn
) -> None:
    world.vault.users["alice"].sign_in = way
    ticket = await world.ticket()
    for password in (seed.PASSWORDS["alice"], ""):
        for _ in range(3):
            page = await posted(world, client, "password", ticket=ticket, password=password)
            assert page.status_code == 403
            assert USELESS in page.text
            assert "Sign in through your company instead" in page.text
    assert ("Nordlicht sign-in" in page.text) == (way is SignIn.OIDC)
    assert world.vault.calls("auth") == 0
    assert (await posted(world, client, ticket=ticket)).status_code == 200


@pytest.mark.parametrize(
    ("methods", "remedy"),
    [
        ((LinkMethod.PASSWORD, LinkMethod.TOKEN), "Link with an API access token instead"),
        ((LinkMethod.PASSWORD,), "Ask the operator of this app"),
    ],
)
async def test_password__of_somebody_who_signs_in_elsewhere_what_works_here(
    tmp_path: Path, methods: tuple[LinkMethod, ...], remedy: str
) -> None:
    async with another(tmp_path, methods=methods) as world, browser() as client:
        world.vault.users["alice"].sign_in = SignIn.SAML
        page = await posted(world, client, "password")
    assert remedy in page.text
    assert "your company&#39;s sign-in" in page.text


async def test_password__left_empty_asks_how_the_user_signs_in(
    world: LinkingWorld, client: httpx.AsyncClient
) -> None:
    """The form comes back with the name filled in; no try is counted and nothing but the name was sent."""
    ticket = await world.ticket()
    for _ in range(3):
        page = await posted(world, client, "password", ticket=ticket, password="")
        assert page.status_code == 400
        assert "signs in with a password" in page.text
        assert 'value="alice@nordlicht.example"' in page.text
    assert world.vault.calls("discovery") == 3
    assert world.vault.calls("auth") == 0
    assert (await posted(world, client, "password", ticket=ticket)).status_code == 200


async def test_password__where_discovery_fails_is_tried(
    world: LinkingWorld, client: httpx.AsyncClient
) -> None:
    world.vault.users["alice"].sign_in = SignIn.PASSWORD
    world.vault.faults.add(UnexpectedError(), times=None, endpoint="discovery")
    assert (await posted(world, client, "password")).status_code == 200


async def test_password__in_a_vault_on_this_machine_is_nothing_for_the_public_login_host(
    tmp_path: Path,
) -> None:
    async with another(tmp_path, login_is_public=True) as world, browser() as client:
        empty = await posted(world, client, "password", password="")
        assert empty.status_code == 400
        assert "it holds no password" in empty.text
        assert world.vault.calls("auth") == 0
        assert (await posted(world, client, "password")).status_code == 200
        assert world.vault.calls("discovery") == 0


async def test_password__name_comes_back_after_a_wrong_one(
    world: LinkingWorld, client: httpx.AsyncClient
) -> None:
    page = await posted(world, client, "password", username='"><script>alert(1)</script>', password="x")
    assert page.status_code == 401
    assert "<script>" not in page.text
    assert "&gt;&lt;script&gt;" in page.text


async def test_password__chosen_vault_stays_chosen(world: LinkingWorld, client: httpx.AsyncClient) -> None:
    ticket = await world.ticket(vault=None)
    page = await posted(world, client, "password", ticket=ticket, vault="quality", password="wrong")
    assert page.text.count('<option value="quality" selected>') == 2


# What the page says


@pytest.mark.parametrize(
    ("keep_alive", "said"),
    [
        (
            "watching",
            "While you watch an upload, the bot keeps your Vault session alive for it; otherwise it lets it end.",
        ),
        ("never", "The bot never keeps your Vault session alive by itself."),
    ],
)
async def test_page__says_what_keep_alive_means(tmp_path: Path, keep_alive: str, said: str) -> None:
    async with another(tmp_path, keep_alive=keep_alive) as world, browser() as client:
        page = await client.get(world.link_url(await world.ticket()))
        assert page.text.replace("\n", " ").count(said) == 1
        assert "gets new Vault sessions through your company" in page.text.replace("\n", " ")
    methods = (LinkMethod.TOKEN,)
    async with (
        another(tmp_path / "tokens", keep_alive=keep_alive, methods=methods) as world,
        browser() as client,
    ):
        page = await client.get(world.link_url(await world.ticket()))
        assert "session" not in page.text


async def test_page__names_stay_text(world: LinkingWorld, client: httpx.AsyncClient) -> None:
    """Whatever people call themselves, in Slack or in Vault."""
    nasty = '<script>alert(1)</script>"\r\nSet-Cookie: evil=1\r\n\r\n<h1>\u202eeslaf'
    user_id, alice = slack_user("alice").user_id, world.vault.users["alice"]
    right, first_name = world.names[user_id], alice.first_name
    world.names[user_id] = alice.first_name = nasty
    try:
        ticket = await world.ticket()
        pages = [await client.get(world.link_url(ticket)), await posted(world, client, ticket=ticket)]
    finally:
        world.names[user_id], alice.first_name = right, first_name
    for page in pages:
        assert page.status_code == 200
        assert "&lt;script&gt;" in page.text
        assert "<script" not in page.text
        assert "evil" not in str(page.headers)


# Audit


async def test_audit__a_refusal_names_the_person_and_vaults_code(
    world: LinkingWorld, client: httpx.AsyncClient
) -> None:
    ticket = await world.ticket()
    for _ in range(2):
        await posted(world, client, "password", ticket=ticket, password="wrong")
    rows = await world.rows()
    assert [(row.action, row.outcome, row.error) for row in rows] == [
        (Action.LINK, Outcome.REFUSED, "WrongCredential"),
        (Action.LINK, Outcome.REFUSED, "TicketSpent"),
    ]
    assert {row.error_type for row in rows} == {"USERNAME_OR_PASSWORD_INCORRECT"}
    assert {row.slack_user_id for row in rows} == {slack_user("alice").user_id}
    assert {row.note for row in rows} == {"password"}
    assert all(row.execution_id for row in rows)


async def test_audit__strangers_leave_no_rows(world: LinkingWorld, client: httpx.AsyncClient) -> None:
    ticket = await world.ticket()
    await posted(world, client, ticket=ticket)
    before = len(await world.rows())
    page = await client.get(world.link_url(await world.ticket()))
    fields = form_fields(page.text, "token") | {"token": ALICES_TOKEN}
    for forged in ("x", "A" * 43, ticket):
        sent = fields | {"ticket": forged, "csrf": world.keyring.mac("link-form", forged)}
        assert (await client.post(f"{world.url}/link", data=sent)).status_code == 410
    assert len(await world.rows()) == before


@pytest.mark.parametrize("method", ["token", "password"])
async def test_audit__what_cannot_be_written_down_does_not_stand(tmp_path: Path, method: str) -> None:
    """The chain's end was changed from outside: the link is taken back, its Vault session ended."""
    async with another(tmp_path) as world, browser() as client:
        await posted(world, client, "password")
        await world.leaving.unlink(Asker(slack_user("alice"), "UNLINKED"), None)
        async with world.db.write() as connection:
            await connection.execute(text("UPDATE audit_ends SET mac = 'x'"))
        page = await posted(world, client, method)
        assert page.status_code == 503
        assert "audit" not in page.text.replace("audit log", "")
        assert "Reference: " in page.text
        assert await world.account() is None
        assert world.living_sessions("alice") == 0
        assert world.told == [(slack_user("alice").user_id, "linked")]


@pytest.mark.parametrize("method", ["token", "password"])
async def test_audit__what_cannot_be_written_down_does_not_replace_what_stands(
    tmp_path: Path, method: str
) -> None:
    """The link from before stands again, with its Vault session, jobs and watches; the new session is ended."""
    async with another(tmp_path) as world, browser() as client:
        await posted(world, client, "password")
        before = await world.account()
        assert before is not None
        watches = Watches(world.db, world.keyring)
        await watches.save(a_watch(owner=slack_user("alice"), vault_host=before.vault_host), lambda _: [])
        async with world.db.write() as connection:
            await connection.execute(text("UPDATE audit_ends SET mac = 'x'"))
        assert (await posted(world, client, method)).status_code == 503
        stored = await world.account()
        assert stored is not None
        assert (stored.credential, stored.method, stored.linked_at, stored.valid_until) == (
            before.credential,
            LinkMethod.PASSWORD,
            before.linked_at,
            before.valid_until,
        )
        assert world.living_sessions("alice") == 1
        assert len(await watches.of_account(slack_user("alice"), before.vault_host)) == 1
        async with world.db.read() as connection:
            kinds = (await connection.execute(text("SELECT kind FROM due_work ORDER BY kind"))).scalars()
            assert list(kinds) == [CHECK_PERSON, "poll"]
        access = Access(
            vault=world.vaults.named("promomats"), credential=stored.credential, identity=stored.identity
        )
        assert await world.linking._client.me(access)


# Which Vault a person prefers


async def test_prefer__makes_a_linked_vault_the_default(
    world: LinkingWorld, client: httpx.AsyncClient
) -> None:
    asker = Asker(slack_user("alice"), "PREFERS2")
    assert await world.linking.prefer(asker, "promomats") is None
    await posted(world, client)
    account = await world.linking.prefer(asker, "Promomats")
    assert account is not None
    stored = await world.account()
    assert stored is not None
    assert stored.preferred_at is not None
    assert abs(stored.preferred_at - world.clock.now()) < timedelta(seconds=1)
    with pytest.raises(UnknownVault):
        await world.linking.prefer(asker, "clinical")


async def test_prefer__an_ended_link_wants_linking(world: LinkingWorld, client: httpx.AsyncClient) -> None:
    await posted(world, client)
    account = await world.account()
    assert account is not None
    await world.accounts.mark_ended(account, world.clock.now())
    assert await world.linking.prefer(Asker(slack_user("alice"), "PREFERS2"), "promomats") is None
    stored = await world.account()
    assert stored is not None
    assert stored.preferred_at is None


async def test_prefer__a_broken_seal_wants_linking(world: LinkingWorld, client: httpx.AsyncClient) -> None:
    await posted(world, client)
    async with world.db.write() as connection:
        await connection.execute(
            text("UPDATE accounts SET credential = 's1.00000000.AAAAAAAAAAAAAAAAAAAAAAAA'")
        )
    assert await world.linking.prefer(Asker(slack_user("alice"), "PREFERS2"), "promomats") is None
