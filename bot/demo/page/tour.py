"""The guided tour: seven things worth trying, each of which can do itself.

A further step is one more `Step` in `STEPS`: what to say, how it does itself, and which act of a person is it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from bot.demo.page import fields
from bot.demo.page.fields import Body, Refused
from bot.demo.page.stage import Stage
from bot.demo.page.switches import BOT_KILLED
from bot.demo.slack import Message
from bot.demo.vault import Upload, seed

ANSWER_SECONDS = 25.0
SAMPLE_SIZE = 32862312
PARTS_AT_ONCE = 2


class Guide:
    """Does what a step asks for, on what exists now."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._demo = stage.demo

    def become(self, person: str) -> None:
        """Be that person, in the channel of the tour."""
        viewer = self._stage.viewer
        self._stage.become(person)
        viewer.go(self._demo.slack.workspace.channel("trial-uploads").id)
        self._stage.changes.note()

    async def ask(self, words: str) -> Message:
        """Type the command as whom one is, and wait for the answer."""
        viewer = self._stage.viewer
        self._stage.note("Slack", f"types “/upload-status {words}”")
        delivery = await self._demo.slack.slash(user=viewer.me, channel=viewer.place, text=words)
        return await delivery.answered(timeout=ANSWER_SECONDS)

    async def press_refresh(self, upload: Upload) -> None:
        """Press Refresh on the newest card of this upload; ask for the card where there is none."""
        viewer = self._stage.viewer
        card = next(
            (
                message
                for message in reversed(self._demo.slack.seen_by(viewer.me, viewer.place))
                if _is_card_of(message, upload)
            ),
            None,
        )
        if card is None:
            await self.ask(upload.id)
        else:
            self._stage.note("Slack", "presses Refresh")
            await self._demo.click(viewer.me, card, "refresh")

    def upload(self) -> Upload:
        """The sample; another of Alice's, or a new one, where it has ended."""
        mine = [one for one in self._demo.vault.uploads(seed.PROMOMATS) if one.owner.key == "alice"]
        sample = [one for one in mine if one.id == seed.CHOLECAP]
        unfinished = [one for one in mine if one.next_part_size()]
        for one in (*sample, *unfinished):
            return one
        return self._demo.vault.create_upload("alice", "/demo/Cholecap-Commercial-2021.mp4", SAMPLE_SIZE)

    def send_parts(self, upload: Upload) -> None:
        """Some more parts arrive, as far as any are missing."""
        for _ in range(PARTS_AT_ONCE):
            if upload.next_part_size():
                self._demo.vault.send_part(upload.id)

    def jump_before_expiry(self, upload: Upload, lead: timedelta) -> None:
        """Move the clock ahead; not at all where that moment has passed."""
        moment = upload.expires - lead
        if moment > self._demo.clock.now():
            self._demo.clock.set(moment)
            self._stage.changes.note()

    async def restart_bot(self) -> None:
        """Kill the bot's process and start a new one."""
        await self._stage.switches.kill_bot()
        await self._stage.switches.start_bot()


async def _ask_as_alice(guide: Guide) -> None:
    guide.become("alice")
    await guide.ask(guide.upload().id)


async def _ask_as_bob(guide: Guide) -> None:
    guide.become("bob")
    await guide.ask(guide.upload().id)


async def _list_as_bob(guide: Guide) -> None:
    guide.become("bob")
    await guide.ask("list")


async def _more_bytes(guide: Guide) -> None:
    guide.become("alice")
    upload = guide.upload()
    guide.send_parts(upload)
    await guide.press_refresh(upload)


async def _link_nils(guide: Guide) -> None:
    guide.become("nils")
    await guide.ask("link")


async def _nearly_expired(guide: Guide) -> None:
    guide.become("alice")
    upload = guide.upload()
    guide.jump_before_expiry(upload, timedelta(hours=1))
    await guide.press_refresh(upload)


async def _kill_and_restart(guide: Guide) -> None:
    guide.become("alice")
    await guide.restart_bot()
    await guide.ask("list")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing to try."""

    title: str
    text: str
    run: Callable[[Guide], Awaitable[None]]
    is_done_by: Callable[[str, Body, str], bool]
    """Whether this act, with these fields, done as this person, is the step."""
    action: str = "Do it for me"


def _typed(person: str, words: str) -> Callable[[str, Body, str], bool]:
    def is_it(act: str, body: Body, me: str) -> bool:
        return act == "type" and me == person and words in str(body.get("text", ""))

    return is_it


STEPS: Final = (
    Step(
        title="Ask for this upload",
        text="You are Alice, and a film of yours is on its way into Vault. Type /upload-status and its id: the "
        "answer is a card that only you see.",
        run=_ask_as_alice,
        is_done_by=_typed("alice", seed.CHOLECAP),
    ),
    Step(
        title="Become Bob, ask for the same upload",
        text="Choose Bob at “You are” and ask for the same id. Vault lets him see his own uploads alone, so he is "
        "told nothing, not even that it exists.",
        run=_ask_as_bob,
        is_done_by=_typed("bob", seed.CHOLECAP),
    ),
    Step(
        title="See all of your uploads",
        text="Still as Bob, type /upload-status list: his own uploads, the most urgent first.",
        run=_list_as_bob,
        is_done_by=lambda act, body, _: act == "type" and "list" in str(body.get("text", "")),
    ),
    Step(
        title="More bytes arrive; press Refresh",
        text="Back as Alice: send the next part at the right, then press Refresh on the card. It is read anew, "
        "with her own Vault rights.",
        run=_more_bytes,
        is_done_by=lambda act, body, _: act == "click" and body.get("action_id") == "refresh",
    ),
    Step(
        title="Become Nils and link an account",
        text="The bot does not know who Nils is in Vault. Type /upload-status link as him and open the page: the "
        "demo's user names and passwords stand at the right.",
        run=_link_nils,
        is_done_by=_typed("nils", "link"),
    ),
    Step(
        title="Jump to one hour before expiry",
        text="An upload lives 72 hours, then every byte of it is gone. Move the clock to one hour before that; "
        "Alice's card tells it.",
        run=_nearly_expired,
        is_done_by=lambda act, body, _: act == "clock" and "before_expiry_of" in body,
    ),
    Step(
        title="Kill the bot and start it again",
        text="Pull the plug: while the bot is gone, Slack says so. When it is back, nobody has to link again.",
        run=_kill_and_restart,
        is_done_by=lambda act, body, _: (
            act == "fault" and body.get("key") == BOT_KILLED and body.get("on") is False
        ),
    ),
)


class Tour:
    """Where in the tour one is, and what has been tried."""

    def __init__(self, stage: Stage, steps: tuple[Step, ...] = STEPS) -> None:
        self._stage = stage
        self._steps = steps
        self._done: set[int] = set()
        self._running = False

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

    async def _run(self, number: int) -> None:
        self._running = True
        try:
            await self._steps[number].run(Guide(self._stage))
            self._done.add(number)
        finally:
            self._running = False
            self._stage.changes.note()


def _is_card_of(message: Message, upload: Upload) -> bool:
    return any(
        element.get("action_id") == "refresh" and upload.id in str(element.get("value"))
        for block in message.blocks
        if block["type"] == "actions"
        for element in block["elements"]
    )
