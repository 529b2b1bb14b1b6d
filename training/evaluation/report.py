"""Renders an evaluation as one self-contained HTML page.

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
    """A table: column heads, then rows."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Picture:
    """An image as a data URI, with its alternative text."""

    uri: str
    shows: str


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, a paragraph, and tables or pictures."""

    title: str
    text: str = ""
    content: Sequence[Table | Picture] = field(default_factory=tuple)


def render_page(title: str, sections: Sequence[Section]) -> str:
    """Give the page as HTML."""
    body = "\n".join(_render_section(section) for section in sections)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}'
        f"</title><style>{_STYLE}</style></head>\n<body><h1>{escape(title)}</h1>\n{body}\n"
        "</body></html>\n"
    )


def _render_section(section: Section) -> str:
    content = "\n".join(
        f'<img alt="{escape(part.shows)}" src="{part.uri}">'
        if isinstance(part, Picture)
        else _render_table(part)
        for part in section.content
    )
    return f"<h2>{escape(section.title)}</h2>\n<p>{escape(section.text)}</p>\n{content}"


def _render_table(table: Table) -> str:
    heads = "".join(f"<th>{escape(head)}</th>" for head in table.heads)
    rows = "\n".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows
    )
    return f"<table><tr>{heads}</tr>\n{rows}</table>"
