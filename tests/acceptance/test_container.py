"""The Dockerfile without an engine: what it says, and its very commands in a copy of what the image would hold."""

import asyncio
import fnmatch
import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from bot.config import Config
from bot.demo.workspace import demo_workspace

ROOT = Path(__file__).parent.parent.parent
NEVER_IN_AN_IMAGE = (
    ".env",
    "data/bot.db",
    "bot/bot.db",
    "bot/demo/bot.db-wal",
    ".git/config",
    "tests/conftest.py",
    "ops/secrets/encryption_keys",
)

Instruction: TypeAlias = tuple[str, str]


def instructions() -> list[Instruction]:
    """The Dockerfile's instructions in their order, continued lines as one."""
    text = re.sub(r"^#.*\n", "", ROOT.joinpath("Dockerfile").read_text("utf-8"), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in lines) if name]


def the(name: str) -> str:
    """The argument of an instruction that stands there once."""
    (found,) = (rest for one, rest in instructions() if one == name)
    return found


def environment() -> dict[str, str]:
    """What ENV sets."""
    return dict(re.findall(r"(\w+)=(\S+)", the("ENV")))


def is_ignored(path: str) -> bool:
    """Whether .dockerignore keeps a path out: the last line that fits it, or a folder it is in, decides."""
    ignored = False
    for line in ROOT.joinpath(".dockerignore").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            pattern = line.lstrip("!")
            parts = path.split("/")
            above = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
            if pattern.startswith("**/"):
                fits = any(fnmatch.fnmatchcase(part, pattern[3:]) for part in parts)
            else:
                fits = any(fnmatch.fnmatchcase(one, pattern) for one in above)
            if fits:
                ignored = not line.startswith("!")
    return ignored


def copied() -> Iterator[tuple[Path, str]]:
    """Every file that COPY brings into the image, and where below the working directory."""
    for name, rest in instructions():
        if name == "COPY":
            *sources, target = rest.split()
            assert target.startswith("./")
            for source in sources:
                path = ROOT / source
                assert path.exists(), f"COPY {source}: there is no such file"
                for file in [path] if path.is_file() else sorted(path.rglob("*")):
                    relative = file.relative_to(ROOT).as_posix()
                    if file.is_file() and not is_ignored(relative):
                        yield file, relative


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the image would have in its working directory: copied as it says, then its own RUN over that."""
    folder = tmp_path_factory.mktemp("image") / "app"
    for file, relative in copied():
        place = folder / relative
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)
    programs = folder.parent / "bin"
    programs.mkdir()
    python = programs / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', "utf-8")
    python.chmod(0o755)
    (compiling,) = (rest for name, rest in instructions() if name == "RUN" and "compileall" in rest)
    subprocess.run(["sh", "-e", "-c", compiling], cwd=folder, env=path_of(folder), check=True, timeout=120)
    folder.joinpath("data").mkdir()
    return folder


def path_of(image: Path) -> dict[str, str]:
    """The search path: the image's `python` first."""
    return {"PATH": f"{image.parent / 'bin'}:/usr/bin:/bin"}


def files_of(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file below, with its size and when it was changed; without the volume."""
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.relative_to(folder).parts[0] != "data"
    }


# What it says


def test_dockerfile__runs_as_a_number_that_is_not_root() -> None:
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", the("USER"))
    names = [name for name, _ in instructions()]
    assert "RUN" not in names[names.index("USER") :], (
        "nothing is installed as that user, who may write nowhere"
    )
    user = the("USER").partition(":")[0]
    assert any(
        f"-o {user} " in rest and " /app/data" in rest for name, rest in instructions() if name == "RUN"
    )


def test_dockerfile__is_small_and_repeatable() -> None:
    assert re.fullmatch(r"python:3\.1[1-9]-slim", the("FROM"))
    everything = " ".join(rest for _, rest in instructions())
    assert "--require-hashes -r requirements.lock" in everything
    assert "--no-cache-dir" in everything
    assert "apt-get" not in everything
    assert not {name for name, _ in instructions()} & {"ADD", "SHELL", "ONBUILD", "ENTRYPOINT", "STOPSIGNAL"}


def test_dockerfile__installs_before_it_copies_the_code() -> None:
    """A change of the code does not install everything anew."""
    order = [rest.split()[0] if name == "COPY" else rest for name, rest in instructions()]
    installs = next(place for place, rest in enumerate(order) if "pip install" in rest)
    assert order.index("requirements.lock") < installs < order.index("bot")


def test_dockerfile__copies_what_runs_and_nothing_else() -> None:
    found = {relative for _, relative in copied()}
    package = {
        path.relative_to(ROOT).as_posix()
        for path in ROOT.joinpath("bot").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert found == {"requirements.lock", "manifest.yaml", *package}
    assert all(is_ignored(path) for path in NEVER_IN_AN_IMAGE)


def test_dockerfile__says_the_same_as_the_project() -> None:
    project = ROOT.joinpath("pyproject.toml").read_text("utf-8")
    licence = re.search(r'^license = "(.+)"$', project, re.MULTILINE)
    assert licence
    assert f'org.opencontainers.image.licenses="{licence[1]}"' in the("LABEL")
    base = the("FROM").removeprefix("python:").removesuffix("-slim")
    assert f"Python :: {base}" in project
    assert environment()["HOST"] == "0.0.0.0"
    assert the("EXPOSE") == environment()["PORT"]
    assert json.loads(the("VOLUME")) == [f"{the('WORKDIR')}/data"]


# What it does


async def answers(check: list[str], image: Path, port: int | str, **settings: str) -> bool:
    """Whether the health check, run as the engine would, is content; with a proxy set that leads nowhere."""
    blocked = {"http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    process = await asyncio.create_subprocess_exec(
        *check, cwd=image, env={**environment(), **path_of(image), **blocked, "PORT": str(port), **settings},
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    return await asyncio.wait_for(process.wait(), 60) == 0


@pytest.mark.parametrize(
    ("host", "listens"),
    [
        ("0.0.0.0", "127.0.0.1"),
        ("", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.2", "127.0.0.2"),
        ("::1", "::1"),
        ("::", "::1"),
    ],
)
async def test_healthcheck__asks_where_the_bot_listens(image: Path, host: str, listens: str) -> None:
    """An empty setting is one that is not there, as for the bot."""

    async def well(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    try:
        server = await asyncio.start_server(well, listens, 0)
    except OSError:
        pytest.skip(f"this machine has no address {listens}")
    check = json.loads(the("HEALTHCHECK").partition("CMD ")[2])
    async with server:
        port = str(server.sockets[0].getsockname()[1])
        assert await answers(check, image, port, HOST=host)
        default = str(Config.model_fields["port"].default)
        assert default in check[-1]
        without = [word.replace(default, port) for word in check]
        assert await answers(without, image, "", HOST=host)


async def test_image__serves_is_healthy_and_ends_on_sigterm(
    image: Path, tmp_path: Path, spare_port: int
) -> None:
    """By its own CMD, HEALTHCHECK and ENV; it writes into its volume alone."""
    command, port = json.loads(the("CMD")), spare_port
    check = json.loads(the("HEALTHCHECK").partition("CMD ")[2])
    before = files_of(image)
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    async with demo_workspace(start_bot=False) as demo:
        own = {name: value for name, value in demo.settings.items() if name != "DATABASE_URL"}
        settings = {**own, "PORT": str(port), "PUBLIC_URL": f"http://127.0.0.1:{port}"}
        assert not await answers(check, image, port)
        with tmp_path.joinpath("log").open("wb") as log:
            bot = await asyncio.create_subprocess_exec(
                *command, cwd=image, env={**environment(), **path_of(image), **settings, "TMPDIR": str(scratch)},
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        try:
            async with asyncio.timeout(60):
                while not await answers(check, image, port):
                    assert bot.returncode is None, tmp_path.joinpath("log").read_text("utf-8")
            assert image.joinpath("data", "bot.db").is_file()
            bot.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(bot.wait(), 30) == 0
        finally:
            if bot.returncode is None:
                bot.kill()
                await bot.wait()
    assert not await answers(check, image, port)
    assert files_of(image) == before
    assert list(scratch.iterdir()) == []


def test_image__runs_what_it_copied(image: Path) -> None:
    """Compiled already, and taken as it is compiled."""
    asked = "import bot, bot.config; print(bot.__file__, bot.config.__cached__)"
    told = subprocess.run(
        ["python", "-c", asked], cwd=image, env={**environment(), **path_of(image)},
        capture_output=True, text=True, check=True, timeout=60,
    ).stdout  # fmt: skip
    source, compiled = told.split(" ")
    assert Path(source) == image / "bot" / "__init__.py"
    assert Path(compiled.strip()).read_bytes()[4:8] == b"\x01\x00\x00\x00", (
        "hash-based, not compared (PEP 552)"
    )
