"""What an upload session's numbers mean at a moment."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.uploads import (
    LONGEST_FORECAST,
    SOON,
    Phase,
    UploadSession,
    forecast,
    most_urgent_first,
    urgency,
)
from tests.factories import GB, HOUR, MB, MINUTE, NOW, SECOND, an_upload

TICK = timedelta(microseconds=1)
SIZES = st.integers(0, 2**63 - 1)
MOMENTS = st.datetimes(timezones=st.just(UTC))


@st.composite
def uploads(draw: st.DrawFn) -> UploadSession:
    """Anything the border lets through, however little sense it makes."""
    return an_upload(
        size=draw(SIZES | st.integers(0, 3)),
        uploaded=draw(SIZES | st.integers(0, 3)),
        uploaded_parts=draw(st.integers(0, 3) | SIZES),
        created=draw(MOMENTS),
        expires=draw(MOMENTS),
        last_uploaded=draw(MOMENTS),
    )


# Phase


@pytest.mark.parametrize(
    ("changes", "phase"),
    [
        ({}, Phase.UPLOADING),
        ({"uploaded": 0, "uploaded_parts": 0}, Phase.NOT_STARTED),
        ({"uploaded": 0, "uploaded_parts": 0, "last_uploaded": NOW - 9 * HOUR}, Phase.NOT_STARTED),
        ({"uploaded": 5, "uploaded_parts": 0}, Phase.UPLOADING),
        ({"uploaded": 0, "uploaded_parts": 1}, Phase.UPLOADING),
        ({"last_uploaded": NOW - HOUR + TICK}, Phase.UPLOADING),
        ({"last_uploaded": NOW - HOUR}, Phase.STALLED),
        ({"last_uploaded": NOW + HOUR}, Phase.UPLOADING),
        ({"uploaded": 32862311, "last_uploaded": NOW - HOUR}, Phase.STALLED),
        ({"uploaded": 32862312}, Phase.UPLOADED),
        ({"uploaded": 32862312, "last_uploaded": NOW - 20 * HOUR}, Phase.UPLOADED),
        ({"uploaded": 32862313}, Phase.UPLOADED),
        ({"size": 0, "uploaded": 0, "uploaded_parts": 0}, Phase.NOT_STARTED),
        ({"size": 0, "uploaded": 0, "uploaded_parts": 1}, Phase.UPLOADED),
        ({"size": 0, "uploaded": 1, "uploaded_parts": 0}, Phase.UPLOADED),
        ({"expires": NOW + TICK}, Phase.UPLOADING),
        ({"expires": NOW}, Phase.EXPIRED),
        ({"expires": NOW - TICK}, Phase.EXPIRED),
        ({"expires": NOW, "uploaded": 32862312}, Phase.EXPIRED),
        ({"expires": NOW, "uploaded": 0, "uploaded_parts": 0}, Phase.EXPIRED),
    ],
)
def test_phase__at_each_boundary(changes: dict[str, object], phase: Phase) -> None:
    assert an_upload(**changes).phase(NOW, HOUR) is phase


def test_phase__words_are_public() -> None:
    assert [str(phase) for phase in Phase] == [
        "Not started",
        "Uploading",
        "Stalled",
        "Uploaded, not committed",
        "Expired",
    ]


@given(uploads(), st.datetimes(timezones=st.just(UTC)))
def test_phase__expired_stays_expired(upload: UploadSession, moment: datetime) -> None:
    if upload.phase(moment, HOUR) is Phase.EXPIRED:
        assert upload.phase(datetime.max.replace(tzinfo=UTC), HOUR) is Phase.EXPIRED
    else:
        assert moment < upload.expires


# Percent


@pytest.mark.parametrize(
    ("size", "uploaded", "parts", "percent"),
    [
        (32862312, 10485760, 2, 31),
        (32862312, 0, 0, 0),
        (1000, 9, 1, 0),
        (1000, 10, 1, 1),
        (1000, 999, 1, 99),
        (10**15, 10**15 - 1, 5, 99),
        (1000, 1000, 1, 100),
        (1000, 1001, 1, 100),
        (0, 0, 0, 0),
        (0, 0, 1, 100),
        (1, 0, 0, 0),
        (2**63 - 1, 2**63 - 2, 1, 99),
    ],
)
def test_percent__is_floored(size: int, uploaded: int, parts: int, percent: int) -> None:
    assert an_upload(size=size, uploaded=uploaded, uploaded_parts=parts).percent == percent


@given(uploads())
def test_percent__is_100_only_when_every_byte_is_there(upload: UploadSession) -> None:
    assert 0 <= upload.percent <= 100
    assert (upload.percent == 100) == upload.all_bytes_there
    if upload.percent == 100:
        assert upload.remaining == 0
    elif upload.size:
        assert upload.percent * upload.size <= upload.uploaded * 100 < (upload.percent + 1) * upload.size


@given(SIZES, SIZES, SIZES)
def test_percent__never_falls_while_bytes_come(size: int, one: int, other: int) -> None:
    fewer, more = sorted((one, other))
    assert an_upload(size=size, uploaded=fewer).percent <= an_upload(size=size, uploaded=more).percent


# Remaining, pace, folder


@pytest.mark.parametrize(("size", "uploaded", "remaining"), [(10, 3, 7), (10, 10, 0), (10, 12, 0), (0, 0, 0)])
def test_remaining__is_never_negative(size: int, uploaded: int, remaining: int) -> None:
    assert an_upload(size=size, uploaded=uploaded).remaining == remaining


@pytest.mark.parametrize(
    ("span", "uploaded", "pace"),
    [
        (100 * SECOND, 5000, 50.0),
        (SECOND, 5000, 5000.0),
        (SECOND - TICK, 5000, None),
        (timedelta(0), 5000, None),
        (-HOUR, 5000, None),
        (100 * SECOND, 0, None),
    ],
)
def test_pace__from_creation_to_the_last_part(span: timedelta, uploaded: int, pace: float | None) -> None:
    created = NOW - 2 * HOUR
    assert an_upload(created=created, last_uploaded=created + span, uploaded=uploaded).pace == pace


@pytest.mark.parametrize(("uploaded", "parts", "nothing"), [(0, 0, True), (0, 1, False), (1, 0, False)])
def test_nothing_there__needs_neither_bytes_nor_parts(uploaded: int, parts: int, *, nothing: bool) -> None:
    assert an_upload(uploaded=uploaded, uploaded_parts=parts).nothing_there is nothing


# Forecast


def half_done(left: timedelta, **changes: object) -> UploadSession:
    """100 MB of 200 MB came in the hour up to now: the rest needs one hour more."""
    return an_upload(
        size=200 * MB,
        uploaded=100 * MB,
        created=NOW - HOUR,
        last_uploaded=NOW,
        expires=NOW + left,
        **changes,
    )


def test_forecast__in_time() -> None:
    seen = forecast(half_done(3 * HOUR), NOW)
    assert seen is not None
    assert seen.in_time
    assert seen.spare == 2 * HOUR
    assert seen.needed == pytest.approx(100 * MB / (3 * 3600))


def test_forecast__expires_first() -> None:
    seen = forecast(half_done(30 * MINUTE), NOW)
    assert seen is not None
    assert not seen.in_time
    assert seen.spare == -30 * MINUTE
    assert seen.needed == pytest.approx(100 * MB / 1800)


def test_forecast__ending_at_the_very_moment_of_expiry_is_too_late() -> None:
    seen = forecast(half_done(HOUR), NOW)
    assert seen is not None
    assert seen.spare == timedelta(0)
    assert not seen.in_time


@pytest.mark.parametrize(
    "upload",
    [
        half_done(timedelta(0)),
        half_done(-HOUR),
        an_upload(uploaded=0, uploaded_parts=0),
        an_upload(last_uploaded=an_upload().created),
        an_upload(uploaded=32862312),
        an_upload(size=0, uploaded=0, uploaded_parts=1),
    ],
)
def test_forecast__none_where_nothing_can_be_told(upload: UploadSession) -> None:
    assert forecast(upload, NOW) is None


def test_forecast__a_crawling_upload_is_counted_up_to_ten_years() -> None:
    upload = an_upload(size=2**63 - 1, uploaded=1, created=NOW - HOUR, last_uploaded=NOW, expires=NOW + HOUR)
    seen = forecast(upload, NOW)
    assert seen is not None
    assert seen.spare == HOUR - LONGEST_FORECAST


@given(uploads(), MOMENTS)
def test_forecast__never_raises_and_agrees_with_the_needed_pace(
    upload: UploadSession, moment: datetime
) -> None:
    seen = forecast(upload, moment)
    if seen is not None:
        pace = upload.pace
        assert pace is not None
        assert seen.needed > 0
        if abs(seen.spare) > SECOND and seen.spare > upload.time_left(moment) - LONGEST_FORECAST:
            assert seen.in_time == (pace > seen.needed)


# Urgency


EXPIRING = an_upload(id="expiring", expires=NOW + SOON - TICK)
UNCOMMITTED = an_upload(id="uncommitted", uploaded=32862312, expires=NOW + SOON)
STALLED = an_upload(id="stalled", last_uploaded=NOW - 2 * HOUR, created=NOW - 2 * HOUR - MINUTE)
TOO_SLOW = an_upload(
    id="slow", size=900 * GB, uploaded=MB, created=NOW - 40 * HOUR, last_uploaded=NOW, expires=NOW + 32 * HOUR
)
MOVING = an_upload(id="moving")
WAITING = an_upload(id="waiting", uploaded=0, uploaded_parts=0)
OVER = an_upload(id="over", expires=NOW)


@pytest.mark.parametrize(
    ("upload", "rank"),
    [
        (EXPIRING, 0),
        (an_upload(uploaded=32862312, expires=NOW + SOON - TICK), 0),
        (UNCOMMITTED, 1),
        (STALLED, 2),
        (TOO_SLOW, 2),
        (MOVING, 3),
        (WAITING, 3),
        (OVER, 4),
        (an_upload(uploaded=32862312, expires=NOW), 4),
    ],
    ids=lambda value: value.id if isinstance(value, UploadSession) else str(value),
)
def test_urgency__of_each_kind(upload: UploadSession, rank: int) -> None:
    assert urgency(upload, NOW, HOUR) == rank


def test_most_urgent_first__in_order() -> None:
    shuffled = [OVER, MOVING, STALLED, EXPIRING, UNCOMMITTED]
    found = [upload.id for upload in most_urgent_first(shuffled, NOW, HOUR)]
    assert found == ["expiring", "uncommitted", "stalled", "moving", "over"]


def test_most_urgent_first__then_by_expiry_name_and_id() -> None:
    later = an_upload(id="a", name="a", expires=MOVING.expires + SECOND)
    alike = [an_upload(id="2", name="b"), an_upload(id="1", name="b"), an_upload(id="9", name="a")]
    assert [upload.id for upload in most_urgent_first([later, *alike], NOW, HOUR)] == ["9", "1", "2", "a"]


# Moments


@pytest.mark.parametrize("field", ["created", "expires", "last_uploaded"])
def test_upload__naive_datetime_is_refused(field: str) -> None:
    with pytest.raises(ValueError, match="time zone"):
        an_upload(**{field: NOW.replace(tzinfo=None)})


def test_upload__moments_are_kept_in_utc() -> None:
    tokyo = timezone(timedelta(hours=9))
    upload = an_upload(created=NOW.astimezone(tokyo))
    assert upload.created == NOW
    assert upload.created.tzinfo is UTC
