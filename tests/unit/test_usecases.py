"""Decisions of the use cases that need neither a database nor a Vault: which upload, what is written down, who is one
person."""

import asyncio
import time
from datetime import timedelta

import pytest

from bot.model.accounts import Access, Identity, LinkMethod, SlackProfile, VaultUser
from bot.model.audit import Action, Outcome
from bot.model.errors import (
    BotError,
    CredentialRefused,
    LinkEnded,
    MalformedUploadId,
    StoreUnavailable,
    UploadNotVisible,
    VaultSlow,
)
from bot.model.pasting import read_upload_id
from bot.model.secret import Secret
from bot.model.uploads import UploadSession
from bot.usecases.proving import Proof, Proven, new_account
from bot.usecases.renewing import LONGEST_VAULT_SESSION
from bot.usecases.same_person import is_same_person
from bot.usecases.upload_status import MOST_NEAR, _close_to
from tests.factories import (
    ALICE,
    ALICE_IN_VAULT,
    BOB_IN_VAULT,
    DASHED_ID,
    HOUR,
    NOW,
    PROMOMATS,
    QUALITY,
    an_account,
    an_upload,
)
from tests.unit.in_memory import ASKER, FewRows, FewUploads, NoAccounts, auditing, statuses

IN_PROMOMATS = an_account()
IN_QUALITY = an_account(vault_host=QUALITY.host)

# Which upload


async def test_look_up__is_one_call_when_the_id_is_right() -> None:
    vault = FewUploads(an_upload(), an_upload(id="other"))
    status = await statuses(vault).look_up(ASKER, read_upload_id("other"))
    assert (status.upload.id, status.understood, vault.calls) == ("other", None, 1)


async def test_look_up__what_was_understood_is_told_when_it_was_not_as_typed() -> None:
    status = await statuses(FewUploads(an_upload(id=DASHED_ID))).look_up(
        ASKER, read_upload_id(f"`{DASHED_ID[:-2]}—`")
    )
    assert status.understood == DASHED_ID


@pytest.mark.parametrize("upload_id", ["abc-", "abc.", "_abc_"])
async def test_look_up__another_reading(upload_id: str) -> None:
    typed = "abc—" if upload_id == "abc-" else upload_id
    status = await statuses(FewUploads(an_upload(id=upload_id))).look_up(ASKER, read_upload_id(typed))
    assert status.upload.id == status.understood == upload_id


async def test_look_up__not_visible_takes_the_same_calls_whether_or_not_there_are_other_readings() -> None:
    for typed in ("abc", "abc—", DASHED_ID):
        vault = FewUploads(an_upload())
        with pytest.raises(UploadNotVisible):
            await statuses(vault).look_up(ASKER, read_upload_id(typed))
        assert vault.calls == 2


async def test_look_up__near_uploads_are_the_askers_own() -> None:
    own = an_upload(id="abcdef-1")
    vault = FewUploads(own, an_upload(id="abcdef-2", owner=BOB_IN_VAULT))
    with pytest.raises(UploadNotVisible) as caught:
        await statuses(vault).look_up(ASKER, read_upload_id("abcdef"))
    assert caught.value.near == (own,)


# In several Vaults


async def test_look_up__the_default_first_then_the_others() -> None:
    vault = FewUploads(an_upload(id="here"), quality=[an_upload(id="there")])
    use_case = statuses(vault, IN_PROMOMATS, IN_QUALITY)
    assert (await use_case.look_up(ASKER, read_upload_id("here"))).vault == PROMOMATS
    assert vault.asked == ["promomats"]
    status = await use_case.look_up(ASKER, read_upload_id("there"))
    assert (status.vault, status.account) == (QUALITY, IN_QUALITY)
    assert vault.asked[1] == "promomats"


async def test_look_up__a_name_picks_one_vault() -> None:
    vault = FewUploads(an_upload(id="abc"), quality=[an_upload(id="abc", name="other.mp4")])
    status = await statuses(vault, IN_PROMOMATS, IN_QUALITY).look_up(ASKER, read_upload_id("abc @quality"))
    assert (status.vault, status.upload.name, vault.asked) == (QUALITY, "other.mp4", ["quality"])


async def test_look_up__one_vault_in_trouble_does_not_hide_the_other() -> None:
    vault = FewUploads(quality=[an_upload(id="there")], promomats=VaultSlow(vault="promomats"))
    status = await statuses(vault, IN_PROMOMATS, IN_QUALITY).look_up(ASKER, read_upload_id("there"))
    assert status.vault == QUALITY


async def test_look_up__silence_of_a_vault_is_not_taken_for_a_no() -> None:
    vault = FewUploads(quality=VaultSlow(vault="quality"))
    with pytest.raises(UploadNotVisible) as caught:
        await statuses(vault, IN_PROMOMATS, IN_QUALITY).look_up(ASKER, read_upload_id("abc"))
    assert "I could not ask quality just now" in caught.value.remedy
    down = FewUploads(promomats=VaultSlow(vault="promomats"))
    with pytest.raises(VaultSlow):
        await statuses(down, IN_PROMOMATS, IN_QUALITY).look_up(ASKER, read_upload_id("abc"))


async def test_list_all__leaves_out_what_is_over_and_sorts_by_urgency() -> None:
    soon, late = an_upload(id="soon", expires=NOW + HOUR), an_upload(id="late")
    over = an_upload(id="over", expires=NOW)
    (found,) = (await statuses(FewUploads(late, over, soon)).list_all(ASKER, None)).lists
    assert [upload.id for upload in found.uploads] == ["soon", "late"]


async def test_list_all__by_vault_with_what_did_not_answer() -> None:
    vault = FewUploads(an_upload(), quality=VaultSlow(vault="quality"))
    found = await statuses(vault, IN_PROMOMATS, IN_QUALITY).list_all(ASKER, None)
    assert [one.vault for one in found.lists] == [PROMOMATS]
    assert [(one.vault, type(one.error)) for one in found.troubles] == [(QUALITY, VaultSlow)]


async def test_list_all__where_no_vault_answers_the_first_ones_error_counts() -> None:
    vault = FewUploads(promomats=CredentialRefused(), quality=VaultSlow(vault="quality"))
    with pytest.raises(LinkEnded) as caught:
        await statuses(vault, IN_PROMOMATS, IN_QUALITY).list_all(ASKER, None)
    assert caught.value.details["vault"] == "promomats"


# What may have been meant


async def test_near__trouble_on_the_way_is_no_suggestion() -> None:
    error = MalformedUploadId(text="abc def", reason="it has a space in it")
    await statuses(FewUploads(), accounts=NoAccounts()).add_near(error, ASKER, "abc def")
    assert (error.near, error.near_vault) == ((), None)


async def test_near__in_the_vault_behind_the_at_sign() -> None:
    own = an_upload(id="abcdefgh")
    error = MalformedUploadId(text="abcdefg!", reason="it may hold only letters")
    await statuses(FewUploads(own)).add_near(error, ASKER, f"abcdefg @{PROMOMATS.name}")
    assert (error.near, error.near_vault) == ((own,), PROMOMATS.host)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("cholecap", True),
        ("CHOLECAP-COMMERCIAL", True),
        ("7b0e42c9", True),
        (" 7b0e42c9 ", True),
        ("7b0e42c9d15f4a3e8f60b2a7c9d4e114", True),
        ("Cholecap Comercial 2021.mp4", True),
        ("mp", False),
        ("", False),
        ("Safety-Narratives.zip", False),
        ("ffffffffffffffffffffffffffffffff", False),
    ],
)
def test_close_to__by_a_piece_or_a_slip(text: str, *, found: bool) -> None:
    upload = an_upload()
    assert _close_to(text, [upload], ALICE_IN_VAULT) == ((upload,) if found else ())
    assert _close_to(text, [upload], BOB_IN_VAULT) == ()


def test_close_to__at_most_a_few_the_closest_first() -> None:
    uploads = [an_upload(id=f"x{number}", name=f"report-{number}.zip") for number in range(9)]
    found = _close_to("report-5.zi", uploads, ALICE_IN_VAULT)
    assert len(found) == MOST_NEAR
    assert found[0].name == "report-5.zip"


@pytest.mark.parametrize("text", ["a" * 40_000, "cholecap " * 4000])
def test_close_to__long_text_takes_no_time(text: str) -> None:
    uploads = [an_upload(id="a" * 200, name="a" * 200)] * 50
    started = time.process_time()
    assert _close_to(text, uploads, ALICE_IN_VAULT) == ()
    assert time.process_time() - started < 0.5


# What is written down


async def test_audit__a_look_is_one_row_with_whose_rights_and_what_vault_said() -> None:
    rows = FewRows()
    await statuses(FewUploads(an_upload(id="abc")), rows=rows).look_up(ASKER, read_upload_id("abc"))
    (row,) = rows.entries
    assert (row.action, row.outcome, row.reference) == (Action.LOOK_UP, Outcome.DONE, "ALICE234")
    assert (row.slack_user_id, row.vault_host, row.vault_user_id) == (
        ALICE.user_id,
        PROMOMATS.host,
        ALICE_IN_VAULT,
    )
    assert (row.upload_id, row.execution_id) == ("abc", "execution-1")
    assert (row.file_name, row.path) == ("", "")


async def test_audit__file_names_only_where_they_are_wanted() -> None:
    rows, upload = FewRows(), an_upload()
    async with auditing(rows, with_paths=True).recording(Action.LOOK_UP, ASKER) as record:
        record.saw(upload)
    assert (rows.entries[0].file_name, rows.entries[0].path) == (upload.name, upload.path)


@pytest.mark.parametrize(
    ("shown", "error", "outcome"),
    [
        ([], "UploadNotVisible", Outcome.REFUSED),
        (VaultSlow(vault="promomats"), "VaultSlow", Outcome.FAILED),
        (CredentialRefused(), "LinkEnded", Outcome.REFUSED),
    ],
)
async def test_audit__what_came_to_nothing_is_a_row_too(
    shown: list[UploadSession] | BotError, error: str, outcome: Outcome
) -> None:
    rows = FewRows()
    with pytest.raises(BotError):
        await statuses(FewUploads(promomats=shown), rows=rows).look_up(ASKER, read_upload_id("abc"))
    assert [(row.error, row.outcome, row.upload_id) for row in rows.entries] == [(error, outcome, "abc")]


async def test_audit__each_listed_vault_is_a_row() -> None:
    rows = FewRows()
    await statuses(FewUploads(), IN_PROMOMATS, IN_QUALITY, rows=rows).list_all(ASKER, None)
    assert {row.vault_host for row in rows.entries} == {PROMOMATS.host, QUALITY.host}


async def test_audit__what_cannot_be_written_down_is_not_answered() -> None:
    rows = FewRows(is_down=True)
    with pytest.raises(StoreUnavailable):
        await statuses(FewUploads(an_upload(id="abc")), rows=rows).look_up(ASKER, read_upload_id("abc"))


async def test_audit__a_cancelled_action_is_written_down() -> None:
    rows = FewRows()

    async def act() -> None:
        async with auditing(rows).recording(Action.LOOK_UP, ASKER):
            await asyncio.sleep(60)

    acting = asyncio.create_task(act())
    await asyncio.sleep(0)
    acting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await acting
    assert [(row.error, row.outcome) for row in rows.entries] == [("CancelledError", Outcome.FAILED)]


# The same person


@pytest.mark.parametrize(
    ("in_slack", "in_vault", "same"),
    [
        ("alice@nordlicht.example", "alice@nordlicht.example", True),
        (" Alice@Nordlicht.Example", "alice@nordlicht.example ", True),
        ("alice@nordlicht.example", "alice@nordlicht.exampl", False),
        ("alice@nordlicht.example", "", False),
        ("", "alice@nordlicht.example", False),
        ("", "", False),
        (" ", " ", False),
    ],
)
def test_same_person__by_the_address_both_know(in_slack: str, in_vault: str, *, same: bool) -> None:
    profile = SlackProfile(real_name="Alice", workspace_name="Nordlicht", email=in_slack)
    assert is_same_person(profile, a_vault_user(email=in_vault)) is same


def a_vault_user(email: str = "alice@nordlicht.example") -> VaultUser:
    """Alice as Vault knows her."""
    return VaultUser(
        id=ALICE_IN_VAULT,
        user_name="alice@nordlicht",
        first_name="Alice",
        last_name="Moreau",
        email=email,
        security_profile="",
    )


@pytest.mark.parametrize(
    ("method", "lasts"),
    [
        (LinkMethod.PASSWORD, LONGEST_VAULT_SESSION),
        (LinkMethod.OIDC, LONGEST_VAULT_SESSION),
        (LinkMethod.TOKEN, None),
    ],
)
def test_account__a_session_lasts_as_long_as_vault_lets_it(
    method: LinkMethod, lasts: timedelta | None
) -> None:
    identity = Identity(vault_user_id=ALICE_IN_VAULT, vault_id="1")
    access = Access(vault=QUALITY, credential=Secret("s"), identity=identity)
    proof = Proof(method=method, secret=Secret("p"), refresh_token=Secret("r"))
    account = new_account(ALICE, Proven(access=access, user=a_vault_user()), proof, NOW, None)
    assert account.valid_until == (NOW + lasts if lasts else None)
    assert account.session_started == (NOW if lasts else None)
    assert (account.vault_host, account.vault_full_name, account.linked_at) == (
        QUALITY.host,
        "Alice Moreau",
        NOW,
    )
    assert (account.credential, account.refresh_token, account.last_used) == (Secret("s"), Secret("r"), NOW)


def test_account__a_token_lasts_until_its_end() -> None:
    identity = Identity(vault_user_id=ALICE_IN_VAULT, vault_id="1")
    access = Access(vault=QUALITY, credential=Secret("s"), identity=identity)
    proof = Proof(method=LinkMethod.TOKEN, secret=Secret("s"))
    assert (
        new_account(ALICE, Proven(access=access, user=a_vault_user()), proof, NOW, NOW + HOUR).valid_until
        == NOW + HOUR
    )


def test_account__without_an_identity_is_none() -> None:
    access = Access(vault=QUALITY, credential=Secret("s"), identity=None)
    with pytest.raises(ValueError, match="identity"):
        new_account(
            ALICE,
            Proven(access=access, user=a_vault_user()),
            Proof(method=LinkMethod.TOKEN, secret=Secret("s")),
            NOW,
            None,
        )
