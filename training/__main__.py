"""The command line of training: ``python -m training COMMAND``.

Commands import what they need when they run, so that ``--help`` does not load a network.
"""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)

Data = Annotated[Path, typer.Option(help="Folder of the datasets.", envvar="PNEUMOSCREEN_DATA")]
Split = Annotated[Path, typer.Option(help="The split that `cohort` wrote.")]


@app.command()
def cohort(data: Data, split: Split = Path("runs/split.csv"), seed: int = 20261123) -> None:
    """Read the datasets, remove duplicates, split by patient."""
    from training.cohort import read_cohort, split_by_group, write_split

    write_split(split_by_group(read_cohort(data), seed), split)


@app.command()
def fit(
    run: Path,
    data: Data,
    split: Split = Path("runs/split.csv"),
    epochs: int = 28,
    seed: int = 1,
) -> None:
    """Train a network; go on if the run was cut off."""
    from training.cohort import read_split
    from training.fit import fit as train
    from training.recipe import Recipe

    train(Recipe(epochs=epochs, seed=seed), data, read_split(split), run)


if __name__ == "__main__":
    app()
