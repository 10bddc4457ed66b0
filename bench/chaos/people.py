"""People who type and click, one thing after the other each, and link again when their Vault session is dead."""

import asyncio
import random
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx

from bench.chaos.errands import DATABASE_DOWN, MENTION, Errand
from bench.chaos.stage import CHANNEL, Stage, password_of
from bench.chaos.weather import Weather
from bot.demo.bot_process import BotProcess
from bot.demo.slack.delivery import Delivery
from bot.demo.slack.exchanges import FROM_BOT, Exchange
from bot.demo.slack.messages import Message
from bot.demo.workspace import hidden_fields, link_address

PATIENCE = 100.0
"""Seconds until nobody believes in an answer any more: a command's 20, and 60 for a Slack that refuses it."""
AFTER_A_KILL = 25.0
"""Seconds in Socket Mode, where it may be the other replica that has it; else it is known who had it."""
LOOK_EVERY = 0.02
LINK_TRIES = 20
FOR_A_REPEAT = 3.0
"""Seconds that a person whose answer Slack took and hung up on looks at it: as long as the bot may take to repeat it.
Who asks on at once would take the repeated answer for that to their next question."""
KNOWN_ERRANDS = 10
NOTICES = ("I tell you this only once.", "is now linked")
A_MOMENT = 0.5
"""Seconds, where the answer says to try again in a minute: or most commands would meet a database that is down."""
NOT_LINKED = ("has ended", "not linked")
GONE, SERVER_ERROR = 404, 500
ASKED_BY = re.compile(r"<@(\w+)>")

Ask = Callable[[], Awaitable[Delivery]]


class Person:
    """One of many, with a card to click on once there is one."""

    def __init__(self, crowd: "Crowd", slack_id: str, uploads: list[str], by_password: bool) -> None:
        self.slack_id = slack_id
        self.by_password = by_password
        self._crowd, self._stage, self._uploads = crowd, crowd.stage, uploads
        self._card: Message | None = None
        self.errand: Errand | None = None
        self._errands: deque[Errand] = deque(maxlen=KNOWN_ERRANDS)
        self.repeated_at = -PATIENCE
        """When Slack last sent one of their mentions once more."""

    def direct_messages(self) -> list[Message]:
        """What the bot has written them in answer; reminders and notices are not."""
        return [
            message
            for message in self._stage.demo.slack.seen_by(self.slack_id, "dm")
            if message.via == "chat.postMessage"
            and message.metadata is None
            and not any(words in message.text for words in NOTICES)
        ]

    async def link(self) -> None:
        """Link, or link again, by the real page; as often as it takes while things break."""
        for _ in range(LINK_TRIES):
            await self._see_repeat()
            errand = await self._run("link", lambda: self._slash("link"))
            try:
                message = (errand.delivery.answers if errand.delivery else [])[0]
                address = link_address(message)
                async with httpx.AsyncClient(trust_env=False, timeout=25) as browser:
                    page = await browser.get(address)
                    fields = hidden_fields(page.text, "password" if self.by_password else "token")
                    if self.by_password:
                        name = self._stage.demo.vault.users[self.slack_id].user_name
                        fields |= {"username": name, "password": password_of(self.slack_id)}
                    else:
                        fields["token"] = self._stage.demo.vault.access_token(self.slack_id)
                    target = urlsplit(address)
                    done = await browser.post(f"{target.scheme}://{target.netloc}/link", data=fields)
                if done.status_code == httpx.codes.OK:
                    return
            except (IndexError, LookupError, httpx.HTTPError):
                pass
            await asyncio.sleep(0.5)
        raise RuntimeError(f"{self.slack_id} cannot link")

    async def act(self, chance: random.Random) -> None:
        """Do one thing, and wait for what comes of it."""
        await self._see_repeat()
        kind, ask = self._choose(chance)
        errand = await self._run(kind, ask)
        if kind == "card" and errand.delivery and errand.delivery.answers:
            self._card = errand.delivery.answers[0]
        if any(words in errand.text for words in NOT_LINKED):
            await self.link()
        elif DATABASE_DOWN in errand.text:
            await asyncio.sleep(A_MOMENT)

    def _choose(self, chance: random.Random) -> tuple[str, Ask]:
        upload = chance.choice(self._uploads)
        clicks = [name for name in ("refresh", "details", "open_list") if self._has_button(name)]
        drawn = chance.random()
        if clicks and drawn < 0.35:
            name = chance.choice(clicks)
            return name, lambda: self._click(name)
        if drawn < 0.45:
            return MENTION, lambda: self._mention(upload)
        words = {
            "card": upload, "list": "list", "whoami": "whoami", "help": "help", "watch": f"watch {upload} 1h",
            "watches": "watches", "unwatch": f"unwatch {upload}", "nonsense": "lsit",
        }  # fmt: skip
        kind = chance.choices(list(words), [10, 3, 1, 1, 1, 1, 1, 1])[0]
        return kind, lambda: self._slash(words[kind])

    def _has_button(self, name: str) -> bool:
        card = self._stage.demo.slack.message(self._card.key) if self._card else None
        return card is not None and sum(f"'action_id': '{name}'" in str(one) for one in card.blocks) == 1

    async def _slash(self, text: str) -> Delivery:
        return await self._stage.demo.slack.slash(user=self.slack_id, channel=CHANNEL, text=text)

    async def _click(self, name: str) -> Delivery:
        assert self._card is not None
        return await self._stage.demo.slack.click(user=self.slack_id, message=self._card.key, action_id=name)

    async def _mention(self, upload: str) -> Delivery:
        return await self._stage.demo.slack.mention(user=self.slack_id, channel=CHANNEL, text=upload)

    def errand_of(self, delivery: Delivery | None) -> Errand | None:
        """What they asked for by this; by default, what they asked for last."""
        return next((one for one in self._errands if delivery and one.delivery is delivery), self.errand)

    async def _see_repeat(self) -> None:
        before = self.errand
        while (  # noqa: ASYNC110 - the bot tells nobody
            before and before.unheard and time.monotonic() - before.doubtful_since < FOR_A_REPEAT
        ):
            await asyncio.sleep(LOOK_EVERY)

    async def _run(self, kind: str, ask: Ask) -> Errand:
        replica = self._crowd.aim()
        before = self.errand
        errand = self.errand = Errand(
            kind=kind,
            number=len(self._crowd.errands),
            replica=replica,
            pid=replica.pid if replica else 0,
            told_before=len(self.direct_messages()),
            is_near_repeat=time.monotonic() - self.repeated_at < AFTER_A_KILL,
        )
        if before is not None and before.unheard:
            errand.credit, errand.doubtful_since = before.unheard, before.doubtful_since
        self._crowd.errands.append(errand)
        self._errands.append(errand)
        delivery = await ask()
        errand.sent(delivery)
        if kind == MENTION:
            self._crowd.may_come_again(self, errand)
        while not errand.answers and (waited := time.monotonic() - errand.began) < PATIENCE:
            if delivery.error is not None and kind != MENTION:
                break  # Slack has told the person; an event it sends again
            if errand.is_killed and delivery.error is None and (replica or waited > AFTER_A_KILL):
                break
            await asyncio.sleep(LOOK_EVERY)
        if errand.answers:
            errand.seconds = time.monotonic() - errand.began
        return errand


class Crowd:
    """All of them; knows whose call it is that Slack answers."""

    def __init__(self, stage: Stage, weather: Weather, seed: int) -> None:
        self.stage = stage
        self.errands: list[Errand] = []
        self._weather = weather
        self._random = random.Random(seed)  # noqa: S311 - no secret
        self._mentions: deque[tuple[Person, Errand]] = deque(maxlen=50)
        self._repeats: set[asyncio.Task[None]] = set()
        self.people = {
            slack_id: Person(self, slack_id, uploads, by_password=bool(number % 2))
            for number, (slack_id, uploads) in enumerate(stage.people.items())
        }
        stage.demo.slack.on_exchange(self._heard)

    async def link_all(self) -> None:
        """Everybody, before anything breaks."""
        await asyncio.gather(*(one.link() for one in self.people.values()))
        self.errands.clear()

    async def run(self, commands: int) -> None:
        """Let them ask until so many commands and clicks were made."""
        await asyncio.gather(*(self._live(one, commands) for one in self.people.values()))
        for task in self._repeats:
            task.cancel()
        await asyncio.gather(*self._repeats, return_exceptions=True)

    async def _live(self, person: Person, commands: int) -> None:
        while len(self.errands) < commands:
            self._weather.before_a_command()
            if person.by_password and self._random.random() < 0.02:
                self.stage.counts["Vault session dead"] += self.stage.demo.vault.end_sessions(person.slack_id)
            await person.act(self._random)

    def aim(self) -> BotProcess | None:
        """Let Slack send what comes next to a living replica; nothing may be awaited before it is sent."""
        if self.stage.socket_mode:
            return None
        replica = self.stage.next_replica()
        self.stage.demo.slack.request_url = f"{replica.url}/slack/events"
        return replica

    def may_come_again(self, person: Person, errand: Errand) -> None:
        """Slack sends some events twice, and some of those late, after newer ones, and to the other replica."""
        self._mentions.append((person, errand))
        if self._random.random() >= 0.5:
            return
        asked, again = self._random.choice(self._mentions)
        self.stage.counts["event sent again, or again out of order"] += 1
        asked.repeated_at = time.monotonic()
        if asked.errand is not None:
            asked.errand.is_near_repeat = True
            if any(text.startswith(DATABASE_DOWN) for text in again.texts):
                # It was answered, and yet nobody could note that: so it may be answered once more.
                asked.errand.credit += 1
                asked.errand.doubtful_since = time.monotonic()
        assert again.delivery is not None
        task = asyncio.create_task(self.stage.demo.slack.send_again(again.delivery))
        self._repeats.add(task)
        task.add_done_callback(self._repeats.discard)

    @contextmanager
    def cutting(self, pid: int, *, killed: bool) -> Iterator[None]:
        """A replica is killed meanwhile, or a websocket cut: that touches what is under way when it begins, and what is
        begun until it is over. In Socket Mode nobody knows whose errands those are."""
        own = [one.errand for one in self.people.values() if one.errand and one.errand.is_under_way]
        count = len(self.errands)
        yield
        for errand in (*own, *self.errands[count:]):
            if errand.pid in (0, pid):
                errand.is_cut = True
                errand.is_killed |= killed

    def hold_up(self) -> None:
        """What is under way now was held up with the emulators themselves."""
        for person in self.people.values():
            if person.errand is not None:
                person.errand.is_held_up = True

    def _heard(self, exchange: Exchange) -> None:
        if exchange.direction != FROM_BOT:
            return
        whom = exchange.who
        if whom is None and isinstance(exchange.request, dict):
            # A direct message is opened with somebody; what is posted for all to read names who asked.
            named = ASKED_BY.search(f"{exchange.request.get('text')}")
            whom = named[1] if named else exchange.request.get("users")
        person = self.people.get(whom or "")
        errand = person.errand_of(exchange.delivery) if person else None
        if person is None or errand is None:
            return
        if errand is person.errand:
            errand.told = person.direct_messages()[errand.told_before :]
        status = exchange.status
        errand.hear(failed=not isinstance(status, int) or status == GONE or status >= SERVER_ERROR)
