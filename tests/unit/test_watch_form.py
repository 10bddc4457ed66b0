"""The form behind the button Watch: as Slack takes it, as it comes back, and what is said of mistakes in it."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.models.views import View

from bot.demo.slack.block_kit import MODAL
from bot.demo.slack.forms import filled, initial_state
from bot.demo.slack.views import read_view
from bot.model.accounts import SlackUser
from bot.model.watches import Preferences, Topic
from bot.slack.blocks.watch_modal import modal, not_opened
from bot.slack.calls import Call, SlackHome
from bot.slack.listeners.watch_form import WatchForm, read
from bot.slack.payloads import from_action, from_command, from_view
from tests.factories import DASHED_ID, HOUR, MINUTE, PROMOMATS
from tests.unit.golden_files import agrees
from tests.unit.slack_eyes import assert_slack_takes
from tests.unit.wild_uploads import VAULT_IDS

URL = "https://hooks.slack.com/actions/T1/1/x"
USUAL = (24 * HOUR, 4 * HOUR, HOUR)
NO_WISHES = Preferences()
NIGHTS = Preferences(quiet_from=22 * 60 + 30, quiet_to=6 * 60)
EVERYTHING = frozenset(Topic)


def a_modal(
    preferences: Preferences | None = NO_WISHES, channel_id: str = "C1", **changes: Any
) -> dict[str, Any]:
    """The form as it is opened."""
    given_ = {"lead_times": USUAL, "preferences": preferences, "channel_id": channel_id, "response_url": URL}
    return modal(DASHED_ID, PROMOMATS.host, **{**given_, **changes})


def sent(view: dict[str, Any], typed: Mapping[str, Any] | None = None, **changes: Any) -> Call:
    """The form as it comes back, once a person has changed these fields."""
    blocks = read_view(view, MODAL)["blocks"]
    values = {name: {name: value} for name, value in (typed or {}).items()}
    state = filled(blocks, initial_state(blocks), values)
    body = {
        "type": "view_submission",
        "team": {"id": "T1"},
        "user": {"id": "U1", "team_id": "T1"},
        "trigger_id": "1.2.b",
        "view": {
            "callback_id": view["callback_id"],
            "private_metadata": view["private_metadata"],
            "state": {"values": state},
        },
    }
    return from_view({**body, **changes})


@pytest.mark.parametrize(
    ("name", "view"),
    [
        ("modal_watch", a_modal()),
        ("modal_watch_in_direct_message", a_modal(NIGHTS, "")),
        ("modal_watch_nothing_known", a_modal(None)),
    ],
)
def test_modal__golden_and_as_slack_takes_it(name: str, view: dict[str, Any]) -> None:
    assert agrees(name, view)
    read_view(view, MODAL)
    View(**view).validate_json()


def test_modal__has_a_place_to_choose_only_in_a_channel() -> None:
    assert [block["block_id"] for block in a_modal()["blocks"][1:]] == [
        "leads",
        "place",
        "topics",
        "quiet",
        "quiet_from",
        "quiet_to",
    ]
    assert "place" not in [block.get("block_id") for block in a_modal(channel_id="")["blocks"]]


def test_modal__a_response_url_too_long_for_slack_is_left_out() -> None:
    call = sent(a_modal(response_url=f"https://x.example/{'x' * 3000}"))
    assert call.reply_to.response_url == ""
    assert (call.state("u"), call.state("v"), call.channel_id) == (DASHED_ID, PROMOMATS.host, "C1")


def test_form__sent_as_it_is() -> None:
    call = sent(a_modal())
    assert (call.kind, call.trigger_id) == ("view:watch", "1.2.b")
    assert call.slack_user == SlackUser("T1", "U1", "T1")
    assert call.home == SlackHome(None, "T1")
    assert (call.state("u"), call.state("v"), call.channel_id) == (DASHED_ID, PROMOMATS.host, "C1")
    assert (call.reply_to.response_url, call.reply_to.replace_original) == (URL, False)
    assert call.number("q", 0) == 1
    assert read(call) == (WatchForm(lead_times=USUAL, here=False, topics=EVERYTHING, quiet=None), {})


def test_form__everything_changed() -> None:
    typed = {
        "leads": "2d, 30m",
        "place": "here",
        "topics": ["stalled", "ended"],
        "quiet": ["on"],
        "quiet_from": "23:15",
        "quiet_to": "00:00",
    }
    topics = frozenset({Topic.STALLED, Topic.ENDED})
    wishes = WatchForm(lead_times=(48 * HOUR, 30 * MINUTE), here=True, topics=topics, quiet=(23 * 60 + 15, 0))
    assert read(sent(a_modal(), typed)) == (wishes, {})


def test_form__quiet_hours_stay_as_they_were() -> None:
    wishes, _ = read(sent(a_modal(NIGHTS)))
    assert wishes is not None
    assert wishes.quiet == (22 * 60 + 30, 6 * 60)


def test_form__no_topics_and_no_quiet_hours() -> None:
    wishes, _ = read(sent(a_modal(NIGHTS), {"topics": [], "quiet": [], "quiet_from": None}))
    assert wishes == WatchForm(lead_times=USUAL, here=False, topics=frozenset(), quiet=None)


def test_form__says_whether_the_persons_own_were_known() -> None:
    assert sent(a_modal(None)).number("q", 0) == 0


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"leads": "soon"}, "leads", "For each time before expiry, write a number and a unit"),
        ({"leads": ""}, "leads", "Write at least one time before expiry, such as 24h."),
        ({"leads": "5d"}, "leads", "A time before expiry is between 5s and 3d."),
        ({"quiet": ["on"], "quiet_from": None}, "quiet_from", "Choose when your quiet hours begin."),
        ({"quiet": ["on"], "quiet_to": None}, "quiet_to", "Choose when your quiet hours end."),
        (
            {"quiet": ["on"], "quiet_to": "22:00"},
            "quiet_to",
            "Choose another time than the one they begin at.",
        ),
    ],
)
def test_form__mistakes_are_told_beside_their_field(typed: dict[str, Any], field: str, words: str) -> None:
    wishes, faults = read(sent(a_modal(), typed))
    assert wishes is None
    assert list(faults) == [field]
    assert faults[field].startswith(words)
    assert field in [block.get("block_id") for block in a_modal()["blocks"] if block["type"] == "input"]


def test_form__several_mistakes_at_once() -> None:
    _, faults = read(sent(a_modal(), {"leads": "x", "quiet": ["on"], "quiet_from": None}))
    assert set(faults) == {"leads", "quiet_from"}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["on", "here", "22:00"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["value", "selected_option", "selected_options", "selected_time"]), inner
        )
    ),
)


@given(values=st.dictionaries(st.sampled_from(["leads", "place", "topics", "quiet", "quiet_from"]), JSON))
def test_form__anything_at_all(values: dict[str, Any]) -> None:
    body = {"view": {"state": {"values": {name: {name: value} for name, value in values.items()}}}}
    wishes, faults = read(from_view(body))
    assert (wishes is None) == bool(faults)
    assert read(from_view({"view": {"state": {"values": values}}}))[0] is None


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        "",
        "x",
        "[]",
        '{"u":7,"c":"C1 ","r":"ftp://x"}',
        '{"c":"<!channel>","r":["https://x"]}',
        json.dumps({"c": "C" * 60, "r": f"https://x/{'x' * 1000}"}),
    ],
)
def test_from_view__odd_metadata_says_nothing(metadata: object) -> None:
    call = from_view({"view": {"private_metadata": metadata}})
    assert (call.state("u"), call.channel_id, call.reply_to.response_url) == (None, "", "")


@pytest.mark.parametrize("body", [{}, {"view": None}, {"view": {"state": None}}, {"user": "U1", "view": []}])
def test_from_view__odd_bodies_raise_nothing(body: dict[str, Any]) -> None:
    call = from_view(body)
    assert (call.kind, call.values) == ("view:", {})


# Where commands and clicks came from


@pytest.mark.parametrize(
    ("channel", "found"),
    [("C1", "C1"), ("D0X", "D0X"), ("G1", "G1"), ("", ""), (None, ""), ("x", ""), (7, "")],
)
def test_channel__of_a_command(channel: object, found: str) -> None:
    call = from_command({"channel_id": channel, "trigger_id": "1.2.a"})
    assert (call.channel_id, call.trigger_id, call.thread_ts) == (found, "1.2.a", "")


def test_channel__of_a_click() -> None:
    container = {"type": "message", "channel_id": "C2", "thread_ts": "1.5", "is_ephemeral": False}
    click = {"container": container, "trigger_id": "1.2.a", "actions": [{"action_id": "watch"}]}
    call = from_action(click)
    assert (call.channel_id, call.thread_ts, call.trigger_id) == ("C2", "1.5", "1.2.a")
    assert from_action({**click, "channel": {"id": "C1"}}).channel_id == "C1"


@pytest.mark.parametrize(
    ("option", "word"),
    [({"value": '{"w":"ab","s":"4h"}'}, "4h"), ({"value": "x"}, None), (None, None), ("x", None)],
)
def test_choice__is_read_like_a_buttons_value(option: object, word: str | None) -> None:
    action = {"type": "static_select", "action_id": "snooze", "selected_option": option}
    assert from_action({"actions": [action]}).state("s") == word


@given(upload_id=VAULT_IDS, leads=st.lists(st.timedeltas(timedelta(seconds=5), 72 * HOUR), max_size=6))
def test_modal__of_any_upload(upload_id: str, leads: list[timedelta]) -> None:
    read_view(modal(upload_id, "v", lead_times=leads or USUAL, preferences=None), MODAL)
    assert_slack_takes(not_opened(upload_id))
