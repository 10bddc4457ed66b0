"""What is said about cards that others see too."""

from bot.slack.blocks.errors import notice
from bot.slack.blocks.kit import Message

SHARED = "Shared with everybody here. You can take it back with Delete below the card."
NOT_A_MEMBER = (
    "I am no member here, so nobody can keep the card up to date: type `/invite @Vault Uploads` for that."
)
NOWHERE = (
    "There is no conversation here to share it in. Show the upload in a channel, and share it from there."
)
SHARED_ALREADY = "You have just shared this here."
NOT_KNOWN = (
    "I can no longer tell that you put this card here, so I leave it. A workspace admin can delete it."
)
NOT_DELETED = "Slack did not let me take the card back. Delete it by its own menu, or ask a workspace admin."


def shared(*, is_member: bool) -> Message:
    """The answer to who has shared a card."""
    return notice(SHARED if is_member else f"{SHARED} {NOT_A_MEMBER}")


def nowhere() -> Message:
    """The answer to who shares from a form or the home."""
    return notice(NOWHERE)


def shared_already() -> Message:
    """The answer to a second click."""
    return notice(SHARED_ALREADY)


def not_yours(by: str) -> Message:
    """The answer to somebody else's click on Delete; `by` is a mention."""
    return notice(
        f"Only {by} can take this card back." if by else "Only who shared this card can take it back."
    )


def not_known() -> Message:
    """The answer to a click on Delete by whom the card names, without a proof that holds."""
    return notice(NOT_KNOWN)


def not_deleted() -> Message:
    """Slack refused."""
    return notice(NOT_DELETED)
