"""Commands that train: ``network``, ``fit`` and ``blend``.

Commands import what they need when they run, so that ``--help`` does not load a network.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from training.cli.options import (
    DEFAULT_SPLIT,
    BackgroundShare,
    Count,
    Data,
    Seed,
    Split,
    Strength,
)
from training.data.sampling import Balance


class Network(StrEnum):
    """The networks that can be trained."""

    ANN = "ann"
    CNN = "cnn"
    VGG16 = "vgg16"
    RESNET50V2 = "resnet50v2"
    EFFICIENTNET_LITE0 = "efficientnet_lite0"


def network(
    name: Annotated[Network, typer.Argument()] = Network.RESNET50V2,
    size_px: Annotated[int, typer.Option(help="Rows and columns of the input.", min=32)] = 128,
) -> None:
    """Show the layers of a network as it is trained."""
    from training.networks.network import build_for_training

    build_for_training(name, size_px, lung_head=name == Network.RESNET50V2).summary()


def fit(
    run: Annotated[Path, typer.Argument(help="Folder of the run; resumes an interrupted one.")],
    data: Data,
    split: Split = DEFAULT_SPLIT,
    network: Network = Network.RESNET50V2,
    weights: Annotated[
        str, typer.Option(help="imagenet, none, a file (safetensors), or a run.")
    ] = "none",
    source: Annotated[
        list[str] | None,
        typer.Option(help="Train on NAME, or on NAME=IMAGES a batch; repeat for several."),
    ] = None,
    balance: Annotated[
        Balance, typer.Option(help="How unequal classes are balanced.")
    ] = Balance.SAMPLING,
    by_view: Annotated[
        bool, typer.Option(help="As many AP as PA among the ill, and among the healthy.")
    ] = False,
    epochs: Count = 30,
    steps_per_epoch: Count = 120,
    learning_rate: Annotated[float, typer.Option(min=0)] = 1e-3,
    lung_weight: Annotated[
        float, typer.Option(help="Weight of the lung map's loss; 0: none.", min=0)
    ] = 0.3,
    augmentation: Strength = 1.0,
    background_share: BackgroundShare = 0.25,
    blending: Annotated[
        float, typer.Option(help="Beta parameter of mixup, in pairs of images; 0: none.", min=0)
    ] = 0.0,
    crop_to_lungs: Annotated[
        bool, typer.Option(help="Train on radiographs cropped to the lung fields.")
    ] = False,
    half_precision: bool = True,
    teacher: Annotated[
        list[Path] | None, typer.Option(help="A run to distil; repeat for several.")
    ] = None,
    teacher_share: Annotated[
        float,
        typer.Option(
            help="Share of the teachers' probability in a target; the rest is the label.",
            min=0,
            max=1,
        ),
    ] = 0.3,
    seed: Seed = 1,
    workers: Annotated[int, typer.Option(help="Processes that prepare batches.", min=1)] = 1,
) -> None:
    """Train one network."""
    from pipeline.framing.preprocessing import Preprocessing
    from training.data.augmentation import Augmentation
    from training.data.sampling import Sampling
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
        sampling=(
            Sampling.of_sources(source, balance, by_view=by_view)
            if source
            else Sampling(balance=balance, by_view=by_view)
        ),
        augmentation=Augmentation(augmentation, background_share, mixup=blending),
    )
    train(recipe, data, read_split(split), run, workers=workers)


def blend(
    run: Annotated[Path, typer.Argument(help="Folder of a run that started from a release.")],
    out: Annotated[Path, typer.Argument(help="Folder of the run to write.")],
    keep: Annotated[float, typer.Option(help="Share of the initial weights.", min=0, max=1)] = 0.5,
) -> None:
    """Average the weights of a run with its initial weights."""
    from training.fitting.weight_averaging import average_with_initial_weights

    average_with_initial_weights(run, out, keep)
    Console().print(f"{out}")
