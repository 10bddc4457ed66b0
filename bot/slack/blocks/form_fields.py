"""Fields of forms, and those that several forms have: quiet hours.

Block and element of a field have the same id, so that what comes back is found by it.
"""

from collections.abc import Mapping

from bot.model.watches import Preferences
from bot.slack.blocks.kit import Block
from bot.slack.blocks.watch_words import plain

QUIET, QUIET_FROM, QUIET_TO, ON = "quiet", "quiet_from", "quiet_to", "on"
LONGEST_LEADS = 100
USUAL_NIGHT = (22 * 60, 7 * 60)
"""Minutes since midnight, for those who have no quiet hours yet."""
WHEN_QUIET = (
    "For direct messages, in your own time zone. What cannot wait until their end comes before they begin."
)


def field(name: str, label: str, element: Block, *, hint: str = "", optional: bool = False) -> Block:
    """A field of a form."""
    block = {
        "type": "input",
        "block_id": name,
        "label": plain(label),
        "element": {**element, "action_id": name},
        "optional": optional,
    }
    return {**block, "hint": plain(hint)} if hint else block


def boxes(choices: Mapping[str, str], *, chosen: bool = True) -> Block:
    """Boxes to tick, by value; all of them are ticked at first, or none."""
    options = [option(value, label) for value, label in choices.items()]
    return {"type": "checkboxes", "options": options, **({"initial_options": options} if chosen else {})}


def option(value: str, label: str) -> Block:
    """One choice of several."""
    return {"text": plain(label), "value": value}


def night_of(preferences: Preferences | None) -> tuple[int, int] | None:
    """Return a person's quiet hours as minutes since midnight; None without."""
    if preferences is None or preferences.quiet_from is None or preferences.quiet_to is None:
        return None
    return preferences.quiet_from, preferences.quiet_to


def quiet_fields(preferences: Preferences | None) -> list[Block]:
    """Whether to hold reminders back at night, and when."""
    own = night_of(preferences)
    start, end = own or USUAL_NIGHT
    return [
        field(
            QUIET,
            "Quiet hours",
            boxes({ON: "Hold all my reminders back at night"}, chosen=own is not None),
            hint=WHEN_QUIET,
            optional=True,
        ),
        field(QUIET_FROM, "From", {"type": "timepicker", "initial_time": clock(start)}, optional=True),
        field(QUIET_TO, "To", {"type": "timepicker", "initial_time": clock(end)}, optional=True),
    ]


def clock(minutes: int) -> str:
    """Minutes since midnight as `HH:mm`."""
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"
