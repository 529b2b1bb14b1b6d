"""The column types that both databases share, and the base of all tables.

This module must not know any table.
"""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, TypeVar

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    Enum,
    Integer,
    MetaData,
    String,
    TypeDecorator,
    column,
)
from sqlalchemy.orm import DeclarativeBase

Word = TypeVar("Word", bound=StrEnum)

# SQLite only counts up by itself in a column that is exactly INTEGER PRIMARY KEY.
BigId: Final = BigInteger().with_variant(Integer(), "sqlite")

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Base(DeclarativeBase):
    """The base of all tables, with names for every constraint, so that a migration finds them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time, stored as UTC; a naive one is a fault of the program."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store UTC; SQLite keeps text without a zone, which then sorts as time does."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give an aware UTC time, whatever zone the connection speaks in."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


def clean_text(value: str, length: int = 256) -> str:
    """Give a header's text as a `HeaderText` column of that length keeps it."""
    return value.replace("\0", "").encode("utf-8", "replace").decode("utf-8")[:length]


class HeaderText(TypeDecorator[str]):
    """Text from a header: clipped, and without what a database cannot hold.

    DICOM bounds the values kept here to 16 or 64 characters (PS3.5 6.2), but a hostile file does
    not: a NUL fails PostgreSQL's text, a lone surrogate fails UTF-8, and 3 KB fail its indexes.
    """

    impl = String
    cache_ok = True

    def __init__(self, length: int = 256) -> None:
        super().__init__(length)
        self._length = length

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Clip and clean."""
        del dialect
        return None if value is None else clean_text(value, self._length)


class Unsigned64(TypeDecorator[int]):
    """An unsigned 64-bit number, such as an inode on a network share, in a signed column."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:
        """Wrap as two's complement: 2**64 - 1 is stored as -1."""
        del dialect
        return None if value is None else (value + 2**63) % 2**64 - 2**63

    def process_result_value(self, value: int | None, dialect: Dialect) -> int | None:
        """Unwrap."""
        del dialect
        return None if value is None else value % 2**64


def word_type(words: type[StrEnum]) -> Enum:
    """Give the type of a column that holds one of a closed set of words, by value."""
    return Enum(
        words,
        native_enum=False,
        create_constraint=False,
        length=32,
        values_callable=lambda members: [member.value for member in members],
    )


def word_check(column_name: str, words: type[StrEnum]) -> CheckConstraint:
    """Give the named constraint that keeps a column within its words."""
    return CheckConstraint(column(column_name).in_([word.value for word in words]), column_name)


def join_words(words: Iterable[StrEnum]) -> str:
    """Write words as text, ``AGE_UNKNOWN,VIEW_UNKNOWN``: sorted, without spaces, '' for none."""
    return ",".join(sorted({word.value for word in words}))


def split_words(text: str, words: type[Word]) -> frozenset[Word]:
    """Read what `join_words` wrote."""
    return frozenset(words(value) for value in text.split(",") if value)


def digest_path(path: bytes) -> str:
    """Give the key of a path: an index of PostgreSQL cannot hold 4 KB."""
    return hashlib.sha256(path).hexdigest()
