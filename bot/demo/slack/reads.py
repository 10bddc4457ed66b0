"""How far each person has read, and what they have not."""

from collections.abc import Callable

from bot.demo.slack.messages import MessageBoard
from bot.demo.slack.workspace import Channel, User


class ReadMarks:
    """A mark for each person in each conversation."""

    def __init__(self, board: MessageBoard, changed: Callable[[], None]) -> None:
        self._board = board
        self._changed = changed
        self._marks: dict[tuple[str, str], str] = {}

    def read(self, user: User, channel: Channel) -> None:
        """Everything that stands there now has been read."""
        newest = next(iter(self._board.newest_first(channel.id)), None)
        key = (user.id, channel.id)
        if newest is not None and self._marks.get(key) != newest.ts:
            self._marks[key] = newest.ts
            self._changed()

    def unread(self, user: User, channel: Channel) -> int:
        """How many messages came after the mark.

        As in Slack (K), own and ephemeral messages do not count, nor do replies that stay in their thread.
        """
        mark = self._marks.get((user.id, channel.id), "")
        count = 0
        for message in self._board.newest_first(channel.id):
            if message.ts <= mark:
                break
            is_hidden = message.is_ephemeral or message.is_deep_in_thread
            count += not is_hidden and message.author != user.id and self._board.shows_to(message, user)
        return count
