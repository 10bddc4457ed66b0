"""Several people over one upload, several places of one person, and watching again."""

from datetime import timedelta

from bot.demo.workspace import CHANNEL
from tests.acceptance.reminder_steps import (
    GIB,
    HOUR,
    KIB,
    MINUTE,
    T0,
    Book,
    at_a_moment,
    follow,
    go_to,
    inbox,
    jump,
    new_upload,
    told,
    watch,
)
from tests.acceptance.steps import NOT_VISIBLE, ask, same_but

FILE = "Launch-Film.mov"


async def test_two_people__watch_one_upload_each_with_their_own_rights() -> None:
    """Vera, the Vault's Admin, sees it too. When her link ends, Alice's numbers stay fresh, and hers are not."""
    async with at_a_moment("alice", "vera") as demo:
        upload = new_upload(demo, "alice", f"launch/{FILE}", 10 * GIB, pace=80 * KIB)
        await watch(demo, "alice", upload, "24h")
        await watch(demo, "vera", upload, "24h 1h")
        await go_to(demo, T0 + 4 * HOUR)
        demo.vault.stall(upload.id)
        await go_to(demo, T0 + 6 * HOUR)
        assert [told(demo, who, -1)[0].partition(",")[0] for who in ("alice", "vera")] == [
            f"{FILE} expires in 66 h: stalled at 10%"
        ] * 2
        demo.vault.revoke_tokens("vera")
        before = {who: len(inbox(demo, who)) for who in ("alice", "vera")}
        await go_to(demo, T0 + 48 * HOUR)
        (alices,) = told(demo, "alice", before["alice"])
        (veras,) = [text for text in told(demo, "vera", before["vera"]) if FILE in text]
        assert alices.startswith(f"{FILE} expires in 24 h: stalled at 10%, no part for 44 h.")
        assert veras.startswith(f"{FILE} expires in 24 h: as of 42 h ago, stalled at 10%")
        assert "Your link to Vault (promomats) has ended" in veras
        assert "link" not in alices.lower()

        # Alice stops hers; Vera's goes on.
        await ask(demo, "alice", f"unwatch {upload.id}", channel="dm")
        before = {who: len(inbox(demo, who)) for who in ("alice", "vera")}
        await go_to(demo, T0 + 71 * HOUR)
        assert told(demo, "alice", before["alice"]) == []
        assert len(told(demo, "vera", before["vera"])) == 1


async def test_another_person__cannot_watch_what_is_not_theirs() -> None:
    """The same words as for what is not there, and nothing is stored."""
    async with at_a_moment("alice", "bob") as demo:
        upload = new_upload(demo, "alice", f"launch/{FILE}", GIB)
        unknown = "0123456789abcdef0123456789abcdef"
        foreign, nothing = await watch(demo, "bob", upload), await watch(demo, "bob", unknown)
        assert foreign.text.startswith(NOT_VISIBLE)
        assert same_but([(foreign, upload.id), (nothing, unknown)])
        assert Book(demo).watches() == []
        assert Book(demo).rows("watch:") == []


async def test_two_places__of_one_person_are_two_watches() -> None:
    async with at_a_moment("alice") as demo:
        upload = new_upload(demo, "alice", f"launch/{FILE}", 10 * GIB, pace=80 * KIB)
        await watch(demo, "alice", upload, "1h dm")
        await watch(demo, "alice", upload, "2h here", channel=CHANNEL)
        listed = await ask(demo, "alice", "watches", channel="dm")
        assert listed.text.startswith("You watch: 2.")
        await go_to(demo, T0 + 69 * HOUR)
        before = len(inbox(demo, "alice")), len(inbox(demo, "alice", channel=CHANNEL))
        await go_to(demo, T0 + 70 * HOUR)
        assert told(demo, "alice", before[0]) == []
        (in_channel,) = told(demo, "alice", before[1], channel=CHANNEL)
        assert in_channel.startswith(f"{FILE} expires in 2 h")
        await go_to(demo, T0 + 71 * HOUR)
        (direct,) = told(demo, "alice", before[0])
        assert direct.startswith(f"{FILE} expires in 1 h")
        assert told(demo, "alice", before[1], channel=CHANNEL) == [in_channel]
        await ask(demo, "alice", f"unwatch {upload.id}", channel="dm")
        assert Book(demo).watches() == []


async def test_watching_again__changes_the_lead_times() -> None:
    async with at_a_moment("alice") as demo:
        upload = new_upload(demo, "alice", f"launch/{FILE}", 10 * GIB)
        await watch(demo, "alice", upload, "24h 4h")
        changed = await watch(demo, "alice", upload, "30m 2h")
        assert changed.text.startswith(f"Changed: I watch {FILE}.")
        assert len(Book(demo).watches()) == 1
        await go_to(demo, T0 + 47 * HOUR)
        before = len(inbox(demo, "alice"))
        await follow(demo, T0 + 71.9 * HOUR)
        assert [text.partition(":")[0] for text in told(demo, "alice", before)] == [
            f"{FILE} expires in 2 h",
            f"{FILE} expires in 30 min",
        ]


async def test_watching_again__with_lead_times_that_are_over() -> None:
    async with at_a_moment("alice") as demo:
        upload = new_upload(demo, "alice", f"launch/{FILE}", 10 * GIB)
        await jump(demo, 71.5 * HOUR)
        answer = await watch(demo, "alice", upload, "24h 10m")
        assert "24 h before it expires is over already." in answer.text
        assert "(in 20 min)" in answer.text
        before = len(inbox(demo, "alice"))
        await follow(demo, T0 + 72 * HOUR + timedelta(minutes=15))
        starts = [text.partition(":")[0] for text in told(demo, "alice", before)]
        assert starts[0] == f"{FILE} expires in 10 min"
        assert starts[1].startswith(f"{FILE} has expired")
        assert len(starts) == 2


async def test_watches__after_the_expiry_nothing_can_be_watched() -> None:
    async with at_a_moment("alice") as demo:
        upload = new_upload(demo, "alice", f"launch/{FILE}", 10 * GIB)
        await jump(demo, 72 * HOUR + MINUTE)
        assert (await watch(demo, "alice", upload)).text.startswith(NOT_VISIBLE)
