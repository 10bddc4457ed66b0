"""What `demo --once` prints of a conversation, with the real bot between the emulators."""

import asyncio
from datetime import timedelta

from bot.demo.transcript import converse, direct_messages, say_message
from bot.demo.vault import seed
from bot.demo.workspace import demo_person, demo_workspace


async def test_direct_messages__a_reminder_with_its_menu_and_buttons() -> None:
    alice, printed = demo_person("alice"), list[str]()
    async with demo_workspace() as demo:
        await demo.link_once(["alice"])
        known = len(direct_messages(demo, alice))
        await demo.ask("alice", f"watch {seed.CHOLECAP} 1h")
        demo.clock.set(demo.vault.upload(seed.CHOLECAP).expires - timedelta(minutes=59))
        async with asyncio.timeout(60):
            while len(direct_messages(demo, alice)) == known:  # noqa: ASYNC110 - another process tells it
                await asyncio.sleep(0.05)
        say_message(printed.append, direct_messages(demo, alice)[-1], "in a direct message")
    assert printed[0] == "Vault Uploads  (in a direct message)"
    assert "  🟠 Cholecap-Commercial-2021.mp4 expires in " in printed[1]
    assert "  [Snooze]" in printed[1]
    assert "  [Show] [Stop]" in printed[1]


async def test_mention__is_answered_in_its_thread_for_all_and_a_refusal_for_the_asker() -> None:
    printed = list[str]()
    typed = [f"@Vault Uploads {seed.CHOLECAP}", f"@Vault Uploads {seed.BOB_ARCHIVE}"]
    assert await converse(typed, person="alice", say=printed.append) == 0
    card, refusal = "\n".join(printed).split(f"> {typed[1]}")
    assert f"> {typed[0]}" in card
    assert "Vault Uploads  (in the thread)\n  == Cholecap-Commercial-2021.mp4 ==" in card
    assert "  Asked by @Alice Moreau, as they could see it today at " in card
    assert "[Keep this up to date] [Delete]" in card
    assert "Vault Uploads  (in a direct message)\n  No longer active, or not yours" in refusal


async def test_mention__where_the_app_is_not_is_no_answer() -> None:
    printed = list[str]()
    assert await converse(["@Vault Uploads help"], person="alice", say=printed.append, channel="#random") == 1
    assert "they’re not in this channel" in printed[-1]
