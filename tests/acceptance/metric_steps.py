"""A running bot's /metrics, read as Prometheus does; and a bot to which everything has happened once."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import httpx
from prometheus_client.parser import text_string_to_metric_families

from bot.demo.slack import faults as slack_faults
from bot.demo.vault import seed
from bot.demo.vault.faults import Status
from bot.demo.workspace import DemoWorkspace
from tests.acceptance.reminder_steps import GIB, HOUR, T0, at_a_moment, new_upload, settled, watch
from tests.acceptance.steps import ask, click, deliver, event_payload, log_lines, until

Counts = Mapping[str, float]


async def page_of(demo: DemoWorkspace) -> str:
    """The page as a scraper gets it."""
    async with httpx.AsyncClient(trust_env=False, timeout=20) as scraper:
        answer = await scraper.get(f"{demo.bot.url}/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return answer.text


def counts_of(page: str) -> Counts:
    """Each sample by its name, without the prefix, and its labels; buckets are left out."""
    return {
        " ".join(
            [one.name.removeprefix("vault_uploads_")]
            + [f"{name}={value}" for name, value in sorted(one.labels.items())]
        ): one.value
        for family in text_string_to_metric_families(page)
        for one in family.samples
        if not one.name.endswith("_bucket")
    }


async def counted(demo: DemoWorkspace, is_there: Callable[[Counts], bool], what: str) -> Counts:
    """The counts, once they are so; the page is drawn anew each second."""
    try:
        async with asyncio.timeout(30):
            while not is_there(found := counts_of(await page_of(demo))):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"never counted: {what}\n{found}") from None
    return found


async def grown(demo: DemoWorkspace, before: Counts, wanted: Counts) -> Counts:
    """Wait until these have grown by just so much, and return the counts."""

    def is_there(found: Counts) -> bool:
        return all(found.get(name, 0) - before.get(name, 0) == by for name, by in wanted.items())

    return await counted(demo, is_there, str(wanted))


def dealt_with(demo: DemoWorkspace) -> int:
    """How many events the bot has seen through, by its own log."""
    return sum(line["event"] == "event dealt with" for line in log_lines(demo))


@asynccontextmanager
async def eventful(settings: Mapping[str, str] | None = None) -> AsyncIterator[DemoWorkspace]:
    """A bot that was down when a reminder fell due, answered, failed, was refused and was asked to wait."""
    async with at_a_moment("alice", settings=settings) as demo:
        upload = new_upload(demo, "alice", "a/Short.zip", GIB)
        await watch(demo, "alice", upload, "1h")
        await demo.bot.kill()
        demo.clock.set(T0 + 71.5 * HOUR)
        await demo.bot.start()
        await settled(demo)

        card = await ask(demo, "alice", upload.id)
        await click(demo, "alice", card, "refresh")
        await ask(demo, "alice", "list")
        await ask(demo, "bob", "list")
        await ask(demo, "alice", "fetch me a coffee")
        demo.vault.faults.add(Status(503), times=None)
        await ask(demo, "alice", upload.id)
        demo.vault.faults.clear()
        demo.slack.faults.add("response_url", slack_faults.RateLimited(1))
        await ask(demo, "alice", "whoami")
        demo.slack.faults.add("chat.unfurl", slack_faults.ApiError("cannot_unfurl_url"))
        done = dealt_with(demo)
        link = f"{demo.vault.vaults[seed.PROMOMATS].url}/api/v24.3/services/file_staging/upload/{upload.id}"
        await demo.slack.say("alice", "#trial-uploads", link)
        await until(lambda: dealt_with(demo) > done, "the bot has drawn a card below the link")
        await deliver(demo, "events", event_payload(demo, {"type": "user_change", "user": {"id": "U0ALICE"}}))
        yield demo
