"""The slash command `/upload-status` and its words."""

from bot.model.errors import MalformedUploadId, UnknownWords
from bot.slack import parse
from bot.slack.blocks import upload_status, usage
from bot.slack.blocks.kit import Message
from bot.slack.listeners.collaborators import Collaborators
from bot.slack.listeners.linking import LinkingAnswers
from bot.slack.payloads import Call


class CommandAnswers:
    """Answers what people type."""

    def __init__(self, given: Collaborators, linking: LinkingAnswers) -> None:
        self._given = given
        self._linking = linking

    async def upload_status(self, call: Call) -> Message:
        """`/upload-status …`"""
        try:
            request = parse.read(call.text)
        except (MalformedUploadId, UnknownWords) as error:
            if isinstance(error, MalformedUploadId) or looks_like_a_file(call.text):
                await self._given.statuses.add_near(error, call.slack_user, call.text)
            raise
        match request:
            case parse.ShowStatus(pasted):
                status = await self._given.statuses.look_up(call.slack_user, pasted)
                return upload_status.card(status, self._given.look())
            case parse.ListUploads(vault):
                found = await self._given.statuses.list_all(call.slack_user, vault)
                return upload_status.listing(found, self._given.look())
            case parse.Link(vault):
                return await self._linking.prompt(call, vault)
            case parse.Unlink(vault, every):
                return await self._linking.forget(call, vault, every=every)
            case parse.WhoAmI():
                return await self._linking.who_am_i(call)
            case parse.Help():
                return usage.usage(self._given.vault_names)


def looks_like_a_file(text: str) -> bool:
    """Whether somebody typed a file's name or path where an id was wanted, such as `label set.pdf`."""
    return "/" in text or "." in text.strip().rstrip(".")
