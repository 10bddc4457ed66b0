"""What a look into Vault gave: uploads together with who read them."""

from dataclasses import dataclass

from bot.model.accounts import LinkedAccount, Vault
from bot.model.errors import BotError
from bot.model.uploads import UploadSession


@dataclass(frozen=True, kw_only=True, slots=True)
class UploadStatus:
    """One upload as its reader may see it. `understood` is the id as it was read, where that was not as typed."""

    upload: UploadSession
    vault: Vault
    account: LinkedAccount
    understood: str | None = None

    @property
    def is_own(self) -> bool:
        """Whether the reader owns the upload; an Admin also sees those of others."""
        return self.upload.owner == self.account.identity.vault_user_id


@dataclass(frozen=True, kw_only=True, slots=True)
class UploadList:
    """All active uploads a person may see in one Vault, most urgent first."""

    uploads: tuple[UploadSession, ...]
    vault: Vault
    account: LinkedAccount


@dataclass(frozen=True, kw_only=True, slots=True)
class VaultTrouble:
    """A Vault that did not answer while others did; `error` is what a person would have read of it alone."""

    vault: Vault
    error: BotError


@dataclass(frozen=True, kw_only=True, slots=True)
class UploadLists:
    """The lists of all Vaults a person has linked, the person's default first. At least one list is there."""

    lists: tuple[UploadList, ...]
    troubles: tuple[VaultTrouble, ...] = ()
