"""The modal with all that is known of one upload, and the same in short for where Slack does not open it."""

from collections.abc import Sequence
from datetime import timedelta

from bot.model import text as words
from bot.model.details import Details
from bot.model.pace import Stretch
from bot.model.resume import Resume
from bot.model.uploads import Part, Phase, UploadSession
from bot.slack.blocks import errors
from bot.slack.blocks.kit import (
    LONGEST_SECTION,
    Block,
    Message,
    actions,
    button,
    code,
    context,
    date,
    divider,
    modal,
    section,
    visible,
)
from bot.slack.blocks.resuming import fenced, how_to_resume, in_words
from bot.slack.blocks.upload_status import Look, card

CALLBACK_ID = "details"
TITLE = "Upload details"
LOOKING = "Looking…"
NOT_OPENED = (
    "Slack did not open the details in time, so here they are in short. Press Details again for all of them."
)

ENDS = 10
"""Parts shown at the beginning and at the end; between them only those that are not as they must be."""
MOST_FLAGGED = 20
DIGEST_SIGNS = 8
NUMBER, BYTES = "Part", "Bytes"
DAY = timedelta(days=1)
HOW_TO_READ = "Sizes in bytes; of each MD5 the first eight digits."
NO_PACE = "How the pace changes is known only while you watch the upload: then I look at it again and again."


def looking() -> Block:
    """What stands there until Vault has answered."""
    return modal(TITLE, [section(LOOKING)], callback_id=CALLBACK_ID)


def view(details: Details, look: Look, *, allow_abort: bool, reference: str) -> Block:
    """The modal. `reference` is shown where the parts could not be read for a reason that nobody foresaw."""
    status = details.status
    facts = [block for block in card(status, look).blocks if block["type"] != "actions"]
    blocks = [
        *facts,
        section(f"Upload id\n{code(status.upload.id)}"),
        actions(*_buttons(details, look, allow_abort=allow_abort)),
        divider(),
        *how_to_resume(details, look),
        divider(),
        *_parts(details, reference),
        divider(),
        *_pace(status.upload, details.pace),
    ]
    return modal(TITLE, blocks, callback_id=CALLBACK_ID)


def refresh_button(value: dict[str, str | int], label: str = "Refresh") -> Block:
    """The button that draws the same modal again."""
    return button(label, "details", value={**value, "r": 1}, spoken="Refresh the details")


def in_short(details: Details, look: Look) -> Message:
    """The card, and how to go on, as a message."""
    drawn = card(details.status, look)
    told, resume = in_words(details, look)
    facts = [block for block in drawn.blocks if block["type"] != "actions"]
    rows = [block for block in drawn.blocks if block["type"] == "actions"]
    return Message(
        text=f"{NOT_OPENED} {told} {drawn.text}", blocks=[section(NOT_OPENED), *facts, *resume, *rows]
    )


def _buttons(details: Details, look: Look, *, allow_abort: bool) -> list[Block]:
    """Whoever sees the upload owns it or is an Admin, and these may abort it (Vault: "Abort Upload Session")."""
    upload = details.status.upload
    value: dict[str, str | int] = {"u": upload.id, "v": details.status.vault.host}
    row = [refresh_button(value)]
    if upload.phase(look.now, look.stall_after) is Phase.EXPIRED:
        return row
    row.append(button("Watch", "watch", value=value, spoken=f"Watch {upload.name}"))
    if allow_abort:
        row.append(
            button(
                "Abort…", "abort", value=value, style="danger", spoken=f"Abort the upload of {upload.name}"
            )
        )
    return row


def _parts(details: Details, reference: str) -> list[Block]:
    if details.trouble is not None or details.resume is None:
        told = errors.in_a_line(details.trouble, reference) if details.trouble else ""
        return [section(f"*Parts*\n⚠️ I could not read them. {told}".rstrip())]
    resume, parts = details.resume, details.parts
    if not parts:
        return [section("*Parts*\nNo part is there yet.")]
    last = "; the last one may be smaller" if resume.parts_in_all > 1 else ""
    title = (
        f"*Parts*: {len(parts):,} of {resume.parts_in_all:,}, each of {words.size(resume.part_size)}{last}"
    )
    said = [title, *_flags(resume)]
    return [section("\n".join(said)), section(_table(parts, resume)), context(HOW_TO_READ)]


def _flags(resume: Resume) -> list[str]:
    """What is not as it must be, in words."""
    found = []
    if resume.gaps:
        found.append(f"⚠️ Missing before later ones: {_listed([_span(gap) for gap in resume.gaps])}")
    if resume.odd:
        found.append(f"⚠️ Not as large as they must be: {_listed([f'{number:,}' for number in resume.odd])}")
    return found


def _table(parts: Sequence[Part], resume: Resume) -> str:
    """The parts in a block of code: the first and last ones, and between them those to look at."""
    rows: list[tuple[str, str, str, bool]] = []
    gaps, odd = {last: (first, last) for first, last in resume.gaps}, set(resume.odd)
    for part in parts:
        if gap := gaps.get(min(part.number - 1, resume.parts_in_all)):
            rows.append((_span(gap), "missing", "", True))
        is_odd = part.number in odd
        digest = visible(part.md5[:DIGEST_SIGNS]) or "no MD5"
        rows.append((f"{part.number:,}", f"{part.size:,}", f"{digest}{'  size!' if is_odd else ''}", is_odd))
    shown = _shown([row[3] for row in rows])
    number = max(len(NUMBER), *(len(rows[index][0]) for index in shown))
    size = max(len(BYTES), *(len(rows[index][1]) for index in shown))
    lines = [f"{NUMBER:>{number}}  {BYTES:>{size}}  MD5"]
    before = -1
    for index in shown:
        if index > before + 1:
            lines.append(f"{'…':>{number}}  {index - before - 1:,} more")
        name, count, digest, _ = rows[index]
        lines.append(f"{name:>{number}}  {count:>{size}}  {digest}".rstrip())
        before = index
    while len(fenced(lines)) > LONGEST_SECTION:
        lines = [*lines[:-2], "…"]
    return fenced(lines)


def _shown(flagged: Sequence[bool]) -> list[int]:
    """Which rows are shown, in order."""
    count = len(flagged)
    inner = [index for index in range(ENDS, count - ENDS) if flagged[index]][:MOST_FLAGGED]
    return sorted({*range(min(ENDS, count)), *inner, *range(max(count - ENDS, 0), count)})


def _pace(upload: UploadSession, pace: Sequence[Stretch]) -> list[Block]:
    """The pace as bars, and in words."""
    average = (
        f"On average {words.pace(upload.pace)} from its creation to the last part." if upload.pace else ""
    )
    if not pace:
        return [section(f"*Pace*\n{' '.join(one for one in (average, NO_PACE) if one)}")]
    most = max(one.pace for one in pace)
    form = "{time}" if pace[-1].ends - pace[0].begins < DAY else "{date_short} {time}"
    lines = [f"{date(one.begins, form)}  {_bar(one.pace, most)}" for one in pace]
    told = "While you watched it, each bar from its time to the next:"
    return [section(f"*Pace*\n{average} {told}".replace("\n ", "\n")), section("\n".join(lines))]


def _bar(pace: float, most: float) -> str:
    percent = int(pace * 100 / most) if most else 0
    return f"{words.bar(percent)}  {words.pace(pace) if pace else 'nothing came'}"


def _span(gap: tuple[int, int]) -> str:
    first, last = gap
    return f"{first:,}" if first == last else f"{first:,}–{last:,}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_FLAGGED:,} more" if len(names) > MOST_FLAGGED else ""
    return f"{', '.join(names[:MOST_FLAGGED])}{more}"
