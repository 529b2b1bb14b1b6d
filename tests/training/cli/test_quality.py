import subprocess
import sys

import pytest
from typer.testing import CliRunner

from pipeline.quality.appearance import load_appearance_model
from training.cli.app import app
from training.data.split import write_split


@pytest.fixture
def options(cohort, tmp_path):
    split = tmp_path / "split.csv"
    write_split(cohort.samples, split)
    return ["--data", str(cohort.data), "--split", str(split)]


def run(*arguments):
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    return done.output


def test_fit_appearance_writes_the_model_that_the_product_reads(options, tmp_path, monkeypatch):
    file = tmp_path / "appearance.npz"
    monkeypatch.setattr("pipeline.quality.appearance.MODEL_FILE", file)
    assert "chests; of" in run("fit-appearance", *options)
    assert len(load_appearance_model(file).components) == 24


def test_measure_flags_prints_a_line_per_source_and_change(options):
    output = run("measure-flags", *options)
    assert output.count("turned by 180") == 2


def test_help_loads_no_network():
    check = (
        "import sys, training.cli.app; "
        "print(sorted({'keras', 'tensorflow', 'numpy', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
