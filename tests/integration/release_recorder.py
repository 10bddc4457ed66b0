"""`python -m tests.integration.release_recorder` records what this release says to its database.

To be run when a release is made: the next one's schema is tested against it. It runs the store's own tests on both
databases (so PostgreSQL must be installed), listens to the statements they cause, keeps as few tests as cause all of
them, and writes `releases/REVISION/`.
"""

import json
import re
import sqlite3
import sys
import tempfile
from collections import defaultdict
from collections.abc import Generator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, TextClause, event
from sqlalchemy.engine import Engine

from bot.store.schema import HEAD
from bot.store.tables import metadata
from tests.integration.release_replay import KINDS, RELEASES, Raw, Scene, Step, play, raw
from tests.postgres import find_binaries, started

HERE = Path(__file__).parent
NOT_THE_STORES_OWN = {"test_store_backup", "test_store_database", "test_store_releases", "test_store_schema"}
"""Tests of what is around the statements: these break databases on purpose."""
THE_STORES_TOO = ("test_homes.py",)
LARGEST_SCENE = 60_000
"""In bytes as JSON. What is said in larger ones alone is kept by itself, without the scene around it."""
MOST_ROWS_AT_ONCE = 20
ROWS_OF_A_TABLE = 3

_OURS = re.compile(rf"\b(?:{'|'.join(metadata.tables)})\b")
_KINDS_OF_STATEMENT = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")


class Listener:
    """Keeps the statements of each test that went well, by kind of database. A plugin of pytest."""

    def __init__(self) -> None:
        self.scenes: dict[str, list[Scene]] = {kind: [] for kind in KINDS}
        self.own = set[str]()
        """The statements, by `shape`, that the store itself makes; tests say others beside them, as text."""
        self._steps: dict[str, list[Step]] = defaultdict(list)
        self._open: dict[int, list[Step]] = {}
        """What a transaction has done that is not committed yet."""

    def listen(self) -> None:
        """Begin."""
        event.listen(Engine, "begin", lambda connection: self._open.update({id(connection): []}))
        event.listen(Engine, "after_cursor_execute", self._executed)
        event.listen(Engine, "commit", lambda connection: self._ended(connection, good=True))
        event.listen(Engine, "rollback", lambda connection: self._ended(connection, good=False))

    def _executed(
        self, connection: Connection, _cursor: object, sql: str, given: Any, context: Any, many: bool
    ) -> None:
        if not sql.lstrip().startswith(_KINDS_OF_STATEMENT) or not _OURS.search(sql):
            return
        values = [_as_json(one) for one in given[:MOST_ROWS_AT_ONCE]] if many else _as_json(given)
        kind = "sqlite" if connection.dialect.name == "sqlite" else "postgresql"
        step = Step(sql, values, many)
        if context.compiled is not None and not isinstance(context.compiled.statement, TextClause):
            self.own.add(shape(sql))
        if connection.get_execution_options().get("writing"):
            self._open.setdefault(id(connection), []).append(step)
        else:
            self._steps[kind].append(step)

    def _ended(self, connection: Connection, *, good: bool) -> None:
        steps = self._open.pop(id(connection), [])
        if good:
            kind = "sqlite" if connection.dialect.name == "sqlite" else "postgresql"
            self._steps[kind] += steps

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Give each test its own list."""
        self._steps.clear()
        done = yield
        for kind, steps in self._steps.items():
            if steps:
                self.scenes[kind].append(Scene(item.nodeid.rpartition("/")[2], steps))
        return done


def _as_json(given: Any) -> Any:
    return dict(given) if isinstance(given, dict) else list(given)


def shape(sql: str) -> str:
    """A statement without how many values a list in it has, none included."""
    one = r"(?:\?|%\(\w+\)s(?:::\w+)?(?: COLLATE \"C\")?)"
    sql = re.sub(rf"\({one}(?:, {one})*\)|\(SELECT 1 FROM \(SELECT 1\) WHERE 1!=1\)", "(…)", sql)  # noqa: S608
    sql = re.sub(r"\(SELECT CAST\(NULL[^()]*\)[^()]* WHERE 1!=1\)", "(…)", sql)
    return re.sub(r"\(…\)(?:, \(…\))+", "(…)", sql)


def shapes(scene: Scene) -> set[str]:
    """What a scene has the database do."""
    return {shape(step.sql) for step in scene.steps}


def fewest(scenes: Sequence[Scene], own: set[str]) -> list[Scene]:
    """Scenes that together hold every statement of the store, chosen greedily: what adds most for its size first."""
    sizes = {id(scene): len(json.dumps(asdict(scene))) for scene in scenes}
    chosen, missing = list[Scene](), set[str]().union(*map(shapes, scenes)) & own
    while missing:
        best = max(scenes, key=lambda one: len(shapes(one) & missing) / (1000 + sizes[id(one)]))
        chosen.append(best)
        missing -= shapes(best)
    return chosen


def playable(database: Raw, scenes: Sequence[Scene]) -> list[Scene]:
    """The scenes of a bearable size that can be played again, one statement after the other, and what each gives.

    What several tasks did at the same moment cannot always, nor what tests did with values that are none of ours.
    """
    found = []
    for scene in scenes:
        try:
            if len(json.dumps(asdict(scene))) > LARGEST_SCENE:
                continue
            gave, again = play(database, scene), play(database, scene)
        except (TypeError, sqlite3.Error, psycopg.Error):
            continue
        if scene.is_certain and gave == again:
            for step, one in zip(scene.steps, gave, strict=True):
                step.gave = one
        found.append(scene)
    return found


def alone_in(scenes: Sequence[Scene], sql: str) -> Scene:
    """A scene of one statement, on empty tables: the least there is to tell whether it still works."""
    scene, step = next((scene, step) for scene in scenes for step in scene.steps if shape(step.sql) == sql)
    return Scene(f"{scene.test} (one statement of it)", [step])


def rows_of(database: Raw, scenes: Sequence[Scene]) -> dict[str, list[dict[str, Any]]]:
    """A few rows of every table."""
    found: dict[str, list[dict[str, Any]]] = {}
    for scene in scenes:
        play(database, scene)
        for table in database.tables():
            names = database.columns(table)
            rows = [dict(zip(names, row, strict=True)) for row in database.rows(table)]
            if len(rows[:ROWS_OF_A_TABLE]) > len(found.get(table, [])):
                found[table] = rows[:ROWS_OF_A_TABLE]
    return {table: found[table] for table in sorted(metadata.tables)}


def main() -> int:
    """Record; 0 when every statement of the store's tests is kept."""
    binaries = find_binaries()
    if binaries is None:
        sys.stderr.write("PostgreSQL is not installed, and its statements are recorded too.\n")
        return 1
    listener = Listener()
    listener.listen()
    files = [one for one in sorted(HERE.glob("test_store_*.py")) if one.stem not in NOT_THE_STORES_OWN]
    files += [HERE / name for name in THE_STORES_TOO]
    if pytest.main(["-q", "-p", "no:xdist", "-p", "no:cacheprovider", *map(str, files)], [listener]):
        return 1
    lost = set[str]()
    folder = RELEASES / HEAD
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        temporary = stack.enter_context(tempfile.TemporaryDirectory())
        server = stack.enter_context(started(binaries))
        urls = {
            "sqlite": f"sqlite:///{temporary}/bot.db",
            "postgresql": stack.enter_context(server.database()),
        }
        for kind, url in urls.items():
            _make_tables(url)
            database = stack.enter_context(raw(url))
            can_be = playable(database, listener.scenes[kind])
            made = set[str]().union(*map(shapes, listener.scenes[kind])) & listener.own
            missing = made - set[str]().union(*map(shapes, can_be))
            alone = playable(database, [alone_in(listener.scenes[kind], one) for one in sorted(missing)])
            kept = fewest([*can_be, *alone], listener.own)
            lost |= made - set[str]().union(*map(shapes, kept))
            _write(folder / f"{kind}.json", [asdict(scene) for scene in kept])
            if kind == "sqlite":
                _write(folder / "rows.json", rows_of(database, can_be))
            sys.stdout.write(f"{kind}: {len(made)} statements in {len(kept)} scenes\n")
    for sql in sorted(lost):
        sys.stderr.write(f"not kept, since it could not be played again: {sql}\n")
    return 1 if lost else 0


def _make_tables(url: str) -> None:
    import asyncio

    from bot.store.database import Database, database_url
    from bot.store.schema import migrate

    async def make() -> None:
        async with Database.open(database_url(url)) as db:
            await migrate(db)

    asyncio.run(make())


def _write(file: Path, values: object) -> None:
    file.write_text(json.dumps(values, ensure_ascii=False, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
