from pathlib import Path

from db.worklist.view import WORKLIST_V1
from docs.er_diagram import draw

DOCS = Path(__file__).parents[2] / "docs"


def test_every_column_of_the_view_is_documented_in_its_order() -> None:
    table = (DOCS / "worklist_v1.md").read_text().split("| --- | --- | --- | --- |")[1]
    documented = [line.split("`")[1] for line in table.split("\n\n")[0].splitlines() if line]
    assert documented == list(WORKLIST_V1.columns.keys())


def test_the_diagram_is_of_these_tables() -> None:
    """Renew it with ``python -m docs.er_diagram > docs/er_diagram.md``."""
    assert (DOCS / "er_diagram.md").read_text() == draw()
