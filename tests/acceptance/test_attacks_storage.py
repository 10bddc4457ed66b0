"""Attacks by whoever has the database: reading it, moving what is sealed in it, and taking keys away."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from bot.demo.bot_process import BotProcess
from bot.demo.vault import seed
from bot.demo.workspace import DemoWorkspace
from tests.acceptance.operating import execute, link_states, operator_types, stored_bytes
from tests.acceptance.steps import Traffic, ask, calm, cli, log_lines, shown, vault_sessions, workspace
from tests.acceptance.test_many_workspaces import NORD, many

pytestmark = pytest.mark.asyncio(loop_scope="module")

OVER = timedelta(hours=50)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[DemoWorkspace]:
    async with workspace() as demo:
        yield demo


@pytest_asyncio.fixture(loop_scope="module")
async def demo(shared: DemoWorkspace) -> DemoWorkspace:
    """Alice and Bob, both linked by the company's sign-in, so that there is a refresh token too."""
    calm(shared)
    for person in ("alice", "bob"):
        await ask(shared, person, "unlink all")
        await shared.link(person, method="oidc")
    shared.vault.forget_calls()
    shared.idp.forget_calls()
    return shared


COPY_CREDENTIAL = (
    "UPDATE accounts SET credential = (SELECT credential FROM accounts WHERE slack_user_id = 'U0ALICE') "
    "WHERE slack_user_id = 'U0BOB'"
)
COPY_REFRESH_TOKEN = COPY_CREDENTIAL.replace("credential", "refresh_token")
MOVES = {
    "Alice's credential into Bob's row": [COPY_CREDENTIAL],
    "Alice's refresh token into Bob's row": [COPY_REFRESH_TOKEN],
    "both of Alice's into Bob's row": [COPY_CREDENTIAL, COPY_REFRESH_TOKEN],
    "Bob's refresh token in place of his credential": [
        "UPDATE accounts SET credential = refresh_token WHERE slack_user_id = 'U0BOB'"
    ],
    "Bob's credential in place of his refresh token": [
        "UPDATE accounts SET refresh_token = credential WHERE slack_user_id = 'U0BOB'"
    ],
    "Bob's two values swapped": [
        "UPDATE accounts SET credential = refresh_token, refresh_token = credential WHERE slack_user_id = 'U0BOB'"
    ],
    "Alice's row given to Bob": [
        "DELETE FROM accounts WHERE slack_user_id = 'U0BOB'",
        "UPDATE accounts SET slack_user_id = 'U0BOB' WHERE slack_user_id = 'U0ALICE'",
    ],
}


@pytest.mark.parametrize("move", MOVES)
async def test_sealed__value_that_was_moved_opens_for_nobody(demo: DemoWorkspace, move: str) -> None:
    """Neither with the session at hand nor when it would be renewed; what was Alice's stays unread."""
    for statement in MOVES[move]:
        execute(demo, statement)
    traffic = Traffic(demo)
    for words in (seed.CHOLECAP, "list"):
        answer = await ask(demo, "bob", words)
        assert "A stored credential could not be opened." in answer.text
        assert "/upload-status link" in answer.text
        assert "Cholecap" not in shown(answer)
    assert traffic.vault_calls == 0
    assert demo.idp.calls("token") == 0
    assert any(line["event"].endswith("A stored credential could not be opened.") for line in log_lines(demo))
    await demo.link("bob", method="oidc")
    assert "archive.tar.gz" in (await ask(demo, "bob", seed.BOB_ARCHIVE)).text


async def test_row__that_names_another_vault_is_not_used_there(demo: DemoWorkspace) -> None:
    """The seal covers the Vault's host: no credential is ever sent to a host it was not made for."""
    promomats, quality = (demo.vault.vaults[name].dns for name in (seed.PROMOMATS, seed.QUALITY))
    execute(demo, "UPDATE accounts SET vault_host = ? WHERE slack_user_id = 'U0BOB'", quality)
    assert "could not be opened" in (await ask(demo, "bob", "list")).text
    execute(demo, "UPDATE accounts SET vault_host = ? WHERE slack_user_id = 'U0BOB'", "evil.example")
    assert "could not be opened" in (await ask(demo, "bob", "list")).text
    assert demo.vault.calls() == 0
    execute(demo, "UPDATE accounts SET vault_host = ? WHERE slack_user_id = 'U0BOB'", promomats)
    assert "archive.tar.gz" in (await ask(demo, "bob", "list")).text


async def test_row__that_names_another_vault_user_shows_nothing(demo: DemoWorkspace) -> None:
    """The columns beside the seal can be changed; then Vault's answers no longer fit them and are not used."""
    execute(demo, "UPDATE accounts SET vault_user_id = '10001400' WHERE slack_user_id = 'U0BOB'")
    answer = await ask(demo, "bob", seed.BOB_ARCHIVE)
    assert "answered for another account than yours" in answer.text
    assert "archive" not in shown(answer)
    execute(demo, "UPDATE accounts SET vault_user_id = '10001522' WHERE slack_user_id = 'U0BOB'")
    assert "archive.tar.gz" in (await ask(demo, "bob", seed.BOB_ARCHIVE)).text


async def test_renewal__that_gives_another_persons_session_is_refused(demo: DemoWorkspace) -> None:
    """As if the company had given Bob's refresh token to Alice: her session is ended at once, and not shown."""
    demo.clock.advance(OVER)
    grants, people = demo.idp.grants, demo.idp.people
    for grant in grants.of(people["bob"]):
        grant.person = people["alice"]
    before = len(vault_sessions(demo, "alice"))
    answer = await ask(demo, "bob", "list")
    assert "Your link to Vault (promomats) has ended" in answer.text
    assert "Cholecap" not in shown(answer)
    assert len(vault_sessions(demo, "alice")) == before


async def test_stolen_database__reveals_no_secret(demo: DemoWorkspace) -> None:
    """Searched byte by byte, also after a renewal and after unlinking: freed pages keep what was in them."""
    await demo.link("bob", method="token")
    demo.clock.advance(OVER)
    await ask(demo, "alice", "list")
    await ask(demo, "bob", "unlink all")
    grants = demo.idp.grants
    secrets = [
        *grants._refresh, *grants._access, *grants._codes, *demo.vault.domain.logins._sessions,
        *seed.ACCESS_TOKENS.values(), demo.idp.client.secret or "", demo.slack.bot_token,
        demo.slack.signing_secret, demo.settings["ENCRYPTION_KEYS"],
    ]  # fmt: skip
    assert len(grants._refresh) >= 3
    content = stored_bytes(demo)
    assert b"alice@nordlicht.example" in content, "or else nothing was looked at"
    for secret in secrets:
        assert secret.encode() not in content
        assert secret.encode("utf-16-le") not in content


async def test_stolen_database__reveals_no_slack_token(tmp_path: Path) -> None:
    """Where many workspaces install the app, their tokens are in it too: sealed."""
    async with many(tmp_path, rotating=True) as world:
        world.clock.run_at(0)
        assert (await world.install(NORD)).status_code == 200
        slack = world.slack[NORD]
        first = slack.bot_token
        world.clock.advance(timedelta(hours=13))
        await world.ask(NORD, "alice", "whoami")
        assert slack.rotations == 1
        secrets = {first, slack.bot_token, *slack._tokens._refresh_tokens}
        assert len(secrets) == 3
        content = b"".join(path.read_bytes() for path in sorted(tmp_path.glob("bot.db*")))
        assert slack.team_id.encode() in content
        assert [one for one in secrets if one.encode() in content] == []
        assert [one for one in secrets if one in world.bots[0].log_text()] == []


async def test_keys__rotated_under_a_link_that_renews_itself() -> None:
    """Old and new, then new alone: session, refresh token and the end of the audit log have all moved."""
    async with workspace() as demo:
        await demo.link("alice", method="oidc")
        old = demo.settings["ENCRYPTION_KEYS"]
        new = (await cli("keys", "new", cwd=demo.folder)).out.strip()
        for keys in (f"{new},{old}", new):
            await demo.bot.stop()
            demo.bot = BotProcess({**demo.settings, "ENCRYPTION_KEYS": keys}, demo.folder, demo.bot.port)
            await demo.bot.start()
            await operator_types(demo, "keys", "rotate", ENCRYPTION_KEYS=keys)
            demo.clock.advance(OVER)
            demo.vault.create_upload("alice", "/rotated.bin", 1000)
            assert "rotated.bin" in (await ask(demo, "alice", "list")).text
        try:
            assert "whole" in await operator_types(demo, "audit", "verify", ENCRYPTION_KEYS=new)
            assert await link_states(demo) == {"U0ALICE": "active"}
            sealed = execute(demo, "SELECT credential, refresh_token FROM accounts")
            assert len({value.split(".")[1] for value in sealed[0]}) == 1
            assert json.dumps(sealed).count("s1.") == 2
        finally:
            await demo.bot.stop()
