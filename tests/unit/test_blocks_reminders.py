"""Reminders: as golden files, by Slack's rules, and what their first line says."""

import json
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model import text as words
from bot.model.reminders import Kind, Reminder, Trouble
from bot.model.uploads import Phase, UploadSession
from bot.model.watches import Place, Target
from bot.slack.blocks.kit import Message
from bot.slack.blocks.reminders import ENDINGS, reminder
from tests.factories import (
    AWKWARD,
    GB,
    HOUR,
    MB,
    MINUTE,
    NOW,
    SECOND,
    TRIALS,
    a_look,
    a_reminder,
    a_watch,
    a_wide_watch,
    an_upload,
    begun,
)
from tests.unit.golden_files import agrees
from tests.unit.slack_eyes import assert_slack_takes, buttons_in, facts_in, mrkdwn_in
from tests.unit.wild_uploads import FOREIGN, MOMENTS, wild_uploads

MENTIONS = ("<@U01ALICE>", "<#C01TRIALS>")
ALIVE = [Kind.LEAD, Kind.UNCOMMITTED, Kind.STALLED, Kind.MOVING, Kind.FORECAST]
OF_A_VAULT = [Kind.CROWDED, Kind.VAULT_EXPIRING]

BIG = begun(
    68 * HOUR, name="m5-datasets.zip", path="/u10001400/m5/m5-datasets.zip", size=7 * GB, uploaded_parts=121
)
SLOW = replace(BIG, uploaded=3 * GB)
NEARLY = replace(BIG, uploaded=7 * GB - 100 * MB)
DONE = replace(BIG, uploaded=7 * GB, last_uploaded=NOW - 2 * HOUR)
STALLED = replace(SLOW, last_uploaded=NOW - 5 * HOUR)
EMPTY = replace(BIG, uploaded=0, uploaded_parts=0, last_uploaded=BIG.created)
OVER = begun(72 * HOUR + MINUTE, name="m5-datasets.zip", size=7 * GB, uploaded=3 * GB, uploaded_parts=121)


def in_channel(told: Reminder) -> Reminder:
    """The same, where everybody in a channel reads it."""
    return replace(told, watch=replace(told.watch, place=TRIALS))


def lead(upload: UploadSession, **changes: Any) -> Reminder:
    """Four hours before its expiry."""
    return a_reminder(Kind.LEAD, upload, lead=4 * HOUR, **changes)


def of_a_vault(kind: Kind, **changes: Any) -> Reminder:
    """What an Admin's watch tells its channel."""
    watch = a_wide_watch(Target.VAULT, place=TRIALS)
    return replace(a_reminder(kind), watch=watch, upload=None, **changes)


ENDED_LINK: dict[str, Any] = {"trouble": Trouble.LINK_ENDED, "as_of": NOW - 5 * HOUR}
VAULT_DOWN: dict[str, Any] = {"trouble": Trouble.VAULT_DOWN, "as_of": NOW - 12 * MINUTE}
ABOUT_TO_GO = [replace(SLOW, name=f"site-{number:02d}.zip", id=f"id{number}") for number in range(17)]

REMINDERS: dict[str, Reminder] = {
    "reminder_lead_in_time": lead(NEARLY),
    "reminder_lead_too_slow": lead(SLOW),
    "reminder_lead_all_bytes_there": lead(DONE),
    "reminder_lead_stalled": lead(STALLED),
    "reminder_lead_no_part": lead(EMPTY),
    "reminder_lead_late": lead(NEARLY, late=3 * HOUR),
    "reminder_lead_in_channel": in_channel(lead(SLOW)),
    "reminder_lead_link_ended": lead(SLOW, **ENDED_LINK),
    "reminder_lead_link_ended_in_channel": in_channel(lead(SLOW, **ENDED_LINK)),
    "reminder_lead_vault_down": lead(DONE, **VAULT_DOWN),
    "reminder_lead_without_numbers": replace(
        lead(SLOW, **ENDED_LINK), upload=None, watch=a_watch(BIG, snapshot=None), as_of=NOW
    ),
    "reminder_uncommitted": a_reminder(Kind.UNCOMMITTED, DONE),
    "reminder_stalled": a_reminder(Kind.STALLED, begun(20 * HOUR, last_uploaded=NOW - HOUR)),
    "reminder_moving": a_reminder(Kind.MOVING, begun(20 * HOUR, last_uploaded=NOW - MINUTE)),
    "reminder_forecast": a_reminder(Kind.FORECAST, SLOW),
    "reminder_forecast_slow_of_late": a_reminder(
        Kind.FORECAST, begun(20 * HOUR, size=31 * GB, uploaded=15 * GB)
    ),
    "reminder_committed": a_reminder(Kind.COMMITTED, DONE, as_of=NOW - 4 * MINUTE),
    "reminder_gone": a_reminder(Kind.GONE, SLOW, as_of=NOW - 4 * MINUTE),
    "reminder_gone_in_channel": in_channel(a_reminder(Kind.GONE, SLOW, as_of=NOW - 4 * MINUTE)),
    "reminder_expired": a_reminder(Kind.EXPIRED, OVER, as_of=NOW - 5 * MINUTE),
    "reminder_expired_all_bytes_there": a_reminder(Kind.EXPIRED, replace(OVER, uploaded=7 * GB)),
    "reminder_expired_no_part": a_reminder(Kind.EXPIRED, replace(OVER, uploaded=0, uploaded_parts=0)),
    "reminder_expired_link_ended": a_reminder(
        Kind.EXPIRED, begun(74 * HOUR, name="m5-datasets.zip"), late=2 * HOUR, **ENDED_LINK
    ),
    "reminder_aborted": a_reminder(Kind.ABORTED, SLOW, as_of=NOW - 4 * MINUTE),
    "reminder_awkward": lead(replace(SLOW, name=AWKWARD, path=f"/u10001400/odd names/{AWKWARD}")),
    "reminder_crowded": of_a_vault(Kind.CROWDED, in_use=40),
    "reminder_vault_expiring_one": of_a_vault(
        Kind.VAULT_EXPIRING, lead=4 * HOUR, expiring=[SLOW], owner_names=["Bob Tanaka"]
    ),
    "reminder_vault_expiring_many": of_a_vault(
        Kind.VAULT_EXPIRING,
        lead=4 * HOUR,
        expiring=ABOUT_TO_GO,
        owner_names=["Bob Tanaka", *["Alice Moreau"] * 16],
        late=HOUR,
    ),
}


def drawn(name: str, **look: Any) -> Message:
    """One of the reminders as it is sent."""
    return reminder(REMINDERS[name], a_look(**look))


def first_line(message: Message) -> str:
    """What is read of it at night."""
    line: str = message.blocks[0]["text"]["text"].split("\n")[0]
    return line.replace("*", "").replace("`", "")


@pytest.mark.parametrize("name", REMINDERS)
def test_reminder__golden(name: str) -> None:
    assert agrees(name, asdict(drawn(name, several_vaults=name == "reminder_lead_late")))


@pytest.mark.parametrize("name", REMINDERS)
def test_reminder__as_slack_takes_it(name: str) -> None:
    assert_slack_takes(drawn(name), MENTIONS)


def test_reminders__show_every_kind() -> None:
    assert {told.kind for told in REMINDERS.values()} == set(Kind)


@pytest.mark.parametrize("name", [name for name in REMINDERS if name != "reminder_awkward"])
def test_reminder__text_carries_every_fact_of_the_blocks(name: str) -> None:
    message = drawn(name, several_vaults=True)
    text = message.text.replace("`", "")
    facts = [fact.replace("`", "").removeprefix("🟢 ").strip() for fact in facts_in(message.blocks)]
    assert [fact for fact in facts if fact.removesuffix(".") not in text] == []


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("reminder_lead_in_time", "🔵 m5-datasets.zip expires in 4 h: 98% there, 100.0 MB to go"),
        (
            "reminder_lead_too_slow",
            "🔵 m5-datasets.zip expires in 4 h: 42% there, 4.0 GB to go, too slow to make it",
        ),
        (
            "reminder_lead_all_bytes_there",
            "🟡 m5-datasets.zip expires in 4 h: all bytes are there, but it is not committed",
        ),
        ("reminder_lead_stalled", "🟠 m5-datasets.zip expires in 4 h: stalled at 42%, no part for 5 h"),
        ("reminder_lead_no_part", "⚪ m5-datasets.zip expires in 4 h: no part yet"),
        (
            "reminder_lead_link_ended",
            "🔵 m5-datasets.zip expires in 4 h: as of 5 h ago, 42% there, 4.0 GB to go",
        ),
        ("reminder_lead_without_numbers", f"⚪ {BIG.id} expires in 4 h"),
        (
            "reminder_uncommitted",
            "🟡 m5-datasets.zip expires in 4 h: all bytes are there, but it is not committed",
        ),
        (
            "reminder_stalled",
            "🟠 Cholecap-Commercial-2021.mp4 expires in 52 h: stalled at 31%, no part for 1 h",
        ),
        (
            "reminder_moving",
            "🔵 Cholecap-Commercial-2021.mp4 is moving again and expires in 52 h: 31% there, 21.3 MB to go",
        ),
        (
            "reminder_forecast",
            "🔵 m5-datasets.zip expires in 4 h, before it can be done at this pace: 42% there, 4.0 GB to go",
        ),
        ("reminder_committed", "🟢 m5-datasets.zip is committed: 7.0 GB are there as a file"),
        (
            "reminder_gone",
            "⚪ m5-datasets.zip: No longer active. It was committed or aborted, and I cannot see which",
        ),
        ("reminder_expired", "🔴 m5-datasets.zip has expired: 3.0 GB in 121 parts are lost"),
        (
            "reminder_expired_all_bytes_there",
            "🔴 m5-datasets.zip has expired: all 7.0 GB were there, but it was not committed",
        ),
        ("reminder_expired_no_part", "🔴 m5-datasets.zip has expired: no part had come"),
        (
            "reminder_expired_link_ended",
            "🔴 m5-datasets.zip is past its expiry, and I cannot see whether it was committed in time",
        ),
        ("reminder_crowded", "⚠️ 40 of 50 upload sessions of promomats are in use"),
        ("reminder_vault_expiring_one", "⚠️ 1 upload in promomats expires within 4 h"),
        ("reminder_vault_expiring_many", "⚠️ 17 uploads in promomats expire within 4 h"),
    ],
)
def test_first_line__says_which_file_what_and_how_long(name: str, line: str) -> None:
    assert first_line(drawn(name)) == line


@pytest.mark.parametrize("name", REMINDERS)
def test_first_line__is_how_the_text_begins(name: str) -> None:
    if name != "reminder_awkward":
        line = first_line(drawn(name))
        assert drawn(name).text.startswith(line[line.index(" ") :].strip())


@pytest.mark.parametrize(
    ("left", "asked", "shown"),
    [
        (4 * HOUR, 4 * HOUR, "in 4 h:"),
        (4 * HOUR - 5 * SECOND, 4 * HOUR, "in 4 h:"),
        (4 * HOUR - 3 * MINUTE, 4 * HOUR, "in 3 h 57 min:"),
        (HOUR, 4 * HOUR, "in 1 h:"),
        (4 * SECOND, 5 * SECOND, "in 5 s:"),
        (89 * SECOND, 90 * SECOND, "in 90 s:"),
        (-SECOND, 4 * HOUR, "expired just now:"),
    ],
)
def test_lead__is_named_as_it_was_wished_for_where_it_comes_on_time(
    left: timedelta, asked: timedelta, shown: str
) -> None:
    upload = replace(NEARLY, expires=NOW + left)
    assert shown in first_line(reminder(a_reminder(Kind.LEAD, upload, lead=asked), a_look()))


@pytest.mark.parametrize("kind", ALIVE)
@pytest.mark.parametrize("upload", [SLOW, NEARLY, DONE, STALLED, EMPTY])
def test_reminder__text_carries_the_facts_of_the_contract(kind: Kind, upload: UploadSession) -> None:
    text = reminder(a_reminder(kind, upload), a_look(several_vaults=True)).text
    facts = [
        upload.name,
        f"{upload.phase(NOW, HOUR)}: {upload.percent}%",
        f"{words.size(upload.uploaded)} of {words.size(upload.size)}",
        words.plural(upload.uploaded_parts, "part"),
        f"Owner: Vault user {upload.owner}.",
        "No part yet." if upload.nothing_there else f"Last part {words.utc(upload.last_uploaded)}.",
        f"Expires {words.utc(upload.expires)}.",
        "Vault: promomats.",
    ]
    assert [fact for fact in facts if fact not in text] == []


def test_reminder__says_what_it_needs_from_now_on() -> None:
    assert "It needs 17.1 MB/min from now on." in drawn("reminder_lead_too_slow").text
    assert "it comes about 86 h too late." in drawn("reminder_lead_too_slow").text
    assert "it finishes about 3 h before that." in drawn("reminder_lead_in_time").text
    assert "It needs" in drawn("reminder_stalled").text


@pytest.mark.parametrize("name", ["reminder_lead_all_bytes_there", "reminder_uncommitted"])
def test_uncommitted__says_what_to_do_and_until_when(name: str) -> None:
    text = drawn(name).text
    assert "commit it with the tool that sent it before 2026-09-22 22:00 UTC" in text
    assert "or Vault deletes every byte" in text


@pytest.mark.parametrize("name", REMINDERS)
def test_late__is_said_only_where_it_is(name: str) -> None:
    late = REMINDERS[name].late
    said = f"This reminder is late by {words.duration(late)}: I was not running."
    assert (said in drawn(name).text) == bool(late)


def test_link_ended__gives_the_age_and_a_way_back_to_its_owner_alone() -> None:
    mine, theirs = drawn("reminder_lead_link_ended"), drawn("reminder_lead_link_ended_in_channel")
    assert "has ended, so these numbers are 5 h old" in mine.text
    assert "The link of <@U01ALICE> to Vault (promomats) has ended" in theirs.text
    assert [one["action_id"] for one in buttons_in(mine.blocks)] == ["link", "unwatch"]
    assert [one["action_id"] for one in buttons_in(theirs.blocks)] == ["refresh", "unwatch"]
    assert "If nothing has come since, it needs" in mine.text


def test_vault_down__gives_the_age() -> None:
    said = "Vault (promomats) could not be reached just now, so these numbers are 12 min old."
    assert said in drawn("reminder_lead_vault_down").text


def test_what_nobody_could_see__is_not_claimed() -> None:
    """Without a look nobody knows that an upload was not committed in time, or that it has stalled since."""
    assert "are lost" not in drawn("reminder_expired_link_ended").text
    quiet_since = replace(SLOW, last_uploaded=NOW - 5 * HOUR - MINUTE)
    assert "reminder_stalled" not in reminder(lead(quiet_since, **ENDED_LINK), a_look()).text.lower()


@pytest.mark.parametrize(
    "name", [name for name in REMINDERS if REMINDERS[name].watch.target is Target.UPLOAD]
)
def test_path__is_nowhere(name: str) -> None:
    assert "/u10001400" not in json.dumps(asdict(drawn(name)))


@pytest.mark.parametrize("kind", ALIVE)
def test_buttons__of_a_living_upload(kind: Kind) -> None:
    told = a_reminder(kind, SLOW)
    direct, shared = reminder(told, a_look()).blocks, reminder(in_channel(told), a_look()).blocks
    assert [one["text"]["text"] for one in buttons_in(direct)] == ["Show", "Stop"]
    assert [one["text"]["text"] for one in buttons_in(shared)] == ["Refresh", "Stop"]
    show, stop = buttons_in(shared)
    assert json.loads(show["value"]) == {"u": SLOW.id, "v": told.watch.vault_host}
    assert json.loads(stop["value"]) == {"w": told.watch.id}
    menu = direct[0]["accessory"]
    assert (menu["type"], menu["action_id"]) == ("static_select", "snooze")
    assert [json.loads(one["value"]) for one in menu["options"]] == [
        {"w": told.watch.id, "s": word} for word in ("1h", "4h", "morning")
    ]
    assert "accessory" not in shared[0]


@pytest.mark.parametrize("kind", ENDINGS)
def test_buttons__nothing_is_left_to_stop_or_snooze_after_the_end(kind: Kind) -> None:
    told = a_reminder(kind, OVER)
    assert [one["action_id"] for one in buttons_in(reminder(told, a_look()).blocks)] == ["open_list"]
    assert buttons_in(reminder(in_channel(told), a_look()).blocks) == []


def test_vault_expiring__names_at_most_ten_with_their_owners() -> None:
    message = drawn("reminder_vault_expiring_many")
    assert "The 10 that expire first, and 7 more." in message.text
    assert message.text.count("site-") == 10
    assert "site-00.zip: Uploading, 42%, expires in 4 h (2026-09-22 22:00 UTC), Bob Tanaka." in message.text


def test_vault_expiring__an_owner_without_a_name_is_told_by_number() -> None:
    told = of_a_vault(Kind.VAULT_EXPIRING, expiring=ABOUT_TO_GO[:2], owner_names=["Bob Tanaka"])
    assert "Vault user 10001400." in reminder(told, a_look()).text


def test_awkward_name__is_shown_and_dead() -> None:
    message = drawn("reminder_awkward")
    for text in (message.text, *mrkdwn_in(message.blocks)):
        assert "<!channel>" not in text
        assert "\u202e" not in text


@given(
    upload=wild_uploads() | st.none(),
    kind=st.sampled_from([*ALIVE, *ENDINGS]),
    now=MOMENTS,
    as_of=MOMENTS,
    trouble=st.none() | st.sampled_from(Trouble),
    late=st.timedeltas(timedelta(0), 90 * HOUR),
    asked=st.none() | st.timedeltas(5 * SECOND, 72 * HOUR),
    vault=FOREIGN,
    place=st.sampled_from([Place(), TRIALS]),
)
def test_reminder__anything_at_all(
    upload: UploadSession | None,
    kind: Kind,
    now: datetime,
    as_of: datetime,
    trouble: Trouble | None,
    late: timedelta,
    asked: timedelta | None,
    vault: str,
    place: Place,
) -> None:
    watch = a_watch(upload, place=place) if upload else a_watch(snapshot=None, expires=None, place=place)
    told = Reminder(
        kind=kind, watch=watch, vault_name=vault, upload=upload, as_of=as_of, now=now, lead=asked,
        trouble=trouble, late=late,
    )  # fmt: skip
    message = reminder(told, a_look(now=now))
    assert_slack_takes(message, MENTIONS)
    assert json.dumps(asdict(message))


@given(
    uploads=st.lists(wild_uploads(), max_size=15),
    names=st.lists(FOREIGN, max_size=15),
    kind=st.sampled_from(OF_A_VAULT),
    now=MOMENTS,
    in_use=st.integers(0, 500),
)
def test_reminder_of_a_vault__anything_at_all(
    uploads: list[UploadSession], names: list[str], kind: Kind, now: datetime, in_use: int
) -> None:
    told = replace(of_a_vault(kind), expiring=uploads, owner_names=names, now=now, in_use=in_use)
    assert_slack_takes(reminder(told, a_look(now=now)), MENTIONS)


def test_examples__are_in_the_phases_they_are_named_for() -> None:
    assert [one.phase(NOW, HOUR) for one in (SLOW, DONE, STALLED, EMPTY, OVER, an_upload())] == [
        Phase.UPLOADING,
        Phase.UPLOADED,
        Phase.STALLED,
        Phase.NOT_STARTED,
        Phase.EXPIRED,
        Phase.UPLOADING,
    ]
