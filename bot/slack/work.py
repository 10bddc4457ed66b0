"""One answer for each command or click, and what events make us do: run after the ack, drained at shutdown.

Slack wants the ack within 3 seconds (docs, "Acknowledging requests"); the answer follows on its own.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from datetime import timedelta
from functools import partial

import stamina
import structlog

from bot.model import overheard
from bot.model.audit import Action
from bot.model.errors import (
    BotError,
    Busy,
    NotInstalled,
    OtherWorkspace,
    OutOfTime,
    SlackUnavailable,
    StoreError,
    StoreUnavailable,
    VaultTemporary,
)
from bot.model.meters import CUT_OFF, NO_METERS, OK, Meters
from bot.slack.blocks.kit import Message
from bot.slack.calls import HOME, Call, Event, ReplyTo
from bot.slack.failures import Failures
from bot.slack.installed import Installed
from bot.slack.kinds import event_kind, log_fields, request_kind
from bot.slack.people import People
from bot.slack.replies import NotDelivered, Replies
from bot.slack.rooms import Rooms
from bot.slack.views import Views
from bot.store.once import Once
from bot.usecases.auditing import Auditing, Record

log = structlog.get_logger()

Answer = Callable[[Call], Awaitable[Message | None]]
"""None: a view is the answer, and it is open already."""
Act = Callable[[Event], Awaitable[None]]

BUDGET = 20.0
"""Seconds from a command to its answer, at most."""
FOR_THE_REPLY = 3.0
"""Seconds of the budget kept for sending the answer."""
LONGEST_REPLY = 60.0
"""Seconds after which an answer that Slack keeps refusing is given up; longer than the budget, since a late
answer is better than none while Slack itself asks us to wait."""

KEPT_FOR = timedelta(hours=25)
"""How long what Slack may send again is known: it repeats an event after five minutes, and where "Delayed Events" are
on hourly for a day (docs, "Events API")."""
FOR_AN_EVENT = 120.0
"""Seconds for what an event makes us do: nobody waits, and many Vault sessions may have to be ended."""
EVENT_TRIES = 4


class Work:
    """Keeps what is running, and sees each piece to its one answer."""

    def __init__(
        self,
        *,
        replies: Replies,
        failures: Failures,
        installed: Installed,
        people: People,
        auditing: Auditing,
        views: Views,
        once: Once,
        answered: Callable[[Call], Awaitable[None] | None] | None = None,
        meters: Meters = NO_METERS,
    ) -> None:
        """`answered` says what is to be done after an answer, whatever came of it; a failure of that is only logged."""
        self._answered_too, self._meters = answered, meters
        self._replies = replies
        self._failures = failures
        self._installed = installed
        self._people = people
        self._auditing = auditing
        self._views = views
        self._once = once
        self._running: set[asyncio.Task[None]] = set()
        self._rooms = Rooms(meters)

    @property
    def count(self) -> int:
        """How many answers and events are under way."""
        return len(self._running)

    def has_room(self, call: Call) -> bool:
        """Whether this is answered now: not when it would only make all answers late, or one person takes too much."""
        return self._rooms.answers.has_place(call.slack_user)

    def takes(self, call: Call) -> bool:
        """Whether `start` would take this now."""
        return self.has_room(call) or not self._rooms.refusals.is_full

    def start(self, call: Call, answer: Answer) -> bool:
        """Begin to answer; returns at once, so that the ack goes out first.

        Without room the answer is that the bot is busy. False when too many are being told so already, and there will
        be none, since Slack itself is too slow to carry it: then it must not be acknowledged, so that Slack says
        itself that it failed, or sends an event again.
        """
        guest = call.slack_user
        if self._rooms.answers.enter_as(guest):
            self._run(self._see_through(call, answer), partial(self._rooms.answers.leave_as, guest))
            return True
        self._rooms.answers.turn_away()
        if self._rooms.refusals.enter():
            self._run(self._see_through(call, _busy), self._rooms.refusals.leave)
            return True
        self._rooms.refusals.turn_away()
        return False

    async def refusal(self, call: Call) -> Message:
        """Return what is said instead of an answer when there is no room: for an ack that can carry it."""
        self._rooms.answers.turn_away()
        kind, outcome = request_kind(call.kind), Busy.__name__
        self._meters.busy(kind)
        line = log_fields(kind, call.slack_user.team_id, outcome, time.monotonic(), [])
        log.info("answered", reference=call.reference, **line)
        return await self._failures.message_for(Busy(), call.slack_user, call.reference)

    async def start_repeat(self, call: Call, answer: Answer) -> bool:
        """As `start`, for what Slack sends again: whether it was answered, the database alone knows. False also while
        that is down, so that Slack keeps it."""
        if not self.takes(call):
            return self.start(call, answer)
        try:
            if not await self._is_first(call) or self.start(replace(call, once=""), answer):
                return True
            # The last place was taken meanwhile: it must count as new when it comes once more.
            await self._once.give_back(call.once)
        except StoreError:
            log.info("an event stays with Slack: the database cannot tell whether it was answered")
        return False

    async def _is_first(self, call: Call) -> bool:
        """Note that this is being answered, and return whether it was not before, by any process. StoreError."""
        return not call.once or await self._once.first(call.once, KEPT_FOR)

    def do(self, event: Event, act: Act, *, once: bool = False) -> bool:
        """Begin what an event asks for; nobody gets an answer. Returns at once. `once`: not again where Slack repeats
        the event. False when there is no room: then it must not be acknowledged.

        Slack does not send an acknowledged event again, so a fault that may pass is met with patience here.
        """
        room, turns = self._rooms.of(event)
        if not room.enter():
            room.turn_away()
            return False
        self._run(self._done_in_turn(event, act, turns, once=once), room.leave)
        return True

    def _run(self, work: Coroutine[None, None, None], leave: Callable[[], None]) -> None:
        task = asyncio.create_task(work)
        self._running.add(task)

        def ended(_: asyncio.Task[None]) -> None:
            self._running.discard(task)
            leave()

        task.add_done_callback(ended)

    async def drain(self, seconds: float) -> None:
        """Wait until all that runs has been answered, at most `seconds`; what is left then is cancelled."""
        deadline = asyncio.get_running_loop().time() + seconds
        # Looked at again and again: what was acknowledged last begins while the first ones are being waited for.
        try:
            while self._running and (left := deadline - asyncio.get_running_loop().time()) > 0:
                await asyncio.wait(set(self._running), timeout=left)
        finally:  # also for who does not want to wait: what they need is closed next
            if late := set(self._running):
                for task in late:
                    task.cancel(CUT_OFF)
                log.error("answers cancelled at shutdown", count=len(late))
                await asyncio.wait(late, timeout=1.0)

    async def _see_through(self, call: Call, answer: Answer) -> None:
        started = time.monotonic()
        timing = self._meters.request(request_kind(call.kind), call.reference)
        reply_to, outcome = call.reply_to, OK
        with (
            structlog.contextvars.bound_contextvars(reference=call.reference),
            overheard.execution_ids() as execution_ids,
        ):
            try:
                async with asyncio.timeout(BUDGET - FOR_THE_REPLY):
                    message = await self._answered(call, answer)
            except Exception as error:  # noqa: BLE001 - the one place where every failure becomes an answer
                outcome = type(error).__name__
                message = await self._failures.message_for(error, call.slack_user, call.reference)
                reply_to = reply_to.alone
                if is_passing(error):
                    # The card a person pressed Refresh on stays, with its buttons, to be tried again.
                    reply_to = replace(reply_to, replace_original=False)
            if message is not None and not await self._delivered(call, reply_to, message):
                outcome = "not delivered"
            timing.end(outcome)
            await self._follow(call)
            line = log_fields(
                request_kind(call.kind), call.slack_user.team_id, outcome, started, execution_ids
            )
            log.info("answered", **line)

    async def _delivered(self, call: Call, reply_to: ReplyTo, message: Message) -> bool:
        try:
            async with asyncio.timeout(LONGEST_REPLY):
                if not await self._views.show(call, message):
                    await self._replies.answer(reply_to, message)
        except (NotDelivered, TimeoutError) as error:
            log.error("answer not delivered", reason=str(error) or "timeout")
            return False
        except Exception as error:
            log.error("answer not delivered", exc_info=error)
            return False
        return True

    async def _follow(self, call: Call) -> None:
        try:
            following = self._answered_too(call) if self._answered_too else None
            if following is not None:
                async with asyncio.timeout(FOR_THE_REPLY):
                    await following
        except Exception as error:  # noqa: BLE001 - the answer is given
            log.warning("what follows an answer was not done", error=type(error).__name__)

    async def _answered(self, call: Call, answer: Answer) -> Message | None:
        if not await self._is_first(call):
            log.info("Slack sent this before")
            return None
        try:
            workspace = await self._installed.of(call.home)
            told = call.kind != HOME  # Slack: `app_home_opened` names the app's team, not the person's
            if not await self._people.is_member(workspace, call.slack_user, team_is_told=told):
                raise OtherWorkspace
        except (NotInstalled, OtherWorkspace) as error:
            record = Record()
            record.failed(error)
            await self._auditing.write(Action.REQUEST, call.asker, record)
            raise
        return await answer(call)

    async def _done_in_turn(self, event: Event, act: Act, turns: asyncio.Semaphore, *, once: bool) -> None:
        async with turns:
            await self._done(event, act, once=once)

    async def _done(self, event: Event, act: Act, *, once: bool) -> None:
        started, kind = time.monotonic(), event_kind(event.kind)
        timing = self._meters.event(kind, event.reference)
        with (
            structlog.contextvars.bound_contextvars(reference=event.reference),
            overheard.execution_ids() as execution_ids,
        ):
            is_first = not once or not event.once
            try:
                async with asyncio.timeout(FOR_AN_EVENT):
                    async for attempt in stamina.retry_context(
                        on=_may_pass, attempts=EVENT_TRIES, timeout=None, wait_initial=0.5, wait_max=8.0
                    ):
                        with attempt:
                            is_first = is_first or await self._once.first(event.once, KEPT_FOR)
                            if not is_first:
                                log.info("Slack sent this before")
                                return
                            await act(event)
            except Exception as error:
                timing.end(type(error).__name__)
                line = log_fields(kind, event.home.team_id, type(error).__name__, started, execution_ids)
                log.error("event came to nothing", **line, exc_info=error)
            else:
                timing.end()
                line = log_fields(kind, event.home.team_id, OK, started, execution_ids)
                log.info("event dealt with", **line)


def is_passing(error: Exception) -> bool:
    """Whether the same request may well succeed in a moment."""
    return isinstance(error, VaultTemporary | OutOfTime | Busy | TimeoutError) or not isinstance(
        error, BotError
    )


async def _busy(_: Call) -> Message | None:
    """The answer when there is no room for one."""
    raise Busy


def _may_pass(error: Exception) -> bool:
    return isinstance(error, VaultTemporary | OutOfTime | SlackUnavailable | StoreUnavailable)
