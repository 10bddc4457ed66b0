"""The uploads of a person's home: of all their Vaults together, whatever needs somebody first."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from bot.model import text as words
from bot.model.errors import BotError, LinkEnded, NotLinked
from bot.model.statuses import UploadLists, VaultTrouble
from bot.model.uploads import SOON, Phase, UploadSession, forecast, urgency
from bot.slack.blocks import errors
from bot.slack.blocks.kit import (
    Block,
    actions,
    button,
    clip,
    code,
    date,
    escape,
    header,
    section,
)
from bot.slack.blocks.linking import link_button
from bot.slack.blocks.upload_list import HOW_UPLOADS_END
from bot.slack.blocks.upload_status import SIGNS, Look, amount

PER_PAGE = 8
MOST_TROUBLES = 9
"""Vaults that say one by one why they failed; what is wrong with any more stands in one block together."""
URGENT = 0
NEEDS = {
    0: (f"expires within {words.duration(SOON)}", f"expire within {words.duration(SOON)}"),
    1: ("waits for its commit", "wait for their commit"),
    2: ("has stalled or is too slow to make it", "have stalled or are too slow to make it"),
}
"""By urgency, what needs somebody: of one, and of several."""


@dataclass(frozen=True, slots=True)
class _Row:
    """An upload, and what its reader must know of where it is."""

    upload: UploadSession
    vault_host: str
    vault_name: str
    own: str
    """The reader's Vault user id in that Vault."""


def count(found: UploadLists | BotError) -> int:
    """Return how many uploads there are."""
    return 0 if isinstance(found, BotError) else sum(len(one.uploads) for one in found.lists)


def uploads(
    found: UploadLists | BotError,
    look: Look,
    page: Mapping[str, str | int],
    watched: Collection[tuple[str, str]],
    reference: str,
) -> list[Block]:
    """A page of the uploads. `page` is as a button's value, with the page's number as `p`; `watched` are the host and
    id of what the person watches."""
    if isinstance(found, BotError):
        return [header("Your uploads"), trouble("Your uploads", found, reference), _turning(page, 1, 1)]
    rows = _sorted(found, look)
    number, pages = int(page["p"]), -(-len(rows) // PER_PAGE)
    shown = rows[(number - 1) * PER_PAGE : number * PER_PAGE]
    of_everyone = any(row.upload.owner != row.own for row in rows)
    blocks = [header(_title(found, len(rows), number, pages, of_everyone=of_everyone))]
    blocks += _troubles(found.troubles, reference)
    blocks.append(section(_summary(rows, look, is_all=not found.troubles)))
    for row in shown:
        blocks += _blocks_of(
            row,
            look,
            is_watched=(row.vault_host, row.upload.id) in watched,
            of_everyone=of_everyone,
        )
    return [*blocks, _turning(page, number, pages)]


def trouble(what: str, error: BotError, reference: str, vault_host: str | None = None) -> Block:
    """What could not be read, and why; with the way to the link page where that is the remedy."""
    link = None
    if isinstance(error, LinkEnded | NotLinked):
        label = "Link again" if isinstance(error, LinkEnded) else "Link account"
        link = link_button(label=label, vault_host=vault_host)
    return section(f"⚠️ *{escape(what)}*: {errors.in_a_line(error, reference)}", accessory=link)


def _troubles(found: Sequence[VaultTrouble], reference: str) -> list[Block]:
    one_by_one = found if len(found) <= MOST_TROUBLES else found[: MOST_TROUBLES - 1]
    blocks = [trouble(one.vault.name, one.error, reference, one.vault.host) for one in one_by_one]
    if further := found[len(one_by_one) :]:
        blocks.append(
            section(f"⚠️ Not answering either: {escape(', '.join(one.vault.name for one in further))}.")
        )
    return blocks


def _sorted(found: UploadLists, look: Look) -> list[_Row]:
    rows = [
        _Row(upload, one.vault.host, one.vault.name, one.account.identity.vault_user_id)
        for one in found.lists
        for upload in one.uploads
    ]
    return sorted(
        rows,
        key=lambda row: (
            urgency(row.upload, look.now, look.stall_after),
            row.upload.expires,
            row.upload.name,
            row.upload.id,
        ),
    )


def _title(found: UploadLists, total: int, number: int, pages: int, *, of_everyone: bool) -> str:
    answered, asked = len(found.lists), len(found.lists) + len(found.troubles)
    where = "" if answered == asked else f" in {answered} of {asked} Vaults"
    page = f" (page {number} of {pages})" if pages > 1 else ""
    return f"{'Uploads you can see' if of_everyone else 'Your uploads'}{where}: {total or 'none'}{page}"


def _summary(rows: Sequence[_Row], look: Look, *, is_all: bool) -> str:
    """What needs somebody, in a line, so that nobody has to look through the pages."""
    if not rows:
        return f"You have no active uploads{'' if is_all else ' elsewhere'}. {HOW_UPLOADS_END}"
    urgencies = [urgency(row.upload, look.now, look.stall_after) for row in rows]
    needs = [
        f"{urgencies.count(level)} {one if urgencies.count(level) == 1 else many}"
        for level, (one, many) in NEEDS.items()
        if level in urgencies
    ]
    if not needs:
        return "Nothing needs you now." if is_all else "None of these needs you now."
    sign = "⚠️ " if URGENT in urgencies else ""
    return f"{sign}*Needs you*: {', '.join(needs)}."


def _blocks_of(row: _Row, look: Look, *, is_watched: bool, of_everyone: bool) -> list[Block]:
    upload = row.upload
    phase = upload.phase(look.now, look.stall_after)
    facts = [f"{SIGNS[phase]} *{phase}*", _end(upload, phase, look)]
    facts += [f"Vault: {escape(row.vault_name)}"] if look.several_vaults else []
    if of_everyone:
        facts.append("yours" if upload.owner == row.own else f"owner: Vault user {escape(upload.owner)}")
    facts += ["you watch it"] if is_watched else []
    lines = [
        f"*{code(clip(upload.name, 220))}*",
        f"{words.bar(upload.percent)}  *{amount(upload, '  ·  ')}*",
        "  ·  ".join(facts),
        _advice(upload, phase, look),
        code(upload.id),
    ]
    target = {"u": upload.id, "v": row.vault_host}
    return [
        section("\n".join(line for line in lines if line)),
        actions(
            button("Details", "details", value=target, spoken=f"Details of {upload.name}"),
            button("Watch", "watch", value=target, spoken=f"Watch {upload.name}"),
        ),
    ]


def _end(upload: UploadSession, phase: Phase, look: Look) -> str:
    if phase is Phase.EXPIRED:
        return "expired"
    left = f"expires in {words.duration(upload.time_left(look.now))}"
    is_urgent = urgency(upload, look.now, look.stall_after) == URGENT
    return f"{f'⚠️ *{left}*' if is_urgent else left}, {date(upload.expires)}"


def _advice(upload: UploadSession, phase: Phase, look: Look) -> str:
    """What is the matter with it, if anything."""
    if phase is Phase.UPLOADED:
        return "All bytes are there: commit it, or Vault deletes them."
    if phase is Phase.STALLED:
        return f"No part has come since {date(upload.last_uploaded)}."
    seen = forecast(upload, look.now)
    if phase is Phase.UPLOADING and seen is not None and not seen.in_time:
        return f"At this pace it will expire first: it needs {words.pace(seen.needed)} from now on."
    return ""


def _turning(page: Mapping[str, str | int], number: int, pages: int) -> Block:
    row = [button("Refresh", "open_list", value=page, spoken="Refresh this page")]
    if number > 1:
        value = {**page, "p": number - 1}
        row.append(button("Previous", "open_list:back", value=value, spoken="Previous uploads"))
    if number < pages:
        value = {**page, "p": number + 1}
        row.append(button("Next", "open_list:on", value=value, spoken="Next uploads"))
    return actions(*row)
