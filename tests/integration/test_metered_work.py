"""Where the numbers come from: due work, calls to Vault, audit rows and reminders, each made to succeed and to fail."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, cast

import httpx
import pytest

from bot.demo.clock import DemoClock
from bot.demo.vault import Domain, VaultEmulator, seed
from bot.demo.vault.faults import Delay, Status
from bot.metrics import Metrics
from bot.model.accounts import Access, Asker, Vault, Vaults
from bot.model.audit import Action
from bot.model.due import Again, Claimed, Job
from bot.model.errors import (
    CredentialRefused,
    NotFoundInVault,
    PlaceGone,
    SlackUnavailable,
    StoreUnavailable,
    VaultSlow,
    VaultUnavailable,
)
from bot.model.reminders import Kind, Posted
from bot.model.secret import Secret
from bot.store.database import Database
from bot.store.due_work import DueWork
from bot.usecases.auditing import Auditing, Record
from bot.usecases.sending import Sending
from bot.vault.client import VaultClient
from bot.vault.pool import http_client
from bot.worker import RunJob, Worker
from tests.databases import ALICE, NOW
from tests.integration.due_steps import SetClock, until
from tests.unit.in_memory import FewRows
from tests.unit.test_metrics import told


def counted(metrics: Metrics, name: str) -> dict[str, float]:
    """What one metric has counted beside 0, by its labels."""
    begins = f"vault_uploads_{name}"
    found = told(metrics).items()
    return {
        one.removeprefix(begins).strip(): count
        for one, count in found
        if one.split(" ")[0] == begins and count
    }


# Due work


@pytest.fixture
def due(db: Database) -> DueWork:
    return DueWork(db, SetClock())


async def _work_off(due: DueWork, run: RunJob) -> Metrics:
    """Let a worker do the job `a` once."""
    metrics = Metrics(vaults=[])
    worker = Worker(due, {"note": run}, meters=metrics)
    worker.start()
    try:
        await due.schedule([Job(key="a", kind="note", due_at=NOW)])
        await until(lambda: bool(counted(metrics, "jobs_total")) and worker.count == 0)
    finally:
        await worker.stop(20)
    return metrics


async def test_job__that_is_done(due: DueWork) -> None:
    async def run(_: Claimed) -> Again | None:
        return None

    metrics = await _work_off(due, run)
    assert counted(metrics, "jobs_total") == {"kind=note outcome=ok": 1}
    assert counted(metrics, "job_seconds_count") == {"kind=note": 1}


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(VaultUnavailable(vault="x", reason="y"), "VaultUnavailable"), (KeyError("U0ALICE"), "Unexpected")],
)
async def test_job__that_fails(due: DueWork, error: Exception, outcome: str) -> None:
    async def run(_: Claimed) -> Again | None:
        raise error

    assert counted(await _work_off(due, run), "jobs_total") == {f"kind=note outcome={outcome}": 1}


async def test_job__whose_claim_is_lost_while_it_runs(due: DueWork) -> None:
    begun = asyncio.Semaphore(0)
    gate = asyncio.Event()

    async def run(_: Claimed) -> Again | None:
        begun.release()
        await gate.wait()
        return None

    metrics = Metrics(vaults=[])
    worker = Worker(due, {"note": run}, meters=metrics)
    worker.start()
    try:
        async with asyncio.timeout(30):
            await due.schedule([Job(key="a", kind="note", due_at=NOW)])
            await begun.acquire()
            await due.schedule([Job(key="a", kind="note", due_at=NOW)])
            await begun.acquire()
        gate.set()
        await until(lambda: worker.count == 0)
    finally:
        await worker.stop(20)
    assert counted(metrics, "claims_lost_total") == {"kind=note": 1}
    assert counted(metrics, "jobs_total") == {"kind=note outcome=CutOff": 1, "kind=note outcome=ok": 1}


# Vault


@pytest.fixture
async def emulator() -> AsyncIterator[VaultEmulator]:
    clock = DemoClock()
    clock.run_at(0)
    emulator = VaultEmulator(clock=clock, domain=Domain.seeded(clock.now()))
    await emulator.start()
    yield emulator
    await emulator.stop()


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with http_client() as http:
        yield http


def _access(emulator: VaultEmulator, credential: str | None = None) -> Access:
    token = seed.ACCESS_TOKENS["alice", seed.PROMOMATS]
    vault = Vault(seed.PROMOMATS, emulator.vaults[seed.PROMOMATS].url)
    return Access(vault=vault, credential=Secret(credential or token), identity=None)


def _client(http: httpx.AsyncClient, metrics: Metrics, budget: float = 20.0) -> VaultClient:
    return VaultClient(http, version="v24.3", client_id="vault-upload-bot", budget=budget, meters=metrics)


async def test_vault_call__by_endpoint_and_outcome(http: httpx.AsyncClient, emulator: VaultEmulator) -> None:
    metrics = Metrics(vaults=[seed.PROMOMATS])
    client = _client(http, metrics)
    await client.upload(_access(emulator), seed.CHOLECAP)
    with pytest.raises(NotFoundInVault):
        await client.upload(_access(emulator), "0" * 32)
    with pytest.raises(CredentialRefused):
        await client.uploads(_access(emulator, "no-such-token"))
    with pytest.raises(CredentialRefused):
        await client.sign_in(_access(emulator).vault, "alice@nordlicht.example", Secret("wrong"))
    assert counted(metrics, "vault_calls_total") == {
        f"endpoint={endpoint} outcome={outcome} vault={seed.PROMOMATS}": 1
        for endpoint, outcome in (
            ("upload", "ok"),
            ("upload", "NotFoundInVault"),
            ("uploads", "CredentialRefused"),
            ("sign_in", "CredentialRefused"),
        )
    }
    assert counted(metrics, "vault_burst_remaining").keys() == {f"vault={seed.PROMOMATS}"}
    burst = client.burst(_access(emulator).vault)
    assert burst is not None
    assert counted(metrics, "vault_burst_remaining") == {f"vault={seed.PROMOMATS}": burst.remaining}
    assert counted(metrics, "vault_burst_limit") == {f"vault={seed.PROMOMATS}": burst.limit}


async def test_vault_call__and_its_repetitions(http: httpx.AsyncClient, emulator: VaultEmulator) -> None:
    metrics = Metrics(vaults=[seed.PROMOMATS])
    emulator.faults.add(Status(503), times=2)
    await _client(http, metrics).upload(_access(emulator), seed.CHOLECAP)
    found = counted(metrics, "vault_calls_total")
    assert found == {
        f"endpoint=upload outcome=VaultUnavailable vault={seed.PROMOMATS}": 2,
        f"endpoint=upload outcome=ok vault={seed.PROMOMATS}": 1,
    }
    assert counted(metrics, "vault_call_seconds_count") == {f"endpoint=upload vault={seed.PROMOMATS}": 3}


async def test_vault_call__cut_off_by_the_budget(http: httpx.AsyncClient, emulator: VaultEmulator) -> None:
    metrics = Metrics(vaults=[seed.PROMOMATS])
    emulator.faults.add(Delay(60), times=None)
    with pytest.raises(VaultSlow):
        await _client(http, metrics, budget=0.3).upload(_access(emulator), seed.CHOLECAP)
    assert counted(metrics, "vault_calls_total") == {
        f"endpoint=upload outcome=VaultSlow vault={seed.PROMOMATS}": 1
    }


async def test_vault_call__cut_off_from_outside_is_not_vaults_slowness(
    due: DueWork, http: httpx.AsyncClient, emulator: VaultEmulator
) -> None:
    """A worker that stops gives up the call that its job waits for; else each restart would look like a slow Vault."""
    metrics = Metrics(vaults=[seed.PROMOMATS])
    client = _client(http, metrics, budget=60.0)
    emulator.faults.add(Delay(60), times=None)

    async def run(_: Claimed) -> Again | None:
        await client.upload(_access(emulator), seed.CHOLECAP)
        return None

    worker = Worker(due, {"note": run}, meters=metrics)
    worker.start()
    await due.schedule([Job(key="a", kind="note", due_at=NOW)])
    await until(lambda: emulator.calls() > 0)
    await worker.stop(0)
    assert counted(metrics, "vault_calls_total") == {
        f"endpoint=upload outcome=CutOff vault={seed.PROMOMATS}": 1
    }


async def test_vault_call__to_the_host_that_all_share(
    http: httpx.AsyncClient, emulator: VaultEmulator
) -> None:
    metrics = Metrics(vaults=[seed.PROMOMATS])
    client = VaultClient(
        http,
        version="v24.3",
        client_id="vault-upload-bot",
        login_url=_access(emulator).vault.url,
        meters=metrics,
    )
    await client.discover("alice@nordlicht.example")
    assert counted(metrics, "vault_calls_total") == {"endpoint=discovery outcome=ok vault=login": 1}


# The audit log


@pytest.mark.parametrize("is_down", [False, True])
async def test_audit__failures_are_counted(is_down: bool) -> None:
    metrics = Metrics(vaults=[])
    rows = cast("Any", FewRows(is_down=is_down))
    auditing = Auditing(log=rows, clock=lambda: NOW, with_paths=False, meters=metrics)
    try:
        await auditing.write(Action.LIST, Asker(ALICE, "R1"), Record())
    except StoreUnavailable:
        assert is_down
    assert counted(metrics, "audit_failures_total") == ({"": 1} if is_down else {})


# Reminders


class Way:
    """What Slack makes of a reminder."""

    def __init__(self, end: Exception | None, *, is_noted: bool = True, found: Posted | None = None) -> None:
        self.end, self.is_noted, self.found = end, is_noted, found

    async def deliver(self, *_: object) -> Posted:
        if self.end is not None:
            raise self.end
        return Posted("D1", "1.1")

    async def look_for(self, *_: object) -> Posted | None:
        return self.found

    async def note(self, *_: object) -> bool:
        return self.is_noted

    async def gone(self, *_: object) -> None:
        return


@pytest.mark.parametrize(
    ("way", "payload", "late", "outcome", "late_ones"),
    [
        (Way(None), {}, 0, "sent", 0),
        (Way(None), {}, 600, "sent", 1),
        (Way(SlackUnavailable()), {}, 600, "put_off", 0),
        (Way(PlaceGone(reason="is_archived")), {}, 0, "place_gone", 0),
        (Way(None, is_noted=False), {}, 0, "changed", 0),
        (Way(None, found=Posted("D1", "1.1")), {"sending": 1}, 600, "found", 0),
    ],
    ids=["sent", "late", "put off", "gone", "changed", "found"],
)
async def test_reminder__by_what_came_of_it(
    way: Way, payload: dict[str, int], late: int, outcome: str, late_ones: int
) -> None:
    metrics, slack = Metrics(vaults=[]), cast("Any", way)
    sending = Sending(
        due=slack, deliveries=slack, places=slack, vaults=Vaults(()), clock=lambda: NOW, meters=metrics
    )
    job = Claimed(key="a", kind="remind", due_at=NOW, payload=payload, attempts=1, claim="x")
    reminder = cast("Any", type("Reminder", (), {"kind": Kind.LEAD, "late": timedelta(seconds=late)}))
    try:
        await sending.send(slack, job, reminder)
    except SlackUnavailable:
        assert outcome == "put_off"
    assert counted(metrics, "reminders_total") == {f"kind=lead outcome={outcome}": 1}
    assert counted(metrics, "reminders_late_total") == ({"kind=lead": 1} if late_ones else {})
