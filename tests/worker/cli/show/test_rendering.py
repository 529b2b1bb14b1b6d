import csv
import io
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime

import pytest

from pipeline.codes import Band, Flag
from worker.cli.show.rendering import Column, Format, print_rows


@dataclass(frozen=True)
class Example:
    path: bytes
    band: Band | None
    flags: frozenset[Flag]
    study_date: date
    received_at: datetime


ROW = Example(
    b'/inbox/\xff, with "quotes"',
    Band.POSITIVE,
    frozenset({Flag.VIEW_UNKNOWN, Flag.AGE_UNKNOWN}),
    date(2026, 1, 2),
    datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
)
COLUMNS: list[Column[Example]] = [Column("Band", lambda row: str(row.band))]


def test_json_carries_every_field_and_any_file_name(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([ROW], COLUMNS, "Title", Format.JSON)
    (row,) = json.loads(capsys.readouterr().out)
    assert row["path"].encode("utf-8", "surrogateescape") == ROW.path
    assert row["band"] == "POSITIVE"
    assert row["flags"] == ["AGE_UNKNOWN", "VIEW_UNKNOWN"]
    assert row["study_date"] == "2026-01-02"
    assert row["received_at"] == "2026-01-02T03:04:05+00:00"


def test_json_of_nothing_is_an_empty_list(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([], COLUMNS, "Title", Format.JSON)
    assert json.loads(capsys.readouterr().out) == []


def test_csv_has_a_header_and_quotes_what_needs_it(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([ROW, ROW], COLUMNS, "Title", Format.CSV)
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["flags"] for row in rows] == ["AGE_UNKNOWN VIEW_UNKNOWN"] * 2
    assert '"quotes"' in rows[0]["path"]


def test_a_table_shows_its_title_and_cells(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([ROW], COLUMNS, "Worklist", Format.TABLE)
    printed = capsys.readouterr().out
    assert "Worklist" in printed
    assert "POSITIVE" in printed
