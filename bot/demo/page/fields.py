"""The fields of an act, as the page sent them. A field that is not right is refused with a sentence."""

from typing import Any

Body = dict[str, Any]

LONGEST_TEXT = 12_000


class Refused(Exception):
    """The act cannot be done; the message is a sentence for the person."""

    def __init__(self, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.status = status


def text(body: Body, name: str, default: str | None = None, *, longest: int = LONGEST_TEXT) -> str:
    """A string; refused when it is missing and there is no default, or too long."""
    value = body.get(name, default)
    if not isinstance(value, str):
        raise Refused(f"The field “{name}” must be a text.")
    if len(value) > longest:
        raise Refused(f"The field “{name}” may hold {longest} characters at most.")
    return value


def optional_text(body: Body, name: str) -> str | None:
    """A string, or None when it is missing or null."""
    return None if body.get(name) is None else text(body, name)


def number(body: Body, name: str, least: float, most: float) -> float:
    """A number within bounds."""
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise Refused(f"The field “{name}” must be a number.")
    # Compared, not converted: JSON may hold numbers that no float can.
    if not least <= value <= most:
        raise Refused(f"The field “{name}” must be between {least:g} and {most:g}.")
    return value


def flag(body: Body, name: str) -> bool:
    """True or false."""
    value = body.get(name)
    if not isinstance(value, bool):
        raise Refused(f"The field “{name}” must be true or false.")
    return value


def mapping(body: Body, name: str) -> Body:
    """An object; empty when it is missing."""
    value = body.get(name, {})
    if not isinstance(value, dict):
        raise Refused(f"The field “{name}” must be an object.")
    return value
