"""The one place that decides whose rights a call is made with: valid, renew, or ask again."""

from datetime import datetime, timedelta

import pytest

from bot.model.accounts import Access, Heard, LinkedAccount, LinkMethod, SlackUser
from bot.model.due import account_of
from bot.model.errors import (
    BotError,
    CredentialRefused,
    LinkEnded,
    NotLinked,
    ProviderUnavailable,
    UnknownVault,
    VaultSlow,
)
from bot.model.secret import Secret
from bot.usecases.acting import NOTED_EVERY
from tests.factories import ALICE, HOUR, NOW, PROMOMATS, QUALITY, SECOND, an_account
from tests.unit.in_memory import ASKER, FewAccounts, FewRenewals, acting

IN_PROMOMATS = an_account()
IN_QUALITY = an_account(vault_host=QUALITY.host)
RENEWABLE = an_account(
    method=LinkMethod.OIDC, credential=Secret("first"), refresh_token=Secret("r"), valid_until=NOW + HOUR
)


class Calls:
    """Refuses the credentials it is told to; keeps which were used."""

    def __init__(self, *refused: str, error: BotError | None = None) -> None:
        self.refused = refused
        self.error = error or CredentialRefused()
        self.used: list[str] = []

    async def __call__(self, access: Access) -> str:
        self.used.append(access.credential.reveal())
        if self.used[-1] in self.refused:
            raise self.error
        return "an answer"


# Which Vaults


@pytest.mark.parametrize(
    ("linked", "hosts"),
    [
        ((IN_PROMOMATS,), [PROMOMATS.host]),
        ((IN_QUALITY, IN_PROMOMATS), [PROMOMATS.host, QUALITY.host]),
        ((IN_QUALITY,), [QUALITY.host]),
        ((IN_PROMOMATS, an_account(vault_host="gone.example")), [PROMOMATS.host]),
        (
            (IN_PROMOMATS, an_account(vault_host=QUALITY.host, preferred_at=NOW)),
            [QUALITY.host, PROMOMATS.host],
        ),
        (
            (an_account(preferred_at=NOW), an_account(vault_host=QUALITY.host, preferred_at=NOW - HOUR)),
            [PROMOMATS.host, QUALITY.host],
        ),
    ],
)
async def test_everywhere__the_persons_default_first(
    linked: tuple[LinkedAccount, ...], hosts: list[str]
) -> None:
    people = await acting(*linked).everywhere(ASKER)
    assert [person.vault.host for person in people] == hosts
    assert [person.account.vault_host for person in people] == hosts


STRANGERS = [
    SlackUser(workspace="T01NORD", user_id="U02BOB", team_id="T01NORD"),
    SlackUser(workspace="T99", user_id="U01ALICE", team_id="T99"),
]


@pytest.mark.parametrize(
    "linked",
    [(), (an_account(vault_host="gone.example"),), *((an_account(slack_user=one),) for one in STRANGERS)],
)
async def test_everywhere__not_linked(linked: tuple[LinkedAccount, ...]) -> None:
    with pytest.raises(NotLinked) as caught:
        await acting(*linked).everywhere(ASKER)
    assert caught.value.details == {"vault": "promomats"}


@pytest.mark.parametrize("name", ["quality", "Quality", "@quality", QUALITY.host])
async def test_person__in_the_vault_of_that_name(name: str) -> None:
    person = await acting(IN_PROMOMATS, IN_QUALITY).person(ASKER, name)
    assert person.vault == QUALITY
    assert person.access.credential is person.account.credential
    assert person.access.identity == person.account.identity


async def test_person__not_linked_there_or_no_such_vault() -> None:
    with pytest.raises(NotLinked) as caught:
        await acting(IN_PROMOMATS).person(ASKER, "quality")
    assert caught.value.details == {"vault": "quality"}
    with pytest.raises(UnknownVault):
        await acting(IN_PROMOMATS).person(ASKER, "elsewhere")


async def test_person__what_answers_say_goes_to_the_given_place() -> None:
    heard = Heard()
    person = await acting(IN_PROMOMATS).person(ASKER, "promomats", heard)
    assert person.access.heard is heard


# Valid, renew, or ask again


async def ask(
    account: LinkedAccount, calls: Calls, renewals: FewRenewals | None = None, *, unasked: bool = False
) -> FewAccounts:
    """Make one call as Alice; return what her account was told."""
    accounts = FewAccounts(account)
    judge = acting(accounts=accounts, renewals=renewals)
    (person,) = await judge.everywhere(ASKER)
    assert await judge.ask(person, calls, unasked=unasked) == "an answer"
    return accounts


async def test_ask__a_good_credential_is_used_once() -> None:
    calls, renewals = Calls(), FewRenewals()
    await ask(IN_PROMOMATS, calls, renewals)
    assert (calls.used, renewals.calls) == (["veeva-vault-never-shown"], 0)


async def test_ask__a_refused_credential_is_renewed_and_the_call_repeated_once() -> None:
    calls = Calls("first")
    await ask(RENEWABLE, calls, FewRenewals("second"))
    assert calls.used == ["first", "second"]


async def test_ask__a_session_that_is_surely_over_is_renewed_before_the_call() -> None:
    over = an_account(
        method=LinkMethod.OIDC, credential=Secret("first"), refresh_token=Secret("r"), valid_until=NOW
    )
    calls = Calls("first")
    await ask(over, calls, FewRenewals("second"))
    assert calls.used == ["second"]


async def test_ask__a_session_renewed_before_the_call_is_not_renewed_again() -> None:
    over = an_account(
        method=LinkMethod.OIDC, credential=Secret("first"), refresh_token=Secret("r"), valid_until=NOW
    )
    calls, renewals = Calls("second"), FewRenewals("second", "third")
    with pytest.raises(LinkEnded):
        await ask(over, calls, renewals)
    assert (calls.used, renewals.calls) == (["second"], 1)


async def test_ask__a_token_whose_said_end_is_over_is_tried_all_the_same() -> None:
    """The person may have been wrong about the day; Vault knows."""
    calls = Calls()
    await ask(an_account(valid_until=NOW - HOUR), calls)
    assert calls.used == ["veeva-vault-never-shown"]


@pytest.mark.parametrize("renewed", [(), ("second",)])
async def test_ask__what_no_renewal_helps_is_the_end_of_the_link(renewed: tuple[str, ...]) -> None:
    accounts, calls = FewAccounts(RENEWABLE), Calls("first", "second")
    judge = acting(accounts=accounts, renewals=FewRenewals(*renewed))
    (person,) = await judge.everywhere(ASKER)
    with pytest.raises(LinkEnded) as caught:
        await judge.ask(person, calls)
    assert caught.value.details["vault"] == "promomats"
    ((ended, jobs),) = accounts.ended
    assert (ended.credential.reveal(), jobs) == (calls.used[-1], [])
    assert len(calls.used) == 1 + len(renewed)


async def test_ask__an_end_that_nobody_asked_about_is_told_by_direct_message() -> None:
    accounts = FewAccounts(IN_PROMOMATS)
    judge = acting(accounts=accounts)
    (person,) = await judge.everywhere(ASKER)
    with pytest.raises(LinkEnded):
        await judge.ask(person, Calls("veeva-vault-never-shown"), unasked=True)
    ((_, (job,)),) = accounts.ended
    assert (job.kind, job.due_at) == ("link_ended", NOW)
    assert account_of(job.payload) == (ALICE, PROMOMATS.host)


@pytest.mark.parametrize("error", [VaultSlow(vault="promomats"), ProviderUnavailable(reason="down")])
async def test_ask__a_passing_fault_ends_nothing(error: BotError) -> None:
    accounts = FewAccounts(RENEWABLE)
    judge = acting(accounts=accounts)
    (person,) = await judge.everywhere(ASKER)
    with pytest.raises(type(error)):
        await judge.ask(person, Calls("first", error=error))
    assert (accounts.ended, accounts.used) == ([], [])


@pytest.mark.parametrize(
    ("last_used", "ended_at", "noted"),
    [
        (None, None, True),
        (NOW - NOTED_EVERY, None, True),
        (NOW - NOTED_EVERY + SECOND, None, False),
        (NOW, NOW - HOUR, True),
    ],
)
async def test_ask__use_is_noted_every_few_minutes(
    last_used: datetime | None, ended_at: datetime | None, *, noted: bool
) -> None:
    """And at once where the link had counted as ended: Vault has accepted it."""
    accounts = await ask(an_account(last_used=last_used, ended_at=ended_at), Calls())
    assert accounts.used == ([NOW] if noted else [])


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"valid_until": NOW}, "the API access token has expired"),
        ({}, "it was revoked or has expired"),
        ({"method": LinkMethod.PASSWORD, "valid_until": NOW}, "48 hours at most"),
        ({"method": LinkMethod.PASSWORD, "last_used": NOW - timedelta(minutes=10)}, "not used for a while"),
        ({"method": LinkMethod.PASSWORD, "last_used": NOW - SECOND}, "no longer accepts it"),
    ],
)
async def test_ask__says_why_it_ended(changes: dict[str, object], why: str) -> None:
    judge = acting(an_account(**changes))
    (person,) = await judge.everywhere(ASKER)
    with pytest.raises(LinkEnded) as caught:
        await judge.ask(person, Calls("veeva-vault-never-shown"))
    assert why in caught.value.sentence
