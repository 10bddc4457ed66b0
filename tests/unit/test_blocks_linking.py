"""Messages about linked accounts, and how the command is used."""

import json
from dataclasses import asdict, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.accounts import Identity, LinkMethod, Unlinked, Vault, Vaults
from bot.model.secret import Secret
from bot.slack import parse
from bot.slack.blocks import usage
from bot.slack.blocks.kit import Message
from bot.slack.blocks.linking import (
    link_button,
    link_ended,
    linked,
    preferred,
    prompt,
    token_ends,
    unlinked,
    who_am_i,
)
from tests.factories import BOTH, HOUR, MINUTE, NOW, PROMOMATS, QUALITY, an_account
from tests.unit.golden_files import agrees
from tests.unit.slack_eyes import assert_slack_takes, buttons_in, facts_in, mrkdwn_in

URL = "https://bot.example/link?ticket=never-a-real-one"
BY_TOKEN = an_account()
BY_PASSWORD = an_account(
    vault_host=QUALITY.host, method=LinkMethod.PASSWORD, linked_at=NOW - HOUR, valid_until=NOW + 47 * HOUR
)
OVER = replace(BY_PASSWORD, linked_at=NOW - 50 * HOUR, valid_until=NOW - 2 * HOUR)
ENDED = replace(OVER, last_used=NOW - 3 * HOUR, ended_at=NOW - HOUR)
DAY = 24 * HOUR
WITH_EXPIRY = an_account(valid_until=NOW + 7 * DAY, last_used=NOW - 40 * MINUTE)
BY_OIDC = replace(
    BY_PASSWORD,
    method=LinkMethod.OIDC,
    refresh_token=Secret("refresh-never-shown"),
    last_used=NOW - 10 * MINUTE,
    preferred_at=NOW - HOUR,
)
THREE = Vaults((*BOTH.all, Vault("safety", "https://nordlicht-safety.veevavault.com")))
NOT_SERVED = an_account(vault_host="gone.veevavault.com")
FOREIGN = st.text() | st.sampled_from(["<!channel> &", "x" * 5000, "&" * 5000, "`*_\u202e\n", "\ud800"])

MESSAGES: dict[str, Message] = {
    "link_prompt": prompt(URL, None),
    "link_prompt_of_one_vault": prompt(URL, "quality"),
    "linked_by_token": linked(BY_TOKEN, BOTH),
    "linked_by_password": linked(BY_PASSWORD, BOTH),
    "who_am_i": who_am_i([BY_TOKEN, BY_PASSWORD], BOTH, NOW),
    "who_am_i_ended": who_am_i([ENDED, NOT_SERVED], BOTH, NOW),
    "who_am_i_renewed_and_used": who_am_i([WITH_EXPIRY, BY_OIDC], BOTH, NOW),
    "linked_by_oidc": linked(BY_OIDC, BOTH),
    "linked_as_one_of_several": linked(WITH_EXPIRY, BOTH, [WITH_EXPIRY, BY_OIDC]),
    "preferred": preferred(BY_OIDC, BOTH, URL),
    "token_ends": token_ends(WITH_EXPIRY, BOTH, NOW),
    "token_ended": token_ends(replace(WITH_EXPIRY, valid_until=NOW - 3 * HOUR), BOTH, NOW),
    "link_ended": link_ended(ENDED, BOTH, NOW, None),
    "link_ended_with_an_address": link_ended(ENDED, BOTH, NOW, URL),
    "unlinked": unlinked(
        [
            Unlinked(vault_name="promomats", method=LinkMethod.TOKEN, session_ended=True),
            Unlinked(vault_name="quality", method=LinkMethod.PASSWORD, session_ended=False),
        ]
    ),
    "messages_tab": usage.messages_tab(),
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
    assert "never-shown" not in json.dumps(asdict(MESSAGES[name]))


@pytest.mark.parametrize("name", [name for name in MESSAGES if not name.startswith("usage")])
def test_message__text_carries_every_fact_of_the_blocks(name: str) -> None:
    """All but how to treat a button, which text has none of."""
    text = MESSAGES[name].text.replace("`", "")
    facts = [fact.replace("`", "") for fact in facts_in(MESSAGES[name].blocks)]
    beside = ("The link works once", "Linked to ", "By ")
    assert [fact for fact in facts if fact not in text and not fact.startswith(beside)] == []


def test_prompt__address_stands_in_the_text_and_on_the_button_alone() -> None:
    message = MESSAGES["link_prompt"]
    (button,) = buttons_in(message.blocks)
    assert button["url"] == URL
    assert message.text.endswith(URL)
    assert all(URL not in text for text in mrkdwn_in(message.blocks))
    assert "10 minutes" in message.text


@pytest.mark.parametrize(
    ("url", "host", "value"),
    [(URL, None, '{"open":1}'), (URL, "q", '{"open":1}'), (None, None, None), (None, "q", '{"v":"q"}')],
)
def test_link_button__says_whether_it_opened_the_page_itself(
    url: str | None, host: str | None, value: str | None
) -> None:
    button = link_button(url, vault_host=host)
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
                "promomats (your default): linked to Alice Moreau (alice@nordlicht.example), Vault user 10001400",
                "by API access token since 2026-09-21 22:00 UTC",
                "by user name and password since 2026-09-22 17:00 UTC",
                "2026-09-24 17:00 UTC",
            ],
        ),
        (
            "who_am_i_ended",
            [
                "Ended 2026-09-22 17:00 UTC: a Vault session lasts 48 hours at most.",
                "To link again: /upload-status link quality.",
                "gone.veevavault.com, no longer served by this bot",
            ],
        ),
        (
            "who_am_i_renewed_and_used",
            [
                "quality (your default): linked to",
                "by company sign-in since",
                "Last used 2026-09-22 17:50 UTC. It is renewed by itself through your company's sign-in",
                "until the token ends, 2026-09-29 18:00 UTC",
                "To change that: /upload-status link promomats.",
            ],
        ),
        ("linked_by_oidc", ["renewed by itself through your company's sign-in for as long as that allows"]),
        (
            "linked_as_one_of_several",
            [
                "in promomats.",
                "Your default Vault is quality. To change that: /upload-status link promomats.",
            ],
        ),
        (
            "preferred",
            ["quality is now your default Vault.", "To change that: /upload-status link promomats.", URL],
        ),
        (
            "token_ends",
            [
                "Your API access token for promomats ends 2026-09-29 18:00 UTC (in 7 days).",
                "Make a new one in Vault and link again, or answers and reminders stop.",
            ],
        ),
        ("token_ended", ["ended 2026-09-22 15:00 UTC (3 h ago). Make a new one in Vault."]),
        (
            "link_ended",
            [
                "Your link to Vault (quality) has ended: a Vault session lasts 48 hours at most.",
                "To link again: /upload-status link quality.",
                "only once",
            ],
        ),
        ("link_ended_with_an_address", [f"Open this page within 10 minutes: {URL}"]),
        ("unlinked", ["Unlinked from promomats.", "Unlinked from quality.", "Vault could not be told"]),
        ("usage_several_vaults", ["Vaults: promomats, quality.", "or makes it your default"]),
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
    text = who_am_i([replace(BY_PASSWORD, valid_until=NOW + before)], BOTH, NOW).text
    assert ("probably ended" in text) is ended
    text = who_am_i([replace(WITH_EXPIRY, valid_until=NOW + before)], BOTH, NOW).text
    assert ("The token ended 2026-09-22 18:00 UTC." in text) is ended


def test_who_am_i__a_link_that_renews_itself_is_not_over_after_48_hours() -> None:
    text = who_am_i([replace(BY_OIDC, valid_until=NOW - HOUR)], BOTH, NOW).text
    assert "ended" not in text


def test_who_am_i__not_used_yet() -> None:
    assert "Not used yet." in MESSAGES["who_am_i"].text


@pytest.mark.parametrize(
    ("preferred_first", "preferred_second", "default"),
    [
        (None, None, "promomats"),
        (None, NOW - HOUR, "quality"),
        (NOW - HOUR, None, "promomats"),
        (NOW - HOUR, NOW - 2 * HOUR, "promomats"),
        (NOW - 2 * HOUR, NOW - HOUR, "quality"),
    ],
)
def test_who_am_i__marks_the_default(
    preferred_first: datetime | None, preferred_second: datetime | None, default: str
) -> None:
    """What was preferred last, else the operator's order; whatever the order of linking."""
    accounts = [
        an_account(vault_host=QUALITY.host, preferred_at=preferred_second),
        an_account(vault_host=PROMOMATS.host, preferred_at=preferred_first),
        NOT_SERVED,
    ]
    text = who_am_i(accounts, BOTH, NOW).text
    assert text.count("(your default)") == 1
    assert f"{default} (your default)" in text


def test_who_am_i__one_account_needs_no_default() -> None:
    assert "default" not in who_am_i([BY_TOKEN, NOT_SERVED], BOTH, NOW).text


def test_linked__speaks_of_a_default_only_where_there_is_a_choice() -> None:
    assert "default" not in linked(BY_TOKEN, BOTH, [BY_TOKEN]).text
    assert "default" not in linked(BY_TOKEN, BOTH).text


def test_preferred__of_three_names_the_others() -> None:
    message = preferred(BY_TOKEN, THREE, URL)
    assert "/upload-status link &lt;vault&gt; with one of quality, safety." in message.text
    assert_slack_takes(message, (URL,))


def test_preferred__has_the_way_to_link_again() -> None:
    (button,) = buttons_in(MESSAGES["preferred"].blocks)
    assert (button["action_id"], button["url"], button["text"]["text"]) == ("link", URL, "Link again")


@pytest.mark.parametrize("name", ["token_ends", "link_ended"])
def test_notice__button_asks_for_a_fresh_address_for_that_vault(name: str) -> None:
    (button,) = buttons_in(MESSAGES[name].blocks)
    assert "url" not in button
    assert button["action_id"] == "link"
    host = QUALITY.host if name == "link_ended" else PROMOMATS.host
    assert json.loads(button["value"]) == {"v": host}


@pytest.mark.parametrize(
    ("left", "told"),
    [
        (7 * DAY, "(in 7 days)"),
        (7 * DAY - MINUTE, "(in 7 days)"),
        (DAY, "(in 1 day)"),
        (DAY - 30 * MINUTE, "(in 1 day)"),
        (20 * HOUR, "(in 20 h)"),
        (5 * MINUTE, "(in 5 min)"),
        (timedelta(0), "(less than a minute ago)"),
        (-2 * DAY, "(48 h ago)"),
    ],
)
def test_token_ends__says_how_soon(left: timedelta, told: str) -> None:
    """A message a little late still speaks of the day that was meant."""
    text = token_ends(replace(WITH_EXPIRY, valid_until=NOW + left), BOTH, NOW).text
    assert told in text
    assert ("ended 20" in text) is (left <= timedelta(0))


def test_token_ends__needs_to_know_when() -> None:
    with pytest.raises(ValueError, match="not known"):
        token_ends(BY_TOKEN, BOTH, NOW)


def test_notices__of_a_vault_no_longer_served_name_no_command() -> None:
    gone = replace(NOT_SERVED, valid_until=NOW + DAY)
    for message in (who_am_i([replace(gone, ended_at=NOW)], BOTH, NOW), link_ended(gone, BOTH, NOW, None)):
        assert "gone.veevavault.com" in message.text
        assert "/upload-status link" not in message.text


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
        valid_until=NOW + HOUR,
        ended_at=NOW,
    )
    gone = [Unlinked(vault_name=host, method=None, session_ended=False)]
    for message in (
        linked(account, BOTH),
        who_am_i([account, account], BOTH, NOW),
        unlinked(gone),
        prompt(URL, host[:60]),
        preferred(account, BOTH, URL),
        token_ends(account, BOTH, NOW),
        link_ended(account, BOTH, NOW, URL),
    ):
        assert_slack_takes(message, (URL,))
