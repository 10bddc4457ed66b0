"""Random people, links and uploads, and forty requests at once: nobody reads what Vault would not give them."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.demo.slack.delivery import Delivery
from bot.demo.vault import seed
from bot.demo.vault.uploads import Upload
from bot.demo.workspace import CHANNEL, DemoWorkspace
from tests.acceptance.steps import action_payload, ask, link_by_token, shown, workspace

pytestmark = pytest.mark.asyncio(loop_scope="module")

SLACK_PEOPLE = ("alice", "bob", "vera", "nils")
VAULT_PEOPLE = ("alice", "bob", "vera")
VAULTS = (seed.PROMOMATS, seed.QUALITY)
WAYS = (
    "status",
    "status elsewhere",
    "refresh",
    "list",
    "open_list",
    "near id",
    "near name",
    "address",
    "whoami",
)

links = st.dictionaries(
    st.tuples(st.sampled_from(SLACK_PEOPLE), st.sampled_from(VAULTS)),
    st.sampled_from(VAULT_PEOPLE),
    max_size=6,
)
owners = st.lists(st.tuples(st.sampled_from(VAULT_PEOPLE), st.sampled_from(VAULTS)), min_size=2, max_size=6)
requests = st.lists(
    st.tuples(st.sampled_from(SLACK_PEOPLE), st.sampled_from(WAYS), st.integers(0, 5)),
    min_size=30,
    max_size=40,
)


@dataclass
class Marked:
    """An upload whose folder and name occur nowhere else."""

    upload: Upload
    vault: str
    folder: str
    name: str


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def anyone() -> AsyncIterator[DemoWorkspace]:
    """A workspace in which anybody may link as anybody, so that links can be random."""
    async with workspace(settings={"LINK_ANY_EMAIL": "true"}) as demo:
        yield demo


@given(linked=links, owned=owners, asked=requests)
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_isolation__whoever_asks_for_whatever_at_once(
    anyone: DemoWorkspace,
    linked: dict[tuple[str, str], str],
    owned: list[tuple[str, str]],
    asked: list[tuple[str, str, int]],
) -> None:
    """The oracle is Vault's own rule: the owner, and an Admin, of the Vault they are linked to."""
    demo = anyone
    for person in SLACK_PEOPLE:
        await ask(demo, person, "unlink all")
    for (person, vault), as_user in linked.items():
        assert (await link_by_token(demo, person, vault=vault, as_user=as_user)).status_code == 200
    marked = [_plant(demo, owner, vault) for owner, vault in owned]
    before = len(demo.slack.messages)
    try:
        deliveries = await asyncio.gather(
            *(_request(demo, person, way, marked[number % len(marked)]) for person, way, number in asked)
        )
    finally:
        for one in marked:
            demo.vault.abort(one.upload.id)
    assert all(len(delivery.answers) == 1 for delivery in deliveries)
    for message in demo.slack.messages[before:]:
        reader = next(one.name for one in demo.slack.workspace.users.values() if one.id == message.visible_to)
        for one in marked:
            if not _may_see(linked, reader, one):
                assert one.folder not in shown(message), f"{reader} read the path of {one.upload.owner.key}'s"
                assert one.name not in shown(message), f"{reader} read the name of {one.upload.owner.key}'s"
                assert str(one.upload.size) not in shown(message)
    # And not because nobody was told anything:
    for (person, way, number), delivery in zip(asked, deliveries, strict=True):
        wanted = marked[number % len(marked)]
        if way == "address" and _may_see(linked, person, wanted):
            assert wanted.name in delivery.answers[0].text


def _plant(demo: DemoWorkspace, owner: str, vault: str) -> Marked:
    folder, name = f"folder-{secrets.token_hex(6)}", f"name-{secrets.token_hex(6)}.bin"
    size = 10**9 + secrets.randbelow(10**9)
    return Marked(
        demo.vault.create_upload(owner, f"/{folder}/{name}", size, vault=vault), vault, folder, name
    )


def _may_see(linked: dict[tuple[str, str], str], reader: str, one: Marked) -> bool:
    vault_user = linked.get((reader, one.vault))
    return vault_user is not None and vault_user in (one.upload.owner.key, "vera")


async def _request(demo: DemoWorkspace, person: str, way: str, one: Marked) -> Delivery:
    host = demo.vault.vaults[one.vault].dns
    texts = {
        "status": one.upload.id,
        "status elsewhere": f"{one.upload.id} @{next(name for name in VAULTS if name != one.vault)}",
        "list": f"list {one.vault}",
        # A wrong digit, and not the name itself: what the asker typed is said back.
        "near id": one.upload.id[:-1] + "x",
        "near name": f"x{one.upload.id[:20]}",
        "address": f"http://{host}/api/v24.3/services/file_staging/upload/{one.upload.id}",
        "whoami": "whoami",
    }
    if way in texts:
        delivery = await demo.slack.slash(user=person, channel=CHANNEL, text=texts[way])
    else:
        delivery = Delivery("interactive", demo.clock.now(), {}, demo.slack.workspace.user(person).id)
        place, user = demo.slack.workspace.channel(CHANNEL), demo.slack.workspace.user(person)
        value = json.dumps({"u": one.upload.id, "v": host})
        url = demo.slack._response_url(delivery, place, user)
        delivery.payload = {**action_payload(demo, person, way, value), "response_url": url}
        await demo.slack._deliver(delivery)
    await delivery.answered(timeout=60)
    return delivery
