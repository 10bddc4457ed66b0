"""An emulated domain of Veeva Vaults on loopback, for the demo and the tests.

It knows nothing of the bot, so that it cannot share its mistakes; both meet over HTTP only.
"""

from bot.demo.vault import faults, seed
from bot.demo.vault.behaviour import Behaviour, NotVisible
from bot.demo.vault.calls import Kind
from bot.demo.vault.coverage import COVERAGE
from bot.demo.vault.domain import Domain, Vault
from bot.demo.vault.emulator import VaultEmulator
from bot.demo.vault.exchanges import Exchange
from bot.demo.vault.fault_plan import FaultPlan, PlannedFault
from bot.demo.vault.identity_provider import IdentityProvider
from bot.demo.vault.uploads import Upload
from bot.demo.vault.users import SignIn, User

__all__ = [
    "COVERAGE",
    "Behaviour",
    "Domain",
    "Exchange",
    "FaultPlan",
    "IdentityProvider",
    "Kind",
    "NotVisible",
    "PlannedFault",
    "SignIn",
    "Upload",
    "User",
    "Vault",
    "VaultEmulator",
    "faults",
    "seed",
]
