"""The audit log of a living bot: a row for what was asked, none for what was not, and no answer without its row."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
import pytest_asyncio

from bot.demo.vault import seed
from bot.demo.vault.faults import Maintenance
from bot.demo.workspace import DemoCannotStart, DemoWorkspace
from tests.acceptance.operating import audit_is_whole, audit_rows, execute, send_to, two_replicas
from tests.acceptance.steps import (
    ask,
    browser,
    calm,
    done_count,
    link_by_token,
    log_lines,
    open_form,
    password_fields,
    shown,
    until,
    vault_sessions,
    workspace,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

Row = dict[str, Any]
UNEXPECTED = "Something went wrong on my side."
UNKNOWN = "0123456789abcdef0123456789abcdef"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[DemoWorkspace]:
    """Alice and Bob linked by password."""
    async with workspace("alice", "bob") as demo:
        yield demo


@pytest_asyncio.fixture(loop_scope="module")
async def demo(shared: DemoWorkspace) -> DemoWorkspace:
    calm(shared)
    return shared


def row_count(demo: DemoWorkspace) -> int:
    """How many rows there are, without starting a program."""
    return int(execute(demo, "SELECT count(*) FROM audit_log")[0][0])


async def rows_since(demo: DemoWorkspace, before: int) -> list[Row]:
    """The rows that came after the first so many."""
    return (await audit_rows(demo))[before:]


def about(row: Row) -> Row:
    """A row without what is new each time, and without what is empty."""
    fresh = ("seq", "at", "hash", "reference", "execution_id")
    return {name: value for name, value in row.items() if value != "" and name not in fresh}


def who(demo: DemoWorkspace, person: str, vault_user_id: str | None = None) -> Row:
    """What every row of that person has; their Vault and user where those are known."""
    known = {"workspace": "T0NORDLICHT", "team_id": "T0NORDLICHT", "slack_user_id": f"U0{person.upper()}"}
    if vault_user_id:
        known |= {"vault_host": demo.vault.vaults[seed.PROMOMATS].dns, "vault_user_id": vault_user_id}
    return known


# One row each


async def test_look_up__is_one_row(demo: DemoWorkspace) -> None:
    before = row_count(demo)
    assert "31%" in (await ask(demo, "alice", seed.CHOLECAP)).text
    [row] = await rows_since(demo, before)
    done = {"action": "look_up", "outcome": "done", "upload_id": seed.CHOLECAP}
    assert about(row) == who(demo, "alice", "10001400") | done
    exchange = demo.vault.log[-1]
    assert row["execution_id"] == exchange.response_headers["X-VaultAPI-ExecutionId"]
    assert row["at"].startswith(f"{demo.clock.now():%Y-%m-%dT%H:%M}")
    assert row["seq"] == before + 1


@pytest.mark.parametrize("upload_id", [UNKNOWN, seed.BOB_ARCHIVE, seed.ALICE_EXPIRED])
async def test_look_up__that_shows_nothing_is_one_row(demo: DemoWorkspace, upload_id: str) -> None:
    """Alike for unknown, somebody else's and ended: the log does not know more than the person was told."""
    before = row_count(demo)
    await ask(demo, "alice", upload_id)
    [row] = await rows_since(demo, before)
    refused = {"action": "look_up", "outcome": "refused", "upload_id": upload_id, "error": "UploadNotVisible"}
    assert about(row) == who(demo, "alice", "10001400") | refused
    assert len(row["execution_id"].split()) == 2


async def test_look_up__with_vault_down_has_failed(demo: DemoWorkspace) -> None:
    before = row_count(demo)
    demo.vault.faults.add(Maintenance(minutes=45), times=None)
    await ask(demo, "alice", seed.CHOLECAP)
    [row] = await rows_since(demo, before)
    failed = {
        "action": "look_up",
        "outcome": "failed",
        "upload_id": seed.CHOLECAP,
        "error": "VaultMaintenance",
    }
    assert about(row) == who(demo, "alice", "10001400") | failed


async def test_list__is_one_row(demo: DemoWorkspace) -> None:
    before = row_count(demo)
    await ask(demo, "bob", "list")
    [row] = await rows_since(demo, before)
    assert about(row) == who(demo, "bob", "10001522") | {"action": "list", "outcome": "done"}


@pytest.mark.parametrize(("person", "error"), [("nils", "NotLinked"), ("gina", "OtherWorkspace")])
async def test_look_up__of_somebody_without_rights_is_one_row(
    demo: DemoWorkspace, person: str, error: str
) -> None:
    before = row_count(demo)
    await ask(demo, person, seed.CHOLECAP)
    [row] = await rows_since(demo, before)
    assert (row["outcome"], row["error"]) == ("refused", error)
    assert row["slack_user_id"] == f"U0{person.upper()}"
    assert (row["vault_user_id"], row["vault_host"], row["execution_id"]) == ("", "", "")


@pytest.mark.parametrize("words", ["help", "whoami", "link", "xyzzy plugh"])
async def test_words__that_read_no_upload_are_none(demo: DemoWorkspace, words: str) -> None:
    before = row_count(demo)
    await ask(demo, "alice", words)
    assert await rows_since(demo, before) == []


@pytest.mark.parametrize("method", ["token", "oidc", "password"])
async def test_link__and_unlink_are_a_row_each(demo: DemoWorkspace, method: str) -> None:
    before = row_count(demo)
    await demo.link("vera", method=method)
    assert "Unlinked" in (await ask(demo, "vera", "unlink")).text
    linked, unlinked = await rows_since(demo, before)
    assert about(linked) == who(demo, "vera", "10000012") | {
        "action": "link",
        "outcome": "done",
        "note": method,
    }
    assert about(unlinked) == who(demo, "vera", "10000012") | {"action": "unlink", "outcome": "done"}
    assert linked["execution_id"]


async def test_link__that_vault_refuses_is_one_row(demo: DemoWorkspace) -> None:
    before = row_count(demo)
    async with browser() as client:
        fields = await open_form(demo, client, "vera", "password", "link promomats") | password_fields("vera")
        page = await client.post(f"{demo.bot.url}/link", data=fields | {"password": "guessed-password"})
    assert page.status_code == 401
    demo.vault.users["vera"].wrong_passwords = 0
    [row] = await rows_since(demo, before)
    assert about(row) == who(demo, "vera") | {
        "action": "link",
        "outcome": "refused",
        "note": "password",
        "vault_host": demo.vault.vaults[seed.PROMOMATS].dns,
        "error": "WrongCredential",
        "error_type": "USERNAME_OR_PASSWORD_INCORRECT",
    }


async def test_link__that_the_person_cancelled_at_the_company_is_one_row(demo: DemoWorkspace) -> None:
    before = row_count(demo)
    people, demo.idp.people = demo.idp.people, {}  # whoever is chosen there is nobody: as with Cancel
    try:
        with pytest.raises(DemoCannotStart, match="403"):
            await demo.link("vera", method="oidc")
    finally:
        demo.idp.people = people
    [row] = await rows_since(demo, before)
    assert (row["error"], row["error_type"], row["note"]) == ("ProviderRefused", "access_denied", "oidc")


async def test_reference__is_the_one_in_the_log(demo: DemoWorkspace) -> None:
    before, done = row_count(demo), done_count(demo)
    for words in (seed.CHOLECAP, UNKNOWN, "list"):
        await ask(demo, "alice", words)
    answered = [line["reference"] for line in log_lines(demo) if line["event"] == "answered"][done:]
    assert [row["reference"] for row in await rows_since(demo, before)] == answered
    assert len(set(answered)) == 3


# What is in it


async def test_rows__hold_no_name_path_or_secret(demo: DemoWorkspace) -> None:
    """By default not even the names of what was seen."""
    await ask(demo, "alice", seed.CHOLECAP)
    text = str(await audit_rows(demo))
    upload = demo.vault.upload(seed.CHOLECAP)
    sessions = [session for person in ("alice", "bob") for session in vault_sessions(demo, person)]
    for hidden in (
        upload.name, upload.path, "cholecap-2021", "alice@", "Moreau", "guessed-password",
        *sessions, *seed.PASSWORDS.values(), *seed.ACCESS_TOKENS.values(),
    ):  # fmt: skip
        assert hidden not in text


async def test_rows__hold_name_and_path_where_the_operator_wants_them() -> None:
    async with workspace("alice", settings={"AUDIT_PATHS": "true"}) as demo:
        await ask(demo, "alice", seed.CHOLECAP)
        await ask(demo, "alice", seed.BOB_ARCHIVE)
        *_, seen, unseen = await audit_rows(demo)
        upload = demo.vault.upload(seed.CHOLECAP)
        assert (seen["file_name"], seen["path"]) == (upload.name, upload.path)
        assert (unseen["file_name"], unseen["path"]) == ("", "")


# No answer without its row


def refuse_rows(demo: DemoWorkspace, *, refuse: bool) -> None:
    """Let the database refuse new audit rows, or no longer."""
    execute(demo, "DROP TRIGGER IF EXISTS no_rows")
    if refuse:
        execute(
            demo,
            "CREATE TRIGGER no_rows BEFORE INSERT ON audit_log BEGIN SELECT RAISE(ABORT, 'no more'); END",
        )


@pytest.mark.parametrize("words", [seed.CHOLECAP, "list", UNKNOWN, "unlink"])
async def test_row__that_cannot_be_written_is_no_answer(demo: DemoWorkspace, words: str) -> None:
    """Vault was asked, and what it said is kept back: the person reads of a fault, with a reference."""
    before = row_count(demo)
    refuse_rows(demo, refuse=True)
    try:
        answer = await ask(demo, "bob", words)
    finally:
        refuse_rows(demo, refuse=False)
    assert answer.text.startswith(UNEXPECTED)
    for upload in demo.vault.uploads():
        assert upload.name not in shown(answer)
    reference = answer.text.partition("Reference: ")[2][:8]
    assert any(line.get("reference") == reference and line["level"] == "error" for line in log_lines(demo))
    assert await rows_since(demo, before) == []
    if words == "unlink":  # what is taken away stays so; linking again is written down
        await demo.link("bob")
    assert "archive.tar.gz" in (await ask(demo, "bob", seed.BOB_ARCHIVE)).text
    assert await audit_is_whole(demo) > before


async def test_row__while_another_program_holds_the_database(demo: DemoWorkspace) -> None:
    file = demo.settings["DATABASE_URL"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = await ask(demo, "alice", seed.CHOLECAP)
        other.execute("ROLLBACK")
    assert answer.text.startswith(
        "The bot's database cannot be used just now (it is locked by another program)"
    )
    assert "Cholecap" not in shown(answer)
    assert "31%" in (await ask(demo, "alice", seed.CHOLECAP)).text


async def test_row__that_postgresql_refuses_is_no_answer(postgres_url: str) -> None:
    """As it does where the bot's own user may not write the table."""
    async with workspace("alice", settings={"DATABASE_URL": postgres_url}) as demo:
        before = await audit_is_whole(demo)
        with psycopg.connect(postgres_url, autocommit=True) as other:
            other.execute(
                "CREATE FUNCTION no_rows() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'insufficient_privilege'; END $$"
            )
            other.execute(
                "CREATE TRIGGER no_rows BEFORE INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION no_rows()"
            )
            answer = await ask(demo, "alice", seed.CHOLECAP)
            other.execute("DROP TRIGGER no_rows ON audit_log")
        assert "(our user lacks a permission in it)" in answer.text
        assert "Cholecap" not in shown(answer)
        assert "31%" in (await ask(demo, "alice", seed.CHOLECAP)).text
        assert await audit_is_whole(demo) == before + 1


async def test_chain__whose_newest_row_was_taken_away_stops_the_bot_from_answering() -> None:
    async with workspace("alice") as demo:
        await ask(demo, "alice", seed.CHOLECAP)
        [kept] = execute(demo, "SELECT * FROM audit_log ORDER BY seq DESC LIMIT 1")
        execute(demo, "DELETE FROM audit_log WHERE seq = ?", kept[0])
        answer = await ask(demo, "alice", seed.CHOLECAP)
        assert answer.text.startswith(UNEXPECTED)
        assert "Cholecap" not in shown(answer)
        assert any(line.get("error") == "AuditBroken" for line in log_lines(demo))
        execute(demo, "INSERT INTO audit_log VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", *kept)
        assert "31%" in (await ask(demo, "alice", seed.CHOLECAP)).text
        await audit_is_whole(demo)


# One chain


async def test_chain__is_whole_after_300_commands_at_once(demo: DemoWorkspace) -> None:
    before, done = row_count(demo), done_count(demo)
    words = (seed.CHOLECAP, "list", UNKNOWN)
    await asyncio.gather(
        *(
            demo.slack.slash(user=("alice", "bob")[number % 2], text=words[number % 3])
            for number in range(300)
        )
    )
    await until(lambda: done_count(demo) == done + 300, "all are answered", 150)
    rows = await rows_since(demo, before)
    assert len(rows) == 300
    assert len({row["reference"] for row in rows}) == 300
    assert {row["outcome"] for row in rows} == {"done", "refused"}
    assert await audit_is_whole(demo) == before + 300


async def test_chain__is_one_with_two_replicas(postgres_url: str, tmp_path: Path) -> None:
    async with two_replicas(postgres_url, tmp_path) as (demo, second):
        for person in ("alice", "bob"):
            await demo.link(person)
        before = await audit_is_whole(demo)
        await asyncio.gather(
            *(
                send_to(demo, (demo.bot, second)[number % 2], ("alice", "bob")[number % 3 % 2], seed.CHOLECAP)
                for number in range(120)
            )
        )
        await second.kill()  # at whatever moment
        await link_by_token(demo, "vera")
        assert await audit_is_whole(demo) == before + 121
        assert [row["seq"] for row in await audit_rows(demo)] == list(range(1, before + 122))
