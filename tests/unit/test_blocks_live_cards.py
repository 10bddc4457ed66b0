"""Live cards as they are drawn, what is told below them, and what is said about them."""

from dataclasses import asdict, replace
from typing import Any

import pytest

from bot.model.live_cards import LiveCard
from bot.model.reminders import Kind, Trouble
from bot.model.uploads import UploadSession
from bot.model.watches import Over, Place, Target, Told, Topic, Watch
from bot.slack.blocks import live_cards, watch_ends, watches
from bot.slack.blocks.kit import Message
from bot.slack.blocks.live_cards import live_card
from bot.slack.blocks.reminders import reminder
from tests.factories import (
    AWKWARD,
    BOB,
    BOTH,
    GB,
    HOUR,
    MINUTE,
    NOW,
    TRIALS,
    a_look,
    a_reminder,
    a_status,
    a_watch,
    begun,
)
from tests.unit.golden_files import agrees
from tests.unit.slack_eyes import assert_slack_takes, buttons_in, facts_in
from tests.unit.test_blocks_watches import Line

MENTIONS = ("<@U01ALICE>", "<@U01BOB>", "<#C01TRIALS>")
READ_AT = NOW - 7 * MINUTE
PROOF = "0123456789abcdef0123456789abcdef"
HALF = begun(20 * HOUR, name="m5-datasets.zip", size=7 * GB, uploaded=3 * GB, uploaded_parts=121)
DONE = replace(HALF, uploaded=7 * GB)
OVER = begun(72 * HOUR + MINUTE, name="m5-datasets.zip", size=7 * GB, uploaded=3 * GB, uploaded_parts=121)
DIRECT = Place("D01ALICE")


def a_card_watch(upload: UploadSession = HALF, **changes: Any) -> Watch:
    """What keeps Alice's card in a channel up to date."""
    topics = frozenset({Topic.UNCOMMITTED, Topic.STALLED, Topic.ENDED})
    watch = a_watch(
        upload,
        target=Target.CARD,
        place=replace(TRIALS, thread_ts="1.1"),
        lead_times=(),
        topics=topics,
        announced_ts="1.1",
    )
    return replace(watch, **changes)


def drawn(
    over: Over | None = None, upload: UploadSession = HALF, *, several: bool = False, asked: bool = False
) -> Message:
    """A card as its last look found it, seven minutes ago."""
    live = LiveCard(
        watch=a_card_watch(upload, told=Told(asked=asked)),
        status=a_status(upload),
        as_of=READ_AT,
        message_ts="1.1",
        over=over,
    )
    return live_card(live, a_look(several_vaults=several), PROOF)


def below(kind: Kind, upload: UploadSession = HALF, *, place: Place = TRIALS, **changes: Any) -> Message:
    """What is told below a card."""
    told = a_reminder(kind, upload, **changes)
    watch = a_card_watch(upload, place=place)
    return reminder(replace(told, watch=watch), a_look())


CARDS: dict[str, Message] = {
    "live_card": drawn(),
    "live_card_asked_several_vaults": drawn(asked=True, several=True),
    "live_card_stopped": drawn(Over.STOPPED),
    "live_card_replaced": drawn(Over.REPLACED),
    "live_card_unlinked": drawn(Over.UNLINKED),
    "live_card_unread": drawn(Over.UNREAD),
    "live_card_committed": drawn(Over.COMMITTED, DONE),
    "live_card_gone": drawn(Over.GONE),
    "live_card_expired": drawn(Over.EXPIRED, OVER),
    "live_card_aborted": drawn(Over.ABORTED),
    "live_card_unseen": drawn(Over.UNSEEN, OVER),
    "live_card_awkward": drawn(Over.GONE, replace(HALF, name=AWKWARD, path=f"/x/{AWKWARD}")),
}
MESSAGES: dict[str, Message] = {
    "live_reply_uncommitted": below(Kind.UNCOMMITTED, DONE),
    "live_reply_stalled": below(Kind.STALLED, replace(HALF, last_uploaded=NOW - 2 * HOUR)),
    "live_reply_committed": below(Kind.COMMITTED, DONE),
    "live_reply_gone": below(Kind.GONE),
    "live_reply_expired_link_ended": below(
        Kind.EXPIRED, OVER, place=DIRECT, trouble=Trouble.LINK_ENDED, as_of=NOW - HOUR
    ),
    "live_kept": live_cards.kept(is_new=True),
    "live_kept_already": live_cards.kept(is_new=False),
    "live_kept_in_direct": live_cards.kept_in_direct(a_card_watch(place=DIRECT), is_new=True),
    "live_kept_in_direct_already": live_cards.kept_in_direct(a_card_watch(place=DIRECT), is_new=False),
    "live_stopped": watches.stopped(
        [a_card_watch(), a_card_watch(place=DIRECT), a_watch(HALF)], BOTH.name_of
    ),
    "live_asked_to_stop": watch_ends.asked_to_stop(a_card_watch()),
    "live_asked_to_stop_in_vain": watch_ends.asked_to_stop(a_card_watch(), reached=False),
    "live_request_to_stop": watch_ends.request_to_stop(a_card_watch(), "promomats", BOB),
    "live_place_gone": watch_ends.place_gone(a_card_watch(), "promomats", "is_inactive"),
    "live_watch_list": watches.watch_list(
        [
            Line(watch=a_card_watch(), next_due=HALF.expires),
            Line(watch=a_card_watch(place=DIRECT, told=Told(over=Over.UNLINKED)), next_due=HALF.expires),
        ],
        a_look(),
    ),
}


@pytest.mark.parametrize("name", [*CARDS, *MESSAGES])
def test_message__golden(name: str) -> None:
    assert agrees(name, asdict({**CARDS, **MESSAGES}[name]))


@pytest.mark.parametrize("name", [*CARDS, *MESSAGES])
def test_message__as_slack_takes_it(name: str) -> None:
    assert_slack_takes({**CARDS, **MESSAGES}[name], MENTIONS)


def test_cards__show_every_way_to_end() -> None:
    assert len(CARDS) == len(Over) + 3


@pytest.mark.parametrize("name", [name for name in CARDS if "awkward" not in name])
def test_card__text_alone_carries_every_fact(name: str) -> None:
    message = CARDS[name]
    said = message.text.lower()
    for fact in facts_in(message.blocks):
        assert fact.removeprefix("🟢").strip().rstrip(".").lower() in said, fact


@pytest.mark.parametrize("over", [Over.COMMITTED, Over.GONE, Over.EXPIRED, Over.ABORTED, Over.UNSEEN])
def test_card__of_an_upload_that_is_no_more_leads_nowhere(over: Over) -> None:
    """Nothing of Vault's can be shown of it any more; the card itself can be taken back."""
    assert [one["action_id"] for one in buttons_in(drawn(over, OVER).blocks)] == ["take_back"]


@pytest.mark.parametrize(
    ("over", "button"),
    [
        (None, "unwatch"),
        (Over.UNLINKED, "unwatch"),
        (Over.UNREAD, "unwatch"),
        (Over.STOPPED, "live"),
        (Over.REPLACED, "live"),
    ],
)
def test_card__can_be_stopped_or_kept(over: Over | None, button: str) -> None:
    ids = [one["action_id"] for one in buttons_in(drawn(over).blocks)]
    assert ids == ["refresh", "details", "watch", button, "take_back"]


def test_card__is_true_as_of_its_last_look() -> None:
    """What nobody has looked at since may have changed; how it ended is true from then on."""
    assert "As of 2026-09-22 17:53 UTC" in drawn().text
    assert "as they could see it 2026-09-22 17:53 UTC" in drawn(Over.STOPPED).text
    assert "As of 2026-09-22 18:00 UTC" in drawn(Over.COMMITTED, DONE).text
    assert "As of 2026-09-22 17:53 UTC" in drawn(Over.UNSEEN, OVER).text


@pytest.mark.parametrize("name", [name for name in MESSAGES if "reply" in name])
def test_reply__leaves_the_buttons_to_the_card(name: str) -> None:
    ids = {one["action_id"] for one in buttons_in(MESSAGES[name].blocks)}
    assert ids <= {"link"}
    assert "snooze" not in str(MESSAGES[name].blocks)
    assert "/u10001400/" not in str(MESSAGES[name])
