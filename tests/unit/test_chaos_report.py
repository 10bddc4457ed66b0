"""The count of `make chaos`: each excuse is believed as often as it can be true, and no oftener."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from bench.chaos.errands import GOOD, Errand, Fate
from bench.chaos.report import faults_of, most_believed, text_of
from bench.chaos.run import Outcome, Plan
from bench.chaos.stage import KILLED, RESTARTED

COMMANDS, PEOPLE = 10_000, 32
ANSWER = SimpleNamespace(text="an answer")
DOWN = SimpleNamespace(text="The bot's database cannot be used just now (closed).")


def an_errand(
    *, ack: float = 0.01, answers: int = 1, error: str | None = None, kind: str = "card", **more: Any
) -> Errand:
    errand = Errand(kind=kind, number=0, replica=None, pid=0, told_before=0, **more)
    found = [DOWN if number and kind == "mention" else ANSWER for number in range(answers)]
    errand.delivery = SimpleNamespace(  # type: ignore[assignment]
        error=error, ack=SimpleNamespace(seconds=ack), answers=found, views=[], sent_at=timedelta(0)
    )
    return errand


EXCUSED: dict[Fate, Callable[[], Errand]] = {
    Fate.HELD_UP: lambda: an_errand(ack=60.0, is_held_up=True),
    Fate.REFUSED: lambda: an_errand(answers=0, failures=2),
    Fate.DIED: lambda: an_errand(answers=0, is_killed=True, is_cut=True),
    Fate.CUT: lambda: an_errand(answers=0, error="dispatch_failed", is_cut=True),
    Fate.REPEATED: lambda: an_errand(answers=2, swallowed=1),
    Fate.AFTER_OUTAGE: lambda: an_errand(answers=2, kind="mention"),
}


def an_outcome(errands: list[Errand], *, socket_mode: bool = True) -> Outcome:
    plan = Plan(
        commands=COMMANDS, people=PEOPLE, reminders=0, seed=1, socket_mode=socket_mode, apart=timedelta(0)
    )
    return Outcome(
        plan=plan, seconds=1, errands=errands, faults=Counter(), mishaps=Counter({KILLED: 2, RESTARTED: 3}),
        promised=[], told=Counter(), may_repeat=set(), first_mb={}, last_mb={}, peak_mb={}, audit_rows=1, held_up=0.0,
    )  # fmt: skip


def test_excuses__are_all_bounded() -> None:
    assert set(most_believed(an_outcome([]))) == set(EXCUSED) == set(GOOD) - {Fate.ONCE}


@pytest.mark.parametrize("socket_mode", [True, False], ids=["socket", "http"])
@pytest.mark.parametrize("fate", EXCUSED, ids=[fate.name for fate in EXCUSED])
def test_excuse__is_believed_so_often_and_no_oftener(fate: Fate, socket_mode: bool) -> None:
    fine = [an_errand() for _ in range(COMMANDS)]
    most = most_believed(an_outcome(fine, socket_mode=socket_mode))[fate]
    assert 0 < most <= COMMANDS * 0.06
    excused = [EXCUSED[fate]() for _ in range(most + 1)]
    assert {one.fate for one in excused} == {fate}
    fine = fine[: -most - 1]
    assert faults_of(an_outcome([*excused[:most], *fine, an_errand()], socket_mode=socket_mode)) == []
    (said,) = faults_of(an_outcome([*excused, *fine], socket_mode=socket_mode))
    assert str(fate) in said
    assert f"more than {most} " in said


@pytest.mark.parametrize("fate", EXCUSED, ids=[fate.name for fate in EXCUSED])
def test_excuse__for_everything_is_a_fault(fate: Fate) -> None:
    outcome = an_outcome([EXCUSED[fate]() for _ in range(COMMANDS)])
    assert len(faults_of(outcome)) == 1
    assert "1 promises broken" in text_of(outcome)
