"""“Alice types an id, Alice sees a card”, both ways in and on both databases."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.demo.vault import seed
from bot.demo.workspace import DemoWorkspace
from tests.acceptance.steps import NOT_VISIBLE, Traffic, ask, buttons, calm, click, shown, workspace

pytestmark = pytest.mark.asyncio(loop_scope="module")

CARD = (
    "Cholecap-Commercial-2021.mp4",
    "/u10001400/cholecap-2021/Cholecap-Commercial-2021.mp4",
    "31%",
    "10.0 MB of 31.3 MB",
    "2 parts",
    "Uploading",
    "Alice Moreau (you)",
    "promomats",
)
PHASES = {
    seed.ALICE_NOT_STARTED: ("Not started", "0%", "0 bytes of 40.0 GB", "0 parts"),
    seed.CHOLECAP: ("Uploading", "31%", "10.0 MB of 31.3 MB", "2 parts"),
    seed.ALICE_STALLED: ("Stalled", "42%", "3.0 GB of 7.0 GB", "121 parts"),
    seed.ALICE_UNCOMMITTED: ("Uploaded, not committed", "100%", "40.0 MB of 40.0 MB", "8 parts"),
    seed.ALICE_OLD_STYLE: ("Stalled", "25%", "15.0 MB of 60.0 MB", "3 parts"),
    seed.ALICE_EXPIRING: ("Uploading", "81%", "4.9 GB of 6.0 GB", "251 parts"),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["http", "socket"])
async def either_way(request: pytest.FixtureRequest) -> AsyncIterator[DemoWorkspace]:
    """A workspace on SQLite, reached by HTTP or by Socket Mode."""
    async with workspace("alice", socket_mode=request.param == "socket") as demo:
        yield demo


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["http", "socket"])
async def on_postgresql(request: pytest.FixtureRequest) -> AsyncIterator[DemoWorkspace]:
    """A workspace on PostgreSQL, reached by HTTP or by Socket Mode."""
    server = request.getfixturevalue("postgres_server")
    with server.database() as url:
        async with workspace(
            "alice", socket_mode=request.param == "socket", settings={"DATABASE_URL": url}
        ) as demo:
            yield demo


async def _alice_asks_once(demo: DemoWorkspace) -> None:
    calm(demo)
    traffic = Traffic(demo)
    card = await ask(demo, "alice", seed.CHOLECAP)
    for fact in CARD:
        assert fact in card.text
        assert fact in shown(card).partition("\n")[2], f"{fact} is missing in the blocks"
    assert card.is_ephemeral
    assert card.key not in {message.key for message in demo.slack.seen_by("bob")}
    assert traffic.vault_calls == 1
    assert traffic.web_api_calls == []
    assert len(traffic.slack_calls) == 1


async def test_status__sqlite(either_way: DemoWorkspace) -> None:
    """One Vault call, one answer, and no other call of Slack."""
    await _alice_asks_once(either_way)


async def test_status__postgresql(on_postgresql: DemoWorkspace) -> None:
    """One Vault call, one answer, and no other call of Slack."""
    await _alice_asks_once(on_postgresql)


async def test_status__a_second_look_costs_the_same(either_way: DemoWorkspace) -> None:
    """Nothing was kept from the first: Vault is asked again, once."""
    await _alice_asks_once(either_way)
    await _alice_asks_once(either_way)


@pytest.mark.parametrize("upload_id", PHASES, ids=[f"{facts[0]} {facts[1]}" for facts in PHASES.values()])
async def test_phase__is_told(demo: DemoWorkspace, upload_id: str) -> None:
    card = await ask(demo, "alice", upload_id)
    for fact in PHASES[upload_id]:
        assert fact in card.text
        assert fact in shown(card).partition("\n")[2]


async def test_phase__uploaded_says_what_to_do(demo: DemoWorkspace) -> None:
    card = await ask(demo, "alice", seed.ALICE_UNCOMMITTED)
    assert "Commit it" in card.text
    assert "no file until the upload is committed" in card.text


async def test_phase__expiring_warns(demo: DemoWorkspace) -> None:
    card = await ask(demo, "alice", seed.ALICE_EXPIRING)
    assert "At this pace it will expire first" in card.text


async def test_phase__expired_is_no_longer_visible(demo: DemoWorkspace) -> None:
    """One seeded as expired, and one that a moving clock takes away."""
    seeded = await ask(demo, "alice", seed.ALICE_EXPIRED)
    assert NOT_VISIBLE in seeded.text
    made = demo.vault.create_upload("alice", "/soon/gone.bin", 1000)
    assert "gone.bin" in (await ask(demo, "alice", made.id)).text
    demo.vault.expire(made.id)
    gone = await ask(demo, "alice", made.id)
    assert NOT_VISIBLE in gone.text
    assert "gone.bin" not in shown(gone)


async def test_refresh__replaces_the_card_in_place(demo: DemoWorkspace) -> None:
    """A part arrives; the same message, still only Alice's, tells of it. Refreshing goes on working."""
    made = demo.vault.create_upload("alice", "/refresh/film.mov", 20 * seed.GIBIBYTE // 1024)
    card = await ask(demo, "alice", made.id)
    assert "0%" in card.text
    for percent in ("25%", "50%", "75%"):
        demo.vault.send_part(made.id)
        traffic = Traffic(demo)
        fresh = await click(demo, "alice", card, "refresh")
        assert fresh.key == card.key
        assert fresh.is_ephemeral
        assert percent in fresh.text
        assert traffic.vault_calls == 1
        assert traffic.web_api_calls == []
        card = fresh
    demo.vault.abort(made.id)
    gone = await click(demo, "alice", card, "refresh")
    assert gone.key == card.key
    assert NOT_VISIBLE in gone.text


async def test_refresh__an_id_with_markup_at_its_ends(demo: DemoWorkspace) -> None:
    """Underscores and dots at the ends belong to the id; a button's value is no pasted text."""
    made = demo.vault.create_upload("alice", "/odd/ends.bin", 1000)
    for odd in ("_under_score_ends_", ".dotted.ends."):
        demo.vault.upload(made.id)
        vault, upload = demo.vault._find(made.id)
        vault.staging.drop(upload)
        upload.id = odd
        vault.staging.add(upload)
        made = upload
        listed = await ask(demo, "alice", "list")
        if odd not in shown(listed):
            listed = await click(demo, "alice", listed, "open_list:next")
        block = next(one["block_id"] for one in buttons(listed) if f'"{odd}"' in one.get("value", ""))
        traffic = Traffic(demo)
        card = await click(demo, "alice", listed, "refresh", block_id=block)
        assert "ends.bin" in card.text
        assert "Reading this as" not in card.text
        assert traffic.vault_calls == 1
    demo.vault.abort(made.id)


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param(seed.CHOLECAP.removesuffix("--") + "\u2014", id="em dash"),
        pytest.param(seed.CHOLECAP.removesuffix("--") + "\u2013", id="en dash"),
        pytest.param(f"`{seed.CHOLECAP}`", id="backticks"),
        pytest.param(f"```{seed.CHOLECAP}```", id="code block"),
        pytest.param(f"*{seed.CHOLECAP}*", id="bold"),
        pytest.param(f"\u201c{seed.CHOLECAP}\u201d", id="smart quotes"),
        pytest.param(f"{seed.CHOLECAP}.", id="full stop"),
        pytest.param(f"\u200b{seed.CHOLECAP}\ufeff", id="invisible"),
        pytest.param(seed.CHOLECAP.replace("-", "\u2011"), id="hyphens of a PDF"),
        pytest.param(f"<https://HOST/api/v24.3/services/file_staging/upload/{seed.CHOLECAP}>", id="link"),
        pytest.param(
            f"https://HOST/api/v24.3/services/file_staging/upload/{seed.CHOLECAP}/parts", id="address"
        ),
        pytest.param(
            seed.CHOLECAP.replace("SyHn", "SyHn").replace("Sy.HnUj", "<http://Sy.HnUj|Sy.HnUj>"),
            id="auto-link",
        ),
    ],
)
async def test_pasted__is_understood(demo: DemoWorkspace, typed: str) -> None:
    """What Slack, keyboards and documents make of an id; the card says how it was read."""
    card = await ask(demo, "alice", typed.replace("HOST", demo.vault.vaults["promomats"].dns))
    assert "Cholecap-Commercial-2021.mp4" in card.text
    if not typed.startswith("\u200b"):
        assert f"Reading this as `{seed.CHOLECAP}`" in card.text


async def test_pasted__as_it_is_needs_no_note(demo: DemoWorkspace) -> None:
    for typed in (
        seed.CHOLECAP,
        f"  {seed.CHOLECAP}  ",
        f"status {seed.CHOLECAP}",
        f"STATUS  {seed.CHOLECAP}",
    ):
        card = await ask(demo, "alice", typed)
        assert "31%" in card.text
        assert "Reading this as" not in card.text


async def test_vault__another_is_named_behind_the_id(demo: DemoWorkspace) -> None:
    """Alice is linked to promomats alone: first a link button for quality, then the card from there."""
    asked = await ask(demo, "alice", f"{seed.ALICE_QUALITY} @quality")
    assert "not linked" in asked.text
    assert "quality" in asked.text
    await demo.link("alice", "quality")
    for typed in ("@quality", " @QUALITY", f"@{demo.vault.vaults['quality'].dns}"):
        card = await ask(demo, "alice", f"{seed.ALICE_QUALITY}{typed}")
        assert "Site-Audit-Recordings.zip" in card.text
        assert "Vault: quality" in card.text
    address = (
        f"{demo.vault.vaults['quality'].url}/api/v24.3/services/file_staging/upload/{seed.ALICE_QUALITY}"
    )
    assert "Site-Audit-Recordings.zip" in (await ask(demo, "alice", address)).text
    here = await ask(demo, "alice", f"{seed.ALICE_QUALITY} @promomats")
    assert NOT_VISIBLE in here.text
    await ask(demo, "alice", "unlink quality")


async def test_vault__unknown_names_those_that_exist(demo: DemoWorkspace) -> None:
    traffic = Traffic(demo)
    answer = await ask(demo, "alice", f"{seed.CHOLECAP} @clinical")
    assert "no Vault called “clinical”" in answer.text
    assert "promomats, quality" in answer.text
    assert traffic.vault_calls == 0


async def test_awkward_name__comes_through_as_text(demo: DemoWorkspace) -> None:
    """Nothing of a file's name becomes markup."""
    card = await ask(demo, "alice", seed.ALICE_AWKWARD)
    assert 'Q3 &lt;final&gt; &amp; "véry" *long*' in card.text
    assert not re.search(r"<(?!!date)", card.text)
