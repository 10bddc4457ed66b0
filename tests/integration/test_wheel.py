"""The wheel holds all that runs: built, installed elsewhere and started, as somebody who has no checkout would."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

import bot
from bot.manifest import template

ROOT = Path(__file__).parent.parent.parent
MARK = "this very wheel"


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Run a process that knows nothing of this checkout and return what it printed; it must succeed."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout by the installed hatchling: no network, no other environment."""
    folder = tmp_path_factory.mktemp("built")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder it is installed in, with a space in its path, and with a mark in one text of the bot."""
    folder = tmp_path_factory.mktemp("installed") / "a folder"
    options = ("--no-deps", "--no-index", "--disable-pip-version-check", "--no-compile", "--quiet")
    run(sys.executable, "-m", "pip", "install", *options, "--target", folder, wheel, cwd=folder.parent)
    texts = folder / "bot" / "slack" / "blocks" / "usage.py"
    original = texts.read_text("utf-8")
    assert original.count('"how to use this"') == 1
    texts.write_text(original.replace('"how to use this"', f'"{MARK}"'), "utf-8")
    return folder


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A working directory that holds nothing."""
    folder = tmp_path / "some where"
    folder.mkdir()
    return folder


def test_wheel__holds_every_file_of_the_package(wheel: Path) -> None:
    held = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("bot/")}
    files = {
        path.relative_to(ROOT).as_posix()
        for path in ROOT.joinpath("bot").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert held == {*files, "bot/manifest.yaml"}
    assert {
        "bot/web/templates/link.html",
        "bot/web/templates/page.css",
        "bot/store/migrations/env.py",
        "bot/store/migrations/versions/0001_accounts.py",
        "bot/demo/workspace.py",
        "bot/demo/slack/emulator.py",
        "bot/demo/vault/emulator.py",
    } <= held


def test_wheel__says_what_it_is(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        text = archive.read(metadata).decode()
        names = archive.namelist()
    assert text.startswith("Metadata-Version: ")
    assert f"\nName: vault-upload-bot\nVersion: {bot.__version__}\n" in text
    assert ROOT.joinpath("README.md").read_text("utf-8").strip() in text
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    assert not any(name.startswith("tests") for name in names)


def test_installed__is_the_code_that_runs(installed: Path, elsewhere: Path) -> None:
    asked = run(
        sys.executable, "-c", "import bot; print(bot.__file__)", cwd=elsewhere, PYTHONPATH=str(installed)
    )
    assert Path(asked.strip()) == installed / "bot" / "__init__.py"


def test_installed__tells_its_version(installed: Path, elsewhere: Path) -> None:
    told = run(sys.executable, "-m", "bot", "--version", cwd=elsewhere, PYTHONPATH=str(installed))
    assert told == f"vault-upload-bot {bot.__version__}\n"


def test_installed__prints_the_manifest_it_carries(installed: Path, elsewhere: Path) -> None:
    carried = installed / "bot" / "manifest.yaml"
    assert carried.read_text("utf-8") == template()
    carried.write_text(template().replace("name: Vault Uploads", f"name: {MARK}"), "utf-8")
    printed = run(sys.executable, "-m", "bot", "manifest", cwd=elsewhere, PYTHONPATH=str(installed))
    assert f"name: {MARK}\n" in printed


def test_installed__migrates_a_database(installed: Path, elsewhere: Path) -> None:
    run(sys.executable, "-m", "bot", "migrate", cwd=elsewhere, PYTHONPATH=str(installed))
    assert elsewhere.joinpath("data", "bot.db").is_file()


def test_console_script__in_an_environment_of_its_own(wheel: Path, tmp_path: Path) -> None:
    """Installed as users do, by pip into a fresh environment; its libraries are lent by the one that tests."""
    place = tmp_path / "an environment"
    run(sys.executable, "-m", "venv", "--without-pip", place, cwd=tmp_path)
    python = place / "bin" / "python"
    (packages,) = place.glob("lib/python*/site-packages")
    # A path alone: what .pth files there say, such as where this checkout is, is not followed from here.
    packages.joinpath("lent.pth").write_text(f"{sysconfig.get_path('purelib')}\n", "utf-8")
    options = ("--no-deps", "--no-index", "--disable-pip-version-check", "--no-compile", "--quiet")
    run(sys.executable, "-m", "pip", "--python", python, "install", *options, wheel, cwd=tmp_path)
    script = place / "bin" / "vault-upload-bot"
    assert run(script, "--version", cwd=tmp_path) == f"vault-upload-bot {bot.__version__}\n"
    asked = run(python, "-c", "import bot; print(bot.__file__)", cwd=tmp_path)
    assert Path(asked.strip()).is_relative_to(packages)
    assert len(run(script, "keys", "new", cwd=tmp_path).strip()) > 40
    wrong = subprocess.run(
        [script, "run"], cwd=tmp_path, env={}, capture_output=True, text=True, check=False, timeout=90
    )
    assert wrong.returncode == 2
    assert "VAULTS: is not set" in wrong.stderr


def test_installed__runs_the_demo(installed: Path, elsewhere: Path) -> None:
    """The bot's own process answers with the mark, so it too is the wheel's; linking has used the page's templates."""
    lines = ("--once", "list", "--once", "help")
    shown = run(sys.executable, "-m", "bot", "demo", *lines, cwd=elsewhere, PYTHONPATH=str(installed))
    assert "Cholecap-Commercial-2021.mp4" in shown
    assert MARK in shown
    assert list(elsewhere.iterdir()) == []
