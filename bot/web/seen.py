"""A memory of what was used already, for as long as it could be used again. Of this process alone."""

from collections import OrderedDict

from bot.model.clock import Clock

MOST_REMEMBERED = 50_000


class Seen:
    """Remembers texts for so many seconds, the newest MOST_REMEMBERED of them."""

    def __init__(self, *, seconds: float, clock: Clock) -> None:
        self._seconds = seconds
        self._clock = clock
        self._texts: OrderedDict[str, float] = OrderedDict()

    def already(self, text: str) -> bool:
        """Return whether the text was asked about before; from now on it was."""
        now = self._clock().timestamp()
        while self._texts and (
            next(iter(self._texts.values())) < now - self._seconds or len(self._texts) > MOST_REMEMBERED
        ):
            self._texts.popitem(last=False)
        if text in self._texts:
            return True
        self._texts[text] = now
        return False
