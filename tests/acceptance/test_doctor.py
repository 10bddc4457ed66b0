"""`python -m bot doctor` on a real installation: well in every way of running, each trouble told with what to do."""

import re
import shutil
import sqlite3
import stat
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from bot.demo.idp.faults import Fault as IdpFault
from bot.demo.slack.faults import ApiError, RateLimited
from bot.demo.vault.behaviour import released_versions
from bot.demo.vault.faults import Maintenance, Status
from bot.demo.workspace import DemoWorkspace
from bot.model.clock import milliseconds_of
from bot.store.backup import back_up
from bot.store.schema import HEAD
from bot.store.seal import Keyring, new_key
from tests.acceptance.doctor_steps import change, copy_of, examined, examined_with, own_settings, ran
from tests.acceptance.steps import cli, workspace
from tests.acceptance.test_many_workspaces import NORD, many

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOWHERE = "http://127.0.0.1:9"
PROMOMATS, QUALITY = "promomats", "quality"


@pytest.fixture
def copy(demo: DemoWorkspace, tmp_path: Path) -> Path:
    """A copy of the database, on which no bot works."""
    return copy_of(demo, tmp_path)


# All is well


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
@pytest.mark.parametrize("socket_mode", [False, True], ids=["http", "socket"])
async def test_doctor__finds_nothing_where_nothing_is_wrong(
    socket_mode: bool, database: str, request: pytest.FixtureRequest
) -> None:
    url = {"DATABASE_URL": request.getfixturevalue("postgres_url")} if database == "postgresql" else {}
    async with workspace("alice", socket_mode=socket_mode, settings=url) as demo:
        found = await ran(own_settings(demo), demo.folder)
        # By the database's own clock, as outside of the demo.
        by_its_clock = await examined(demo, DEMO_CLOCK_FILE="")
    assert (found.overall, found.worse_than_ok()) == ("ok", {})
    assert by_its_clock["worker"].status == "ok"
    ways = {"socket_mode"} if socket_mode else {"signing_secret"}
    files = {"disk"} if database == "sqlite" else set()
    vaults = {
        f"{name} {vault}"
        for name in ("vault", "vault_certificate", "vault_version", "vault_client_id", "vault_calls")
        for vault in (PROMOMATS, QUALITY)
    }
    assert set(found.checks) == {
        "settings", "database", "schema", "keys", "worker", "audit", "slack_token", "slack_scopes", "clock",
        "running", "public_url", "sign_in", *ways, *files, *vaults,
    }  # fmt: skip


async def test_doctor__prints_a_line_for_each_check_and_one_for_all(demo: DemoWorkspace) -> None:
    done = await cli("doctor", cwd=demo.folder, settings=own_settings(demo))
    *lines, last = done.out.splitlines()
    assert (done.code, done.err) == (0, "")
    assert len(lines) == len((await examined(demo)).checks)
    assert all(re.match(r"ok {4}[a-z]", line) for line in lines)
    assert last == f"{len(lines)} ok"


async def test_doctor__prints_what_to_do_and_ends_with_1(demo: DemoWorkspace) -> None:
    settings = own_settings(demo, VAULT_API_VERSION="v99.1", SLACK_TOKN="x")
    done = await cli("doctor", cwd=demo.folder, settings=settings)
    assert done.code == 1
    (line,) = (one for one in done.out.splitlines() if one.startswith("fail  vault version promomats"))
    assert " Next: Set VAULT_API_VERSION" in line
    assert done.out.splitlines()[-1].startswith("2 fail, 1 warn, ")
    assert done.err.strip() == "2 checks failed."


# Settings


async def test_settings__that_cannot_be_used_end_with_2_and_are_all_named(
    demo: DemoWorkspace, tmp_path: Path
) -> None:
    found = await ran(own_settings(demo, VAULTS="", POLL_EVERY="no-time"), tmp_path, code=2)
    assert found.worse_than_ok() == {"settings VAULTS": "fail", "settings POLL_EVERY": "fail"}
    done = await cli("doctor", cwd=tmp_path, settings={"SLACK_BOT_TOKEN": "xoxb-1", "PORT": "no-number"})
    assert (done.code, done.out) == (2, "")
    for name in ("VAULTS", "ENCRYPTION_KEYS", "PORT"):
        assert name in done.err
    assert "no-number" not in done.err


async def test_settings__unknown_names_are_warned_of(demo: DemoWorkspace) -> None:
    found = await examined(demo, SLACK_SIGNIN_SECRET="x")
    assert found.worse_than_ok() == {"settings": "warn"}
    assert "did you mean SLACK_SIGNING_SECRET?" in found["settings"].what


async def test_settings__file_that_others_may_read(
    demo: DemoWorkspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tmp_path.joinpath(".env").write_text("LOG_LEVEL=INFO\n", "utf-8")
    tmp_path.joinpath(".env").chmod(0o644)
    assert (await examined(demo)).worse_than_ok() == {"settings": "warn"}
    tmp_path.joinpath(".env").chmod(stat.S_IRUSR | stat.S_IWUSR)
    assert (await examined(demo)).worse_than_ok() == {}


@pytest.mark.parametrize("state", ["missing", "no certificates"])
async def test_certificates__that_cannot_be_read_are_one_line(
    demo: DemoWorkspace, tmp_path: Path, spare_port: int, state: str
) -> None:
    """And one sentence of the bot itself."""
    file = tmp_path / "authority.pem"
    if state != "missing":
        file.write_text("no certificate\n", "utf-8")
    settings = own_settings(demo, SSL_CERT_FILE=str(file))
    found = await ran(settings, demo.folder, code=1)
    assert found.worse_than_ok() == {"certificates": "fail"}
    assert str(file) in found["certificates"].what
    assert "PEM" in found["certificates"].next_step
    assert {"database", "slack_token"} <= set(found.checks)
    done = await cli("run", cwd=demo.folder, settings={**settings, "PORT": str(spare_port)})
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines()[-1] == f"{found['certificates'].what} {found['certificates'].next_step}"
    assert "Traceback" not in done.err


# The database


async def test_database__missing_is_warned_of_and_not_made(demo: DemoWorkspace, tmp_path: Path) -> None:
    file = tmp_path / "none.db"
    found = await examined(demo, DATABASE_URL=f"sqlite:///{file}")
    assert found.worse_than_ok() == {"database": "warn"}
    assert "schema" not in found.checks
    assert not file.exists()


@pytest.mark.parametrize("state", ["a backup", "another program's", "empty", "cut off"])
async def test_database__is_looked_at_and_not_changed(
    demo: DemoWorkspace, copy: Path, tmp_path: Path, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a byte of it, whatever it is, and no file is made beside it."""
    folder = tmp_path / "a place ? # %20"
    folder.mkdir()
    file = folder / "bot.db"
    if state == "a backup":
        await back_up(copy, file, Keyring.parse(demo.settings["ENCRYPTION_KEYS"]))
    elif state == "another program's":
        change(file, "CREATE TABLE t (x)")
    elif state == "empty":
        file.touch()
    else:
        with closing(sqlite3.connect(copy)) as writer:
            writer.execute("UPDATE audit_log SET note = 'never written' WHERE seq = 2")
            writer.commit()
            for end in ("", "-wal", "-shm"):
                shutil.copy(f"{copy}{end}", f"{file}{end}")
    before = content_of(folder)
    monkeypatch.chdir(folder)
    found = await examined(demo, DATABASE_URL="sqlite:///bot.db")
    assert content_of(folder) == before
    worse = {"a backup": {}, "cut off": {"audit": "fail"}}.get(state, {"schema": "fail"})
    assert found.worse_than_ok() == worse, "what is in the write-ahead log counts too"


def content_of(folder: Path) -> dict[str, bytes]:
    """Each file but the index of a write-ahead log, which whoever reads takes locks in; of that it counts that it is
    there."""
    return {path.name: b"" if path.name.endswith("-shm") else path.read_bytes() for path in folder.iterdir()}


async def test_database__that_cannot_be_used(demo: DemoWorkspace, tmp_path: Path, spare_port: int) -> None:
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"no database at all, but long enough to look like one" * 100)
    for url in (f"sqlite:///{broken}", f"postgresql://nobody@127.0.0.1:{spare_port}/none"):
        found = await examined(demo, DATABASE_URL=url)
        assert found.worse_than_ok() == {"database": "fail"}


@pytest.mark.parametrize(
    ("revision", "next_step"),
    [("0003", "python -m bot migrate"), ("9999", "Run that release")],
    ids=["behind", "newer"],
)
async def test_schema__of_another_release(
    demo: DemoWorkspace, copy: Path, revision: str, next_step: str
) -> None:
    assert revision != HEAD
    change(copy, "UPDATE alembic_version SET version_num = ?", revision)
    found = await examined(demo, DATABASE_URL=f"sqlite:///{copy}")
    assert found.worse_than_ok() == {"schema": "fail"}
    assert next_step in found["schema"].next_step


async def test_schema__of_the_next_release_can_be_served(demo: DemoWorkspace, copy: Path) -> None:
    change(copy, "UPDATE alembic_version SET version_num = ?", f"{int(HEAD) + 1:04}")
    found = await examined(demo, DATABASE_URL=f"sqlite:///{copy}")
    assert found.worse_than_ok() == {}
    assert "next release" in found["schema"].what
    assert "keys rotate" in found["schema"].what
    assert "all that is stored, as far as this release knows it" in found["keys"].what
    assert "as far as" not in (await examined(demo))["keys"].what


async def test_schema__of_a_database_without_tables(demo: DemoWorkspace, tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    found = await examined(demo, DATABASE_URL=f"sqlite:///{tmp_path / 'empty.db'}")
    assert found.worse_than_ok() == {"schema": "fail"}


async def test_keys__that_are_missing_are_named_by_their_id(demo: DemoWorkspace) -> None:
    known = re.search(r"newest (\w{8})", (await examined(demo))["keys"].what)
    found = await examined(demo, ENCRYPTION_KEYS=new_key())
    assert known
    assert found["keys"].status == "fail"
    assert known[1] in found["keys"].what
    # Nor can the audit log's seal be checked without it.
    assert found.worse_than_ok() == {"keys": "fail", "audit": "fail"}
    both = await examined(demo, ENCRYPTION_KEYS=f"{new_key()},{demo.settings['ENCRYPTION_KEYS']}")
    assert both.worse_than_ok() == {}


async def test_disk__that_cannot_be_written(demo: DemoWorkspace) -> None:
    found = await examined(demo, DATABASE_URL="sqlite:////proc/bot.db")
    assert found.worse_than_ok() == {"database": "warn", "disk": "fail"}


@pytest.mark.parametrize("next_try", [None, 600], ids=["untried", "failing"])
@pytest.mark.parametrize(
    ("late", "status"), [(50, "ok"), (120, "warn"), (1000, "fail")], ids=["in_time", "late", "too_late"]
)
async def test_worker__that_is_behind(
    demo: DemoWorkspace, copy: Path, late: int, status: str, next_try: int | None
) -> None:
    """What fails at each try is as late as what nobody takes."""
    wanted = demo.clock.now() - timedelta(seconds=late)
    due = wanted if next_try is None else demo.clock.now() + timedelta(seconds=next_try)
    change(copy, "DELETE FROM due_work")
    change(
        copy,
        "INSERT INTO due_work (key, kind, payload, wanted_at, due_at, attempts) VALUES ('k', 'poll', '{}', ?, ?, ?)",
        milliseconds_of(wanted),
        milliseconds_of(due),
        0 if next_try is None else 9,
    )
    found = await examined(demo, DATABASE_URL=f"sqlite:///{copy}")
    assert found.worse_than_ok() == ({} if status == "ok" else {"worker": status})


async def test_worker__tells_of_parked_work(demo: DemoWorkspace, copy: Path) -> None:
    change(copy, "DELETE FROM due_work")
    change(
        copy,
        "INSERT INTO due_work (key, kind, payload, wanted_at, due_at, attempts) "
        "VALUES ('k', 'poll', '{}', 0, 253402214400000, 9)",
    )
    found = await examined(demo, DATABASE_URL=f"sqlite:///{copy}")
    assert found.worse_than_ok() == {"worker": "warn"}


async def test_audit__chain_that_was_changed(demo: DemoWorkspace, copy: Path) -> None:
    change(copy, "UPDATE audit_log SET note = 'never written' WHERE seq = 2")
    found = await examined(demo, DATABASE_URL=f"sqlite:///{copy}")
    assert found.worse_than_ok() == {"audit": "fail"}
    assert "audit verify" in found["audit"].next_step


# Slack


async def test_slack_token__that_slack_does_not_know(demo: DemoWorkspace) -> None:
    found = await examined(demo, SLACK_BOT_TOKEN="xoxb-never-given-out")
    assert found.worse_than_ok() == {"slack_token": "fail"}
    assert "invalid_auth" in found["slack_token"].what
    assert found["clock"].status == "ok"


async def test_slack_token__when_slack_has_trouble(demo: DemoWorkspace) -> None:
    demo.slack.faults.add("auth.test", RateLimited(30))
    assert (await examined(demo)).worse_than_ok() == {"slack_token": "warn"}
    demo.slack.faults.add("auth.test", ApiError("team_access_not_granted"))
    assert (await examined(demo)).worse_than_ok() == {"slack_token": "fail"}
    assert (await examined(demo, SLACK_API_URL=f"{NOWHERE}/api/"))["slack_token"].status == "fail"


async def test_slack_scopes__missing_and_more_than_needed(demo: DemoWorkspace) -> None:
    granted = set(demo.slack.scopes)
    try:
        demo.slack.scopes.discard("im:write")
        missing = await examined(demo)
        demo.slack.scopes.update({"im:write", "im:history"})
        optional = await examined(demo)
        demo.slack.scopes.add("files:read")
        more = await examined(demo)
    finally:
        demo.slack.scopes.clear()
        demo.slack.scopes.update(granted)
    assert missing.worse_than_ok() == {"slack_scopes": "fail"}
    assert "im:write" in missing["slack_scopes"].what
    assert optional.worse_than_ok() == {}
    assert "im:history" in optional["slack_scopes"].what
    assert more.worse_than_ok() == {"slack_scopes": "warn"}
    assert "files:read" in more["slack_scopes"].what


@pytest.mark.parametrize(
    ("ahead", "status"), [(20, "ok"), (60, "warn"), (-60, "warn"), (400, "fail"), (-400, "fail")]
)
async def test_clock__that_differs_from_slacks(demo: DemoWorkspace, ahead: int, status: str) -> None:
    demo.slack.web_api.ahead = timedelta(seconds=ahead)
    try:
        found = await examined(demo)
    finally:
        demo.slack.web_api.ahead = timedelta(0)
    assert found.worse_than_ok() == ({} if status == "ok" else {"clock": status})
    where = "behind" if ahead > 0 else "ahead of"
    assert status == "ok" or where in found["clock"].what


async def test_socket_mode__token_that_slack_does_not_know(demo: DemoWorkspace) -> None:
    found = await examined(demo, SLACK_APP_TOKEN="xapp-never-given-out")
    assert found.worse_than_ok() == {"socket_mode": "fail"}
    assert "connections:write" in found["socket_mode"].next_step
    assert (await examined(demo, SLACK_APP_TOKEN=demo.slack.app_token)).worse_than_ok() == {}


async def test_installations__are_counted_and_their_tokens_tried(tmp_path: Path) -> None:
    async with many(tmp_path) as world:
        settings = {**world.settings, "PORT": str(world.bots[0].port)}
        none = await examined_with(settings)
        await world.install(NORD)
        one = await examined_with(settings)
        world.slack[NORD]._tokens.void("token_revoked")  # its events never come
        gone = await examined_with(settings)
    assert none.worse_than_ok() == {"installations": "warn"}
    assert one.worse_than_ok() == {}
    assert "1 workspace." in one["installations"].what
    assert one["slack_scopes"].status == "ok"
    assert gone.worse_than_ok() == {"slack_token": "fail"}


# The bot itself


async def test_signing_secret__other_than_the_running_bots(demo: DemoWorkspace) -> None:
    found = await examined(demo, SLACK_SIGNING_SECRET="another-one-than-the-bots")
    assert found.worse_than_ok() == {"signing_secret": "fail"}
    assert "restart" in found["signing_secret"].next_step


async def test_running__where_no_bot_runs_it_says_so(demo: DemoWorkspace, spare_port: int) -> None:
    found = await examined(demo, PORT=str(spare_port))
    assert found.worse_than_ok() == {"running": "warn", "public_url": "warn", "signing_secret": "warn"}
    # Another replica answers under the public address.
    elsewhere = await examined(demo, PORT=str(spare_port), PUBLIC_URL=demo.bot.url)
    assert elsewhere.worse_than_ok() == {"running": "warn"}


async def test_running__tells_another_program_from_the_bot(demo: DemoWorkspace) -> None:
    port = demo.idp.issuer.rpartition(":")[2]
    found = await examined(demo, PORT=port, PUBLIC_URL=demo.bot.url)
    assert found.worse_than_ok() == {"running": "fail"}


async def test_public_url__that_does_not_lead_to_the_bot(demo: DemoWorkspace, spare_port: int) -> None:
    for url in (f"http://127.0.0.1:{spare_port}", demo.idp.issuer):
        found = await examined(demo, PUBLIC_URL=url)
        assert found.worse_than_ok() == {"public_url": "fail"}


# Vaults and the company's sign-in


async def test_vault__that_is_down(demo: DemoWorkspace) -> None:
    found = await examined(demo, VAULTS=f"{PROMOMATS}={NOWHERE},{QUALITY}={demo.vault.vaults[QUALITY].url}")
    assert found.worse_than_ok() == {f"vault {PROMOMATS}": "fail"}
    assert f"vault_version {PROMOMATS}" not in found.checks
    assert found[f"vault_version {QUALITY}"].status == "ok"


async def test_vault__in_trouble_or_none_at_all(demo: DemoWorkspace) -> None:
    demo.vault.faults.add(Maintenance(45), times=None, vault=PROMOMATS)
    demo.vault.faults.add(Status(503), times=None, vault=QUALITY)
    found = await examined(demo)
    assert found.worse_than_ok() == {f"vault {PROMOMATS}": "warn", f"vault {QUALITY}": "fail"}
    demo.vault.faults.clear()
    demo.vault.faults.add(Status(200), times=None, vault=PROMOMATS)
    assert (await examined(demo)).worse_than_ok() == {f"vault {PROMOMATS}": "fail"}


@pytest.mark.parametrize("need_session", [True, False])
async def test_vault_version__that_is_not_offered(demo: DemoWorkspace, need_session: bool) -> None:
    demo.vault.versions_need_session = need_session
    try:
        found = await examined(demo, VAULT_API_VERSION="v99.1")
        newest = await examined(demo, VAULT_API_VERSION=released_versions()[-1])
    finally:
        demo.vault.versions_need_session = True
    assert found.worse_than_ok() == {f"vault_version {one}": "fail" for one in (PROMOMATS, QUALITY)}
    assert newest.worse_than_ok() == {}


async def test_vault_client_id__that_is_filtered_out(demo: DemoWorkspace) -> None:
    demo.vault.client_ids = frozenset({"acme-approved"})
    try:
        refused = await examined(demo)
        accepted = await examined(demo, VAULT_CLIENT_ID="acme-approved")
    finally:
        demo.vault.client_ids = None
    assert refused.worse_than_ok() == {f"vault_client_id {one}": "fail" for one in (PROMOMATS, QUALITY)}
    assert accepted.worse_than_ok() == {}


async def test_vault_calls__that_are_nearly_used_up(demo: DemoWorkspace) -> None:
    limit = demo.vault.burst_limit
    demo.vault.burst_limit = 1
    try:
        found = await examined(demo)
    finally:
        demo.vault.burst_limit = limit
    assert found.worse_than_ok() == {f"vault_calls {one}": "warn" for one in (PROMOMATS, QUALITY)}


@pytest.mark.parametrize("fault", [IdpFault.DOWN, IdpFault.OTHER_ISSUER, IdpFault.NO_JSON])
async def test_sign_in__that_cannot_be_used(demo: DemoWorkspace, fault: IdpFault) -> None:
    demo.idp.faults.add(fault)
    try:
        found = await examined(demo)
    finally:
        demo.idp.faults.clear()
    assert found.worse_than_ok() == {"sign_in": "fail"}
    assert "sign_in" not in (await examined(demo, LINK_METHODS="token,password")).checks
