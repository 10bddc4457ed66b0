"""Slack's payloads as values; shapes as in the facts on Slack, section 7."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.accounts import SlackUser
from bot.slack.calls import HOME, SlackHome, View
from bot.slack.payloads import (
    from_action,
    from_command,
    from_event,
    from_global_shortcut,
    from_home_opened,
    from_mention,
    from_message_shortcut,
)

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


def test_from_action__in_the_card_below_a_link() -> None:
    """It stands in somebody's message: others see it, so the answer comes beside it, and to the clicker alone."""
    container = {
        "type": "message_attachment", "message_ts": "1.1", "attachment_id": 1, "channel_id": "C1",
        "is_ephemeral": False, "is_app_unfurl": True, "app_unfurl_url": "https://v.example/x",
    }  # fmt: skip
    for changes in (
        {"container": container},
        {"container": {"type": "message_attachment", "channel_id": "C1"}},
    ):
        call = from_action(
            click('{"u":"abc","v":"v.example"}', is_app_unfurl=True, app_unfurl={"id": 1}, **changes)
        )
        assert (call.kind, call.is_private, call.channel_id) == ("refresh", False, "C1")
        assert (call.state("u"), call.state("v"), call.state("m")) == ("abc", "v.example", None)
        assert (call.reply_to.replace_original, call.reply_to.in_public, call.reply_to.view) == (
            False,
            False,
            None,
        )
        assert call.reply_to.response_url == URL


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


# Mentions


def mentioned(text: str = "<@UBOT> status abc1", **changes: Any) -> dict[str, Any]:
    """Somebody names the app, in a message or, by `thread_ts`, a reply."""
    content = {
        "type": "app_mention",
        "user": "U1",
        "team": "T1",
        "text": text,
        "ts": "1790000000.000200",
        "channel": "C1",
        "event_ts": "1790000000.000200",
        **changes,
    }
    return happening(content, event_id="Ev1")


def test_from_mention() -> None:
    call = from_mention(mentioned())
    assert call.slack_user == SlackUser("T1", "U1", "T1")
    assert (call.kind, call.text, call.home) == ("mention", "status abc1", SlackHome(None, "T1"))
    assert (call.channel_id, call.thread_ts, call.message_ts) == (
        "C1",
        "1790000000.000200",
        "1790000000.000200",
    )
    assert (call.once, call.is_private) == ("event:Ev1", False)
    reply_to = call.reply_to
    assert (reply_to.channel_id, reply_to.thread_ts, reply_to.response_url) == ("C1", "1790000000.000200", "")
    assert (reply_to.in_public, reply_to.has_replies) == (True, False)
    assert not reply_to.alone.in_public


def test_from_mention__in_a_thread() -> None:
    call = from_mention(mentioned(thread_ts="1789999000.000100"))
    assert (call.thread_ts, call.message_ts) == ("1789999000.000100", "1790000000.000200")
    assert (call.reply_to.thread_ts, call.reply_to.has_replies) == ("1789999000.000100", True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<@UBOT> status abc1", "status abc1"),
        ("<@UBOT>", ""),
        ("  <@UBOT>  ", ""),
        ("<@UBOT>: list", "list"),
        ("<@UBOT>, list", "list"),
        ("<@UBOT|vault_uploads> list", "list"),
        ("Dear all, <@UBOT> list", "list"),
        ("list <@UBOT>", "list"),
        ("status abc1, <@UBOT>?", "status abc1,"),
        ("<@UBOT> <@UBOT> list", "list"),
        ("<@UBOT> list <@UBOT>", "list"),
        ("<@U2> <@UBOT> list <@U3|carol> <!here> <!subteam^S1|@team>", "list"),
        ("<@UBOT> list\nThank you", "list"),
        ("<@UBOT>\n```\nabc1\n```", "abc1"),
        ("first\nlist <@UBOT>", "list"),
        ("<@UBOT> watch abc1 24h here", "watch abc1 24h here"),
        ("<@UBOT> <https://v.example/api/v24.3/services/file_staging/upload/abc1>",
         "<https://v.example/api/v24.3/services/file_staging/upload/abc1>"),
        ("list", "list"),
        ("", ""),
    ],
)  # fmt: skip
def test_from_mention__what_was_said(text: str, said: str) -> None:
    assert from_mention(mentioned(text)).text == said


def test_from_mention__where_slack_does_not_say_who_the_app_is() -> None:
    """The first mention is then taken for it: without one, the app would not have been told."""
    body = {**mentioned("<@UBOT> list <@U2>"), "authorizations": []}
    assert from_mention(body).text == "list"


@pytest.mark.parametrize(
    "changes", [{"bot_id": "B1"}, {"bot_id": "B1", "user": "UBOT2"}, {"user": None}, {"user": ""}]
)
def test_from_mention__by_an_app_has_no_person(changes: dict[str, Any]) -> None:
    assert from_mention(mentioned(**changes)).slack_user.user_id == ""


@pytest.mark.parametrize(
    ("changes", "envelope", "slack_user", "home"),
    [
        ({"team": "T9"}, {}, SlackUser("T9", "U1", "T9"), SlackHome(None, "T1")),
        ({"team": "T1", "user_team": "T9"}, {}, SlackUser("T9", "U1", "T9"), SlackHome(None, "T1")),
        ({"team": None}, {}, SlackUser("T1", "U1", "T1"), SlackHome(None, "T1")),
        (
            {"team": "T2"},
            {"authorizations": [{"enterprise_id": "E1", "team_id": None, "is_enterprise_install": True}]},
            SlackUser("E1", "U1", "T2"),
            SlackHome("E1", None),
        ),
    ],
)
def test_from_mention__whose_workspace(
    changes: dict[str, Any], envelope: dict[str, Any], slack_user: SlackUser, home: SlackHome
) -> None:
    call = from_mention({**mentioned(**changes), **envelope})
    assert (call.slack_user, call.home) == (slack_user, home)
    assert call.slack_user.team_id == slack_user.team_id


@pytest.mark.parametrize("event_id", [None, ""])
def test_from_mention__without_an_id_is_not_taken_for_another(event_id: str | None) -> None:
    assert from_mention({**mentioned(), "event_id": event_id}).once == ""


@pytest.mark.parametrize(
    "body", [{}, {"event": None}, {"event": {"ts": 7, "thread_ts": "x", "channel": ["C1"], "text": None}}]
)
def test_from_mention__odd_ones_raise_nothing(body: dict[str, Any]) -> None:
    call = from_mention(body)
    assert (call.channel_id, call.thread_ts, call.text, call.once) == ("", "", "", "")


# Shortcuts and the home


def shortcut(**changes: Any) -> dict[str, Any]:
    """A global shortcut; with a message, one of its menu."""
    return {
        "type": "shortcut",
        "callback_id": "my_uploads",
        "trigger_id": "1.2.a",
        "user": {"id": "U1", "username": "alice", "team_id": "T1"},
        "team": {"id": "T1", "domain": "nordlicht"},
        "enterprise": None,
        **changes,
    }


def of_message(message: object, **changes: Any) -> dict[str, Any]:
    """A message shortcut."""
    there = {"callback_id": "check_upload", "response_url": URL, "channel": {"id": "C1"}, "message": message}
    return shortcut(type="message_action", message_ts="1790000000.000200", **there, **changes)


def test_from_message_shortcut() -> None:
    message = {"type": "message", "user": "U2", "text": "id abc1", "ts": "1790000000.000200"}
    call = from_message_shortcut(of_message(message))
    assert (call.kind, call.slack_user) == ("shortcut:check_upload", SlackUser("T1", "U1", "T1"))
    assert call.values == message
    assert (call.channel_id, call.message_ts, call.thread_ts) == (
        "C1",
        "1790000000.000200",
        "1790000000.000200",
    )
    reply_to = call.reply_to
    assert (reply_to.response_url, reply_to.thread_ts) == (URL, "1790000000.000200")
    assert (reply_to.replace_original, reply_to.in_public) == (False, False)
    assert (call.trigger_id, call.is_private) == ("1.2.a", True)


def test_from_message_shortcut__on_a_reply_answers_in_its_thread() -> None:
    call = from_message_shortcut(of_message({"ts": "1790000000.000200", "thread_ts": "1789999000.000100"}))
    assert call.thread_ts == call.reply_to.thread_ts == "1789999000.000100"


@pytest.mark.parametrize("message", [None, [], "x", {}, {"ts": 7, "thread_ts": {}}])
def test_from_message_shortcut__odd_messages_raise_nothing(message: object) -> None:
    call = from_message_shortcut(of_message(message))
    assert call.thread_ts == "1790000000.000200"


def test_from_global_shortcut__comes_from_nowhere() -> None:
    call = from_global_shortcut(shortcut())
    assert (call.kind, call.slack_user) == ("shortcut:my_uploads", SlackUser("T1", "U1", "T1"))
    assert (call.channel_id, call.thread_ts, call.trigger_id) == ("", "", "1.2.a")
    assert (call.reply_to.response_url, call.reply_to.channel_id) == ("", "")


@pytest.mark.parametrize("reader", [from_global_shortcut, from_message_shortcut, from_home_opened])
def test_surfaces__of_nothing_raise_nothing(reader: Any) -> None:
    assert reader({}).slack_user.user_id == ""


def test_from_home_opened() -> None:
    view = {"id": "V1", "type": "home", "hash": "1.x", "blocks": []}
    content = {"type": "app_home_opened", "user": "U1", "channel": "D1", "tab": "home", "view": view}
    call = from_home_opened(happening(content, event_id="Ev2"))
    assert (call.kind, call.text, call.once) == ("home", "home", "event:Ev2")
    assert call.slack_user == SlackUser("T1", "U1", "T1")
    assert call.reply_to.view == View(id="V1", kind=HOME, hash="1.x")


def test_from_home_opened__before_there_was_one() -> None:
    call = from_home_opened(happening({"type": "app_home_opened", "user": "U1", "tab": "messages"}))
    assert (call.text, call.once) == ("messages", "")
    assert call.reply_to.view == View(id="", kind=HOME)


# Whether a click is one on the button that stands there


@pytest.mark.parametrize(
    ("blocks", "is_genuine"),
    [
        ([{"type": "actions", "elements": [{"action_id": "refresh", "value": '{"u":"abc","p":2}'}]}], True),
        ([{"type": "section"}, None, 7, {"elements": None}, {"elements": [None, {}]}], False),
        ([{"type": "actions", "elements": [{"action_id": "refresh", "value": '{"u":"abd","p":2}'}]}], False),
        ([{"type": "actions", "elements": [{"action_id": "share", "value": '{"u":"abc","p":2}'}]}], False),
        ([], False),
        (None, False),
        ("x", False),
    ],
)
def test_from_action__is_genuine_where_the_message_has_the_button(
    blocks: object, *, is_genuine: bool
) -> None:
    assert from_action(click(message={"blocks": blocks})).is_genuine is is_genuine


def test_from_action__without_its_message_is_not_known_to_be_genuine() -> None:
    """Slack hands no message on with a click on an ephemeral one."""
    assert not from_action(click()).is_genuine
