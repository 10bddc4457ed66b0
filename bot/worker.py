"""Does what is due: claims jobs, runs them, renews their leases, stores what became of them.

Any number of workers on any number of machines may do this with one database, and none needs to know of the others.
What a job means is not known here: `kinds` has a function for each kind.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import structlog

from bot.job_faults import MOST_ATTEMPTS, failed
from bot.model.due import Again, Claimed
from bot.model.errors import StoreError
from bot.model.meters import CUT_OFF, NO_METERS, OK, Meters
from bot.model.references import new_reference
from bot.store.due_claims import UNKNOWN_KIND, Outcome
from bot.store.due_work import DueWork

log = structlog.get_logger()

RunJob = Callable[[Claimed], Awaitable[Again | None]]
"""Does one job; returns when it is to come back, or None when it is done. After an error it comes back by itself,
with pauses that grow; an error with an attribute `retry_after`, in seconds, names the pause, and is no failure."""

AT_ONCE = 16
LONGEST_JOB = timedelta(seconds=20)
"""Less than the lease, so that a job which is cut off has ended before another worker may have it."""
LOOK_SECONDS = 1.0
"""A job that another process schedules is seen this late at most."""
DATABASE_PAUSES = (0.1, 5.0)
REVIVE_SECONDS = 60.0
"""How often to look for jobs that a worker of another release parked, because it did not know their kind, and whether
this machine's clock is right."""
HAND_BACK_SECONDS = 1.5


@dataclass(eq=False, slots=True)
class _Held:
    """A job from its claim until its outcome is stored. `lost`: it was changed, or is another worker's by now."""

    claimed: Claimed
    task: "asyncio.Task[Outcome] | None" = None
    outcome: Outcome | None = None
    lost: bool = False

    def lose(self) -> None:
        self.lost = True
        if self.task is not None:
            self.task.cancel(CUT_OFF)


class Worker:
    """Runs what is due, at most `at_once` jobs at a time; `start` it once, `stop` it once.

    ValueError where `longest_job` is not shorter than the lease.
    """

    def __init__(
        self,
        due: DueWork,
        kinds: Mapping[str, RunJob],
        *,
        promises: Collection[str] = (),
        at_once: int = AT_ONCE,
        longest_job: timedelta = LONGEST_JOB,
        meters: Meters = NO_METERS,
    ) -> None:
        """`promises` are the kinds that people were promised: they are tried for ever, never parked."""
        self._promises = frozenset(promises)
        if longest_job >= due.lease:
            raise ValueError("a job must end before its lease does")
        self._due, self._meters = due, meters
        self._kinds = dict(kinds)
        self._at_once = at_once
        self._longest_job = longest_job.total_seconds()
        self._held: set[_Held] = set()
        self._wake, self._ended, self._freed = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._stopping = False
        self._troubles: dict[str, str] = {}
        self._more = False
        self._revive_at = 0.0
        self._loops: list[asyncio.Task[None]] = []
        due.on_change(self.wake)

    @property
    def count(self) -> int:
        """How many jobs are under way."""
        return len(self._held)

    @property
    def kinds(self) -> Collection[str]:
        """What kinds of due work it knows."""
        return self._kinds.keys()

    def start(self) -> None:
        """Begin to take jobs; returns at once."""
        taking = self._repeat(self._take, self._nap, while_stopping=False)
        loops = (taking, self._repeat(self._settle), self._repeat(self._renew))
        self._loops = [asyncio.create_task(loop) for loop in loops]

    def wake(self) -> None:
        """Look for work now: something was scheduled in this process."""
        self._wake.set()

    async def stop(self, seconds: float) -> None:
        """Take no more, wait at most `seconds` for what runs, and give back the rest, which takes HAND_BACK_SECONDS
        at most. What could not be given back comes due by itself when its lease has passed."""
        self._stopping = True
        self._wake.set()
        self._freed.set()
        deadline = time.monotonic() + seconds
        if self._loops:
            await asyncio.wait(self._loops[:1], timeout=seconds)
        await self._all_freed(deadline)
        for held in self._held:
            if held.task is not None:
                held.task.cancel(CUT_OFF)
        await self._all_freed(time.monotonic() + HAND_BACK_SECONDS)
        if self._held:
            log.error("due work is left to its lease", count=len(self._held))
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)

    async def _all_freed(self, deadline: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                while self._held:
                    self._freed.clear()
                    await self._freed.wait()

    async def _repeat(
        self,
        step: Callable[[], Awaitable[None]],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        *,
        while_stopping: bool = True,
    ) -> None:
        """Do a step again and again; after one that failed with a pause, which grows."""
        pause, longest = DATABASE_PAUSES
        while while_stopping or not self._stopping:
            try:
                await step()
            except Exception as error:  # noqa: BLE001 - whatever happens, what is due must go on
                self._tell(step.__name__, error)
                await sleep(pause)
                pause = min(2 * pause, longest)
            else:
                pause = DATABASE_PAUSES[0]
                if self._troubles.pop(step.__name__, None) and not self._troubles:
                    log.info("due work goes on")

    def _tell(self, step: str, error: Exception) -> None:
        """Log a trouble once, in whichever step and however often it comes, until there is none."""
        name = type(error).__name__
        if name not in self._troubles.values():
            why = {"reason": error.sentence} if isinstance(error, StoreError) else {"exc_info": error}
            log.error("due work waits for the database", error=name, reference=new_reference(), **why)
        self._troubles[step] = name

    async def _nap(self, seconds: float) -> bool:
        """Sleep until woken; return whether that was before the time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                return await self._wake.wait()
        return False

    async def _take(self) -> None:
        if time.monotonic() >= self._revive_at:
            await self._due.clock.compare()
            if count := await self._due.revive(self._kinds):
                log.info("due work that another release did not know is taken up", count=count)
            self._revive_at = time.monotonic() + REVIVE_SECONDS
        free = self._at_once - len(self._held)
        if free <= 0:
            self._freed.clear()
            await self._freed.wait()
            return
        self._wake.clear()
        if self._stopping:
            return
        mine = [held.claimed for held in self._held]
        if not self._more:
            pause = await self._due.pause(held=mine)
            if pause is None or pause > 0:
                woken = await self._nap(LOOK_SECONDS if pause is None else min(pause, LOOK_SECONDS))
                if woken or pause is None or pause > LOOK_SECONDS:
                    return
        claimed = await self._due.claim(free, held=mine)
        self._more = len(claimed) == free
        for one in claimed:
            self._begin(one)

    def _begin(self, claimed: Claimed) -> None:
        held = _Held(claimed)
        # The same key again: it was scheduled anew while it ran. Only one of the two runs at a time.
        earlier = [one for one in self._held if one.claimed.key == claimed.key]
        for one in earlier:
            one.lose()
        self._held.add(held)
        if self._stopping:
            held.outcome = Outcome.given_back(claimed)
            self._ended.set()
            return
        tasks = [one.task for one in earlier if one.task is not None and not one.task.done()]
        held.task = asyncio.create_task(self._run(claimed, tasks))
        held.task.add_done_callback(lambda task: self._note(held, task))

    def _note(self, held: _Held, task: "asyncio.Task[Outcome]") -> None:
        """Keep what a run came to, until `_settle` stores it. A callback, as a task may be cancelled unbegun."""
        if not task.cancelled():
            held.outcome = task.result()
        elif held.lost:
            log.warning("due work was changed, or taken over, while it ran", kind=held.claimed.kind)
            self._meters.claim_lost(self._known(held.claimed.kind))
            self._held.discard(held)
            self._freed.set()
            return
        else:
            held.outcome = Outcome.given_back(held.claimed)
        self._ended.set()

    async def _run(self, claimed: Claimed, earlier: list["asyncio.Task[Outcome]"]) -> Outcome:
        if earlier:
            await asyncio.wait(earlier)
        reference = new_reference()
        with structlog.contextvars.bound_contextvars(reference=reference, kind=claimed.kind):
            return await self._outcome(claimed, reference)

    async def _outcome(self, claimed: Claimed, reference: str) -> Outcome:
        run = self._kinds.get(claimed.kind)
        if run is None:
            log.error("due work of an unknown kind is parked")
            return Outcome.parked(claimed, UNKNOWN_KIND)
        if claimed.attempts > MOST_ATTEMPTS and claimed.kind not in self._promises:
            log.error("due work is parked: it was begun again and again, and never ended")
            return Outcome.parked(claimed, f"begun {MOST_ATTEMPTS} times and never ended ({reference})")
        timing, came_to = self._meters.job(claimed.kind, reference), CUT_OFF
        try:
            async with asyncio.timeout(self._longest_job):
                again = await run(claimed)
            came_to = OK
            return Outcome.again(claimed, again) if again else Outcome.done(claimed)
        except (Exception, asyncio.CancelledError) as error:
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
                raise
            came_to = type(error).__name__
            return failed(claimed, error, reference, is_promise=claimed.kind in self._promises)
        finally:
            timing.end(came_to)

    def _known(self, kind: str) -> str:
        return kind if kind in self._kinds else "other"

    async def _settle(self) -> None:
        await self._ended.wait()
        batch = {held: held.outcome for held in self._held if held.outcome is not None}
        refused = await self._due.settle(list(batch.values()))
        self._held.difference_update(batch)
        self._freed.set()
        if not any(held.outcome for held in self._held):
            self._ended.clear()
        for claimed in refused:
            log.warning("due work was changed, or taken over, before it ended", kind=claimed.kind)
            self._meters.claim_lost(self._known(claimed.kind))

    async def _renew(self) -> None:
        if running := [held for held in self._held if not held.lost]:
            kept = await self._due.renew([held.claimed for held in running])
            for held in running:
                if held.claimed.key not in kept and held.outcome is None:
                    held.lose()
        await asyncio.sleep(self._due.lease.total_seconds() / 3)
