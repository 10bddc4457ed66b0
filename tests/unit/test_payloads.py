"""Slack's payloads as values; shapes as in the facts on Slack, section 7."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.accounts import SlackUser
from bot.slack.payloads import SlackHome, from_action, from_command, from_event

URL = "https://hooks.slack.com/commands/T1/1/x"


def command(**changes: Any) -> dict[str, Any]:
    """A slash command."""
    return {
        "team_id": "T1",
        "team_domain": "nordlicht",
        "channel_id": "C1",
        "user_id": "U1",
        "command": "/upload-status",
        "text": "list",
        "response_url": URL,
        "trigger_id": "1.2.a",
        "api_app_id": "A1",
        **changes,
    }


def click(value: object = '{"u":"abc","p":2}', **changes: Any) -> dict[str, Any]:
    """A click on a button of an ephemeral message."""
    return {
        "type": "block_actions",
        "response_url": URL,
        "user": {"id": "U1", "username": "alice", "team_id": "T1"},
        "team": {"id": "T1", "domain": "nordlicht"},
        "enterprise": None,
        "channel": {"id": "C1", "name": "general"},
        "container": {"type": "message", "message_ts": "1.1", "is_ephemeral": True},
        "actions": [{"type": "button", "action_id": "refresh", "block_id": "b", "value": value}],
        **changes,
    }


def happening(content: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """An event in its envelope."""
    sent_by = {"enterprise_id": None, "team_id": "T1", "user_id": "UBOT", "is_enterprise_install": False}
    return {
        "type": "event_callback",
        "team_id": "T1",
        "event": content,
        "authorizations": [sent_by],
        **changes,
    }


def test_from_command() -> None:
    call = from_command(command())
    assert call.slack_user == SlackUser(workspace="T1", user_id="U1", team_id="T1")
    assert call.slack_user.team_id == "T1"
    assert (call.kind, call.text, call.value) == ("command", "list", None)
    assert (call.reply_to.response_url, call.reply_to.replace_original) == (URL, False)
    assert call.reply_to.slack_user is call.slack_user


def test_from_command__in_an_enterprise() -> None:
    call = from_command(command(enterprise_id="E1"))
    assert (call.slack_user.workspace, call.slack_user.team_id) == ("E1", "T1")


ORG = {"id": "E1", "name": "Org"}


@pytest.mark.parametrize(
    ("changes", "home"),
    [
        ({}, SlackHome(None, "T1")),
        ({"is_enterprise_install": "false"}, SlackHome(None, "T1")),
        ({"enterprise_id": "E1", "is_enterprise_install": "false"}, SlackHome("E1", "T1")),
        ({"enterprise_id": "E1", "is_enterprise_install": "true"}, SlackHome("E1", None)),
        ({"team_id": None}, SlackHome(None, None)),
    ],
)
def test_from_command__which_installation(changes: dict[str, Any], home: SlackHome) -> None:
    assert from_command(command(**changes)).home == home


@pytest.mark.parametrize(
    ("changes", "home"),
    [
        ({}, SlackHome(None, "T1")),
        # In Slack Connect the person's team is another than the one that has the app.
        ({"user": {"id": "U1", "team_id": "T9"}}, SlackHome(None, "T1")),
        ({"enterprise": ORG}, SlackHome("E1", "T1")),
        ({"team": {"id": "T1", "enterprise_id": "E1"}}, SlackHome("E1", "T1")),
        ({"enterprise": ORG, "team": None, "is_enterprise_install": True}, SlackHome("E1", None)),
        ({"enterprise": ORG, "is_enterprise_install": True}, SlackHome("E1", None)),
        ({"team": None}, SlackHome(None, "T1")),
        ({"team": None, "user": {"id": "U1"}}, SlackHome(None, None)),
    ],
)
def test_from_action__which_installation(changes: dict[str, Any], home: SlackHome) -> None:
    assert from_action(click(**changes)).home == home


@pytest.mark.parametrize(
    ("changes", "home"),
    [
        ({}, SlackHome(None, "T1")),
        # An app that is removed has no authorization left.
        ({"authorizations": []}, SlackHome(None, "T1")),
        ({"authorizations": None, "enterprise_id": "E1"}, SlackHome("E1", "T1")),
        (
            {"authorizations": [None], "enterprise_id": "E1", "is_enterprise_install": True},
            SlackHome("E1", None),
        ),
        (
            {"authorizations": [{"enterprise_id": "E1", "team_id": None, "is_enterprise_install": True}]},
            SlackHome("E1", None),
        ),
        ({"authorizations": [{"enterprise_id": "E1", "team_id": "T2"}]}, SlackHome("E1", "T2")),
    ],
)
def test_from_event__which_installation(changes: dict[str, Any], home: SlackHome) -> None:
    assert from_event(happening({"type": "app_uninstalled"}, **changes)).home == home


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ({"id": "U1", "team_id": "T1", "deleted": True}, SlackUser("T1", "U1", "T1")),
        ({"id": "U1"}, SlackUser("T1", "U1", "T1")),
        (
            {"id": "U1", "team_id": "T2", "enterprise_user": {"enterprise_id": "E1"}},
            SlackUser("E1", "U1", "T2"),
        ),
        ("U1", SlackUser("T1", "U1", "T1")),
        ({}, None),
        (None, None),
        (7, None),
    ],
)
def test_from_event__whom_it_is_about(user: object, expected: SlackUser | None) -> None:
    found = from_event(happening({"type": "user_change", "user": user})).slack_user
    assert found == expected
    if expected is not None and found is not None:
        assert found.team_id == expected.team_id


@pytest.mark.parametrize(
    ("content", "is_departure"),
    [
        ({"type": "app_uninstalled"}, True),
        ({"type": "tokens_revoked", "tokens": {"oauth": ["U1"], "bot": ["UBOT"]}}, True),
        ({"type": "tokens_revoked", "tokens": {"oauth": ["U1"], "bot": []}}, False),
        ({"type": "tokens_revoked", "tokens": {"oauth": ["U1"]}}, False),
        ({"type": "tokens_revoked"}, False),
        ({"type": "user_change", "user": {"id": "U1", "deleted": True}}, True),
        ({"type": "user_change", "user": {"id": "U1", "deleted": False}}, False),
        ({"type": "user_change", "user": {"id": "U1"}}, False),
        ({"type": "user_change", "user": "U1"}, False),
        ({"type": "app_mention", "user": "U1"}, False),
        ({}, False),
    ],
)
def test_is_departure(content: dict[str, Any], *, is_departure: bool) -> None:
    assert from_event(happening(content)).is_departure is is_departure


@pytest.mark.parametrize("body", [{}, {"event": None}, {"event": []}, {"authorizations": "x", "event": {}}])
def test_from_event__odd_envelopes_raise_nothing(body: dict[str, Any]) -> None:
    event = from_event(body)
    assert (event.kind, event.slack_user, event.is_departure) == ("", None, False)


def test_calls__have_a_reference_of_their_own() -> None:
    one, other = from_command(command()), from_command(command())
    assert one.reference != other.reference
    assert one.asker.reference == one.reference
    assert one.asker.slack_user is one.slack_user


@pytest.mark.parametrize("missing", ["text", "response_url", "enterprise_id", "team_id", "user_id"])
@pytest.mark.parametrize("how", ["absent", None, ""])
def test_from_command__missing_field_is_empty(missing: str, how: str | None) -> None:
    body = command(**{missing: how})
    if how == "absent":
        del body[missing]
    call = from_command(body)
    shown = {
        "text": call.text,
        "response_url": call.reply_to.response_url,
        "team_id": call.slack_user.team_id,
        "user_id": call.slack_user.user_id,
    }
    assert shown.get(missing, "") == ""
    assert call.slack_user.workspace == ("" if missing == "team_id" else "T1")


def test_from_action() -> None:
    call = from_action(click())
    assert call.slack_user == SlackUser(workspace="T1", user_id="U1", team_id="T1")
    assert (call.kind, call.text) == ("refresh", "")
    assert (call.reply_to.response_url, call.reply_to.replace_original) == (URL, True)
    assert call.state("u") == "abc"
    assert call.number("p", 1) == 2


@pytest.mark.parametrize(
    ("container", "replaced"),
    [({"is_ephemeral": True}, True), ({"is_ephemeral": False}, False), ({}, False), (None, False)],
)
def test_from_action__only_an_ephemeral_message_is_replaced(
    container: dict[str, bool] | None, *, replaced: bool
) -> None:
    assert from_action(click(container=container)).reply_to.replace_original is replaced


@pytest.mark.parametrize(
    ("changes", "workspace", "team_id"),
    [
        ({"enterprise": {"id": "E1", "name": "Org"}}, "E1", "T1"),
        ({"enterprise": {"id": "E1"}, "team": None}, "E1", "T1"),
        ({"user": {"id": "U1"}}, "T1", "T1"),
        ({"user": {"id": "U1", "team_id": "T9"}}, "T9", "T9"),
    ],
)
def test_from_action__whose_workspace(changes: dict[str, Any], workspace: str, team_id: str) -> None:
    """The person's own team counts: in Slack Connect it is not the one the app is installed in."""
    slack_user = from_action(click(**changes)).slack_user
    assert (slack_user.workspace, slack_user.user_id, slack_user.team_id) == (workspace, "U1", team_id)


@pytest.mark.parametrize("missing", sorted(click()))
@pytest.mark.parametrize("how", ["absent", None])
def test_from_action__missing_field_raises_nothing(missing: str, how: str | None) -> None:
    body = click(**{missing: how})
    if how == "absent":
        del body[missing]
    call = from_action(body)
    assert call.kind == ("action" if missing == "actions" else "refresh")
    assert (call.state("u") == "abc") == (missing != "actions")


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "x",
        "null",
        "[]",
        "1",
        '"u"',
        "{}",
        '{"u":null}',
        '{"u":7}',
        '{"u":["a"]}',
        '{"u":""}',
        '{"u":"a"',
        {"u": "abc"},
        "[" * 2000,
        '{"u":' * 400,
        "9" * 5000,
    ],
)
def test_state__odd_values_are_none(value: object) -> None:
    call = from_action(click(value))
    assert call.state("u") is None
    assert call.number("p", 1) == 1


@pytest.mark.parametrize(
    ("found", "number"),
    [(3, 3), (-3, -3), (0, 0), (True, 7), ("3", 7), (3.0, 7), (None, 7), (10**30, 10**30)],
)
def test_number__only_whole_numbers(found: object, number: int) -> None:
    assert from_action(click(json.dumps({"p": found}))).number("p", 7) == number


def test_state__is_cut() -> None:
    assert from_action(click(json.dumps({"u": "a" * 1900}))).state("u") == "a" * 300


@given(
    st.text() | st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists).map(json.dumps)
)
def test_from_action__any_value(value: str) -> None:
    call = from_action(click(value))
    assert call.state("u") is None or isinstance(call.state("u"), str)
