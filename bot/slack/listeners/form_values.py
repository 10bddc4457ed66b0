"""What somebody has put into the fields of a form, and what to say beside those that cannot be."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any, TypeVar

import structlog

from bot.model.errors import BotError
from bot.slack import parse
from bot.slack.blocks import form_fields as fields
from bot.slack.calls import Payload

log = structlog.get_logger()

T = TypeVar("T")
MINUTES_OF_A_DAY = 24 * 60
PREFILL_SECONDS = 1.0
"""For what a form begins with; the rest of the three seconds is Slack's."""
Faults = dict[str, str]
"""What to say beside which field."""


async def quickly(reading: Awaitable[T], what: str) -> T | None:
    """Return what a form begins with; None where that is not known quickly, and the form opens without it. `what` is
    for the log."""
    try:
        async with asyncio.timeout(PREFILL_SECONDS):
            return await reading
    except (BotError, TimeoutError) as error:
        log.warning("a form opens without what is usual", lacks=what, error=type(error).__name__)
        return None


def typed(values: Payload, name: str) -> str:
    """What was typed."""
    return str(_held(values, name).get("value") or "")


def chosen(values: Payload, name: str) -> str:
    """The value of the one choice; empty without."""
    option = _held(values, name).get("selected_option")
    return str(option.get("value")) if isinstance(option, dict) else ""


def ticked(values: Payload, name: str) -> set[str]:
    """The values of the boxes that are ticked."""
    options = _held(values, name).get("selected_options")
    return (
        {str(one.get("value")) for one in options if isinstance(one, dict)}
        if isinstance(options, list)
        else set()
    )


def lead_times(values: Payload, name: str) -> tuple[tuple[timedelta, ...], Faults]:
    """Return the times before expiry that were typed."""
    try:
        return parse.read_lead_times(typed(values, name)), {}
    except ValueError as error:
        sentence = str(error)
        return (), {name: f"{sentence[0].upper()}{sentence[1:]}."}


def quiet_hours(values: Payload) -> tuple[tuple[int, int] | None, Faults]:
    """Return the quiet hours as minutes since midnight; None where none are wished for."""
    if fields.ON not in ticked(values, fields.QUIET):
        return None, {}
    start, end = (_minutes(values, name) for name in (fields.QUIET_FROM, fields.QUIET_TO))
    if start is None:
        return None, {fields.QUIET_FROM: "Choose when your quiet hours begin."}
    if end is None:
        return None, {fields.QUIET_TO: "Choose when your quiet hours end."}
    if start == end:
        return None, {fields.QUIET_TO: "Choose another time than the one they begin at."}
    return (start, end), {}


def _held(values: Payload, name: str) -> Payload:
    """What an element holds; block and element have the same id."""
    block = values.get(name)
    held: Any = block.get(name) if isinstance(block, dict) else None
    return held if isinstance(held, dict) else {}


def _minutes(values: Payload, name: str) -> int | None:
    """Slack: a timepicker's `selected_time` is `HH:mm`, or null."""
    hours, _, minutes = str(_held(values, name).get("selected_time") or "").partition(":")
    if not (hours.isascii() and hours.isdigit() and minutes.isascii() and minutes.isdigit()):
        return None
    found = int(hours[:4]) * 60 + int(minutes[:4])
    return found if found < MINUTES_OF_A_DAY else None
