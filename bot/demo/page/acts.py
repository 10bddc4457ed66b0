"""What the page can do: one entry for each act, and the one place where they are carried out."""

from collections.abc import Awaitable, Callable
from typing import Final

from bot.demo.page import fields
from bot.demo.page.bot_life import BotLife
from bot.demo.page.fields import Body, Refused
from bot.demo.page.people_acts import PeopleActs
from bot.demo.page.slack_acts import SlackActs
from bot.demo.page.stage import Stage
from bot.demo.page.tour import Tour
from bot.demo.page.vault_acts import VaultActs

Act = Callable[[Body], Awaitable[None]]
NOT_FOUND: Final = 404
BOT_ACTS: Final = {
    "start": (BotLife.start, "starts the bot"),
    "stop": (BotLife.stop, "stops the bot (SIGTERM)"),
    "kill": (BotLife.kill, "kills the bot (SIGKILL)"),
}


class Acts:
    """Carries out acts; Refused, with a sentence, for what cannot be done."""

    def __init__(self, stage: Stage) -> None:
        slack, vault, people = SlackActs(stage), VaultActs(stage), PeopleActs(stage)
        self.tour = Tour(stage)
        self._stage = stage
        self._table: dict[str, Act] = {
            "become": slack.become,
            "go": slack.go,
            "type": slack.type,
            "click": slack.click,
            "click_view": slack.click_view,
            "submit": slack.submit,
            "close_modal": slack.close_modal,
            "shortcut": slack.shortcut,
            "message_shortcut": slack.message_shortcut,
            "open_thread": slack.open_thread,
            "close_thread": slack.close_thread,
            "dismiss": self._dismiss,
            "vault_new": vault.new,
            "vault_part": vault.part,
            "vault_run": vault.run,
            "vault_stall": vault.stall,
            "vault_finish": vault.finish,
            "vault_commit": vault.commit,
            "vault_abort": vault.abort,
            "vault_expire": vault.expire,
            "clock": vault.clock,
            "sign_in_way": people.sign_in_way,
            "sign_out": people.sign_out,
            "bot": self._bot,
            "fault": self._fault,
            "drawer": self._drawer,
            "tour": self.tour.act,
        }

    async def do(self, body: Body) -> None:
        """Do one act. What the bot answers to it comes later."""
        name = fields.text(body, "do", longest=40)
        act = self._table.get(name)
        if act is None:
            raise Refused(f"There is no act “{name}”.")
        me = self._stage.viewer.me
        try:
            await act(body)
        except (LookupError, ValueError) as error:
            raise Refused(_sentence(error), NOT_FOUND if isinstance(error, LookupError) else 400) from None
        self.tour.notice(name, body, me)
        self._stage.changes.note()

    async def _dismiss(self, body: Body) -> None:
        self._stage.viewer.dismissed.add(int(fields.number(body, "problem", -1e9, 1e9)))

    async def _bot(self, body: Body) -> None:
        """`bot`: start, stop or kill its process; what comes of it is shown as it comes."""
        life, way = self._stage.bot_life, fields.text(body, "to", longest=40)
        if way not in BOT_ACTS:
            raise Refused("The bot can start, stop or be killed.")
        work, words = BOT_ACTS[way]
        self._stage.note("Bot", words)
        await self._stage.background.start(work(life))

    async def _fault(self, body: Body) -> None:
        self._stage.switches.turn(fields.text(body, "key"), on=fields.flag(body, "on"))

    async def _drawer(self, body: Body) -> None:
        self._stage.viewer.drawer_open = fields.flag(body, "open")


def _sentence(error: Exception) -> str:
    words = str(error.args[0]) if error.args else type(error).__name__
    return f"{words[:1].upper()}{words[1:]}."
