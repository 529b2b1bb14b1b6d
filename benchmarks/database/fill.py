"""Fills a PostgreSQL database with synthetic studies, which fill.sql describes."""

from pathlib import Path
from typing import Final

from sqlalchemy import Engine, text

from db.connection.engine import write_connection

_SQL: Final = Path(__file__).with_suffix(".sql")
_STEP: Final = 250_000


def fill(engine: Engine, first: int, last: int) -> None:
    """Add the studies numbered first to last, then update PostgreSQL's statistics."""
    statements = [text(statement) for statement in _SQL.read_text().split(";\n")]
    for start in range(first, last + 1, _STEP):
        numbers = {"first": start, "last": min(start + _STEP - 1, last)}
        with write_connection(engine) as connection:
            for statement in statements:
                names = statement.compile().params
                connection.execute(statement, {name: numbers[name] for name in names})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
