"""Bodies of Slack's endpoint: what each content type becomes, and the word that undoes Bolt's own parser."""

import json
from urllib.parse import urlencode

import pytest

from bot.web.slack_events import parse

FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    "text", ["find /x/payload.zip", "payload", "payload=x", "a=b&payload={}", "ä “id—” +%", ""]
)
def test_parse__command_whatever_its_text(text: str) -> None:
    body = {"command": "/upload-status", "text": text, "channel_name": "payload-ops"}
    assert parse(urlencode(body).encode(), FORM) == body


def test_parse__command_with_a_field_called_payload() -> None:
    body = {"command": "/upload-status", "payload": "x"}
    assert parse(urlencode(body).encode(), FORM) == body


def test_parse__click() -> None:
    payload = {"type": "block_actions", "actions": [{"value": '{"u":"a&b=c"}'}], "name": "ä"}
    assert parse(urlencode({"payload": json.dumps(payload)}).encode(), FORM) == payload


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8"])
def test_parse__event(kind: str) -> None:
    assert parse(b'{"type":"event_callback"}', kind) == {"type": "event_callback"}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\xff\xfe", FORM),
        (b"{", "application/json"),
        (b"[1]", "application/json"),
        (b'"x"', "application/json"),
        (b"", "application/json"),
        (b"[" * 200_000, "application/json"),
        (b"payload=", FORM),
        (b"payload=[1]", FORM),
        (b"payload=%7B", FORM),
        (b"payload=" + b"[" * 200_000, FORM),
        (b"&".join(b"a%d=1" % number for number in range(300)), FORM),
    ],
)
def test_parse__what_cannot_be_read(body: bytes, kind: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse(body, kind)
