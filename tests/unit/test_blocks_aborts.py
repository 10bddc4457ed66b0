"""Aborting: the form, what comes back from it, and the messages that follow."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.models.views import View

from bot.demo.slack.block_kit import MODAL
from bot.demo.slack.forms import filled, initial_state
from bot.demo.slack.views import read_view
from bot.model.aborts import Abort, News, Told, comparable
from bot.model.accounts import SlackUser
from bot.model.statuses import UploadStatus
from bot.slack.blocks import abort_modal, aborts
from bot.slack.blocks.kit import Message, visible
from bot.slack.calls import Call
from bot.slack.listeners.aborting import AbortAnswers
from bot.slack.payloads import from_view
from bot.store.digests import digest_of
from tests.factories import (
    ALICE,
    ALICE_IN_VAULT,
    AWKWARD,
    BOB,
    BOB_IN_VAULT,
    GB,
    HOUR,
    NOW,
    PROMOMATS,
    a_look,
    a_status,
    an_upload,
    begun,
)
from tests.unit.golden_files import agrees
from tests.unit.slack_eyes import assert_slack_takes
from tests.unit.wild_uploads import FOREIGN, wild_uploads

if TYPE_CHECKING:
    from bot.slack.listeners.collaborators import Collaborators

BIG = begun(68 * HOUR, name="m5-datasets.zip", size=7 * GB, uploaded=3 * GB, uploaded_parts=121)
EMPTY = replace(BIG, uploaded=0, uploaded_parts=0, last_uploaded=BIG.created)
OTHERS = replace(BIG, owner=BOB_IN_VAULT)
MENTIONS = ("<@U01ALICE>", "<@U01BOB>")


def a_view(status: UploadStatus | None = None, **look: Any) -> dict[str, Any]:
    """The form as it is shown."""
    status = status or a_status(BIG)
    digest = digest_of(comparable(status.upload.name))
    return abort_modal.view(status, a_look(**look), name_digest=digest, form_id="K7QX2M9B")


@pytest.mark.parametrize(
    ("name", "view"),
    [
        ("modal_abort", a_view()),
        ("modal_abort_looking", abort_modal.looking()),
        ("modal_abort_of_another", a_view(a_status(OTHERS), several_vaults=True)),
        ("modal_abort_no_part", a_view(a_status(EMPTY))),
        ("modal_abort_all_bytes_there", a_view(a_status(replace(BIG, uploaded=7 * GB)))),
        ("modal_abort_awkward", a_view(a_status(replace(BIG, name=AWKWARD)))),
    ],
)
def test_modal__golden_and_as_slack_takes_it(name: str, view: dict[str, Any]) -> None:
    assert agrees(name, view)
    read_view(view, MODAL)
    View(**view).validate_json()


@given(upload=wild_uploads())
def test_modal__of_any_upload(upload: Any) -> None:
    view = a_view(a_status(upload))
    read_view(view, MODAL)
    assert len(view["private_metadata"]) < 3000


# What is typed


class Nobody:
    """Refuses to be asked anything: a form is read without Vault and without the database."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


ANSWERS = AbortAnswers(cast("Collaborators", Nobody()))


def sent(view: dict[str, Any], typed: Mapping[str, str], metadata: str | None = None) -> Call:
    """The form as it comes back."""
    blocks = read_view(view, MODAL)["blocks"]
    values = {name: {name: value} for name, value in typed.items()}
    state = filled(blocks, initial_state(blocks), values)
    metadata = view["private_metadata"] if metadata is None else metadata
    given_ = {"callback_id": "abort", "private_metadata": metadata, "state": {"values": state}}
    user = {"id": "U1", "team_id": "T1"}
    return from_view({"type": "view_submission", "team": {"id": "T1"}, "user": user, "view": given_})


@pytest.mark.parametrize(
    ("typed", "faults"),
    [
        ({"name": "m5-datasets.zip", "reason": "wrong file"}, set()),
        ({"name": "  m5-datasets.zip ", "reason": "wrong file"}, set()),
        ({"name": "m5–datasets.zip", "reason": "a phone wrote that dash"}, set()),
        ({"name": "M5-datasets.zip", "reason": "wrong file"}, {"name"}),
        ({"name": "m5-datasets", "reason": "wrong file"}, {"name"}),
        ({"name": "", "reason": "wrong file"}, {"name"}),
        ({"name": "m5-datasets.zip", "reason": " \n "}, {"reason"}),
        ({"name": "x", "reason": ""}, {"name", "reason"}),
    ],
)
async def test_form__slips_are_told_beside_their_field(typed: dict[str, str], faults: set[str]) -> None:
    answer, told = await ANSWERS.sent(sent(a_view(), typed))
    assert set(told) == faults
    assert (answer is None) is bool(faults)


async def test_form__its_answer_goes_by_direct_message() -> None:
    """What is shown to one person in a channel is gone when they look again."""
    call = sent(a_view(), {"name": "x", "reason": "x"})
    assert (call.reply_to.response_url, call.channel_id, call.reply_to.view) == ("", "", None)


@pytest.mark.parametrize("metadata", ["", "{}", "[]", "x", '{"n":7}', '{"n":""}'])
async def test_form__without_its_state_is_never_right(metadata: str) -> None:
    answer, faults = await ANSWERS.sent(sent(a_view(), {"name": "m5-datasets.zip", "reason": "x"}, metadata))
    assert answer is None
    assert "name" in faults


async def test_form__with_half_of_its_state_aborts_nothing() -> None:
    digest = json.loads(a_view()["private_metadata"])["n"]
    call = sent(a_view(), {"name": "m5-datasets.zip", "reason": "x"}, json.dumps({"n": digest}))
    answer, _ = await ANSWERS.sent(call)
    assert answer is not None
    message = await answer(call)
    assert message is not None
    assert "older version" in message.text


async def test_form__once_sent_does_nothing_a_second_time() -> None:
    class Taken(Nobody):
        once = SimpleNamespace()

    async def taken(key: str, _: object) -> bool:
        assert "K7QX2M9B" in key
        return False

    Taken.once.first = taken
    call = sent(a_view(), {"name": "m5-datasets.zip", "reason": "x"})
    answer, _ = await AbortAnswers(cast("Collaborators", Taken())).sent(call)
    assert answer is not None
    assert await answer(call) == abort_modal.sent_before()


@given(st.text(max_size=60))
def test_name__as_it_is_shown_is_the_name(name: str) -> None:
    """Copied from the form, where backticks and signs nobody sees look otherwise."""
    shown = visible(name).replace("`", "ˋ")
    assert comparable(shown) == comparable(name) == comparable(f" {comparable(name)} ")


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Trial—final.zip", "Trial--final.zip"),
        ("Bob’s “best”.mp4", 'Bob\'s "best".mp4'),
        ("a &amp; b &lt;1&gt;.zip", "a & b <1>.zip"),
        ("Überprüfung.pdf", "U\u0308berpru\u0308fung.pdf"),
        ("two spaces.zip", "two \u00a0spaces.zip"),
        ("gpj.exe", "\u202egpj.exe"),
        ("wait….zip", "wait....zip"),
    ],
)
def test_name__typed_on_any_device(typed: str, name: str) -> None:
    assert comparable(typed) == comparable(name)


@pytest.mark.parametrize(
    ("typed", "name"), [("A.zip", "a.zip"), ("a.zip", "a.zip2"), ("", "a"), ("ab", "a b")]
)
def test_name__of_another_file(typed: str, name: str) -> None:
    assert comparable(typed) != comparable(name)


# What is told


def an_abort(**changes: Any) -> Abort:
    """Alice's abort of Bob's upload, as an Admin."""
    abort = Abort(
        by=ALICE,
        reference="K7QX2M9B",
        vault_host=PROMOMATS.host,
        vault_user_id=ALICE_IN_VAULT,
        upload_id=BIG.id,
        owner=BOB_IN_VAULT,
        at=NOW,
        upload=OTHERS,
        reason="It was the wrong film",
    )
    return replace(abort, **changes)


OWN = an_abort(owner=ALICE_IN_VAULT, upload=BIG)
UNREAD = an_abort(upload=None, reason="")
WILD = an_abort(upload=replace(OTHERS, name=AWKWARD), reason="<!channel> & <@U1>\n*not* `nice`?")


def news(kind: News, abort: Abort | None = None, *owners: str, to: SlackUser = ALICE) -> Message:
    """A direct message of that kind."""
    one = Told(news=kind, to=to, abort=abort or an_abort(), vault_name="promomats", owners=owners)
    return aborts.told(one, several_vaults=abort is WILD)


def answer(abort: Abort, *owners: str, **changes: Any) -> Message:
    """The answer to who has just aborted it."""
    return aborts.aborted(abort, "promomats", owners, **{"several_vaults": False, **changes})


MESSAGES = {
    "abort_own": answer(OWN),
    "abort_by_an_admin": answer(an_abort(), "U01BOB"),
    "abort_of_somebody_not_linked": answer(an_abort(), several_vaults=True),
    "abort_of_nothing_there": answer(replace(OWN, upload=EMPTY)),
    "abort_found_out": news(News.DONE, None, "U01BOB"),
    "abort_not_done": news(News.NOT_DONE),
    "abort_committed": news(News.COMMITTED),
    "abort_unknown": news(News.UNKNOWN),
    "abort_of_yours": news(News.YOURS, to=BOB),
    "abort_of_yours_unread": news(News.YOURS, UNREAD, to=BOB),
    "abort_of_yours_awkward": news(News.YOURS, WILD, to=BOB),
    "abort_not_opened": abort_modal.not_opened(),
    "abort_sent_before": abort_modal.sent_before(),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_message__golden_and_as_slack_takes_it(name: str) -> None:
    assert agrees(name, asdict(MESSAGES[name]))
    assert_slack_takes(MESSAGES[name], MENTIONS)


def test_messages__tell_the_owner_who_did_it_and_why() -> None:
    text = MESSAGES["abort_of_yours"].text
    assert text.startswith("<@U01ALICE> has aborted your upload m5-datasets.zip: 3.0 GB in 121 parts")
    assert "Reason: It was the wrong film." in text


def test_messages__without_an_account_the_admin_is_asked_to_tell() -> None:
    assert "no linked Slack account" in MESSAGES["abort_of_somebody_not_linked"].text
    assert "owner" not in MESSAGES["abort_own"].text


@given(upload=wild_uploads(), reason=FOREIGN, kind=st.sampled_from(News))
def test_messages__of_any_upload(upload: Any, reason: str, kind: News) -> None:
    assert_slack_takes(news(kind, an_abort(upload=upload, reason=reason), "U01BOB"), MENTIONS)


def test_messages__there_is_one_for_each_kind_of_news() -> None:
    assert {an_upload().id in news(kind).text for kind in News} == {True}
