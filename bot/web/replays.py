"""Which of Slack's signed requests came already. Whoever recorded one must not make us answer twice."""

from collections import deque

WINDOW = 600.0
"""Seconds: a signature is good for five minutes before and after its moment (slack_sdk's verifier)."""
PERIOD = 60.0
MOST_REMEMBERED = 50_000
_SIGNS = slice(3, 18)
"""Fifteen of the 64 digits behind `v0=`, as a number: a fifth of what the text takes, and as good as all of it."""


class Replays:
    """Remembers in this process, for as long as a signature is good, and no more than MOST_REMEMBERED."""

    def __init__(self) -> None:
        # Dictionaries, as sets of them: a set takes twice the room.
        self._seen: deque[dict[int, None]] = deque([{}], maxlen=int(WINDOW / PERIOD) + 1)
        self._begun = 0.0

    def is_new(self, signature: str, now: float) -> bool:
        """Whether this is the first time; from then on it is not. `now` in seconds; the signature was checked."""
        if now - self._begun >= PERIOD:
            self._seen.appendleft({})
            self._begun = now
        key = int(signature[_SIGNS], 16)
        if any(key in seen for seen in self._seen):
            return False
        self._seen[0][key] = None
        while sum(map(len, self._seen)) > MOST_REMEMBERED and len(self._seen) > 1:
            self._seen.pop()
        return True

    def forget(self, signature: str) -> None:
        """Let it come once more: Slack sends again what it was told to, perhaps with the same signature."""
        for seen in self._seen:
            seen.pop(int(signature[_SIGNS], 16), None)
