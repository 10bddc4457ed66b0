"""Messages about linked accounts, and how the command is used."""

import json
from dataclasses import asdict, replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.accounts import Identity, LinkMethod, Unlinked
from bot.slack import parse
from bot.slack.blocks import usage
from bot.slack.blocks.kit import Message
from bot.slack.blocks.linking import link_button, linked, prompt, unlinked, who_am_i
from tests.factories import BOTH, HOUR, NOW, QUALITY, an_account
from tests.unit.golden_files import agrees
from tests.unit.slack_eyes import assert_slack_takes, buttons_in, mrkdwn_in

URL = "https://bot.example/link?ticket=never-a-real-one"
BY_TOKEN = an_account()
BY_PASSWORD = an_account(
    vault_host=QUALITY.host, method=LinkMethod.PASSWORD, linked_at=NOW - HOUR, valid_until=NOW + 47 * HOUR
)
ENDED = replace(BY_PASSWORD, linked_at=NOW - 50 * HOUR, valid_until=NOW - 2 * HOUR)
NOT_SERVED = an_account(vault_host="gone.veevavault.com")
FOREIGN = st.text() | st.sampled_from(["<!channel> &", "x" * 5000, "&" * 5000, "`*_\u202e\n", "\ud800"])

MESSAGES: dict[str, Message] = {
    "link_prompt": prompt(URL, None),
    "link_prompt_of_one_vault": prompt(URL, "quality"),
    "linked_by_token": linked(BY_TOKEN, BOTH),
    "linked_by_password": linked(BY_PASSWORD, BOTH),
    "who_am_i": who_am_i([BY_TOKEN, BY_PASSWORD], BOTH, NOW),
    "who_am_i_ended": who_am_i([ENDED, NOT_SERVED], BOTH, NOW),
    "unlinked": unlinked(
        [
            Unlinked(vault_name="promomats", method=LinkMethod.TOKEN, session_ended=True),
            Unlinked(vault_name="quality", method=LinkMethod.PASSWORD, session_ended=False),
        ]
    ),
    "usage": usage.usage(("promomats",)),
    "usage_several_vaults": usage.usage(("promomats", "quality")),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_message__golden(name: str) -> None:
    assert agrees(name, asdict(MESSAGES[name]))


@pytest.mark.parametrize("name", MESSAGES)
def test_message__as_slack_takes_it(name: str) -> None:
    assert_slack_takes(MESSAGES[name], (URL,))


@pytest.mark.parametrize("name", MESSAGES)
def test_message__never_shows_a_credential(name: str) -> None:
    assert BY_TOKEN.credential.reveal() not in json.dumps(asdict(MESSAGES[name]))


def test_prompt__address_stands_in_the_text_and_on_the_button_alone() -> None:
    message = MESSAGES["link_prompt"]
    (button,) = buttons_in(message.blocks)
    assert button["url"] == URL
    assert message.text.endswith(URL)
    assert all(URL not in text for text in mrkdwn_in(message.blocks))
    assert "10 minutes" in message.text


@pytest.mark.parametrize(("url", "value"), [(URL, '{"open":1}'), (None, None)])
def test_link_button__says_whether_it_opened_the_page_itself(url: str | None, value: str | None) -> None:
    button = link_button(url)
    assert (button.get("url"), button.get("value")) == (url, value)


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        (
            "linked_by_token",
            ["Alice Moreau (alice@nordlicht.example)", "promomats", "until the token expires", "unlink all"],
        ),
        ("linked_by_password", ["quality", "2026-09-24 17:00 UTC at the latest"]),
        (
            "who_am_i",
            [
                "promomats: linked to Alice Moreau (alice@nordlicht.example), Vault user 10001400",
                "by API access token since 2026-09-21 22:00 UTC",
                "by user name and password since 2026-09-22 17:00 UTC",
                "2026-09-24 17:00 UTC",
            ],
        ),
        ("who_am_i_ended", ["It has probably ended", "gone.veevavault.com, no longer served by this bot"]),
        ("unlinked", ["Unlinked from promomats.", "Unlinked from quality.", "Vault could not be told"]),
        ("usage_several_vaults", ["Vaults: promomats, quality (the first is the default)."]),
    ],
)
def test_message__text_carries_every_fact(name: str, facts: list[str]) -> None:
    for fact in facts:
        assert fact in MESSAGES[name].text


def test_who_am_i__unlink_buttons_name_their_vault_and_ask_first() -> None:
    buttons = buttons_in(MESSAGES["who_am_i"].blocks)
    assert [json.loads(button["value"]) for button in buttons] == [
        {"v": BY_TOKEN.vault_host},
        {"v": BY_PASSWORD.vault_host},
    ]
    assert all(button["action_id"] == "unlink" for button in buttons)
    assert "quality" in buttons[1]["confirm"]["text"]["text"]


@pytest.mark.parametrize(("before", "ended"), [(timedelta(0), True), (timedelta(seconds=1), False)])
def test_who_am_i__at_the_end_of_a_link(before: timedelta, *, ended: bool) -> None:
    account = replace(BY_PASSWORD, valid_until=NOW + before)
    assert ("probably ended" in who_am_i([account], BOTH, NOW).text) is ended


def test_who_am_i__more_accounts_than_blocks() -> None:
    assert_slack_takes(who_am_i([BY_TOKEN] * 60, BOTH, NOW))


def test_usage__tells_every_word_and_each_of_them_is_read() -> None:
    text = MESSAGES["usage"].text
    for word in parse.WORDS:
        assert word == "status" or f"/upload-status {word}" in text
    for command, _ in usage.USAGE:
        parse.read(command.removeprefix("/upload-status ").replace("<id>", "abc1"))
    example = parse.read(usage.EXAMPLE.removeprefix("/upload-status "))
    assert isinstance(example, parse.ShowStatus)
    assert not example.pasted.changed


def test_usage__text_and_blocks_tell_the_same_commands() -> None:
    message = MESSAGES["usage"]
    drawn = " ".join(mrkdwn_in(message.blocks))
    for command, what in usage.USAGE:
        assert what in drawn
        assert what in message.text
        assert command.replace("<", "&lt;").replace(">", "&gt;") in drawn


@given(FOREIGN, FOREIGN, FOREIGN, FOREIGN)
def test_messages__anything_at_all(full_name: str, user_name: str, host: str, vault_user_id: str) -> None:
    account = an_account(
        vault_full_name=full_name,
        vault_user_name=user_name,
        vault_host=host[:255],
        identity=Identity(vault_user_id=vault_user_id, vault_id="1"),
    )
    gone = [Unlinked(vault_name=host, method=None, session_ended=False)]
    for message in (
        linked(account, BOTH),
        who_am_i([account, account], BOTH, NOW),
        unlinked(gone),
        prompt(URL, host[:60]),
    ):
        assert_slack_takes(message, (URL,))
