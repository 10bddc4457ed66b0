"""What administrators do: remove the app, revoke its tokens, take somebody's account away, archive a channel."""

from bot.demo.slack import payloads
from bot.demo.slack.bot_tokens import Issued
from bot.demo.slack.chat_methods import PostRate
from bot.demo.slack.delivery import Delivery
from bot.demo.slack.machine import SlackMachine
from bot.demo.slack.scheduled import Scheduled
from bot.demo.slack.workspace import BOT_USER_ID


class Administration(SlackMachine):
    """Each act upon people and the app tells the app by an event, if it is subscribed; of what becomes of channels
    it hears nothing, as that would take the scope channels:read."""

    async def deactivate(self, person: str) -> Delivery:
        """Deactivate a person's account. Slack: reference "user_change"; what they wrote stays."""
        gone = self.workspace.deactivate(person)
        self._changed()
        with_email = "users:read.email" in self.scopes
        user = gone.as_json(self.clock.now(), with_email=with_email)
        return await self.event({"type": payloads.USER_CHANGE, "user": user, "event_ts": self._moment()})

    def archive(self, channel: str, *, archived: bool = True) -> None:
        """Archive a channel, or bring it back: nobody posts there meanwhile."""
        self.workspace.channel(channel).is_archived = archived
        self._changed()

    def invite_app(self, channel: str) -> None:
        """Let the app into a channel, as `/invite` does."""
        self.workspace.channel(channel).members.add(BOT_USER_ID)
        self._changed()

    def remove_app(self, channel: str) -> None:
        """Put the app out of a channel, as `/remove` does."""
        self.workspace.channel(channel).members.discard(BOT_USER_ID)
        self._changed()

    def limit_posts(self, rate: PostRate | None) -> None:
        """Take no more messages than this into each channel from now on; None: as many as come."""
        self._chat.rate = rate

    @property
    def held_messages(self) -> list[Scheduled]:
        """What waits to be posted at its time, the first first."""
        return self._scheduled.held

    async def uninstall(self) -> list[Delivery]:
        """Remove the app: its tokens end at once, its command is gone, and it is told by two events."""
        self._tokens.void("account_inactive")
        self._changed()
        return [await self.event({"type": payloads.APP_UNINSTALLED}), await self._tell_of_tokens()]

    async def revoke_tokens(self) -> Delivery:
        """End the app's tokens alone, as its maker can. Slack: reference "tokens_revoked"."""
        self._tokens.void("token_revoked")
        return await self._tell_of_tokens()

    def install(self, scopes: set[str], *, rotating: bool = False, org_wide: bool = False) -> Issued:
        """Let the app in, with these scopes; `org_wide` for the whole Enterprise organisation."""
        self.scopes.clear()
        self.scopes.update(scopes)
        self.workspace.org_wide = org_wide
        issued = self._tokens.issue(rotating=rotating)
        self._changed()
        return issued

    def refresh(self, refresh_token: str) -> Issued | None:
        """The next pair of tokens; None if this refresh token is spent or another workspace's."""
        return self._tokens.refresh(refresh_token)

    def owns(self, token: str) -> bool:
        """Whether this workspace issued that bot token."""
        return self._tokens.knows(token)

    @property
    def rotations(self) -> int:
        """How often the app has had its token replaced."""
        return self._tokens.rotations

    async def _tell_of_tokens(self) -> Delivery:
        return await self.event(
            {"type": payloads.TOKENS_REVOKED, "tokens": {"oauth": [], "bot": [BOT_USER_ID]}}
        )
