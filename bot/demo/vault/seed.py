"""The demo's first data: four people, two Vaults, and upload sessions in every phase."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from bot.demo.vault.uploads import MEBIBYTE, Upload
from bot.demo.vault.users import User

if TYPE_CHECKING:
    from bot.demo.vault.domain import Domain

GIBIBYTE: Final = 1024 * MEBIBYTE

PROMOMATS: Final = "promomats"
QUALITY: Final = "quality"

PASSWORDS: Final = {
    "alice": "alice-demo-1",
    "bob": "bob-demo-1",
    "vera": "vera-demo-1",
    "nils": "nils-demo-1",
}
"""Demo passwords, printed for everyone to read."""

# Alice, in promomats
CHOLECAP: Final = "Vx3kQ9_dWm.7hTzR0aLcY2uPfE8sNgJb5oIi1KtXq4_ZlMvBrCe6DwSy.HnUjOpAxGF9T_e2--"
"""The example of Veeva's documentation: 31 % of a video, two parts."""
ALICE_NOT_STARTED: Final = "3b9f1c70a5de4826b1f04c9d7e2a6058"
ALICE_STALLED: Final = "c41e6a09f7b84d3d92ab5e10f83c7d24"
ALICE_UNCOMMITTED: Final = "e2a94d7760c84b51937d0f3ab86c2d5e"
ALICE_EXPIRING: Final = "58d7b2f3c90e4a1fa6e3471b0c9d8f62"
ALICE_MOVING: Final = "7b0e42c9d15f4a3e8f60b2a7c9d4e113"
ALICE_OLD_STYLE: Final = ".Qm3xZr8_Lk0vTWd9aYb7.nP2sHf5uGcE1jXoK4tVi6_MzR0qDw7hBn3Ypl5sJt9xAeUo2Rk--"
ALICE_AWKWARD: Final = "a06c85e14f2b4793bd51f08e6c37a92d"
ALICE_EXPIRED: Final = "19f4c7d82e6b4a05b3d1708fe54ac963"
# Bob, in promomats
BOB_ARCHIVE: Final = "0d5c1b8fa3e74962b1d07f6e5a4c3928"
BOB_UPLOADING: Final = "f61d30b97c2e4a84a5e8b7130d94c6f2"
BOB_UNCOMMITTED: Final = "84a2e9c5170d4fb6b92c3e68f05d71ab"
# Vera, the Admin, in promomats
VERA_ROOT: Final = "d20f7e58b6a94c13875e0b4a9c61f3d7"
# In quality
ALICE_QUALITY: Final = "6e93a1d40b7f4c528d2f5a06e81bc497"
BOB_QUALITY: Final = "b57c08f2e1d34a69a40e92d6c3f871b5"


@dataclass(frozen=True, kw_only=True)
class SeededUpload:
    """One upload session to plant, its times counted back from now."""

    id: str
    owner: str
    path: str
    """From the staging root."""
    size: int
    part_size: int
    age: timedelta
    parts: int = 0
    """Full parts that are there; -1 for all of the file."""
    quiet_for: timedelta = timedelta(0)
    """Since the last part."""
    vault: str = PROMOMATS
    bytes_per_second: float = 0
    """Above 0: it keeps moving."""
    overwrite: bool = False
    path_as_given: bool = False
    old_style: bool = False


def _minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def _hours(count: float) -> timedelta:
    return timedelta(hours=count)


UPLOADS: Final = (
    SeededUpload(
        id=CHOLECAP, owner="alice", path="/u10001400/cholecap-2021/Cholecap-Commercial-2021.mp4",
        size=32862312, part_size=5242880, age=_minutes(12), parts=2, quiet_for=_minutes(4),
        path_as_given=True, overwrite=True,
    ),
    SeededUpload(
        id=ALICE_NOT_STARTED, owner="alice", path="/u10001400/archive/Congress-Archive-2015-2024.tar",
        size=40 * GIBIBYTE, part_size=25 * MEBIBYTE, age=_minutes(35),
    ),
    SeededUpload(
        id=ALICE_STALLED, owner="alice", path="/u10001400/wave2/Safety-Narratives-wave2.zip",
        size=7 * GIBIBYTE, part_size=25 * MEBIBYTE, age=_hours(20), parts=121, quiet_for=_hours(5),
        overwrite=True,
    ),
    SeededUpload(
        id=ALICE_UNCOMMITTED, owner="alice", path="/u10001400/wave2/video-demo.mp4",
        size=41943040, part_size=5242880, age=_hours(26), parts=-1, quiet_for=_hours(25),
    ),
    SeededUpload(
        id=ALICE_EXPIRING, owner="alice", path="/u10001400/launch/Launch-Film-Master-4K.mov",
        size=6 * GIBIBYTE, part_size=20 * MEBIBYTE, age=_hours(72) - _minutes(47), parts=251,
        quiet_for=_minutes(9),
    ),
    SeededUpload(
        id=ALICE_MOVING, owner="alice", path="/u10001400/wave2/m5-datasets.zip",
        size=90 * GIBIBYTE, part_size=50 * MEBIBYTE, age=_hours(2), parts=864, quiet_for=_minutes(0.1),
        bytes_per_second=6 * MEBIBYTE, overwrite=True,
    ),
    SeededUpload(
        id=ALICE_OLD_STYLE, owner="alice", path="/u10001400/wave1/label set.pdf",
        size=62914560, part_size=5242880, age=_hours(50), parts=3, quiet_for=_hours(49), old_style=True,
    ),
    SeededUpload(
        id=ALICE_AWKWARD, owner="alice",
        path='/u10001400/odd names/Q3 <final> & "véry" *long* _name_ `of` ~a~ file – '
        "Überprüfung der Packungsbeilage für alle Märkte 2021–2024 (rev 12).zip",
        size=3 * GIBIBYTE, part_size=10 * MEBIBYTE, age=_hours(3), parts=100, quiet_for=_minutes(2),
    ),
    SeededUpload(
        id=ALICE_EXPIRED, owner="alice", path="/u10001400/wave0/pilot-export.zip",
        size=2 * GIBIBYTE, part_size=10 * MEBIBYTE, age=_hours(80), parts=40, quiet_for=_hours(78),
    ),
    SeededUpload(
        id=BOB_ARCHIVE, owner="bob", path="/u10001522/exports/archive.tar.gz",
        size=80 * GIBIBYTE, part_size=50 * MEBIBYTE, age=_hours(4), parts=310, quiet_for=_minutes(1),
        overwrite=True,
    ),
    SeededUpload(
        id=BOB_UPLOADING, owner="bob", path="/u10001522/podcasts/Episode-07-raw.wav",
        size=900 * MEBIBYTE, part_size=10 * MEBIBYTE, age=_minutes(40), parts=12, quiet_for=_minutes(3),
    ),
    SeededUpload(
        id=BOB_UNCOMMITTED, owner="bob", path="/u10001522/print/Poster-A0-proof.tif",
        size=734003200, part_size=25 * MEBIBYTE, age=_hours(9), parts=-1, quiet_for=_hours(8),
    ),
    SeededUpload(
        id=VERA_ROOT, owner="vera", path="/migration-wave-3.csv.gz",
        size=1536 * MEBIBYTE, part_size=25 * MEBIBYTE, age=_hours(1), parts=20, quiet_for=_minutes(5),
    ),
    SeededUpload(
        id=ALICE_QUALITY, owner="alice", path="/u10001400/audit/Site-Audit-Recordings.zip",
        size=12 * GIBIBYTE, part_size=25 * MEBIBYTE, age=_hours(6), parts=200, quiet_for=_minutes(6),
        vault=QUALITY,
    ),
    SeededUpload(
        id=BOB_QUALITY, owner="bob", path="/u10001522/batch/Batch-Records-2024.zip",
        size=5 * GIBIBYTE, part_size=10 * MEBIBYTE, age=_hours(11), parts=30, quiet_for=_hours(7),
        vault=QUALITY,
    ),
)  # fmt: skip
"""Every upload session the demo begins with."""


def access_token(user: str, vault: str) -> str:
    """The fixed API access token of a demo person for a Vault."""
    digest = hashlib.sha256(f"{user}@{vault}".encode()).hexdigest()[:32]
    return f"veeva-vault-demo-{user}-{vault}-{digest}"


ACCESS_TOKENS: Final = {
    (user, vault): access_token(user, vault) for user in PASSWORDS for vault in (PROMOMATS, QUALITY)
}
"""The same tokens by (person, Vault), for the demo to print."""


def plant(domain: "Domain", now: datetime) -> None:
    """Fill an empty domain; every time is counted from `now`."""
    now = now.replace(microsecond=0)
    long_ago = now - timedelta(days=900)
    promomats = domain.add_vault(PROMOMATS, 48120, "Nordlicht PromoMats", long_ago)
    quality = domain.add_vault(QUALITY, 48133, "Nordlicht Quality", long_ago + timedelta(days=90))
    for user_id, key, first_name, last_name, profile, staging_access in (
        (10001400, "alice", "Alice", "Moreau", "document_user__v", True),
        (10001522, "bob", "Bob", "Tanaka", "document_user__v", True),
        (10000012, "vera", "Vera", "Lindqvist", "vault_owner__v", True),
        (10001777, "nils", "Nils", "Okafor", "document_user__v", False),
    ):
        user = User(
            key=key,
            id=user_id,
            user_name=f"{key}@nordlicht.example",
            email=f"{first_name}.{last_name}@nordlicht.example".lower(),
            first_name=first_name,
            last_name=last_name,
            password=PASSWORDS[key],
            created=long_ago,
            vault_ids={promomats.id, quality.id},
            security_profile=profile,
            staging_access=staging_access,
        )
        domain.add_user(user)
        for vault in (promomats, quality):
            token = ACCESS_TOKENS[key, vault.key]
            domain.logins.grant(token, user, vault.id, now + timedelta(days=90))
    for seeded in UPLOADS:
        _plant_upload(domain, seeded, now)


def _plant_upload(domain: "Domain", seeded: SeededUpload, now: datetime) -> None:
    staging = domain.vaults[seeded.vault].staging
    created = now - seeded.age
    upload = Upload(
        id=seeded.id,
        owner=domain.users[seeded.owner],
        path=seeded.path,
        size=seeded.size,
        created=created,
        expires=created + staging.limits.lifetime,
        overwrite=seeded.overwrite,
        part_size=seeded.part_size,
        path_as_given=seeded.path_as_given,
        old_style=seeded.old_style,
    )
    arrival = now - seeded.quiet_for
    while upload.next_part_size() and len(upload.parts) != seeded.parts:
        upload.put_part(len(upload.parts) + 1, upload.next_part_size(), arrival)
    if seeded.bytes_per_second:
        upload.let_run(seeded.bytes_per_second, arrival)
    staging.add(upload)
