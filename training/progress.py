"""Progress bars on standard error, so that standard output holds a command's result alone."""

from collections.abc import Collection, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import track

_Item = TypeVar("_Item")


def with_progress(items: Collection[_Item], what: str) -> Iterator[_Item]:
    """Go through items under a bar, at a terminal; it vanishes at the end."""
    console = Console(stderr=True)
    yield from track(items, what, console=console, transient=True, disable=not console.is_terminal)
