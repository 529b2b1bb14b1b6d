"""The command line of training: ``python -m training COMMAND``.

Commands import what they need when they run, so that ``--help`` does not load a network.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from training.command import run_command
from training.data.cohort import Part
from training.data.sampling import Balance

DEFAULT_SEED: Final = 20261123
app = typer.Typer(
    help="From the public datasets to a measured model release: cohort, fit, release, evaluate.",
    no_args_is_help=True,
)

Data = Annotated[Path, typer.Option(help="Folder of the datasets.", file_okay=False, exists=True)]
Seed = Annotated[int, typer.Option(min=0)]
Count = Annotated[int, typer.Option(min=1)]
Strength = Annotated[float, typer.Option(help="Of the augmentation; 0: none.", min=0)]
BackgroundShare = Annotated[
    float,
    typer.Option(help="Of images whose surroundings of the lungs are replaced.", min=0, max=1),
]
Split = Annotated[Path, typer.Option(help="The split that `cohort` wrote.")]


class Network(StrEnum):
    """What can be trained."""

    ANN = "ann"
    CNN = "cnn"
    VGG16 = "vgg16"
    RESNET50V2 = "resnet50v2"
    EFFICIENTNET_LITE0 = "efficientnet_lite0"


@app.command()
def cohort(
    data: Data,
    split: Split = Path("runs/split.csv"),
    seed: Seed = DEFAULT_SEED,
    at_random: Annotated[
        bool, typer.Option(help="Ignore patients: only to show how much that flatters.")
    ] = False,
) -> None:
    """Read the datasets, remove duplicates, split 80/10/10 by patient."""
    from training.data.cohort import read_cohort
    from training.data.split import split_at_random, split_by_group, write_split

    samples = read_cohort(data)
    write_split((split_at_random if at_random else split_by_group)(samples, seed), split)
    Console().print(f"{len(samples)} radiographs, split in {split}")


@app.command()
def augment(
    out: Annotated[Path, typer.Argument(help="Picture to write, a PNG.", dir_okay=False)],
    data: Data,
    split: Split = Path("runs/split.csv"),
    augmentation: Strength = 1.0,
    background_share: BackgroundShare = 0.25,
    images: Count = 8,
    seed: Seed = 1,
) -> None:
    """Show training radiographs as served (left) and augmented, before a long run."""
    from training.data.augmentation import Augmentation
    from training.data.preview import preview
    from training.data.split import read_split

    how = Augmentation(augmentation, background_share)
    out.parent.mkdir(parents=True, exist_ok=True)
    preview(data, read_split(split), how, images=images, seed=seed).save(out, "PNG")
    Console().print(f"{out}")


@app.command()
def network(
    name: Annotated[Network, typer.Argument()] = Network.RESNET50V2,
    size_px: Annotated[int, typer.Option(help="Rows and columns of the input.", min=32)] = 128,
) -> None:
    """Show the layers of a network as it is trained."""
    from training.networks.network import build_for_training

    build_for_training(name, size_px, lung_head=name == Network.RESNET50V2).summary()


@app.command()
def fit(
    run: Annotated[Path, typer.Argument(help="Folder of the run; goes on where it was cut off.")],
    data: Data,
    split: Split = Path("runs/split.csv"),
    network: Network = Network.RESNET50V2,
    weights: Annotated[
        str, typer.Option(help="imagenet, none, a file (safetensors), or a run.")
    ] = "none",
    source: Annotated[
        list[str] | None,
        typer.Option(help="Train on NAME, or on NAME=IMAGES a batch; repeat for several."),
    ] = None,
    balance: Annotated[
        Balance, typer.Option(help="What makes up for unequal classes.")
    ] = Balance.SAMPLING,
    by_view: Annotated[
        bool, typer.Option(help="As many AP as PA films among the ill, and among the healthy.")
    ] = False,
    epochs: Count = 30,
    steps_per_epoch: Count = 120,
    learning_rate: Annotated[float, typer.Option(min=0)] = 1e-3,
    lung_weight: Annotated[
        float, typer.Option(help="Of the lung map's loss; 0: none.", min=0)
    ] = 0.3,
    augmentation: Strength = 1.0,
    background_share: BackgroundShare = 0.25,
    blending: Annotated[
        float, typer.Option(help="Of images in pairs (mixup), Beta's parameter; 0: none.", min=0)
    ] = 0.0,
    crop_to_lungs: Annotated[
        bool, typer.Option(help="Train on what is cut to the lung fields.")
    ] = False,
    half_precision: bool = True,
    teacher: Annotated[
        list[Path] | None, typer.Option(help="A run to learn from as well; repeat for several.")
    ] = None,
    teacher_share: Annotated[
        float,
        typer.Option(
            help="Of a target, the teachers' opinion; the rest is the label.", min=0, max=1
        ),
    ] = 0.3,
    seed: Seed = 1,
    workers: Annotated[int, typer.Option(help="Processes that prepare batches.", min=1)] = 1,
) -> None:
    """Train one network."""
    from pipeline.framing.preprocessing import Preprocessing
    from training.data.augmentation import Augmentation
    from training.data.sampling import Mixture
    from training.data.split import read_split
    from training.fitting.fit import fit as train
    from training.fitting.recipe import Recipe

    recipe = Recipe(
        network=network,
        weights=weights,
        seed=seed,
        epochs=epochs,
        steps_per_epoch=steps_per_epoch,
        peak_learning_rate=learning_rate,
        lung_weight=lung_weight if network == Network.RESNET50V2 else 0.0,
        half_precision=half_precision,
        teachers=tuple(str(each) for each in teacher or ()),
        teacher_share=teacher_share,
        preprocessing=Preprocessing(crop_to_lungs=crop_to_lungs),
        mixture=(
            Mixture.of(source, balance, by_view=by_view)
            if source
            else Mixture(balance=balance, by_view=by_view)
        ),
        augmentation=Augmentation(augmentation, background_share, blending=blending),
    )
    train(recipe, data, read_split(split), run, workers=workers)


@app.command()
def blend(
    run: Annotated[Path, typer.Argument(help="Folder of a run that began from a release.")],
    out: Annotated[Path, typer.Argument(help="Folder of the blended run.")],
    keep: Annotated[float, typer.Option(help="Share of the initial weights.", min=0, max=1)] = 0.5,
) -> None:
    """Blend what a run learned with what it began from."""
    from training.fitting.weight_averaging import blend as mix

    mix(run, out, keep)
    Console().print(f"{out}")


@app.command()
def release(
    run: Annotated[Path, typer.Argument(help="Folder of a trained run.")],
    name: Annotated[str, typer.Argument(help="Of the release.")],
    data: Data,
    split: Split = Path("runs/split.csv"),
    releases: Path = Path("pipeline/releases"),
) -> None:
    """Calibrate a run on validation images and write its release folder."""
    from training.data.split import read_split
    from training.release.build import make_release

    made = make_release(run, data, read_split(split), name, releases)
    Console().print(f"{releases / name}: {made.calibration}, {made.operating_points}")


@app.command()
def quantize(
    release: Annotated[Path, typer.Argument(help="Folder of a release.")],
    data: Data,
    split: Split = Path("runs/split.csv"),
) -> None:
    """Measure what an engine needs to compute a release in 8 bits; `release` does it too."""
    from training.data.split import read_split
    from training.release.build import quantize as measure

    maxima = measure(release, data, read_split(split)).activation_maxima
    Console().print(f"{release}: {len(maxima)} convolutions, inputs up to {max(maxima):.1f}")


@app.command()
def evaluate(
    release: Annotated[Path, typer.Argument(help="Folder of a release.")],
    data: Data,
    split: Split = Path("runs/split.csv"),
    run: Annotated[
        list[Path] | None, typer.Option(help="Of the release, then others to compare; repeat.")
    ] = None,
    out: Path = Path("runs/report"),
    part: Annotated[Part, typer.Option(help="To choose by, take validation.")] = Part.TEST,
) -> None:
    """Measure a release; write report.html and report.json."""
    from training.data.split import read_split
    from training.evaluation.evaluate import evaluate as measure

    measure(release, run or [], data, read_split(split), out, part=part)
    Console().print(f"{out / 'report.html'}")


@app.command()
def compare(
    run: Annotated[list[Path], typer.Argument(help="Folders of trained runs.")],
    data: Data,
    split: Split = Path("runs/split.csv"),
    part: Annotated[Part, typer.Option(help="To choose by, take validation.")] = Part.VALIDATION,
    stress: Annotated[
        bool, typer.Option(help="Under perturbations, and without lungs: 22 times the work.")
    ] = False,
    views: Annotated[
        bool, typer.Option(help="The other hospitals' AP and PA films apart, too.")
    ] = False,
) -> None:
    """Print what runs reach beside each other; a star: a source that the run never saw."""
    from training.data.split import read_split
    from training.evaluation.compare import compare_runs
    from training.evaluation.comparison_table import tabulate, tabulate_views

    comparisons = compare_runs(run, data, read_split(split), part, under_stress=stress)
    typer.echo(tabulate(comparisons))
    if views:
        typer.echo("\n" + tabulate_views(comparisons))


def main() -> None:
    """Run a command; an expected failure is one line and exit code 1."""
    run_command(app)


if __name__ == "__main__":
    main()
