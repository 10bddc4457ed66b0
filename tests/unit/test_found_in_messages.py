"""Listeners about what stands in people's messages, with stand-ins for Vault and Slack."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.accounts import Asker
from bot.model.errors import BotError, LinkEnded, NotLinked, StoreUnavailable, UploadNotVisible, VaultSlow
from bot.model.pasting import Pasted
from bot.model.statuses import UploadStatus
from bot.slack.blocks.errors import UNEXPECTED
from bot.slack.blocks.found_uploads import NOTHING
from bot.slack.calls import Call, Event, ReplyTo, SlackHome
from bot.slack.listeners.messages import MessageAnswers
from bot.slack.listeners.unfurling import Unfurling
from tests.factories import ALICE, BOTH, DASHED_ID, PROMOMATS, QUALITY, a_look, a_status, an_upload

OWN, OTHER = "7b0e42c9d15f4a3e8f60b2a7c9d4e113", "c41e6a09f7b84d3d92ab5e10f83c7d24"
API = f"{PROMOMATS.url}/api/v24.3/services/file_staging/upload/"


@dataclass
class Vault:
    """Shows or refuses as told, and remembers who asked for what."""

    told: Mapping[str, Exception] = field(default_factory=dict)
    asked: list[tuple[Asker, Pasted]] = field(default_factory=list)

    async def look_up(self, asker: Asker, pasted: Pasted) -> UploadStatus:
        self.asked.append((asker, pasted))
        if pasted.upload_id in self.told:
            raise self.told[pasted.upload_id]
        return a_status(an_upload(id=pasted.upload_id))


def shortcut(text: object, **more: Any) -> Call:
    """The shortcut on a message."""
    return Call(
        kind="shortcut:check_upload",
        slack_user=ALICE,
        home=SlackHome(None, "T1"),
        reply_to=ReplyTo(slack_user=ALICE),
        values={"text": text, **more},
    )


def answers(vault: Vault) -> MessageAnswers:
    given = SimpleNamespace(vaults=BOTH, statuses=vault, look=lambda: a_look(several_vaults=True))
    return MessageAnswers(cast("Any", given))


async def test_check__asks_as_the_clicker_for_each_id() -> None:
    vault, call = Vault(), shortcut(f"{OWN} and {API}{OTHER}")
    message = await answers(vault).check_upload(call)
    assert [(asker, one.upload_id, one.vault) for asker, one in vault.asked] == [
        (call.asker, OWN, None),
        (call.asker, OTHER, PROMOMATS.host),
    ]
    assert OWN in message.text


@pytest.mark.parametrize(
    "call",
    [
        shortcut(None),
        shortcut(5, blocks=5, attachments="x"),
        shortcut("", blocks=None, attachments=None),
        shortcut("hello", blocks=[{}], attachments=[None]),
    ],
)
async def test_check__message_without_an_id(call: Call) -> None:
    vault = Vault()
    assert (await answers(vault).check_upload(call)).text.startswith(NOTHING)
    assert vault.asked == []


async def test_check__ids_in_attachments() -> None:
    vault = Vault()
    await answers(vault).check_upload(shortcut("", attachments=[{"text": f"upload {OWN} stalled"}]))
    assert [one.upload_id for _, one in vault.asked] == [OWN]


async def test_check__the_only_one_fails_as_everywhere() -> None:
    refused = UploadNotVisible(upload_id=OWN)
    with pytest.raises(UploadNotVisible) as caught:
        await answers(Vault({OWN: refused})).check_upload(shortcut(OWN))
    assert caught.value is refused


@pytest.mark.parametrize("error", [NotLinked(vault="quality"), LinkEnded(vault="quality")])
async def test_check__link_is_all_that_is_missing(error: BotError) -> None:
    """Then the link button is the answer; not where something can be shown."""
    with pytest.raises(type(error)):
        await answers(Vault({OWN: error, OTHER: error})).check_upload(shortcut(f"{OWN} {OTHER}"))
    shown = await answers(Vault({OWN: error})).check_upload(shortcut(f"{OWN} {OTHER}"))
    assert error.sentence in shown.text
    assert "31%" in shown.text


async def test_check__failures_stand_in_their_lines() -> None:
    told = {OWN: VaultSlow(vault="promomats"), OTHER: StoreUnavailable(reason="locked")}
    call = shortcut(f"{OWN} {OTHER}")
    message = await answers(Vault(told)).check_upload(call)
    assert f"`{OWN}`: Vault (promomats) did not answer in time." in message.text
    assert f"Reference: {call.reference}" in message.text
    assert UNEXPECTED not in message.text


async def test_check__what_nobody_foresaw_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        await answers(Vault({OWN: ZeroDivisionError()})).check_upload(shortcut(f"{OWN} {OTHER}"))


# Links


@dataclass
class Posts:
    """Remembers what was put below messages."""

    put: list[tuple[Mapping[str, str], Mapping[str, Any]]] = field(default_factory=list)

    async def unfurl(self, home: SlackHome, place: Mapping[str, str], cards: Mapping[str, Any]) -> None:
        assert home == SlackHome(None, "T1")
        self.put.append((place, cards))


POSTED = {"channel": "C1", "message_ts": "1.1"}


async def unfurled(*links: object, **content: object) -> list[tuple[Mapping[str, str], Mapping[str, Any]]]:
    """What is put below a message with these links."""
    posts = Posts()
    given = SimpleNamespace(vaults=BOTH, posts=posts)
    event = Event(
        kind="link_shared",
        home=SlackHome(None, "T1"),
        slack_user=ALICE,
        content={**POSTED, "links": list(links), **content},
    )
    await Unfurling(cast("Any", given)).unfurl(event)
    return posts.put


def link(url: object) -> dict[str, object]:
    return {"domain": "x", "url": url}


async def test_unfurl__under_the_address_as_slack_gives_it() -> None:
    """Slack may escape the ampersand; what it gave is what it wants back."""
    url = f"{PROMOMATS.url}/ui?tab=1&amp;id={OWN}"
    [(place, cards)] = await unfurled(link(url))
    assert place == {"channel": "C1", "ts": "1.1"}
    assert list(cards) == [url]


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (
            {"unfurl_id": "u1", "source": "composer", "channel": "COMPOSER"},
            {"unfurl_id": "u1", "source": "composer"},
        ),
        ({"unfurl_id": "u1"}, {"channel": "C1", "ts": "1.1"}),
        ({"source": "composer"}, {"channel": "C1", "ts": "1.1"}),
    ],
)
async def test_unfurl__where_slack_says(content: dict[str, object], place: dict[str, str]) -> None:
    [(found, _)] = await unfurled(link(API + OWN), **content)
    assert found == place


@pytest.mark.parametrize("content", [{"channel": None}, {"message_ts": ""}, {"links": None}, {"links": {}}])
async def test_unfurl__nothing_without_a_place_or_links(content: dict[str, object]) -> None:
    assert await unfurled(link(API + OWN), **content) == []


async def test_unfurl__one_card_for_an_upload() -> None:
    second = f"{QUALITY.url}/api/v24.3/services/file_staging/upload/{OWN}"
    urls = [API + OWN, f"{API}{OWN}/parts", second, f"{API}{OTHER}"]
    [(_, cards)] = await unfurled(*map(link, urls))
    assert list(cards) == [urls[0], urls[2], urls[3]]


@pytest.mark.parametrize(
    "one",
    [
        None,
        5,
        {},
        link(None),
        link(5),
        link(""),
        link(f"https://elsewhere.example/api/v24.3/services/file_staging/upload/{OWN}"),
        link(f"{PROMOMATS.url}@elsewhere.example/services/file_staging/upload/{OWN}"),
        link(f"https://elsewhere.example\\@{PROMOMATS.host}/services/file_staging/upload/{OWN}"),
        link(f"{PROMOMATS.url}.elsewhere.example/{OWN}"),
        link(f"https://sub.{PROMOMATS.host}/{OWN}"),
        link(f"{PROMOMATS.url}/ui/#doc_info/123"),
    ],
)
async def test_unfurl__nothing_for_what_is_no_upload_of_these_vaults(one: object) -> None:
    assert await unfurled(one) == []
    [(_, cards)] = await unfurled(one, link(API + DASHED_ID))
    assert list(cards) == [API + DASHED_ID]


@given(st.lists(st.one_of(st.none(), st.text(), st.text().map(lambda end: API + end)), max_size=8))
async def test_unfurl__any_links(urls: list[str | None]) -> None:
    for _, cards in await unfurled(*map(link, urls)):
        assert set(cards) <= set(urls)
