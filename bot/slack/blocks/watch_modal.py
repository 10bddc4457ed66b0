"""The form behind the button Watch: lead times, place, what else to tell, and quiet hours.

It is drawn without asking Vault, since Slack opens a view only within three seconds of the click; whether the person
may see the upload is looked up when the form is sent.
"""

import json
from collections.abc import Sequence
from datetime import timedelta

from bot.model.watches import Preferences, Topic
from bot.slack.blocks.form_fields import LONGEST_LEADS, boxes, field, option, quiet_fields
from bot.slack.blocks.kit import Block, Message, code, escape, section
from bot.slack.blocks.watch_words import plain, short

CALLBACK_ID = "watch"
LEADS, PLACE, TOPICS = "leads", "place", "topics"
DM, HERE = "dm", "here"
LONGEST_METADATA = 3000

TOPIC_WORDS = {
    Topic.UNCOMMITTED: "All bytes are there, but it is not committed",
    Topic.STALLED: "It stalls, or moves again",
    Topic.FORECAST: "It gets too slow to make it",
    Topic.ENDED: "It is committed, or no longer active",
}
HOW_TO_SAY_TIMES = "How long before its expiry I tell you: up to six times between 5s and 3d."
EXPIRED_ANYWAY = "If it expires, I always tell you."


def modal(
    upload_id: str,
    vault_host: str,
    *,
    lead_times: Sequence[timedelta],
    preferences: Preferences | None,
    channel_id: str = "",
    response_url: str = "",
) -> Block:
    """The form for one upload. `preferences` is None where nobody knows them just now. `channel_id` is where the
    button stood, empty in a direct message; `response_url` is where the answer will go."""
    leads = " ".join(short(lead) for lead in lead_times)
    known = {"q": 1} if preferences else {}
    blocks = [
        section(f"Upload {code(upload_id)}"),
        field(
            LEADS,
            "Times before its expiry",
            {"type": "plain_text_input", "initial_value": leads, "max_length": LONGEST_LEADS},
            hint=HOW_TO_SAY_TIMES,
        ),
        *([_where_to_tell()] if channel_id else []),
        field(
            TOPICS,
            "Tell me too when",
            boxes({topic.value: label for topic, label in TOPIC_WORDS.items()}),
            hint=EXPIRED_ANYWAY,
            optional=True,
        ),
        *quiet_fields(preferences),
    ]
    return {
        "type": "modal",
        "callback_id": CALLBACK_ID,
        "title": plain("Watch this upload"),
        "submit": plain("Watch"),
        "close": plain("Cancel"),
        "private_metadata": _metadata(
            {"u": upload_id, "v": vault_host, "c": channel_id, **known}, response_url
        ),
        "blocks": blocks,
    }


def not_opened(upload_id: str) -> Message:
    """What a person reads where Slack did not take the form."""
    told = "Slack did not open the form. Press Watch again, or type {}, which watches with your usual times."
    command = f"/upload-status watch {upload_id}"
    return Message(text=told.format(escape(command)), blocks=[section(told.format(code(command)))])


def _where_to_tell() -> Block:
    direct, here = option(DM, "By direct message"), option(HERE, "In this channel, with my name")
    return field(
        PLACE, "Where to tell", {"type": "radio_buttons", "options": [direct, here], "initial_option": direct}
    )


def _metadata(target: Block, response_url: str) -> str:
    """What comes back with the form; without too long a response_url, so that the answer is a direct message."""
    whole = json.dumps({**target, "r": response_url}, separators=(",", ":"))
    return whole if len(whole) <= LONGEST_METADATA else json.dumps(target, separators=(",", ":"))
