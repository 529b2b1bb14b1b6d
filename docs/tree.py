"""Draws the tree of rooms for docs/architecture.md: ``python -m docs.tree``.

Each line is the first line of the docstring in the room's ``__init__.py``; below it stand its
modules. A test compares the page with this.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
PACKAGES: Final = ("pipeline", "db", "worker", "training", "web", "benchmarks")
# Migrations are numbered scripts, not modules that anybody imports.
_LEFT_OUT: Final = frozenset({"migrations"})
_COLUMN: Final = 16
_WIDTH: Final = 100


def draw() -> str:
    """Give the tree as text."""
    return "\n".join(line for package in PACKAGES for line in _draw(ROOT / package, 0)) + "\n"


def find_rooms(folder: Path) -> Iterator[Path]:
    """Give a package's folder and those of all its sub-packages."""
    yield folder
    for each in sorted(folder.iterdir()):
        if (each / "__init__.py").exists() and each.name not in _LEFT_OUT:
            yield from find_rooms(each)


def list_modules(room: Path) -> list[str]:
    """Give the names of the modules in a room, without its ``__init__``."""
    return sorted(file.stem for file in room.glob("*.py") if file.stem != "__init__")


def _draw(room: Path, depth: int) -> Iterator[str]:
    docstring = ast.get_docstring(ast.parse((room / "__init__.py").read_text())) or ""
    name = "  " * depth + room.name + "/"
    yield f"{name:<{_COLUMN}}{docstring.splitlines()[0]}"
    line = ""
    for module in list_modules(room):
        if len(line) + len(module) + 1 > _WIDTH - _COLUMN:
            yield " " * _COLUMN + line
            line = ""
        line += f" {module}" if line else module
    if line:
        yield " " * _COLUMN + line
    for each in sorted(room.iterdir()):
        if (each / "__init__.py").exists() and each.name not in _LEFT_OUT:
            yield from _draw(each, depth + 1)


if __name__ == "__main__":
    print(draw(), end="")  # noqa: T201 - it is what the program is for
