"""The slash command `/upload-status` and its words."""

from dataclasses import replace

from bot.model.errors import MalformedUploadId, UnknownWords
from bot.slack import parse
from bot.slack.blocks import upload_status, usage
from bot.slack.blocks.kit import Message
from bot.slack.calls import Call
from bot.slack.listeners.collaborators import Collaborators
from bot.slack.listeners.linking import LinkingAnswers
from bot.slack.listeners.sharing import SharingAnswers
from bot.slack.listeners.standing import StandingAnswers
from bot.slack.listeners.uploads import UploadAnswers
from bot.slack.listeners.watching import WatchAnswers

ABOUT_ONESELF = parse.Link | parse.Unlink | parse.WhoAmI | parse.Doctor | parse.ListWatches | parse.Unwatch
"""Links, and watches in whatever channel: nobody else's business, wherever one asks."""


class CommandAnswers:
    """Answers what people type."""

    def __init__(
        self,
        given: Collaborators,
        *,
        linking: LinkingAnswers,
        uploads: UploadAnswers,
        sharing: SharingAnswers,
        watching: WatchAnswers,
    ) -> None:
        self._given = given
        self._linking = linking
        self._uploads = uploads
        self._sharing = sharing
        self._watching = watching
        self._standing = StandingAnswers(given)

    async def mention(self, call: Call) -> Message | None:
        """`@Vault Uploads …`: answered for all to read, but for what is about the asker's own account and watches, and
        for the list where nobody asked for it by its name: people also name an app to have it invited."""
        answer = await self.upload_status(call)
        is_own = not call.text or isinstance(parse.read(call.text), ABOUT_ONESELF)
        return replace(answer, only_asker=True) if answer and is_own else answer

    async def upload_status(self, call: Call) -> Message | None:
        """`/upload-status …`"""
        try:
            request = parse.read(call.text)
        except (MalformedUploadId, UnknownWords) as error:
            if isinstance(error, MalformedUploadId) or looks_like_a_file(call.text):
                await self._given.statuses.add_near(error, call.asker, without_word(call.text))
            raise
        return await self._answer(call, request)

    async def _answer(self, call: Call, request: parse.Request) -> Message | None:
        match request:
            case parse.ShowStatus(pasted) | parse.ShareUpload(pasted) if call.reply_to.in_public:
                return await self._sharing.in_public(call, pasted)
            case parse.ShareUpload(pasted):
                return await self._sharing.share(call, pasted)
            case parse.ShowStatus(pasted):
                status = await self._given.statuses.look_up(call.asker, pasted)
                return upload_status.card(status, self._given.look())
            case parse.ListUploads(vault):
                return await self._uploads.list_all(call, vault)
            case parse.WatchUpload():
                return await self._watching.watch(call, request)
            case parse.WatchMany():
                return await self._watching.watch_many(call, request)
            case parse.ListWatches():
                return await self._watching.list_all(call)
            case parse.Unwatch():
                return await self._watching.unwatch(call, request)
            case parse.Link(vault):
                return await self._linking.link(call, vault)
            case parse.Unlink(vault, every):
                return await self._linking.forget(call, vault, every=every)
            case parse.WhoAmI():
                return await self._linking.who_am_i(call)
            case parse.Doctor():
                return await self._standing.doctor(call)
            case parse.Help():
                return usage.usage(self._given.vault_names)


def looks_like_a_file(text: str) -> bool:
    """Whether somebody typed a file's name or path where an id was wanted, such as `label set.pdf`."""
    return "/" in text or "." in text.strip().rstrip(".")


def without_word(text: str) -> str:
    """Return what stands behind a word that takes an id, or the text where it begins with none."""
    word, _, rest = text.strip().partition(" ")
    return rest if rest and word.lower() in parse.TAKES_AN_ID else text
