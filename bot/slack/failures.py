"""From any failure to what a person reads and what the log keeps. Nothing else turns errors into words."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from bot.model.accounts import SlackUser
from bot.model.errors import BotError, LinkEnded, NearMiss, NotLinked, OutOfTime, UnknownWords
from bot.slack.blocks import errors, linking, upload_list, usage
from bot.slack.blocks.kit import Block, Message
from bot.slack.blocks.upload_status import Look

log = structlog.get_logger()

LINK_URL_SECONDS = 2.0

LinkUrl = Callable[[SlackUser, str | None], Awaitable[str]]


class Failures:
    """Draws failures; offers the link button where linking is the remedy."""

    def __init__(self, *, link_url: LinkUrl, vault_names: tuple[str, ...], look: Callable[[], Look]) -> None:
        self._link_url = link_url
        self._vault_names = vault_names
        self._look = look

    async def message_for(self, error: Exception, slack_user: SlackUser, reference: str) -> Message:
        """Return what the person reads. Never raises: a failure while drawing a failure is logged and left out."""
        if isinstance(error, TimeoutError):
            error = OutOfTime()
        if not isinstance(error, BotError):
            log.error("unexpected failure", reference=reference, exc_info=error)
            return errors.failure(None, reference)
        keep_in_log(error, reference)
        if error.for_the_operator:
            return errors.failure(None, reference)
        more_text, more_blocks = "", list[Block]()
        if isinstance(error, NearMiss):
            more_text, more_blocks = upload_list.near(error.near, self._look(), error.near_vault)
        if isinstance(error, UnknownWords):
            how = usage.usage(self._vault_names)
            return errors.usage_failure(error, how, more_text=more_text, more_blocks=more_blocks)
        link = (
            await self._link_button(error, slack_user) if isinstance(error, NotLinked | LinkEnded) else None
        )
        return errors.failure(error, reference, more_text=more_text, more_blocks=more_blocks, link=link)

    async def _link_button(self, error: NotLinked | LinkEnded, slack_user: SlackUser) -> Block:
        try:
            async with asyncio.timeout(LINK_URL_SECONDS):
                return linking.link_button(await self._link_url(slack_user, str(error.details["vault"])))
        except Exception as fault:  # noqa: BLE001 - a failure while a failure is drawn must not cost the answer
            # The sentence still stands, and the button then asks for a fresh address when it is pressed.
            log.warning("no link ticket", error=type(fault).__name__)
            return linking.link_button()


def keep_in_log(error: BotError, reference: str) -> None:
    """Log a failure that was not to be expected, under the reference that the person reads."""
    if not error.expected:
        log.error("failure", reference=reference, error=type(error).__name__, **_loggable(error))


def _loggable(error: BotError) -> dict[str, str]:
    """Details that are ours or Vault's stable codes; ids, paths and what people typed stay out of the log."""
    keys = ("vault", "error_type", "reason", "place", "revision", "key_ids")
    return {key: str(error.details[key])[:200] for key in keys if key in error.details}
