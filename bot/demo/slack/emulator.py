"""The emulated Slack as people use it: what a person does, and what a person's screen holds."""

import secrets
from typing import Any

from bot.demo.slack import delivery as deliveries
from bot.demo.slack import payloads
from bot.demo.slack.content import ContentError
from bot.demo.slack.delivery import Delivery, UndeliveredError
from bot.demo.slack.machine import SlackMachine
from bot.demo.slack.messages import Message
from bot.demo.slack.workspace import Channel, User


class SlackEmulator(SlackMachine):
    """A Slack workspace with one installed app: start it, do what a person does, see what a person sees.

    People and channels are named by name or id; the channel "dm" is the person's direct message with the app.
    """

    async def slash(
        self,
        *,
        user: str,
        channel: str = "#trial-uploads",
        text: str = "",
        command: str = "/upload-status",
        in_thread: bool = False,
    ) -> Delivery:
        """Type a slash command; returns when the bot has acked or failed to."""
        person, place = self._standing(user, channel)
        delivery = Delivery(deliveries.SLASH_COMMANDS, self.clock.now(), {}, person.id)
        if in_thread:
            # Slack: docs "Implementing slash commands": developers' commands do not work in threads.
            delivery.refusal = f"{command} is not supported in threads. Sorry!"
            delivery.settled.set()
            self._board.notice(place.id, person.id, delivery.refusal)
            return delivery
        delivery.payload = payloads.slash_command(
            workspace=self.workspace,
            user=person,
            channel=place,
            command=command,
            text=text,
            token=self._credentials.verification_token,
            response_url=self._response_url(delivery, place, person),
            trigger_id=self._trigger_id(),
        )
        await self._deliver(delivery)
        if delivery.ack is not None and delivery.error is None:
            try:
                self._responses.answer_in_ack(delivery, place.id, person.id, delivery.ack.body)
            except ContentError as refusal:
                delivery.error = refusal.error
        if delivery.error is not None:
            self._board.notice(place.id, person.id, f'{command} failed with the error "{delivery.error}"')
        return delivery

    async def click(
        self,
        *,
        user: str,
        message: Message | str,
        action_id: str,
        block_id: str | None = None,
        option: str | None = None,
    ) -> Delivery:
        """Use an element of a message on this person's screen; `option` is the value chosen in a menu."""
        person = self.workspace.user(user)
        key = message if isinstance(message, str) else message.key
        current = self._board.find(key)
        if current is None or not self._board.shows_to(current, person):
            raise LookupError(f"{person.name} sees no message {key}")
        place = self.workspace.channels[current.channel]
        action_ts = f"{self.clock.timestamp():.6f}"
        action = payloads.action_on(current, action_id, block_id=block_id, option=option, action_ts=action_ts)
        delivery = Delivery(deliveries.INTERACTIVE, self.clock.now(), {}, person.id)
        delivery.payload = payloads.block_actions(
            workspace=self.workspace,
            user=person,
            channel=place,
            message=current,
            action=action,
            token=self._credentials.verification_token,
            response_url=self._response_url(delivery, place, person, current.key),
            trigger_id=self._trigger_id(),
        )
        await self._deliver(delivery)
        return delivery

    async def event(self, event: dict[str, Any]) -> Delivery:
        """Tell the bot of an event; returns after the first attempt, `settled` is set after the last."""
        now = self.clock.now()
        payload = payloads.event_callback(
            workspace=self.workspace,
            event=event,
            token=self._credentials.verification_token,
            event_id=f"Ev{secrets.token_hex(8).upper()}",
            event_time=int(now.timestamp()),
        )
        who = event.get("user")
        delivery = Delivery(deliveries.EVENTS_API, now, payload, who if isinstance(who, str) else None)
        await self._events.send(delivery)
        return delivery

    def seen_by(self, user: str, channel: str | None = None) -> list[Message]:
        """What this person's screen holds now, oldest first: no one else's ephemerals or direct messages."""
        person = self.workspace.user(user)
        place = None if channel is None else self.workspace.channel(channel, person).id
        return self._board.seen_by(person, place)

    def message(self, key: str) -> Message | None:
        """A message as it stands now; None if it was deleted."""
        return self._board.find(key)

    @property
    def messages(self) -> list[Message]:
        """Every message there ever was, deleted ones too, oldest first."""
        return self._board.everything()

    async def _deliver(self, delivery: Delivery) -> None:
        try:
            delivery.ack = await self._dispatcher.send(delivery.kind, delivery.payload, delivery.user)
        except UndeliveredError as failure:
            delivery.error, delivery.ack = failure.error, failure.ack
        finally:
            delivery.settled.set()

    def _standing(self, user: str, channel: str) -> tuple[User, Channel]:
        person = self.workspace.user(user)
        place = self.workspace.channel(channel, person)
        if not place.shows_to(person):
            raise LookupError(f"{person.name} cannot open {channel}")
        return person, place
