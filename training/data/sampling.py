"""What a batch is made of: how many images of each source, and how its classes balance.

This module must not know any image.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from training.data.cohort import UNLABELLED
from training.errors import TrainingError


class Balance(StrEnum):
    """How unequal classes within a source are made to count the same."""

    SAMPLING = "sampling"
    WEIGHTS = "weights"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Mixture:
    """How many images of each source make a batch, how its classes balance, how sure they are.

    Equal classes within every source: else the source itself, which any network recognises,
    would tell the class.

    Attributes
    ----------
    images
        Per source; even numbers.
    smoothing
        Per source: targets are smoothing / 2 and 1 - smoothing / 2. More where labels were
        mined from reports.
    balance
        Sampling: half of a source's images in each batch are ill. Otherwise images come as they
        are in the cohort, and weights (or nothing) make up for the rarer class.
    by_view
        With sampling: half of the ill and half of the healthy of each batch are AP films, the
        others PA, where a source has both. Else the view tells the class: portable films are of
        the ill in one source, and of the healthy in another.
    """

    images: dict[str, int] = field(default_factory=lambda: {"kermany": 20, "rsna": 8, "nih": 4})
    smoothing: dict[str, float] = field(
        default_factory=lambda: {"kermany": 0.05, "rsna": 0.1, "nih": 0.2}
    )
    balance: Balance = Balance.SAMPLING
    by_view: bool = False

    def __post_init__(self) -> None:
        """Refuse what would be ignored."""
        if self.by_view and self.balance != Balance.SAMPLING:
            raise TrainingError("batches are even by view only where they are sampled by class")

    @classmethod
    def of(
        cls,
        sources: Sequence[str],
        balance: Balance = Balance.SAMPLING,
        *,
        by_view: bool = False,
    ) -> Self:
        """Make a mixture of named sources.

        Parameters
        ----------
        sources
            ``NAME=IMAGES`` each, so many of a batch; or ``NAME`` each, which fills a batch of the
            default size in the default proportions.

        Raises
        ------
        TrainingError
            If a name is unknown, or only some have a number, or a number is odd.
        """
        whole = cls()
        counted = [source.partition("=") for source in sources]
        names = {name.removesuffix(UNLABELLED) for name, _, _ in counted}
        if all(number.isdecimal() for _, _, number in counted) and names <= set(whole.images):
            if odd := [source for source in sources if int(source[-1]) % 2]:
                raise TrainingError(f"{odd[0]}: half of the images are ill; give an even number")
            images = {name: int(number) for name, _, number in counted}
            return cls(images, balance=balance, by_view=by_view)
        if unknown := sorted(set(sources) - set(whole.images)):
            raise TrainingError(f"no source {unknown[0]!r}; there are {', '.join(whole.images)}")
        total = sum(whole.images.values())
        share = sum(whole.images[source] for source in sources)
        images = {source: 2 * (whole.images[source] * total // (2 * share)) for source in sources}
        images[sources[0]] += total - sum(images.values())
        return cls(images, balance=balance, by_view=by_view)
