"""How things stand for one person: their links, what their rights let them see, and how they can be told."""

from dataclasses import dataclass

from bot.model.accounts import LinkedAccount, Vault
from bot.model.errors import BotError
from bot.model.watches import Preferences


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """What came of one real call with the person's own credential: how many active uploads they see, or why none can
    be seen."""

    vault: Vault
    found: int | BotError


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """`accounts` are all links, the default first, as they stand after the calls; `tried` has one entry for each link
    to a Vault that is served. `untold` is why the person cannot be told by direct message, None where they can."""

    accounts: tuple[LinkedAccount, ...]
    tried: tuple[Tried, ...]
    untold: BotError | None
    preferences: Preferences
