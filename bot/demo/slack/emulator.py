"""The emulated Slack as people use it: what a person does, and what a person's screen holds."""

from collections.abc import Sequence

from bot.demo.slack import actions, forms, payloads
from bot.demo.slack import delivery as deliveries
from bot.demo.slack.administration import Administration
from bot.demo.slack.composer import MENTION, compose
from bot.demo.slack.content import ContentError
from bot.demo.slack.conversations import Conversations
from bot.demo.slack.delivery import Delivery
from bot.demo.slack.forms import Typed
from bot.demo.slack.messages import Message
from bot.demo.slack.response_urls import Source
from bot.demo.slack.surfaces import Surfaces
from bot.demo.slack.views import View
from bot.demo.slack.workspace import BOT_USER_ID, Channel, User


class SlackEmulator(Conversations, Surfaces, Administration):
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
        """Type a slash command; returns when the bot has acked or failed to. `/invite` with the app is Slack's own."""
        person, place = self._standing(user, channel)
        delivery = Delivery(deliveries.SLASH_COMMANDS, self.clock.now(), {}, person.id)
        if command == INVITE and MENTION in compose(text, self.workspace)[0] and not place.is_im:
            self._invite(delivery, person, place)
            return delivery
        if not self.installed or not self.app.has_command(command):
            delivery.refuse(NO_COMMAND.format(command=command))
        elif place.is_im and BOT_USER_ID in place.members and not self.app.takes_messages:
            # Slack: app settings, "Allow users to send Slash commands and messages from the messages tab".
            delivery.refuse("Sending messages to this app has been turned off.")
        elif in_thread:
            # Slack: docs "Implementing slash commands": developers' commands do not work in threads.
            delivery.refuse(f"{command} is not supported in threads. Sorry!")
        if delivery.refusal is not None:
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
            trigger_id=self._triggers.issue(delivery),
        )
        await self._deliver(delivery)
        if delivery.ack is not None and delivery.error is None:
            try:
                self._responses.answer_in_ack(delivery, place.id, person.id, delivery.ack.body)
            except ContentError as refusal:
                delivery.error = refusal.error
                what = f"ack of {command}"
                self._rejections.add(what, refusal, delivery.ack.body, who=person.id, place=place.id)
        if delivery.error is not None:
            self._board.notice(place.id, person.id, f'{command} failed with the error "{delivery.error}"')
        return delivery

    async def click(
        self,
        *,
        user: str,
        action_id: str,
        message: Message | str | None = None,
        view: View | str | None = None,
        block_id: str | None = None,
        option: str | int | Sequence[str] | None = None,
        values: Typed | None = None,
    ) -> Delivery:
        """Use an element of a message or a view on this person's screen.

        `option` is what was chosen or typed: an option's value (several for checkboxes and multi selects), the id
        of a person or channel, a date, a time, a text. `values` is what else stands in a view's form by now.
        """
        if view is not None:
            return await self._click_in_view(
                user=user,
                view=view,
                action_id=action_id,
                block_id=block_id,
                option=option,
                values=values or {},
            )
        if message is None:
            raise TypeError("a click needs a message or a view")
        person = self.workspace.user(user)
        key = message if isinstance(message, str) else message.key
        current = self._seen(person, key)
        place = self.workspace.channels[current.channel]
        cards = [block for one in current.attachments for block in one["blocks"]]
        action = actions.action_on(
            [*current.blocks, *cards],
            action_id,
            block_id=block_id,
            option=option,
            action_ts=self._moment(),
            where=current.key,
        )
        card = actions.card_of(current, action)
        blocks = card["blocks"] if card else current.blocks
        delivery = Delivery(deliveries.INTERACTIVE, self.clock.now(), {}, person.id)
        delivery.payload = payloads.block_actions(
            workspace=self.workspace,
            user=person,
            channel=place,
            message=current,
            card=card,
            action=action,
            state=forms.after_action(forms.initial_state(blocks), action),
            token=self._credentials.verification_token,
            response_url=self._response_url(
                delivery, place, person, Source(current.key, card["id"] if card else None)
            ),
            trigger_id=self._triggers.issue(delivery),
        )
        await self._deliver(delivery)
        return delivery

    def _invite(self, delivery: Delivery, person: User, place: Channel) -> None:
        self.invite_app(place.id)
        delivery.settled.set()
        told = f"{self.app.name} was added to #{place.name} by {person.real_name}."
        delivery.answer(self._board.notice(place.id, person.id, told))

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


INVITE = "/invite"
NO_COMMAND = (
    "{command} is not a valid command. In Slack, all messages that start with the “/” character are interpreted as "
    "commands. If you are trying to send a message and not run a command, try preceding the “/” with an empty space."
)
