"""The emulated domain as the demo and the tests hold it: its servers, and what can be done behind them."""

from collections import deque
from collections.abc import Callable, Sequence
from datetime import timedelta

from bot.demo.clock import DemoClock
from bot.demo.serving import LoopbackServer
from bot.demo.vault import seed
from bot.demo.vault.behaviour import Behaviour
from bot.demo.vault.bursts import BurstWindow
from bot.demo.vault.calls import Kind
from bot.demo.vault.domain import Domain, Vault
from bot.demo.vault.exchanges import Exchange, ExchangeLog
from bot.demo.vault.fault_plan import FaultPlan
from bot.demo.vault.server import VaultServer
from bot.demo.vault.staging import Job
from bot.demo.vault.uploads import Part, Upload, full_path
from bot.demo.vault.users import User

Who = str | int | User


class VaultEmulator(Behaviour):
    """A domain of Vaults on loopback, one port for each; options are attributes, see `Behaviour`.

    Its methods act behind the API, as people and clients elsewhere would, in the event loop of its servers.
    """

    def __init__(self, *, clock: DemoClock, domain: Domain) -> None:
        super().__init__()
        self.clock = clock
        self.domain = domain
        self.faults = FaultPlan()
        self._log = ExchangeLog()
        self._servers: list[LoopbackServer] = []
        self._listeners: list[Callable[[], None]] = []

    @property
    def vaults(self) -> dict[str, Vault]:
        """The domain's Vaults by their short names."""
        return self.domain.vaults

    @property
    def users(self) -> dict[str, User]:
        """The domain's people by their short names."""
        return self.domain.users

    @property
    def log(self) -> deque[Exchange]:
        """The last exchanges, oldest first, secrets masked."""
        return self._log.entries

    async def start(self, ports: Sequence[int] = ()) -> None:
        """Serve each Vault on its port, in the domain's order; 0, or no word of it, takes a free one."""
        if self._servers:
            raise RuntimeError("this emulator is running already")
        if len(ports) > len(self.vaults):
            raise ValueError("more ports than Vaults")
        auth_bursts = BurstWindow(timedelta(minutes=1))
        wanted = [*ports, *[0] * (len(self.vaults) - len(ports))]
        for vault, port in zip(self.vaults.values(), wanted, strict=True):
            app = VaultServer(
                vault,
                domain=self.domain,
                behaviour=self,
                clock=self.clock,
                faults=self.faults,
                log=self._log,
                auth_bursts=auth_bursts,
                changed=self._changed,
            )
            server = LoopbackServer()
            await server.start(app, port)
            self._servers.append(server)
            vault.dns = f"127.0.0.1:{server.port}"

    async def stop(self) -> None:
        """Close every port; what the Vaults know stays."""
        servers, self._servers = self._servers, []
        for server in servers:
            await server.stop()

    def calls(self, endpoint: Kind | str | None = None, vault: str | None = None) -> int:
        """How many requests have arrived, of one kind or of all, at one Vault or at all."""
        return self._log.calls(endpoint, vault)

    def forget_calls(self) -> None:
        """Count requests from zero again; the log stays."""
        self._log.forget_calls()

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back after every change of state but that of time; the returned function ends it."""
        self._listeners.append(callback)
        return lambda: self._listeners.remove(callback)

    def on_exchange(self, callback: Callable[[Exchange], None]) -> Callable[[], None]:
        """Call back with every new entry of the log; the returned function ends it."""
        return self._log.listen(callback)

    def access_token(self, who: Who, vault: str = seed.PROMOMATS) -> str:
        """The first living API access token of a person for a Vault."""
        vault_id, now = self.vaults[vault].id, self.clock.now()
        for token in self.domain.logins.tokens(self.domain.user(who)):
            if token.vault_id == vault_id and token.is_active(now):
                return token.value
        raise KeyError(f"no access token for {who} in {vault}")

    def uploads(self, vault: str | None = None) -> list[Upload]:
        """Active upload sessions as they stand now, of one Vault or of all."""
        chosen = self.vaults.values() if vault is None else [self.vaults[vault]]
        return [upload for one in chosen for upload in one.staging.active(self.clock.now())]

    def upload(self, upload_id: str) -> Upload:
        """One active upload session of any Vault, as it stands now."""
        return self._find(upload_id)[1]

    def create_upload(
        self,
        owner: Who,
        path: str,
        size: int,
        *,
        vault: str = seed.PROMOMATS,
        overwrite: bool = False,
        part_size: int | None = None,
    ) -> Upload:
        """Begin an upload session; `path` as its owner would give it. The limit of 50 is not asked for."""
        user = self.domain.user(owner)
        staging, now = self.vaults[vault].staging, self.clock.now()
        upload = staging.create(user, full_path(path, user), size, now, overwrite=overwrite)
        upload.part_size = part_size or upload.part_size
        self._changed()
        return upload

    def send_part(self, upload_id: str, size: int | None = None) -> Part:
        """Send the next part, of the usual size or of another; it must fit into the file."""
        upload = self.upload(upload_id)
        size = upload.next_part_size() if size is None else size
        part = upload.put_part(len(upload.parts) + 1, size, self.clock.now())
        self._changed()
        return part

    def let_run(self, upload_id: str, bytes_per_second: float) -> None:
        """Let parts arrive by themselves, by the clock, until all are there."""
        if bytes_per_second <= 0:
            raise ValueError("an upload runs with more than 0 bytes per second")
        self.upload(upload_id).let_run(bytes_per_second, self.clock.now())
        self._changed()

    def stall(self, upload_id: str) -> None:
        """Let no more parts arrive by themselves."""
        self.upload(upload_id).flow = None
        self._changed()

    def finish_bytes(self, upload_id: str) -> None:
        """Send every part that is missing, at once."""
        upload = self.upload(upload_id)
        upload.flow = None
        while size := upload.next_part_size():
            upload.put_part(len(upload.parts) + 1, size, self.clock.now())
        self._changed()

    def commit(self, upload_id: str) -> Job:
        """Commit a complete upload session, as its owner would."""
        vault, upload = self._find(upload_id)
        job = vault.staging.commit(upload, self.clock.now())
        self._changed()
        return job

    def abort(self, upload_id: str) -> None:
        """Discard an upload session and its parts."""
        vault, upload = self._find(upload_id)
        vault.staging.drop(upload)
        self._changed()

    def expire(self, upload_id: str) -> None:
        """Let an upload session's time be over now."""
        vault, upload = self._find(upload_id)
        upload.expires = self.clock.now()
        vault.staging.drop(upload)
        self._changed()

    def end_sessions(self, who: Who | None = None) -> int:
        """Log a person out everywhere, or everybody; returns how many Vault sessions ended."""
        ended = self.domain.logins.end_all(None if who is None else self.domain.user(who))
        self._changed()
        return ended

    def deactivate(self, who: Who) -> None:
        """Take a person out of the domain."""
        self.domain.deactivate(self.domain.user(who))
        self._changed()

    def revoke_tokens(self, who: Who) -> int:
        """Revoke a person's API access tokens; returns how many."""
        revoked = self.domain.logins.revoke_all(self.domain.user(who))
        self._changed()
        return revoked

    def _find(self, upload_id: str) -> tuple[Vault, Upload]:
        for vault in self.vaults.values():
            upload = vault.staging.find(upload_id, self.clock.now())
            if upload is not None:
                return vault, upload
        raise KeyError(f"no active upload session with the id {upload_id}")

    def _changed(self) -> None:
        for callback in list(self._listeners):
            callback()
