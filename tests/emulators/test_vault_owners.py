"""Owner isolation as a property: nobody is shown an upload session that Vault would not give them."""

import asyncio

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.demo.vault import Upload, User
from bot.demo.vault.users import ADMIN_PROFILES
from tests.emulators.vault_world import UPLOADS, World, error_of, open_world

PROFILES = ["document_user__v", "business_admin__v", *sorted(ADMIN_PROFILES)]
VAULTS = ["promomats", "quality"]

Made = list[tuple[Upload, str, bool]]
"""Upload sessions, the Vault each lies in, and whether it has expired."""

people = st.lists(st.tuples(st.sampled_from(PROFILES), st.booleans()), min_size=1, max_size=4)
uploads = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(VAULTS), st.integers(0, 10**12), st.booleans()), max_size=8
)


def _add_person(world: World, number: int, profile: str, staging_access: bool) -> User:
    user = User(
        key=f"p{number}",
        id=20000000 + number,
        user_name=f"p{number}@nordlicht.example",
        email=f"p{number}@nordlicht.example",
        first_name="P",
        last_name=str(number),
        password="p",
        created=world.clock.now(),
        vault_ids={vault.id for vault in world.emulator.vaults.values()},
        security_profile=profile,
        staging_access=staging_access,
    )
    for vault in world.emulator.vaults.values():
        token = f"veeva-vault-{user.key}-{vault.key}"
        world.emulator.domain.logins.grant(token, user, vault.id, world.clock.now().replace(year=2999))
    return world.emulator.domain.add_user(user)


async def _look_at_all(persons: list[tuple[str, bool]], wished: list[tuple[int, str, int, bool]]) -> None:
    async with open_world() as world:
        for upload in world.emulator.uploads():
            world.emulator.abort(upload.id)
        users = [_add_person(world, number, *person) for number, person in enumerate(persons)]
        made: Made = []
        for owner, vault, size, expired in wished:
            upload = world.emulator.create_upload(
                users[owner % len(users)], f"f{len(made)}", size, vault=vault
            )
            made.append((upload, vault, expired))
        for upload, _, expired in made:
            if expired:
                world.emulator.expire(upload.id)
        looks = [_look(world, user, vault, made) for user in users for vault in VAULTS]
        await asyncio.gather(*looks)


async def _look(world: World, user: User, vault: str, made: Made) -> None:
    """What one person is shown of one Vault, while the others look too."""
    authorization = f"Bearer veeva-vault-{user.key}-{vault}"
    entitled = {
        upload.id
        for upload, home, expired in made
        if home == vault and not expired and (upload.owner is user or user.is_admin)
    }
    listed = (await world.call("GET", UPLOADS, vault=vault, authorization=authorization)).json()
    if user.staging_access:
        assert {record["id"] for record in listed["data"]} == entitled
    else:
        assert error_of(listed) == "INSUFFICIENT_ACCESS"
        entitled = set()
    paths = [(upload.id, f"{UPLOADS}/{upload.id}{rest}") for upload, _, _ in made for rest in ("", "/parts")]
    answers = await asyncio.gather(
        *(world.call("GET", path, vault=vault, authorization=authorization) for _, path in paths)
    )
    refusals = set()
    for (upload_id, _), answer in zip(paths, answers, strict=True):
        assert (error_of(answer.json()) is None) == (upload_id in entitled)
        if upload_id not in entitled:
            refusals.add(answer.content)
    assert len(refusals) <= 1


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(persons=people, wished=uploads)
def test_owners__see_their_own_and_admins_see_all(
    persons: list[tuple[str, bool]], wished: list[tuple[int, str, int, bool]]
) -> None:
    asyncio.run(_look_at_all(persons, wished))
