"""What people say and read in conversations, and what stands in their sidebar."""

from contextlib import suppress

from bot.demo.slack import payloads
from bot.demo.slack.composer import MENTION, compose
from bot.demo.slack.delivery import EVENTS_API, Delivery, UndeliveredError
from bot.demo.slack.machine import SlackMachine
from bot.demo.slack.messages import Block, Message
from bot.demo.slack.workspace import BOT_USER_ID, Channel, User


class Conversations(SlackMachine):
    """People's words. A thread is named by any of its messages: a `Message`, its key or its ts."""

    async def say(self, user: str, channel: str, text: str, thread: Message | str | None = None) -> Message:
        """Post a person's message.

        Slack tells the bot nothing of it, as it holds no message scope, unless the text names the app
        (`@Vault Uploads`): then it is a mention. And of links to the app's domains it is told wherever they are.
        LookupError where the person cannot write.
        """
        person, place = self._standing(user, channel)
        message = self._post(person, place, text, thread)
        await self._share_links(person, place, message)
        if MENTION in message.text:
            await self._mention(person, place, message)
        return message

    async def mention(
        self, *, user: str, channel: str, text: str = "", in_thread_of: Message | str | None = None
    ) -> Delivery:
        """Name the app in a message of that text; `message` of the delivery is what was posted.

        The bot hears of it where it is a member and if it is subscribed to app_mention; `answered()` waits for
        what it posts into the thread.
        """
        person, place = self._standing(user, channel)
        names_it = MENTION in compose(text, self.workspace)[0]
        message = self._post(person, place, text if names_it else f"{MENTION} {text}".strip(), in_thread_of)
        await self._share_links(person, place, message)
        return await self._mention(person, place, message)

    async def send_again(self, delivery: Delivery) -> None:
        """Deliver an event once more that the bot has acknowledged: its ack was lost on the way to Slack, say.

        Slack: docs "The Events API": with the same event_id, and headers that tell of the retry. Nothing is kept of
        what comes of it.
        """
        with suppress(UndeliveredError):
            await self._dispatcher.send(delivery.kind, delivery.payload, delivery.user, (1, "http_timeout"))

    async def draft(self, user: str, text: str) -> Delivery:
        """Have this in the composer, not posted yet: for links to its domains the app is asked for a preview."""
        person = self.workspace.user(user)
        delivery = Delivery(EVENTS_API, self.clock.now(), {}, person.id)
        offer = self._unfurls.offer(compose(text, self.workspace)[1])
        if offer is None:
            delivery.refuse("there is no link to one of the app's domains")
        else:
            await self._tell(delivery, payloads.link_drafted(person, offer, self._moment()))
        return delivery

    @property
    def previews(self) -> dict[str, dict[str, Block]]:
        """What the app showed of links that are being written, by unfurl_id and address; their author alone sees it."""
        return self._unfurls.previews

    def read(self, user: str, channel: str) -> None:
        """The person has read everything that stands there now."""
        self._reads.read(*self._standing(user, channel))

    def unread(self, user: str) -> dict[str, int]:
        """How many messages of others this person has not read, by conversation; only where there are any."""
        person = self.workspace.user(user)
        counts = {
            place.id: self._reads.unread(person, place) for place in self.places(user) if not place.is_home
        }
        return {place: count for place, count in counts.items() if count}

    def places(self, user: str) -> list[Channel]:
        """What stands in a person's sidebar: their channels, their direct message with the app, its Home tab.

        The last two only if the app has these tabs. In Slack the Home tab is a tab of the direct message; here it
        is an entry of its own, with `is_home` set, and no conversation.
        """
        person = self.workspace.user(user)
        channels = [
            channel
            for channel in self.workspace.channels.values()
            if person.id in channel.members and not channel.is_im and not channel.is_archived
        ]
        channels.sort(key=lambda channel: channel.name)
        if self.app.messages_tab:
            channels.append(self.workspace.dm_of(person))
        if self.app.home_tab:
            channels.append(Channel(f"H{person.id[1:]}", self.app.name, {person.id}, is_home=True))
        return channels

    async def _mention(self, person: User, place: Channel, message: Message) -> Delivery:
        delivery = Delivery(EVENTS_API, self.clock.now(), {}, person.id, message=message)
        if place.is_im:
            # Slack: reference "app_mention": not sent in direct messages, where message.im is the event.
            delivery.refuse("in a direct message Slack tells the app nothing of mentions")
        elif BOT_USER_ID not in place.members:
            delivery.refuse(f"You mentioned @{self.app.name}, but they’re not in this channel.")
            self._board.notice(place.id, person.id, str(delivery.refusal))
        else:
            self._mentions.expect(delivery, place.id, message.thread_ts or message.ts)
            await self._tell(delivery, payloads.app_mention(person, message))
        return delivery

    async def _share_links(self, person: User, place: Channel, message: Message) -> None:
        offer = self._unfurls.offer(message.blocks, message)
        if offer is not None:
            is_member = BOT_USER_ID in place.members
            delivery = Delivery(EVENTS_API, self.clock.now(), {}, person.id, message=message)
            await self._tell(delivery, payloads.link_shared(person, message, offer, is_member=is_member))

    def _post(self, person: User, place: Channel, typed: str, thread: Message | str | None) -> Message:
        if place.is_im and not self.app.takes_messages:
            raise LookupError("Sending messages to this app has been turned off.")
        if place.is_archived:
            raise LookupError(f"{place.name} is archived")
        text, blocks = compose(typed, self.workspace)
        return self._board.post(
            channel=place.id,
            text=text,
            blocks=blocks,
            author=person.id,
            thread_ts=None if thread is None else self._root_of(person, place, thread),
            via="person",
        )

    def _root_of(self, person: User, place: Channel, thread: Message | str) -> str:
        """The ts of the message that the thread hangs on."""
        key = thread.key if isinstance(thread, Message) else thread
        found = self._seen(person, key if ":" in key else f"{place.id}:{key}")
        if found.channel != place.id or found.is_ephemeral:
            raise LookupError(f"no thread in {place.name} hangs on {key}")
        return found.thread_ts or found.ts
