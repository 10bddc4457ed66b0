"""Vault or Slack misbehave: still exactly one answer, in words that help, and an ack in time."""

import asyncio
from collections.abc import Iterator

import pytest

from bot.demo.slack import faults as slack_faults
from bot.demo.vault import seed
from bot.demo.vault.faults import (
    ApiLimitExceeded,
    ConfigurationMode,
    Delay,
    Dropped,
    EmptyBody,
    Fault,
    HtmlWith200,
    Maintenance,
    NextPageOnOtherHost,
    NotJsonObject,
    RedirectTo,
    Status,
    TruncatedJson,
    UnexpectedError,
    UnknownErrorType,
    WrongUserId,
    WrongVaultId,
)
from bot.demo.workspace import DemoWorkspace
from bot.model.errors import OutOfTime
from tests.acceptance.steps import ACK_LIMIT, NOT_VISIBLE, Traffic, ask, done_count, log_lines, shown, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

VAULT_SLEEPS = 40
"""Seconds that Vault takes where it is far too slow."""
UNREACHABLE = "Vault (promomats) cannot be reached just now."
STRANGE = "gave an answer that I do not understand"

LASTING = {
    "maintenance with minutes": (Maintenance(minutes=45), "expects it to take 45 min"),
    "maintenance without": (Maintenance(minutes=None), UNREACHABLE),
    "configuration mode": (ConfigurationMode(), "in Configuration Mode"),
    "limit": (ApiLimitExceeded(), "limiting requests"),
    "crash": (UnexpectedError(), UNREACHABLE),
    "dropped": (Dropped(), UNREACHABLE),
    "bad gateway": (Status(502), UNREACHABLE),
    "HTML with 200": (HtmlWith200(), STRANGE),
    "empty": (EmptyBody(), STRANGE),
    "no object": (NotJsonObject(), STRANGE),
    "truncated": (TruncatedJson(), STRANGE),
    "unknown type": (UnknownErrorType(), "refused the request (QUOTA_OF_TOMORROW)"),
    "another Vault": (WrongVaultId(), "answered for another account than yours"),
    "another user": (WrongUserId(), "answered for another account than yours"),
    "forbidden": (Status(403), NOT_VISIBLE),
    "unauthorized": (Status(401), "Your link to Vault (promomats) has ended"),
}


def _nothing_read(text: str) -> bool:
    return "Cholecap-" not in text and "31%" not in text


@pytest.mark.parametrize("name", LASTING)
async def test_vault__that_fails_for_a_while(demo: DemoWorkspace, name: str) -> None:
    """One answer, nothing of the upload, and all is well when Vault is."""
    fault, words = LASTING[name]
    endpoint = "upload_details" if name == "forbidden" else None
    demo.vault.faults.add(fault, times=None, endpoint=endpoint)
    answer = await ask(demo, "alice", seed.CHOLECAP)
    assert words in answer.text
    if name != "forbidden":  # the list can be read, and names Alice's own upload
        assert _nothing_read(shown(answer))
    if "Reference: " in answer.text:
        reference = answer.text.partition("Reference: ")[2][:8]
        assert any(
            line.get("reference") == reference and line["level"] == "error" for line in log_lines(demo)
        )
    else:
        assert name not in ("HTML with 200", "unknown type", "another Vault")
    demo.vault.faults.clear()
    assert "31%" in (await ask(demo, "alice", seed.CHOLECAP)).text


@pytest.mark.parametrize(
    "fault", [Dropped(), Dropped(in_body=True), Status(503), UnexpectedError()], ids=lambda fault: repr(fault)
)
async def test_vault__that_fails_once_is_asked_again(demo: DemoWorkspace, fault: Fault) -> None:
    demo.vault.faults.add(fault)
    traffic = Traffic(demo)
    assert "31%" in (await ask(demo, "alice", seed.CHOLECAP)).text
    assert traffic.vault_calls == 2


async def test_vault__down_altogether(demo: DemoWorkspace) -> None:
    """Its ports are closed; when they open again the link still stands."""
    ports = [int(vault.dns.partition(":")[2]) for vault in demo.vault.vaults.values()]
    await demo.vault.stop()
    try:
        answer = await ask(demo, "alice", "list")
    finally:
        await demo.vault.start(ports)
    assert UNREACHABLE in answer.text
    assert "Nothing is lost" in answer.text
    assert "31%" in (await ask(demo, "alice", seed.CHOLECAP)).text


async def test_vault__slow_but_not_too_slow(demo: DemoWorkspace) -> None:
    """Slower than Slack's patience with an ack, which does not wait for it."""
    # Again where the machine stood still: an ack that waits for the Vault is late each time.
    for _ in range(3):
        demo.vault.faults.add(Delay(ACK_LIMIT + 0.5))
        delivery = await demo.slack.slash(user="alice", text=seed.CHOLECAP)
        assert "31%" in (await delivery.answered(timeout=60)).text
        assert delivery.ack is not None
        if delivery.ack.seconds < ACK_LIMIT:
            return
    pytest.fail("never acked in time")


async def test_vault__slower_than_the_budget(demo: DemoWorkspace) -> None:
    """The slow test: a lookup, a list and an Admin's at once, each answered once, long before the Vault answers."""
    slow = "Vault (promomats) did not answer in time."
    demo.vault.faults.add(Delay(VAULT_SLEEPS), times=None)
    # Again where the machine stood still, so that the time for the command was over before that for the Vault.
    for _ in range(3):
        texts = await all_ask_in_vain(demo)
        assert all(slow in text or text.startswith(OutOfTime.what) for text in texts), texts
        if all(slow in text and "Nothing is lost" in text for text in texts):
            return
    pytest.fail("never told that it is the Vault that is slow")


async def all_ask_in_vain(demo: DemoWorkspace) -> list[str]:
    """What three people are told by a Vault that is far too slow."""
    asked = [("alice", seed.CHOLECAP), ("bob", "list"), ("vera", seed.BOB_ARCHIVE)]
    done = done_count(demo)
    deliveries = await asyncio.gather(*(demo.slack.slash(user=person, text=text) for person, text in asked))
    for delivery in deliveries:
        assert delivery.ack is not None
        # Of those 15 that the bot waits for the Vault.
        assert delivery.ack.seconds < 10
        await delivery.answered(timeout=VAULT_SLEEPS - 2)
    await until(lambda: done_count(demo) == done + 3, "all done")
    assert [len(delivery.answers) for delivery in deliveries] == [1, 1, 1]
    return [delivery.answers[0].text for delivery in deliveries]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_redirect__to_another_host_is_not_followed(demo: DemoWorkspace, status: int) -> None:
    """The other host would get the credential."""
    elsewhere = f"{demo.vault.vaults['quality'].url}/api/v24.3/services/file_staging/upload/{seed.CHOLECAP}"
    demo.vault.faults.add(RedirectTo(elsewhere, status), times=None, vault="promomats")
    answer = await ask(demo, "alice", seed.CHOLECAP)
    assert STRANGE in answer.text
    assert demo.vault.calls(vault="quality") == 0


async def test_next_page__on_another_host_is_not_followed(demo: DemoWorkspace) -> None:
    other = f"{demo.vault.vaults['quality'].url}/api/v24.3/services/file_staging/upload?cursor=x"
    demo.vault.faults.add(NextPageOnOtherHost(other), times=None, vault="promomats")
    answer = await ask(demo, "alice", "list")
    assert STRANGE in answer.text
    assert demo.vault.calls(vault="quality") == 0


async def test_configuration_mode__lets_an_admin_in(demo: DemoWorkspace) -> None:
    demo.vault.faults.add(ConfigurationMode(), times=None)
    assert "archive.tar.gz" in (await ask(demo, "vera", seed.BOB_ARCHIVE)).text


@pytest.mark.parametrize(
    "fault",
    [
        slack_faults.ServerError(500),
        slack_faults.ServerError(502),
        slack_faults.ServerError(503),
        slack_faults.RateLimited(retry_after=1),
        slack_faults.Dropped(),
        slack_faults.Slow(1.0),
    ],
    ids=lambda fault: repr(fault),
)
async def test_response_url__that_fails_once(demo: DemoWorkspace, fault: slack_faults.Fault) -> None:
    demo.slack.faults.add("response_url", fault)
    before = len(demo.slack.messages)
    assert "31%" in (await ask(demo, "alice", seed.CHOLECAP)).text
    assert demo.slack.faults.waiting("response_url") == 0
    assert len(demo.slack.messages) == before + 1


@pytest.fixture(
    params=[(slack_faults.ApiError("used_url"), 1), (slack_faults.ServerError(502), 4)],
    ids=["used", "bad gateway"],
)
def closed_url(demo: DemoWorkspace, request: pytest.FixtureRequest) -> Iterator[None]:
    """The next response_url takes nothing, however often it is tried."""
    fault, times = request.param
    demo.slack.faults.add("response_url", fault, times=times)
    yield
    demo.slack.faults.clear()


@pytest.mark.usefixtures("closed_url")
async def test_response_url__that_takes_nothing_leads_to_a_direct_message(demo: DemoWorkspace) -> None:
    """Seen by the asker alone, and once."""
    done, before = done_count(demo), len(demo.slack.messages)
    delivery = await demo.slack.slash(user="alice", text=seed.CHOLECAP)
    await until(lambda: done_count(demo) > done, "the bot is done")
    assert delivery.answers == []
    (told,) = demo.slack.messages[before:]
    assert "31%" in told.text
    assert told in demo.slack.seen_by("alice", "dm")
    assert told.key not in {message.key for message in demo.slack.seen_by("bob")}


async def test_response_url__and_direct_message_both_closed(demo: DemoWorkspace) -> None:
    """Nothing can be told; the log says so, and the next command is answered."""
    demo.slack.faults.add("response_url", slack_faults.ApiError("used_url"))
    demo.slack.faults.add("conversations.open", slack_faults.ApiError("messages_tab_disabled"))
    done = done_count(demo)
    await demo.slack.slash(user="alice", text=seed.CHOLECAP)
    await until(lambda: done_count(demo) > done, "the bot is done")
    assert log_lines(demo)[-1]["outcome"] == "not delivered"
    assert "31%" in (await ask(demo, "alice", seed.CHOLECAP)).text


async def test_direct_message__whose_way_in_fails_for_a_moment(demo: DemoWorkspace) -> None:
    """The last way there is: it is tried again, and the answer comes once."""
    demo.slack.faults.add("response_url", slack_faults.ApiError("expired_url"))
    demo.slack.faults.add("conversations.open", slack_faults.Dropped(), times=4)
    done, before = done_count(demo), len(demo.slack.messages)
    await demo.slack.slash(user="alice", text=seed.CHOLECAP)
    await until(lambda: done_count(demo) > done, "the bot is done")
    assert demo.slack.faults.waiting("conversations.open") == 0
    (told,) = demo.slack.messages[before:]
    assert "31%" in told.text
    assert told in demo.slack.seen_by("alice", "dm")
