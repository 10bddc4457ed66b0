"""What the chosen person does in Slack. The bot's answers arrive on their own, as they do there."""

from collections.abc import Coroutine
from typing import Any

from bot.demo.page import fields
from bot.demo.page.fields import Body, Refused
from bot.demo.page.stage import Stage, place_id
from bot.demo.page.viewer import HOME
from bot.demo.slack.workspace import BOT_USER_ID

MESSAGES_TAB = "messages"


class SlackActs:
    """The acts under the left and the middle of the page."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._viewer = stage.viewer
        self._slack = stage.demo.slack

    async def become(self, body: Body) -> None:
        """`become`: look through another person's eyes."""
        user = self._slack.workspace.user(fields.text(body, "person"))
        if user.is_bot:
            raise Refused("The app is nobody one could be.")
        self._leave()
        self._stage.become(user.name)
        await self._arrive()

    async def go(self, body: Body) -> None:
        """`go`: open a conversation or the app's home."""
        wanted = fields.text(body, "place")
        place = next((one for one in self._stage.places() if place_id(one) == wanted), None)
        if place is None:
            raise Refused(f"{self._stage.me.real_name} does not have this place.", 404)
        if place.is_im:
            self._slack.workspace.open_dm(self._stage.me)
        self._leave()
        self._viewer.go(wanted)
        await self._arrive()

    async def type(self, body: Body) -> None:
        """`type`: a slash command, a mention of the app, or a plain message."""
        text, thread = fields.text(body, "text").strip(), fields.optional_text(body, "thread")
        if not text:
            raise Refused("There is nothing to send.")
        place = self._conversation()
        self._slack.read(self._viewer.me, place)
        where = "a thread" if thread else self._place_name(place)
        self._stage.note("Slack", f"types “{text[:120]}” in {where}")
        await self._start(self._stage.demo.type(self._viewer.me, text, place, thread=thread))

    async def click(self, body: Body) -> None:
        """`click`: use a button, menu or picker of a message."""
        action_id = fields.text(body, "action_id")
        click = self._slack.click(
            user=self._viewer.me,
            message=fields.text(body, "message"),
            action_id=action_id,
            block_id=fields.optional_text(body, "block_id"),
            option=_choice(body),
        )
        await self._start(click, f"uses “{action_id}” of a message")

    async def click_view(self, body: Body) -> None:
        """`click_view`: use an element of the modal or the home."""
        surface, action_id = fields.text(body, "view"), fields.text(body, "action_id")
        if surface not in ("modal", "home"):
            raise Refused("A view is “modal” or “home”.")
        me = self._viewer.me
        view = self._slack.modal(me) if surface == "modal" else self._slack.home(me)
        if view is None:
            raise Refused(f"There is no {surface} on the screen of {self._stage.me.real_name}.", 409)
        click = self._slack.click(
            user=me,
            view=view,
            action_id=action_id,
            block_id=fields.optional_text(body, "block_id"),
            option=_choice(body),
            values=fields.mapping(body, "values"),
        )
        await self._start(click, f"uses “{action_id}” of the {surface}")

    async def submit(self, body: Body) -> None:
        """`submit`: send the modal's form."""
        values = fields.mapping(body, "values")
        await self._start(self._slack.submit_view(self._viewer.me, values), "submits the modal")

    async def close_modal(self, body: Body) -> None:
        """`close_modal`: leave the modal without sending it, and with `everything` those below it too."""
        everything = fields.flag(body, "everything") if "everything" in body else False
        closing = self._slack.close_view(self._viewer.me, everything=everything)
        await self._start(closing, "closes the modal")

    async def shortcut(self, body: Body) -> None:
        """`shortcut`: a global shortcut of the composer's menu."""
        callback_id = fields.text(body, "callback_id")
        await self._start(
            self._slack.shortcut(self._viewer.me, callback_id), f"runs the shortcut “{callback_id}”"
        )

    async def message_shortcut(self, body: Body) -> None:
        """`message_shortcut`: a shortcut of a message's menu."""
        message, callback_id = fields.text(body, "message"), fields.text(body, "callback_id")
        await self._start(
            self._slack.message_shortcut(self._viewer.me, message, callback_id),
            f"runs the shortcut “{callback_id}” on a message",
        )

    async def open_thread(self, body: Body) -> None:
        """`open_thread`: the replies to a message."""
        ts, place = fields.text(body, "ts"), self._conversation()
        if all(message.ts != ts for message in self._slack.seen_by(self._viewer.me, place)):
            raise Refused("This message is not here any more.", 404)
        self._viewer.thread = ts

    async def close_thread(self, _: Body) -> None:
        """`close_thread`"""
        self._viewer.thread = None

    def _conversation(self) -> str:
        if self._viewer.place == HOME:
            raise Refused("Open a conversation first: nobody can write in the app's home.")
        return self._viewer.place

    def _place_name(self, place: str) -> str:
        channel = self._slack.workspace.channel(place)
        return "the app's direct message" if channel.is_im else f"#{channel.name}"

    def _leave(self) -> None:
        if self._viewer.place != HOME:
            self._slack.read(self._viewer.me, self._viewer.place)

    async def _arrive(self) -> None:
        if self._viewer.place == HOME:
            await self._start(self._slack.open_home(self._viewer.me), "opens the app's home")
        else:
            self._slack.read(self._viewer.me, self._viewer.place)
            place = self._slack.workspace.channel(self._viewer.place)
            if place.is_im and BOT_USER_ID in place.members:
                await self._start(self._slack.open_home(self._viewer.me, MESSAGES_TAB))

    async def _start(self, work: Coroutine[Any, Any, Any], what: str | None = None) -> None:
        if what:
            self._stage.note("Slack", what)
        await self._stage.background.start(work)


def _choice(body: Body) -> Any:
    """What was chosen: an option's value, several of them, a date … The page may call it `option` or `value`."""
    return body.get("option", body.get("value"))
