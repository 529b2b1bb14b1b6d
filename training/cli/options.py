"""Options that several commands share."""

from pathlib import Path
from typing import Annotated, Final

import typer

DEFAULT_SPLIT: Final = Path("runs/split.csv")

Data = Annotated[Path, typer.Option(help="Folder of the datasets.", file_okay=False, exists=True)]
Split = Annotated[Path, typer.Option(help="The split that `cohort` wrote.")]
Seed = Annotated[int, typer.Option(min=0)]
Count = Annotated[int, typer.Option(min=1)]
Strength = Annotated[float, typer.Option(help="Of the augmentation; 0: none.", min=0)]
BackgroundShare = Annotated[
    float,
    typer.Option(
        help="Share of images whose background, all but the lungs, is replaced.", min=0, max=1
    ),
]
