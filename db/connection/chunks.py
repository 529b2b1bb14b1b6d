"""Cuts long lists of parameters to what one statement takes."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, TypeVar

Item = TypeVar("Item")

# SQLite takes 32,766 parameters in one statement by default, PostgreSQL 65,535; plans stay simple.
CHUNK: Final = 500


def in_chunks(items: Iterable[Item], size: int = CHUNK) -> Iterator[list[Item]]:
    """Give lists of at most ``size``."""
    remaining = iter(items)
    while chunk := list(islice(remaining, size)):
        yield chunk
