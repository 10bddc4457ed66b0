"""The outcome as text, and whether every promise was kept."""

import statistics
from collections import Counter
from collections.abc import Sequence

from bench.chaos.errands import GOOD, Errand, Fate
from bench.chaos.run import Outcome
from bench.chaos.stage import KILLED, RESTARTED

MOST_MB = 300.0
"""More than this no replica may ever hold: three times what an idle one does."""
MOST_SHOWN = 10
WEBSOCKETS, TAKEN_TWICE, OUT_OF_WAYS, STARVED = 0.01, 0.05, 0.002, 0.02
"""Shares of all commands: see `most_believed`."""


def most_believed(outcome: Outcome) -> dict[Fate, int]:
    """How often each excuse is believed: beyond that it hides a fault of the bot's, or the run says nothing.

    A person has one thing under way at a time. So a kill takes one from each of them at most, and so does a database
    that is down; for what is left it is a share, several times what comes about.
    """
    people, commands = outcome.plan.people, len(outcome.errands)
    by_kills = people * outcome.mishaps[KILLED]
    return {
        Fate.DIED: by_kills,
        Fate.CUT: by_kills + int(WEBSOCKETS * commands) * outcome.plan.socket_mode,
        Fate.AFTER_OUTAGE: people * outcome.mishaps[RESTARTED],
        Fate.REPEATED: people + int(TAKEN_TWICE * commands),
        Fate.REFUSED: people // 4 + int(OUT_OF_WAYS * commands),
        # All of them at once, twice, when a machine stands still.
        Fate.HELD_UP: 2 * people + int(STARVED * commands),
    }


def faults_of(outcome: Outcome) -> list[str]:
    """Every promise that was not kept, as a sentence; none when all were."""
    worst_first = sorted(outcome.errands, key=lambda one: one.fate is Fate.LATE_ACK)
    said = [f"{_name(errand)}: {errand.fate}" for errand in worst_first if errand.fate not in GOOD]
    fates = Counter(errand.fate for errand in outcome.errands)
    said += [
        f"{fates[fate]} times “{fate}”: more than {most} are not believed"
        for fate, most in most_believed(outcome).items()
        if fates[fate] > most
    ]
    if missing := set(outcome.promised) - set(outcome.told):
        said.append(f"{len(missing)} of {len(outcome.promised)} reminders never came")
    twice = {key for key, times in outcome.told.items() if times > 1} - outcome.may_repeat
    if twice:
        said.append(f"{len(twice)} reminders came twice without a reason")
    if outcome.bad_lines:
        said.append(f"{len(outcome.bad_lines)} lines of the logs hold an exception without a reference")
    for pid, megabytes in outcome.peak_mb.items():
        if megabytes > MOST_MB:
            said.append(f"process {pid} held {megabytes:.0f} MB")
    return said


def text_of(outcome: Outcome) -> str:
    """The report."""
    plan, errands = outcome.plan, outcome.errands
    fates = Counter(errand.fate for errand in errands)
    acks = [one.delivery.ack.seconds for one in errands if one.delivery and one.delivery.ack]
    wholes = [one.seconds for one in errands if one.seconds is not None]
    again = sum(times > 1 for times in outcome.told.values())
    mode = "Socket Mode" if plan.socket_mode else "HTTP mode"
    lines = [
        f"{mode}: {len(errands)} commands and clicks by {plan.people} people, seed {plan.seed}",
        f"  time       {outcome.seconds:.0f} s, {len(errands) / outcome.seconds:.0f} a second",
        f"  kinds      {_counts(Counter(one.kind for one in errands))}",
        f"  faults     {_counts(outcome.faults)}",
        f"  mishaps    {_counts(outcome.mishaps)}",
        f"  acks       {_spread(acks)}",
        f"  answers    {_spread(wholes)}",
        f"  held up    {outcome.held_up * 1000:.0f} ms at most the emulators themselves: so much any figure may be off",
        *(f"  {fates[fate]:6} {fate}" for fate in Fate if fates[fate]),
        f"  reminders  {len(outcome.promised)} promised, {len(set(outcome.told))} came, {again} more than once",
        f"             {len(outcome.may_repeat)} were in hand of the killed, or Slack did not say that it took them",
        *(
            f"  memory     process {pid}: {outcome.first_mb[pid]:.0f} MB first, {outcome.last_mb[pid]:.0f} MB last, "
            f"{peak:.0f} MB at most"
            for pid, peak in outcome.peak_mb.items()
        ),
        f"  audit      {outcome.audit_rows} rows, whole",
    ]
    found = faults_of(outcome)
    lines += [f"  WRONG: {one}" for one in found[:MOST_SHOWN]]
    lines += [f"    {line[:2000]}" for line in outcome.bad_lines[:3]]
    lines.append(f"  {len(found)} promises broken" if found else "  every promise kept")
    return "\n".join(lines)


def _name(errand: Errand) -> str:
    said = errand.delivery.error or "acked" if errand.delivery else "not sent"
    texts = [f"{message.ts} by {message.via}: {message.text[:80]}" for message in errand.messages]
    sent = f"{errand.delivery.sent_at:%H:%M:%S}" if errand.delivery else ""
    return (
        f"number {errand.number} at {sent}, {errand.kind}, process {errand.pid}, {said}, "
        f"{errand.failures} failed calls, {errand.swallowed} swallowed, answers {texts}"
    )


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common()) or "none"


def _spread(seconds: Sequence[float]) -> str:
    cuts = statistics.quantiles(seconds, n=100) if len(seconds) > 1 else [0.0] * 99
    return f"p50 {cuts[49] * 1000:.0f} ms, p99 {cuts[98] * 1000:.0f} ms, most {max(seconds, default=0) * 1000:.0f} ms"
