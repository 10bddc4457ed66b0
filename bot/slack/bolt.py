"""Bolt's app: which listener gets what. Who a payload is from is known from our own installations."""

import asyncio
import logging

import structlog
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from bot.model.errors import BotError
from bot.slack.calls import SlackHome
from bot.slack.installed import Installed

log = structlog.get_logger()

AUTHORIZE_SECONDS = 1.0
"""Slack waits three seconds for the ack, and this comes before it."""


def bolt_app(client: AsyncWebClient, installed: Installed) -> AsyncApp:
    """Return the app without listeners. `client` has no token of its own."""

    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        """Tell Bolt who the bot is there, without `auth.test` on the way of a command.

        Never refuses: `Work` finds the same out again, and tells the person in words.
        """
        try:
            async with asyncio.timeout(AUTHORIZE_SECONDS):
                workspace = await installed.of(SlackHome(enterprise_id, team_id))
        except (BotError, TimeoutError) as error:
            log.info("not authorized", team=team_id, error=type(error).__name__)
            return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id)
        return AuthorizeResult(
            enterprise_id=workspace.enterprise_id,
            team_id=workspace.team_id,
            bot_id=workspace.bot_id,
            bot_user_id=workspace.bot_user_id,
            bot_token=workspace.token.reveal(),
        )

    # With SLACK_CLIENT_ID in the environment, Bolt also makes an OAuth flow with file stores of its own. Nothing ever
    # asks it: web/slack_install serves the pages, and the function above answers for the requests.
    return AsyncApp(
        # Without a name, Bolt looks through the source of every caller for one: a tenth of a second.
        name="vault-upload-bot",
        client=client,
        # Bolt gives its loggers the root's level unless told otherwise, and writes requests at DEBUG.
        logger=logging.getLogger("slack_bolt"),
        authorize=authorize,
        # The listener acknowledges and leaves its work to a task of ours. Without this, Bolt looks for the
        # acknowledgement every 10 ms.
        process_before_response=True,
        # Both are looked at by web/slack_events, over the raw body; Socket Mode has neither.
        request_verification_enabled=False,
        ssl_check_enabled=False,
        attaching_function_token_enabled=False,
        ignoring_self_assistant_message_events_enabled=False,
    )
