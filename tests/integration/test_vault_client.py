"""The client against the emulated Vault, over real sockets."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import stamina
import structlog

from bot.demo.clock import DemoClock
from bot.demo.vault import Domain, NotVisible, VaultEmulator, faults, seed
from bot.demo.vault.staging import StagedFile as DemoFile
from bot.model import errors
from bot.model.accounts import Access, Heard, Identity, Vault
from bot.model.secret import Secret
from bot.model.uploads import StagedFile
from bot.vault.client import VaultClient, http_client
from tests.integration.raw_server import raw_server

NOW = datetime(2026, 3, 1, 17, 9, tzinfo=UTC)
IDS = {"alice": "10001400", "bob": "10001522", "vera": "10000012", "nils": "10001777"}


@pytest.fixture
async def emulator() -> AsyncIterator[VaultEmulator]:
    clock = DemoClock()
    clock.run_at(0)
    emulator = VaultEmulator(clock=clock, domain=Domain.seeded(clock.now()))
    await emulator.start()
    yield emulator
    await emulator.stop()


@pytest.fixture
async def client() -> AsyncIterator[VaultClient]:
    http = http_client()
    yield VaultClient(http, version="v24.3", client_id="vault-upload-bot")
    await http.aclose()


def access(emulator: VaultEmulator, who: str = "alice", vault: str = seed.PROMOMATS) -> Access:
    """A person's access by API access token."""
    return Access(
        vault=Vault(vault, emulator.vaults[vault].url),
        credential=Secret(seed.ACCESS_TOKENS[who, vault]),
        identity=Identity(vault_user_id=IDS[who], vault_id=str(emulator.vaults[vault].id)),
    )


async def sign_in(client: VaultClient, emulator: VaultEmulator, who: str = "alice") -> Access:
    """A person's access by password."""
    vault = access(emulator, who).vault
    signed_in = await client.sign_in(vault, f"{who}@nordlicht.example", Secret(seed.PASSWORDS[who]))
    assert signed_in.vault_host == vault.host
    return Access(vault=vault, credential=signed_in.credential, identity=signed_in.identity)


async def test_upload__the_published_example(client: VaultClient, emulator: VaultEmulator) -> None:
    upload = await client.upload(access(emulator), seed.CHOLECAP)
    assert (upload.name, upload.percent, upload.uploaded_parts) == ("Cholecap-Commercial-2021.mp4", 31, 2)
    assert (upload.size, upload.uploaded, upload.owner) == (32862312, 10485760, IDS["alice"])
    assert upload.path == "/u10001400/cholecap-2021/Cholecap-Commercial-2021.mp4"


async def test_upload__one_call_and_no_more(client: VaultClient, emulator: VaultEmulator) -> None:
    await client.upload(access(emulator), seed.CHOLECAP)
    assert emulator.calls() == 1
    sent = emulator.log[-1].request_headers
    assert sent["accept"] == "application/json"
    assert sent["x-vaultapi-clientid"] == "vault-upload-bot"
    assert sent["user-agent"].startswith("vault-upload-bot/")
    assert "cookie" not in sent


@pytest.mark.parametrize("variant", list(NotVisible))
@pytest.mark.parametrize(
    "upload_id", [seed.BOB_ARCHIVE, seed.ALICE_EXPIRED, "nobody-knows-it", "../../auth", "ü"]
)
async def test_upload__not_visible_in_every_way(
    client: VaultClient, emulator: VaultEmulator, variant: NotVisible, upload_id: str
) -> None:
    emulator.not_visible = variant
    with pytest.raises(errors.NotFoundInVault):
        await client.upload(access(emulator), upload_id)
    with pytest.raises(errors.NotFoundInVault):
        await client.parts(access(emulator), upload_id)


@pytest.mark.parametrize("old_style", [False, True])
@pytest.mark.parametrize("page_size", [1, 3, 1000])
async def test_uploads__all_pages(
    client: VaultClient, emulator: VaultEmulator, page_size: int, old_style: bool
) -> None:
    emulator.page_size, emulator.omit_optional_fields = page_size, old_style
    mine = await client.uploads(access(emulator))
    expected = [one for one in emulator.uploads(seed.PROMOMATS) if one.owner.key == "alice"]
    assert {one.id for one in mine} == {one.id for one in expected}
    assert len(mine) == len(expected)
    assert all(one.name for one in mine)
    everything = await client.uploads(access(emulator, "vera"))
    assert {one.id for one in everything} == {one.id for one in emulator.uploads(seed.PROMOMATS)}


async def test_uploads__nobody_sees_what_is_not_theirs(client: VaultClient, emulator: VaultEmulator) -> None:
    with pytest.raises(errors.NoStagingAccess):
        await client.uploads(access(emulator, "nils"))
    owners = {one.owner for one in await client.uploads(access(emulator, "bob"))}
    assert owners == {IDS["bob"]}


async def test_parts__by_number(client: VaultClient, emulator: VaultEmulator) -> None:
    parts = await client.parts(access(emulator), seed.CHOLECAP)
    assert [(part.number, part.size) for part in parts] == [(1, 5242880), (2, 5242880)]
    assert await client.parts(access(emulator), seed.ALICE_NOT_STARTED) == []


async def test_me__tells_who_and_where(client: VaultClient, emulator: VaultEmulator) -> None:
    known = access(emulator)
    user, identity = await client.me(replace(known, identity=None))
    assert (user.full_name, user.email) == ("Alice Moreau", "alice.moreau@nordlicht.example")
    assert identity == known.identity
    assert await client.me(known) == (user, identity)


async def test_me__of_another_person_is_refused(client: VaultClient, emulator: VaultEmulator) -> None:
    with pytest.raises(errors.IdentityMismatch):
        await client.me(replace(access(emulator, "bob"), identity=access(emulator, "alice").identity))


async def test_user__themselves_and_for_admins_everybody(
    client: VaultClient, emulator: VaultEmulator
) -> None:
    alice = await client.user(access(emulator), IDS["alice"])
    assert (alice.id, alice.full_name) == (IDS["alice"], "Alice Moreau")
    assert await client.user(access(emulator, "vera"), IDS["alice"]) == alice
    assert (await client.user(access(emulator, "vera"), IDS["nils"])).id == IDS["nils"]


@pytest.mark.parametrize(("who", "wanted"), [("alice", "bob"), ("bob", "vera"), ("vera", "nobody")])
async def test_user__that_may_not_be_known(
    client: VaultClient, emulator: VaultEmulator, who: str, wanted: str
) -> None:
    with pytest.raises(errors.VaultRefused):
        await client.user(access(emulator, who), IDS.get(wanted, "4711"))
    assert emulator.calls() == 1


async def test_user__another_than_the_one_asked_for_is_refused(
    client: VaultClient, emulator: VaultEmulator
) -> None:
    with pytest.raises(errors.VaultAnswerStrange):
        await client.user(access(emulator), "me")


def staged(emulator: VaultEmulator, *paths: str) -> dict[str, StagedFile]:
    """Files in staging, and how each is told to who sees them from the root."""
    found = {}
    staging = emulator.vaults[seed.PROMOMATS].staging
    for size, path in enumerate(paths):
        modified = NOW + size * timedelta(minutes=1)
        staging.files[path] = DemoFile(path=path, size=size, modified=modified)
        name = path.rpartition("/")[2]
        found[path] = StagedFile(path=path, name=name, size=size, modified=modified)
    return found


@pytest.mark.parametrize("page_size", [1, 2, 1000])
async def test_items__files_of_a_folder_on_all_pages(
    client: VaultClient, emulator: VaultEmulator, page_size: int
) -> None:
    emulator.page_size = page_size
    home = f"/u{IDS['alice']}"
    files = staged(
        emulator,
        f"{home}/wave2/a.bin",
        f"{home}/wave2/old/b.bin",
        f"{home}/wave2/c.bin",
        f"{home}/wave2/d.bin",
        f"{home}/wave20/e.bin",
        f"{home}/f.bin",
        f"/u{IDS['bob']}/wave2/g.bin",
    )
    there = [f"{home}/wave2/{name}.bin" for name in "acd"]
    assert await client.items(access(emulator, "vera"), f"{home}/wave2") == [files[path] for path in there]
    own = [replace(files[path], path=path.removeprefix(home)) for path in there]
    assert await client.items(access(emulator), "wave2") == own
    assert await client.items(access(emulator), "/wave2/") == own
    (root,) = await client.items(access(emulator), "")
    assert (root.path, root.name) == ("/f.bin", "f.bin")


async def test_items__of_a_folder_with_an_awkward_name(client: VaultClient, emulator: VaultEmulator) -> None:
    folder = "/50% odd? #é\\ünd &=+;,'()*!~/a  b/%2F"
    (file,) = staged(emulator, f"{folder}/ü 1.bin").values()
    assert await client.items(access(emulator, "vera"), folder) == [file]


async def test_items__unknown_hidden_and_foreign_folders(
    client: VaultClient, emulator: VaultEmulator
) -> None:
    staged(emulator, f"/u{IDS['bob']}/wave2/g.bin")
    for folder in ("nowhere", "wave2", f"u{IDS['bob']}/wave2", f"../u{IDS['bob']}/wave2"):
        with pytest.raises(errors.VaultRefused):
            await client.items(access(emulator), folder)
    assert await client.items(access(emulator), "") == []
    with pytest.raises(errors.NoStagingAccess):
        await client.items(access(emulator, "nils"), "wave2")


async def test_items__hold_what_an_upload_has_become(client: VaultClient, emulator: VaultEmulator) -> None:
    alice = access(emulator)
    upload = await client.upload(alice, seed.ALICE_UNCOMMITTED)
    emulator.commit(upload.id)
    folder = upload.path.rpartition("/")[0]
    emulator.clock.advance(timedelta(minutes=5))
    (file,) = [one for one in await client.items(alice, folder) if one.name == upload.name]
    assert (file.path, file.size) == (upload.path, upload.size)
    assert file.modified > upload.last_uploaded


async def test_versions__of_this_vault(client: VaultClient, emulator: VaultEmulator) -> None:
    alice = access(emulator)
    versions = await client.versions(alice.vault, alice)
    assert (versions[0], versions[-1]) == ("v20.3", "v26.2")


async def test_versions__without_a_credential(client: VaultClient, emulator: VaultEmulator) -> None:
    vault = access(emulator).vault
    with pytest.raises(errors.CredentialRefused):
        await client.versions(vault, None)
    emulator.versions_need_session = False
    assert "v24.3" in await client.versions(vault, None)
    assert "authorization" not in emulator.log[-1].request_headers


async def test_session__opened_kept_and_ended(client: VaultClient, emulator: VaultEmulator) -> None:
    signed_in = await sign_in(client, emulator)
    assert signed_in.identity == access(emulator).identity
    await client.keep_alive(signed_in)
    assert (await client.upload(signed_in, seed.CHOLECAP)).id == seed.CHOLECAP
    await client.end_session(signed_in)
    for call in (client.keep_alive, client.uploads, client.me, client.end_session):
        with pytest.raises(errors.CredentialRefused):
            await call(signed_in)


async def test_sign_in__wrong_password_is_tried_once(client: VaultClient, emulator: VaultEmulator) -> None:
    vault = access(emulator).vault
    with pytest.raises(errors.CredentialRefused):
        await client.sign_in(vault, "alice@nordlicht.example", Secret("wrong"))
    assert emulator.users["alice"].wrong_passwords == 1
    for _ in range(4):
        with pytest.raises(errors.CredentialRefused):
            await client.sign_in(vault, "alice@nordlicht.example", Secret("wrong"))
    with pytest.raises(errors.LoginRefused, match="locked"):
        await client.sign_in(vault, "alice@nordlicht.example", Secret(seed.PASSWORDS["alice"]))


async def test_sign_in__landing_elsewhere_is_told(client: VaultClient, emulator: VaultEmulator) -> None:
    emulator.vaults[seed.PROMOMATS].active = False
    vault = access(emulator).vault
    signed_in = await client.sign_in(vault, "alice@nordlicht.example", Secret(seed.PASSWORDS["alice"]))
    assert signed_in.vault_host == emulator.vaults[seed.QUALITY].dns != vault.host
    assert signed_in.identity.vault_id == str(emulator.vaults[seed.QUALITY].id)


PASSING = [
    faults.Status(500),
    faults.Status(502, as_json=True),
    faults.UnexpectedError(),
    faults.Dropped(),
    faults.Dropped(in_body=True),
]


@pytest.mark.parametrize("fault", PASSING, ids=repr)
async def test_retry__then_success(client: VaultClient, emulator: VaultEmulator, fault: faults.Fault) -> None:
    emulator.faults.add(fault, times=3)
    with stamina.set_testing(True, attempts=4, cap=True):
        assert (await client.upload(access(emulator), seed.CHOLECAP)).percent == 31
    assert emulator.calls() >= 4


async def test_retry__ends_with_the_last_fault(client: VaultClient, emulator: VaultEmulator) -> None:
    emulator.faults.add(faults.Status(503), times=None)
    with stamina.set_testing(True, attempts=9, cap=True), pytest.raises(errors.VaultUnavailable):
        await client.upload(access(emulator), seed.CHOLECAP)
    assert emulator.calls() == 4


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (faults.Maintenance(45), errors.VaultMaintenance),
        (faults.ConfigurationMode(), errors.VaultConfiguring),
        (faults.ApiLimitExceeded(), errors.VaultBusy),
        (faults.Status(429), errors.VaultBusy),
        (faults.UnknownErrorType(), errors.VaultRefused),
        (faults.EmptyBody(), errors.VaultAnswerStrange),
        (faults.NotJsonObject(), errors.VaultAnswerStrange),
        (faults.HtmlWith200(), errors.VaultAnswerStrange),
        (faults.TruncatedJson(), errors.VaultAnswerStrange),
        (faults.WrongVaultId(), errors.IdentityMismatch),
        (faults.WrongUserId(), errors.IdentityMismatch),
    ],
    ids=repr,
)
async def test_fault__told_at_once(
    client: VaultClient, emulator: VaultEmulator, fault: faults.Fault, expected: type[errors.BotError]
) -> None:
    emulator.faults.add(fault, times=None)
    with pytest.raises(expected):
        await client.upload(access(emulator), seed.CHOLECAP)
    assert emulator.calls() == 1


@pytest.mark.parametrize("fault", PASSING, ids=repr)
async def test_fault__logins_and_other_writing_are_never_repeated(
    client: VaultClient, emulator: VaultEmulator, fault: faults.Fault
) -> None:
    signed_in = await sign_in(client, emulator)
    for call in (sign_in(client, emulator), client.keep_alive(signed_in)):
        emulator.forget_calls()
        emulator.faults.add(fault, times=1)
        with pytest.raises(errors.VaultUnavailable):
            await call
        assert emulator.calls() == 1


async def test_uploads__next_page_elsewhere_is_refused(client: VaultClient, emulator: VaultEmulator) -> None:
    async with raw_server(lambda _: None) as elsewhere:
        emulator.faults.add(faults.NextPageOnOtherHost(f"{elsewhere.url}/api/v24.3/x?cursor=x"), times=None)
        with pytest.raises(errors.VaultAnswerStrange):
            await client.uploads(access(emulator))
        assert elsewhere.heads == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirect__never_followed(client: VaultClient, emulator: VaultEmulator, status: int) -> None:
    async with raw_server(lambda _: None) as elsewhere:
        emulator.faults.add(faults.RedirectTo(f"{elsewhere.url}/take-it", status), times=None)
        with pytest.raises(errors.VaultAnswerStrange):
            await client.upload(access(emulator), seed.CHOLECAP)
        with pytest.raises(errors.VaultAnswerStrange):
            await sign_in(client, emulator)
        assert elsewhere.heads == []


async def test_credentials__of_fifty_calls_at_once_never_meet(
    client: VaultClient, emulator: VaultEmulator
) -> None:
    async def look(who: str) -> tuple[str, set[str]]:
        return who, {one.owner for one in await client.uploads(access(emulator, who))}

    seen = await asyncio.gather(*(look(who) for who in ["alice", "bob"] * 25))
    assert all(owners == {IDS[who]} for who, owners in seen)
    assert Counter(entry.user for entry in emulator.log) == {"alice": 25, "bob": 25}


async def test_heard__every_answer_tells_its_execution_id(
    client: VaultClient, emulator: VaultEmulator
) -> None:
    alice, bob = access(emulator), access(emulator, "bob")
    emulator.page_size = 1
    await client.uploads(alice)
    with pytest.raises(errors.NotFoundInVault):
        await client.upload(alice, seed.BOB_ARCHIVE)
    told = [entry.response_headers["X-VaultAPI-ExecutionId"] for entry in emulator.log]
    assert alice.heard.execution_ids == told
    assert len(told) == len(set(told)) > 2
    assert bob.heard.execution_ids == []
    for _ in range(20):
        await client.me(alice)
    assert len(alice.heard.execution_ids) == 20
    assert alice.heard.execution_ids[-1] == emulator.log[-1].response_headers["X-VaultAPI-ExecutionId"]


async def test_heard__of_logins_where_it_is_given(client: VaultClient, emulator: VaultEmulator) -> None:
    vault, heard = access(emulator).vault, Heard()
    with pytest.raises(errors.CredentialRefused):
        await client.sign_in(vault, "alice@nordlicht.example", Secret("wrong"), heard=heard)
    await client.sign_in(vault, "alice@nordlicht.example", Secret(seed.PASSWORDS["alice"]), heard=heard)
    told = [entry.response_headers["X-VaultAPI-ExecutionId"] for entry in emulator.log]
    assert heard.execution_ids == told
    assert len(told) == 2


async def test_burst__last_seen_limits_of_each_vault(client: VaultClient, emulator: VaultEmulator) -> None:
    promomats, quality = access(emulator), access(emulator, vault=seed.QUALITY)
    assert client.burst(promomats.vault) is None
    await sign_in(client, emulator)
    assert client.burst(promomats.vault) is None, "a login tells another limit"
    await client.uploads(promomats)
    await client.uploads(promomats)
    first = client.burst(promomats.vault)
    assert first is not None
    assert (first.limit, first.remaining) == (2000, 1998)
    assert client.burst(quality.vault) is None


async def test_logs__hold_no_credential_and_no_id(client: VaultClient, emulator: VaultEmulator) -> None:
    emulator.faults.add(faults.Status(500), times=1, endpoint="upload_details")
    with structlog.testing.capture_logs() as lines, stamina.set_testing(True, attempts=4):
        signed_in = await sign_in(client, emulator)
        await client.upload(signed_in, seed.CHOLECAP)
        with pytest.raises(errors.NotFoundInVault):
            await client.upload(signed_in, seed.BOB_ARCHIVE)
    assert [line["endpoint"] for line in lines if line["event"] == "vault call"] == [
        "sign_in",
        *["upload"] * 3,
    ]
    assert [line.get("error_type") for line in lines if line["event"] == "vault call"] == [
        None,
        "HTTP_500",
        None,
        "INVALID_DATA",
    ]
    assert "stamina.retry_scheduled" in {line["event"] for line in lines}
    told = repr(lines)
    for word in (seed.CHOLECAP, seed.BOB_ARCHIVE, signed_in.credential.reveal(), seed.PASSWORDS["alice"]):
        assert word not in told
    assert not any(word in told for word in ("/api/", "nordlicht.example", "cholecap", "http://"))
