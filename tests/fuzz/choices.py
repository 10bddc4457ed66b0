"""Decisions read from bytes: the same bytes always lead to the same input, whoever found them."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

LONGEST_TEXT = 300
SIGNS = (
    "\0", "\n", "\t", "\x1b", " ", "\u00a0", "\u2013", "\u2014", "\u200b", "\u202e", "\ufeff", "\ud800", "\U0001f4a9",
    "ﬁ", "İ", "<", ">", "&", "|", "@", "`", "*", "_", "~", '"', "'", "\\", "/", "%", "%00", "{}", "{0}", "%s", ".",
    "..", "--", "=", "?", "#", ";", ",", ":", "<!channel>", "<@U0BOB>", "&amp;lt;", "https://", "http://[", "://",
    "9" * 30,
    "\u0661", "²", "-1", "1e9", "NaN", "null", "true", "x" * 250,
)  # fmt: skip
"""What has broken programs before."""


class Choices:
    """Reads on from the front; when nothing is left, every decision is the first."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        """How many bytes have not been read."""
        return len(self._data) - self._at

    def number(self, count: int) -> int:
        """A number from 0 to `count` - 1, which is at most 256."""
        if self._at >= len(self._data):
            return 0
        self._at += 1
        return self._data[self._at - 1] % count

    def one_of(self, things: Sequence[T]) -> T:
        """One of at most 256 things."""
        return things[self.number(len(things))]

    def happens(self, one_in: int) -> bool:
        """Something that is decided against when nothing is left."""
        return self.number(one_in) == 1

    def some(self, most: int) -> bytes:
        """Some of the bytes themselves."""
        return self._take(min(self.number(256), most))

    def rest(self) -> bytes:
        """All the bytes that are left."""
        return self._take(self.left)

    def _take(self, size: int) -> bytes:
        taken = self._data[self._at : self._at + size]
        self._at += len(taken)
        return taken

    def text(self) -> str:
        """A text of any signs, odd ones among them."""
        found = self.some(LONGEST_TEXT).decode("utf-8", "replace")
        for _ in range(self.number(4)):
            at = self.number(len(found) % 255 + 1)
            found = found[:at] + self.one_of(SIGNS) + found[at:]
        return found

    def spoilt(self, text: str) -> str:
        """The text with something put in, cut out or turned round."""
        for _ in range(1 + self.number(3)):
            at = self.number(min(len(text), 255) + 1)
            match self.number(6):
                case 0:
                    text = text[:at] + self.one_of(SIGNS) + text[at:]
                case 1:
                    text = text[:at] + text[at + 1 + self.number(8) :]
                case 2:
                    text = text[:at] + self.text() + text[at:]
                case 3:
                    text = text[:at].swapcase() + text[at:]
                case 4:
                    text = text[at:] + text[:at]
                case _:
                    text = text[:at] * (1 + self.number(5)) + text[at:]
        return text
