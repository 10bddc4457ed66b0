"""What `make fuzz` once found, each as the payload that did it."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from bot.demo.slack.messages import Message
from bot.demo.vault import seed
from tests.fuzz.door import Answer
from tests.fuzz.slack_payloads import FORM, JSON, WITHIN, encoded
from tests.fuzz.world import World, assert_ack


@pytest.fixture
def world() -> Iterator[World]:
    """The bot between the emulators, in this process."""
    with World() as found:
        yield found


def send(world: World, body: bytes, kind: str) -> tuple[Answer, list[Message]]:
    """Send it as Slack would; return the ack and what people then read. Nothing may be wrong with either."""
    before = len(world.demo.slack.messages)
    response = world.run(world.send(body, world.demo.slack.signed(body, kind)))
    assert_ack(response)
    world.look()
    return response, world.demo.slack.messages[before:]


def test_slack_endpoint__what_was_found(world: World) -> None:
    """In one world, since it takes seconds to make one."""
    user = {"id": "U0ALICE", "team_id": "T0NORDLICHT"}

    # A form with two response_urls: Bolt broke, and Slack was told 500.
    form: dict[str, Any] = {
        "type": "view_submission", "team": {"id": "T0NORDLICHT"}, "user": user,
        "response_urls": [{"response_url": "x"}] * 2,
        "view": {"id": "V1", "type": "modal", "callback_id": "never-heard-of", "state": {"values": {}}},
    }  # fmt: skip
    assert send(world, *encoded((form, WITHIN)))[0].status == 200

    # Fields of another kind than Slack's: the same.
    for changes in ({"team": 7}, {"user": True}, {"view": True}, {"enterprise": 1}):
        assert send(world, *encoded(({**form, **changes}, WITHIN)))[0].status == 400

    # A form whose view is of no kind: Bolt looked for it without asking, and Slack was told 500.
    view = {name: value for name, value in form["view"].items() if name != "type"}
    assert send(world, *encoded(({**form, "view": view}, WITHIN)))[0].status == 400

    # A response_url that is no address, or one that cannot be: the person was told nothing at all.
    for url in (
        "x",
        "httpx://127.0.0.1/x",
        "http://[",
        "http://127.0.0.1:99999999/",
        "http://127.0.0.1:0/",
        "",
    ):
        fields = {"command": "/upload-status", "text": "help", "user_id": "U0ALICE", "team_id": "T0NORDLICHT"}
        sent = urlencode(
            {**fields, "channel_id": "C0TRIALUPLOADS", "response_url": url, "trigger_id": url}
        ).encode()
        _, (answer,) = send(world, sent, FORM)
        assert (
            answer.channel
            == world.demo.slack.workspace.channel("dm", world.demo.slack.workspace.user("alice")).id
        )

    # Somebody whom Slack does not know opens the app's messages: tried again and again, then an error in the log.
    event = {"type": "app_home_opened", "user": "U0NOBODY", "tab": "messages", "channel": "D0NOBODY"}
    told = {"type": "event_callback", "team_id": "T0NORDLICHT", "event": event, "event_id": "Ev0FOUND"}
    assert send(world, json.dumps(told).encode(), JSON)[0].status == 200

    # A click in a modal that has no id: nobody foresaw that the answer cannot be shown there.
    action = {"type": "button", "block_id": "b1", "action_id": "open_list", "value": '{"p":2}'}
    click = {
        "type": "block_actions",
        "team": {"id": "T0NORDLICHT"},
        "user": user,
        "actions": [action],
        "trigger_id": "1.2.a",
    }
    _, (answer,) = send(world, *encoded(({**click, "view": {"id": "", "type": "modal"}}, WITHIN)))
    assert answer.text

    # Somebody whom Slack does not know stops a watch in a channel: whether they are an administrator was asked in vain,
    # so they were told that Slack does not answer, and the operator that something is broken.
    world.run(world.type("alice", f"watch {seed.CHOLECAP} here"))
    world.look()
    (value,) = {
        one["value"]
        for message in world.demo.slack.messages
        for block in message.blocks
        for one in block.get("elements", ())
        if one.get("action_id") == "unwatch"
    }
    stop = {"type": "button", "block_id": "b1", "action_id": "unwatch", "value": value}
    nobody = {"id": "U0NOBODY", "team_id": "T0NORDLICHT"}
    _, answers = send(world, *encoded(({**click, "user": nobody, "actions": [stop]}, WITHIN)))
    assert not [answer for answer in answers if "Slack did not answer" in answer.text]
