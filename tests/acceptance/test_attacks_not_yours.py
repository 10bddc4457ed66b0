"""What Vault does not show must look the same from every side: words, calls, Slack's traffic, audit log."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from bot.demo.vault import NotVisible, seed
from bot.demo.workspace import DemoWorkspace
from tests.acceptance.operating import audit_rows, execute
from tests.acceptance.steps import (
    NOT_VISIBLE,
    Traffic,
    ask,
    buttons,
    calm,
    crafted_click,
    same_but,
    workspace,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNKNOWN = "0123456789abcdef0123456789abcdef"
IDS = (UNKNOWN, seed.BOB_ARCHIVE, seed.BOB_QUALITY, seed.ALICE_EXPIRED)
"""Unknown to all, somebody else's in the default Vault, somebody else's in the other one, and one's own that ended."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[DemoWorkspace]:
    """Alice in both Vaults, one of them by a link that renews itself."""
    async with workspace("bob") as demo:
        await demo.link("alice", seed.PROMOMATS, method="oidc")
        await demo.link("alice", seed.QUALITY)
        yield demo


@pytest_asyncio.fixture(loop_scope="module")
async def demo(shared: DemoWorkspace) -> DemoWorkspace:
    calm(shared)
    return shared


def vault_calls(demo: DemoWorkspace, after: int) -> list[tuple[str, str]]:
    """Where calls have gone and what they asked, in no order: the Vaults are asked at the same time."""
    return sorted((one.vault, one.endpoint.value) for one in demo.vault.log if one.number > after)


async def looked_up(demo: DemoWorkspace, upload_id: str, *, by_button: bool) -> tuple[Any, Any]:
    """The answer, and what an onlooker could count of the way to it."""
    after, traffic = demo.vault.log[-1].number, Traffic(demo)
    if by_button:
        value = f'{{"u": "{upload_id}"}}'
        answer = await crafted_click(demo, "alice", "refresh", value)
    else:
        answer = await ask(demo, "alice", upload_id)
    shape = [(one["action_id"], one.get("value", "").replace(upload_id, "<id>")) for one in buttons(answer)]
    seen = (vault_calls(demo, after), traffic.web_api_calls, len(traffic.slack_calls), shape)
    return answer, seen


@pytest.mark.parametrize("by_button", [False, True])
@pytest.mark.parametrize("variant", list(NotVisible))
async def test_not_yours__is_like_not_found_in_every_call(
    demo: DemoWorkspace, variant: NotVisible, by_button: bool
) -> None:
    """The same requests to the same Vaults, whatever Vault itself answers: so neither words nor time tell."""
    demo.vault.not_visible = variant
    try:
        found = [await looked_up(demo, one, by_button=by_button) for one in IDS]
    finally:
        demo.vault.not_visible = NotVisible.INVALID_DATA
    assert same_but([(answer, one) for (answer, _), one in zip(found, IDS, strict=True)])
    assert NOT_VISIBLE in found[0][0].text
    assert len({repr(seen) for _, seen in found}) == 1
    assert found[0][1][0] == [
        ("promomats", "list_uploads"),
        ("promomats", "upload_details"),
        ("quality", "upload_details"),
    ]


async def test_not_yours__in_a_named_vault_is_like_not_found(demo: DemoWorkspace) -> None:
    ids = [f"{one} @quality" for one in IDS]
    found = [await looked_up(demo, one, by_button=False) for one in ids]
    texts = {answer.text.replace(one, "<id>") for (answer, _), one in zip(found, IDS, strict=True)}
    assert len(texts) == 1
    assert len({repr(seen) for _, seen in found}) == 1


async def test_not_yours__leaves_the_same_audit_rows(demo: DemoWorkspace) -> None:
    """So that who may read the log learns nothing of others' uploads either."""
    before = execute(demo, "SELECT count(*) FROM audit_log")[0][0]
    for one in IDS:
        await ask(demo, "alice", one)
    rows = (await audit_rows(demo))[before:]
    fresh = ("seq", "at", "hash", "reference", "upload_id", "execution_id")
    assert [row["upload_id"] for row in rows] == list(IDS)
    assert len({repr([value for name, value in row.items() if name not in fresh]) for row in rows}) == 1
    assert {len(row["execution_id"].split()) for row in rows} == {3}
