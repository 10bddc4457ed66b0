"""Discarding an upload session, the one call that destroys: who may, and that it is sent once whatever happens."""

from collections.abc import AsyncIterator

import pytest

from bot.demo.clock import DemoClock
from bot.demo.vault import Domain, Kind, NotVisible, VaultEmulator, faults, seed
from bot.model import errors
from bot.model.accounts import Access, Identity, Vault
from bot.model.secret import Secret
from bot.vault.client import VaultClient, http_client
from tests.integration.raw_server import answer, raw_server

IDS = {"alice": "10001400", "bob": "10001522", "vera": "10000012"}
DONE = b'{"responseStatus":"SUCCESS"}'


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


def access(emulator: VaultEmulator, who: str) -> Access:
    """A person's access by API access token."""
    return Access(
        vault=Vault(seed.PROMOMATS, emulator.vaults[seed.PROMOMATS].url),
        credential=Secret(seed.ACCESS_TOKENS[who, seed.PROMOMATS]),
        identity=Identity(vault_user_id=IDS[who], vault_id=str(emulator.vaults[seed.PROMOMATS].id)),
    )


def is_there(emulator: VaultEmulator, upload_id: str) -> bool:
    """Whether Vault still has it."""
    return upload_id in {one.id for one in emulator.uploads()}


@pytest.mark.parametrize("who", ["alice", "vera"])
async def test_abort__by_owner_and_admin(client: VaultClient, emulator: VaultEmulator, who: str) -> None:
    await client.abort(access(emulator, who), seed.CHOLECAP)
    assert not is_there(emulator, seed.CHOLECAP)
    assert emulator.calls() == emulator.calls(Kind.ABORT) == 1


@pytest.mark.parametrize("variant", list(NotVisible))
@pytest.mark.parametrize("upload_id", [seed.CHOLECAP, seed.ALICE_EXPIRED, "nobody-knows-it", "..", "ü"])
async def test_abort__by_others_is_not_found(
    client: VaultClient, emulator: VaultEmulator, variant: NotVisible, upload_id: str
) -> None:
    emulator.not_visible = variant
    with pytest.raises(errors.NotFoundInVault):
        await client.abort(access(emulator, "bob"), upload_id)
    assert is_there(emulator, seed.CHOLECAP)


@pytest.mark.parametrize(
    ("fault", "expected", "is_left"),
    [
        (faults.Status(500), errors.VaultUnavailable, True),
        (faults.Dropped(), errors.VaultUnavailable, True),
        (faults.Dropped(in_body=True), errors.VaultUnavailable, False),
        (faults.UnexpectedError(), errors.VaultUnavailable, True),
        (faults.Maintenance(), errors.VaultMaintenance, True),
        (faults.ApiLimitExceeded(), errors.VaultBusy, True),
        (faults.TruncatedJson(), errors.VaultAnswerStrange, False),
        (faults.HtmlWith200(), errors.VaultAnswerStrange, False),
        (faults.WrongUserId(), errors.IdentityMismatch, False),
    ],
    ids=repr,
)
async def test_abort__is_sent_once_whatever_comes_back(
    client: VaultClient,
    emulator: VaultEmulator,
    fault: faults.Fault,
    expected: type[errors.BotError],
    is_left: bool,
) -> None:
    emulator.faults.add(fault, times=1)
    with pytest.raises(expected):
        await client.abort(access(emulator, "alice"), seed.CHOLECAP)
    assert emulator.calls() == 1
    assert is_there(emulator, seed.CHOLECAP) is is_left


@pytest.mark.parametrize("is_kept", [False, True])
async def test_abort__a_lost_connection_does_not_send_it_again(client: VaultClient, is_kept: bool) -> None:
    """aiohttp would: for it a DELETE is as good as a GET."""
    said = [answer(DONE)] if is_kept else []
    async with raw_server(lambda _: said.pop() if said else None) as server:
        identity = Identity(vault_user_id="302114", vault_id="48120")
        mara = Access(vault=Vault("rim", server.url), credential=Secret("S"), identity=identity)
        if is_kept:
            await client.keep_alive(mara)
        with pytest.raises(errors.VaultUnavailable) as caught:
            await client.abort(mara, "7b0e")
        assert not isinstance(caught.value, errors.VaultNotReached)
        deletes = [head for head in server.heads if head.startswith("DELETE ")]
        assert len(deletes) == 1
        assert deletes[0].startswith("DELETE /api/v24.3/services/file_staging/upload/7b0e HTTP")


async def test_abort__without_a_connection_was_never_sent(client: VaultClient) -> None:
    async with raw_server(lambda _: None) as server:
        url = server.url
    nobody = Access(vault=Vault("rim", url), credential=Secret("S"), identity=None)
    with pytest.raises(errors.VaultNotReached):
        await client.abort(nobody, "7b0e")
