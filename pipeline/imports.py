"""Lets a library be imported without an optional package that it would import as well.

This module must not know which library.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def package_hidden(package: str) -> Iterator[None]:
    """Make a package look as if it were not installed, unless it was imported before."""
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]  # an import then raises ImportError
    try:
        yield
    finally:
        del sys.modules[package]
