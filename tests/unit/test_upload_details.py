"""What is gathered for the details: with whose rights, and what may be missing without hiding the rest."""

import asyncio
from typing import TYPE_CHECKING, cast

import pytest

from bot.model.accounts import Access, SlackUser
from bot.model.audit import Action, Outcome
from bot.model.errors import (
    BotError,
    CredentialRefused,
    LinkEnded,
    NotFoundInVault,
    OutOfTime,
    UploadNotVisible,
    VaultSlow,
)
from bot.model.pasting import read_upload_id
from bot.model.uploads import Part
from bot.model.watches import Sample
from bot.usecases import upload_details
from bot.usecases.upload_details import UploadDetails
from tests.factories import ALICE, HOUR, MB, NOW, PROMOMATS, an_account, an_upload
from tests.unit.in_memory import ASKER, FewRows, FewUploads, acting, statuses

if TYPE_CHECKING:
    from bot.store.watches import Watches
    from bot.vault.client import VaultClient

UPLOAD = an_upload(uploaded=10 * MB)
PARTS = [Part(number=1, size=5 * MB, md5="a"), Part(number=2, size=5 * MB, md5="b")]
PASTED = read_upload_id(UPLOAD.id).at(PROMOMATS.host)


class FewParts(FewUploads):
    """A Vault with one upload, whose parts are there, or fail, or never come."""

    def __init__(self, parts: list[Part] | BotError | None) -> None:
        super().__init__(UPLOAD)
        self.given = parts
        self.asked_as: list[str] = []

    async def parts(self, access: Access, upload_id: str) -> list[Part]:
        assert upload_id == UPLOAD.id
        self.asked_as.append(access.credential.reveal())
        if self.given is None:
            await asyncio.sleep(60)
            raise AssertionError
        if isinstance(self.given, BotError):
            raise self.given
        return self.given


class FewSamples:
    """What two people's looks found of the same upload."""

    def __init__(self) -> None:
        self.asked: list[tuple[SlackUser, str, str]] = []

    async def samples(self, slack_user: SlackUser, vault_host: str, upload_id: str) -> list[Sample]:
        self.asked.append((slack_user, vault_host, upload_id))
        return [Sample(at=NOW - HOUR, uploaded=4 * MB)]


def details(vault: FewParts, samples: FewSamples | None = None, rows: FewRows | None = None) -> UploadDetails:
    """Over values in memory."""
    return UploadDetails(
        statuses=statuses(vault, an_account(), rows=rows),
        acting=acting(an_account()),
        client=cast("VaultClient", vault),
        watches=cast("Watches", samples or FewSamples()),
        clock=lambda: NOW,
        api_version="v24.3",
    )


async def test_look_up__is_one_look_and_one_row_and_then_the_parts_with_the_same_credential() -> None:
    vault, samples, rows = FewParts(PARTS), FewSamples(), FewRows()
    found = await details(vault, samples, rows).look_up(ASKER, PASTED)
    assert found.status.upload == UPLOAD
    assert found.parts == tuple(PARTS)
    assert found.resume is not None
    assert found.resume.number == 3
    assert found.trouble is None
    assert (vault.calls, vault.asked_as) == (1, ["veeva-vault-never-shown"])
    assert [(row.action, row.outcome) for row in rows.entries] == [(Action.LOOK_UP, Outcome.DONE)]
    assert samples.asked == [(ALICE, PROMOMATS.host, UPLOAD.id)]
    assert sum(one.came for one in found.pace) == 6 * MB
    assert found.address == f"{PROMOMATS.url}/api/v24.3/services/file_staging/upload/{UPLOAD.id}"


async def test_look_up__of_what_is_not_visible_asks_for_nothing_more() -> None:
    vault, samples = FewParts(PARTS), FewSamples()
    with pytest.raises(UploadNotVisible):
        await details(vault, samples).look_up(ASKER, read_upload_id("another").at(PROMOMATS.host))
    assert (vault.asked_as, samples.asked) == ([], [])


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (VaultSlow(vault="promomats"), VaultSlow),
        (NotFoundInVault(), UploadNotVisible),
        (CredentialRefused(), LinkEnded),
    ],
)
async def test_look_up__parts_that_fail_do_not_hide_the_rest(fault: BotError, told: type[BotError]) -> None:
    found = await details(FewParts(fault)).look_up(ASKER, PASTED)
    assert type(found.trouble) is told
    assert (found.parts, found.resume) == ((), None)
    assert found.status.upload == UPLOAD
    assert found.pace


async def test_look_up__parts_that_never_come_are_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_details, "READ_BY", 0.0)
    monkeypatch.setattr(upload_details, "AT_LEAST", 0.05)
    found = await details(FewParts(None)).look_up(ASKER, PASTED)
    assert isinstance(found.trouble, OutOfTime)
    assert found.status.upload == UPLOAD
