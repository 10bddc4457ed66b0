"""What an operator does with `accounts`, `audit` and `keys`, as processes, on both databases."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from bot.demo.clock import DemoClock
from bot.demo.vault import Domain, VaultEmulator, seed
from bot.model.accounts import LinkedAccount, LinkMethod, SlackUser, Vault
from bot.model.audit import Action, AuditEntry, AuditRow, Outcome
from bot.model.installations import Installation
from bot.model.secret import Secret
from bot.store.accounts import Accounts
from bot.store.audit import AuditLog
from bot.store.database import Database
from bot.store.installations import Installations
from bot.store.seal import Keyring, new_key
from bot.store.tickets import Tickets
from bot.vault.client import VaultClient
from bot.vault.pool import http_client
from tests.acceptance.steps import Ended, cli
from tests.databases import ALICE, BOB, NOW, linked

CREDENTIAL = "do-not-print-this"


@dataclass(frozen=True)
class Operator:
    """Somebody with a terminal, and what the bot has stored."""

    db: Database
    keyring: Keyring
    folder: Path
    settings: dict[str, str]

    @property
    def log(self) -> AuditLog:
        """The audit log as the bot has it."""
        return AuditLog(self.db, self.keyring)

    async def types(self, *words: str, **settings: str) -> Ended:
        """Run one command."""
        return await cli(*words, cwd=self.folder, settings={**self.settings, **settings})

    async def link(self, *accounts: LinkedAccount) -> None:
        """Have the bot store links."""
        for account in accounts:
            await Accounts(self.db, self.keyring).save(account)

    async def audit(self, *entries: AuditEntry) -> list[AuditRow]:
        """Have the bot write audit rows, all at once."""
        log = self.log
        return await asyncio.gather(*(log.write(entry) for entry in entries))

    async def tamper(self, statement: str) -> None:
        """Change the database past the bot."""
        async with self.db.write() as connection:
            await connection.execute(text(statement))


@pytest.fixture
async def operator(db: Database, database_url: str, tmp_path: Path) -> Operator:
    """An operator with the usual settings, and nothing stored yet."""
    key = new_key()
    settings = {"DATABASE_URL": database_url, "ENCRYPTION_KEYS": key}
    return Operator(db, Keyring.parse(key), tmp_path, settings)


@pytest.fixture
async def vault() -> AsyncIterator[VaultEmulator]:
    clock = DemoClock()
    emulator = VaultEmulator(clock=clock, domain=Domain.seeded(clock.now()))
    await emulator.start()
    yield emulator
    await emulator.stop()


def entry(number: int, **values: str) -> AuditEntry:
    """The audit entry of a look-up, one for each hour."""
    at = NOW + timedelta(hours=number)
    return AuditEntry(at=at, action=Action.LOOK_UP, outcome=Outcome.DONE, slack_user_id="U1", **values)


def good(done: Ended) -> str:
    """What a command that went well printed."""
    assert (done.code, done.err) == (0, "")
    return done.out


def json_lines(printed: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in printed.splitlines()]


# audit


async def test_audit_verify__whole(operator: Operator) -> None:
    rows = await operator.audit(*(entry(number) for number in range(12)))
    assert good(await operator.types("audit", "verify")) == f"12 rows, whole, last hash {rows[-1].hash}\n"


async def test_audit_verify__nothing_written_yet(operator: Operator) -> None:
    assert good(await operator.types("audit", "verify")).startswith("0 rows, whole, last hash 000")


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE audit_log SET slack_user_id = 'U2' WHERE seq = 2", "Row 2 does not fit"),
        ("DELETE FROM audit_log WHERE seq = 3", "Row 3 is missing.\n"),
        ("DELETE FROM audit_log WHERE seq > 3", "Rows 4 to 5 are missing.\n"),
        ("UPDATE audit_ends SET last_seq = 9", "The ends of the chain were changed"),
    ],
)
async def test_audit_verify__tells_what_was_done_to_it(operator: Operator, statement: str, told: str) -> None:
    await operator.audit(*(entry(number) for number in range(5)))
    await operator.tamper(statement)
    failed = await operator.types("audit", "verify")
    assert failed.code == 1
    assert told in failed.out
    assert failed.err == (
        "The audit log is not whole. Keep the database as it is, and tell your security officer.\n"
    )


async def test_audit_verify__after_pruning(operator: Operator) -> None:
    await operator.audit(*(entry(number) for number in range(5)))
    await operator.log.prune(NOW + timedelta(hours=3), NOW + timedelta(days=1))
    assert good(await operator.types("audit", "verify")).startswith("3 rows, whole, last hash ")


async def test_audit_export__json_lines_are_the_rows(operator: Operator) -> None:
    odd = entry(1, note='"a",\n=1+1 über 🗂', upload_id="-1", path="/a b")
    rows = await operator.audit(entry(0), odd)
    found = json_lines(good(await operator.types("audit", "export", LANG="C", LC_ALL="C")))
    assert [one["seq"] for one in found] == [1, 2]
    assert found[1] == {
        "seq": 2, "at": "2026-03-05T09:14:30.000Z", "action": "look_up", "outcome": "done", "reference": "",
        "workspace": "", "team_id": "", "slack_user_id": "U1", "vault_host": "", "vault_user_id": "",
        "upload_id": "-1", "error": "", "error_type": "", "execution_id": "", "note": odd.note, "file_name": "",
        "path": "/a b", "hash": rows[1].hash,
    }  # fmt: skip


async def test_audit_export__csv_is_read_back_and_runs_nothing(operator: Operator) -> None:
    texts = ["=1+1", "+1", "-1", "@x", "\tx", "\rx", 'a "b", c\r\nd\ne', "'", "", "1=1", "über 🗂"]
    await operator.audit(*(entry(number, note=one) for number, one in enumerate(texts)))
    printed = good(await operator.types("audit", "export", "--format", "csv"))
    assert printed.startswith("seq,at,action,")
    rows = list(csv.DictReader(io.StringIO(printed, newline="")))
    dangerous = ("=", "+", "-", "@", "\t", "\r")
    assert [row["note"] for row in rows] == [f"'{one}" if one[:1] in dangerous else one for one in texts]
    assert not any(cell.startswith(dangerous) for row in rows for cell in row.values())
    assert [row["seq"] for row in rows] == [str(number) for number in range(1, len(texts) + 1)]


@pytest.mark.parametrize(
    ("words", "seqs"),
    [
        (("--since", "2026-03-05T10:14:30"), [3, 4, 5]),
        (("--since", "2026-03-05", "--until", "2026-03-05T11:14:30+01:00"), [1, 2]),
    ],
)
async def test_audit_export__of_a_time(operator: Operator, words: Sequence[str], seqs: list[int]) -> None:
    await operator.audit(*(entry(number) for number in range(5)))
    found = json_lines(good(await operator.types("audit", "export", *words)))
    assert [one["seq"] for one in found] == seqs


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--since", "yesterday"), "--since: is not a day like"),
        (("--until", "2026-02-30"), "--until: is not a day like"),
        (("--since", "0001-01-01T00:00+14:00"), "--since: is not a day like"),
        (("--since", "2026-03-06", "--until", "2026-03-06"), "--until: must be later than --since"),
        (("--format", "xml"), "--format: invalid choice"),
    ],
)
async def test_audit_export__wrong_words(tmp_path: Path, words: Sequence[str], told: str) -> None:
    failed = await cli("audit", "export", *words, cwd=tmp_path)
    assert (failed.code, failed.out) == (2, "")
    assert told in failed.err


async def test_audit__without_a_database_makes_none(tmp_path: Path) -> None:
    settings = {"DATABASE_URL": f"sqlite:///{tmp_path / 'typo' / 'bot.db'}", "ENCRYPTION_KEYS": new_key()}
    for words in (("audit", "verify"), ("audit", "export"), ("accounts",), ("keys", "rotate")):
        failed = await cli(*words, cwd=tmp_path, settings=settings)
        assert (failed.code, failed.out) == (1, "")
        assert failed.err.startswith("There is no database ")
    assert list(tmp_path.iterdir()) == []


# accounts


def some_links() -> list[LinkedAccount]:
    """Alice in two Vaults, Bob in one; nothing of them is to be printed but who they are."""
    return [
        linked(credential=CREDENTIAL, last_used=NOW + timedelta(hours=1)),
        linked(
            vault_host="quality.vault.example", credential=CREDENTIAL, refresh_token=CREDENTIAL,
            method=LinkMethod.OIDC, valid_until=NOW,
        ),
        replace(
            linked(BOB, credential=CREDENTIAL, method=LinkMethod.PASSWORD, valid_until=NOW),
            vault_user_name="böb\x1b[31m@vault.example",
        ),
    ]  # fmt: skip


@pytest.mark.parametrize("words", [("accounts",), ("accounts", "list")])
async def test_accounts__table(operator: Operator, words: Sequence[str]) -> None:
    await operator.link(*some_links())
    *table, total = good(await operator.types(*words)).splitlines()
    assert [line.split() for line in table] == [
        ["WORKSPACE", "SLACK", "USER", "VAULT", "VAULT", "USER", "METHOD", "LINKED", "VALID", "UNTIL",
         "LAST", "USED", "STATE"],
        ["E1", "U1", "promomats.vault.example", "alice@vault.example", "token", "2026-03-05T08:14:30.000Z",
         "-", "2026-03-05T09:14:30.000Z", "active"],
        ["E1", "U1", "quality.vault.example", "alice@vault.example", "oidc", "2026-03-05T08:14:30.000Z",
         "2026-03-05T08:14:30.000Z", "2026-03-05T08:14:30.000Z", "active"],
        ["E1", "U2", "promomats.vault.example", "böb?[31m@vault.example", "password", "2026-03-05T08:14:30.000Z",
         "2026-03-05T08:14:30.000Z", "2026-03-05T08:14:30.000Z", "ended"],
    ]  # fmt: skip
    assert (
        len({line.index(head) for line, head in zip(table, ("METHOD", "token", "oidc"), strict=False)}) == 1
    )
    assert total == "3 link(s) of 2 person(s)."


@pytest.mark.parametrize(
    "words", [("accounts", "--json"), ("accounts", "list", "--json"), ("accounts", "--json", "list")]
)
async def test_accounts__json(operator: Operator, words: Sequence[str]) -> None:
    """With a key that opens none of the seals: no secret is needed for this, and none is shown."""
    await operator.link(*some_links())
    printed = good(await operator.types(*words, ENCRYPTION_KEYS=new_key()))
    assert CREDENTIAL not in printed
    assert "s1." not in printed
    found = json.loads(printed)
    assert [one["state"] for one in found] == ["active", "active", "ended"]
    assert found[0] == {
        "workspace": "E1", "slack_user": "U1", "vault": "promomats.vault.example",
        "vault_user": "alice@vault.example", "method": "token", "linked": "2026-03-05T08:14:30.000Z",
        "valid_until": None, "last_used": "2026-03-05T09:14:30.000Z", "state": "active",
    }  # fmt: skip


async def test_accounts__nobody_is_linked(operator: Operator) -> None:
    assert good(await operator.types("accounts")) == "0 link(s) of 0 person(s).\n"
    assert json.loads(good(await operator.types("accounts", "--json"))) == []


async def signed_in(vault: VaultEmulator, http: httpx.AsyncClient) -> LinkedAccount:
    """Alice, linked by password."""
    client = VaultClient(http, version="v24.3", client_id="vault-upload-bot")
    place = Vault(seed.PROMOMATS, vault.vaults[seed.PROMOMATS].url)
    found = await client.sign_in(place, "alice@nordlicht.example", Secret(seed.PASSWORDS["alice"]))
    account = linked(vault_host=place.host, method=LinkMethod.PASSWORD)
    return replace(account, credential=found.credential, identity=found.identity)


async def vault_knows(vault: VaultEmulator, http: httpx.AsyncClient, credential: Secret) -> bool:
    """Whether Vault still accepts a credential."""
    url = f"{vault.vaults[seed.PROMOMATS].url}/api/v24.3/objects/users/me"
    answer = await http.get(url, headers={"Authorization": credential.reveal()})
    return bool(answer.json()["responseStatus"] == "SUCCESS")


@pytest.mark.parametrize("as_json", [False, True])
async def test_accounts_forget__erases_a_person(
    operator: Operator, vault: VaultEmulator, as_json: bool
) -> None:
    """Links, Vault sessions and tickets of this person, and nobody else's; and the audit log says so."""
    served = f"promomats={vault.vaults[seed.PROMOMATS].url}"
    async with http_client() as http:
        account = await signed_in(vault, http)
        await operator.link(account, linked(vault_host="gone.vault.example"), linked(BOB))
        await Tickets(operator.db).issue(ALICE, None, NOW)
        assert await vault_knows(vault, http, account.credential)
        words = ("accounts", "forget", "U1", *(["--json"] if as_json else []))
        printed = good(await operator.types(*words, VAULTS=served))
        assert not await vault_knows(vault, http, account.credential)
    if as_json:
        assert json.loads(printed)["slack_user"] == "U1"
        assert {
            one["vault"]: (one["method"], one["session_ended"]) for one in json.loads(printed)["links"]
        } == {
            "promomats": ("password", True),
            "gone.vault.example": ("token", True),
        }
    else:
        assert printed.startswith("Forgotten: U1 of E1, with 2 link(s).\n")
        assert "  promomats: removed, Vault session ended\n" in printed
        assert "  gone.vault.example: removed; the API access token is the person's own" in printed
    accounts = Accounts(operator.db, operator.keyring)
    assert [one.slack_user for one in await accounts.summaries()] == [BOB]
    assert await accounts.people_with_id("U1") == []
    written = [row.entry async for row in operator.log.rows()]
    assert {(one.action, one.slack_user_id, one.note) for one in written} == {
        (Action.FORGET, "U1", "forgotten by the operator")
    }
    assert await operator.log.verify() == []


async def test_accounts_forget__vault_that_cannot_be_reached(
    operator: Operator, unused_tcp_port: int
) -> None:
    host = f"127.0.0.1:{unused_tcp_port}"
    await operator.link(linked(vault_host=host, method=LinkMethod.PASSWORD, credential=CREDENTIAL))
    done = await operator.types("accounts", "forget", "U1", VAULTS=f"promomats=http://{host}")
    assert done.code == 0
    assert "promomats: removed; the Vault session could not be ended and ends by itself" in done.out
    assert CREDENTIAL not in done.out + done.err
    assert await Accounts(operator.db, operator.keyring).summaries() == []


async def test_accounts_forget__nobody_of_that_id(operator: Operator) -> None:
    await operator.link(linked())
    for words in (("U9",), ("u1",), ("U1", "--workspace", "E9")):
        failed = await operator.types("accounts", "forget", *words, VAULTS="https://a.example")
        assert (failed.code, failed.out) == (1, "")
        assert failed.err.startswith(f"Nothing is stored of {words[0]}")
    assert len(await Accounts(operator.db, operator.keyring).summaries()) == 1


async def test_accounts_forget__id_that_two_workspaces_know(operator: Operator) -> None:
    other = SlackUser("T7", "U1", "T7")
    await operator.link(linked(), linked(other))
    failed = await operator.types("accounts", "forget", "U1", VAULTS="https://a.example")
    assert (failed.code, failed.out) == (2, "")
    assert failed.err == "U1 is known in several workspaces: E1, T7. Add --workspace W for one.\n"
    words = ("accounts", "forget", "U1", "--workspace", "T7")
    assert "Forgotten: U1 of T7, with 1 link(s)." in good(
        await operator.types(*words, VAULTS="https://a.example")
    )
    assert [one.slack_user for one in await Accounts(operator.db, operator.keyring).summaries()] == [ALICE]


async def test_accounts_forget__needs_to_know_the_vaults(operator: Operator) -> None:
    wrong = await operator.types("accounts", "forget", "U1", VAULTS="ftp://x", VAULT_API_VERSION="24")
    assert (wrong.code, wrong.out) == (2, "")
    assert "  VAULTS: " in wrong.err
    assert "  VAULT_API_VERSION: must look like v24.3" in wrong.err
    assert "  VAULTS: is not set" in (await operator.types("accounts", "forget", "U1", VAULTS="")).err


# keys


async def test_keys_rotate__everything_that_is_sealed(operator: Operator) -> None:
    """Links with their refresh tokens, installations, the ends of the audit log: then the old key may go."""
    await operator.link(linked(refresh_token=CREDENTIAL), linked(BOB))
    installation = Installation(
        workspace="T1", enterprise_id=None, team_id="T1", name="Nordlicht", bot_token=Secret("xoxb-1"),
        bot_id="B1", bot_user_id="UB1", scopes="commands", installed_by="U1", installed_at=NOW,
    )  # fmt: skip
    await Installations(operator.db, operator.keyring).save(installation)
    await operator.audit(entry(1))
    new = new_key()
    both = f"{new},{operator.settings['ENCRYPTION_KEYS']}"
    assert "4 credential(s) sealed anew" in good(await operator.types("keys", "rotate", ENCRYPTION_KEYS=both))
    assert "0 credential(s) sealed anew" in good(await operator.types("keys", "rotate", ENCRYPTION_KEYS=both))
    assert "1 rows, whole" in good(await operator.types("audit", "verify", ENCRYPTION_KEYS=new))
    alone = Keyring.parse(new)
    (account,) = await Accounts(operator.db, alone).find(ALICE)
    assert account.refresh_token == Secret(CREDENTIAL)
    (found,) = await Installations(operator.db, alone).all()
    assert found.bot_token == Secret("xoxb-1")
    assert (await AuditLog(operator.db, alone).write(entry(2))).seq == 2
    failed = await operator.types("audit", "verify")
    assert failed.code == 1
    assert "cannot be checked" in failed.out
