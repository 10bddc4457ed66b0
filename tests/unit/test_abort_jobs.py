"""The jobs that see an abort through: what they hold, and what of it nobody can read in the database."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given

from bot.model.aborts import Abort, News, Told
from bot.model.accounts import Vaults
from bot.model.due import Claimed, Job
from bot.model.uploads import UploadSession
from bot.store.seal import Keyring, new_key
from bot.usecases import abort_jobs
from tests.factories import ALICE, BOB, BOB_IN_VAULT, NOW, PROMOMATS, an_upload
from tests.unit.wild_uploads import wild_uploads

KEY = new_key()
KEYRING = Keyring.parse(KEY)
VAULTS = Vaults((PROMOMATS,))
ABORT = Abort(
    by=ALICE,
    reference="K7QX2M9B",
    vault_host=PROMOMATS.host,
    vault_user_id="10000012",
    upload_id="7b0e42c9d15f4a3e8f60b2a7c9d4e113",
    owner=BOB_IN_VAULT,
    at=NOW,
    upload=an_upload(owner=BOB_IN_VAULT),
    reason="the wrong film",
)


def claimed(job: Job) -> Claimed:
    """As a worker gets it, its payload from JSON."""
    payload = json.loads(json.dumps(job.payload))
    return Claimed(key=job.key, kind=job.kind, due_at=job.due_at, payload=payload, attempts=1, claim="c")


def test_settling__comes_later_than_the_abort_may_take_and_at_once_when_it_is_done() -> None:
    begun = abort_jobs.settling(ABORT, NOW, KEYRING, is_done=False)
    done = abort_jobs.settling(ABORT, NOW + timedelta(seconds=2), KEYRING, is_done=True)
    assert begun.key == done.key == abort_jobs.settle_key(ABORT)
    assert begun.due_at - NOW > timedelta(seconds=20)
    assert done.due_at == NOW + timedelta(seconds=2)
    assert (abort_jobs.is_done(claimed(begun)), abort_jobs.is_done(claimed(done))) == (False, True)


@given(upload=wild_uploads())
def test_settling__holds_the_whole_abort(upload: UploadSession) -> None:
    abort = replace(ABORT, upload=upload, upload_id=upload.id, reason=upload.name)
    job = abort_jobs.settling(abort, NOW, KEYRING, is_done=False)
    found = abort_jobs.abort_in(claimed(job), KEYRING)
    # Moments are kept to the millisecond.
    assert found.upload is not None
    assert abs(found.upload.expires - upload.expires) < timedelta(milliseconds=1)
    moments = {name: getattr(upload, name) for name in ("created", "expires", "last_uploaded")}
    assert replace(found, upload=replace(found.upload, **moments)) == abort


def test_payloads__hold_neither_name_nor_path_nor_reason() -> None:
    told = Told(news=News.YOURS, to=BOB, abort=ABORT, vault_name="promomats")
    for job in (
        abort_jobs.settling(ABORT, NOW, KEYRING, is_done=False),
        abort_jobs.telling(told, NOW, KEYRING),
    ):
        stored = job.key + json.dumps(job.payload)
        for word in ("Cholecap", "cholecap", "wrong", "film", "/u1"):
            assert word not in stored


@pytest.mark.parametrize("news", News)
def test_telling__holds_all_that_is_told(news: News) -> None:
    told = Told(news=news, to=BOB, abort=ABORT, vault_name="promomats", owners=("U01BOB", "U02BOB"))
    found = abort_jobs.told_in(claimed(abort_jobs.telling(told, NOW, KEYRING)), VAULTS, KEYRING)
    assert found == told
    assert found.to.team_id == BOB.team_id


def test_telling__an_owner_is_told_once_of_two_aborts_at_once() -> None:
    told = Told(news=News.YOURS, to=BOB, abort=ABORT, vault_name="promomats")
    other = replace(told, abort=replace(ABORT, by=BOB, reference="ANOTHER2"))
    assert abort_jobs.telling(told, NOW, KEYRING).key == abort_jobs.telling(other, NOW, KEYRING).key
    done = [replace(one, news=News.DONE) for one in (told, other)]
    assert len({abort_jobs.telling(one, NOW, KEYRING).key for one in done}) == 2


@pytest.mark.parametrize(
    "sealed", [None, "s1.00000000.AAAA", "x", KEYRING.ids[0]], ids=["none", "another key", "no seal", "a key"]
)
def test_seal__that_does_not_open_costs_no_more_than_the_name(sealed: str | None) -> None:
    job = claimed(abort_jobs.settling(ABORT, NOW, KEYRING, is_done=False))
    for keyring, payload in (
        (KEYRING, {**job.payload, "s": sealed}),
        (Keyring.parse(new_key()), job.payload),
    ):
        found = abort_jobs.abort_in(replace(job, payload=payload), keyring)
        assert found == replace(ABORT, upload=None, reason="")


def test_seal__does_not_open_in_another_job() -> None:
    job = claimed(abort_jobs.settling(ABORT, NOW, KEYRING, is_done=False))
    assert abort_jobs.abort_in(replace(job, key="abort:OTHER234:x"), KEYRING).upload is None


def test_seal__opens_after_a_new_key_came() -> None:
    job = claimed(abort_jobs.settling(ABORT, NOW, KEYRING, is_done=False))
    assert abort_jobs.abort_in(job, Keyring.parse(f"{new_key()},{KEY}")) == ABORT
