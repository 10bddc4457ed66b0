"""Cards that keep themselves up to date: how they look at their end, and what is said about them."""

from collections.abc import Sequence
from dataclasses import replace

from bot.model import text as words
from bot.model.accounts import SlackUser
from bot.model.live_cards import LiveCard
from bot.model.uploads import NO_LONGER_ACTIVE, Phase
from bot.model.watches import Over, Place, Watch
from bot.slack.blocks.errors import notice
from bot.slack.blocks.kit import Message, actions, button, context, date, escape, section
from bot.slack.blocks.upload_status import SIGNS, Ended, Look, Public, card
from bot.slack.blocks.watch_words import (
    IN_BLOCKS,
    IN_TEXT,
    Ink,
    channel,
    named,
    person,
    stop_button,
    subject,
)

WHAT_COMES = (
    "It changes by itself until the upload ends. When all bytes are there, when it stalls and how it ends also comes "
    "once as a reply below it."
)
ALREADY = "I keep this card up to date already."
ALREADY_IN_DIRECT = "I keep its card up to date in your direct messages with me already."
HOW_TO_STOP = "Stop updating, below the card, ends that."
NO_LONGER = "no longer kept up to date"
GO_ON = "Share the upload again where I may post, and press Keep this up to date below the new card."


def live_card(live: LiveCard, look: Look, proof: str) -> Message:
    """A card as it is drawn when nobody asks: with the numbers of its last look, and the moment of that. `proof` says
    who put it there."""
    owner, over = live.watch.owner.user_id, live.over
    # What has ended is true from now on; all else was true when it was read.
    now = look.now if over in (Over.COMMITTED, Over.GONE, Over.EXPIRED, Over.ABORTED) else live.as_of
    public = Public(
        by=owner,
        proof=proof,
        asked=live.watch.told.asked,
        watch_id="" if live.is_final else live.watch.id,
        over=_why_over(over, owner),
        ended=_ended(live),
    )
    return card(live.status, replace(look, now=now), public)


def _why_over(over: Over | None, owner: str) -> str:
    match over:
        case None:
            return ""
        case Over.UNLINKED:
            return f"not kept up to date while the link of {person(owner)} to Vault has ended"
        case Over.UNREAD:
            return f"not kept up to date just now, since {person(owner)} gets no answer from Vault"
        case Over.REPLACED:
            return f"{NO_LONGER}, another card in this thread is"
        case _:
            return NO_LONGER


def _ended(live: LiveCard) -> Ended | None:
    upload, ends = live.status.upload, date(live.status.upload.expires)
    match live.over:
        case Over.COMMITTED:
            there = f"Its {words.size(upload.size)} are there as a file."
            return Ended(sign="🟢", word="Committed", sentence=there)
        case Over.GONE:
            which = "It was committed or aborted, and I cannot see which. The numbers are the last I saw."
            return Ended(sign="⚪", word=NO_LONGER_ACTIVE, sentence=which)
        case Over.EXPIRED:
            lost = f"It expired {ends}. Vault deletes its parts; start the upload again."
            return Ended(sign=SIGNS[Phase.EXPIRED], word=Phase.EXPIRED, sentence=lost)
        case Over.ABORTED:
            lost = "It was aborted. Vault deletes its parts; start the upload again."
            return Ended(sign="⚪", word=NO_LONGER_ACTIVE, sentence=lost)
        case Over.UNSEEN:
            unknown = f"It is past its expiry, {ends}, and I could not see whether it was committed in time."
            return Ended(sign="⚪", word=NO_LONGER_ACTIVE, sentence=unknown)
    return None


def kept(*, is_new: bool) -> Message:
    """The answer to who keeps their own card up to date."""
    began = "I keep this card up to date from now on." if is_new else ALREADY
    return notice(f"{began} {WHAT_COMES} {HOW_TO_STOP}")


def kept_in_direct(watch: Watch, *, is_new: bool) -> Message:
    """The answer to who wants to be kept up to date by somebody else's card, or by one that nobody else sees."""
    if not is_new:
        return notice(ALREADY_IN_DIRECT)
    text, drawn = (
        f"I keep a card of {subject(watch, '', ink)} up to date in your direct messages with me. {WHAT_COMES}"
        for ink in (IN_TEXT, IN_BLOCKS)
    )
    return Message(text=text, blocks=[section(drawn)])


def where_kept(place: Place) -> str:
    """Where a live card stands, in the middle of a sentence."""
    return "in your direct messages with me" if place.is_direct else f"in {channel(place)}"


def cards_of(watches: Sequence[Watch], ink: Ink) -> str:
    """Some live cards, in the middle of a sentence."""
    names = [f"{subject(watch, '', ink)} {where_kept(watch.place)}" for watch in watches]
    return f"{'the card' if len(watches) == 1 else 'the cards'} of {named(names)}"


def asked_to_stop(watch: Watch, *, reached: bool) -> Message:
    """What somebody reads who wants another person's card to be left alone."""
    then = (
        "I have asked them to stop that." if reached else "I could not reach them just now: please ask them."
    )
    return notice(f"This card is kept up to date for {person(watch.owner.user_id)}. {then}")


def request_to_stop(watch: Watch, asker: SlackUser) -> Message:
    """The direct message to the owner of a live card that somebody beside it wants to be left alone."""
    text, drawn = (
        f"{person(asker.user_id)} asks you to stop keeping {cards_of([watch], ink)} up to date."
        for ink in (IN_TEXT, IN_BLOCKS)
    )
    stop = stop_button(watch, "Stop updating the card", label="Stop updating")
    return Message(text=text, blocks=[section(drawn), actions(stop)])


def place_gone(watch: Watch, reason: str) -> Message:
    """The direct message to the owner of a live card that cannot be edited any more; `reason` is Slack's code."""
    text, drawn = (
        f"I can no longer change or post messages in {channel(watch.place)}, so the card of "
        f"{subject(watch, '', ink)} there is not kept up to date any more."
        for ink in (IN_TEXT, IN_BLOCKS)
    )
    why = f"Slack's reason: {escape(reason)}."
    value = {"u": watch.upload_id, "v": watch.vault_host}
    show = button("Show", "refresh", value=value, spoken="Show the upload")
    blocks = [section(f"*{drawn}*\n{GO_ON}"), actions(show), context(why)]
    return Message(text=f"{text} {GO_ON} {why}", blocks=blocks)
