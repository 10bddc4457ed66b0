"""What somebody has put into the form behind the button Watch."""

from dataclasses import dataclass
from datetime import timedelta

from bot.model.watches import Topic
from bot.slack.blocks import watch_modal as form
from bot.slack.calls import Call
from bot.slack.listeners.form_values import chosen, lead_times, quiet_hours, ticked


@dataclass(frozen=True, kw_only=True, slots=True)
class WatchForm:
    """The wishes in a form; `quiet` are minutes since midnight, None where no quiet hours are wished for."""

    lead_times: tuple[timedelta, ...]
    here: bool
    topics: frozenset[Topic]
    quiet: tuple[int, int] | None


def read(call: Call) -> tuple[WatchForm | None, dict[str, str]]:
    """Return the wishes, or what to say beside which field of the form."""
    values = call.values
    leads, wrong_leads = lead_times(values, form.LEADS)
    quiet, wrong_quiet = quiet_hours(values)
    if faults := wrong_leads | wrong_quiet:
        return None, faults
    here = chosen(values, form.PLACE) == form.HERE
    topics = frozenset(topic for topic in Topic if topic.value in ticked(values, form.TOPICS))
    return WatchForm(lead_times=leads, here=here, topics=topics, quiet=quiet), {}
