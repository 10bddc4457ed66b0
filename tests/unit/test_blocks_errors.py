"""Failures as people read them, from any exception to the message."""

import json
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model import errors
from bot.model.accounts import SlackUser
from bot.model.errors import BotError, MalformedUploadId, NearMiss, StoreUnavailable, UploadNotVisible
from bot.slack import parse
from bot.slack.blocks import errors as drawn_errors
from bot.slack.blocks.errors import UNEXPECTED, UNEXPECTED_REMEDY
from bot.slack.blocks.kit import Message
from bot.slack.failures import Failures
from tests.factories import ALICE, HOUR, NOW, a_look, an_upload
from tests.unit.error_examples import DETAILS
from tests.unit.golden_files import agrees
from tests.unit.slack_eyes import assert_slack_takes, buttons_in, mrkdwn_in

URL = "https://bot.example/link?ticket=never-a-real-one"
REFERENCE = "K7QX2M9B"
CLASSES = sorted(DETAILS, key=lambda one: one.__name__)


async def a_link(slack_user: SlackUser, vault: str | None) -> str:
    """An address as the link tickets give it."""
    assert slack_user == ALICE
    assert vault == "promomats"
    return URL


async def no_link(slack_user: SlackUser, vault: str | None) -> str:
    """No ticket can be made."""
    raise StoreUnavailable(reason="locked")


def failures(link_url: Any = a_link) -> Failures:
    """The one place that draws failures."""
    return Failures(link_url=link_url, vault_names=("promomats", "quality"), look=a_look)


async def message_for(error: Exception, link_url: Any = a_link) -> Message:
    """What Alice reads."""
    return await failures(link_url).message_for(error, ALICE, REFERENCE)


async def test_failures__golden_for_each_class() -> None:
    found = {kind.__name__: asdict(await message_for(kind(**DETAILS[kind]))) for kind in CLASSES}
    assert agrees("failures", found)


@pytest.mark.parametrize("kind", CLASSES)
async def test_failure__as_slack_takes_it_and_text_carries_it(kind: type[BotError]) -> None:
    error = kind(**DETAILS[kind])
    message = await message_for(error)
    assert_slack_takes(message)
    told = (UNEXPECTED, UNEXPECTED_REMEDY) if kind.for_the_operator else (error.sentence, error.remedy)
    assert all(sentence in message.text for sentence in told)
    assert any(told[0] in text for text in mrkdwn_in(message.blocks))
    if kind.for_the_operator:
        assert error.sentence not in message.text


@pytest.mark.parametrize("kind", CLASSES)
async def test_failure__reference_only_for_the_unexpected(kind: type[BotError]) -> None:
    message = await message_for(kind(**DETAILS[kind]))
    shown = f"Reference: {REFERENCE}"
    assert (shown in message.text) is not kind.expected
    assert any(shown in text for text in mrkdwn_in(message.blocks)) is not kind.expected


@pytest.mark.parametrize("kind", CLASSES)
async def test_failure__link_button_where_linking_is_the_remedy(kind: type[BotError]) -> None:
    buttons = buttons_in((await message_for(kind(**DETAILS[kind]))).blocks)
    assert [button["url"] for button in buttons] == (
        [URL] if kind in (errors.NotLinked, errors.LinkEnded) else []
    )


async def test_failure__without_a_ticket_the_button_asks_for_one() -> None:
    (button,) = buttons_in((await message_for(errors.NotLinked(vault="promomats"), no_link)).blocks)
    assert "url" not in button
    assert button["action_id"] == "link"


@pytest.mark.parametrize("error", [ZeroDivisionError("secret detail"), KeyError("x"), RecursionError("deep")])
async def test_failure__nobody_foresaw(error: Exception) -> None:
    message = await message_for(error)
    assert agrees("failure_unexpected", asdict(message))
    assert "secret" not in json.dumps(asdict(message))
    assert message.text.endswith(f"Reference: {REFERENCE}")


async def test_failure__timeout_is_out_of_time() -> None:
    assert (await message_for(TimeoutError())).text == str(errors.OutOfTime())


@pytest.mark.parametrize(
    "error", [UploadNotVisible(upload_id="abc"), MalformedUploadId(text="a b", reason="it has a space in it")]
)
async def test_failure__near_uploads_are_offered(error: NearMiss) -> None:
    assert isinstance(error, BotError)
    error.near = (an_upload(), an_upload(id="other", name="<other>.zip", expires=NOW + HOUR))
    message = await message_for(error)
    assert_slack_takes(message)
    assert "Did you mean one of your uploads?" in message.text
    for part in (an_upload().id, "Cholecap-Commercial-2021.mp4", "&lt;other&gt;.zip (other)"):
        assert part in message.text
    assert [json.loads(button["value"])["u"] for button in buttons_in(message.blocks)] == [
        an_upload().id,
        "other",
    ]


async def test_failure__unknown_words_come_with_usage() -> None:
    message = await message_for(
        errors.UnknownWords(words="lsit", suggestion="Did you mean `/upload-status list`?")
    )
    assert message.text.startswith(
        "I do not know “lsit”. Did you mean `/upload-status list`? How to use this:"
    )
    assert "/upload-status whoami" in message.text
    assert "promomats, quality" in message.text


@given(st.text() | st.sampled_from(["<!channel> &", "lnk " + "&" * 5000, "a <!here>", "x\u202ey z"]))
async def test_failure__of_anything_typed(text: str) -> None:
    try:
        parse.read(text)
    except BotError as error:
        message = await message_for(error)
        assert_slack_takes(message)
        assert "How to use this" in message.text or "cannot be an upload id" in message.text


@given(st.text())
def test_notice_and_failure__foreign_text_is_dead(text: str) -> None:
    assert_slack_takes(drawn_errors.failure(errors.UnknownVault(name=text, known=text), REFERENCE))


@pytest.mark.parametrize("sentence", [drawn_errors.OLD_BUTTON, drawn_errors.UNKNOWN_COMMAND])
def test_notice(sentence: str) -> None:
    message = drawn_errors.notice(sentence)
    assert_slack_takes(message)
    assert message.text == sentence
