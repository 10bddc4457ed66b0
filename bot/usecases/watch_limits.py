"""One watch per person, upload and place; and how many a person may have."""

from bot.model.accounts import SlackUser
from bot.model.errors import TooManyWatches
from bot.model.watches import Watch
from bot.store.watches import Watches

MOST_WATCHES = 100


async def same_watch(watches: Watches, wished: Watch) -> Watch | None:
    """Return the person's watch that a wished one would change. StoreError."""
    for watch in await watches.of_account(wished.owner, wished.vault_host):
        if (watch.target, watch.upload_id, watch.place) == (wished.target, wished.upload_id, wished.place):
            return watch
    return None


async def check_room(watches: Watches, slack_user: SlackUser) -> None:
    """Raise TooManyWatches where a person may have no further one; those that a watch made count as that one."""
    if sum(not watch.parent for watch in await watches.of_person(slack_user)) >= MOST_WATCHES:
        raise TooManyWatches(count=MOST_WATCHES, of="")
