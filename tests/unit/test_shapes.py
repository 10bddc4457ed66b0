"""Payloads that Bolt could not take: named, not tried."""

from typing import Any

import pytest
from slack_bolt.request.async_request import AsyncBoltRequest

from bot.slack.shapes import NotOfSlack, checked

CLICK: dict[str, Any] = {
    "type": "block_actions", "team": {"id": "T1"}, "user": {"id": "U1"}, "channel": {"id": "C1"}, "enterprise": None,
    "container": {"type": "message"}, "actions": [{"action_id": "refresh", "block_id": "b"}], "trigger_id": "1.2.a",
}  # fmt: skip
EVENT: dict[str, Any] = {
    "type": "event_callback", "team_id": "T1", "event": {"type": "app_mention", "user": "U1", "channel": "C1"},
    "authorizations": [{"team_id": "T1", "enterprise_id": None}], "event_id": "Ev1",
}  # fmt: skip


@pytest.mark.parametrize(
    "payload", [CLICK, EVENT, {"command": "/upload-status", "text": ""}, {"type": "shortcut"}]
)
def test_checked__leaves_what_slack_sends(payload: dict[str, Any]) -> None:
    found = checked(payload)
    assert found == checked(found)
    assert {name for name, value in payload.items() if value is not None} == set(found)


def test_checked__null_is_nothing() -> None:
    assert "enterprise" not in checked(CLICK)
    assert "enterprise_id" not in checked(EVENT)["authorizations"][0]


def test_checked__two_response_urls_break_nothing() -> None:
    """Bolt 1.30 wants to log that there are two before it has a logger (KeyError)."""
    sent = {
        "type": "view_submission",
        "view": {"callback_id": "watch", "type": "modal"},
        "response_urls": [{"response_url": "x"}] * 2,
    }
    with pytest.raises(KeyError):
        AsyncBoltRequest(mode="socket_mode", body=sent)
    AsyncBoltRequest(mode="socket_mode", body=checked(sent))


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({**CLICK, "team": 7}, "team"),
        ({**CLICK, "user": True}, "user"),
        ({**CLICK, "channel": []}, "channel"),
        ({**CLICK, "actions": []}, "actions"),
        ({**CLICK, "actions": True}, "actions"),
        ({**CLICK, "actions": ["refresh"]}, "actions"),
        ({**CLICK, "actions": [{"block_id": "b"}]}, "actions"),
        ({**CLICK, "actions": [{"action_id": 7}]}, "action_id"),
        ({name: value for name, value in CLICK.items() if name != "actions"}, "actions"),
        ({**EVENT, "authorizations": "T1"}, "authorizations"),
        ({**EVENT, "authorizations": [1]}, "authorizations"),
        ({**EVENT, "event": "app_mention"}, "event"),
        ({**EVENT, "event": {"type": 7}}, "type"),
        ({**EVENT, "event": {"type": "x", "user": False}}, "user"),
        ({"type": "view_closed", "view": True}, "view"),
        ({"type": "view_submission"}, "view"),
        ({"type": "view_submission", "view": {"callback_id": "watch"}}, "view"),
        ({"type": "view_submission", "view": {"callback_id": "x", "type": "workflow_step"}}, "workflow_step"),
        ({"type": "workflow_step_edit", "callback_id": "x"}, "workflow_step"),
        ({"type": "interactive_message", "callback_id": "x"}, "actions"),
        ({"type": "interactive_message", "callback_id": "x", "actions": []}, "actions"),
        ({"type": "shortcut", "callback_id": 7}, "callback_id"),
        ({"command": {}}, "command"),
    ],
)
def test_checked__names_the_field_that_is_off(payload: dict[str, Any], field: str) -> None:
    with pytest.raises(NotOfSlack, match=f"^{field}$"):
        checked(payload)


def test_checked__half_of_a_sign_is_replaced() -> None:
    """JSON can name one; no database and no request can hold it."""
    found = checked(
        {
            **CLICK,
            "trigger_id": "a\ud800b",
            "user": {"id": "U\udc00", "name": "\U0001f4a9"},
            "\ud800": ["\ud800"],
        }
    )
    assert found["trigger_id"] == "a\ufffdb"
    assert found["user"] == {"id": "U\ufffd", "name": "\U0001f4a9"}
    assert found["\ufffd"] == ["\ufffd"]


def test_checked__nested_too_deeply() -> None:
    deep: Any = "x"
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(NotOfSlack, match="nested"):
        checked({**CLICK, "state": {"values": deep}})
    while isinstance(deep, list):  # or Python itself would take the way down, when it frees it
        deep = deep[0]
