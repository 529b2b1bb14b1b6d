import numpy as np
from PIL import Image
from typer.testing import CliRunner

from training.cli.app import app
from training.data.split import read_split, write_split


def test_cohort_command_writes_the_split_of_its_seed(tmp_path, cohort):
    split = tmp_path / "split.csv"
    done = CliRunner().invoke(
        app, ["cohort", "--data", str(cohort.data), "--split", str(split), "--seed", "1"]
    )
    assert done.exit_code == 0, done.output
    assert read_split(split) == cohort.samples


def test_augment_command_draws_a_picture_by_its_seed(tmp_path, cohort):
    write_split(cohort.samples, tmp_path / "split.csv")
    arguments = ["--data", str(cohort.data), "--split", str(tmp_path / "split.csv")]
    pictures = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        out = str(tmp_path / f"{name}.png")
        done = CliRunner().invoke(app, ["augment", out, *arguments, f"--seed={seed}", "--images=2"])
        assert done.exit_code == 0, done.output
        pictures.append(np.asarray(Image.open(out)))
    assert pictures[0].shape == (2 * 128, 10 * 128)
    assert (pictures[0] == pictures[1]).all()
    assert (pictures[0] != pictures[2]).any()
