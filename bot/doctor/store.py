"""The database: reached, of this release's form, with its keys, on time, and with a whole audit log."""

import asyncio
import shutil
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from bot.doctor.check import Check, fail, ok, warn
from bot.doctor.runner import Step
from bot.model.clock import Clock
from bot.model.errors import StoreNewer, StoreUnavailable
from bot.store.audit import AuditLog
from bot.store.database import Database, database_url, ping
from bot.store.due_work import DueWork
from bot.store.installations import Installations
from bot.store.schema import HEAD, can_serve, check_keys, is_known, revision_of
from bot.store.seal import Keyring

if TYPE_CHECKING:
    from bot.model.installations import Installation

LITTLE_SPACE = 1024**3
NO_SPACE = 50 * 1024**2
LATE, TOO_LATE = 60.0, 15 * 60.0
"""Seconds. facts: due work that waits longer than a minute is worth an alarm."""
NEWEST_ROWS = 20_000
"""So many of the audit log's rows are recomputed here, which takes about a second; `audit verify` takes them all."""


class StoreChecks:
    """Looks at the database without changing anything in it. `demo_clock` is None outside the demo."""

    def __init__(
        self,
        url: str,
        keys: str,
        *,
        demo_clock: Clock | None,
        oauth: bool,
        stack: AsyncExitStack,
    ) -> None:
        self._url = database_url(url)
        self._keyring = Keyring.parse(keys)
        self._demo_clock = demo_clock
        self._oauth = oauth
        self._stack = stack
        self._db: Database | None = None
        self._is_current = False
        self._is_next = False
        self.installations: list[Installation] = []
        """What the step of that name found."""

    def steps(self) -> list[Step]:
        """Return the checks in their order."""
        looks = {
            "database": self.database,
            "schema": self.schema,
            "keys": self.keys,
            "disk": self.disk,
            "worker": self.worker,
            "audit": self.audit,
        }
        if self._oauth:
            looks["installations"] = self.find_installations
        return [Step(name=name, look=look) for name, look in looks.items()]

    async def database(self) -> Check:
        """Open and ask it. A missing file is not made."""
        file = self._file
        if file is not None and not await asyncio.to_thread(file.exists):
            return warn(
                "database",
                f"There is no database {file} yet; the bot makes it at its first start.",
                "If there should be one, check DATABASE_URL and the folder this is run in.",
            )
        try:
            db = await self._stack.enter_async_context(Database.open(self._url, to_look=True))
            await ping(db)
        except StoreUnavailable as error:
            return fail(
                "database",
                error.sentence,
                "Check that it runs, that DATABASE_URL names it, and that the bot's user may use it.",
            )
        self._db = db
        return ok("database", f"{'SQLite' if db.is_sqlite else 'PostgreSQL'} answers: {db.place}.")

    async def schema(self) -> Check | None:
        """Compare the database's form with this release's."""
        if self._db is None:
            return None
        found = await revision_of(self._db)
        if found is None:
            return fail(
                "schema", "The database has no tables of this bot yet.", "Run `python -m bot migrate`."
            )
        if can_serve(found):
            self._is_current, self._is_next = True, found != HEAD
            if self._is_next:
                told = (
                    f"The tables are of the next release ({found}), and this one works on them; only that one"
                )
                return ok("schema", f"{told} can run `keys rotate` and `accounts forget`.")
            return ok("schema", f"The tables are of this release ({found}).")
        if await asyncio.to_thread(is_known, found):
            return fail(
                "schema",
                f"The tables are of an earlier release ({found}, now {HEAD}).",
                "Back the database up, then run `python -m bot migrate`; a start of the bot does it too.",
            )
        newer = StoreNewer(place=self._db.place, revision=found)
        return fail("schema", newer.sentence, newer.remedy)

    async def keys(self) -> Check | None:
        """See whether every sealed value's key is there; KeyMissing."""
        if self._db is None:
            return None
        await check_keys(self._db, self._keyring)
        count = len(self._keyring.ids)
        older = f", and {count - 1} older" if count > 1 else ""
        demo = " It is a demo's own." if self._demo_clock else ""
        known = ", as far as this release knows it" if self._is_next else ""
        return ok(
            "keys",
            f"ENCRYPTION_KEYS opens all that is stored{known}: newest {self._keyring.newest_id}{older}.{demo}",
        )

    async def disk(self) -> Check | None:
        """See whether a SQLite file can grow; a server's disk is its own."""
        file = self._file
        if file is None:
            return None
        return await asyncio.to_thread(_disk, file)

    async def worker(self) -> Check | None:
        """See whether what is due is done."""
        if self._db is None or not self._is_current:
            return None
        counts = await DueWork(self._db, self._demo_clock).counts()
        told = f"waiting for their moment: {sum(counts.pending.values())}, being done: {counts.leased}"
        late = f"the oldest that is due ought to have been done {_span(counts.overdue)} ago"
        if counts.overdue > LATE:
            judge = fail if counts.overdue > TOO_LATE else warn
            return judge(
                "worker",
                f"Reminders are late: {late}.",
                "Start the bot if it does not run; else look for “due work” in its log, which may fail at each try.",
            )
        if counts.parked:
            return warn(
                "worker",
                f"Parked, since they failed too often or need another release: {counts.parked} ({told}).",
                "Look for “parked” in the bot's log; they are kept, and nothing else waits for them.",
            )
        return ok("worker", f"Nothing is late ({told}).")

    async def audit(self) -> Check | None:
        """Recompute the end of the audit log."""
        if self._db is None or not self._is_current:
            return None
        found = await AuditLog(self._db, self._keyring).examine(NEWEST_ROWS)
        if found.faults:
            return fail(
                "audit",
                f"The audit log is not whole: {found.faults[0]}",
                "Keep the database as it is, run `python -m bot audit verify`, and tell your security officer.",
            )
        part = f"its newest {NEWEST_ROWS:,} rows; `python -m bot audit verify` looks at all"
        return ok(
            "audit",
            f"The audit log is whole ({part if found.rows >= NEWEST_ROWS else f'{found.rows:,} rows'}).",
        )

    async def find_installations(self) -> Check | None:
        """Count the workspaces that the app was installed into by OAuth."""
        if self._db is None or not self._is_current:
            return None
        self.installations = await Installations(self._db, self._keyring).all()
        count = len(self.installations)
        if not count:
            return warn(
                "installations",
                "The app is installed in no workspace yet.",
                "Open /slack/install below PUBLIC_URL in a browser, as an administrator of the workspace.",
            )
        return ok("installations", f"The app is installed in {count} workspace{'s' if count > 1 else ''}.")

    @property
    def _file(self) -> Path | None:
        return Path(self._url.database or "") if self._url.get_backend_name() == "sqlite" else None


def _disk(file: Path) -> Check:
    """Free space, and whether a file can be made beside the database, as SQLite does for its log. Blocks."""
    folder = next((one for one in file.absolute().parents if one.is_dir()), Path("/"))
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
        if file.exists():
            with file.open("r+b"):
                pass
    except OSError as error:
        return fail(
            "disk",
            f"The database's file or folder {folder} cannot be written ({error.strerror}).",
            "Let the user that the bot runs as write there, and mount it for writing.",
        )
    free = shutil.disk_usage(folder).free
    told = f"{free / 1024**3:,.1f} GB are free where the database lies."
    next_step = "Make room: a full disk stops every answer, since nothing can be written into the audit log."
    if free < NO_SPACE:
        return fail("disk", told, next_step)
    return warn("disk", told, next_step) if free < LITTLE_SPACE else ok("disk", told)


def _span(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.0f} min"
