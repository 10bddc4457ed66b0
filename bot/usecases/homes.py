"""When the app's home is drawn anew: its person opens or uses it, or something it shows changes elsewhere."""

import secrets
from dataclasses import dataclass
from datetime import timedelta

from bot.model.accounts import SlackUser
from bot.model.clock import Clock
from bot.model.due import Claimed, Job, home_key
from bot.store.due_work import DueWork
from bot.store.homes import Homes

KIND = "home"
TOGETHER = timedelta(seconds=2)
"""Changes so close to each other are drawn once."""
LOOKED_AT = timedelta(days=1)
"""A home that was not opened for so long is drawn when it is opened again."""
_MARK = "?"


@dataclass(frozen=True, slots=True)
class Drawing:
    """Somebody is drawing a home. `mark` is empty for that of a person who is not known any more; `before` is the
    digest of what is shown until then, empty where that is not known."""

    slack_user: SlackUser
    mark: str
    before: str = ""


class HomeCare:
    """Keeps in order who draws, and schedules what is to be redrawn. Every method may raise StoreError."""

    def __init__(self, *, homes: Homes, due: DueWork, clock: Clock) -> None:
        self._homes = homes
        self._due = due
        self._clock = clock

    async def begin(self, slack_user: SlackUser) -> Drawing:
        """Begin to draw for somebody who looks at their home."""
        drawing = Drawing(slack_user, f"{_MARK}{secrets.token_hex(8)}")
        await self._homes.begin(slack_user, self._clock(), drawing.mark)
        return drawing

    async def begin_again(self, slack_user: SlackUser) -> Drawing:
        """Begin to redraw a home by itself."""
        mark = f"{_MARK}{secrets.token_hex(8)}"
        before = await self._homes.begin_again(slack_user, mark)
        if before is None:
            return Drawing(slack_user, "")
        return Drawing(slack_user, mark, "" if before.startswith(_MARK) else before)

    async def is_latest(self, drawing: Drawing) -> bool:
        """Whether nobody began to draw later: whoever did knows more, and may have shown it by now."""
        found = await self._homes.find(drawing.slack_user)
        return (found.drawn if found else "") == drawing.mark

    async def end(self, drawing: Drawing, digest: str) -> None:
        """Note what is shown. Where another drawing began in the very last moment, nobody knows which one Slack shows:
        it is drawn once more."""
        if drawing.mark and not await self._homes.settle(drawing.slack_user, drawing.mark, digest):
            await self.redraw(drawing.slack_user)

    async def changed(self, slack_user: SlackUser) -> None:
        """Something that the home shows has changed elsewhere: redraw it, if its person looked at it lately."""
        found = await self._homes.find(slack_user)
        if found is not None and self._clock() - found.opened_at < LOOKED_AT:
            await self.redraw(slack_user)

    async def redraw(self, slack_user: SlackUser) -> None:
        """Redraw a home in a moment, whoever looks at it."""
        payload = {
            "workspace": slack_user.workspace,
            "user": slack_user.user_id,
            "team": slack_user.team_id,
        }
        due_at = self._clock() + TOGETHER
        await self._due.schedule([Job(key=home_key(slack_user), kind=KIND, due_at=due_at, payload=payload)])

    async def unlinked(self, slack_user: SlackUser, *, entirely: bool) -> None:
        """A link of the person's is gone, or the last of them: a home that was opened at any time still shows what
        came from there."""
        if await self._homes.find(slack_user) is not None:
            await self.redraw(slack_user)
            if entirely:
                await self._homes.forget(slack_user, with_job=False)

    async def forget(self, slack_user: SlackUser) -> bool:
        """Erase what is known of the home of somebody who has left; say whether there was anything."""
        return await self._homes.forget(slack_user)


def person_of(job: Claimed) -> SlackUser:
    """Return whose home a job redraws."""
    payload = job.payload
    return SlackUser(str(payload["workspace"]), str(payload["user"]), str(payload["team"]))
