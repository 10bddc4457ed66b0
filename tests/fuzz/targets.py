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
PLANTED = "planted"
"""With a fault, to see that Atheris finds it; nobody is offered it."""
LONGEST = 600
"""Bytes of one input."""


@contextmanager
def opened(name: str) -> Iterator[Target]:
    """Give the target of that name; close what it needs at the end. LookupError for a name that is none."""
    if name == "words":
        from tests.fuzz.words import read_words

        yield read_words
    elif name == "vault_answers":
        from tests.fuzz.vault_answers import read_vault_answer

        yield read_vault_answer
    elif name == PLANTED:
        from tests.fuzz.planted import read_planted

        yield read_planted
    elif name in SERVED:
        from tests.fuzz.link_forms import LinkForms
        from tests.fuzz.slack_endpoint import SlackEndpoint
        from tests.fuzz.world import World

        with World() as world:
            yield SlackEndpoint(world) if name == "slack_endpoint" else LinkForms(world)
    else:
        raise LookupError(f"There is no target {name}; there are {', '.join(ALL)}.")
