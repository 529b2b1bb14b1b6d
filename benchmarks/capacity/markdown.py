"""Writes tables in Markdown."""

from collections.abc import Iterator


def tabulate(*rows: tuple[object, ...]) -> Iterator[str]:
    """Give a table line by line: the head, then rows, with numbers in all but the first column."""
    head, *body = rows
    yield "| " + " | ".join(map(str, head)) + " |"
    yield "| --- " + "| ---: " * (len(head) - 1) + "|"
    for row in body:
        yield "| " + " | ".join(map(str, row)) + " |"
