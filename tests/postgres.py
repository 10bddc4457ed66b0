"""A throw-away PostgreSQL server for tests: its own folder, a Unix socket, no password, nothing kept.

PostgreSQL refuses to run as root, so as root it is run as another user.
"""

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

START_SECONDS = 30
_FAST = (
    "listen_addresses=",
    "fsync=off",
    "full_page_writes=off",
    "max_connections=200",
    "shared_buffers=32MB",
    "autovacuum=off",
)


def find_binaries() -> Path | None:
    """Return the folder of PostgreSQL's server programs; None where none is installed."""
    found = [Path(program).parent for program in [shutil.which("initdb")] if program]
    for pattern in ("lib/postgresql/*/bin", "pgsql-*/bin", "local/pgsql/bin"):
        found += sorted(Path("/usr").glob(pattern), reverse=True)
    return next(
        (folder for folder in found if (folder / "initdb").exists() and (folder / "postgres").exists()), None
    )


class PostgresServer:
    """One running server; use `started`."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries = binaries
        self._folder = folder
        self._as: dict[str, Any] = _someone_else() if os.geteuid() == 0 else {}
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)
        if self._as:
            os.chown(folder, self._as["user"], self._as["group"])

    def initialise(self) -> None:
        """Make the server's data folder."""
        command: list[str | Path] = [self._binaries / "initdb", "-D", self._folder / "data", "-U", "tests"]
        command += ["-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]
        subprocess.run(command, check=True, capture_output=True, cwd=self._folder, **self._as)

    def start(self) -> None:
        """Start the server and wait until it answers; RuntimeError with its log when it does not."""
        log = self._folder / "log"
        command: list[str | Path] = [self._binaries / "postgres", "-D", self._folder / "data"]
        command += ["-k", self._folder, *itertools.chain.from_iterable(("-c", setting) for setting in _FAST)]
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=self._folder, **self._as
            )
        give_up = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > give_up:
                    raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}") from None
                time.sleep(0.05)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server: SIGINT ends all connections, SIGQUIT is a crash."""
        if self._process:
            self._process.send_signal(how)
            self._process.wait(START_SECONDS)
            self._process = None

    def url(self, database: str) -> str:
        """Return the address of one database, in the form that DATABASE_URL takes."""
        return f"postgresql://tests@/{database}?host={self._folder}"

    @contextlib.contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """Make a fresh database, give its address, and drop it with all connections to it."""
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        with self._connected() as connection:
            # From PostgreSQL 15 on there is a choice, and the other way, page by page, takes twice the time.
            how = " STRATEGY FILE_COPY" if connection.info.server_version >= 150000 else ""
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}{how}".encode())
        try:
            yield self.url(name)
        finally:
            with self._connected() as connection:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())

    def _connected(self) -> contextlib.closing[psycopg.Connection]:
        return contextlib.closing(psycopg.connect(self.url("postgres"), autocommit=True))


@contextlib.contextmanager
def started(binaries: Path) -> Iterator[PostgresServer]:
    """Run a server for the length of a `with`."""
    # A Unix socket's path may have about 100 characters: hence not pytest's own, longer temporary folders.
    with tempfile.TemporaryDirectory(prefix="vub-pg-", ignore_cleanup_errors=True) as folder:
        server = PostgresServer(binaries, Path(folder))
        try:
            server.initialise()
            server.start()
            yield server
        finally:
            server.stop()


def _someone_else() -> dict[str, Any]:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(name)
            return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise RuntimeError("PostgreSQL cannot run as root, and there is no other user to run it as")
