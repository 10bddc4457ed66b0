"""The jobs that keep what a watch promises. Their keys and payloads are known here alone."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.model.accounts import LinkedAccount, SlackUser
from bot.model.clock import from_milliseconds
from bot.model.due import Claimed, Job, Payload, account_prefix
from bot.model.quiet import QuietHours
from bot.model.reminders import EXPIRY_GRACE, Kind, upcoming
from bot.model.watches import Target, Watch

ENDED = "ended"
"""In a payload in place of a kind: the upload is no longer there, and how it ended is still to be found out."""
FIRST_LOOK = timedelta(seconds=30)
ANNOUNCE_AFTER = timedelta(seconds=60)
"""An announcement is made at once; the job makes it only if we crashed before."""
MOST_UNTOLD = timedelta(minutes=15)
"""Slack posts the message it holds so long after the last reminder was due."""
LEAST_HELD = timedelta(minutes=2)
"""For less, Slack need not hold anything; within a minute it could not be taken back."""


def promised(
    watch: Watch, now: datetime, quiet: QuietHours | None, *, before: datetime | None = None
) -> list[Job]:
    """Return the jobs of a watch over one upload, or of a live card: its lead times still to come, and the end.

    `before` is the end as it was known until now: a lead time that was still to come by it, and is past by an earlier
    end, is due at once.
    """
    if watch.expires is None or watch.target not in (Target.UPLOAD, Target.CARD):
        return []
    jobs = [
        Job(
            key=lead_key(watch, lead),
            kind="remind",
            due_at=due,
            payload={"w": watch.id, "k": Kind.LEAD.value, "lead": int(lead.total_seconds())},
        )
        for due, lead in _moments(watch, now, quiet, before)
    ]
    ends = Job(
        key=expired_key(watch),
        kind="remind",
        due_at=watch.expires + EXPIRY_GRACE,
        payload={"w": watch.id, "k": Kind.EXPIRED.value},
    )
    return [*jobs, ends]


def last_moment(watch: Watch, now: datetime, quiet: QuietHours | None) -> datetime | None:
    """Return when the last of the lead times still to come will be told; None where there is none."""
    if watch.expires is None:
        return None
    moments = [due for due, _ in _moments(watch, now, quiet)]
    return max(moments, default=None)


def merged(watch: Watch, jobs: Sequence[Job], now: datetime) -> list[str]:
    """Return the keys of lead times still to come that have no job of their own among the promised ones."""
    if watch.expires is None:
        return []
    keys = {job.key for job in jobs}
    coming = [lead_key(watch, lead) for lead, _ in upcoming(watch.lead_times, watch.expires, now)]
    return [key for key in coming if key not in keys]


def _moments(
    watch: Watch, now: datetime, quiet: QuietHours | None, before: datetime | None = None
) -> list[tuple[datetime, timedelta]]:
    """When to tell which lead time. Of several that quiet hours bring to one moment, the shortest says it all."""
    found = dict[datetime, timedelta]()
    if watch.expires is not None:
        until_now = upcoming(watch.lead_times, before, now) if before is not None else []
        for lead, _ in until_now:
            if watch.expires - lead <= now:
                found[now] = lead
        # The longest come first, so that a shorter one takes the place of those at the same moment.
        told = timedelta(seconds=watch.told.lead) if watch.told.lead is not None else None
        for lead, moment in upcoming(watch.lead_times, watch.expires, now):
            if told is not None and lead >= told:
                continue  # told before quiet hours began
            due = quiet.adjusted(moment, watch.expires, now) if quiet and watch.place.is_direct else moment
            found[due] = lead
    return list(found.items())


def lead_key(watch: Watch, lead: timedelta) -> str:
    """Return the key of the job that tells a lead time."""
    return f"{watch.job_prefix}lead:{int(lead.total_seconds())}"


def expired_key(watch: Watch) -> str:
    """Return the key of the job that tells the expiry."""
    return f"{watch.job_prefix}expired"


def say_key(watch: Watch, what: Kind | str) -> str:
    """Return the key of the job that tells what a look has found."""
    return f"{watch.job_prefix}say:{what.value if isinstance(what, Kind) else what}"


def say(watch: Watch, what: Kind | str, now: datetime, **more: int) -> Job:
    """Return the job that tells what a look has found."""
    word = what.value if isinstance(what, Kind) else what
    return Job(
        key=say_key(watch, what) + (f":{more['lead']}" if "lead" in more else ""),
        kind="remind",
        due_at=now,
        payload={"w": watch.id, "k": word, **more},
    )


def gone_since(watch: Watch, job: Claimed, now: datetime) -> datetime:
    """Return since when Vault no longer shows an upload, as well as that is known to the job that tells its end."""
    noticed = job.payload.get("since")
    if isinstance(noticed, int):
        return from_milliseconds(noticed)
    return watch.expires if job.payload["k"] == Kind.EXPIRED and watch.expires is not None else now


def announcing(watch: Watch, now: datetime) -> Job:
    """Return the job that announces a watch in its channel, in case nobody did before."""
    return Job(
        key=f"{watch.job_prefix}announce",
        kind="announce",
        due_at=now + ANNOUNCE_AFTER,
        payload={"w": watch.id},
    )


def lost(watch: Watch, reason: str, now: datetime) -> Job:
    """Return the job that tells the owner that the channel of a watch is lost, and ends the watch with that."""
    return Job(
        key=f"{watch.job_prefix}announce",
        kind="announce",
        due_at=now,
        payload={"w": watch.id, "lost": reason},
    )


def failsafe(watch: Watch, now: datetime) -> Job:
    """Return the job that brings what Slack holds in line with the watch."""
    return Job(key=f"{watch.job_prefix}failsafe", kind="failsafe", due_at=now, payload={"w": watch.id})


def edit(watch: Watch, at: datetime) -> Job:
    """Return the one job that draws a live card as it stands then, or posts it where it is not there yet."""
    return Job(key=edit_key(watch), kind="card", due_at=at, payload={"w": watch.id})


def edit_key(watch: Watch) -> str:
    """Return the key of the job that draws a live card."""
    return f"{watch.job_prefix}edit"


def farewell(watch: Watch, message_ts: str, now: datetime) -> Job:
    """Return the job that draws a card a last time, whose place another one has taken."""
    return Job(
        key=f"{edit_key(watch)}:{message_ts}",
        kind="card",
        due_at=now,
        payload={"w": watch.id, "ts": message_ts},
    )


def looking(slack_user: SlackUser, vault_host: str, at: datetime) -> Job:
    """Return the one job that looks at all that a person watches in one Vault."""
    payload: Payload = {
        "workspace": slack_user.workspace,
        "user": slack_user.user_id,
        "team": slack_user.team_id,
        "vault": vault_host,
    }
    return Job(key=f"{account_prefix(slack_user, vault_host)}poll", kind="poll", due_at=at, payload=payload)


def after_linking(account: LinkedAccount, now: datetime) -> list[Job]:
    """Return the jobs that begin to look again once a person has linked again; without watches they end at once."""
    return [looking(account.slack_user, account.vault_host, now + FIRST_LOOK)]
