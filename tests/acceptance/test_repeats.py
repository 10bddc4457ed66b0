"""Mentions that Slack sends again: answered once; and kept by Slack while nobody can tell whether they were answered."""

from bot.demo.slack.exchanges import TO_BOT
from bot.demo.vault import seed
from bot.demo.workspace import CHANNEL, DemoWorkspace
from tests.acceptance.steps import done_count, until, workspace
from tests.postgres import PostgresServer

AWAY = "database cannot be used"


def last_ack(demo: DemoWorkspace) -> int | str:
    """The status that the bot's last ack had."""
    return next(one.status for one in reversed(demo.slack.log) if one.direction == TO_BOT)


async def test_mention__repeated_while_the_database_is_away(postgres_server: PostgresServer) -> None:
    """Alice is told once that the database is away, and not again."""
    with postgres_server.database() as url:
        context = workspace("alice", settings={"DATABASE_URL": url})
        demo = await context.__aenter__()
    try:

        def told() -> int:
            return sum(AWAY in message.text for message in demo.slack.seen_by("alice", "dm"))

        delivery = await demo.slack.mention(user="alice", channel=CHANNEL, text=seed.CHOLECAP)
        await until(lambda: told() == 1, "Alice is told")
        done = done_count(demo)
        await demo.slack.send_again(delivery)
        assert last_ack(demo) == 503
        assert done_count(demo) == done
        assert told() == 1
    finally:
        await context.__aexit__(None, None, None)


async def test_mention__repeated_after_it_was_answered() -> None:
    """Acknowledged, and nothing more."""
    async with workspace("alice") as demo:
        delivery = await demo.slack.mention(user="alice", channel=CHANNEL, text=seed.CHOLECAP)
        await delivery.answered(timeout=25)
        await until(lambda: done_count(demo) > 0, "the bot is done")
        done = done_count(demo)
        await demo.slack.send_again(delivery)
        assert last_ack(demo) == 200
        assert done_count(demo) == done
        assert len(delivery.answers) == 1
