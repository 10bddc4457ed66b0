"""Opening views: the one answer to a click that is no message."""

import asyncio

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.model.errors import NotInstalled, SlackUnavailable, StoreError
from bot.slack.blocks.kit import Block
from bot.slack.installed import Installed
from bot.slack.payloads import Call
from bot.slack.workspace import PASSING, error_code

log = structlog.get_logger()

OPEN_SECONDS = 3.0
"""Slack: a trigger_id opens one view, within three seconds of the click (reference "views.open")."""


class Views:
    """Opens modals; views.open needs no scope."""

    def __init__(self, *, client: AsyncWebClient, installed: Installed) -> None:
        self._client = client
        self._installed = installed

    async def open(self, call: Call, view: Block) -> bool:
        """Open a modal for whoever clicked, and say whether Slack took it; if not, the click is still to be answered.

        It never raises: there is no second try, since a trigger_id is too old by then.
        """
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                workspace = await self._installed.of(call.home)
                await self._client.views_open(
                    trigger_id=call.trigger_id, view=view, token=workspace.token.reveal()
                )
        except SlackApiError as error:
            log.warning("view not opened", reason=error_code(error))
            return False
        except (NotInstalled, SlackUnavailable, StoreError, *PASSING) as error:
            log.warning("view not opened", reason=type(error).__name__)
            return False
        return True
