"""What the listeners work with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from bot.model.accounts import Vaults
from bot.model.clock import Clock
from bot.slack.blocks.upload_status import Look
from bot.slack.departures import Departures
from bot.slack.failures import LinkUrl
from bot.slack.posts import Posts
from bot.slack.proofs import Proofs
from bot.slack.replies import Replies
from bot.slack.views import Views
from bot.store.once import Once
from bot.usecases.aborting import Aborting
from bot.usecases.homes import HomeCare
from bot.usecases.keeping import Keeping
from bot.usecases.leaving import Leaving
from bot.usecases.linking import Linking
from bot.usecases.preferring import Preferring
from bot.usecases.self_check import SelfCheck
from bot.usecases.sharing import Sharing
from bot.usecases.upload_details import UploadDetails
from bot.usecases.upload_status import UploadStatuses
from bot.usecases.watch_care import WatchCare
from bot.usecases.watching import Watching


@dataclass(frozen=True, kw_only=True, slots=True)
class Collaborators:
    """Use cases, and the few values that drawing needs."""

    statuses: UploadStatuses
    details: UploadDetails
    aborting: Aborting
    linking: Linking
    leaving: Leaving
    departures: Departures
    watching: Watching
    care: WatchCare
    preferring: Preferring
    keeping: Keeping
    homes: HomeCare
    sharing: Sharing
    self_check: SelfCheck
    once: Once
    posts: Posts
    proofs: Proofs
    replies: Replies
    views: Views
    link_url: LinkUrl
    vaults: Vaults
    clock: Clock
    look: Callable[[], Look]
    allow_abort: bool
    """Whether the operator offers the destructive Abort (ALLOW_ABORT)."""
    version: str
    """The bot's own."""
    lead_times: tuple[timedelta, ...]
    """The operator's default (REMIND_BEFORE)."""

    @property
    def vault_names(self) -> tuple[str, ...]:
        """The Vaults as people call them, the default first."""
        return tuple(vault.name for vault in self.vaults.all)
