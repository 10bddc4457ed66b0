"""The audit log's chain: what a hash covers, what a seal proves, and every way in which a chain can be off."""

import hashlib
import random
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.audit import Action, AuditEntry, AuditRow, Outcome
from bot.model.errors import AuditBroken, KeyMissing
from bot.store.audit_chain import GENESIS, MAX_FAULTS, ChainCheck, Ends, hash_of, seal_of, sealing_key
from bot.store.audit_rows import COLUMNS, FIELDS, Stored, cells_of, row_of
from bot.store.seal import Keyring, new_key
from bot.store.tables import audit_log

NOW = datetime(2026, 3, 5, 8, 14, 30, 123000, tzinfo=UTC)
ENTRY = AuditEntry(
    at=NOW, action=Action.LOOK_UP, outcome=Outcome.DONE, reference="ABCD2345", workspace="E1", team_id="T1",
    slack_user_id="U1", vault_host="a.example", vault_user_id="1", upload_id="u-1", error="", error_type="",
    execution_id="x", note="", file_name="", path="",
)  # fmt: skip
TEXTS = FIELDS[3:]

entries = st.builds(
    AuditEntry,
    at=st.datetimes(timezones=st.just(UTC)),
    action=st.sampled_from(Action),
    outcome=st.sampled_from(Outcome),
    **{name: st.text() for name in TEXTS},
)


def chain(count: int) -> tuple[list[Stored], Ends]:
    """A chain of so many rows, one for each second."""
    some = [
        replace(ENTRY, at=NOW + timedelta(seconds=number), upload_id=f"u-{number}") for number in range(count)
    ]
    return Ends().extended([cells_of(one) for one in some])


def faults(rows: list[Stored], ends: Ends) -> list[str]:
    """What a look at these rows finds, in the order of their numbers as the database gives them."""
    check = ChainCheck(ends)
    for row in sorted(rows, key=lambda row: int(row[0])):
        check.look(row)
    return check.finish()


def changed(row: Stored, **values: object) -> Stored:
    """The row with other values in some columns."""
    return tuple({**dict(zip(COLUMNS, row, strict=True)), **values}.values())


def rehashed(rows: list[Stored], place: int, **values: object) -> None:
    """Change a row and give it the hash that fits, as somebody would who has read this program."""
    row = changed(rows[place], **values)
    previous = rows[place - 1][-1] if place else GENESIS
    rows[place] = (*row[:-1], hash_of(previous, row[0], row[1:-1]))


def swapped(rows: list[Stored], one: int, other: int) -> None:
    """Exchange the numbers of two rows."""
    rows[one], rows[other] = (
        changed(rows[other], seq=rows[one][0]),
        changed(rows[one], seq=rows[other][0]),
    )


# Rows


def test_columns__are_those_of_the_entry_and_of_the_table() -> None:
    """One that comes later must not change the hashes of the rows that exist: give the chain a new form then."""
    assert tuple(field.name for field in fields(AuditEntry)) == FIELDS
    assert tuple(column.name for column in audit_log.columns) == COLUMNS


def test_hash__of_a_row_stays_what_it_is() -> None:
    """Computed by hand: sha256 of the text below. A change here makes every stored chain look broken."""
    text = (
        '["'
        + "0" * 64
        + '",1,1772698470123,"look_up","done","ABCD2345","E1","T1","U1","a.example","1","u-1",'
        '"","","x","","",""]'
    )
    assert hash_of(GENESIS, 1, cells_of(ENTRY)) == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("name", FIELDS)
def test_hash__covers_every_field(name: str) -> None:
    others: dict[str, Any] = {
        "at": NOW + timedelta(milliseconds=1),
        "action": Action.LIST,
        "outcome": Outcome.REFUSED,
    }
    other = replace(ENTRY, **{name: others.get(name, "other")})
    assert hash_of(GENESIS, 1, cells_of(other)) != hash_of(GENESIS, 1, cells_of(ENTRY))


def test_hash__covers_number_and_the_hash_before() -> None:
    cells = cells_of(ENTRY)
    assert len({hash_of(GENESIS, 1, cells), hash_of(GENESIS, 2, cells), hash_of("1" * 64, 1, cells)}) == 3


def test_hash__knows_where_a_field_ends() -> None:
    one = replace(ENTRY, note='a","', file_name="b")
    other = replace(ENTRY, note="a", file_name='","b')
    assert hash_of(GENESIS, 1, cells_of(one)) != hash_of(GENESIS, 1, cells_of(other))


@given(entries)
def test_row__comes_back_as_it_is_kept(entry: AuditEntry) -> None:
    cells = cells_of(entry)
    row = row_of((7, *cells, "hash"))
    assert row == AuditRow(7, row.entry, "hash")
    assert cells_of(row.entry) == cells
    assert entry.at - row.entry.at < timedelta(milliseconds=1)
    assert (row.entry.action, row.entry.outcome) == (entry.action, entry.outcome)


def test_cells__moment_in_another_zone_is_the_same_moment() -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=9)))
    assert cells_of(replace(ENTRY, at=elsewhere)) == cells_of(ENTRY)


def test_cells__moment_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a time zone"):
        cells_of(replace(ENTRY, at=NOW.replace(tzinfo=None)))


def test_cells__what_no_database_keeps_is_marked() -> None:
    kept = row_of((1, *cells_of(replace(ENTRY, upload_id="a\0b\ud800c\U0001f600")), "")).entry
    assert kept.upload_id == "a\ufffdb\ufffdc\U0001f600"


@pytest.mark.parametrize(
    "values", [{"action": "dance"}, {"outcome": ""}, {"at": 10**18}, {"at": "noon"}, {"at": None}]
)
def test_row__that_was_never_written_is_named(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="row 7 holds"):
        row_of(changed((7, *cells_of(ENTRY), ""), **values))


# The seal of the ends


def test_seal__names_the_key_that_made_it() -> None:
    ring = Keyring.parse(f"{new_key()} {new_key()}")
    ends = chain(3)[1]
    for key_id in ring.ids:
        assert sealing_key(ends, seal_of(ends, ring, key_id), ring) == key_id


@pytest.mark.parametrize(
    "change", [{"first_seq": 1}, {"first_hash": "a" * 64}, {"last_seq": 2}, {"last_hash": ""}]
)
def test_seal__does_not_fit_other_ends(change: dict[str, Any], keyring: Keyring) -> None:
    ends = chain(3)[1]
    with pytest.raises(AuditBroken):
        sealing_key(replace(ends, **change), seal_of(ends, keyring, keyring.newest_id), keyring)


def test_seal__by_a_key_that_only_says_its_the_operators(keyring: Keyring) -> None:
    ends, other = chain(3)[1], Keyring.parse(new_key())
    forged = seal_of(ends, other, other.newest_id).replace(other.newest_id, keyring.newest_id)
    with pytest.raises(AuditBroken):
        sealing_key(ends, forged, keyring)


def test_seal__by_a_key_that_is_not_in_the_ring(keyring: Keyring) -> None:
    ends, other = chain(3)[1], Keyring.parse(new_key())
    with pytest.raises(KeyMissing) as caught:
        sealing_key(ends, seal_of(ends, other, other.newest_id), keyring)
    assert caught.value.details == {"key_ids": other.newest_id}


@given(st.one_of(st.text(), st.none(), st.integers()))
def test_seal__that_is_none(seal: object) -> None:
    with pytest.raises(AuditBroken):
        sealing_key(Ends(), seal, Keyring.parse(new_key()))


def test_mac_by__newest_key_is_what_mac_gives(keyring: Keyring) -> None:
    ring = Keyring.parse(f"{new_key()},{new_key()}")
    assert ring.mac_by(ring.newest_id, "a", "b") == ring.mac("a", "b")
    assert len({ring.mac_by(ring.ids[1], "a", "b"), ring.mac("a", "b"), ring.mac("c", "b")}) == 3


# The chain


@pytest.mark.parametrize("count", [0, 1, 12])
def test_chain__whole(count: int) -> None:
    rows, ends = chain(count)
    assert [row[0] for row in rows] == list(range(1, count + 1))
    assert ends.last_hash == (rows[-1][-1] if rows else GENESIS)
    assert faults(rows, ends) == []


def test_chain__whole_after_its_beginning_was_cut_off() -> None:
    rows, ends = chain(12)
    assert faults(rows[5:], replace(ends, first_seq=5, first_hash=rows[4][-1])) == []


def test_chain__extended_in_two_steps_is_the_same() -> None:
    rows, ends = chain(12)
    first, between = Ends().extended([tuple(row[1:-1]) for row in rows[:5]])
    second, last = between.extended([tuple(row[1:-1]) for row in rows[5:]])
    assert ([*first, *second], last) == (rows, ends)


def test_chain__edited_row() -> None:
    rows, ends = chain(12)
    rows[4] = changed(rows[4], slack_user_id="U2")
    assert faults(rows, ends) == ["Row 5 does not fit: it or the row before it was changed."]


def test_chain__edited_row_with_a_hash_that_fits_it() -> None:
    rows, ends = chain(12)
    rehashed(rows, 4, slack_user_id="U2")
    assert faults(rows, ends) == ["Row 6 does not fit: it or the row before it was changed."]


def test_chain__newest_row_edited_with_a_hash_that_fits_it() -> None:
    rows, ends = chain(12)
    rehashed(rows, 11, slack_user_id="U2")
    assert faults(rows, ends) == ["The end does not match row 12: one of the two was changed."]


def test_chain__everything_rewritten_from_a_row_on() -> None:
    rows, ends = chain(12)
    for place in range(4, 12):
        rehashed(rows, place, slack_user_id="U2")
    assert faults(rows, ends) == ["The end does not match row 12: one of the two was changed."]


@pytest.mark.parametrize(
    ("places", "told"),
    [
        (slice(4, 5), "Row 5 is missing."),
        (slice(4, 7), "Rows 5 to 7 are missing."),
        (slice(0, 1), "Row 1 is missing."),
        (slice(11, 12), "Row 12 is missing."),
        (slice(9, 12), "Rows 10 to 12 are missing."),
        (slice(0, 12), "Rows 1 to 12 are missing."),
    ],
)
def test_chain__deleted_rows(places: slice, told: str) -> None:
    rows, ends = chain(12)
    del rows[places]
    assert faults(rows, ends) == [told]


@pytest.mark.parametrize(("one", "other"), [(4, 5), (2, 8), (0, 11)])
def test_chain__two_rows_swapped(one: int, other: int) -> None:
    rows, ends = chain(12)
    swapped(rows, one, other)
    found = faults(rows, ends)
    assert f"Row {one + 1} is out of order: it belongs in the place of row {other + 1}." in found
    assert f"Row {other + 1} is out of order: it belongs in the place of row {one + 1}." in found


def test_chain__row_added_behind_the_end() -> None:
    rows, ends = chain(12)
    more, _ = ends.extended([cells_of(ENTRY)])
    assert faults([*rows, *more], ends) == ["Row 13 stands behind the end, row 12."]


def test_chain__pruned_row_put_back() -> None:
    rows, ends = chain(12)
    ends = replace(ends, first_seq=5, first_hash=rows[4][-1])
    assert faults(rows[4:], ends) == ["Row 5 stands before the beginning, row 6."]


@pytest.mark.parametrize("seq", ["5", None, b"5", "\x1b[2J" * 20])
def test_chain__number_that_is_none(seq: object) -> None:
    """SQLite takes a value of any type in any column."""
    rows, ends = chain(2)
    check = ChainCheck(ends)
    check.look(changed(rows[0], seq=seq))
    (told, *_) = check.finish()
    assert told.isprintable()
    assert told.startswith("A row has ")
    assert len(told) < 70


@pytest.mark.parametrize("value", [None, b"\xff", 7, 1.5])
def test_chain__value_of_another_type(value: object) -> None:
    rows, ends = chain(3)
    rows[1] = changed(rows[1], note=value)
    assert len(faults(rows, ends)) == 1


def test_chain__no_more_faults_than_anyone_reads() -> None:
    rows, ends = chain(3 * MAX_FAULTS)
    rows = [changed(row, note="x") for row in rows]
    check = ChainCheck(ends)
    for count, row in enumerate(rows, 1):
        check.look(row)
        assert check.full == (count >= MAX_FAULTS)
    assert len(check.finish()) == MAX_FAULTS


TAMPERING: dict[str, Callable[[list[Stored], int, int], object]] = {
    "edit": lambda rows, one, _: rows.__setitem__(one, changed(rows[one], upload_id="other")),
    "edit and rehash": lambda rows, one, _: rehashed(rows, one, upload_id="other"),
    "delete": lambda rows, one, _: rows.pop(one),
    "swap": swapped,
    "copy": lambda rows, one, other: rows.__setitem__(one, changed(rows[other], seq=rows[one][0])),
    "hash": lambda rows, one, _: rows.__setitem__(one, changed(rows[one], hash="0" * 64)),
}


@given(st.sampled_from(sorted(TAMPERING)), st.integers(1, 3), st.integers(2, 20), st.randoms())
def test_chain__any_tampering_is_found(way: str, times: int, count: int, choice: random.Random) -> None:
    rows, ends = chain(count)
    before = list(rows)
    for _ in range(times):
        if rows:
            TAMPERING[way](rows, choice.randrange(len(rows)), choice.randrange(len(rows)))
    assert bool(faults(rows, ends)) == (rows != before)
