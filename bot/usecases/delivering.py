"""What the use cases of reminders need of Slack; the Slack floor provides it."""

from datetime import datetime
from typing import Protocol

from bot.model.accounts import SlackUser
from bot.model.due import Again, Claimed
from bot.model.reminders import Posted, Reminder
from bot.model.watches import Failsafe, Watch


class Deliveries(Protocol):
    """Sends what is due. Every method raises PlaceGone when Slack will never take it, SlackUnavailable when it may
    later."""

    async def deliver(self, reminder: Reminder, key: str) -> Posted:
        """Post a reminder; `key` goes with it as metadata, so that it can be found again."""

    async def look_for(self, watch: Watch, key: str, since: datetime) -> Posted | None:
        """Return the message posted under that key since then; None when there is none, or Slack lets us not look."""

    async def announce(self, watch: Watch, vault_name: str) -> Posted:
        """Tell a channel that it is going to be told, and by whose wish."""

    async def hold(self, watch: Watch, post_at: datetime) -> Failsafe:
        """Let Slack hold a plain reminder until then."""

    async def release(self, watch: Watch) -> None:
        """Take back what Slack holds; nothing happens where it was posted or taken back already."""

    async def tell_of_end(self, watch: Watch, vault_name: str, reason: str) -> None:
        """Tell the owner by direct message that the watch has ended, since its place is gone."""

    async def time_zone(self, slack_user: SlackUser) -> str:
        """Return the person's time zone as an IANA name; SlackUnavailable."""

    async def is_admin(self, slack_user: SlackUser) -> bool:
        """Whether the person administers the Slack workspace; SlackUnavailable."""


POSTED = "posted"


def posted_before(job: Claimed) -> Posted | None:
    """Return what an earlier run of this job has posted, where only what comes after that is left to do."""
    channel_id, _, ts = str(job.payload.get(POSTED) or "").partition(" ")
    return Posted(channel_id, ts) if ts else None


def once_posted(job: Claimed, posted: Posted, now: datetime) -> Again:
    """Let a job come back that has posted its message, but could not write down what follows: it posts none again."""
    return Again(due_at=now, payload={**job.payload, POSTED: f"{posted.channel_id} {posted.ts}"})
