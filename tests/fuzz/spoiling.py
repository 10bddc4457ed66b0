"""JSON as somebody else might send it: a true one, in which something is missing, doubled, moved or of another kind."""

from collections.abc import Sequence
from typing import Any

from tests.fuzz.choices import Choices

ODD: Sequence[Any] = (
    None, True, False, 0, -1, 1, 7.5, 10**30, -(2**63), 1e308, "", " ", "\0", "\ud800", "0", "null", [], {}, [[]],
    [None],
    [{}], {"": None}, {"id": []}, {"value": {}}, ["x", 1, None], "x" * 5000, "T0NORDLICHT", "U0ALICE", "<!channel>",
    "{",
    "[]", '{"u":7,"v":[],"w":{},"p":-1}', "2026-02-30T25:61:61.000Z", "2026-01-01T00:00:00",
    "9999-12-31T23:59:59.999Z",
    "0001-01-01T00:00:00+23:59", "https://", "//evil.example/x", "../..", "1e400", "٣",
)  # fmt: skip


def spoilt(value: Any, choices: Choices) -> Any:
    """A copy of the value in which up to four things are not as they should be; with no bytes left, the very same."""
    for _ in range(choices.number(5)):
        value = _spoilt_once(value, choices)
    return value


def _spoilt_once(value: Any, choices: Choices) -> Any:
    """Go down some way, and change what is there."""
    if isinstance(value, dict) and value and not choices.happens(6):
        names = list(value)[:256]
        name = choices.one_of(names)
        match choices.number(8):
            case 0:
                return {key: inner for key, inner in value.items() if key != name}
            case 1:
                return {**value, choices.spoilt(str(name)): value[name]}
            case 2:
                return {**value, name: value[choices.one_of(names)]}
            case _:
                return {**value, name: _spoilt_once(value[name], choices)}
    if isinstance(value, list) and value and not choices.happens(6):
        at = choices.number(min(len(value), 256))
        match choices.number(6):
            case 0:
                return value[:at] + value[at + 1 :]
            case 1:
                return value + value[at : at + 1] * choices.number(12)
            case _:
                return [*value[:at], _spoilt_once(value[at], choices), *value[at + 1 :]]
    if isinstance(value, str) and not choices.happens(3):
        return choices.spoilt(value)
    return choices.text() if choices.happens(5) else choices.one_of(ODD)
