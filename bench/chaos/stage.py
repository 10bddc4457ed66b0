"""Two replicas on one PostgreSQL, people who use them, and what can be done to the replicas."""

import asyncio
import os
import signal
import time
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.demo.bot_process import BotProcess
from bot.demo.slack.workspace import User as SlackPerson
from bot.demo.vault import seed
from bot.demo.vault.users import User as VaultPerson
from bot.demo.workspace import DemoWorkspace
from tests.acceptance.operating import two_replicas
from tests.acceptance.planting import held_claims, plant
from tests.postgres import PostgresServer

REAL_TIME = {"DEMO_CLOCK_FILE": "", "POLL_EVERY": "1h"}
"""The bots go by the machine's clock and the database's; they look at nothing but what is asked or due."""
UPLOADS_EACH = 3
MEBIBYTE = 1024 * 1024
WINDOW = 3.0
"""Seconds; as long as an ack may take."""
CHANNEL = "C0TRIALUPLOADS"
KILLED, RESTARTED = "replica killed and replaced", "PostgreSQL restarted"


@dataclass(eq=False)
class Stage:
    """All that runs."""

    demo: DemoWorkspace
    replicas: list[BotProcess]
    server: PostgresServer
    url: str
    socket_mode: bool
    people: dict[str, list[str]] = field(default_factory=dict)
    """Slack user ids, with the ids of each one's uploads."""
    keys: list[str] = field(default_factory=list)
    """The reminders that were promised to Alice."""
    in_hand: set[str] = field(default_factory=set)
    """Due work that a replica had in hand when it was killed."""
    counts: Counter[str] = field(default_factory=Counter)
    peak_mb: dict[int, float] = field(default_factory=dict)
    """The most memory that was seen of each process, by its id."""
    first_mb: dict[int, float] = field(default_factory=dict)
    last_mb: dict[int, float] = field(default_factory=dict)
    down: set[BotProcess] = field(default_factory=set)
    """Replicas that are not ready: a load balancer sends them nothing."""
    held_up: float = 0.0
    _waited: dict[int, deque[tuple[float, float]]] = field(default_factory=dict)
    _turn: int = 0

    def next_replica(self) -> BotProcess:
        """As a load balancer would choose: in turn, and none that is down."""
        living = [one for one in self.replicas if one not in self.down]
        self._turn += 1
        return living[self._turn % len(living)]

    async def restart_database(self, how: signal.Signals) -> None:
        """Stop PostgreSQL for a second: SIGINT as an operator would, SIGQUIT as by a crash."""
        self.counts[RESTARTED] += 1
        await asyncio.to_thread(self.server.stop, how)
        await asyncio.sleep(1)
        await asyncio.to_thread(self.server.start)

    async def kill(self, replica: BotProcess) -> None:
        """Kill a replica in the midst of its work."""
        os.kill(replica.pid, signal.SIGSTOP)
        self.in_hand |= set(await held_claims(self.url))
        self.down.add(replica)
        await replica.kill()
        self.counts[KILLED] += 1

    async def replace(self, replica: BotProcess) -> None:
        """Start it again; it is given something to do when it is ready."""
        await replica.start()
        self.down.discard(replica)

    def sample_memory(self) -> None:
        """Note what the replicas hold now."""
        for replica in self.replicas:
            if pid := replica.pid:
                status = Path(f"/proc/{pid}/status").read_text()
                megabytes = int(status.split("VmRSS:")[1].split()[0]) / 1024
                self.first_mb.setdefault(pid, megabytes)
                self.last_mb[pid] = megabytes
                self.peak_mb[pid] = max(megabytes, self.peak_mb.get(pid, 0.0))

    async def promise(self, reminders: int, apart: timedelta) -> None:
        """Promise Alice so many reminders, the first at once."""
        self.keys = await plant(self.demo, self.url, reminders, first_due=datetime.now(UTC), apart=apart)

    def is_starved(self) -> bool:
        """Whether a replica got no processor for half of the last seconds, though it wanted one: Linux counts that."""
        found = False
        for replica in self.replicas:
            with suppress(OSError, IndexError):
                waited = int(Path(f"/proc/{replica.pid}/schedstat").read_text().split()[1]) / 1e9
                samples = self._waited.setdefault(replica.pid, deque())
                samples.append((time.monotonic(), waited))
                while samples[-1][0] - samples[0][0] > WINDOW:
                    samples.popleft()
                found |= samples[-1][1] - samples[0][1] > WINDOW / 2
        return found


@asynccontextmanager
async def set_up(
    server: PostgresServer,
    folder: Path,
    *,
    socket_mode: bool,
    people: int,
) -> AsyncIterator[Stage]:
    """Start everything; Alice is linked, and the others are there."""
    second_folder = folder / "second"
    second_folder.mkdir()
    with server.database() as url:
        async with two_replicas(url, second_folder, REAL_TIME, socket_mode=socket_mode) as (demo, second):
            demo.clock.run_at(1)
            # Thousands of calls, of which Vault would make half wait.
            demo.vault.burst_limit = 10**6
            stage = Stage(demo, [demo.bot, second], server, url, socket_mode)
            await demo.link("alice", method="token")
            for number in range(people):
                _add_person(stage, number)
            yield stage


def _add_person(stage: Stage, number: int) -> None:
    """Somebody with uploads of their own, not linked yet."""
    demo, name = stage.demo, f"c{number:03}"
    slack_id, email = f"U0C{number:03}", f"{name}@nordlicht.example"
    demo.slack.workspace.users[slack_id] = SlackPerson(slack_id, name, f"Person {number}", email, "UTC")
    demo.slack.workspace.channels[CHANNEL].members.add(slack_id)
    promomats = demo.vault.vaults[seed.PROMOMATS]
    person = demo.vault.domain.add_user(
        VaultPerson(
            key=slack_id, id=20_000_000 + number, user_name=email, email=email, first_name="Person",
            last_name=str(number), password=password_of(slack_id), created=promomats.created,
            vault_ids={promomats.id},
        )
    )  # fmt: skip
    until = demo.clock.now() + timedelta(days=90)
    demo.vault.domain.logins.grant_new(person, promomats.id, until, "Upload tools")
    uploads = [
        demo.vault.create_upload(person, f"{person.home}/film-{number}-{n}.mp4", 10 * MEBIBYTE)
        for n in range(UPLOADS_EACH)
    ]
    stage.people[slack_id] = [one.id for one in uploads]


def password_of(slack_id: str) -> str:
    """What the person types into a link page."""
    return f"Correct-Horse-{slack_id}"
