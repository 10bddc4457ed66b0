"""Messages about watches, the form behind the button, and what somebody put into it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.demo.slack.block_kit import faults_in
from bot.model.accounts import Vault, Vaults
from bot.model.durations import parse_duration
from bot.model.quiet import QuietHours
from bot.model.statuses import UploadStatus
from bot.model.uploads import UploadSession
from bot.model.watches import Place, Target, Told, Topic, Watch
from bot.slack.blocks import watch_ends, watches
from bot.slack.blocks.kit import Message
from bot.slack.blocks.watch_words import listed, short, span, what_is_told
from tests.factories import (
    AWKWARD,
    BOB,
    BOTH,
    DASHED_ID,
    GB,
    HOUR,
    MINUTE,
    NOW,
    PROMOMATS,
    SECOND,
    TRIALS,
    a_look,
    a_status,
    a_watch,
    a_wide_watch,
    an_upload,
    begun,
)
from tests.unit.golden_files import agrees
from tests.unit.slack_eyes import assert_slack_takes, buttons_in, facts_in, mrkdwn_in, objects_in
from tests.unit.wild_uploads import FOREIGN, MOMENTS, wild_uploads

MENTIONS = ("<@U01ALICE>", "<@U01BOB>", "<#C01TRIALS>")
NIGHT = QuietHours(ZoneInfo("Europe/Berlin"), 22 * 60, 7 * 60)

HALF = begun(68 * HOUR, name="m5-datasets.zip", size=7 * GB, uploaded=3 * GB, uploaded_parts=121)
DONE = replace(HALF, uploaded=7 * GB)
STALLED = replace(HALF, last_uploaded=NOW - 5 * HOUR)


@dataclass(frozen=True, kw_only=True)
class Made:
    """As the use case returns it."""

    watch: Watch
    vault: Vault = PROMOMATS
    status: UploadStatus | None = None
    passed: tuple[timedelta, ...] = ()
    changed: bool = False


@dataclass(frozen=True, kw_only=True)
class Line:
    """As the use case returns it."""

    watch: Watch
    vault_name: str = "promomats"
    next_due: datetime | None = None


def made(upload: UploadSession, watch: Watch | None = None, **changes: Any) -> Made:
    """A watch over the upload, and how that stands."""
    return replace(Made(watch=watch or a_watch(upload), status=a_status(upload)), **changes)


OWN = a_wide_watch(Target.OWN)
WHOLE = a_wide_watch(Target.VAULT, place=TRIALS, announced_ts="1.1")
SHARED = a_watch(HALF, place=TRIALS, announced_ts="1.1")
LINES = [
    Line(watch=a_watch(HALF), next_due=NOW + 3 * HOUR),
    Line(watch=SHARED, next_due=NOW + 3 * HOUR),
    Line(watch=a_watch(an_upload(), snoozed_until=NOW + HOUR), next_due=NOW + 4 * HOUR),
    Line(watch=a_watch(an_upload(id=DASHED_ID), snapshot=None), next_due=NOW - SECOND),
    Line(watch=OWN),
    Line(watch=WHOLE),
]
DONE_STOPPING = watches.stopped([SHARED], BOTH.name_of)

MESSAGES: dict[str, Message] = {
    "watched": watches.watched(made(an_upload()), a_look()),
    "watched_again": watches.watched(made(an_upload(), changed=True), a_look(several_vaults=True)),
    "watched_some_times_over": watches.watched(made(HALF, passed=(24 * HOUR, 4 * HOUR)), a_look()),
    "watched_all_times_over": watches.watched(
        made(begun(71 * HOUR + 30 * MINUTE), passed=(24 * HOUR, 4 * HOUR, HOUR)), a_look()
    ),
    "watched_all_bytes_there": watches.watched(made(DONE, passed=(24 * HOUR, 4 * HOUR)), a_look()),
    "watched_stalled": watches.watched(made(STALLED, passed=(24 * HOUR, 4 * HOUR)), a_look()),
    "watched_in_channel": watches.watched(made(HALF, SHARED), a_look()),
    "watched_understood": watches.watched(
        replace(made(an_upload()), status=a_status(understood=an_upload().id)), a_look()
    ),
    "watched_few_topics": watches.watched(
        made(an_upload(), a_watch(topics=frozenset({Topic.STALLED}), lead_times=(90 * SECOND,))), a_look()
    ),
    "watched_own": watches.watched(Made(watch=OWN), a_look()),
    "watched_vault": watches.watched(Made(watch=WHOLE), a_look()),
    "watch_list": watches.watch_list(LINES, a_look()),
    "watch_list_several_vaults": watches.watch_list(LINES[:1], a_look(several_vaults=True)),
    "watch_list_empty": watches.watch_list([], a_look()),
    "watch_list_long": watches.watch_list(LINES[:1] * 27, a_look()),
    "watch_list_after_a_stop": watches.watch_list(LINES[:1], a_look(), DONE_STOPPING),
    "watch_list_after_the_last_stop": watches.watch_list([], a_look(), DONE_STOPPING),
    "announcement": watches.announcement(SHARED, "promomats", "<@U01ALICE>"),
    "announcement_own": watches.announcement(replace(OWN, place=TRIALS), "promomats", "<@U01ALICE>"),
    "announcement_vault": watches.announcement(WHOLE, "promomats", "<@U01ALICE>"),
    "stopped": watches.stopped([a_watch(HALF)], BOTH.name_of),
    "stopped_many": watches.stopped([a_watch(HALF), SHARED, OWN, WHOLE] * 3, BOTH.name_of),
    "stopped_nothing": watches.stopped([], BOTH.name_of),
    "snoozed": watches.snoozed(a_watch(HALF, snoozed_until=NOW + HOUR), "promomats", a_look()),
    "snoozed_too_late": watches.snoozed(a_watch(HALF, snoozed_until=NOW), "promomats", a_look()),
    "asked_to_stop": watch_ends.asked_to_stop(SHARED),
    "asked_to_stop_in_vain": watch_ends.asked_to_stop(SHARED, reached=False),
    "request_to_stop": watch_ends.request_to_stop(SHARED, "promomats", BOB),
    "request_to_stop_own": watch_ends.request_to_stop(replace(OWN, place=TRIALS), "promomats", BOB),
    "place_gone": watch_ends.place_gone(SHARED, "promomats", "is_archived"),
    "place_gone_vault": watch_ends.place_gone(WHOLE, "promomats", "channel_not_found"),
    "watch_awkward": watches.watched(made(an_upload(name=AWKWARD)), a_look()),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_message__golden(name: str) -> None:
    assert agrees(name, asdict(MESSAGES[name]))


@pytest.mark.parametrize("name", MESSAGES)
def test_message__as_slack_takes_it(name: str) -> None:
    assert_slack_takes(MESSAGES[name], MENTIONS)


@pytest.mark.parametrize("name", [name for name in MESSAGES if name != "watch_awkward"])
def test_message__text_carries_every_fact_of_the_blocks(name: str) -> None:
    text = MESSAGES[name].text.replace("`", "")
    facts = [fact.replace("`", "") for fact in facts_in(MESSAGES[name].blocks)]
    assert [fact for fact in facts if fact.strip() not in text] == []


@pytest.mark.parametrize("name", MESSAGES)
def test_message__shows_no_path(name: str) -> None:
    assert "/u10001400" not in json.dumps(asdict(MESSAGES[name]))


def test_watched__says_what_where_and_when_next() -> None:
    text = MESSAGES["watched"].text
    assert text.startswith(
        "I watch Cholecap-Commercial-2021.mp4. Uploading: 31%, 10.0 MB of 31.3 MB, 2 parts."
    )
    assert "I tell you by direct message 24 h, 4 h and 1 h before it expires, when all bytes" in text
    assert "Next reminder: 2026-09-24 17:48 UTC (in 47 h)." in text


def test_watched__says_itself_what_is_not_told_again() -> None:
    """Of an upload that waits for its commit, or has stalled already, only this answer tells."""
    assert "Uploaded, not committed: 100%" in MESSAGES["watched_all_bytes_there"].text
    assert "Commit it with the tool that sent it before" in MESSAGES["watched_all_bytes_there"].text
    assert "Stalled: 42%" in MESSAGES["watched_stalled"].text
    assert "Last part 5 h ago." in MESSAGES["watched_stalled"].text


def test_watched__times_that_are_over() -> None:
    assert "24 h and 4 h before it expires are over already." in MESSAGES["watched_some_times_over"].text
    text = MESSAGES["watched_all_times_over"].text
    assert "The next reminder comes when there is news, or when it has expired." in text
    one = watches.watched(made(HALF, passed=(24 * HOUR,)), a_look()).text
    assert "24 h before it expires is over already." in one


def test_watched__next_reminder_heeds_quiet_hours_in_direct_messages_alone() -> None:
    """Due at 18:30 in UTC is 20:30 in Berlin; due at 21:30 there is 23:30, and waits until seven."""
    upload = an_upload(expires=NOW + 27 * HOUR + 30 * MINUTE)
    watch = a_watch(upload, lead_times=(24 * HOUR,))
    held = watches.watched(made(upload, watch), a_look(), NIGHT).text
    assert "Next reminder: 2026-09-23 05:00 UTC (in 11 h)." in held
    assert "2026-09-22 21:30 UTC" in watches.watched(made(upload, watch), a_look()).text
    in_channel = made(upload, replace(watch, place=TRIALS))
    assert "2026-09-22 21:30 UTC" in watches.watched(in_channel, a_look(), NIGHT).text


def test_watched__says_that_the_channel_was_told_when_it_was() -> None:
    told = "The channel has been told."
    assert told in MESSAGES["watched_in_channel"].text
    for other in (made(HALF, SHARED, changed=True), made(HALF, replace(SHARED, announced_ts=""))):
        assert told not in watches.watched(other, a_look()).text


def test_what_is_told__expiry_always() -> None:
    nothing = a_watch(topics=frozenset(), lead_times=())
    assert what_is_told(nothing) == "when it has expired"
    assert what_is_told(a_watch(topics=frozenset({Topic.ENDED}), lead_times=())) == "how it ended"


def test_watch_list__has_a_row_for_each_with_its_own_buttons() -> None:
    message = MESSAGES["watch_list"]
    assert message.text.startswith("You watch: 6.")
    stops = buttons_in(message.blocks)
    assert [json.loads(one["value"]) for one in stops] == [{"w": line.watch.id, "l": 1} for line in LINES]
    menus = [one for one in objects_in(message.blocks) if one.get("type") == "static_select"]
    assert len(menus) == len(LINES)
    assert json.loads(menus[0]["options"][2]["value"]) == {"w": LINES[0].watch.id, "l": 1, "s": "morning"}


def test_watch_list__leaves_out_what_was_silenced() -> None:
    silenced = Line(watch=a_watch(told=Told(muted=True)))
    assert watches.watch_list([silenced], a_look()) == MESSAGES["watch_list_empty"]


def test_watch_list__a_long_one_says_how_many_more() -> None:
    text = MESSAGES["watch_list_long"].text
    shown = text.count("\n• ")
    assert 10 <= shown <= watches.MOST_ROWS
    assert f"And {27 - shown} more. `/upload-status unwatch all` stops every one." in text
    assert len(buttons_in(MESSAGES["watch_list_long"].blocks)) == shown


def test_announcement__names_its_owner_and_whose_rights() -> None:
    text = MESSAGES["announcement"].text
    assert text.startswith(
        "<@U01ALICE> watches m5-datasets.zip here: I tell this channel 24 h, 4 h and 1 h before"
    )
    assert "read with the Vault rights of <@U01ALICE>" in text
    (stop,) = buttons_in(MESSAGES["announcement"].blocks)
    assert (stop["action_id"], json.loads(stop["value"])) == ("unwatch", {"w": SHARED.id})


def test_request_to_stop__is_one_click_for_its_owner() -> None:
    message = MESSAGES["request_to_stop"]
    assert message.text == "<@U01BOB> asks you to stop the watch of m5-datasets.zip in <#C01TRIALS>."
    assert [one["action_id"] for one in buttons_in(message.blocks)] == ["unwatch"]


def test_place_gone__offers_to_watch_again() -> None:
    (again,) = buttons_in(MESSAGES["place_gone"].blocks)
    assert (again["action_id"], json.loads(again["value"])) == ("watch", {"u": HALF.id, "v": PROMOMATS.host})
    assert "is_archived" in MESSAGES["place_gone"].text


def test_awkward_name__is_shown_and_dead() -> None:
    message = MESSAGES["watch_awkward"]
    for text in (message.text, *mrkdwn_in(message.blocks)):
        assert "<!channel>" not in text
        assert "\u202e" not in text


@pytest.mark.parametrize(
    ("length", "words", "typed"),
    [
        (72 * HOUR, "72 h", "72h"),
        (24 * HOUR, "24 h", "24h"),
        (90 * MINUTE, "1 h 30 min", "90m"),
        (15 * MINUTE, "15 min", "15m"),
        (90 * SECOND, "90 s", "90s"),
        (5 * SECOND, "5 s", "5s"),
    ],
)
def test_lead_times__as_words_and_as_typed(length: timedelta, words: str, typed: str) -> None:
    assert (span(length), short(length)) == (words, typed)
    assert parse_duration(typed) == length


@pytest.mark.parametrize(
    ("pieces", "sentence"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_listed(pieces: Sequence[str], sentence: str) -> None:
    assert listed(pieces) == sentence


TARGETS = st.sampled_from(Target)
PLACES = st.sampled_from([Place(), TRIALS])


@given(upload=wild_uploads(), now=MOMENTS, place=PLACES, target=TARGETS, vault=FOREIGN, reason=FOREIGN)
def test_messages__anything_at_all(
    upload: UploadSession, now: datetime, place: Place, target: Target, vault: str, reason: str
) -> None:
    watch = a_watch(upload, place=place, target=target, snoozed_until=now + HOUR)
    look = a_look(now=now, several_vaults=True)
    line = Line(watch=watch, vault_name=vault, next_due=upload.expires)
    of_vault = Vault(vault, PROMOMATS.url)
    status = a_status(upload, vault=of_vault)
    one = watches.stopped([watch], Vaults((of_vault,)).name_of)
    for message in (
        watches.watched(Made(watch=watch, vault=of_vault, status=status), look, NIGHT),
        watches.watch_list([line] * 30, look, one),
        watches.announcement(watch, vault, "<@U01ALICE>"),
        watches.stopped([watch] * 30, lambda _: vault),
        watches.snoozed(watch, vault, look),
        watch_ends.request_to_stop(watch, vault, BOB),
        watch_ends.place_gone(watch, vault, reason),
    ):
        assert_slack_takes(message, (*MENTIONS, "<#>"))
        assert faults_in(message.blocks, surface="message") == []
