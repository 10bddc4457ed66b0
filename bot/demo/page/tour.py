"""The guided tour: where in it one is, and what has been tried."""

from typing import Any

from bot.demo.idp import Exchange, Kind
from bot.demo.page import fields
from bot.demo.page.fields import Body, Refused
from bot.demo.page.stage import Stage
from bot.demo.page.tour_guide import Guide
from bot.demo.page.tour_steps import SIGNED_IN, STEPS, Step


class Tour:
    """Things worth trying, each of which can do itself."""

    def __init__(self, stage: Stage, steps: tuple[Step, ...] = STEPS) -> None:
        self._stage = stage
        self._steps = steps
        self._done: set[int] = set()
        self._running = False
        stage.demo.idp.on_exchange(self._signed_in)

    def as_json(self) -> dict[str, Any]:
        """For the state."""
        return {
            "open": self._stage.viewer.tour_open,
            "step": self._stage.viewer.tour_step,
            "running": self._running,
            "steps": [
                {"title": step.title, "text": step.text, "action": step.action, "done": number in self._done}
                for number, step in enumerate(self._steps)
            ],
        }

    async def act(self, body: Body) -> None:
        """`tour`: open or close it, turn to a step, or let the step do itself."""
        viewer = self._stage.viewer
        if "step" in body:
            step = fields.number(body, "step", 0, len(self._steps) - 1)
            if step != int(step):
                raise Refused("A step is a whole number.")
            viewer.tour_step = int(step)
        if "open" in body:
            viewer.tour_open = fields.flag(body, "open")
        if body.get("run"):
            if self._running:
                raise Refused("The last step is still at work.", 409)
            await self._stage.background.start(self._run(viewer.tour_step))

    def notice(self, act: str, body: Body, me: str) -> None:
        """Tick off the steps that a person has done by hand."""
        self._done |= {number for number, step in enumerate(self._steps) if step.is_done_by(act, body, me)}

    def _signed_in(self, exchange: Exchange) -> None:
        """What people do at the company's sign-in is no act of the page, and yet a step."""
        if exchange.kind is Kind.SIGN_IN and exchange.who is not None:
            self.notice(SIGNED_IN, {}, exchange.who)

    async def _run(self, number: int) -> None:
        self._running = True
        try:
            await self._steps[number].run(Guide(self._stage))
            self._done.add(number)
        finally:
            self._running = False
            self._stage.changes.note()
