"""The chain of the audit log: what a row's hash covers, the seal of the ends, and what is wrong with a chain.

No database here. A row's hash is SHA-256 over the JSON array of the hash before it, its number, and every field.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.model.errors import AuditBroken
from bot.store.audit_rows import Stored
from bot.store.seal import Keyring

GENESIS = "0" * 64
"""What stands in for the hash before the first row."""
MAX_FAULTS = 20

_PURPOSE = "audit-ends"
_SEAL = re.compile(r"([0-9a-f]{8})\.([0-9a-f]{64})")


def hash_of(previous: str, seq: int, cells: Stored) -> str:
    """Return a row's hash in hex. `cells` are its fields in the order of FIELDS."""
    text = json.dumps([previous, seq, *cells], separators=(",", ":"), default=repr)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Ends:
    """Where the chain begins and ends: number and hash of the last row that was pruned, and of the newest row."""

    first_seq: int = 0
    first_hash: str = GENESIS
    last_seq: int = 0
    last_hash: str = GENESIS

    @property
    def message(self) -> str:
        """What the seal of the ends covers."""
        ends = [self.first_seq, self.first_hash, self.last_seq, self.last_hash]
        return json.dumps(ends, separators=(",", ":"), default=repr)

    def extended(self, many: Sequence[tuple[int | str, ...]]) -> tuple[list[Stored], "Ends"]:
        """Return entries (as `cells_of` gives them) in their places behind the newest row, and the new ends."""
        rows: list[Stored] = []
        seq, previous = self.last_seq, self.last_hash
        for cells in many:
            seq += 1
            previous = hash_of(previous, seq, cells)
            rows.append((seq, *cells, previous))
        return rows, replace(self, last_seq=seq, last_hash=previous)


def seal_of(ends: Ends, keyring: Keyring, key_id: str) -> str:
    """Return the seal of the ends by the key of that id; KeyMissing."""
    return f"{key_id}.{keyring.mac_by(key_id, _PURPOSE, ends.message)}"


def sealing_key(ends: Ends, seal: object, keyring: Keyring) -> str:
    """Return the id of the key that sealed these ends; AuditBroken when the seal is not theirs, KeyMissing."""
    match = _SEAL.fullmatch(str(seal))
    if match is None or not hmac.compare_digest(seal_of(ends, keyring, match[1]), match[0]):
        raise AuditBroken(reason="the seal of its ends is broken")
    return match[1]


@dataclass(frozen=True, slots=True)
class _Misfit:
    """A row whose hash is not the one it must have after the row before it."""

    seq: int
    cells: Stored
    previous: str
    hash: str


class ChainCheck:
    """Looks at the rows between two ends, one after the other by number, and remembers what is off."""

    def __init__(self, ends: Ends) -> None:
        self._ends = ends
        self._seq, self._hash = ends.first_seq, ends.first_hash
        self._faults: list[str | _Misfit] = []

    @property
    def full(self) -> bool:
        """Whether there are so many faults that looking on is no use."""
        return len(self._faults) >= MAX_FAULTS

    def look(self, stored: Stored) -> None:
        """Look at the next row."""
        seq, *cells, row_hash = stored
        if not isinstance(seq, int):
            self._faults.append(f"A row has {ascii(seq)[:40]} for a number.")
        elif seq <= self._ends.first_seq:
            self._faults.append(f"Row {seq} stands before the beginning, row {self._ends.first_seq + 1}.")
        elif seq > self._ends.last_seq:
            self._faults.append(f"Row {seq} stands behind the end, row {self._ends.last_seq}.")
        else:
            if seq > self._seq + 1:
                self._missing(self._seq + 1, seq - 1)
            elif hash_of(self._hash, seq, cells) != row_hash:
                self._faults.append(_Misfit(seq, cells, self._hash, row_hash))
            self._seq, self._hash = seq, row_hash

    def finish(self) -> list[str]:
        """Return all that is off as sentences, no more than MAX_FAULTS; to be called after the newest row."""
        if self._seq < self._ends.last_seq:
            self._missing(self._seq + 1, self._ends.last_seq)
        elif self._hash != self._ends.last_hash:
            self._faults.append(f"The end does not match row {self._seq}: one of the two was changed.")
        told = (fault if isinstance(fault, str) else self._told(fault) for fault in self._faults[:MAX_FAULTS])
        return list(told)

    def _missing(self, first: int, last: int) -> None:
        self._faults.append(
            f"Row {first} is missing." if first == last else f"Rows {first} to {last} are missing."
        )

    def _told(self, misfit: _Misfit) -> str:
        """Tell a row that was moved from one that was changed: its hash fits to another place."""
        others = [fault for fault in self._faults if isinstance(fault, _Misfit)]
        hashes = {text for one in others for text in (one.previous, one.hash)}
        for seq in (one.seq for one in others if one is not misfit):
            if any(hash_of(previous, seq, misfit.cells) == misfit.hash for previous in hashes):
                return f"Row {misfit.seq} is out of order: it belongs in the place of row {seq}."
        return f"Row {misfit.seq} does not fit: it or the row before it was changed."
