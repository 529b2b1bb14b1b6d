"""Lays an evaluation out as one HTML page that needs nothing beside it.

This module must not know how anything was measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0; font-size: 13px }
th, td { border-bottom: 1px solid #ccc; padding: .25rem .6rem; text-align: left }
img { max-width: 100% } h2 { margin-top: 2.5rem } p { max-width: 48rem }
"""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under heads."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Picture:
    """A data URI, and what it shows for those who cannot see it."""

    uri: str
    shows: str


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, a paragraph, and what follows it."""

    title: str
    text: str = ""
    content: Sequence[Table | Picture] = field(default_factory=tuple)


def lay_out(title: str, sections: Sequence[Section]) -> str:
    """Give the page."""
    body = "\n".join(_lay_out_section(section) for section in sections)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}'
        f"</title><style>{_STYLE}</style></head>\n<body><h1>{escape(title)}</h1>\n{body}\n"
        "</body></html>\n"
    )


def _lay_out_section(section: Section) -> str:
    content = "\n".join(
        f'<img alt="{escape(part.shows)}" src="{part.uri}">'
        if isinstance(part, Picture)
        else _lay_out_table(part)
        for part in section.content
    )
    return f"<h2>{escape(section.title)}</h2>\n<p>{escape(section.text)}</p>\n{content}"


def _lay_out_table(table: Table) -> str:
    heads = "".join(f"<th>{escape(head)}</th>" for head in table.heads)
    rows = "\n".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows
    )
    return f"<table><tr>{heads}</tr>\n{rows}</table>"
