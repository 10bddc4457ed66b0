"""The steps of the tour. A further one is one more `Step` in `STEPS`: what to say, how it does itself, and which act
of a person is it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from bot.demo.page.fields import Body
from bot.demo.page.tour_guide import Guide
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
    guide.become("alice")
    await guide.ask(guide.upload().id)


async def _ask_as_bob(guide: Guide) -> None:
    guide.become("bob")
    await guide.ask(guide.upload().id)


async def _list_as_bob(guide: Guide) -> None:
    guide.become("bob")
    await guide.ask("list")


async def _more_bytes(guide: Guide) -> None:
    guide.become("alice")
    upload = guide.upload()
    guide.send_parts(upload)
    await guide.press_refresh(upload)


async def _link_nils(guide: Guide) -> None:
    guide.become("nils")
    await guide.ask("link")


async def _sign_in_as_bob(guide: Guide) -> None:
    guide.become("bob")
    await guide.link_by_sign_in(seed.PROMOMATS)
    await guide.ask("whoami")


async def _second_vault(guide: Guide) -> None:
    guide.become("alice")
    await guide.link_by_sign_in(seed.QUALITY)
    await guide.ask("list")


async def _watch(guide: Guide) -> None:
    guide.become("alice")
    await guide.ask(f"watch {guide.upload(HOUR).id} {LEAD_WORDS}")


async def _nearly_expired(guide: Guide) -> None:
    guide.become("alice")
    upload = guide.upload()
    guide.jump_before_expiry(upload, HOUR)
    await guide.ask(upload.id)


async def _late_reminder(guide: Guide) -> None:
    guide.become("alice")
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
        return act == "type" and me == person and words in str(body.get("text", ""))

    return is_it


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
        title="See all of your uploads",
        text="Still as Bob, type /upload-status list: his own uploads, the most urgent first.",
        run=_list_as_bob,
        is_done_by=lambda act, body, _: act == "type" and "list" in str(body.get("text", "")),
    ),
    Step(
        title="More bytes arrive; press Refresh",
        text="Back as Alice: send the next part at the right, then press Refresh on the card. It is read anew, "
        "with her own Vault rights.",
        run=_more_bytes,
        is_done_by=lambda act, body, _: act == "click" and body.get("action_id") == "refresh",
    ),
    Step(
        title="Become Nils and link an account",
        text="The bot does not know who Nils is in Vault. Type /upload-status link as him and open the page: the "
        "demo's user names and passwords stand at the right.",
        run=_link_nils,
        is_done_by=_typed("nils", "link"),
    ),
    Step(
        title="Link by the company's sign-in",
        text="As Bob, type /upload-status link and press “Sign in” on the page: the company's sign-in asks who you "
        "are and sends you back. From then on the bot renews his Vault sessions by itself.",
        run=_sign_in_as_bob,
        is_done_by=lambda act, _, me: act == SIGNED_IN and me == "bob",
    ),
    Step(
        title="Link a second Vault",
        text="As Alice, type /upload-status link quality. From then on /upload-status list shows both Vaults, and an "
        "id is found in whichever of them it is.",
        run=_second_vault,
        is_done_by=_typed("alice", f"link {seed.QUALITY}"),
    ),
    Step(
        title="Watch an upload",
        text=f"Nobody looks at an upload for three days. Press Watch on Alice's card, or type /upload-status watch, "
        f"its id and {LEAD_WORDS}: the bot promises to tell her 45 minutes before it expires.",
        run=_watch,
        is_done_by=lambda act, body, me: (
            _typed("alice", "watch")(act, body, me) or (act == "click" and body.get("action_id") == "watch")
        ),
    ),
    Step(
        title="Jump to one hour before expiry",
        text="An upload lives 72 hours, then every byte of it is gone. Move the clock to one hour before that "
        "and ask again: the card tells it.",
        run=_nearly_expired,
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
