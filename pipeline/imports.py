"""Imports a library without some package that it would bring along, or call.

This module must not know which library.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def absent(package: str) -> Iterator[None]:
    """Make a package look as if it were not installed, unless it was imported before."""
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]  # what an import takes for "not there"
    try:
        yield
    finally:
        del sys.modules[package]
