"""Turns dataclasses into values that JSON can carry.

This module must not know which dataclasses there are, nor where the JSON goes.
"""

import dataclasses
import os
from datetime import date, datetime, time
from typing import Any


def to_plain(value: Any) -> Any:  # noqa: ANN401 - JSON is what it is
    """Turn a value into what JSON can carry: ISO dates, text for paths, lists for sets."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, bytes):
        return os.fsdecode(value)
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if isinstance(value, frozenset | set):
        return sorted(to_plain(item) for item in value)
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    return value
