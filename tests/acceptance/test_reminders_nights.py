"""Quiet hours and snoozes, in the person's own Slack time zone, also in the night in which clocks change.

Alice is in Paris, where clocks go from 2:00 to 3:00 on Sunday, March 30th 2036, at 1:00 UTC.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.acceptance.reminder_steps import (
    GIB,
    HOUR,
    MIB,
    MINUTE,
    Book,
    agrees,
    at_a_moment,
    choose,
    follow,
    form,
    go_to,
    inbox,
    jump,
    moment_of,
    new_upload,
    nights,
    settled,
    told,
    transcript,
    watch,
)
from tests.acceptance.steps import ask

FILE = "Poster.tif"
PARIS = ZoneInfo("Europe/Paris")


def paris(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of March 2036 by a clock in Paris."""
    return datetime(2036, 3, day, hour, minute, tzinfo=PARIS).astimezone(UTC)


async def test_quiet_hours__hold_back_until_the_morning_over_the_change_of_clocks() -> None:
    """A lead time falls due at half past three in the short night; it comes at seven by the new time."""
    async with at_a_moment("alice", start=paris(28, 9)) as demo:
        demo.clock.set(paris(28, 15, 30))
        upload = new_upload(demo, "alice", f"print/{FILE}", GIB)
        expires = paris(31, 16, 30)
        assert upload.expires == expires
        # 37 hours before the expiry it is 3:30 in the night of the change, by summer time.
        answer = await form(demo, "alice", upload.id, leads="37h 1h", **nights())
        assert "Next reminder: 2036-03-30 05:00 UTC" in answer.text
        before = len(inbox(demo, "alice"))
        await go_to(demo, expires - 37 * HOUR)
        assert told(demo, "alice", before) == []
        await go_to(demo, paris(30, 6, 59))
        assert told(demo, "alice", before) == []
        await go_to(demo, paris(30, 7))
        (message,) = inbox(demo, "alice", before)
        assert message.text.startswith(f"{FILE} expires in 33 h: no part yet.")
        assert "late" not in message.text
        assert moment_of(message) == datetime(2036, 3, 30, 5, tzinfo=UTC)


async def test_quiet_hours__what_cannot_wait_comes_before_them() -> None:
    """Two lead times in a night that ends after the expiry: one message, before the night. The expiry can wait."""
    async with at_a_moment("alice", start=paris(26, 5)) as demo:
        demo.clock.set(paris(26, 6, 30))
        upload = new_upload(demo, "alice", f"print/{FILE}", GIB)
        answer = await form(demo, "alice", upload.id, leads="4h 1h", **nights())
        assert upload.expires == paris(29, 6, 30)
        assert "Next reminder: 2036-03-28 20:59 UTC" in answer.text
        before = len(inbox(demo, "alice"))
        await follow(demo, paris(29, 12))
        messages = inbox(demo, "alice", before)
        assert [moment_of(message) for message in messages] == [paris(28, 21, 59), paris(29, 7)]
        assert messages[0].text.startswith(f"{FILE} expires in 8 h 31 min: no part yet.")
        assert messages[1].text.startswith(f"{FILE} has expired: no part had come.")
        assert "late" not in messages[1].text
        agrees("a_night", transcript(demo, "alice", messages, since=paris(26, 6, 30), title="a night"))


async def test_quiet_hours__news_of_the_night_is_told_in_the_morning_if_it_is_still_true() -> None:
    async with at_a_moment("alice", start=paris(26, 20)) as demo:
        demo.clock.set(paris(26, 21))
        done = new_upload(demo, "alice", f"print/{FILE}", GIB, pace=MIB)
        moves = new_upload(demo, "alice", "print/Other.tif", 40 * GIB, pace=MIB)
        await form(demo, "alice", done.id, leads="1h", **nights())
        await watch(demo, "alice", moves, "1h")
        await go_to(demo, paris(26, 21, 10))
        demo.vault.stall(moves.id)
        before = len(inbox(demo, "alice"))
        await go_to(demo, paris(26, 23))
        demo.vault.let_run(moves.id, MIB)
        await go_to(demo, paris(27, 6, 50))
        assert told(demo, "alice", before) == []
        await go_to(demo, paris(27, 7))
        await go_to(demo, paris(27, 7, 20))
        assert [text.partition(":")[0] for text in told(demo, "alice", before)] == [f"{FILE} expires in 62 h"]


async def test_quiet_hours__do_not_hold_for_a_channel() -> None:
    async with at_a_moment("alice", start=paris(26, 2)) as demo:
        demo.clock.set(paris(26, 3))
        upload = new_upload(demo, "alice", f"print/{FILE}", GIB)
        await form(demo, "alice", upload.id, leads="24h", **nights())
        await ask(demo, "alice", f"watch {upload.id} 24h here")
        before = len(inbox(demo, "alice", channel="#trial-uploads"))
        await go_to(demo, paris(28, 3))
        assert len(inbox(demo, "alice", before, channel="#trial-uploads")) == 1
        dm = len(inbox(demo, "alice"))
        await go_to(demo, paris(28, 7))
        assert [text.partition(":")[0] for text in told(demo, "alice", dm)] == [f"{FILE} expires in 20 h"]


async def test_snooze__tomorrow_morning_over_the_change_of_clocks() -> None:
    """At eight by the new time; of the lead times that fell due meanwhile, only the last is told, and none as late."""
    async with at_a_moment("alice", start=paris(28, 9)) as demo:
        demo.clock.set(paris(28, 10))
        upload = new_upload(demo, "alice", f"print/{FILE}", GIB)
        await watch(demo, "alice", upload, "41h 32h 1h")
        await go_to(demo, paris(29, 18))
        # 41 hours before the expiry, 18:00 by winter time.
        (reminder,) = inbox(demo, "alice", -1)
        answer = await choose(demo, "alice", reminder, "morning")
        assert f"Reminders about {FILE} are silent until 2036-03-30 06:00 UTC" in answer.text
        before = len(inbox(demo, "alice"))
        await go_to(demo, paris(30, 7, 59))
        assert told(demo, "alice", before) == []
        await go_to(demo, paris(30, 8))
        (text,) = told(demo, "alice", before)
        assert text.startswith(f"{FILE} expires in 27 h: no part yet.")
        assert "late" not in text


@pytest.mark.parametrize(("word", "hours"), [("1h", 1), ("4h", 4)])
async def test_snooze__for_hours(word: str, hours: int) -> None:
    async with at_a_moment("alice", start=paris(26, 8)) as demo:
        upload = new_upload(demo, "alice", f"print/{FILE}", GIB)
        answer = await watch(demo, "alice", upload, "24h")
        await go_to(demo, upload.expires - 24 * HOUR - 10 * MINUTE)
        await choose(demo, "alice", answer, word)
        before = len(inbox(demo, "alice"))
        until_moment = upload.expires - 24 * HOUR + (hours * 60 - 10) * MINUTE
        await go_to(demo, until_moment - MINUTE)
        assert told(demo, "alice", before) == []
        await go_to(demo, until_moment)
        assert [text.partition(":")[0] for text in told(demo, "alice", before)] == [
            f"{FILE} expires in {24 - hours} h"
        ]


async def test_snooze__not_beyond_what_is_of_use() -> None:
    async with at_a_moment("alice", start=paris(26, 8)) as demo:
        upload = new_upload(demo, "alice", f"print/{FILE}", GIB)
        answer = await watch(demo, "alice", upload, "1h")
        await go_to(demo, upload.expires - 2 * HOUR)
        await choose(demo, "alice", answer, "morning")
        before = len(inbox(demo, "alice"))
        await go_to(demo, upload.expires - 31 * MINUTE)
        assert told(demo, "alice", before) == []
        await go_to(demo, upload.expires - 30 * MINUTE)
        assert [text.partition(":")[0] for text in told(demo, "alice", before)] == [
            f"{FILE} expires in 30 min"
        ]
        # What then falls due is not held back any more.
        await follow(demo, upload.expires + timedelta(minutes=15))
        assert len(told(demo, "alice", before)) == 2
        assert Book(demo).watches() == []
        await settled(demo)
        await jump(demo, HOUR)
