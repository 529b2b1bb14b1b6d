"""Commands that measure: ``evaluate`` and ``compare``.

Commands import what they need when they run, so that ``--help`` does not load a network.
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from training.cli.options import DEFAULT_SPLIT, Data, Split
from training.data.cohort import Part


def evaluate(
    release: Annotated[Path, typer.Argument(help="Folder of a release.")],
    data: Data,
    split: Split = DEFAULT_SPLIT,
    run: Annotated[
        list[Path] | None, typer.Option(help="Run of the release, then others to compare; repeat.")
    ] = None,
    out: Path = Path("runs/report"),
    part: Annotated[Part, typer.Option(help="To choose by, take validation.")] = Part.TEST,
) -> None:
    """Measure a release; write report.html and report.json."""
    from training.data.split import read_split
    from training.evaluation.evaluate import evaluate as measure

    measure(release, run or [], data, read_split(split), out, part=part)
    Console().print(f"{out / 'report.html'}")


def compare(
    run: Annotated[list[Path], typer.Argument(help="Folders of trained runs.")],
    data: Data,
    split: Split = DEFAULT_SPLIT,
    part: Annotated[Part, typer.Option(help="To choose by, take validation.")] = Part.VALIDATION,
    stress: Annotated[
        bool, typer.Option(help="Under perturbations, and without lungs: 22 times the work.")
    ] = False,
    views: Annotated[
        bool, typer.Option(help="Also the other hospitals' AP and PA radiographs separately.")
    ] = False,
) -> None:
    """Print the figures of runs as a table; a star: a source that the run never saw."""
    from training.data.split import read_split
    from training.evaluation.compare import compare_runs
    from training.evaluation.comparison_table import tabulate, tabulate_views

    comparisons = compare_runs(run, data, read_split(split), part, under_stress=stress)
    typer.echo(tabulate(comparisons))
    if views:
        typer.echo("\n" + tabulate_views(comparisons))
