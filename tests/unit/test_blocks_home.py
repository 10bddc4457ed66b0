"""The app's home and the form with settings: as Slack takes them, and as they are read at two in the night."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk.models.views import View

from bot.demo.slack.block_kit import HOME, MODAL
from bot.demo.slack.views import read_view
from bot.model.accounts import Identity, LinkMethod, Vault, Vaults
from bot.model.errors import LinkEnded, NotLinked, OutOfTime, StoreUnavailable, VaultSlow
from bot.model.statuses import UploadList, UploadLists, VaultTrouble
from bot.model.uploads import UploadSession
from bot.model.watches import Preferences, Target, Told, Watch
from bot.slack.blocks import errors
from bot.slack.blocks.home import Found, Frame, Pages, digest, failed, home, welcome
from bot.slack.blocks.settings_modal import LEADS, VAULT, saved, settings_modal
from bot.slack.blocks.usage import usage
from tests.factories import (
    AWKWARD,
    BOB_IN_VAULT,
    BOTH,
    DASHED_ID,
    GB,
    HOUR,
    MB,
    MINUTE,
    NOW,
    PROMOMATS,
    QUALITY,
    SECOND,
    TRIALS,
    a_list,
    a_look,
    a_watch,
    a_wide_watch,
    an_account,
    an_upload,
    begun,
    some_lists,
)
from tests.unit.golden_files import agrees
from tests.unit.slack_eyes import DATE, ENTITY, buttons_in, mrkdwn_in, objects_in
from tests.unit.wild_uploads import wild_uploads

USUAL = (24 * HOUR, 4 * HOUR, HOUR)
BOTH_NAMES = ("promomats", "quality")
ONE = Frame(vaults=Vaults((PROMOMATS,)), lead_times=USUAL, version="1.2.3")
TWO = replace(ONE, vaults=BOTH)
NIGHTS = Preferences(
    time_zone="Europe/Berlin", quiet_from=22 * 60 + 30, quiet_to=6 * 60, lead_times=(2 * HOUR,)
)
MENTIONS = ("<#C01TRIALS>",)

SOON = begun(
    71 * HOUR + 13 * MINUTE, id="58d7", name="Launch-Film-Master-4K.mov", size=6 * GB, uploaded=5 * GB
)
DONE = begun(26 * HOUR, id="e2a9", name="video-demo.mp4", uploaded=32862312, last_uploaded=NOW - 25 * HOUR)
STALLED = begun(
    20 * HOUR, id="c41e", name="Narratives.zip", size=7 * GB, uploaded=3 * GB, last_uploaded=NOW - 5 * HOUR
)
SLOW = begun(30 * HOUR, id="a06c", name="dump.tar", size=90 * GB, uploaded=3 * GB, last_uploaded=NOW - MINUTE)
FINE = an_upload()
FRESH = begun(35 * MINUTE, id="3b9f", name="Archive.tar", size=40 * GB, uploaded=0, uploaded_parts=0,
              last_uploaded=NOW - 35 * MINUTE)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Line:
    """As the use case returns it."""

    watch: Watch
    vault_name: str = "promomats"
    next_due: datetime | None = None


def found(uploads: UploadLists | Any = None, watches: Sequence[Line] | Any = (), **changes: Any) -> Found:
    """What was read for Alice, linked to promomats by token."""
    usual = Found(
        uploads=uploads if uploads is not None else some_lists(a_list(FINE)),
        watches=watches,
        preferences=Preferences(),
        accounts=[an_account(last_used=NOW - 5 * MINUTE)],
    )
    return replace(usual, **changes)


def in_quality(*uploads: UploadSession) -> UploadList:
    """These uploads as Alice sees them in quality."""
    return a_list(*uploads, vault=QUALITY, account=an_account(vault_host=QUALITY.host))


BOTH_ACCOUNTS = [
    an_account(preferred_at=NOW - HOUR),
    an_account(
        vault_host=QUALITY.host, method=LinkMethod.PASSWORD, valid_until=NOW + 30 * HOUR, ended_at=NOW - HOUR
    ),
]
SEVERAL = found(
    some_lists(a_list(FINE, SLOW, DONE, SOON), in_quality(replace(STALLED, id="6e93", name="Audit.zip"))),
    [
        Line(watch=a_watch(FINE), next_due=NOW + 3 * HOUR),
        Line(watch=a_wide_watch(Target.OWN, place=TRIALS)),
        Line(watch=a_watch(SOON, told=Told(muted=True))),
    ],
    preferences=NIGHTS,
    accounts=BOTH_ACCOUNTS,
)
TROUBLES = found(
    some_lists(
        a_list(FINE),
        troubles=(
            VaultTrouble(vault=QUALITY, error=LinkEnded(vault="quality", why="Vault no longer accepts it")),
        ),
    ),
    StoreUnavailable(place="the database", reason="busy"),
    preferences=OutOfTime(),
    accounts=BOTH_ACCOUNTS,
)


def many_vaults(count: int) -> tuple[Vault, ...]:
    """So many Vaults."""
    return tuple(
        Vault(f"vault-{number}", f"https://vault-{number}.veevavault.com") for number in range(count)
    )


def full(vault_count: int, upload_count: int, watch_count: int, failing: int = 0) -> tuple[Found, Frame]:
    """Everything at once: each Vault has as many uploads as Vault allows, and the account is linked to all."""
    vaults = many_vaults(vault_count)
    accounts = [an_account(vault_host=vault.host, vault_full_name=AWKWARD) for vault in vaults]
    uploads = tuple(
        begun(5 * HOUR, id=f"{number}{DASHED_ID}", name=AWKWARD * 8) for number in range(upload_count)
    )
    lists = [
        a_list(*uploads, vault=vault, account=account)
        for vault, account in zip(vaults[failing:], accounts[failing:], strict=True)
    ]
    troubles = tuple(
        VaultTrouble(vault=vault, error=VaultSlow(vault=vault.name)) for vault in vaults[:failing]
    )
    lines = [
        Line(watch=a_watch(uploads[0], id=f"{number:016x}"), next_due=NOW + HOUR)
        for number in range(watch_count)
    ]
    everything = found(some_lists(*lists, troubles=troubles), lines, accounts=accounts, preferences=NIGHTS)
    return everything, replace(ONE, vaults=Vaults(vaults))


SEVERAL_LOOK = a_look(several_vaults=True)
LONG, LONG_FRAME = full(3, 20, 30)
VIEWS = {
    "home_not_linked": welcome(ONE),
    "home_not_linked_after_unlinking": welcome(TWO, errors.notice("Unlinked from promomats.")),
    "home_one_vault": home(found(), ONE, a_look()),
    "home_empty": home(found(some_lists(a_list())), ONE, a_look()),
    "home_several_vaults": home(SEVERAL, TWO, SEVERAL_LOOK, notice=errors.notice("Reminders are silent.")),
    "home_troubles": home(TROUBLES, TWO, SEVERAL_LOOK, reference="ABCD2345"),
    "home_vault_down": home(found(VaultSlow(vault="promomats")), ONE, a_look(), reference="ABCD2345"),
    "home_of_an_admin": home(
        found(some_lists(a_list(FINE, replace(FRESH, owner=BOB_IN_VAULT)))), ONE, a_look()
    ),
    "home_awkward": home(found(some_lists(a_list(an_upload(name=AWKWARD)))), ONE, a_look()),
    "home_page_2": home(LONG, LONG_FRAME, SEVERAL_LOOK, pages=Pages(2, 3)),
    "home_failed": failed(errors.failure(None, "ABCD2345")),
}
MODALS = {
    "modal_settings_one_vault": settings_modal([an_account()], Preferences(), vaults=ONE.vaults, usual=USUAL),
    "modal_settings_several": settings_modal(BOTH_ACCOUNTS, NIGHTS, vaults=BOTH, usual=USUAL),
    "modal_settings_nothing_known": settings_modal([], None, vaults=BOTH, usual=USUAL),
}


def assert_slack_shows(view: dict[str, Any], surface: str = HOME) -> None:
    """Slack's limits by two opinions, and no markup but our own."""
    read_view(view, surface)
    View(**view).validate_json()
    for text in mrkdwn_in(view["blocks"]):
        bare = DATE.sub("", text)
        for mention in MENTIONS:
            bare = bare.replace(mention, "")
        assert "<" not in bare, text
        assert ">" not in bare, text
        assert "&" not in ENTITY.sub("", bare), text


def told(view: dict[str, Any]) -> str:
    """All that stands in a view, in its order."""
    texts = [one["text"] for one in objects_in(view["blocks"]) if isinstance(one.get("text"), str)]
    return "\n".join(texts)


def values(view: dict[str, Any], action_id: str) -> list[dict[str, Any]]:
    """What the buttons of that name carry."""
    found = [one for one in buttons_in(view["blocks"]) if one["action_id"] == action_id]
    return [json.loads(one["value"]) for one in found if "value" in one]


def without_help(view: dict[str, Any]) -> dict[str, Any]:
    """The view without the words of `help`, which have a golden file of their own, and without the digest of it all."""
    helps = [block for count in (0, 2) for block in usage(BOTH_NAMES[:count]).blocks]
    known = {
        name: value for name, value in json.loads(view.get("private_metadata", "{}")).items() if name != "d"
    }
    blocks = [block for block in view["blocks"] if block not in helps]
    return {**view, "private_metadata": known, "blocks": blocks}


@pytest.mark.parametrize("name", VIEWS)
def test_home__golden(name: str) -> None:
    assert agrees(name, without_help(VIEWS[name]))
    assert_slack_shows(VIEWS[name])


def test_home__has_the_help() -> None:
    assert all(block in VIEWS["home_not_linked"]["blocks"] for block in usage(()).blocks)
    assert all(block in VIEWS["home_several_vaults"]["blocks"] for block in usage(BOTH_NAMES).blocks)


@pytest.mark.parametrize("name", MODALS)
def test_settings_modal__golden(name: str) -> None:
    assert agrees(name, MODALS[name])
    assert_slack_shows(MODALS[name], MODAL)


def test_home__urgent_first() -> None:
    """Of all Vaults together: about to expire, only the commit missing, not getting there, the rest."""
    view = VIEWS["home_several_vaults"]
    assert [one["u"] for one in values(view, "details")] == ["58d7", "e2a9", "a06c", "6e93", FINE.id]
    assert (
        "*Needs you*: 1 expires within 4 h, 1 waits for its commit, 2 have stalled or are too slow"
        in told(view)
    )
    assert values(view, "watch") == values(view, "details")
    assert {one["v"] for one in values(view, "details")} == {PROMOMATS.host, QUALITY.host}


def test_home__watches_are_acted_on_where_they_stand() -> None:
    """No button of the home asks for the list instead."""
    view = VIEWS["home_several_vaults"]
    menus = [one for one in objects_in(view["blocks"]) if one.get("action_id") == "snooze"]
    assert len(menus) == len(values(view, "unwatch")) == 2
    snoozes = [json.loads(option["value"]) for menu in menus for option in menu["options"]]
    assert all("l" not in one and "w" in one for one in [*snoozes, *values(view, "unwatch")])


def test_home__settings_in_words() -> None:
    text = told(VIEWS["home_several_vaults"])
    assert "*Default Vault*: promomats." in text
    assert "*When*: 2 h before an upload expires, unless" in text
    assert "*Quiet hours*: 22:30 to 06:00 (Europe/Berlin)" in text
    usual = told(VIEWS["home_one_vault"])
    assert "*When*: 24 h, 4 h and 1 h before an upload expires, as is usual here" in usual
    assert "Default Vault" not in usual.partition("Your accounts")[0]
    assert "*Quiet hours*: none" in usual


def test_home__one_trouble_does_not_empty_the_rest() -> None:
    text = told(VIEWS["home_troubles"])
    assert "⚠️ *quality*: Your link to Vault (quality) has ended" in text
    assert "Your uploads in 1 of 2 Vaults: 1" in text
    assert FINE.name in text
    assert "⚠️ *What you watch*: The bot's database cannot be used just now" in text
    assert "ABCD2345" in text
    assert "⚠️ *How you want to be told*" in text
    assert values(VIEWS["home_troubles"], "link") == [{"v": QUALITY.host}]
    assert [one["v"] for one in values(VIEWS["home_troubles"], "unlink")] == [PROMOMATS.host, QUALITY.host]


def test_home__every_part_fails() -> None:
    nothing = Found(
        uploads=NotLinked(vault="promomats"),
        watches=OutOfTime(),
        preferences=OutOfTime(),
        accounts=OutOfTime(),
    )
    view = home(nothing, ONE, a_look(), reference="ABCD2345")
    assert_slack_shows(view)
    assert "You have not linked your Vault account" in told(view)
    assert "Link account" in told(view)


def test_welcome__nothing_of_vaults() -> None:
    for view in (VIEWS["home_not_linked"], VIEWS["home_not_linked_after_unlinking"]):
        assert [one["action_id"] for one in buttons_in(view["blocks"])] == ["link"]
        assert "url" not in buttons_in(view["blocks"])[0]
    assert "quality" not in told(VIEWS["home_not_linked_after_unlinking"])


@pytest.mark.parametrize(("vault_count", "failing"), [(1, 0), (9, 0), (9, 8), (40, 0), (40, 39)])
def test_home__a_hundred_blocks_hold_everything(vault_count: int, failing: int) -> None:
    everything, frame = full(vault_count, 50, 100, failing)
    first = home(everything, frame, SEVERAL_LOOK, pages=Pages(2, 2), notice=saved("x"))
    assert_slack_shows(first)
    # Nothing was cut off: the version stands at the end of all.
    assert "version 1.2.3" in told({"blocks": first["blocks"][-1:]})
    assert len(json.dumps(first).encode()) < 250_000


def test_home__pages() -> None:
    """Every upload and watch stands on one page, and each page leads to its neighbours and keeps the other's place."""
    everything, frame = full(2, 20, 20)
    seen, stopped = list[tuple[str, str]](), list[str]()
    for number in range(1, 6):
        view = home(everything, frame, SEVERAL_LOOK, pages=Pages(number, min(number, 3)))
        seen += [(one["u"], one["v"]) for one in values(view, "details")]
        if number <= 3:
            stopped += [one["w"] for one in values(view, "unwatch")]
        assert f"(page {number} of 5)" in told(view)
        assert values(view, "open_list:back") == (
            [{"p": number - 1, "w": min(number, 3)}] if number > 1 else []
        )
        assert values(view, "open_list:on") == (
            [{"p": number + 1, "w": min(number, 3)}] if number < 5 else []
        )
        assert values(view, "open_list") == [{"p": number, "w": min(number, 3)}]
    assert len(set(seen)) == len(seen) == 40
    assert len(set(stopped)) == len(stopped) == 20


@given(st.integers(-5, 99), st.integers(-5, 99))
def test_home__a_page_that_is_not_there(uploads: int, watches: int) -> None:
    """A button of an older home leads to the nearest page there is."""
    view = home(SEVERAL, TWO, SEVERAL_LOOK, pages=Pages(uploads, watches))
    assert len(values(view, "details")) == 5
    assert len(values(view, "unwatch")) == 2
    assert json.loads(view["private_metadata"]) == {"d": digest(view), "p": 1, "w": 1}


def test_digest__the_moment_of_looking_is_no_change() -> None:
    def drawn(now: datetime = NOW, **changes: Any) -> str:
        return digest(home(found(**changes), ONE, a_look(now=now)))

    assert drawn(NOW + SECOND) == drawn(NOW)
    assert drawn(NOW + HOUR) != drawn(NOW)  # what was said of the time that is left is true no more
    assert drawn(uploads=some_lists(a_list(an_upload(uploaded=20 * MB)))) != drawn()
    assert drawn(watches=[Line(watch=a_watch())]) != drawn()
    assert drawn(preferences=NIGHTS) != drawn()


@settings(max_examples=40)
@given(st.lists(wild_uploads(), max_size=6), st.booleans())
def test_home__whatever_vault_says(uploads: list[UploadSession], several: bool) -> None:
    unique = {one.id: one for one in uploads}.values()
    account = an_account(identity=Identity(vault_user_id="1", vault_id="2"))
    view = home(
        found(some_lists(a_list(*unique, account=account)), [Line(watch=a_watch(one)) for one in unique]),
        TWO if several else ONE,
        a_look(several_vaults=several),
    )
    assert_slack_shows(view)


def test_settings_modal__what_is_known_of_the_person() -> None:
    fields = {
        one["block_id"]: one["element"]
        for one in MODALS["modal_settings_several"]["blocks"]
        if "element" in one
    }
    assert fields[VAULT]["initial_option"]["value"] == PROMOMATS.host
    assert fields[LEADS]["initial_value"] == "2h"
    assert fields["quiet_from"]["initial_time"] == "22:30"
    assert json.loads(MODALS["modal_settings_several"]["private_metadata"]) == {"v": PROMOMATS.host, "q": 1}
    assert json.loads(MODALS["modal_settings_nothing_known"]["private_metadata"]) == {}
