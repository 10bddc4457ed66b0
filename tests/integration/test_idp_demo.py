"""The demo's people sign in through the demo company's own provider, with the real bot as a process between."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.demo.idp import Fault, Kind
from bot.demo.vault import seed
from bot.demo.workspace import DemoCannotStart, DemoWorkspace, demo_workspace


@pytest.fixture
async def demo() -> AsyncIterator[DemoWorkspace]:
    async with demo_workspace() as one:
        yield one


async def test_link__by_the_companys_sign_in(demo: DemoWorkspace) -> None:
    await demo.link("alice", method="oidc")
    assert [one.kind for one in demo.idp.log if one.who == "alice"] == [
        Kind.SIGN_IN,
        Kind.TOKEN,
        Kind.USERINFO,
    ]
    assert "Launch-Film" in (await demo.ask("alice", "list")).text


async def test_link__of_a_chosen_vault(demo: DemoWorkspace) -> None:
    await demo.link("bob", seed.QUALITY, method="oidc")
    assert seed.QUALITY in (await demo.ask("bob", "whoami")).text


async def test_link__renewed_in_silence_until_the_company_ends_it(demo: DemoWorkspace) -> None:
    await demo.link("alice", method="oidc")
    for _ in range(3):
        demo.clock.advance(timedelta(hours=100))
        assert "active uploads in promomats" in (await demo.ask("alice", "list")).text
    assert [one.grant_type for one in demo.idp.log].count("refresh_token") == 3
    demo.clock.advance(timedelta(hours=50))
    assert demo.idp.revoke("alice") == 1
    assert "has ended" in (await demo.ask("alice", "list")).text


async def test_link__refused_by_the_company(demo: DemoWorkspace) -> None:
    demo.idp.faults.add(Fault.WRONG_NONCE)
    with pytest.raises(DemoCannotStart, match="403"):
        await demo.link("alice", method="oidc")
    assert "not linked" in (await demo.ask("alice", "list")).text
