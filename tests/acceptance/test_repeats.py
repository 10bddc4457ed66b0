"""Mentions that Slack sends again: answered once, and left to Slack while nobody can tell whether they were."""

from datetime import timedelta

from bot.demo.slack.delivery import Delivery
from bot.demo.slack.exchanges import TO_BOT
from bot.demo.vault import seed
from bot.demo.workspace import CHANNEL, DemoWorkspace
from tests.acceptance.steps import done_count, until, workspace
from tests.postgres import PostgresServer

AWAY = "database cannot be used"


async def sent_again(demo: DemoWorkspace, delivery: Delivery) -> int | str:
    """Let Slack send the mention again, a second later; return the status of the bot's ack."""
    demo.clock.advance(timedelta(seconds=1))
    await demo.slack.send_again(delivery)
    return next(one.status for one in reversed(demo.slack.log) if one.direction == TO_BOT)


async def test_mention__repeated_while_the_database_is_away(postgres_server: PostgresServer) -> None:
    """Alice is told once that the database is away, and not again."""
    with postgres_server.database() as url:
        context = workspace("alice", settings={"DATABASE_URL": url})
        demo = await context.__aenter__()
    try:

        def told() -> int:
            return sum(AWAY in message.text for message in demo.slack.seen_by("alice", "dm"))

        before = done_count(demo)
        delivery = await demo.slack.mention(user="alice", channel=CHANNEL, text=seed.CHOLECAP)
        await until(lambda: done_count(demo) > before, "the bot is done")
        assert told() == 1
        assert await sent_again(demo, delivery) == 503
        assert done_count(demo) == before + 1
        assert told() == 1
    finally:
        await context.__aexit__(None, None, None)


async def test_mention__repeated_after_it_was_answered() -> None:
    """Acknowledged, and nothing more."""
    async with workspace("alice") as demo:
        before = done_count(demo)
        delivery = await demo.slack.mention(user="alice", channel=CHANNEL, text=seed.CHOLECAP)
        await delivery.answered(timeout=25)
        await until(lambda: done_count(demo) > before, "the bot is done")
        assert await sent_again(demo, delivery) == 200
        assert done_count(demo) == before + 1
        assert len(delivery.answers) == 1
