"""The modal with a person's uploads: of all their Vaults together, to be searched and turned over."""

from bot.model import text as words
from bot.model.searching import LONGEST_QUERY, found_by
from bot.model.statuses import UploadList, UploadLists
from bot.model.uploads import UploadSession, urgency
from bot.slack.blocks.kit import (
    LONGEST_HEADER,
    Block,
    actions,
    button,
    clip,
    context,
    date,
    header,
    modal,
    section,
    visible,
)
from bot.slack.blocks.upload_list import HOW_UPLOADS_END, has_others, owned_by, row, told_trouble
from bot.slack.blocks.upload_status import Look

CALLBACK_ID = "my_uploads"
TITLE = "My uploads"
SEARCH = "search"
LABEL = "Search by name, path or id"
LOOKING = "Looking…"
PER_PAGE = 10

Row = tuple[UploadList, UploadSession]


def looking() -> Block:
    """What stands there until Vault has answered."""
    return modal(TITLE, [section(LOOKING)], callback_id=CALLBACK_ID)


def view(
    found: UploadLists, look: Look, *, query: str = "", page: int = 1, revision: str, reference: str
) -> Block:
    """That page, or the nearest there is, of what the query finds; all for an empty one, the most urgent first.

    `revision` is another one each time: Slack keeps what was typed for as long as the block has the same id.
    `reference` is shown where a Vault failed in a way nobody foresaw.
    """
    rows = _rows(found, look, query)
    pages = max(-(-len(rows) // PER_PAGE), 1)
    page = min(max(page, 1), pages)
    shown = rows[(page - 1) * PER_PAGE : page * PER_PAGE]
    blocks = [_search(query, revision), header(_title(found, len(rows), query, page, pages))]
    if found.troubles:
        troubles = [told_trouble(one, reference) for one in found.troubles]
        blocks.append(section("\n".join(f"⚠️ *{name}*: {told}" for name, told in troubles)))
    if not any(one.uploads for one in found.lists):
        blocks.append(section(HOW_UPLOADS_END))
    blocks += [_row(of, upload, look) for of, upload in shown]
    blocks.append(_turning(query, page, pages))
    blocks.append(context(f"As of {date(look.now, '{time}')}{'  ·  most urgent first' if shown else ''}"))
    return modal(TITLE, blocks, callback_id=CALLBACK_ID, submit="Search")


def again_button(query: str = "", page: int = 1, label: str = "Try again") -> Block:
    """The button that draws the same page anew."""
    return button(label, "open_list", value=_state(query, page), spoken="Refresh the list")


def _rows(found: UploadLists, look: Look, query: str) -> list[Row]:
    rows = [(one, upload) for one in found.lists for upload in found_by(query, one.uploads)]
    # By the same rule as within each list.
    return sorted(
        rows, key=lambda each: (urgency(each[1], look.now, look.stall_after), each[1].expires, each[1].name)
    )


def _title(found: UploadLists, count: int, query: str, page: int, pages: int) -> str:
    everyone = any(has_others(one) for one in found.lists)
    total = sum(len(one.uploads) for one in found.lists)
    whose = "Uploads you can see" if everyone else "Your uploads"
    if not total:
        told = "You have no active uploads"
        return f"{told} in the Vaults that answered" if found.troubles else told
    title = f"{whose}: {total}"
    if query:
        # What is counted stays to be read, however long the query is.
        title = f"{count or 'None'} of {words.plural(total, 'upload')} found by “{clip(visible(query), 60)}”"
    return clip(f"{title} (page {page} of {pages})" if pages > 1 else title, LONGEST_HEADER)


def _row(of: UploadList, upload: UploadSession, look: Look) -> Block:
    value = {"u": upload.id, "v": of.vault.host}
    details = button("Details", "details", value=value, spoken=f"Details of {upload.name}")
    more = f"  ·  {owned_by(upload, of.account.identity.vault_user_id)}" if has_others(of) else ""
    if look.several_vaults:
        more += f"  ·  Vault: {of.vault.name}"
    return row(upload, look, more, details)


def _search(query: str, revision: str) -> Block:
    element: Block = {
        "type": "plain_text_input",
        "action_id": SEARCH,
        "max_length": LONGEST_QUERY,
        "dispatch_action_config": {"trigger_actions_on": ["on_enter_pressed"]},
    }
    if query:
        element["initial_value"] = query
    return {
        "type": "input",
        "block_id": f"{SEARCH}:{revision}",
        "label": {"type": "plain_text", "text": LABEL},
        "element": element,
        "dispatch_action": True,
        "optional": True,
    }


def _turning(query: str, page: int, pages: int) -> Block:
    found = [again_button(query, page, "Refresh")]
    if page > 1:
        found.append(button("Previous", "open_list:previous", value=_state(query, page - 1)))
    if page < pages:
        found.append(button("Next", "open_list:next", value=_state(query, page + 1)))
    if query:
        found.append(button("Show all", "open_list:all", value=_state("", 1), spoken="Show all uploads"))
    return actions(*found)


def _state(query: str, page: int) -> dict[str, str | int]:
    return {"p": page, "q": query}
