"""The small checks that Block Kit's rules are made of. Pure: a value and its place in, reasons out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

type_names = {str: "a string", bool: "a boolean", int: "a number", list: "an array", dict: "an object"}


@dataclass(slots=True)
class Report:
    """Collects reasons, and the ids that must be unique, while blocks are walked through."""

    surface: str
    reasons: list[str] = field(default_factory=list)
    block_ids: set[str] = field(default_factory=set)
    action_ids: set[str] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=dict)

    def refuse(self, reason: str, pointer: str) -> None:
        """Note a reason in Slack's form, with the JSON pointer of its place."""
        self.reasons.append(f"[ERROR] {reason} [json-pointer:{pointer}]")


Check = Callable[[Any, str, Report], None]
"""Looks at one value; the pointer says where it stands."""

Rule = Callable[[dict[str, Any]], Iterator[str]]
"""Looks at an object as a whole, where two of its fields depend on each other; yields reasons."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What an object must and may hold; any other key is refused."""

    required: dict[str, Check] = field(default_factory=dict)
    optional: dict[str, Check] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()

    def check(self, value: Any, pointer: str, report: Report) -> None:
        """Report missing, unknown and wrong fields; `type` was looked at by whoever chose this shape."""
        for name, check in self.required.items():
            if value.get(name) is None:
                report.refuse(f"missing required field: {name}", pointer)
            else:
                check(value[name], f"{pointer}/{name}", report)
        for name, content in value.items():
            if name in self.optional:
                if content is not None:
                    self.optional[name](content, f"{pointer}/{name}", report)
            elif name not in self.required and name != "type":
                report.refuse(f"invalid additional property: {name}", pointer)
        for rule in self.rules:
            for reason in rule(value):
                report.refuse(reason, pointer)


def one_of_types(value: Any, shapes: dict[str, Shape], what: str, pointer: str, report: Report) -> None:
    """Choose the shape by the object's `type` and check it."""
    if not isinstance(value, dict):
        report.refuse(f"must be {type_names[dict]}", pointer)
    elif not isinstance(value.get("type"), str) or value["type"] not in shapes:
        report.refuse(f"unsupported type for {what}: {value.get('type')}", f"{pointer}/type")
    else:
        shapes[value["type"]].check(value, pointer, report)


def typed(shapes: dict[str, Shape], what: str) -> Check:
    """An object whose `type` is one of these."""
    return lambda value, pointer, report: one_of_types(value, shapes, what, pointer, report)


def shaped(shape: Shape) -> Check:
    """An object without a type."""

    def check(value: Any, pointer: str, report: Report) -> None:
        if isinstance(value, dict):
            shape.check(value, pointer, report)
        else:
            report.refuse(f"must be {type_names[dict]}", pointer)

    return check


def string(most: int, least: int = 1) -> Check:
    """A string within these lengths."""

    def check(value: Any, pointer: str, report: Report) -> None:
        if not isinstance(value, str):
            report.refuse(f"must be {type_names[str]}", pointer)
        elif len(value) < least:
            report.refuse(f"must be more than {least - 1} characters", pointer)
        elif len(value) > most:
            report.refuse(f"must be less than {most + 1} characters", pointer)

    return check


def one_of(*allowed: str) -> Check:
    """One of a few words."""

    def check(value: Any, pointer: str, report: Report) -> None:
        if value not in allowed:
            report.refuse(f"must be one of: {', '.join(allowed)}", pointer)

    return check


def boolean(value: Any, pointer: str, report: Report) -> None:
    """True or false."""
    if not isinstance(value, bool):
        report.refuse(f"must be {type_names[bool]}", pointer)


def number(least: int, most: int) -> Check:
    """A whole number within bounds."""

    def check(value: Any, pointer: str, report: Report) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            report.refuse(f"must be {type_names[int]}", pointer)
        elif not least <= value <= most:
            report.refuse(f"must be between {least} and {most}", pointer)

    return check


def anything(value: Any, pointer: str, report: Report) -> None:
    """A field this emulator takes as it comes."""


def items(check: Check, most: int, least: int = 1) -> Check:
    """An array within these lengths, each item checked."""

    def check_all(value: Any, pointer: str, report: Report) -> None:
        if not isinstance(value, list):
            report.refuse(f"must be {type_names[list]}", pointer)
            return
        if len(value) < least:
            report.refuse(f"no fewer than {least} items allowed", pointer)
        if len(value) > most:
            report.refuse(f"no more than {most} items allowed [{len(value)} given]", pointer)
        for index, item in enumerate(value):
            check(item, f"{pointer}/{index}", report)

    return check_all


def text(most: int, *kinds: str) -> Check:
    """A text object of one of these kinds; `verbatim` is for mrkdwn and `emoji` for plain_text alone."""
    shapes = {
        "plain_text": Shape({"text": string(most)}, {"emoji": boolean}),
        "mrkdwn": Shape({"text": string(most)}, {"verbatim": boolean}),
    }
    return typed({kind: shapes[kind] for kind in kinds or shapes}, "text")


def exactly_one(*names: str) -> Rule:
    """Exactly one of these fields."""

    def rule(value: dict[str, Any]) -> Iterator[str]:
        if sum(value.get(name) is not None for name in names) != 1:
            yield f"must have exactly one of: {', '.join(names)}"

    return rule


def at_least_one(*names: str) -> Rule:
    """At least one of these fields."""

    def rule(value: dict[str, Any]) -> Iterator[str]:
        if all(value.get(name) is None for name in names):
            yield f"must define at least one of: {', '.join(names)}"

    return rule
