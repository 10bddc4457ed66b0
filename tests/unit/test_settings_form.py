"""The form with settings, as it comes back."""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.demo.slack.block_kit import MODAL
from bot.demo.slack.forms import filled, initial_state
from bot.demo.slack.views import read_view
from bot.model.watches import Preferences
from bot.slack.blocks.settings_modal import SETTINGS, settings_modal
from bot.slack.calls import Call
from bot.slack.listeners.home import HomeAnswers, Settings
from bot.slack.payloads import from_view
from tests.factories import BOTH, HOUR, MINUTE, PROMOMATS, QUALITY, an_account

USUAL = (24 * HOUR, HOUR)
NIGHTS = Preferences(quiet_from=22 * 60 + 30, quiet_to=6 * 60, lead_times=(2 * HOUR,))
BOTH_ACCOUNTS = [an_account(), an_account(vault_host=QUALITY.host)]
ANSWERS = HomeAnswers(cast("Any", None))


def sent(typed: Mapping[str, Any], preferences: Preferences | None = NIGHTS, several: bool = True) -> Call:
    """The form as it comes back, once a person has changed these fields."""
    accounts = BOTH_ACCOUNTS if several else BOTH_ACCOUNTS[:1]
    view = settings_modal(accounts, preferences, vaults=BOTH, usual=USUAL)
    blocks = read_view(view, MODAL)["blocks"]
    state = filled(blocks, initial_state(blocks), {name: {name: value} for name, value in typed.items()})
    return from_view(
        {
            "type": "view_submission",
            "team": {"id": "T1"},
            "user": {"id": "U1", "team_id": "T1"},
            "trigger_id": "1.2.b",
            "view": {
                "callback_id": SETTINGS,
                "private_metadata": view["private_metadata"],
                "state": {"values": state},
            },
        }
    )


async def wishes(call: Call) -> Settings:
    """What would be stored."""
    answer, faults = await ANSWERS.settings_sent(call)
    assert faults == {}
    assert isinstance(answer, partial)
    found = answer.args[0]
    assert isinstance(found, Settings)
    return found


async def test_sent__as_it_opened() -> None:
    found = await wishes(sent({}))
    assert found == Settings(
        vault_host="", lead_times=(2 * HOUR,), quiet=(22 * 60 + 30, 6 * 60), is_whole=True
    )


async def test_sent__changed() -> None:
    typed = {"vault": QUALITY.host, "leads": "5m, 90s", "quiet_to": "05:00"}
    found = await wishes(sent(typed))
    assert (found.vault_host, found.lead_times) == (QUALITY.host, (5 * MINUTE, timedelta(seconds=90)))
    assert found.quiet == (22 * 60 + 30, 5 * 60)


async def test_sent__back_to_what_is_usual() -> None:
    found = await wishes(sent({"leads": "  ", "quiet": []}))
    assert (found.lead_times, found.quiet) == (None, None)


async def test_sent__one_vault_needs_no_default() -> None:
    assert (await wishes(sent({}, several=False))).vault_host == ""


async def test_sent__opened_without_knowing() -> None:
    found = await wishes(sent({}, preferences=None))
    assert found == Settings(vault_host="", lead_times=None, quiet=None, is_whole=False)


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"leads": "soon"}, "leads", "For each time before expiry"),
        ({"leads": "4d"}, "leads", "between 5s and 3d"),
        ({"leads": "1h 2h 3h 4h 5h 6h 7h"}, "leads", "at most 6"),
        ({"quiet": ["on"], "quiet_from": None}, "quiet_from", "when your quiet hours begin"),
        ({"quiet": ["on"], "quiet_from": "06:00"}, "quiet_to", "Choose another time"),
    ],
)
async def test_sent__faults(typed: dict[str, Any], field: str, said: str) -> None:
    answer, faults = await ANSWERS.settings_sent(sent(typed))
    assert answer is None
    assert list(faults) == [field]
    assert said in faults[field]


_wild = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=9,
)
_names = st.sampled_from(["vault", "leads", "quiet", "quiet_from", "quiet_to", "value", "selected_option"])


@settings(max_examples=50)
@given(st.dictionaries(_names, st.dictionaries(_names, st.dictionaries(_names, _wild) | _wild) | _wild))
async def test_sent__whatever_a_client_sends(values: dict[str, Any]) -> None:
    """It is read or refused, and never breaks."""
    call = from_view({"view": {"callback_id": SETTINGS, "state": {"values": values}}})
    answer, faults = await ANSWERS.settings_sent(call)
    assert (answer is None) is bool(faults)


def test_vault_option__is_the_host() -> None:
    view = settings_modal(BOTH_ACCOUNTS, NIGHTS, vaults=BOTH, usual=USUAL)
    options = view["blocks"][0]["element"]["options"]
    assert [one["value"] for one in options] == [PROMOMATS.host, QUALITY.host]
