"""What the pages for developers name must be there."""

import ast
import re
from pathlib import Path

import pytest

from docs.tree import PACKAGES, ROOT

PAGES = [ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
_PATH = re.compile(rf"\b(?:{'|'.join(PACKAGES)}|tests)/[\w/]+\.(?:py|npz|json)\b")
_FUNCTION = re.compile(r"`([a-z_]+(?:[./][a-z_0-9]+)*)(?:\.py)?:\s+(\w+)(?:\.(\w+))?`")


def defined_in(file: Path) -> dict[str, set[str]]:
    """The functions and classes of a module, each with the names within it."""
    tree = ast.parse(file.read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {
        node.name: {inner.name for inner in ast.walk(node) if isinstance(inner, kinds)}
        for node in tree.body
        if isinstance(node, kinds)
    }


def find_module(name: str) -> list[Path]:
    """The modules whose path ends with a name, ``triage`` or ``db.work.claims``."""
    tail = "/" + name.removesuffix(".py").replace(".", "/") + ".py"
    return [f for p in PACKAGES for f in (ROOT / p).rglob("*.py") if f"/{f}".endswith(tail)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    named = set(_PATH.findall(page.read_text()))
    assert {name for name in named if not (ROOT / name).exists()} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_function_that_a_page_names_is_there(page: Path) -> None:
    for module, name, inner in _FUNCTION.findall(page.read_text()):
        found = [defined_in(file) for file in find_module(module)]
        assert any(name in names for names in found), f"{module}: {name}"
        if inner:
            assert any(inner in names.get(name, ()) for names in found), f"{module}: {name}.{inner}"


@pytest.mark.parametrize(
    "page", [*PAGES, ROOT / "README.md", ROOT / "Makefile"], ids=lambda page: page.name
)
def test_every_module_that_a_page_runs_is_there(page: Path) -> None:
    own = "|".join((*PACKAGES, "docs", "tests"))
    for module in re.findall(rf"python -m ((?:{own})(?:\.\w+)*)", page.read_text()):
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), module
