"""The steps of the tour. A further one is one more `Step` in `STEPS`: what to say, how it does itself, and which act
of a person is it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from bot.demo.page.fields import Body
from bot.demo.page.tour_guide import Guide
from bot.demo.page.viewer import HOME
from bot.demo.vault import seed

HOUR = timedelta(hours=1)
LEAD, LEAD_WORDS = timedelta(minutes=45), "45m"
DOWN_UNTIL = timedelta(minutes=30)
"""Before the expiry: the reminder that fell due while the bot was down is late then, and still of use."""
SIGNED_IN: Final = "signed_in"
"""What a person does at the company's sign-in, told to the tour like an act of the page."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing to try."""

    title: str
    text: str
    run: Callable[[Guide], Awaitable[None]]
    is_done_by: Callable[[str, Body, str], bool]
    """Whether this act, with these fields, done as this person, is the step."""
    action: str = "Do it for me"


async def _ask_as_alice(guide: Guide) -> None:
    await guide.become("alice")
    await guide.ask(guide.upload().id)


async def _ask_as_bob(guide: Guide) -> None:
    await guide.become("bob")
    await guide.ask(guide.upload().id)


async def _see_all(guide: Guide) -> None:
    await guide.become("alice")
    await guide.ask("list")
    await guide.open_my_uploads()


async def _more_bytes(guide: Guide) -> None:
    await guide.become("alice")
    upload = guide.upload()
    guide.send_parts(upload)
    await guide.press_refresh(upload)


async def _link_nils(guide: Guide) -> None:
    await guide.become("nils")
    await guide.ask("link")


async def _second_vault(guide: Guide) -> None:
    await guide.become("alice")
    await guide.link_by_sign_in(seed.QUALITY)
    await guide.ask("list")


async def _ask_in_thread(guide: Guide) -> None:
    await guide.become("alice")
    await guide.mention_in_thread("How far is the film?", guide.upload().id)


async def _check_message(guide: Guide) -> None:
    await guide.become("alice")
    await guide.check_message(f"For the launch: {guide.upload().id} is yours, {seed.BOB_ARCHIVE} is mine.")


async def _share_live(guide: Guide) -> None:
    await guide.become("alice")
    await guide.share_live(guide.moving_upload())


async def _details(guide: Guide) -> None:
    await guide.become("alice")
    await guide.open_details(guide.moving_upload())


async def _home(guide: Guide) -> None:
    await guide.become("alice")
    await guide.open_home()


async def _link_to_upload(guide: Guide) -> None:
    await guide.become("alice")
    await guide.check_link(guide.upload())


async def _watch(guide: Guide) -> None:
    await guide.become("alice")
    upload = guide.upload(HOUR)
    await guide.ask(f"watch {upload.id} {LEAD_WORDS}")
    guide.jump_before_expiry(upload, HOUR)
    await guide.ask(upload.id)


async def _late_reminder(guide: Guide) -> None:
    await guide.become("alice")
    upload = guide.upload(LEAD)
    await guide.ask(f"watch {upload.id} {LEAD_WORDS}")
    guide.jump_before_expiry(upload, HOUR)
    guide.open_direct_messages()
    known = guide.shown()
    await guide.kill_bot()
    guide.jump_before_expiry(upload, DOWN_UNTIL)
    await guide.start_bot()
    await guide.told("This reminder is late", known)


def _typed(person: str, words: str) -> Callable[[str, Body, str], bool]:
    def is_it(act: str, body: Body, me: str) -> bool:
        text = str(body.get("text", ""))
        return act == "type" and me == person and text.startswith("/") and words in text

    return is_it


def _pressed(action_id: str) -> Callable[[str, Body, str], bool]:
    """A button of the app's, wherever it stands; not the one below a link."""
    return lambda act, body, _: (
        act in ("click", "click_view") and body.get("action_id") == action_id and not body.get("card")
    )


def _named_the_app(act: str, body: Body, _: str) -> bool:
    return act == "type" and "@vault uploads" in str(body.get("text", "")).lower()


def _looked_at_all(act: str, body: Body, me: str) -> bool:
    return _typed(me, "list")(act, body, me) or (
        act == "shortcut" and body.get("callback_id") == "my_uploads"
    )


STEPS: Final = (
    Step(
        title="Ask for this upload",
        text="You are Alice, and a film of yours is on its way into Vault. Type /upload-status and its id: the "
        "answer is a card that only you see.",
        run=_ask_as_alice,
        is_done_by=_typed("alice", seed.CHOLECAP),
    ),
    Step(
        title="Become Bob, ask for the same upload",
        text="Choose Bob at “You are” and ask for the same id. Vault lets him see his own uploads alone, so he is "
        "told nothing, not even that it exists.",
        run=_ask_as_bob,
        is_done_by=_typed("bob", seed.CHOLECAP),
    ),
    Step(
        title="More bytes arrive; press Refresh",
        text="Back as Alice: send the next part at the right, then press Refresh on the card. It is read anew, "
        "with her own Vault rights.",
        run=_more_bytes,
        is_done_by=_pressed("refresh"),
    ),
    Step(
        title="See all of your uploads",
        text="Type /upload-status list, or choose My uploads at ⚡ Shortcuts: a window to search them, by name, path "
        "or id.",
        run=_see_all,
        is_done_by=_looked_at_all,
    ),
    Step(
        title="Details, and how to resume",
        text="Press Details on a card: its parts, its pace, and the curl line that sends the next part. Abort asks "
        "for the file's name first.",
        run=_details,
        is_done_by=_pressed("details"),
    ),
    Step(
        title="Ask in a thread",
        text="Slack runs no commands in threads. Write @Vault Uploads and the id there: the answer is in public, as "
        "you asked in public.",
        run=_ask_in_thread,
        is_done_by=_named_the_app,
    ),
    Step(
        title="Check a message",
        text="Somebody's message names uploads. Choose ⋯ on it, then Check upload status: you alone see those that "
        "are yours to see.",
        run=_check_message,
        is_done_by=lambda act, body, _: (
            act == "message_shortcut" and body.get("callback_id") == "check_upload"
        ),
    ),
    Step(
        title="Check a link as yourself",
        text="Post an upload's address from Vault. The card below it tells nothing; Check as me shows each person "
        "what they may see.",
        run=_link_to_upload,
        is_done_by=lambda act, body, _: act == "click" and bool(body.get("card")),
    ),
    Step(
        title="A shared card that stays true",
        text="Press Share on Alice's card, then Keep this up to date on the one that all see. Send parts, jump ahead: "
        "it changes by itself.",
        run=_share_live,
        is_done_by=_pressed("live"),
    ),
    Step(
        title="Open the app's Home",
        text="At the left, below Apps: Alice's uploads, what she watches, her settings and her links, on one page.",
        run=_home,
        is_done_by=lambda act, body, _: act == "go" and body.get("place") == HOME,
    ),
    Step(
        title="Become Nils and link an account",
        text="The bot does not know who Nils is in Vault. Type /upload-status link as him and open the page: the "
        "demo's user names and passwords stand at the right.",
        run=_link_nils,
        is_done_by=_typed("nils", "link"),
    ),
    Step(
        title="Link a second Vault by the company's sign-in",
        text="As Alice, type /upload-status link quality and press “Sign in” on the page: the company asks who you "
        "are and sends you back. From then on the list shows both Vaults.",
        run=_second_vault,
        is_done_by=lambda act, _, me: act == SIGNED_IN and me == "alice",
    ),
    Step(
        title="Watch an upload, jump near its end",
        text=f"After 72 hours every byte is gone. Press Watch on Alice's card, or type /upload-status watch, its id "
        f"and {LEAD_WORDS}. Then jump to one hour before it expires.",
        run=_watch,
        is_done_by=lambda act, body, _: (
            act == "clock" and ("before_expiry_of" in body or "before_next_expiry" in body)
        ),
    ),
    Step(
        title="Kill the bot when a reminder is due",
        text="Pull the plug: kill the bot at the right, jump half an hour ahead, over the moment of the reminder, and "
        "start it again. The reminder comes at once, in Alice's direct messages, and says that it is late.",
        run=_late_reminder,
        is_done_by=lambda act, body, _: act == "bot" and body.get("to") == "start",
    ),
)
