"""What somebody has put into the form behind the button Watch."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.model.watches import Topic
from bot.slack import parse
from bot.slack.blocks import watch_modal as form
from bot.slack.payloads import Call, Payload

MINUTES_OF_A_DAY = 24 * 60


@dataclass(frozen=True, kw_only=True, slots=True)
class WatchForm:
    """The wishes in a form; `quiet` are minutes since midnight, None where no quiet hours are wished for."""

    lead_times: tuple[timedelta, ...]
    here: bool
    topics: frozenset[Topic]
    quiet: tuple[int, int] | None


def read(call: Call) -> tuple[WatchForm | None, dict[str, str]]:
    """Return the wishes, or what to say beside which field of the form."""
    values, faults, lead_times = call.values, dict[str, str](), tuple[timedelta, ...]()
    try:
        lead_times = parse.read_lead_times(str(_held(values, form.LEADS).get("value") or ""))
    except ValueError as error:
        sentence = str(error)
        faults[form.LEADS] = f"{sentence[0].upper()}{sentence[1:]}."
    quiet = None
    if form.ON in _options(values, form.QUIET):
        quiet, fault = _quiet(values)
        faults |= fault
    if faults:
        return None, faults
    here = _chosen(values, form.PLACE) == form.HERE
    topics = frozenset(topic for topic in Topic if topic.value in _options(values, form.TOPICS))
    return WatchForm(lead_times=lead_times, here=here, topics=topics, quiet=quiet), {}


def _quiet(values: Payload) -> tuple[tuple[int, int] | None, dict[str, str]]:
    start, end = (_minutes(values, name) for name in (form.QUIET_FROM, form.QUIET_TO))
    if start is None:
        return None, {form.QUIET_FROM: "Choose when your quiet hours begin."}
    if end is None:
        return None, {form.QUIET_TO: "Choose when your quiet hours end."}
    if start == end:
        return None, {form.QUIET_TO: "Choose another time than the one they begin at."}
    return (start, end), {}


def _held(values: Payload, name: str) -> Payload:
    """What an element holds; block and element have the same id."""
    block = values.get(name)
    held: Any = block.get(name) if isinstance(block, dict) else None
    return held if isinstance(held, dict) else {}


def _chosen(values: Payload, name: str) -> str:
    option = _held(values, name).get("selected_option")
    return str(option.get("value")) if isinstance(option, dict) else ""


def _options(values: Payload, name: str) -> set[str]:
    options = _held(values, name).get("selected_options")
    return (
        {str(one.get("value")) for one in options if isinstance(one, dict)}
        if isinstance(options, list)
        else set()
    )


def _minutes(values: Payload, name: str) -> int | None:
    """Slack: a timepicker's `selected_time` is `HH:mm`, or null."""
    hours, _, minutes = str(_held(values, name).get("selected_time") or "").partition(":")
    if not (hours.isascii() and hours.isdigit() and minutes.isascii() and minutes.isdigit()):
        return None
    found = int(hours[:4]) * 60 + int(minutes[:4])
    return found if found < MINUTES_OF_A_DAY else None
