"""Decisions of the use cases that need neither a database nor a Vault: whose rights, which upload, the same person."""

import time
from datetime import timedelta
from typing import TYPE_CHECKING, cast

import pytest

from bot.model.accounts import (
    Access,
    Identity,
    LinkedAccount,
    LinkMethod,
    SlackProfile,
    SlackUser,
    Vaults,
    VaultUser,
)
from bot.model.errors import (
    CredentialRefused,
    LinkEnded,
    MalformedUploadId,
    NotFoundInVault,
    NotLinked,
    StoreUnavailable,
    UnknownVault,
    UploadNotVisible,
)
from bot.model.pasting import read_upload_id
from bot.model.secret import Secret
from bot.model.uploads import UploadSession
from bot.usecases.acting import Acting
from bot.usecases.linking import LONGEST_VAULT_SESSION, _account, _same_person
from bot.usecases.upload_status import MOST_NEAR, UploadStatuses, _close_to
from tests.factories import (
    ALICE,
    ALICE_IN_VAULT,
    BOB_IN_VAULT,
    BOTH,
    DASHED_ID,
    HOUR,
    NOW,
    PROMOMATS,
    QUALITY,
    an_account,
    an_upload,
)

if TYPE_CHECKING:
    from bot.store.accounts import Accounts
    from bot.vault.client import VaultClient

IN_PROMOMATS = an_account()
IN_QUALITY = an_account(vault_host=QUALITY.host)


class FewAccounts:
    """Linked accounts in memory."""

    def __init__(self, *accounts: LinkedAccount) -> None:
        self.accounts = accounts

    async def find(self, slack_user: SlackUser) -> list[LinkedAccount]:
        return [account for account in self.accounts if account.slack_user == slack_user]


class NoAccounts:
    """A database that is down."""

    async def find(self, _: SlackUser) -> list[LinkedAccount]:
        raise StoreUnavailable(reason="locked")


class FewUploads:
    """A Vault that shows these uploads; it counts its calls."""

    def __init__(self, *uploads: UploadSession) -> None:
        self.uploads_shown = uploads
        self.calls = 0

    async def upload(self, _: Access, upload_id: str) -> UploadSession:
        self.calls += 1
        for upload in self.uploads_shown:
            if upload.id == upload_id:
                return upload
        raise NotFoundInVault

    async def uploads(self, _: Access) -> list[UploadSession]:
        self.calls += 1
        return list(self.uploads_shown)


def acting(*accounts: LinkedAccount, vaults: Vaults = BOTH) -> Acting:
    """Over accounts in memory."""
    return Acting(accounts=cast("Accounts", FewAccounts(*accounts)), vaults=vaults)


def statuses(vault: FewUploads, *accounts: LinkedAccount) -> UploadStatuses:
    """Over uploads in memory."""
    return UploadStatuses(
        acting=acting(*(accounts or (IN_PROMOMATS,))),
        client=cast("VaultClient", vault),
        clock=lambda: NOW,
        stall_after=HOUR,
    )


# Whose rights


@pytest.mark.parametrize(
    ("linked", "named", "host"),
    [
        ((IN_PROMOMATS, IN_QUALITY), None, PROMOMATS.host),
        ((IN_QUALITY, IN_PROMOMATS), None, PROMOMATS.host),
        ((IN_QUALITY,), None, QUALITY.host),
        ((IN_PROMOMATS, IN_QUALITY), "Quality", QUALITY.host),
        ((IN_PROMOMATS, IN_QUALITY), QUALITY.host, QUALITY.host),
    ],
)
async def test_acting_as__which_vault(
    linked: tuple[LinkedAccount, ...], named: str | None, host: str
) -> None:
    async with acting(*linked).acting_as(ALICE, named) as person:
        assert person.vault.host == person.account.vault_host == host
        assert person.access.credential is person.account.credential
        assert person.access.identity == person.account.identity


@pytest.mark.parametrize(
    ("linked", "named", "missing"),
    [
        ((), None, "promomats"),
        ((), "quality", "quality"),
        ((IN_PROMOMATS,), "quality", "quality"),
        ((an_account(vault_host="gone.example"),), None, "promomats"),
        (
            (an_account(slack_user=SlackUser(workspace="T01NORD", user_id="U02BOB", team_id="T01NORD")),),
            None,
            "promomats",
        ),
        (
            (an_account(slack_user=SlackUser(workspace="T99", user_id="U01ALICE", team_id="T99")),),
            None,
            "promomats",
        ),
    ],
)
async def test_acting_as__not_linked(
    linked: tuple[LinkedAccount, ...], named: str | None, missing: str
) -> None:
    with pytest.raises(NotLinked) as caught:
        async with acting(*linked).acting_as(ALICE, named):
            pass
    assert caught.value.details == {"vault": missing}


async def test_acting_as__unknown_vault() -> None:
    with pytest.raises(UnknownVault):
        async with acting(IN_PROMOMATS).acting_as(ALICE, "elsewhere"):
            pass


async def test_acting_as__credential_refused_within_is_the_end_of_the_link() -> None:
    with pytest.raises(LinkEnded) as caught:
        async with acting(IN_QUALITY).acting_as(ALICE, None):
            raise CredentialRefused
    assert caught.value.details == {"vault": "quality"}


# Which upload


async def test_look_up__is_one_call_when_the_id_is_right() -> None:
    vault = FewUploads(an_upload(), an_upload(id="other"))
    status = await statuses(vault).look_up(ALICE, read_upload_id("other"))
    assert (status.upload.id, status.understood, vault.calls) == ("other", None, 1)


async def test_look_up__what_was_understood_is_told_when_it_was_not_as_typed() -> None:
    status = await statuses(FewUploads(an_upload(id=DASHED_ID))).look_up(
        ALICE, read_upload_id(f"`{DASHED_ID[:-2]}—`")
    )
    assert status.understood == DASHED_ID


@pytest.mark.parametrize("upload_id", ["abc-", "abc.", "_abc_"])
async def test_look_up__another_reading(upload_id: str) -> None:
    typed = "abc—" if upload_id == "abc-" else upload_id
    status = await statuses(FewUploads(an_upload(id=upload_id))).look_up(ALICE, read_upload_id(typed))
    assert status.upload.id == status.understood == upload_id


async def test_look_up__not_visible_takes_the_same_calls_whether_or_not_there_are_other_readings() -> None:
    for typed in ("abc", "abc—", DASHED_ID):
        vault = FewUploads(an_upload())
        with pytest.raises(UploadNotVisible):
            await statuses(vault).look_up(ALICE, read_upload_id(typed))
        assert vault.calls == 2


async def test_look_up__near_uploads_are_the_askers_own() -> None:
    own = an_upload(id="abcdef-1")
    vault = FewUploads(own, an_upload(id="abcdef-2", owner=BOB_IN_VAULT))
    with pytest.raises(UploadNotVisible) as caught:
        await statuses(vault).look_up(ALICE, read_upload_id("abcdef"))
    assert caught.value.near == (own,)


async def test_list_all__leaves_out_what_is_over_and_sorts_by_urgency() -> None:
    soon, late = an_upload(id="soon", expires=NOW + HOUR), an_upload(id="late")
    over = an_upload(id="over", expires=NOW)
    found = await statuses(FewUploads(late, over, soon)).list_all(ALICE, None)
    assert [upload.id for upload in found.uploads] == ["soon", "late"]


async def test_near__trouble_on_the_way_is_no_suggestion() -> None:
    use_case = UploadStatuses(
        acting=Acting(accounts=cast("Accounts", NoAccounts()), vaults=BOTH),
        client=cast("VaultClient", FewUploads()),
        clock=lambda: NOW,
        stall_after=HOUR,
    )
    error = MalformedUploadId(text="abc def", reason="it has a space in it")
    await use_case.add_near(error, ALICE, "abc def")
    assert (error.near, error.near_vault) == ((), None)


async def test_near__in_the_vault_behind_the_at_sign() -> None:
    own = an_upload(id="abcdefgh")
    error = MalformedUploadId(text="abcdefg!", reason="it may hold only letters")
    await statuses(FewUploads(own)).add_near(error, ALICE, f"abcdefg @{PROMOMATS.name}")
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
    assert _same_person(profile, a_vault_user(email=in_vault)) is same


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
    ("method", "lasts"), [(LinkMethod.PASSWORD, LONGEST_VAULT_SESSION), (LinkMethod.TOKEN, None)]
)
def test_account__a_password_link_lasts_as_long_as_a_vault_session(
    method: LinkMethod, lasts: timedelta | None
) -> None:
    identity = Identity(vault_user_id=ALICE_IN_VAULT, vault_id="1")
    access = Access(vault=QUALITY, credential=Secret("s"), identity=identity)
    account = _account(ALICE, access, a_vault_user(), method, NOW)
    assert account.valid_until == (NOW + lasts if lasts else None)
    assert (account.vault_host, account.vault_full_name, account.linked_at) == (
        QUALITY.host,
        "Alice Moreau",
        NOW,
    )


def test_account__without_an_identity_is_none() -> None:
    access = Access(vault=QUALITY, credential=Secret("s"), identity=None)
    with pytest.raises(ValueError, match="identity"):
        _account(ALICE, access, a_vault_user(), LinkMethod.TOKEN, NOW)
