"""How the doctor's checks are run: bounded, in order, and none hides another."""

import asyncio
import json
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from bot.doctor.check import Check, Status, fail, ok, overall, warn
from bot.doctor.runner import Step, examine
from bot.doctor.store import LITTLE_SPACE, NO_SPACE, _disk
from bot.model.errors import KeyMissing

Usage = namedtuple("Usage", "total used free")


async def checked(*groups: list[Step], seconds: float = 20) -> list[Check]:
    return [check async for check in examine(groups, seconds)]


def step(name: str, found: Check | None) -> Step:
    async def look() -> Check | None:
        return found

    return Step(name=name, look=look)


async def test_examine__gives_the_checks_in_order_whatever_takes_longest() -> None:
    second = asyncio.Event()

    async def waits() -> Check:
        await second.wait()
        return ok("first", "It came.")

    async def goes() -> Check:
        second.set()
        return ok("second", "It came.")

    found = await checked(
        [Step(name="first", look=waits)], [step("none", None)], [Step(name="second", look=goes)]
    )
    assert [one.name for one in found] == ["first", "second"]


async def test_examine__what_never_ends_has_failed_and_the_next_goes_on() -> None:
    async def hangs() -> Check:
        await asyncio.Event().wait()
        raise AssertionError

    found = await checked(
        [Step(name="stuck", look=hangs, subject="promomats"), step("next", ok("next", "Well."))], seconds=0.05
    )
    assert [(one.name, one.subject, one.status) for one in found] == [
        ("stuck", "promomats", Status.FAIL),
        ("next", "", Status.OK),
    ]
    assert found[0].next_step


async def test_examine__failures_come_as_sentences_and_foreign_ones_without_their_text() -> None:
    async def ours() -> Check:
        raise KeyMissing(key_ids="1a2b3c4d")

    async def foreign() -> Check:
        raise RuntimeError("postgresql://user:secret@host/db")

    known, unknown = await checked([Step(name="keys", look=ours), Step(name="odd", look=foreign)])
    assert (known.status, known.what) == (Status.FAIL, KeyMissing(key_ids="1a2b3c4d").sentence)
    assert (unknown.status, "RuntimeError" in unknown.what) == (Status.FAIL, True)
    assert "secret" not in json.dumps([unknown.what, unknown.next_step])


async def test_examine__ends_what_runs_when_nobody_reads_on() -> None:
    ended = asyncio.Event()

    async def hangs() -> Check:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    checks = examine([[step("first", ok("first", "Well."))], [Step(name="stuck", look=hangs)]])
    assert (await anext(checks)).name == "first"
    await checks.aclose()
    assert ended.is_set()


def test_overall__is_the_worst_of_all() -> None:
    fine, odd, bad = ok("a", "A."), warn("b", "B.", "C."), fail("d", "D.", "E.")
    assert overall([]) is Status.OK
    assert overall([fine, fine]) is Status.OK
    assert overall([odd, fine]) is Status.WARN
    assert overall([fine, bad, odd]) is Status.FAIL


@pytest.mark.parametrize(
    ("free", "status"),
    [(NO_SPACE - 1, Status.FAIL), (LITTLE_SPACE - 1, Status.WARN), (LITTLE_SPACE, Status.OK)],
)
def test_disk__by_the_space_that_is_free(
    free: int, status: Status, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10 * free, 9 * free, free))
    assert _disk(tmp_path / "folder that is not there" / "bot.db").status is status
    assert list(tmp_path.iterdir()) == []
