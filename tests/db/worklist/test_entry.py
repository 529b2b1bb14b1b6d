from datetime import datetime
from typing import get_args, get_type_hints

from db.tables.imaging import StudyRow
from db.worklist.entry import COLUMNS
from db.worklist.view import WORKLIST_V1
from pipeline.codes import Flag, Priority


def test_a_columns_type_is_told_from_the_annotation() -> None:
    kinds = {column.name: (column.kind, column.is_words) for column in COLUMNS}
    assert kinds["priority"] == (Priority, False)
    assert kinds["flags"] == (Flag, True)
    assert kinds["screened_at"] == (datetime, False)
    assert kinds["patient_age_years"] == (float, False)


def test_the_study_table_stores_every_column_of_the_view() -> None:
    assert [column.name for column in COLUMNS] == WORKLIST_V1.columns.keys()
    hints = get_type_hints(StudyRow)
    for column in COLUMNS:
        (stored,) = get_args(hints[column.name])  # Mapped[...]
        kind = str if column.is_words else column.kind
        assert stored in {kind, kind | None}, column.name
