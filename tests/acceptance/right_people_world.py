"""A workspace in which all that anybody is ever shown is kept, and measured against Vault's own rule."""

import json
import secrets
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from bot.demo.slack.delivery import Delivery
from bot.demo.slack.messages import Message
from bot.demo.slack.views import View
from bot.demo.slack.workspace import BOT_USER_ID, Channel
from bot.demo.vault import seed
from bot.demo.vault.uploads import Upload
from bot.demo.workspace import CHANNEL, DemoWorkspace
from tests.acceptance.steps import done_count, until

VAULTS = (seed.PROMOMATS, seed.QUALITY)
ADMIN = "vera"
PRIVATE, WITHOUT_APP = "#migration", "#random"
MIB = 1024 * 1024


@dataclass(frozen=True)
class Marked:
    """An upload whose folder, name and size occur nowhere else."""

    upload: Upload
    vault: str
    folder: str
    name: str
    host: str

    @property
    def id(self) -> str:
        return self.upload.id

    @property
    def marks(self) -> tuple[str, ...]:
        """What tells of it: its folder, its name, its size as it is shown and as Vault has it."""
        return self.folder, self.name, f" of {self.upload.size / MIB:.1f} MB", str(self.upload.size)

    @property
    def address(self) -> str:
        """Where Vault's API has it."""
        return f"http://{self.host}/api/v24.3/services/file_staging/upload/{self.id}"


@dataclass
class Shown:
    """What somebody was shown: a message as it stood at one moment, or a view."""

    what: Message | View
    readers: tuple[str, ...]
    channel: str | None
    """The conversation it stands in for all to read; None where it is for one person."""

    @property
    def text(self) -> str:
        """All that reaches the reader's client, what cannot be seen on the screen too."""
        if isinstance(self.what, View):
            view = self.what
            said: Any = [view.title, view.submit, list(view.blocks), view.private_metadata, dict(view.errors)]
        else:
            one = self.what
            said = [one.text, list(one.blocks), list(one.attachments), dict(one.metadata or {})]
        return json.dumps(said, ensure_ascii=False, default=str)


class World:
    """People, links, uploads, and who could read or was chosen to be shown what."""

    def __init__(self, demo: DemoWorkspace) -> None:
        self.demo = demo
        self.linked: dict[tuple[str, str], str] = {}
        self.could: set[tuple[str, str]] = set()
        """Who could at any time read which upload."""
        self.disclosed: defaultdict[str, set[str]] = defaultdict(set)
        """The conversations in which somebody who could read an upload chose to show it."""
        self.marked: list[Marked] = []
        self.shown: list[Shown] = []
        """All of it, also what was changed or deleted since."""
        logins = demo.vault.domain.logins
        self._tokens = {token.value: token for token in logins.tokens()}
        self._listen()

    def allow_all_tokens(self) -> None:
        """Access tokens that Vault took back serve again."""
        self.demo.vault.domain.logins._tokens.update(self._tokens)

    def begin(self, linked: dict[tuple[str, str], str], owned: Iterable[tuple[str, str]], first: int) -> None:
        """Forget what was, and plant new uploads."""
        self.linked, self.could = dict(linked), set()
        self.disclosed.clear()
        self.shown.clear()
        self.marked = [
            self._plant(owner, vault, first + number) for number, (owner, vault) in enumerate(owned)
        ]
        self.see()

    def end(self) -> None:
        """Take the uploads away."""
        there = {upload.id for upload in self.demo.vault.uploads()}
        for one in self.marked:
            if one.id in there:
                self.demo.vault.abort(one.id)

    # Who may

    def may(self, person: str, one: Marked) -> bool:
        """Vault's rule, for whom the person is linked as."""
        vault_user = self.linked.get((person, one.vault))
        return vault_user is not None and vault_user in (one.upload.owner.key, ADMIN)

    def see(self) -> None:
        """Keep who can read what by now."""
        people = {person for person, _ in self.linked}
        self.could |= {(person, one.id) for person in people for one in self.marked if self.may(person, one)}

    def unlinked(self, person: str) -> None:
        """The person has no links any more."""
        self.linked = {key: user for key, user in self.linked.items() if key[0] != person}

    def ended(self, vault_user: str) -> None:
        """Nobody's link as this user serves any more."""
        self.linked = {key: user for key, user in self.linked.items() if user != vault_user}

    def discloses(self, person: str, place: Channel, *uploads: Marked) -> None:
        """The person chooses to show these in a conversation, as far as they may see them."""
        for one in uploads or self.marked:
            if self.may(person, one):
                self.disclosed[one.id].add(place.id)

    def is_there(self, one: Marked) -> bool:
        """Whether Vault still has it."""
        return one.id in {upload.id for upload in self.demo.vault.uploads()}

    # What happened

    def check(self) -> None:
        """Nothing of Vault's reached anyone whom it should not have reached."""
        for shown in self.shown:
            text = shown.text
            for one in self.marked:
                found = [mark for mark in one.marks if mark in text]
                if one.id in text:
                    found += [
                        name for name in self._owner_of(one) if name in text and self._is_alone(one, text)
                    ]
                if not found or shown.channel in self.disclosed[one.id]:
                    continue
                for reader in shown.readers:
                    may = (reader, one.id) in self.could or (
                        found == [one.name] and self._was_there(reader, one)
                    )
                    whose = f"{one.upload.owner.key}'s in {one.vault}"
                    assert may, f"{reader} was shown {found} of {whose}: {text[:800]}"

    def _was_there(self, reader: str, one: Marked) -> bool:
        """Whether the person is where it was shown: of a watch there they may read again which file it is about."""
        workspace = self.demo.slack.workspace
        places = [workspace.channels[place] for place in self.disclosed[one.id]]
        return any(place.shows_to(workspace.user(reader)) for place in places)

    def _owner_of(self, one: Marked) -> tuple[str, ...]:
        return (str(one.upload.owner.id),)

    def _is_alone(self, one: Marked, text: str) -> bool:
        """Whether no other upload is spoken of, whose owner might be the one named."""
        return not any(
            other.name in text or other.folder in text for other in self.marked if other is not one
        )

    async def step(self, act: Awaitable[Delivery], calls: int = 1) -> Delivery:
        """Let somebody do something, and the bot be done with it."""
        done = done_count(self.demo)
        delivery = await act
        if delivery.refusal is None:
            await until(lambda: done_count(self.demo) >= done + calls, "the bot is done")
        return delivery

    def public(self, person: str, action_id: str) -> list[Message]:
        """The app's messages on a person's screen that others see too, with such a button."""
        return [
            message
            for message in self.demo.slack.seen_by(person)
            if message.author == BOT_USER_ID
            and not message.is_ephemeral
            and f'"action_id": "{action_id}"' in json.dumps(list(message.blocks))
        ]

    def now(self, message: Message) -> Message:
        """A message as it stands now."""
        found = self.demo.slack.message(message.key)
        assert found is not None
        return found

    def newest(self, channel: str) -> Message | None:
        """The last message in a conversation that everybody there sees."""
        found = [
            each for each in self.demo.slack.messages if each.channel == channel and not each.is_ephemeral
        ]
        return found[-1] if found else None

    def place(self, person: str, name: str) -> Channel:
        """A conversation that the person is in; the usual one where they are not in that."""
        workspace = self.demo.slack.workspace
        found, user = workspace.channel(name), workspace.user(person)
        return found if user.id in found.members else workspace.channel(CHANNEL)

    # What is kept

    def _listen(self) -> None:
        board, book = self.demo.slack._board, self.demo.slack._views

        def kept(method: Callable[..., Any], keep: Callable[[Any], None]) -> Callable[..., Any]:
            def wrapped(*arguments: Any, **named: Any) -> Any:
                made = method(*arguments, **named)
                keep(made)
                return made

            return wrapped

        for name in ("post", "edit", "attach"):
            setattr(board, name, kept(getattr(board, name), self._keep_message))
        setattr(book, "_keep", kept(book._keep, self._keep_view))  # noqa: B010

    def _keep_message(self, message: Message) -> None:
        place, users = self.demo.slack.workspace.channels[message.channel], self.demo.slack.workspace.users
        if message.visible_to is not None:
            self.shown.append(Shown(message, (users[message.visible_to].name,), None))
            return
        readers = tuple(user.name for user in users.values() if not user.is_bot and place.shows_to(user))
        self.shown.append(Shown(message, readers, None if place.is_im else place.id))

    def _keep_view(self, view: View) -> None:
        self.shown.append(Shown(view, (self.demo.slack.workspace.users[view.user].name,), None))

    def _plant(self, owner: str, vault: str, number: int) -> Marked:
        folder, name = f"folder-{secrets.token_hex(6)}", f"name-{secrets.token_hex(6)}.bin"
        # No two have the same, and nothing else in the demo has such a size.
        size = (5000 + 3 * number) * MIB // 10 + 1
        made = self.demo.vault.create_upload(
            owner, f"/{folder}/{name}", size, vault=vault, part_size=50 * MIB
        )
        self.demo.vault.send_part(made.id)
        return Marked(made, vault, folder, name, self.demo.vault.vaults[vault].dns)
