"""What people type and paste, and what stands in the messages of others: the readers of ids."""

import json
import re

from bot.model.durations import parse_duration
from bot.model.errors import BotError, MalformedUploadId, UnknownWords
from bot.model.found_ids import find_upload_ids, upload_in_address
from bot.model.message_text import texts_in
from bot.model.pasting import Pasted, read_upload_id
from bot.slack import parse
from tests.fuzz.choices import Choices
from tests.fuzz.sentences import assert_told, assert_usage
from tests.fuzz.spoiling import spoilt

IDS = (
    "Vx3kQ9_dWm.7hTzR0aLcY2uPfE8sNgJb5oIi1KtXq4_ZlMvBrCe6DwSy.HnUjOpAxGF9T_e2--", "7b0e42c9d15f4a3e8f60b2a7c9d4e113",
    ".Qm3xZr8_Lk0vTWd9aYb7.nP2sHf5uGcE1jXoK4tVi6_MzR0qDw7hBn3Ypl5sJt9xAeUo2Rk--", "abc", "..",
)  # fmt: skip
HOST = "one.veevavault.com"
ROUND = (
    "{}", "`{}`", "<https://one.veevavault.com/api/v24.3/services/file_staging/upload/{}|here>", "“{}”",
    "*{}* @quality",
    "<http://{}|{}>", "watch {} 24h 4h here", "{} share @promomats", "unwatch {}", "status {}", "remind {} 1h,2h dm",
    "https://one.veevavault.com/ui/#upload?id={}", "/services/file_staging/upload/{}/parts", "share {}", "md5: {}",
    "link {}", "list {}", "```{}```", "watch all {}", "watch vault 3h @{}",
)  # fmt: skip
BLOCKS = [
    {"type": "section", "text": {"type": "mrkdwn", "text": IDS[1]}, "fields": [{"type": "plain_text", "text": "x"}]},
    {"type": "rich_text", "elements": [
        {"type": "rich_text_section", "elements": [
            {"type": "text", "text": IDS[0], "style": {"code": True}}, {"type": "link",
            "url": f"https://{HOST}/{IDS[1]}"},
        ]},
        {"type": "rich_text_list", "elements": [{"type": "rich_text_section", "elements": []}]},
    ]},
    {"fallback": "x", "title": IDS[2], "fields": [{"value": IDS[1]}], "blocks": []},
]  # fmt: skip
_ID = re.compile(r"[A-Za-z0-9._-]{1,200}")


def read_words(data: bytes) -> None:
    """A request comes of what was typed, or a sentence; what is taken for an id can be one; nothing else is raised."""
    choices = Choices(data)
    blocks = spoilt(BLOCKS, choices)
    hosts = choices.one_of((None, (), (HOST,)))
    text = choices.one_of(ROUND).replace("{}", choices.one_of(IDS))
    text = choices.spoilt(text) if choices.happens(2) else text
    text += choices.rest().decode("utf-8", "replace")
    _command(text)
    try:
        _assert_ids(read_upload_id(text))
    except MalformedUploadId as error:
        assert_told(error)
    if found := upload_in_address(text, hosts):
        _assert_ids(found)
    for one in find_upload_ids(text, blocks if isinstance(blocks, list) else [blocks], hosts):
        _assert_ids(one)
    assert all(isinstance(one, str) for one in texts_in(blocks))
    assert all(isinstance(one, str) for one in texts_in(_json(text)))
    for read in (parse.read_lead_times, parse_duration):
        try:
            read(text)
        except ValueError as error:
            if not str(error):
                raise


def _command(text: str) -> None:
    try:
        request = parse.read(text)
    except UnknownWords as error:
        assert_usage(error)
    except BotError as error:
        assert_told(error)
    else:
        pasted = getattr(request, "pasted", None)
        if pasted is not None:
            _assert_ids(pasted)


def _assert_ids(pasted: Pasted) -> None:
    for one in (pasted.upload_id, *pasted.others):
        assert _ID.fullmatch(one), one
        assert one not in (".", ".."), one
    assert pasted.vault is None or pasted.vault


def _json(text: str) -> object:
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return found
