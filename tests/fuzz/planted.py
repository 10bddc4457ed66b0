"""A target with a fault in it, for the tests of the engines: what finds nothing here would find nothing anywhere."""

WORD = b"BOT!"


class PlantedFault(Exception):
    """Found."""


def read_planted(data: bytes) -> None:
    """Break on the inputs that begin with a word. By lot that is one in four thousand million; an engine that sees
    which lines it reached gets there letter by letter."""
    if len(data) < len(WORD):
        return
    for number, letter in enumerate(WORD):
        if data[number] != letter:
            return
    raise PlantedFault("The planted fault was found.")
