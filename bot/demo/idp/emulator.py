"""The emulated provider as the demo and the tests hold it: its settings, its server, and what can be done behind it."""

from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from bot.demo.clock import DemoClock
from bot.demo.idp.clients import Client
from bot.demo.idp.grants import Grants
from bot.demo.idp.people import Person
from bot.demo.idp.requests import Exchange, Kind, RequestLog
from bot.demo.idp.server import Provider
from bot.demo.idp.signing import SigningKey
from bot.demo.serving import LoopbackServer

if TYPE_CHECKING:
    from bot.demo.idp.faults import Fault

COMPANY = "Nordlicht sign-in"


class IdpEmulator:
    """One company's identity provider on loopback, with one registered client.

    Attributes may be changed while it runs. Its methods act behind its endpoints, as the company's administrators
    would, in the event loop of its server.
    """

    def __init__(self, *, clock: DemoClock, people: Iterable[Person], client: Client) -> None:
        self.clock = clock
        self.people = {person.key: person for person in people}
        self.client = client
        self.faults: set[Fault] = set()
        self.slow_seconds = 8.0
        """Real seconds that an answer takes longer under `Fault.SLOW`."""
        self.sign_in_error = "temporarily_unavailable"
        """How each sign-in ends under `Fault.REFUSES_SIGN_IN`."""
        self.client_auth = frozenset({"client_secret_basic", "client_secret_post"})
        """The ways in which a client may show its secret."""
        self.grants = Grants(clock)
        self.keys = [SigningKey()]
        """Published ones; the first signs."""
        self.requests = RequestLog()
        self._server = LoopbackServer()

    @property
    def issuer(self) -> str:
        """Its name, which is its address."""
        return self._server.url

    @property
    def userinfo_url(self) -> str:
        """Where an access token tells whose it is."""
        return f"{self.issuer}/userinfo"

    @property
    def log(self) -> deque[Exchange]:
        """The last requests, oldest first."""
        return self.requests.entries

    async def start(self, port: int = 0) -> None:
        """Serve on this port, or on a free one if that is 0 or taken."""
        await self._server.start(Provider(self, COMPANY).app, port)

    async def stop(self) -> None:
        """Close the port; what it knows stays."""
        await self._server.stop()

    def calls(self, kind: Kind | str | None = None) -> int:
        """How many requests have arrived, of one kind or of all."""
        return self.requests.calls(kind)

    def forget_calls(self) -> None:
        """Count requests from zero again; the log stays."""
        self.requests.forget_calls()

    def on_exchange(self, callback: Callable[[Exchange], None]) -> Callable[[], None]:
        """Call back with every new entry of the log; the returned function ends it."""
        return self.requests.listen(callback)

    def revoke(self, who: str) -> int:
        """End everything that a person has allowed; returns how many sign-ins that were. They may sign in anew."""
        grants = self.grants.of(self.people[who])
        for grant in grants:
            grant.ended = True
        return len(grants)

    def change_keys(self, *, keep_old: bool = False) -> None:
        """Sign with a new key from now on; the old one stays published only if it is to be kept."""
        self.keys = [SigningKey(), *(self.keys if keep_old else [])]
