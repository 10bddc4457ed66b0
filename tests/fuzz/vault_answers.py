"""What Vault may answer: true answers with something wrong in them, and anything else that a proxy could say."""

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from bot.model.errors import LoginRefused, VaultError
from bot.model.uploads import UploadSession
from bot.slack.blocks.upload_list import near
from bot.slack.blocks.upload_status import Look
from bot.vault import answers
from bot.vault.endpoints import Endpoint
from tests.fuzz.choices import Choices
from tests.fuzz.sentences import assert_sentence, assert_told
from tests.fuzz.spoiling import spoilt
from tests.unit.vault_replay import HEADERS, READERS, RECORDED, REQUESTS, VAULT, WIRE

ENDPOINTS = tuple(Endpoint)
STATUSES = (
    200,
    200,
    200,
    200,
    201,
    204,
    301,
    302,
    400,
    401,
    403,
    404,
    408,
    418,
    429,
    500,
    502,
    503,
    599,
    0,
    -1,
    999,
)
EXTRA = {
    "Retry-After": "7", "X-VaultAPI-DowntimeExpectedDurationMinutes": "12", "X-VaultAPI-ResponseDelay": "500",
}  # fmt: skip
TYPES = (
    "INVALID_SESSION_ID", "INSUFFICIENT_ACCESS", "USER_LOCKED_OUT", "API_LIMIT_EXCEEDED", "INVALID_DATA",
    "USER_NOT_FOUND",
    "UNEXPECTED_ERROR", "MALFORMED_URL", "CONFIGURATION_MODE_ENABLED", "ATTRIBUTE_NOT_SUPPORTED", "x", "", "A" * 61,
)  # fmt: skip
LOOK = Look(now=datetime(2026, 3, 1, 12, tzinfo=UTC), stall_after=timedelta(hours=1), several_vaults=True)


def read_vault_answer(data: bytes) -> None:
    """A value comes of it that can be drawn, or one of Vault's errors with its sentences; nothing else is raised."""
    choices = Choices(data)
    endpoint = choices.one_of(ENDPOINTS)
    status = choices.one_of(STATUSES)
    headers = {name: value for name, value in {**HEADERS, **EXTRA}.items() if not choices.happens(12)}
    if choices.happens(3):
        headers = {name: choices.spoilt(value) for name, value in headers.items()}
    if choices.happens(4) or endpoint is not Endpoint.KEEP_ALIVE:
        for name in EXTRA:
            if not choices.happens(8):
                headers.pop(name, None)
    body = _body(choices)
    try:
        answer = answers.decipher(REQUESTS[endpoint], status, answers.read_meta(headers), body)
        WIRE.next_page(REQUESTS[endpoint], answer)
        if endpoint in READERS:
            _assert_usable(READERS[endpoint](VAULT, answer.payload))
    except VaultError as error:
        assert_told(error)
    except LoginRefused as error:
        assert endpoint.opens_session
        assert_told(error)


def _body(choices: Choices) -> bytes:
    match choices.number(8):
        case 7:
            return choices.rest()
        case 6:
            failed = {
                "responseStatus": "FAILURE",
                "errors": [{"type": choices.one_of(TYPES), "message": "no"}],
            }
            return _dumped(spoilt(failed, choices))
        case 5:
            whole = _dumped(choices.one_of(_recorded()))
            at = choices.number(256) * len(whole) // 256
            return whole[:at] + choices.rest() + whole[at + choices.number(40) :]
        case _:
            return _dumped(spoilt(choices.one_of(_recorded()), choices))


@cache
def _recorded() -> tuple[Any, ...]:
    found = []
    for path in sorted(RECORDED.glob("*.json")):
        try:
            found.append(json.loads(path.read_bytes()))
        except ValueError:
            continue
    return tuple(found)


def _dumped(value: Any) -> bytes:
    return json.dumps(value, allow_nan=True).encode()


def _assert_usable(value: object) -> None:
    """Uploads are drawn as a person would see them."""
    uploads = value if isinstance(value, list) else [value]
    some = tuple(one for one in uploads if isinstance(one, UploadSession))[:5]
    for one in some:
        assert one.size >= 0
        assert one.uploaded >= 0
        assert one.expires.tzinfo is not None
    if some:
        text, blocks = near(some, LOOK, "promomats")
        assert_sentence(text)
        json.dumps(blocks)
