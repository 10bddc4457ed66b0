"""Linking, unlinking and what people are told about it, through Slack, the page and Vault."""

import html
import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from bot.demo.company import walk_through_sign_in
from bot.demo.slack.faults import ApiError
from bot.demo.vault import seed
from bot.demo.vault.faults import Maintenance
from bot.demo.workspace import DemoWorkspace, hidden_fields, link_address
from tests.acceptance.steps import (
    ask,
    browser,
    buttons,
    calm,
    click,
    crafted_click,
    link_by_token,
    open_form,
    password_fields,
    shown,
    ticket_of,
    until,
    vault_sessions,
    workspace,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def moving() -> AsyncIterator[DemoWorkspace]:
    """Nobody is linked."""
    async with workspace() as demo:
        demo.vault.auth_burst_limit = 10_000
        yield demo


@pytest_asyncio.fixture(loop_scope="module")
async def fresh(moving: DemoWorkspace) -> DemoWorkspace:
    """The module's workspace, with nobody linked."""
    calm(moving)
    for person in ("alice", "bob", "nils"):
        await ask(moving, person, "unlink all")
    return moving


async def test_link__prompt_is_for_the_asker_alone(fresh: DemoWorkspace) -> None:
    """An ephemeral button; a click on it, which Slack tells us of, needs no answer."""
    asked = await ask(fresh, "alice", "link")
    assert asked.is_ephemeral
    assert link_address(asked).startswith(f"{fresh.bot.url}/link?ticket=")
    assert len(ticket_of(asked)) >= 43
    assert link_address(asked) in asked.text
    before = len(fresh.slack.messages)
    delivery = await fresh.slack.click(user="alice", message=asked, action_id="link")
    assert delivery.ack is not None
    assert delivery.ack.status == 200
    await ask(fresh, "alice", "help")
    assert len(fresh.slack.messages) == before + 1


async def test_link__by_password_is_confirmed_by_direct_message(fresh: DemoWorkspace) -> None:
    async with browser() as client:
        fields = await open_form(fresh, client, "alice", "password")
        done = await client.post(f"{fresh.bot.url}/link", data=fields | password_fields("alice"))
    assert done.status_code == 200
    assert "Alice Moreau" in done.text
    told = fresh.slack.seen_by("alice", "dm")[-1]
    assert "now linked to the Vault user Alice Moreau (alice@nordlicht.example) in promomats" in told.text
    assert "unlink all" in told.text
    assert told.key not in {message.key for message in fresh.slack.seen_by("bob")}
    assert "31%" in (await ask(fresh, "alice", seed.CHOLECAP)).text


async def test_link__by_token_asks_vault_who_it_is(fresh: DemoWorkspace) -> None:
    done = await link_by_token(fresh, "alice")
    assert done.status_code == 200
    assert fresh.vault.calls("me") == 1
    assert fresh.vault.calls("auth") == 0
    assert "31%" in (await ask(fresh, "alice", seed.CHOLECAP)).text
    who = await ask(fresh, "alice", "whoami")
    assert "by API access token" in who.text
    assert f"{fresh.clock.now() + timedelta(days=89):%Y-%m-}" in who.text


async def test_link__by_the_companys_sign_in(fresh: DemoWorkspace) -> None:
    await fresh.link("alice", method="oidc")
    told = fresh.slack.seen_by("alice", "dm")[-1]
    assert "now linked to the Vault user Alice Moreau (alice@nordlicht.example) in promomats" in told.text
    assert "31%" in (await ask(fresh, "alice", seed.CHOLECAP)).text
    assert "company" in (await ask(fresh, "alice", "whoami")).text
    gone = await ask(fresh, "alice", "unlink")
    assert "Unlinked from promomats." in gone.text
    assert vault_sessions(fresh, "alice") == []


async def test_link__of_somebody_who_gave_up_at_the_company(fresh: DemoWorkspace) -> None:
    async with browser() as client:
        page = await client.get(link_address(await ask(fresh, "alice", "link promomats")))
        refused = await walk_through_sign_in(client, page, "", None)
        assert refused.status_code == 403
        assert "cancelled" in refused.text
        back = re.findall(r'href="([^"]+)">Back to the link page', refused.text)
        page = await client.get(refused.url.join(html.unescape(back[0])))
        assert (await walk_through_sign_in(client, page, "alice", None)).status_code == 200
    assert "31%" in (await ask(fresh, "alice", seed.CHOLECAP)).text


async def test_link__confirmation_that_slack_refuses_leaves_the_link(fresh: DemoWorkspace) -> None:
    fresh.slack.faults.add("conversations.open", ApiError("messages_tab_disabled"))
    done = await link_by_token(fresh, "alice")
    assert done.status_code == 200
    assert "the link stands all the" in done.text
    assert "31%" in (await ask(fresh, "alice", seed.CHOLECAP)).text


async def test_link__several_vaults_are_chosen_on_the_page(fresh: DemoWorkspace) -> None:
    async with browser() as client:
        page = await client.get(link_address(await ask(fresh, "alice", "link")))
        assert page.text.count("<select") == 2
        fields = hidden_fields(page.text, "token") | {"vault": "quality"}
        fields["token"] = seed.ACCESS_TOKENS["alice", "quality"]
        assert (await client.post(f"{fresh.bot.url}/link", data=fields)).status_code == 200
    assert "Site-Audit-Recordings.zip" in (await ask(fresh, "alice", "list")).text
    who = await ask(fresh, "alice", "whoami")
    assert "quality" in who.text
    assert "promomats" not in who.text


async def test_link__a_named_vault_leaves_no_choice(fresh: DemoWorkspace) -> None:
    async with browser() as client:
        page = await client.get(link_address(await ask(fresh, "alice", "link quality")))
        assert "<select" not in page.text
        assert "quality" in page.text
        fields = hidden_fields(page.text, "token") | {"vault": "promomats"}
        fields["token"] = seed.ACCESS_TOKENS["alice", "promomats"]
        refused = await client.post(f"{fresh.bot.url}/link", data=fields)
    assert refused.status_code == 400
    assert "no Vault called" in refused.text
    assert "no Vault called “clinical”" in (await ask(fresh, "alice", "link clinical")).text


async def test_relink__ends_the_older_vault_session(fresh: DemoWorkspace) -> None:
    """By password twice, then by token: never more than the newest session lives."""
    await fresh.link("alice")
    (first,) = vault_sessions(fresh, "alice")
    await fresh.link("alice")
    (second,) = vault_sessions(fresh, "alice")
    assert second != first
    await link_by_token(fresh, "alice")
    assert vault_sessions(fresh, "alice") == []
    assert "31%" in (await ask(fresh, "alice", seed.CHOLECAP)).text


async def test_unlink__ends_the_session_and_forgets(fresh: DemoWorkspace) -> None:
    await fresh.link("alice")
    gone = await ask(fresh, "alice", "unlink")
    assert "Unlinked from promomats." in gone.text
    assert "deleted" in gone.text
    assert vault_sessions(fresh, "alice") == []
    assert "not linked" in (await ask(fresh, "alice", seed.CHOLECAP)).text


async def test_unlink__all_and_by_button(fresh: DemoWorkspace) -> None:
    """The button is for the clicker's own account, whoever's message it came from."""
    await fresh.link("alice")
    await fresh.link("alice", "quality")
    await fresh.link("bob")
    who = await ask(fresh, "alice", "whoami")
    assert [one["action_id"] for one in buttons(who)] == ["unlink", "unlink"]
    first = next(one for one in buttons(who) if fresh.vault.vaults["promomats"].dns in one["value"])
    await crafted_click(fresh, "bob", "unlink", first["value"])
    assert "not linked" in (await ask(fresh, "bob", "whoami")).text
    assert "31%" in (await ask(fresh, "alice", seed.CHOLECAP)).text
    gone = await click(fresh, "alice", who, "unlink", block_id=first["block_id"])
    assert gone.text.count("Unlinked from") == 1
    gone = await ask(fresh, "alice", "unlink all")
    assert gone.text.count("Unlinked from") == 1
    assert vault_sessions(fresh, "alice") == []


async def test_unlink__with_vault_down_says_so(fresh: DemoWorkspace) -> None:
    """The credential is deleted all the same."""
    await fresh.link("alice")
    fresh.vault.faults.add(Maintenance(), times=None)
    gone = await ask(fresh, "alice", "unlink")
    fresh.vault.faults.clear()
    assert "Vault could not be told" in gone.text
    assert "not linked" in (await ask(fresh, "alice", "whoami")).text
    assert len(vault_sessions(fresh, "alice")) == 1
    fresh.vault.end_sessions("alice")


async def test_whoami__tells_user_vault_method_and_times(fresh: DemoWorkspace) -> None:
    await fresh.link("alice")
    now = fresh.clock.now()
    who = await ask(fresh, "alice", "whoami")
    for fact in (
        "promomats", "Alice Moreau (alice@nordlicht.example)", "Vault user 10001400", "by user name and password",
        f"since {now:%Y-%m-%d %H:%M} UTC", f"{now + timedelta(hours=48):%Y-%m-%d %H:%M} UTC at the latest",
    ):  # fmt: skip
        assert fact in who.text


@pytest.mark.parametrize("how", ["ended", "revoked", "deactivated", "idle"])
async def test_dead_link__offers_a_working_button(fresh: DemoWorkspace, how: str) -> None:
    """Whatever ended the credential at Vault, one click and one form later all is well again."""
    demo = fresh
    if how == "revoked":
        tokens = list(demo.vault.domain.logins.tokens(demo.vault.users["nils"]))
        demo.vault.domain.logins.grant(
            seed.ACCESS_TOKENS["bob", "promomats"],
            demo.vault.users["bob"],
            tokens[0].vault_id,
            tokens[0].expires,
        )
        await link_by_token(demo, "bob")
        demo.vault.revoke_tokens("bob")
    else:
        await demo.link("bob")
        if how == "ended":
            demo.vault.end_sessions("bob")
        elif how == "deactivated":
            demo.vault.deactivate("bob")
        else:
            demo.clock.advance(timedelta(minutes=21))
    answer = await ask(demo, "bob", seed.BOB_ARCHIVE)
    demo.vault.users["bob"].active = True
    assert "Your link to Vault (promomats) has ended" in answer.text
    assert "archive" not in shown(answer)
    async with browser() as client:
        page = await client.get(link_address(answer))
        fields = hidden_fields(page.text, "password") | password_fields("bob")
        done = await client.post(f"{demo.bot.url}/link", data=fields)
    assert done.status_code == 200
    assert "archive.tar.gz" in (await ask(demo, "bob", seed.BOB_ARCHIVE)).text


async def test_link__words_that_are_off(fresh: DemoWorkspace) -> None:
    for words in ("link promomats quality", "whoami now", "unlink this please"):
        answer = await ask(fresh, "alice", words)
        assert "I do not know" in answer.text


async def test_token__its_person_hears_7_days_and_1_day_before_it_ends() -> None:
    """By direct message, once each, from the bot's own worker."""
    async with workspace() as demo:
        before = len(demo.slack.seen_by("alice", "dm"))
        await link_by_token(demo, "alice")
        for number, (wait, said) in enumerate(((83, "7 days"), (6, "1 day")), start=2):
            assert len(demo.slack.seen_by("alice", "dm")) == before + number - 1
            demo.clock.advance(timedelta(days=wait, seconds=1))
            await until(lambda wanted=number: len(demo.slack.seen_by("alice", "dm")) >= before + wanted, said)  # type: ignore[misc]
            told = demo.slack.seen_by("alice", "dm")[-1]
            assert "API access token" in told.text
            assert "promomats" in told.text
            assert seed.ACCESS_TOKENS["alice", "promomats"] not in shown(told)


async def test_person__who_left_slack_unnoticed_is_forgotten_within_a_day() -> None:
    """Slack's event did not reach us: the daily look finds it out."""
    async with workspace("alice", "bob") as demo:
        demo.slack.workspace.deactivate("alice")
        assert len(vault_sessions(demo, "alice")) == 1
        demo.vault.domain.logins.idle_time = timedelta(days=3)
        demo.clock.advance(timedelta(hours=25))
        await until(lambda: vault_sessions(demo, "alice") == [], "Alice's Vault session is ended")
        assert "Poster-A0-proof.tif" in (await ask(demo, "bob", "list")).text
