"""An emulated OpenID Connect provider of the demo's company, on loopback, for the demo and the tests.

It knows nothing of the bot, so that it cannot share its mistakes; both meet over HTTP only. Rules cited as "Core"
are OpenID Connect Core 1.0.
"""

from bot.demo.idp.clients import Client
from bot.demo.idp.coverage import COVERAGE
from bot.demo.idp.emulator import IdpEmulator
from bot.demo.idp.faults import Fault
from bot.demo.idp.people import Person
from bot.demo.idp.requests import Exchange, Kind

__all__ = ["COVERAGE", "Client", "Exchange", "Fault", "IdpEmulator", "Kind", "Person"]
