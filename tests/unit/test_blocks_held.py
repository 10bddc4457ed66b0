"""What Slack itself holds: plain, escaped, and with every fact."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.model.watches import Place, Snapshot, Target, Topic, Watch
from bot.slack.blocks.held import held
from tests.factories import ALICE, NOW, an_upload

WATCH = Watch(
    id="w",
    owner=ALICE,
    vault_host="promomats.example",
    target=Target.UPLOAD,
    upload_id="abc",
    place=Place(),
    lead_times=(timedelta(hours=1),),
    topics=frozenset(Topic),
    created_at=NOW,
    expires=an_upload().expires,
    snapshot=Snapshot(upload=an_upload(name="<!channel> a.zip"), read_at=NOW),
)


def test_held__tells_what_was_known() -> None:
    assert held(WATCH) == (
        "&lt;!channel&gt; a.zip expires 2026-09-25 17:48 UTC, with every byte that has come so far. Slack kept this "
        "reminder for me, since I could not send my own. Ask me again for fresh numbers."
    )


def test_held__in_a_channel_says_for_whom() -> None:
    there = replace(WATCH, place=Place("C1"))
    assert held(there) == f"For <@{ALICE.user_id}>: {held(WATCH)}"


def test_held__of_no_upload() -> None:
    with pytest.raises(ValueError, match="only an upload"):
        held(replace(WATCH, snapshot=None))
