"""What is fuzzed, by name. Nothing of the bot is imported before it is needed: Atheris instruments the imports."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Target = Callable[[bytes], None]
"""Takes any bytes; raises where the bot did what it must not do."""

PURE = ("words", "vault_answers")
"""Plain functions: Atheris guides them by the lines they reach."""
SERVED = ("slack_endpoint", "link_forms")
"""A whole bot with sockets and a database, whose lines do not depend on the input alone: Hypothesis."""
ALL = (*PURE, *SERVED)
LONGEST = 600
"""Bytes of one input."""
INPUTS_OF_A_WORLD = 2000
"""After so many a bot and its emulators are replaced, since they keep every message there ever was."""


@contextmanager
def opened(name: str) -> Iterator[Target]:
    """Give the target of that name; close what it needs at the end. LookupError for a name that is none."""
    if name == "words":
        from tests.fuzz.words import read_words

        yield read_words
    elif name == "vault_answers":
        from tests.fuzz.vault_answers import read_vault_answer

        yield read_vault_answer
    elif name in SERVED:
        served = _Served(name)
        try:
            yield served
        finally:
            served.close()
    else:
        raise LookupError(f"There is no target {name}; there are {', '.join(ALL)}.")


class _Served:
    """A target of SERVED with a world that is replaced now and then."""

    def __init__(self, name: str) -> None:
        from tests.fuzz.link_forms import LinkForms
        from tests.fuzz.slack_endpoint import SlackEndpoint
        from tests.fuzz.world import World

        self._new_world = World
        self._make = SlackEndpoint if name == "slack_endpoint" else LinkForms
        self._left = 0
        self._world: World | None = None
        self._target: Target | None = None

    def __call__(self, data: bytes) -> None:
        if self._left == 0 or self._target is None:
            self.close()
            self._world = self._new_world()
            self._world.open()
            self._target, self._left = self._make(self._world), INPUTS_OF_A_WORLD
        self._left -= 1
        self._target(data)

    def close(self) -> None:
        """End the world that is open."""
        world, self._world, self._target = self._world, None, None
        if world is not None:
            world.close()
