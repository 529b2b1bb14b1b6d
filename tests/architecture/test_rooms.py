import ast
from pathlib import Path

import pytest

from docs.tree import PACKAGES, ROOT, draw, find_rooms, list_modules

PRODUCT = [package for package in PACKAGES if package != "benchmarks"]
ROOMS = [room for package in PACKAGES for room in find_rooms(ROOT / package)]
MOST_MODULES = 12


def name(room: Path) -> str:
    return str(room.relative_to(ROOT))


def test_the_architecture_page_shows_the_tree_as_it_is() -> None:
    """Renew the block in docs/architecture.md with what ``python -m docs.tree`` prints."""
    assert draw() in (ROOT / "docs" / "architecture.md").read_text()


@pytest.mark.parametrize("room", ROOMS, ids=name)
def test_a_room_holds_at_most_a_dozen_modules(room: Path) -> None:
    assert len(list_modules(room)) <= MOST_MODULES


@pytest.mark.parametrize("room", ROOMS, ids=name)
def test_a_rooms_init_says_what_it_owns_and_must_not_know_and_nothing_else(room: Path) -> None:
    (docstring,) = ast.parse((room / "__init__.py").read_text()).body
    assert isinstance(docstring, ast.Expr)
    assert isinstance(docstring.value, ast.Constant)
    owns, _, must_not = docstring.value.value.strip().partition("\n\n")
    assert owns.endswith(".")
    assert " not " in must_not or must_not.startswith("No ")


@pytest.mark.parametrize("package", PRODUCT)
def test_tests_mirror_the_rooms(package: str) -> None:
    rooms = {name(room) for room in find_rooms(ROOT / package)}
    tests = ROOT / "tests" / package
    mirrored = {
        str(folder.relative_to(ROOT / "tests"))
        for folder in tests.rglob("*")
        if folder.is_dir() and any(folder.glob("test_*.py"))
    }
    assert mirrored <= rooms
