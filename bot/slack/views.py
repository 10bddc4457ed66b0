"""Modals and the app's home: the answers that are no messages."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.model.accounts import SlackUser
from bot.model.errors import NotInstalled, OutOfTime, SlackUnavailable, StoreError
from bot.slack.blocks import home
from bot.slack.blocks.kit import Block, Message, actions, modal
from bot.slack.calls import HOME, Call
from bot.slack.installed import Installed, as_bot
from bot.slack.workspace import PASSING, Workspace, error_code

log = structlog.get_logger()

OPEN_SECONDS = 3.0
"""Slack: a trigger_id opens one view, within three seconds of the click (reference "views.open")."""
NOTICE = "notice"
"""The callback_id of a modal that only says something."""
OLD_HASH = "hash_conflict"
CLOSED = "not_found"
"""Slack: reference "views.update": the view is open no more."""


class Views:
    """Opens, changes and publishes views; these methods of Slack's need no scope. None of them ever raises."""

    def __init__(self, *, client: AsyncWebClient, installed: Installed) -> None:
        self._client = client
        self._installed = installed

    async def open(self, call: Call, view: Block) -> str | None:
        """Open a modal for whoever clicked, over the one that was clicked in, and return its id; None when Slack does
        not take it, and the click is still to be answered.

        Whatever then answers the call is shown in it. There is no second try, since a trigger_id is too old by then.
        """
        is_above = call.reply_to.view is not None and call.reply_to.view.kind != HOME
        method = self._client.views_push if is_above else self._client.views_open

        async def send(token: str) -> AsyncSlackResponse:
            return await method(trigger_id=call.trigger_id, view=view, token=token)

        view_id = _id_of((await self._of_call(call, send))[0])
        if view_id:
            call.shown.view_id = view_id
        return view_id

    async def begin(self, call: Call, view: Block, again: Block) -> bool:
        """Show at once where the answer to a click will be: in a modal of its own, or where Slack opens no further one
        (there are three at most, and none after three seconds), in the one that was clicked in. False when there is
        neither. `again` is the button below a failure."""
        call.shown.again = again
        at = call.reply_to.view
        if await self.open(call, view) is not None:
            return True
        if at is None or at.kind == HOME:
            return False
        call.shown.view_id = at.id
        return True

    def stay(self, call: Call, again: Block) -> bool:
        """The answer to a click will be in the modal it was made in; False when it was made in none."""
        at = call.reply_to.view
        if at is None or at.kind == HOME:
            return False
        call.shown.view_id, call.shown.again = at.id, again
        return True

    async def fill(self, call: Call, view: Block) -> bool:
        """Show the answer in the modal that is there for it; False when Slack fails. One that was closed meanwhile
        counts as shown: nobody waits for it any more."""

        answer, reason = await self._updated(call, str(call.shown.view_id), view)
        return answer is not None or reason == CLOSED

    async def update(self, call: Call, view_id: str, view: Block) -> bool:
        """Show something else in a modal that is open; False when it was closed meanwhile, or Slack fails."""

        return (await self._updated(call, view_id, view))[0] is not None

    async def show(self, call: Call, message: Message) -> bool:
        """Answer in the modal that was opened for the call; else, of a click in a view, in the modal it was made in,
        or in one over the home. False when none of it is possible.

        Whoever opens the home asks nothing: what went wrong then stands in the home, and comes by no other way.
        """
        again = [actions(call.shown.again)] if call.shown.again else []
        told = modal("Vault Uploads", [*message.blocks, *again], callback_id=NOTICE)
        if call.shown.view_id:
            return await self.fill(call, told)
        at = call.reply_to.view
        if at is None:
            return False
        if at.kind == HOME and not call.trigger_id:
            await self.publish(call.slack_user, home.failed(message), at.hash)
            return True
        if at.kind == HOME:
            return await self.open(call, told) is not None
        return await self.update(call, at.id, told)

    async def publish(self, slack_user: SlackUser, view: Block, hash_: str = "") -> bool:
        """Put a view into the person's home; `hash_` is that of the view it is to replace. Where another one was
        published since, the newest one wins: this one. False when Slack does not take it."""

        async def send(workspace: Workspace) -> None:
            given: dict[str, Any] = {"user_id": slack_user.user_id, "view": view}
            token = workspace.token.reveal()
            try:
                await self._client.views_publish(**given, hash=hash_ or None, token=token)
            except SlackApiError as error:
                if not hash_ or error_code(error) != OLD_HASH:
                    raise
                await self._client.views_publish(**given, token=token)

        try:
            await as_bot(self._installed, slack_user, send)
        except SlackApiError as error:
            log.warning("home not published", reason=error_code(error))
            return False
        except (NotInstalled, SlackUnavailable, OutOfTime, StoreError, *PASSING) as error:
            log.warning("home not published", reason=type(error).__name__)
            return False
        return True

    async def _updated(self, call: Call, view_id: str, view: Block) -> tuple[AsyncSlackResponse | None, str]:
        async def send(token: str) -> AsyncSlackResponse:
            return await self._client.views_update(view_id=view_id, view=view, token=token)

        return await self._of_call(call, send)

    async def _of_call(
        self, call: Call, send: Callable[[str], Awaitable[AsyncSlackResponse]]
    ) -> tuple[AsyncSlackResponse | None, str]:
        """Slack's answer; or none, and why: by Slack's code or our name for it."""
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                workspace = await self._installed.of(call.home)
                return await send(workspace.token.reveal()), ""
        except SlackApiError as error:
            reason = error_code(error)
        except (NotInstalled, SlackUnavailable, OutOfTime, StoreError, *PASSING) as error:
            reason = type(error).__name__
        log.warning("view not shown", reason=reason)
        return None, reason


def _id_of(answer: AsyncSlackResponse | None) -> str | None:
    return None if answer is None else str((answer.get("view") or {}).get("id") or "") or None
