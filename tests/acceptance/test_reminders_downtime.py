"""The bot is not there when something falls due: afterwards it says once what matters, and that it is late."""

from tests.acceptance.reminder_steps import (
    GIB,
    HOUR,
    KIB,
    MIB,
    MINUTE,
    T0,
    Book,
    agrees,
    at_a_moment,
    follow,
    go_to,
    inbox,
    jump,
    new_upload,
    settled,
    told,
    transcript,
    watch,
)


async def test_downtime__each_upload_is_told_of_once_afterwards(database_url: str) -> None:
    """Down from before the first lead time until after the last, and again over the expiry."""
    async with at_a_moment("alice", settings={"DATABASE_URL": database_url}) as demo:
        before = len(inbox(demo, "alice"))
        committed = new_upload(demo, "alice", "wave3/Trial-Master-File.zip", 20 * GIB, pace=150 * KIB)
        stalled = new_upload(demo, "alice", "wave3/Safety-Narratives.zip", 7 * GIB, pace=35 * KIB)
        at_the_last = new_upload(demo, "alice", "print/Poster-A0.tif", 5 * GIB, pace=MIB)
        for upload in (committed, stalled, at_the_last):
            await watch(demo, "alice", upload)
        for hours in (0.5, 1.5, 4, 39.5):
            await go_to(demo, T0 + hours * HOUR)

        await demo.bot.kill()
        demo.clock.set(T0 + 45 * HOUR)
        demo.vault.stall(stalled.id)
        demo.vault.commit(committed.id)
        demo.clock.set(T0 + 71.5 * HOUR)
        await demo.bot.start()
        await settled(demo)

        await demo.bot.stop()
        demo.clock.set(T0 + 71.75 * HOUR)
        demo.vault.commit(at_the_last.id)
        demo.clock.set(T0 + 80 * HOUR)
        await demo.bot.start()
        await settled(demo)
        await follow(demo, T0 + 80.5 * HOUR)

        read = inbox(demo, "alice", before)
        for name, upload in (
            ("committed while the bot was down", committed),
            ("expired while the bot was down", stalled),
            ("committed at the last moment while the bot was down", at_the_last),
        ):
            mine = [message for message in read if upload.name in message.text]
            agrees(name.replace(" ", "_"), transcript(demo, "alice", mine, title=name))
        assert Book(demo).watches() == []


async def test_downtime__of_seconds_is_not_called_late() -> None:
    async with at_a_moment("alice") as demo:
        upload = new_upload(demo, "alice", "a/Short.zip", GIB)
        await watch(demo, "alice", upload, "1h")
        await demo.bot.kill()
        demo.clock.set(T0 + 71 * HOUR + MINUTE)
        await demo.bot.start()
        await settled(demo)
        (reminder,) = told(demo, "alice", -1)
        assert reminder.startswith("Short.zip expires in 1 h:")
        assert "late" not in reminder
        await jump(demo, 5 * MINUTE)
        assert told(demo, "alice", -1) == [reminder]
