"""What a release said to its database, recorded while its own store tests ran, and said again on another schema.

`releases/REVISION/` holds it, by the revision of that release's schema: `rows.json` rows of every table,
`sqlite.json` and `postgresql.json` scenes: the statements of one test each, in their order, with what each gave.
`release_recorder` writes them. Nothing of the bot is used here: the drivers get the very text the release sent.
"""

import json
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import psycopg

RELEASES = Path(__file__).parent / "releases"
KINDS = ("sqlite", "postgresql")
_ASKS_THE_CLOCK = re.compile(r"\bnow\(|clock_timestamp|current_timestamp|random\(", re.IGNORECASE)

Given: TypeAlias = dict[str, Any] | list[Any]
"""The values of a statement: by name on PostgreSQL, in order on SQLite; a list of these for many executions."""


@dataclass(slots=True)
class Step:
    """One statement that went well, and what it gave: rows in any order, or how many rows it changed."""

    sql: str
    given: Given
    many: bool = False
    gave: list[Any] | int | None = None
    """None: not compared, since the database's clock had a say in it."""


@dataclass(slots=True)
class Scene:
    """What one test of the release had its store do, from empty tables on."""

    test: str
    steps: list[Step]

    @property
    def is_certain(self) -> bool:
        """Whether each run of it gives the same."""
        return not any(_ASKS_THE_CLOCK.search(step.sql) for step in self.steps)


def revisions() -> list[str]:
    """The schemas of all recorded releases, the newest last."""
    return sorted(folder.name for folder in RELEASES.iterdir() if folder.is_dir())


def recorded_scenes(revision: str, kind: str) -> list[Scene]:
    """What that release does on that kind of database."""
    found = json.loads((RELEASES / revision / f"{kind}.json").read_text("utf-8"))
    return [Scene(one["test"], [Step(**step) for step in one["steps"]]) for one in found]


def recorded_rows(revision: str) -> dict[str, list[dict[str, Any]]]:
    """Rows of every table that the release has, by the table's name."""
    rows: dict[str, list[dict[str, Any]]] = json.loads((RELEASES / revision / "rows.json").read_text("utf-8"))
    return rows


class Raw:
    """A connection of the plain driver; every statement is a transaction of its own."""

    def __init__(self, connection: Any, *, is_sqlite: bool) -> None:
        self._connection = connection
        self.is_sqlite = is_sqlite

    def execute(self, sql: str, given: Given = (), many: bool = False) -> list[Any] | int:  # type: ignore[assignment]
        """Run a statement: its rows, in an order that depends on nothing else, or how many it changed."""
        cursor = self._connection.cursor()
        if many:
            cursor.executemany(sql, given)
        else:
            cursor.execute(sql, given if given or not self.is_sqlite else [])
        if many or cursor.description is None:
            return int(cursor.rowcount)
        return sorted(([as_stored(cell) for cell in row] for row in cursor.fetchall()), key=repr)

    def tables(self) -> list[str]:
        """The names of all tables but Alembic's."""
        found = self.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            if self.is_sqlite
            else "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
        )
        assert isinstance(found, list)
        return [name for (name,) in found if name != "alembic_version"]

    def empty(self) -> None:
        """Delete every row."""
        for table in self.tables():
            self.execute(f"DELETE FROM {table}")  # noqa: S608

    def rows(self, table: str, columns: Sequence[str] | None = None) -> list[Any]:
        """All rows of a table, with these columns."""
        found = self.execute(f"SELECT {', '.join(columns or ['*'])} FROM {table}")  # noqa: S608
        assert isinstance(found, list)
        return found

    def columns(self, table: str) -> list[str]:
        """The columns of a table, in their order."""
        cursor = self._connection.cursor()
        cursor.execute(f"SELECT * FROM {table} WHERE 1 = 0")  # noqa: S608
        return [one[0] for one in cursor.description]

    def add(self, table: str, row: dict[str, Any]) -> None:
        """Add a row as the release would have: with its own columns named, and no others."""
        places = ", ".join(["?" if self.is_sqlite else "%s"] * len(row))
        self.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", list(row.values()))  # noqa: S608


def as_stored(cell: Any) -> Any:
    """A value as JSON has it; TypeError for what our columns never hold."""
    if cell is not None and not isinstance(cell, str | int | float):
        raise TypeError(f"{type(cell).__name__} is in no column of ours")
    return cell


@contextmanager
def raw(url: str) -> Iterator[Raw]:
    """Connect to a database by DATABASE_URL's address."""
    if url.startswith("sqlite"):
        with closing(
            sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None, timeout=20)
        ) as connection:
            connection.execute("PRAGMA synchronous = OFF")  # nothing here need outlive the test
            yield Raw(connection, is_sqlite=True)
    else:
        with psycopg.connect(url, autocommit=True) as server:
            yield Raw(server, is_sqlite=False)


def play(database: Raw, scene: Scene) -> list[list[Any] | int]:
    """Run a scene from empty tables on, and return what each step gave; the driver's error when one fails."""
    database.empty()
    return [database.execute(step.sql, step.given, step.many) for step in scene.steps]


def faults_of_replay(database: Raw, scenes: Sequence[Scene]) -> list[str]:
    """What no longer works, or gives something else, on this schema: a sentence for each scene that has a fault."""
    faults = []
    for scene in scenes:
        database.empty()
        for number, step in enumerate(scene.steps, 1):
            try:
                gave = database.execute(step.sql, step.given, step.many)
            except (sqlite3.Error, psycopg.Error) as error:
                faults.append(f"{scene.test}, statement {number} fails ({error}): {step.sql}")
                break
            if step.gave is not None and gave != step.gave:
                faults.append(
                    f"{scene.test}, statement {number} gave {step.gave}, and now {gave}: {step.sql}"
                )
                break
    return faults


def faults_of_adding(database: Raw, rows: dict[str, list[dict[str, Any]]]) -> list[str]:
    """Which tables no longer take the rows that the release writes."""
    database.empty()
    faults = []
    for table, some in rows.items():
        try:
            for row in some:
                database.add(table, row)
        except (sqlite3.Error, psycopg.Error) as error:
            faults.append(f"{table} takes no such row any more ({error})")
    return faults


def faults_of_rows(database: Raw, before: dict[str, list[dict[str, Any]]]) -> list[str]:
    """Which tables have no longer the rows that the release wrote, as far as its own columns go."""
    faults = []
    for table, rows in before.items():
        wanted = sorted(([row[name] for name in rows[0]] for row in rows), key=repr)
        try:
            if database.rows(table, list(rows[0])) != wanted:
                faults.append(f"{table} has other rows than before")
        except (sqlite3.Error, psycopg.Error) as error:
            faults.append(f"{table} cannot be read as before ({error})")
    return faults
