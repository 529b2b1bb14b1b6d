"""Reads texts of DICOM's value representations: AS, CS, DA, IS, TM and UI (PS3.5 6.2).

A text that breaks the standard counts as absent. This module must not know any attribute.
"""

import re
from datetime import date, time
from typing import Final

LONGEST_UID: Final = 64
LONGEST_TEXT: Final = 256
DAYS_PER_YEAR: Final = 365.2425

# Leading zeros in a component break PS3.5 9.1 too, but older equipment writes them, and two such
# UIDs still compare correctly: no reason to keep a child off the worklist.
_UID: Final = re.compile(r"[0-9]+(\.[0-9]+)*")
_AGE: Final = re.compile(r"([0-9]{1,3}) ?([DWMY]?)")
_DATE: Final = re.compile(r"([0-9]{4})([.-]?)([0-9]{2})\2([0-9]{2})")
_TIME: Final = re.compile(r"([0-9]{2}):?([0-9]{2})?:?([0-9]{2})?(\.[0-9]{1,6})?")
_COUNT: Final = re.compile(r"[0-9]{1,9}")
_YEARS_PER_UNIT: Final = {"D": 1 / DAYS_PER_YEAR, "W": 7 / DAYS_PER_YEAR, "M": 1 / 12, "Y": 1.0}


def clean_text(value: str) -> str:
    """Return one printable line of bounded length.

    PostgreSQL refuses NUL, and a terminal would obey escape sequences.
    """
    shown = (character if character.isprintable() else " " for character in value)
    return " ".join("".join(shown).split())[:LONGEST_TEXT]


def is_uid(value: str) -> bool:
    """Return whether a text is a UID (UI, PS3.5 9.1)."""
    return len(value) <= LONGEST_UID and _UID.fullmatch(value) is not None


def parse_age(value: str | None) -> float | None:
    """Read an Age String (AS: ``003Y``, ``018M``), in years; a bare number is years."""
    match = _AGE.fullmatch((value or "").upper())
    if match is None:
        return None
    return int(match[1]) * _YEARS_PER_UNIT[match[2] or "Y"]


def parse_date(value: str | None) -> date | None:
    """Read a DA value: ``20240131``, ``2024.01.31`` (ACR-NEMA) or ``2024-01-31`` (sidecars)."""
    match = _DATE.fullmatch(value or "")
    if match is None:
        return None
    try:
        return date(int(match[1]), int(match[3]), int(match[4]))
    except ValueError:
        return None


def parse_time(value: str | None) -> time | None:
    """Read a TM value: ``HH``, ``HHMM``, ``HHMMSS`` with an optional fraction."""
    match = _TIME.fullmatch(value or "")
    if match is None:
        return None
    microseconds = round(float(match[4] or 0) * 1_000_000)
    try:
        return time(int(match[1]), int(match[2] or 0), int(match[3] or 0), microseconds)
    except ValueError:
        return None


def parse_count(value: str | None) -> int | None:
    """Read an IS value that is not negative."""
    return int(value) if value and _COUNT.fullmatch(value) else None


def parse_code_string(value: str | None) -> str | None:
    """Read a CS value in upper case, as the standard writes its defined terms."""
    return (value or "").upper() or None


def parse_code_strings(value: str | None) -> tuple[str, ...]:
    """Read several CS values, separated by backslashes."""
    return tuple(term.strip().upper() for term in value.split("\\")) if value else ()
