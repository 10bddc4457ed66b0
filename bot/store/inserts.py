"""INSERT with a word on what happens to a row that is there already, which plain SQL has no word for."""

from typing import TYPE_CHECKING

from sqlalchemy import Table

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite


def insert_into(table: Table, dialect: str) -> "sqlite.Insert | postgresql.Insert":
    """Return the INSERT of a database's own kind; `dialect` is SQLAlchemy's name of it.

    Only that kind is imported: the other would be a twentieth of a start of the bot.
    """
    if dialect == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)
