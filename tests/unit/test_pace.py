"""How the pace of an upload changed, from whatever looks there were."""

import itertools
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.model.pace import MOST_STRETCHES, SHORTEST, stretches
from bot.model.watches import Sample
from tests.factories import HOUR, MB, MINUTE, NOW

LAST = Sample(at=NOW, uploaded=100 * MB)


def ago(minutes: float, uploaded: int) -> Sample:
    """So many bytes so long before the last look."""
    return Sample(at=NOW - minutes * MINUTE, uploaded=uploaded)


def test_stretches__of_an_hour_in_five_minutes() -> None:
    found = stretches([ago(60, 40 * MB), ago(30, 40 * MB)], LAST)
    assert len(found) == 12
    assert {one.ends - one.begins for one in found} == {5 * MINUTE}
    assert [one.came for one in found] == [0] * 6 + [10 * MB] * 6
    assert found[-1].pace == 10 * MB / 300
    assert (found[0].begins, found[-1].ends) == (NOW - HOUR, NOW)


def test_stretches__the_first_begins_with_the_first_sample() -> None:
    found = stretches([ago(62, 38 * MB)], LAST)
    assert (found[0].begins, found[0].ends) == (NOW - 62 * MINUTE, NOW - HOUR)
    assert {one.ends - one.begins for one in found[1:]} == {10 * MINUTE}
    assert sum(one.came for one in found) == 62 * MB


def test_stretches__none_of_too_little_time() -> None:
    assert stretches([], LAST) == []
    assert stretches([ago(4, 0)], LAST) == []
    assert stretches([ago(-5, 0)], LAST) == []
    assert len(stretches([ago(5, 0)], LAST)) == 1


def test_stretches__bytes_overwritten_by_fewer_count_as_none() -> None:
    assert [one.came for one in stretches([ago(10, 100), ago(5, 40)], Sample(at=NOW, uploaded=90))] == [0, 50]


@given(
    st.lists(st.tuples(st.timedeltas(timedelta(0), 80 * HOUR), st.integers(0, 2**63 - 1)), max_size=60),
    st.integers(0, 2**63 - 1),
)
def test_stretches__cover_all_that_is_known_without_a_hole(
    looks: list[tuple[timedelta, int]], uploaded: int
) -> None:
    samples = [Sample(at=NOW - gap, uploaded=count) for gap, count in looks]
    found = stretches(samples, Sample(at=NOW, uploaded=uploaded))
    first = min((one.at for one in samples), default=NOW)
    if NOW - first < SHORTEST:
        assert found == []
        return
    assert 1 <= len(found) <= MOST_STRETCHES + 1
    assert (found[0].begins, found[-1].ends) == (first, NOW)
    assert all(one.ends == following.begins for one, following in itertools.pairwise(found))
    assert all(one.begins < one.ends and one.came >= 0 for one in found)
    assert all(one.pace >= 0 for one in found)
