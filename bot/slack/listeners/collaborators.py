"""What the listeners work with."""

from collections.abc import Callable
from dataclasses import dataclass

from bot.model.accounts import Vaults
from bot.model.clock import Clock
from bot.slack.blocks.upload_status import Look
from bot.slack.failures import LinkUrl
from bot.usecases.linking import Linking
from bot.usecases.upload_status import UploadStatuses


@dataclass(frozen=True, kw_only=True, slots=True)
class Collaborators:
    """Use cases, and the few values that drawing needs."""

    statuses: UploadStatuses
    linking: Linking
    link_url: LinkUrl
    vaults: Vaults
    clock: Clock
    look: Callable[[], Look]

    @property
    def vault_names(self) -> tuple[str, ...]:
        """The Vaults as people call them, the default first."""
        return tuple(vault.name for vault in self.vaults.all)
