"""The demo workspace: an emulated Slack, an emulated Vault, and the real bot between them."""

import asyncio
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bot.demo.bot_process import BotProcess
from bot.demo.clock import DemoClock
from bot.demo.slack import SlackEmulator, Workspace
from bot.demo.slack.messages import Message
from bot.demo.transcript import as_text
from bot.demo.vault import Domain, VaultEmulator, seed
from bot.store.seal import new_key

LINKED = ("alice", "bob", "vera")
CHANNEL = "#trial-uploads"
SCRIPT = ("help", "list", seed.CHOLECAP, "whoami")


@dataclass(kw_only=True)
class DemoWorkspace:
    """Everything that runs, and the ways to play with it."""

    clock: DemoClock
    slack: SlackEmulator
    vault: VaultEmulator
    bot: BotProcess
    folder: Path
    settings: Mapping[str, str] = field(repr=False)

    async def ask(self, person: str, text: str, channel: str = CHANNEL) -> Message:
        """Type `/upload-status TEXT` as that person and return the answer; TimeoutError when none comes."""
        delivery = await self.slack.slash(user=person, channel=channel, text=text)
        return await delivery.answered(timeout=25)

    async def click(self, person: str, message: Message, action_id: str) -> Message:
        """Press a button of a message and return what it answers."""
        delivery = await self.slack.click(user=person, message=message, action_id=action_id)
        return await delivery.answered(timeout=25)

    async def link(self, person: str, vault: str | None = None) -> None:
        """Link a demo person's account through the bot's real page, as they would in a browser."""
        asked = await self.ask(person, f"link {vault or ''}".strip())
        user = self.vault.users[person]
        async with httpx.AsyncClient(trust_env=False, timeout=20) as browser:
            page = await browser.get(link_address(asked))
            fields = hidden_fields(page.text, "password")
            fields |= {"username": user.user_name, "password": seed.PASSWORDS[person]}
            if vault and "<select" in page.text:
                fields["vault"] = vault
            done = await browser.post(self.bot.url + "/link", data=fields)
        if done.status_code != 200:
            raise RuntimeError(f"linking {person} failed with status {done.status_code}")


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

    `settings` add to or replace the bot's; `keep` is a folder to use instead, which then stays.
    """
    async with AsyncExitStack() as stack:
        folder = keep or Path(tempfile.mkdtemp(prefix="vault-uploads-demo-"))
        folder.mkdir(parents=True, exist_ok=True)
        if keep is None:
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
        clock = DemoClock(folder / "clock.json")
        slack = SlackEmulator(clock=clock, workspace=Workspace.seeded())
        vault = VaultEmulator(clock=clock, domain=Domain.seeded(clock.now()))
        await slack.start()
        stack.push_async_callback(slack.stop)
        await vault.start()
        stack.push_async_callback(vault.stop)
        chosen = {**_settings(slack, vault, folder, socket_mode=socket_mode), **(settings or {})}
        bot = BotProcess(chosen, folder)
        slack.request_url = None if socket_mode else f"{bot.url}/slack/events"
        stack.push_async_callback(bot.stop)
        if start_bot:
            await bot.start()
        yield DemoWorkspace(clock=clock, slack=slack, vault=vault, bot=bot, folder=folder, settings=chosen)


def _settings(
    slack: SlackEmulator, vault: VaultEmulator, folder: Path, *, socket_mode: bool
) -> dict[str, str]:
    way_in = (
        {"SLACK_APP_TOKEN": slack.app_token}
        if socket_mode
        else {"SLACK_SIGNING_SECRET": slack.signing_secret}
    )
    return {
        **way_in,
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_API_URL": slack.api_url,
        "VAULTS": ",".join(f"{name}={one.url}" for name, one in vault.vaults.items()),
        "DATABASE_URL": f"sqlite:///{folder / 'bot.db'}",
        "ENCRYPTION_KEYS": new_key(),
        "DEMO_CLOCK_FILE": str(folder / "clock.json"),
        "LOG_FORMAT": "json",
    }


async def converse(typed: Sequence[str], *, person: str, say: Callable[[str], None]) -> int:
    """Print a conversation: what the person types and what they read. Returns 0 when all was answered, else 1."""
    people = Workspace.seeded().users.values()
    if person not in (one.name for one in people):
        say(f"There is no “{person}” in the demo; try alice, bob, vera, nils or gina.")
        return 2
    async with demo_workspace() as demo:
        if person in LINKED:
            await demo.link(person)
        who = demo.slack.workspace.user(person)
        for text in typed or SCRIPT:
            words = text.removeprefix("/upload-status").strip()
            say(f"\n{who.real_name} in {CHANNEL}\n> /upload-status {words}".rstrip() + "\n")
            try:
                answer = await demo.ask(person, words)
            except TimeoutError as silence:
                say(f"  no answer: {silence}")
                return 1
            seen_by = f"  (only visible to {who.real_name.split()[0]})" if answer.is_ephemeral else ""
            say(f"Vault Uploads{seen_by}")
            say("\n".join(f"  {line}" for line in as_text(answer.text, answer.blocks).splitlines()))
    if not typed:
        say(
            "\nThat was a real bot process between an emulated Slack and an emulated Vault. Your turn:\n"
            "  make demo ARGS=\"--once '/upload-status list'\"\n"
            f"  make demo ARGS=\"--as bob --once '/upload-status {seed.CHOLECAP}'\"   (not Bob's: he is told nothing)"
        )
    await asyncio.sleep(0)
    return 0
