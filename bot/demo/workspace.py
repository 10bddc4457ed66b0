"""The demo workspace: an emulated Slack, emulated Vaults, their company's sign-in, and the real bot between them."""

import fcntl
import json
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx

from bot.demo.bot_process import BotProcess
from bot.demo.clock import DemoClock
from bot.demo.company import company_sign_in, make_known, walk_through_sign_in
from bot.demo.idp import IdpEmulator
from bot.demo.serving import reserved_port
from bot.demo.settings import bot_settings, manifest
from bot.demo.slack import Delivery, SlackEmulator, User, Workspace
from bot.demo.slack.composer import MENTION, compose
from bot.demo.slack.messages import Message
from bot.demo.vault import Domain, VaultEmulator, seed

LINKED = ("alice", "bob", "vera")
CHANNEL = "#trial-uploads"
ANSWER_SECONDS = 25.0
LOG_MOST = 5000


class DemoCannotStart(Exception):
    """A sentence for who started it."""


class UnknownName(DemoCannotStart):
    """Nobody, or no channel, is called so."""


@dataclass(kw_only=True)
class Kept:
    """What the next start in the same folder goes on with, beside the database and its key."""

    vault_ports: list[int] = field(default_factory=list)
    """Links are to a Vault's address, so it must stay the same."""
    linked: list[str] = field(default_factory=list)
    """Whom the demo has linked: not again, since they may have unlinked."""

    @classmethod
    def read(cls, folder: Path) -> "Kept":
        """As the last demo in this folder left it; nothing in a new one."""
        with suppress(OSError, ValueError, TypeError):
            return cls(**json.loads((folder / "demo.json").read_text("utf-8")))
        return cls()

    def write(self, folder: Path) -> None:
        """For the next demo in this folder."""
        (folder / "demo.json").write_text(json.dumps(asdict(self)), "utf-8")


@dataclass(kw_only=True)
class DemoWorkspace:
    """Everything that runs, and the ways to play with it."""

    clock: DemoClock
    slack: SlackEmulator
    vault: VaultEmulator
    idp: IdpEmulator
    bot: BotProcess
    folder: Path
    settings: Mapping[str, str] = field(repr=False)
    socket_mode: bool = False
    kept: Kept = field(default_factory=Kept)

    async def ask(self, person: str, text: str, channel: str = CHANNEL) -> Message:
        """Type `/upload-status TEXT` as that person and return the answer; TimeoutError when none comes."""
        delivery = await self.slack.slash(user=person, channel=channel, text=text)
        return await delivery.answered(timeout=ANSWER_SECONDS)

    async def type(
        self, person: str, text: str, channel: str = CHANNEL, thread: str | None = None
    ) -> Delivery | None:
        """Type into the composer: a slash command, a mention of the app, or a message that nobody answers."""
        if text.startswith("/"):
            command, _, words = text.partition(" ")
            return await self.slack.slash(
                user=person,
                channel=channel,
                command=command,
                text=words.strip(),
                in_thread=thread is not None,
            )
        if MENTION in compose(text, self.slack.workspace)[0]:
            return await self.slack.mention(user=person, channel=channel, text=text, in_thread_of=thread)
        await self.slack.say(person, channel, text, thread)
        return None

    async def click(self, person: str, message: Message, action_id: str) -> Message:
        """Press a button of a message and return what it answers."""
        delivery = await self.slack.click(user=person, message=message, action_id=action_id)
        return await delivery.answered(timeout=ANSWER_SECONDS)

    async def link(
        self, person: str, vault: str | None = None, *, method: str = "password", channel: str = CHANNEL
    ) -> None:
        """Link a demo person's account through the bot's real page, as they would in a browser.

        By `token` the link outlives jumps of the clock and a restart; Vault sessions die within 48 hours, and by
        `oidc` are renewed for as long as the company's sign-in allows it.
        """
        asked = await self.ask(person, f"link {vault or ''}".strip(), channel)
        user = self.vault.users[person]
        async with httpx.AsyncClient(trust_env=False, timeout=20) as browser:
            page = await browser.get(link_address(asked))
            if method == "oidc":
                done = await walk_through_sign_in(browser, page, person, vault)
            else:
                fields = hidden_fields(page.text, method)
                if method == "token":
                    fields["token"] = self.vault.access_token(person, vault or seed.PROMOMATS)
                else:
                    fields |= {"username": user.user_name, "password": seed.PASSWORDS[person]}
                if vault and "<select" in page.text:
                    fields["vault"] = vault
                done = await browser.post(self.bot.url + "/link", data=fields)
        if done.status_code != 200:
            raise DemoCannotStart(f"Linking {person} failed with status {done.status_code}.")

    async def link_once(self, people: Iterable[str]) -> None:
        """Link these people by token, in their direct messages, unless this folder's demo has done it before."""
        for person in people:
            if person not in self.kept.linked:
                try:
                    await self.link(person, method="token", channel="dm")
                except (TimeoutError, LookupError, httpx.HTTPError) as error:
                    raise DemoCannotStart(
                        f"Linking {person} failed: {error}\n{self.bot.log_text()[-2000:]}"
                    ) from error
                self.kept.linked.append(person)
        self.kept.write(self.folder)


def link_address(message: Message) -> str:
    """Return the address behind the link button of a message."""
    for block in message.blocks:
        for element in block.get("elements", []):
            if element.get("action_id") == "link" and element.get("url"):
                return str(element["url"])
    raise LookupError("the message has no link button")


def hidden_fields(page: str, method: str) -> dict[str, str]:
    """Return the hidden fields of the page's form for one method."""
    for form in re.findall(r"<form.*?</form>", page, re.DOTALL):
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form))
        if fields.get("method") == method:
            return fields
    raise LookupError(f"the page has no form for {method}")


@asynccontextmanager
async def demo_workspace(
    *,
    socket_mode: bool = False,
    settings: Mapping[str, str] | None = None,
    keep: Path | None = None,
    start_bot: bool = True,
) -> AsyncIterator[DemoWorkspace]:
    """Start everything in a temporary folder of its own and yield it; leave nothing behind.

    `settings` add to or replace the bot's; `keep` is a folder to use instead, which then stays. DemoCannotStart
    when that folder cannot be used, BotDidNotStart when the bot does not come up.
    """
    async with AsyncExitStack() as stack:
        folder = _folder(keep, stack)
        clock = _clock(folder)
        kept = Kept.read(folder)
        port = stack.enter_context(reserved_port())
        slack = SlackEmulator(
            clock=clock,
            workspace=Workspace.seeded(),
            log_most=LOG_MOST,
            manifest=manifest(None if socket_mode else f"http://127.0.0.1:{port}"),
        )
        vault = VaultEmulator(clock=clock, domain=Domain.seeded(clock.now()))
        idp = company_sign_in(clock, vault)
        for emulator in (slack, vault, idp):
            stack.push_async_callback(emulator.stop)
        await slack.start()
        await idp.start()
        await vault.start(kept.vault_ports[: len(vault.vaults)])
        ports = [int(one.dns.rpartition(":")[2]) for one in vault.vaults.values()]
        if ports != kept.vault_ports:
            kept = Kept(vault_ports=ports)
        chosen = {**bot_settings(slack, vault, idp, folder, socket_mode=socket_mode), **(settings or {})}
        bot = BotProcess(chosen, folder, port)
        make_known(idp, vault, chosen.get("PUBLIC_URL", bot.url))
        slack.request_url = None if socket_mode else f"{bot.url}/slack/events"
        stack.push_async_callback(bot.stop)
        if start_bot:
            await bot.start()
        yield DemoWorkspace(
            clock=clock,
            slack=slack,
            vault=vault,
            idp=idp,
            bot=bot,
            folder=folder,
            settings=chosen,
            socket_mode=socket_mode,
            kept=kept,
        )


def _folder(keep: Path | None, stack: AsyncExitStack) -> Path:
    """A folder for this demo alone; a temporary one is removed when the stack is closed."""
    if keep is None:
        folder = Path(tempfile.mkdtemp(prefix="vault-uploads-demo-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        return folder
    try:
        folder = keep.resolve()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = stack.enter_context((folder / "demo.lock").open("w"))
    except OSError as error:
        raise DemoCannotStart(f"The folder {keep} cannot be used: {error.strerror}.") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise DemoCannotStart(f"Another demo is running in the folder {keep}.") from None
    return folder


def _clock(folder: Path) -> DemoClock:
    """A clock that does not fall behind what a kept folder has already seen."""
    path, before = folder / "clock.json", 0.0
    with suppress(OSError, ValueError, KeyError, TypeError):
        before = float(json.loads(path.read_text("utf-8"))["demo"])
    clock = DemoClock(path)
    if before > clock.timestamp():
        clock.set(datetime.fromtimestamp(before, UTC))
    return clock


def demo_person(name: str) -> User:
    """One of the demo's people; UnknownName."""
    people = {user.name: user for user in Workspace.seeded().users.values() if not user.is_bot}
    if name not in people:
        raise UnknownName(f"There is no “{name}” in the demo; try {', '.join(people)}.")
    return people[name]
