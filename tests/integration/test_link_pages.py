"""The link page against a browser that is clumsy, hurried or hostile; httpx is the browser."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import urlencode

import httpx
import pytest
import pytest_asyncio

from bot.demo.slack.faults import ApiError, RateLimited, ServerError
from bot.demo.vault import seed
from bot.demo.vault.faults import (
    ApiLimitExceeded,
    ConfigurationMode,
    Dropped,
    HtmlWith200,
    Maintenance,
    WrongVaultId,
)
from bot.demo.workspace import DemoWorkspace, hidden_fields, link_address
from bot.model.errors import TicketNotValid
from tests.acceptance.steps import (
    FORM,
    NOT_VISIBLE,
    Traffic,
    ask,
    browser,
    calm,
    log_lines,
    open_form,
    password_fields,
    ticket_of,
    vault_sessions,
    workspace,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

MULTIPART = "multipart/form-data; boundary=b"
TOO_OLD = TicketNotValid.what


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[DemoWorkspace]:
    """One workspace for the module."""
    async with workspace() as demo:
        demo.vault.auth_burst_limit = 10_000
        yield demo


@pytest_asyncio.fixture(loop_scope="module")
async def demo(shared: DemoWorkspace) -> DemoWorkspace:
    """Nobody linked, no faults, no wrong passwords."""
    calm(shared)
    for person in ("alice", "bob"):
        await ask(shared, person, "unlink all")
        shared.vault.end_sessions(person)
        shared.vault.users[person].wrong_passwords = 0
    shared.vault.forget_calls()
    return shared


@pytest_asyncio.fixture(loop_scope="module")
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """A browser."""
    async with browser() as one:
        yield one


async def _linked(demo: DemoWorkspace, person: str) -> bool:
    return "not linked" not in (await ask(demo, person, "whoami")).text


def _page(demo: DemoWorkspace) -> str:
    return f"{demo.bot.url}/link"


async def test_get__names_the_person_and_the_workspace(
    demo: DemoWorkspace, client: httpx.AsyncClient
) -> None:
    page = await client.get(link_address(await ask(demo, "alice", "link promomats")))
    assert page.status_code == 200
    for fact in ("Alice Moreau", "Nordlicht Bio", "promomats", demo.vault.vaults["promomats"].dns):
        assert fact in page.text


async def test_headers__keep_the_page_to_itself(demo: DemoWorkspace, client: httpx.AsyncClient) -> None:
    """On the form, on a refusal, and on the page after linking; nothing in it comes from elsewhere."""
    fields = await open_form(demo, client, "alice", "password")
    pages = [
        await client.get(_page(demo), params={"ticket": fields["ticket"]}),
        await client.get(_page(demo), params={"ticket": "no-such"}),
        await client.post(_page(demo), data=fields | password_fields("alice")),
    ]
    assert [page.status_code for page in pages] == [200, 410, 200]
    for page in pages:
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "form-action 'self'" in policy
        assert "unsafe" not in policy
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["x-frame-options"] == "DENY"
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["referrer-policy"] == "same-origin"
        assert not re.search(r"<script|<link |<img|src=|https?://(?!127\.0\.0\.1)", page.text)
    assert ["set-cookie" in page.headers for page in pages] == [True, False, False]


async def test_get__changes_nothing(demo: DemoWorkspace, client: httpx.AsyncClient) -> None:
    """Previews and impatient people fetch the page; it works afterwards as before."""
    address = link_address(await ask(demo, "alice", "link promomats"))
    await client.get(address)  # the first of all asks Vault once what it offers
    traffic = Traffic(demo)
    pages = [await client.get(address) for _ in range(5)]
    assert len({page.text for page in pages}) == 1
    assert (await client.head(address)).status_code == 200
    assert traffic.vault_calls == 0
    assert not await _linked(demo, "alice")
    fields = hidden_fields(pages[0].text, "password") | password_fields("alice")
    assert (await client.post(_page(demo), data=fields)).status_code == 200


async def test_password__wrong_twice_closes_the_ticket(
    demo: DemoWorkspace, client: httpx.AsyncClient
) -> None:
    """The third try is not even made: five would lock the account at Vault."""
    fields = await open_form(demo, client, "alice", "password", "link promomats") | password_fields("alice")
    first = await client.post(_page(demo), data=fields | {"password": "guess-one"})
    assert first.status_code == 401
    assert "One try is left" in first.text
    assert "guess-one" not in first.text
    again = hidden_fields(first.text, "password") | password_fields("alice")
    second = await client.post(_page(demo), data=again | {"password": "guess-two"})
    assert second.status_code == 403
    assert "second try" in second.text
    traffic = Traffic(demo)
    third = await client.post(_page(demo), data=fields)
    assert third.status_code == 410
    assert (await client.get(_page(demo), params={"ticket": fields["ticket"]})).status_code == 410
    assert traffic.vault_calls == 0
    assert demo.vault.users["alice"].wrong_passwords == 2
    assert not demo.vault.users["alice"].locked
    assert not await _linked(demo, "alice")


async def test_password__wrong_once_then_right(demo: DemoWorkspace, client: httpx.AsyncClient) -> None:
    fields = await open_form(demo, client, "alice", "password", "link promomats")
    wrong = await client.post(
        _page(demo), data=fields | {"username": "alice@nordlicht.example", "password": "x"}
    )
    assert wrong.status_code == 401
    right = await client.post(
        _page(demo), data=hidden_fields(wrong.text, "password") | password_fields("alice")
    )
    assert right.status_code == 200
    assert await _linked(demo, "alice")


async def test_password__many_at_once_are_two_tries(demo: DemoWorkspace, client: httpx.AsyncClient) -> None:
    fields = await open_form(demo, client, "alice", "password", "link promomats") | password_fields("alice")
    posts = [client.post(_page(demo), data=fields | {"password": f"guess-{number}"}) for number in range(12)]
    statuses = sorted(page.status_code for page in await asyncio.gather(*posts))
    assert demo.vault.users["alice"].wrong_passwords == 2
    assert 200 not in statuses
    assert 500 not in statuses
    assert statuses.count(410) >= 10


async def test_password__slack_failing_after_a_wrong_try_is_a_page(
    demo: DemoWorkspace, client: httpx.AsyncClient
) -> None:
    """The form is drawn again with the person's name, for which Slack is asked again."""
    fields = await open_form(demo, client, "alice", "password", "link promomats") | password_fields("alice")
    demo.slack.faults.add("users.info", ApiError("user_not_found"))
    refused = await client.post(_page(demo), data=fields)
    assert refused.status_code == 503
    assert demo.vault.users["alice"].wrong_passwords == 0

    def fail_the_next() -> None:
        if demo.vault.users["alice"].wrong_passwords and not demo.slack.faults.waiting("users.info"):
            demo.slack.faults.add("users.info", ApiError("user_not_found"))

    stop = demo.vault.on_exchange(lambda _: fail_the_next())
    wrong = await client.post(_page(demo), data=fields | {"password": "guess"})
    stop()
    assert wrong.status_code == 503
    assert "content-security-policy" in wrong.headers
    assert "Slack did not answer" in wrong.text


async def test_token__wrong(demo: DemoWorkspace, client: httpx.AsyncClient) -> None:
    fields = await open_form(demo, client, "alice", "token", "link promomats")
    wrong = await client.post(_page(demo), data=fields | {"token": "veeva-vault-no-such-token"})
    assert wrong.status_code == 401
    assert "Vault refused that token" in wrong.text
    assert "no-such-token" not in wrong.text


async def test_ticket__serves_once(demo: DemoWorkspace, client: httpx.AsyncClient) -> None:
    fields = await open_form(demo, client, "alice", "password", "link promomats") | password_fields("alice")
    assert (await client.post(_page(demo), data=fields)).status_code == 200
    for page in (
        await client.post(_page(demo), data=fields),
        await client.get(_page(demo), params={"ticket": fields["ticket"]}),
    ):
        assert page.status_code == 410
        assert TOO_OLD in page.text


async def test_ticket__double_click_links_once(demo: DemoWorkspace, client: httpx.AsyncClient) -> None:
    """Both forms arrive at once; one Vault session is left, and it is the linked one."""
    fields = await open_form(demo, client, "alice", "password", "link promomats") | password_fields("alice")
    pages = await asyncio.gather(*(client.post(_page(demo), data=fields) for _ in range(2)))
    assert sorted(page.status_code for page in pages) == [200, 410]
    assert len(vault_sessions(demo, "alice")) == 1
    assert "31%" in (await ask(demo, "alice", seed.CHOLECAP)).text


async def test_ticket__lives_ten_minutes(demo: DemoWorkspace, client: httpx.AsyncClient) -> None:
    fields = await open_form(demo, client, "alice", "password", "link promomats") | password_fields("alice")
    demo.clock.advance(timedelta(minutes=11))
    for page in (
        await client.get(_page(demo), params={"ticket": fields["ticket"]}),
        await client.post(_page(demo), data=fields),
    ):
        assert page.status_code == 410
        assert TOO_OLD in page.text
    assert demo.vault.calls("auth") == 0


@pytest.mark.parametrize(
    "ticket", ["", "x", "A" * 43, "A" * 5000, "%00", "%ff%fe", "ü", "<script>", "..%2f..", "' OR 1=1 --"]
)
async def test_ticket__garbled(demo: DemoWorkspace, client: httpx.AsyncClient, ticket: str) -> None:
    page = await client.get(f"{_page(demo)}?ticket={ticket}")
    assert page.status_code == 410
    assert "<script>" not in page.text
    posted = await client.post(
        _page(demo), data={"ticket": ticket, "csrf": "x", "method": "token", "token": "x" * 9}
    )
    assert posted.status_code in (400, 403, 410)
    assert demo.vault.calls() == 0


async def test_ticket__missing(demo: DemoWorkspace, client: httpx.AsyncClient) -> None:
    assert (await client.get(_page(demo))).status_code == 410


@pytest.mark.parametrize("method", ["password", "token"])
async def test_email__of_another_person_is_refused(
    demo: DemoWorkspace, client: httpx.AsyncClient, method: str
) -> None:
    """Bob is tricked into opening Alice's link and signs in as himself: nothing is linked, his session ends."""
    fields = await open_form(demo, client, "alice", method, "link promomats") | password_fields("bob")
    refused = await client.post(_page(demo), data=fields | {"token": seed.ACCESS_TOKENS["bob", "promomats"]})
    assert refused.status_code == 403
    assert "e-mail address" in refused.text
    assert vault_sessions(demo, "bob") == []
    assert not await _linked(demo, "alice")


async def test_email__may_differ_where_the_operator_says_so() -> None:
    async with workspace(settings={"LINK_ANY_EMAIL": "true"}) as demo, browser() as client:
        fields = await open_form(demo, client, "alice", "password", "link promomats") | password_fields("bob")
        assert (await client.post(_page(demo), data=fields)).status_code == 200
        assert "archive.tar.gz" in (await ask(demo, "alice", seed.BOB_ARCHIVE)).text
        assert NOT_VISIBLE in (await ask(demo, "alice", seed.CHOLECAP)).text


async def test_email__that_slack_does_not_tell_proves_nothing(
    demo: DemoWorkspace, client: httpx.AsyncClient
) -> None:
    """Without the scope users:read.email nobody can be compared."""
    fields = await open_form(demo, client, "alice", "password", "link promomats") | password_fields("alice")
    demo.slack.scopes.discard("users:read.email")
    refused = await client.post(_page(demo), data=fields)
    demo.slack.scopes.add("users:read.email")
    assert refused.status_code == 403
    assert vault_sessions(demo, "alice") == []


async def test_csrf__missing_wrong_or_of_another_ticket(
    demo: DemoWorkspace, client: httpx.AsyncClient
) -> None:
    fields = await open_form(demo, client, "alice", "password", "link promomats") | password_fields("alice")
    other = await open_form(demo, client, "bob", "password", "link promomats")
    without = {name: value for name, value in fields.items() if name != "csrf"}
    for sent in (
        without,
        fields | {"csrf": ""},
        fields | {"csrf": "0" * 64},
        fields | {"csrf": other["csrf"]},
    ):
        assert (await client.post(_page(demo), data=sent)).status_code == 403
    assert demo.vault.calls("auth") == 0
    assert (await client.post(_page(demo), data=fields)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_origin__another_site_is_refused(
    demo: DemoWorkspace, client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    fields = await open_form(demo, client, "alice", "password", "link promomats") | password_fields("alice")
    refused = await client.post(_page(demo), data=fields, headers=headers)
    assert refused.status_code == 403
    assert "not sent from the link page" in refused.text
    assert demo.vault.calls("auth") == 0
    own = {"Origin": demo.bot.url, "Sec-Fetch-Site": "same-origin"}
    assert (await client.post(_page(demo), data=fields, headers=own)).status_code == 200


async def test_login__that_lands_in_another_vault(demo: DemoWorkspace, client: httpx.AsyncClient) -> None:
    """Vault opens a session elsewhere when the user is no member here; that session is ended too."""
    alice, quality = demo.vault.users["alice"], demo.vault.vaults["quality"].id
    alice.vault_ids.discard(quality)
    try:
        fields = await open_form(demo, client, "alice", "password", "link quality") | password_fields("alice")
        refused = await client.post(_page(demo), data=fields)
    finally:
        alice.vault_ids.add(quality)
    assert refused.status_code == 403
    assert "another Vault than quality" in refused.text
    assert vault_sessions(demo, "alice") == []
    assert not await _linked(demo, "alice")


async def test_token__of_another_vault(demo: DemoWorkspace, client: httpx.AsyncClient) -> None:
    fields = await open_form(demo, client, "alice", "token", "link quality")
    refused = await client.post(
        _page(demo), data=fields | {"token": seed.ACCESS_TOKENS["alice", "promomats"]}
    )
    assert refused.status_code == 401


BAD_FORMS = {
    "oversize": (b"ticket=" + b"x" * 20_000, FORM),
    "not UTF-8": (b"ticket=%ff%fe&csrf=x", FORM),
    "raw bytes": (b"ticket=\xff\xfe&csrf=x", FORM),
    "a field twice": (b"ticket=a&ticket=b&csrf=x", FORM),
    "too many fields": (urlencode({f"f{number}": "x" for number in range(50)}).encode(), FORM),
    "JSON": (b'{"ticket":"x"}', "application/json"),
    "multipart": (b'--b\r\nContent-Disposition: form-data; name="ticket"\r\n\r\nx\r\n--b--\r\n', MULTIPART),
    "plain text": (b"ticket=x", "text/plain"),
    "no type": (b"ticket=x", ""),
    "a field too long": (b"ticket=" + b"x" * 300, FORM),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_FORMS)
async def test_form__that_is_none(demo: DemoWorkspace, client: httpx.AsyncClient, name: str) -> None:
    body, content_type = BAD_FORMS[name]
    page = await client.post(_page(demo), content=body, headers={"Content-Type": content_type})
    assert page.status_code == 400
    assert "The form could not be used" in page.text
    assert "content-security-policy" in page.headers


async def test_form__empty(demo: DemoWorkspace, client: httpx.AsyncClient) -> None:
    assert (await client.post(_page(demo), data={})).status_code in (400, 410)
    assert (await client.post(_page(demo), content=b"", headers={"Content-Type": FORM})).status_code == 410


@pytest.mark.parametrize(
    "changed",
    [
        {"method": "oidc"},
        {"method": ""},
        {"method": "token", "token": ""},
        {"method": "token", "token": "short"},
        {"method": "token", "token": "veeva-vault-x\r\nX-Injected: 1"},
        {"method": "token", "token": "veeva-vault-\u00fcmlaut"},
        {"method": "token", "token": "two words of it"},
        {"username": ""},
        {"password": "x" * 1025},
        {"vault": "127.0.0.1:9"},
        {"vault": "<b>bold</b>"},
    ],
)
async def test_form__with_fields_that_cannot_be(
    demo: DemoWorkspace, client: httpx.AsyncClient, changed: dict[str, str]
) -> None:
    """Refused before Vault hears of it, and without costing a try."""
    fields = await open_form(demo, client, "alice", "password", "link promomats") | password_fields("alice")
    refused = await client.post(_page(demo), data=fields | changed)
    assert refused.status_code == 400
    assert "<b>bold" not in refused.text
    assert demo.vault.calls() == 0
    assert (await client.post(_page(demo), data=fields)).status_code == 200


async def test_form__line_breaks_stay_within_their_field(
    demo: DemoWorkspace, client: httpx.AsyncClient
) -> None:
    """A user name or password of any signs goes to Vault as one form field, never as a header or second field."""
    fields = await open_form(demo, client, "alice", "password", "link promomats")
    nasty = {"username": "eve\r\nX-Injected: 1&vaultDNS=evil", "password": "a&password=b\r\nHost: evil\0ü"}
    assert (await client.post(_page(demo), data=fields | nasty)).status_code == 401
    exchange = demo.vault.log[-1]
    assert "x-injected" not in {name.lower() for name in exchange.request_headers}
    assert exchange.endpoint == "auth"
    names = re.findall(r"^(\w+)=", exchange.request_body, re.MULTILINE)
    assert names == ["username", "password"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_other_methods__are_not_allowed(
    demo: DemoWorkspace, client: httpx.AsyncClient, method: str
) -> None:
    assert (await client.request(method, _page(demo))).status_code == 405


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Maintenance(minutes=45), "in maintenance"),
        (ConfigurationMode(), "Configuration Mode"),
        (ApiLimitExceeded(), "limiting requests"),
    ],
)
async def test_vault__that_could_not_judge_costs_no_try(
    demo: DemoWorkspace, client: httpx.AsyncClient, fault: Maintenance, words: str
) -> None:
    """Three times in a row; then the right password still links."""
    fields = await open_form(demo, client, "alice", "password", "link promomats") | password_fields("alice")
    planned = demo.vault.faults.add(fault, times=None)
    for _ in range(3):
        refused = await client.post(_page(demo), data=fields)
        assert refused.status_code == 503
        assert words in refused.text
    demo.vault.faults.remove(planned)
    assert (await client.post(_page(demo), data=fields)).status_code == 200


async def test_vault__down_costs_no_try(demo: DemoWorkspace, client: httpx.AsyncClient) -> None:
    """Its ports are closed, so it knows nothing of the password."""
    fields = await open_form(demo, client, "alice", "password", "link promomats") | password_fields("alice")
    ports = [int(vault.dns.partition(":")[2]) for vault in demo.vault.vaults.values()]
    await demo.vault.stop()
    try:
        refused = [await client.post(_page(demo), data=fields) for _ in range(3)]
    finally:
        await demo.vault.start(ports)
    assert [page.status_code for page in refused] == [503, 503, 503]
    assert all("cannot be reached" in page.text for page in refused)
    assert (await client.post(_page(demo), data=fields)).status_code == 200


async def test_vault__that_may_have_judged_costs_a_try(
    demo: DemoWorkspace, client: httpx.AsyncClient
) -> None:
    """A connection lost after the password was sent: Vault may have counted a wrong one."""
    fields = await open_form(demo, client, "alice", "password", "link promomats") | password_fields("alice")
    demo.vault.faults.add(Dropped(in_body=True), times=None, endpoint="auth")
    statuses = [(await client.post(_page(demo), data=fields)).status_code for _ in range(3)]
    assert statuses == [503, 503, 410]
    assert demo.vault.calls("auth") == 2


async def test_vault__strange_answers_do_not_link(demo: DemoWorkspace, client: httpx.AsyncClient) -> None:
    for fault in (HtmlWith200(), WrongVaultId()):
        fields = await open_form(demo, client, "alice", "token", "link promomats")
        demo.vault.faults.add(fault, times=None)
        page = await client.post(
            _page(demo), data=fields | {"token": seed.ACCESS_TOKENS["alice", "promomats"]}
        )
        demo.vault.faults.clear()
        if isinstance(fault, HtmlWith200):
            assert page.status_code == 502
            assert "Reference: " in page.text
            reference = page.text.partition("Reference: ")[2][:8]
            assert any(line.get("reference") == reference for line in log_lines(demo))
            assert not await _linked(demo, "alice")


async def test_slack__failing_says_so_and_costs_no_try(
    demo: DemoWorkspace, client: httpx.AsyncClient
) -> None:
    fields = await open_form(demo, client, "alice", "password", "link promomats") | password_fields("alice")
    for fault in (ApiError("missing_scope"), ServerError(status=404)):
        demo.slack.faults.add("users.info", fault)
        refused = await client.post(_page(demo), data=fields)
        assert refused.status_code == 503
        demo.slack.faults.clear()
    assert demo.vault.calls("auth") == 0
    assert (await client.post(_page(demo), data=fields)).status_code == 200


@pytest.mark.parametrize("reason", ["locked", "inactive", "no api"])
async def test_login__that_vault_refuses_for_good(
    demo: DemoWorkspace, client: httpx.AsyncClient, reason: str
) -> None:
    alice = demo.vault.users["alice"]
    alice.locked, alice.active, alice.api_access = (
        reason == "locked",
        reason != "inactive",
        reason != "no api",
    )
    try:
        fields = await open_form(demo, client, "alice", "password", "link promomats") | password_fields(
            "alice"
        )
        refused = await client.post(_page(demo), data=fields)
    finally:
        alice.locked, alice.active, alice.api_access = False, True, True
    assert refused.status_code == 403
    assert "Vault did not let you in" in refused.text
    # The emulator refuses every call of a user without API access, logging out too.
    assert demo.vault.calls("end_session") == (1 if reason == "no api" else 0)


async def test_confirmation__that_slack_puts_off_does_not_hold_up_the_page(
    demo: DemoWorkspace, client: httpx.AsyncClient
) -> None:
    """Slack wants a pause of five minutes before it takes the direct message."""
    fields = await open_form(demo, client, "alice", "password", "link promomats") | password_fields("alice")
    demo.slack.faults.add("chat.postMessage", RateLimited(retry_after=300))
    done = await client.post(_page(demo), data=fields)
    assert done.status_code == 200
    assert "the link stands all the" in done.text


async def test_ticket__of_a_prompt_is_not_the_next_ones(demo: DemoWorkspace) -> None:
    tickets = {ticket_of(await ask(demo, "alice", "link")) for _ in range(5)}
    assert len(tickets) == 5
