"""The real bot as a process of its own, as an operator would run it."""

import asyncio
import ctypes
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import bot

PR_SET_PDEATHSIG = 1

START_SECONDS = 20.0
STOP_SECONDS = 30.0


class BotDidNotStart(Exception):
    """The process ended or stayed silent; the message carries the end of its log."""


class BotProcess:
    """One process `python -m bot run` with exactly the settings given; its log goes to a file in `folder`.

    It listens on `port`, which is best a reserved one (`serving.reserved_port`).
    """

    def __init__(self, settings: Mapping[str, str], folder: Path, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_file = folder / "bot.log"
        self._settings = {**settings, "PORT": str(self.port)}
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self._exit_code: int | None = None

    @property
    def pid(self) -> int:
        """The process id; 0 when it is not running."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else 0

    @property
    def exit_code(self) -> int | None:
        """How the last run ended, a signal as its negative number; None while it runs and before its first run."""
        return self._exit_code if self._process is None else self._process.returncode

    async def start(self) -> None:
        """Start it and return when it is ready for work; BotDidNotStart otherwise."""
        if self.pid:
            raise RuntimeError("the bot is running already")
        begun = time.monotonic()
        spawning = asyncio.create_task(self._spawn())
        try:
            process = self._process = await asyncio.shield(spawning)
        except asyncio.CancelledError:
            self._process = await spawning  # so that `stop` knows what there is to end
            raise
        while not await self._is_ready():
            if process.returncode is not None or time.monotonic() - begun > START_SECONDS:
                await self.kill()
                raise BotDidNotStart(f"the bot did not start:\n{self.log_text()[-2000:]}")
            await asyncio.sleep(0.02)

    async def stop(self) -> int:
        """Ask it to stop (SIGTERM) and return its exit code."""
        if self._process is None:
            return 0
        if self._process.returncode is None:
            self._process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                code = await self._process.wait()
        except TimeoutError:
            return await self.kill()
        except asyncio.CancelledError:
            await self.kill()
            raise
        self._process, self._exit_code = None, code
        return code

    async def kill(self) -> int:
        """End it at once (SIGKILL)."""
        if self._process is None:
            return 0
        if self._process.returncode is None:
            self._process.kill()
        code = await self._process.wait()
        self._process, self._exit_code = None, code
        return code

    def log_text(self) -> str:
        """All it has logged so far."""
        return self.log_file.read_text("utf-8", errors="replace") if self.log_file.exists() else ""

    def log_tail(self, lines: int = 40) -> list[str]:
        """The last lines of its log, without reading all of it."""
        if not self.log_file.exists():
            return []
        with self.log_file.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - lines * 400))
            return log.read().decode("utf-8", errors="replace").splitlines()[-lines:]

    async def _spawn(self) -> asyncio.subprocess.Process:
        """In a session of its own: Ctrl-C in a terminal is for the demo, which then stops the bot."""
        with self.log_file.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bot", "run", env=self._environment(), cwd=self._folder,
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                preexec_fn=_die_with_the_demo,
            )  # fmt: skip

    def _environment(self) -> dict[str, str]:
        """Nothing of the operator's own settings, and no proxy on the way to loopback."""
        kept = {
            name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ", "TMPDIR") if name in os.environ
        }
        # The process runs in a folder of its own, so that it finds no .env; it still finds this package.
        kept["PYTHONPATH"] = str(Path(bot.__file__).parent.parent)
        return {
            **kept,
            # All it talks to is on loopback, without TLS. To read this machine's authorities is a tenth of its start.
            "SSL_CERT_FILE": "",
            "SSL_CERT_DIR": str(self._folder),
            "PYTHONDONTWRITEBYTECODE": os.environ.get("PYTHONDONTWRITEBYTECODE", ""),
            **self._settings,
        }

    async def _is_ready(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        try:
            writer.write(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            await writer.drain()
            async with asyncio.timeout(5):
                return b" 200 " in await reader.readline()
        except (OSError, TimeoutError):
            return False
        finally:
            writer.close()


def _die_with_the_demo() -> None:
    """Runs in the new process: Linux ends it when the demo itself is killed (prctl, PR_SET_PDEATHSIG)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
