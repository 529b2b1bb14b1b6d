"""Draws the tables as a Mermaid diagram: ``python -m docs.er_diagram > docs/er_diagram.md``."""

from collections.abc import Iterator

from sqlalchemy import Column, Table
from sqlalchemy.dialects import postgresql

import db.tables.audit
import db.tables.imaging  # noqa: F401 - for their tables
from db.tables.columns import Base


def draw() -> str:
    """Give the page; a test compares it with the file."""
    return "\n".join(
        [
            "# The tables",
            "",
            "Generated from `db/tables/imaging.py`, `audit.py` by `docs/er_diagram.py`.",
            "",
            "```mermaid",
            "erDiagram",
            *_relations(),
            *(line for table in _tables() for line in _entity(table)),
            "```",
            "",
        ]
    )


def _tables() -> list[Table]:
    return sorted(Base.metadata.tables.values(), key=lambda table: table.name)


def _relations() -> Iterator[str]:
    for table in _tables():
        for key in sorted(table.foreign_keys, key=lambda key: key.parent.name):
            one = "|o" if key.parent.nullable else "||"
            yield f"    {key.column.table.name} {one}--o{{ {table.name} : {key.parent.name}"


def _entity(table: Table) -> Iterator[str]:
    yield f"    {table.name} {{"
    for column in table.columns:
        yield f"        {_type(column)} {column.name}{_keys(column)}"
    yield "    }"


def _type(column: Column[object]) -> str:
    name = column.type.compile(postgresql.dialect()).partition("(")[0]
    return name.lower().replace(" ", "_")


def _keys(column: Column[object]) -> str:
    keys = [
        name
        for name, holds in (
            ("PK", column.primary_key),
            ("FK", bool(column.foreign_keys)),
            ("UK", bool(column.unique)),
        )
        if holds
    ]
    return " " + ", ".join(keys) if keys else ""


if __name__ == "__main__":
    print(draw(), end="")  # noqa: T201 - it is what the program is for
