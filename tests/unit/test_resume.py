"""Where an upload goes on: as cases, and by following the advice to the end of any upload."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.resume import LARGEST_PART, MOST_PARTS, USUAL_PART, Resume, resume_of
from bot.model.uploads import Part, UploadSession
from tests.factories import GB, MB, an_upload
from tests.unit.wild_uploads import COUNTS, wild_uploads


def some_parts(*sizes: int, first: int = 1) -> list[Part]:
    """Parts of these sizes, numbered on from the first."""
    return [Part(number=number, size=size, md5="") for number, size in enumerate(sizes, start=first)]


def resumed(size: int, parts: Sequence[Part], uploaded: int | None = None) -> Resume:
    """How an upload of that size goes on."""
    counted = sum(part.size for part in parts)
    return resume_of(an_upload(size=size, uploaded=counted if uploaded is None else uploaded), parts)


def test_resume__the_published_example() -> None:
    found = resumed(32862312, some_parts(5 * MB, 5 * MB))
    assert (found.number, found.offset, found.length) == (3, 10 * MB, 5 * MB)
    assert (found.left, found.parts_left, found.parts_in_all) == (32862312 - 10 * MB, 5, 7)
    assert (found.gaps, found.odd, found.again, found.has_moved) == ((), (), False, False)
    assert not found.is_suggested


def test_resume__the_last_part_may_be_smaller() -> None:
    before = resumed(25, some_parts(10, 10))
    assert (before.number, before.offset, before.length, before.left) == (3, 20, 5, 5)
    done = resumed(25, some_parts(10, 10, 5))
    assert (done.only_commit, done.number, done.left, done.parts_left, done.odd) == (True, None, 0, 0, ())


@pytest.mark.parametrize(
    ("size", "part_size", "parts"),
    [
        (40 * GB, USUAL_PART, 1639),
        (USUAL_PART * MOST_PARTS, USUAL_PART, MOST_PARTS),
        (USUAL_PART * MOST_PARTS + 1, LARGEST_PART, MOST_PARTS // 2 + 1),
        (500 * GB, LARGEST_PART, 10240),
        (3 * MB, 3 * MB, 1),
    ],
)
def test_resume__without_a_part_one_size_is_suggested(size: int, part_size: int, parts: int) -> None:
    found = resumed(size, [])
    assert (found.is_suggested, found.part_size, found.parts_in_all) == (True, part_size, parts)
    assert (found.number, found.offset, found.left, found.parts_left) == (1, 0, size, parts)
    assert found.too_many_parts == (parts > MOST_PARTS)


def test_resume__an_empty_file_is_one_empty_part() -> None:
    before = resumed(0, [])
    assert (before.number, before.offset, before.length, before.left, before.parts_in_all) == (1, 0, 0, 0, 1)
    assert resumed(0, some_parts(0)).only_commit


def test_resume__what_is_missing_comes_before_what_follows() -> None:
    parts = [*some_parts(10, 10), *some_parts(10, 10, first=6)]
    found = resumed(95, parts)
    assert found.gaps == ((3, 5),)
    assert (found.number, found.offset, found.length, found.again) == (3, 20, 10, False)
    assert (found.left, found.parts_left) == (30 + 25, 6)


def test_resume__a_part_too_small_is_sent_again_with_all_after_it() -> None:
    found = resumed(100, some_parts(10, 8, 10))
    assert (found.odd, found.number, found.again) == ((2,), 2, True)
    assert (found.offset, found.length, found.left, found.parts_left) == (10, 10, 90, 9)


def test_resume__a_small_part_is_only_right_where_the_file_ends() -> None:
    found = resumed(100, some_parts(10, 10, 4))
    assert (found.odd, found.number, found.again, found.offset, found.left) == ((3,), 3, True, 20, 80)


def test_resume__before_a_part_too_small_the_gap_comes_first() -> None:
    found = resumed(60, [*some_parts(10), *some_parts(10, 7, first=3)])
    assert (found.gaps, found.odd, found.number, found.again) == (((2, 2),), (4,), 2, False)
    assert (found.left, found.parts_left) == (10 + 30, 4)


def test_resume__every_byte_there_needs_the_commit_whatever_the_parts_are() -> None:
    found = resumed(28, some_parts(10, 8, 10))
    assert found.only_commit
    assert found.odd == (2, 3)


def test_resume__says_that_it_moved_between_two_looks() -> None:
    assert resumed(100, some_parts(10, 10, 10), uploaded=20).has_moved
    assert resumed(100, some_parts(10), uploaded=20).has_moved


def test_resume__too_small_parts_for_so_large_a_file() -> None:
    found = resumed(40 * GB, some_parts(5 * MB))
    assert found.parts_in_all == 8192
    assert found.too_many_parts


def test_resume__parts_that_the_plan_has_not_are_odd() -> None:
    found = resumed(30, [*some_parts(10), *some_parts(10, first=9)])
    assert (found.gaps, found.odd, found.number, found.left) == (((2, 3),), (9,), 2, 20)


# Any upload


@st.composite
def begun_files(draw: st.DrawFn) -> tuple[bytes, dict[int, bytes]]:
    """A file, and what of it is there: some parts missing, or one cut short and what follows cut from elsewhere."""
    size = draw(st.integers(1, 200))
    content = bytes(draw(st.lists(st.integers(0, 255), min_size=size, max_size=size)))
    part_size = draw(st.integers(1, 40))
    cut = {
        number: content[start : start + part_size]
        for number, start in enumerate(range(0, size, part_size), start=1)
    }
    kept = draw(st.sets(st.sampled_from(sorted(cut))))
    # Vault takes no part before the first one is there.
    there = {number: cut[number] for number in sorted(kept | {1} if kept else kept)}
    whole = [number for number in there if number < len(cut)]
    if len(whole) >= 3 and part_size > 1 and draw(st.booleans()):
        # Never the first of them: then most parts still tell what the size is.
        broken = draw(st.sampled_from(whole[2:]))
        there[broken] = there[broken][: draw(st.integers(0, part_size - 1))]
        for number in whole:
            if number > broken:
                there[number] = bytes(reversed(there[number]))
    return content, there


@given(begun_files())
def test_resume__following_it_to_the_end_gives_the_file(begun: tuple[bytes, dict[int, bytes]]) -> None:
    content, there = begun

    def look() -> Resume:
        return resumed(
            len(content), [Part(number=one, size=len(data), md5="") for one, data in there.items()]
        )

    first, sent, count = look(), 0, 0
    while not (now := look()).only_commit:
        assert now.number is not None
        last = now.parts_in_all if now.again else now.number
        for number in range(now.number, last + 1):
            start = now.offset + (number - now.number) * now.part_size
            there[number] = content[start : start + now.part_size]
            sent, count = sent + len(there[number]), count + 1
        assert now.again or len(there[now.number]) == now.length
    assert b"".join(there[number] for number in sorted(there)) == content
    assert sorted(there) == list(range(1, len(there) + 1))
    assert (first.left, first.parts_left) == (sent, count)


WILD_PARTS = st.lists(st.builds(Part, number=COUNTS, size=COUNTS, md5=st.text(max_size=40)), max_size=12)


@given(wild_uploads(), WILD_PARTS)
def test_resume__of_anything_stays_within_the_file(upload: UploadSession, parts: list[Part]) -> None:
    found = resume_of(upload, parts)
    unique = {part.number: part.size for part in parts}
    assert found.counted == sum(unique.values())
    assert found.only_commit == (bool(parts) and found.counted >= upload.size)
    assert found.has_moved == (found.counted != upload.uploaded)
    assert found.part_size > 0
    if found.number is None:
        assert (found.left, found.parts_left, found.length) == (0, 0, 0)
        return
    assert 1 <= found.number <= found.parts_in_all
    assert found.offset == (found.number - 1) * found.part_size
    assert 0 <= found.length <= found.left <= upload.size - found.offset
    assert found.offset + found.length <= upload.size
    assert found.parts_left >= 1
    assert all(number not in unique for first, last in found.gaps for number in (first, last))
