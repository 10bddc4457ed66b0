"""What a look at an upload gives to tell, and when to look again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.model.accounts import SlackUser
from bot.model.outlook import news, outlook, pause_before_next_look, recent_pace, told_at_the_start
from bot.model.reminders import Kind, lateness, upcoming
from bot.model.uploads import UploadSession
from bot.model.watches import Place, Sample, Target, Told, Topic, Watch, ordered

MIB = 1024 * 1024
START = datetime(2026, 11, 20, 8, tzinfo=UTC)
STALL = timedelta(hours=1)
POLL = timedelta(minutes=5)
WATCH = Watch(
    id="w1",
    owner=SlackUser("T1", "U1", "T1"),
    vault_host="promomats.example",
    target=Target.UPLOAD,
    upload_id="abc",
    place=Place(),
    lead_times=(timedelta(hours=1),),
    topics=frozenset(Topic),
    created_at=START,
)


def upload(**changes: object) -> UploadSession:
    """An upload of 1000 MB, half there after ten hours, last part just now."""
    values: dict[str, object] = {
        "id": "abc", "path": "/a.zip", "name": "a.zip", "size": 1000 * MIB, "uploaded": 500 * MIB,
        "uploaded_parts": 50, "created": START, "expires": START + timedelta(hours=72),
        "last_uploaded": START + timedelta(hours=10), "owner": "1", **changes,
    }  # fmt: skip
    return UploadSession(**values)  # type: ignore[arg-type]


NOW = START + timedelta(hours=10)
NOTHING = Told()


def look(
    one: UploadSession, told: Told = NOTHING, now: datetime = NOW, *samples: Sample
) -> tuple[list[Kind], Told]:
    """What is told of it."""
    return news(replace(WATCH, told=told), one, samples, now, STALL)


def test_news__nothing_of_one_that_moves() -> None:
    assert look(upload()) == ([], Told())


def test_news__all_bytes_there_once() -> None:
    there = upload(uploaded=1000 * MIB)
    assert look(there) == ([Kind.UNCOMMITTED], Told(uncommitted=True))
    assert look(there, Told(uncommitted=True)) == ([], Told(uncommitted=True))


def test_news__stalled_then_moving_again_then_stalled() -> None:
    later = NOW + timedelta(hours=2)
    found, told = look(upload(), Told(), later)
    assert (found, told.stalled) == ([Kind.STALLED], True)
    assert look(upload(), told, later + STALL) == ([], told)
    found, told = look(upload(last_uploaded=later), told, later)
    assert (found, told.stalled) == ([Kind.MOVING], False)


def test_news__switched_off_is_not_told_later_either() -> None:
    quiet = replace(WATCH, topics=frozenset(Topic) - {Topic.STALLED})
    found, told = news(quiet, upload(), (), NOW + timedelta(hours=2), STALL)
    assert (found, told.stalled) == ([], True)


SLOW = [Sample(at=NOW - timedelta(minutes=50), uploaded=499 * MIB)]


def test_news__will_expire_first_by_the_last_hour() -> None:
    # On average it would make it easily; in the last fifty minutes one of 500 MB came.
    found, told = look(upload(), Told(), NOW, *SLOW)
    assert (found, told.forecast) == ([Kind.FORECAST], True)
    assert look(upload(), told, NOW, *SLOW) == ([], told)


def test_news__forecast_does_not_flap() -> None:
    left = (upload().expires - NOW).total_seconds()
    told = Told(forecast=True)
    for share, stays in ((1.02, True), (1.0, True), (0.93, True), (0.85, False)):
        # The pace at which the rest takes this share of the time left.
        pace = 500 * MIB / (left * share)
        before = Sample(at=NOW - timedelta(minutes=30), uploaded=int(500 * MIB - pace * 1800))
        assert look(upload(), told, NOW, before)[1].forecast is stays
        assert look(upload(), Told(), NOW, before)[0] == []


def test_outlook__none_where_nothing_is_to_be_forecast() -> None:
    assert outlook(upload(uploaded=1000 * MIB), (), NOW) is None
    assert outlook(upload(), (), START + timedelta(hours=73)) is None
    assert outlook(upload(uploaded=0, uploaded_parts=0, last_uploaded=START), (), NOW) is None


def test_recent_pace__needs_ten_minutes_else_the_average() -> None:
    short = [Sample(at=NOW - timedelta(minutes=5), uploaded=0)]
    assert recent_pace(upload(), short, NOW) == upload().pace
    assert recent_pace(upload(), SLOW, NOW) == MIB / 3000
    gone_back = [Sample(at=NOW - timedelta(minutes=50), uploaded=900 * MIB)]
    assert recent_pace(upload(), gone_back, NOW) == 0


def test_told_at_the_start__is_what_the_answer_has_said() -> None:
    assert told_at_the_start(upload(uploaded=1000 * MIB), NOW, STALL) == Told(uncommitted=True)
    assert told_at_the_start(upload(), NOW + STALL, STALL) == Told(stalled=True)


def pause(one: UploadSession, now: datetime, poll: timedelta = POLL) -> timedelta:
    """How long until the next look."""
    return pause_before_next_look([one], now, poll_every=poll, stall_after=STALL)


def test_pause__by_what_may_happen() -> None:
    steady = upload(size=100_000 * MIB)
    assert pause(steady, NOW) == POLL * 2
    day_left = START + timedelta(hours=50)
    assert pause(replace(steady, last_uploaded=day_left), day_left) == POLL * 1.5
    hour_left = START + timedelta(hours=71, minutes=10)
    assert pause(replace(steady, last_uploaded=hour_left), hour_left) == POLL
    assert pause(steady, NOW + timedelta(hours=3)) == POLL * 3
    assert pause(upload(uploaded=1000 * MIB), NOW) == POLL * 3
    nearly = upload(uploaded=999 * MIB)
    assert pause(nearly, NOW) == POLL * 0.4


def test_pause__comes_in_time_for_a_stall() -> None:
    steady = upload(size=100_000 * MIB)
    assert pause(steady, NOW + timedelta(minutes=56)) == timedelta(minutes=4)


@pytest.mark.parametrize(
    ("poll", "least"),
    [(timedelta(seconds=30), timedelta(seconds=30)), (timedelta(seconds=1), timedelta(seconds=1))],
)
def test_pause__has_a_floor(poll: timedelta, least: timedelta) -> None:
    assert pause(upload(uploaded=999 * MIB), NOW, poll) == least


def test_pause__of_nothing_living() -> None:
    assert pause_before_next_look([], NOW, poll_every=POLL, stall_after=STALL) == POLL * 3


@pytest.mark.parametrize("moves", [True, False])
def test_pause__costs_fewer_than_900_calls_in_72_hours(*, moves: bool) -> None:
    """Twenty uploads of one person, watched from the first to the last moment, with three reminders each."""
    now, calls = START, 20 * 3
    while now < START + timedelta(hours=72):
        share = (now - START) / timedelta(hours=73) if moves else 0.1
        last = now if moves else min(now, START + timedelta(hours=7))
        many = [upload(size=10**12, uploaded=int(10**12 * share), last_uploaded=last) for _ in range(20)]
        now += pause_before_next_look(many, now, poll_every=POLL, stall_after=STALL)
        calls += 1
    assert calls < 900


def test_upcoming__leaves_out_what_is_past() -> None:
    leads = (timedelta(hours=1), timedelta(hours=24), timedelta(hours=4))
    expires = NOW + timedelta(hours=4)
    assert upcoming(leads, expires, NOW) == [(timedelta(hours=1), NOW + timedelta(hours=3))]


def test_lateness__only_what_one_would_call_late() -> None:
    assert lateness(NOW, NOW + timedelta(seconds=90)) == timedelta(0)
    assert lateness(NOW, NOW + timedelta(hours=3)) == timedelta(hours=3)


def test_ordered__lead_times() -> None:
    hour = timedelta(hours=1)
    assert ordered([hour, 4 * hour, hour]) == (4 * hour, hour)
    for wrong in ([timedelta(seconds=1)], [timedelta(days=4)], [hour * (n + 1) for n in range(7)]):
        with pytest.raises(ValueError, match="before expiry"):
            ordered(wrong)
