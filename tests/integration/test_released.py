"""What `make dist` and `make sbom` write: the archives, the bill of materials, the licences."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

import bot

ROOT = Path(__file__).parent.parent.parent
PROJECT = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text("utf-8"))["project"]
STRAYS = (
    ".env",
    "data/bot.db",
    "dist/old.whl",
    "notes.txt",
    "ops/secrets/encryption_keys",
    "bot/__pycache__/x.pyc",
    "bot/bot.db",
    "bot/bot.db-wal",
    "ops/backups/bot-monday.dump",
    "docs/before-restore/audit.jsonl",
)
"""What may lie about in a folder that is worked in, and belongs to nobody else."""
NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", ".*_cache", ".hypothesis", "node_modules", "__pycache__", "shots", "dist"
)


def make(target: str, folder: Path, *, cwd: Path = ROOT, before: Sequence[str] = ()) -> None:
    """Run a target of the Makefile into a folder, in the environment the tests run in; it must succeed."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    with tempfile.TemporaryDirectory() as near:
        # make takes no path with a space in it for a target.
        venv = Path(near) / "venv"
        venv.symlink_to(sys.prefix)
        # `.dev` is there, or the tests run elsewhere: nothing is installed here.
        command = [
            *before, "make", "--no-print-directory", target,
            f"VENV={venv}", f"DIST={folder}", f"--old-file={venv}/.dev",
        ]  # fmt: skip
        done = subprocess.run(
            command, cwd=cwd, env=kept, capture_output=True, text=True, timeout=150, check=False
        )
    assert done.returncode == 0, done.stdout + done.stderr


# Archives


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this checkout, which nobody works on meanwhile."""
    folder = tmp_path_factory.mktemp("source") / "checkout"
    shutil.copytree(ROOT, folder, ignore=NOT_COPIED)
    return folder


@pytest.fixture(scope="module")
def dist(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make dist` makes of it."""
    folder = tmp_path_factory.mktemp("dist") / "a folder"
    make("dist", folder, cwd=source)
    return folder


def names_in(sdist: Path) -> set[str]:
    """The files in a source archive, by their place in the repository."""
    with tarfile.open(sdist) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


def source_archive(folder: Path) -> Path:
    return folder / f"vault_upload_bot-{bot.__version__}.tar.gz"


def wheel(folder: Path) -> Path:
    return folder / f"vault_upload_bot-{bot.__version__}-py3-none-any.whl"


def test_dist__is_a_wheel_and_a_source_archive(dist: Path) -> None:
    assert {path.name for path in dist.iterdir()} == {wheel(dist).name, source_archive(dist).name}


def test_sdist__holds_what_building_and_testing_needs(source: Path, dist: Path) -> None:
    held = names_in(source_archive(dist))
    needed = {
        "pyproject.toml",
        "Makefile",
        "README.md",
        "CHANGELOG.md",
        "LICENSE",
        "manifest.yaml",
        ".env.example",
    }
    needed |= {
        "requirements.lock",
        "requirements-dev.lock",
        "Dockerfile",
        ".dockerignore",
        ".gitignore",
        ".ci/run",
    }
    needed |= {
        "tests/test_contracts.py",
        "bench/__main__.py",
        "ops/compose.sqlite.yaml",
        "docs/why.md",
        "PKG-INFO",
    }
    needed |= {path.relative_to(source).as_posix() for path in source.joinpath("bot").rglob("*.py")}
    assert needed <= held
    wrong = [
        name
        for name in held
        if re.search(r"\.pyc$|(^|/)(\.venv|\.git|dist|data|node_modules|secrets|__pycache__)/", name)
    ]
    assert wrong == []


def test_sdist__is_enough_to_build_the_same_wheel(dist: Path, tmp_path: Path) -> None:
    with tarfile.open(source_archive(dist)) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    make("dist", tmp_path / "again", cwd=unpacked)
    assert wheel(tmp_path / "again").read_bytes() == wheel(dist).read_bytes()


def test_dist__is_the_same_to_the_byte_from_another_copy(source: Path, dist: Path, tmp_path: Path) -> None:
    """Copied at another time, with other rights, in a folder with a space, amid what somebody left lying about."""
    copy = tmp_path / "another copy"
    shutil.copytree(source, copy)
    for stray in STRAYS:
        copy.joinpath(stray).parent.mkdir(parents=True, exist_ok=True)
        copy.joinpath(stray).write_text("hush", "utf-8")
    for number, path in enumerate(sorted(copy.rglob("*.py"))):
        os.utime(path, (1_600_000_000 + number, 1_600_000_000 + number))
        path.chmod(0o600)
    make("dist", tmp_path / "made", cwd=copy, before=["sh", "-c", 'umask 077; exec "$@"', "sh"])
    for archive in (source_archive, wheel):
        assert archive(tmp_path / "made").read_bytes() == archive(dist).read_bytes()


def test_wheel__holds_no_tests_and_no_tools(dist: Path) -> None:
    with zipfile.ZipFile(wheel(dist)) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
        scripts = archive.read(f"vault_upload_bot-{bot.__version__}.dist-info/entry_points.txt").decode()
    assert tops == {"bot", f"vault_upload_bot-{bot.__version__}.dist-info"}
    assert "vault-upload-bot = bot.cli:main" in scripts


# Bills


@pytest.fixture(scope="module")
def bills(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make sbom` writes."""
    folder = tmp_path_factory.mktemp("bills")
    make("sbom", folder)
    return folder


def pins() -> dict[str, str]:
    """The libraries of requirements.lock and their versions."""
    text = ROOT.joinpath("requirements.lock").read_text("utf-8")
    return dict(re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==([^\s\\;]+)", text, re.MULTILINE))


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture
def sbom(bills: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(bills.joinpath("sbom.cdx.json").read_text("utf-8"))
    return read


def test_sbom__is_valid(bills: Path) -> None:
    text = bills.joinpath("sbom.cdx.json").read_text("utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_sbom__has_every_library_we_run_on_and_no_other(sbom: dict[str, Any]) -> None:
    held = {normal(one["name"]): one["version"] for one in sbom["components"]}
    assert held == {normal(name): version for name, version in pins().items()}
    assert len(held) > 40
    for one in sbom["components"]:
        assert one["licenses"], one["name"]
        hashes = [entry["alg"] for reference in one["externalReferences"] for entry in reference["hashes"]]
        assert hashes
        assert set(hashes) == {"SHA-256"}


def test_sbom__says_what_it_is_of_and_what_needs_what(sbom: dict[str, Any]) -> None:
    root = sbom["metadata"]["component"]
    assert (root["name"], root["version"]) == (PROJECT["name"], bot.__version__)
    edges = {one["ref"]: set(one.get("dependsOn", [])) for one in sbom["dependencies"]}
    names = {one["bom-ref"]: normal(one["name"]) for one in sbom["components"]}
    direct = {names[ref] for ref in edges[root["bom-ref"]]}
    assert direct == {normal(re.split(r"[\[<>=;~! ]", one)[0]) for one in PROJECT["dependencies"]}
    reached, waiting = set[str](), [root["bom-ref"]]
    while waiting:
        one = waiting.pop()
        waiting += edges[one] - reached
        reached |= edges[one]
    elsewhere = {"tzdata", "typing-extensions"}  # for other systems and other Pythons
    assert set(names.values()) - {names[ref] for ref in reached} <= elsewhere


def test_licences__of_every_library_are_known_and_may_be_shipped(bills: Path) -> None:
    text = bills.joinpath("licences.md").read_text("utf-8")
    found = {
        name: (version, licence)
        for name, version, licence in re.findall(r"^\| (\S+) \| (\S+) \| (.+) \|$", text, re.MULTILINE)
    }
    found.pop("Library", None)
    assert {name: version for name, (version, _) in found.items()} == {
        normal(n): v for n, v in pins().items()
    }
    for name, (_, licence) in found.items():
        assert licence.strip(), name
        assert "UNKNOWN" not in licence.upper(), name
        assert not re.search(r"(?<!L)GPL|Affero", licence), name
    lesser = sorted(name for name, (_, licence) in found.items() if "LGPL" in licence)
    assert lesser == ["psycopg", "psycopg-binary"], "another one would have to be thought about"
    assert "\npsycopg, psycopg-binary: Used unchanged" in text


def test_bills__name_no_path_and_no_package_index(bills: Path) -> None:
    for path in bills.iterdir():
        text = path.read_text("utf-8")
        assert not re.search(r"https?://(?!cyclonedx\.org/schema/)", text)
        assert str(ROOT) not in text
        assert sys.prefix not in text


@pytest.mark.parametrize(
    ("licence", "told"),
    [
        ("GPL-3.0-only", "may not be shipped"),
        ("GNU Affero General Public License v3", "may not be shipped"),
        ("UNKNOWN", "is not known"),
    ],
)
def test_bills__a_licence_that_may_not_be_there_stops_the_release(licence: str, told: str) -> None:
    """The script's own check, on a library that is not there."""
    script = (
        "import sys; sys.path.insert(0, '.ci'); import bills;"
        f"print(bills.faults({{'a': '1', 'b': '1'}}, {{'a': ('1', {licence!r}), 'b': ('1', 'LGPL-3.0-only')}}))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert told in shown
    assert "b:" not in shown
