"""The modal with a person's uploads. Nothing is kept between two clicks: each one lists anew, with their own rights."""

from bot.model.searching import LONGEST_QUERY
from bot.slack.blocks import my_uploads as drawn
from bot.slack.blocks import upload_list
from bot.slack.blocks.kit import Message
from bot.slack.calls import Call, part_of
from bot.slack.failures import keep_in_log
from bot.slack.listeners.collaborators import Collaborators


class MyUploads:
    """Answers the global shortcut, and what is clicked in the modal that it opens."""

    def __init__(self, given: Collaborators) -> None:
        self._given = given

    async def open(self, call: Call) -> Message | None:
        """The shortcut: a modal at once, and the list in it; where Slack does not open it, the list as a message."""
        is_open = await self._given.views.begin(call, drawn.looking(), drawn.again_button())
        return await self._show(call, "", 1, is_open=is_open)

    async def page(self, call: Call) -> Message | None:
        """Another page, or the same one anew."""
        query, page = (call.state("q") or "")[:LONGEST_QUERY], call.number("p", 1)
        is_open = self._given.views.stay(call, drawn.again_button(query, page))
        return await self._show(call, query, page, is_open=is_open)

    async def search(self, call: Call) -> Message | None:
        """Enter in the search, or the modal's own button Search."""
        query = _typed(call)
        is_open = self._given.views.stay(call, drawn.again_button(query))
        return await self._show(call, query, 1, is_open=is_open)

    async def _show(self, call: Call, query: str, page: int, *, is_open: bool) -> Message | None:
        given = self._given
        found = await given.statuses.list_all(call.asker, None)
        for trouble in found.troubles:
            keep_in_log(trouble.error, call.reference)
        look, reference = given.look(), call.reference
        if is_open:
            view = drawn.view(
                found, look, query=query, page=page, revision=call.reference, reference=reference
            )
            if await given.views.fill(call, view):
                return None
        return upload_list.listing(found, look, reference=reference)


def _typed(call: Call) -> str:
    """What stands in the search. Slack: a form has its values by block, and this block has another id each time."""
    places = [call.values, *(part_of(call.values, name) for name in call.values)]
    for place in places:
        value = part_of(place, drawn.SEARCH).get("value")
        if isinstance(value, str):
            return value.strip()[:LONGEST_QUERY]
    return ""
