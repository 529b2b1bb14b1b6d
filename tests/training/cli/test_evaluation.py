import pytest
from typer.testing import CliRunner

from training.cli.app import app
from training.data.split import write_split

pytestmark = pytest.mark.tensorflow


def test_runs_are_compared_as_a_table(run, cohort, tmp_path):
    split = tmp_path / "split.csv"
    write_split(cohort.samples, split)
    arguments = ["compare", str(run), "--data", str(cohort.data), "--split", str(split)]
    done = CliRunner().invoke(app, [*arguments, "--stress", "--views"])
    assert done.exit_code == 0, done.output
    heading, _, row, _, *by_view = done.output.splitlines()
    named = dict(zip(heading.split(" | "), row.split(" | "), strict=True))
    assert run.name in row
    assert 0 <= float(named["AUC kermany"].rstrip("*")) <= 1
    assert "(" in named["largest fall"]  # the perturbation's name
    assert [line.split(" | ")[1:3] for line in by_view[2:]] == [["rsna", "PA"]]
