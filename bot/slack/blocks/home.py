"""The app's home: what needs somebody first, then what is watched, settings, accounts and help.

Slack takes 100 blocks: two for each upload and watch of a page, one for each account, and some fifty round them.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.model.accounts import LinkedAccount, Vaults
from bot.model.errors import BotError
from bot.model.statuses import UploadLists
from bot.model.watches import Preferences, Target
from bot.slack.blocks import home_uploads, linking, usage, watches
from bot.slack.blocks.home_settings import settings
from bot.slack.blocks.home_uploads import trouble
from bot.slack.blocks.kit import (
    MOST_IN_A_VIEW,
    Block,
    Message,
    actions,
    button,
    context,
    date,
    divider,
    escape,
    header,
    section,
)
from bot.slack.blocks.upload_status import Look
from bot.slack.blocks.watch_words import SPOKEN, subject

WATCHES_PER_PAGE = 8
MOST_ACCOUNTS = 20
MOST_OF_A_NOTICE = 3
AS_OF = "as_of"
"""How the id of the block begins that changes with every look."""
WHAT_THIS_IS = (
    "I tell you how far your uploads into Veeva Vault are, and remind you before they expire. "
    "What you see here is read with your own Vault rights, and only you see it."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What the home shows; in place of what could not be read, why."""

    uploads: UploadLists | BotError
    watches: Sequence[watches.Line] | BotError
    preferences: Preferences | BotError
    accounts: Sequence[LinkedAccount] | BotError


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """What is the same for everybody; `lead_times` are those of somebody who has none of their own."""

    vaults: Vaults
    lead_times: tuple[timedelta, ...]
    version: str


@dataclass(frozen=True, slots=True)
class Pages:
    """Which pages are shown, of uploads and of watches; the nearest there are."""

    uploads: int = 1
    watches: int = 1

    @property
    def value(self) -> dict[str, str | int]:
        """As a button's value."""
        return {"p": self.uploads, "w": self.watches}


def home(
    found: Found,
    frame: Frame,
    look: Look,
    *,
    pages: Pages = Pages(),
    notice: Message | None = None,
    reference: str = "",
) -> Block:
    """The home of somebody who has linked an account. `notice` says what was just done; `reference` is shown where
    something failed in a way nobody foresaw."""
    lines = found.watches if isinstance(found.watches, BotError) else _wanted(found.watches)
    count = 0 if isinstance(lines, BotError) else len(lines)
    pages = Pages(
        _nearest(pages.uploads, home_uploads.count(found.uploads), home_uploads.PER_PAGE),
        _nearest(pages.watches, count, WATCHES_PER_PAGE),
    )
    watched = set() if isinstance(lines, BotError) else _watched(lines)
    order = "" if isinstance(found.uploads, BotError) else "  ·  most urgent first"
    as_of = context(f"As of {date(look.now, '{time}')}{order}")
    return _view(
        [
            *_told(notice),
            *home_uploads.uploads(found.uploads, look, pages.value, watched, reference),
            {**as_of, "block_id": f"{AS_OF}:{int(look.now.timestamp())}"},
            divider(),
            *_watches(lines, look, pages, reference),
            divider(),
            header("Your settings"),
            *settings(found.preferences, found.accounts, frame.vaults, frame.lead_times, reference),
            divider(),
            header("Your accounts"),
            *_accounts(found.accounts, frame.vaults, look, reference),
            divider(),
            *_help(frame, tuple(vault.name for vault in frame.vaults.all)),
        ],
        pages,
    )


def welcome(frame: Frame, notice: Message | None = None) -> Block:
    """The home of somebody who has not linked an account: nothing in it is Vault's."""
    return _view(
        [
            *_told(notice),
            header("Vault Uploads"),
            section(f"{WHAT_THIS_IS}\n{linking.HOW_LINKING_WORKS}"),
            actions(linking.link_button()),
            divider(),
            *_help(frame, ()),
        ],
        Pages(),
    )


def failed(message: Message) -> Block:
    """The home where nothing can be shown but why."""
    again = button("Try again", "refresh", value=Pages().value, spoken="Try again to show this page")
    return {"type": "home", "blocks": [*message.blocks, actions(again)]}


def digest(view: Block) -> str:
    """What tells two homes apart that show different things; not the moment at which they were drawn."""
    shown = [block for block in view["blocks"] if not str(block.get("block_id", "")).startswith(AS_OF)]
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()[:32]


def _view(blocks: list[Block], pages: Pages) -> Block:
    view: Block = {"type": "home", "callback_id": "home", "blocks": blocks[:MOST_IN_A_VIEW]}
    return {**view, "private_metadata": json.dumps({"d": digest(view), **pages.value}, separators=(",", ":"))}


def _told(notice: Message | None) -> list[Block]:
    return [*notice.blocks[:MOST_OF_A_NOTICE], divider()] if notice else []


def _nearest(page: int, count: int, per_page: int) -> int:
    return min(max(page, 1), max(-(-count // per_page), 1))


def _wanted(lines: Sequence[watches.Line]) -> Sequence[watches.Line]:
    """Without those that are silent for good."""
    return [line for line in lines if not line.watch.told.muted]


def _watched(lines: Sequence[watches.Line]) -> set[tuple[str, str]]:
    """Host and id of the uploads that the person is told of; a live card tells nobody but its readers."""
    return {
        (line.watch.vault_host, line.watch.upload_id) for line in lines if line.watch.target is Target.UPLOAD
    }


def _watches(
    lines: Sequence[watches.Line] | BotError, look: Look, pages: Pages, reference: str
) -> list[Block]:
    if isinstance(lines, BotError):
        return [header("You watch"), trouble("What you watch", lines, reference)]
    if not lines:
        return [
            header("You watch: nothing"),
            section(f"Press Watch below an upload, or type: {escape(watches.HOW_TO_WATCH)}"),
        ]
    count = -(-len(lines) // WATCHES_PER_PAGE)
    title = f"You watch: {len(lines)}" + (f" (page {pages.watches} of {count})" if count > 1 else "")
    blocks = [header(title)]
    first = (pages.watches - 1) * WATCHES_PER_PAGE
    for line in lines[first : first + WATCHES_PER_PAGE]:
        blocks += watches.row(line, look, f"Stop watching {subject(line.watch, line.vault_name, SPOKEN)}")
    turning = []
    if pages.watches > 1:
        value = Pages(pages.uploads, pages.watches - 1).value
        turning.append(button("Previous", "open_list:watches_back", value=value, spoken="Previous watches"))
    if pages.watches < count:
        value = Pages(pages.uploads, pages.watches + 1).value
        turning.append(button("Next", "open_list:watches_on", value=value, spoken="Next watches"))
    return [*blocks, *([actions(*turning)] if turning else [])]


def _accounts(
    found: Sequence[LinkedAccount] | BotError, vaults: Vaults, look: Look, reference: str
) -> list[Block]:
    link = actions(button("Link an account", "link", spoken="Link a Vault account"))
    if isinstance(found, BotError):
        return [trouble("Your accounts", found, reference), link]
    _, rows = linking.account_rows(found, vaults, look.now)
    more = len(rows) - MOST_ACCOUNTS
    further = [section(f"And {more} more: `/upload-status whoami` names them.")] if more > 0 else []
    return [*rows[:MOST_ACCOUNTS], *further, link]


def _help(frame: Frame, names: tuple[str, ...]) -> list[Block]:
    version = context(f"Vault Uploads, version {escape(frame.version)}")
    return [header("Help"), *usage.usage(names).blocks, version]
