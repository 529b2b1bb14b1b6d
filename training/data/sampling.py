"""How batches are sampled: images of each source, and the balance of the classes.

This module must not know any image.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from training.data.sources import hospital_of
from training.errors import TrainingError


class Balance(StrEnum):
    """How unequal classes within a source are balanced."""

    SAMPLING = "sampling"
    WEIGHTS = "weights"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Sampling:
    """How many images of each source a batch holds, and how classes and labels count.

    Classes are balanced within every source. Otherwise the source, which any network recognises,
    would predict the class.

    Attributes
    ----------
    images
        Per source; even numbers.
    smoothing
        Label smoothing per source: targets are smoothing / 2 and 1 - smoothing / 2. Larger where
        labels were mined from reports.
    balance
        Sampling: half of a source's images in each batch are ill. Otherwise images are drawn as
        they occur in the cohort, and weights (or nothing) make up for the rarer class.
    by_view
        With sampling: half of the ill and half of the healthy images of each batch are AP, the
        others PA, where a source has both. Otherwise the view predicts the class: portable (AP)
        radiographs are of the ill in one source, and of the healthy in another.
    """

    images: dict[str, int] = field(default_factory=lambda: {"kermany": 20, "rsna": 8, "nih": 4})
    smoothing: dict[str, float] = field(
        default_factory=lambda: {"kermany": 0.05, "rsna": 0.1, "nih": 0.2}
    )
    balance: Balance = Balance.SAMPLING
    by_view: bool = False

    def __post_init__(self) -> None:
        """Refuse a combination in which ``by_view`` would be ignored."""
        if self.by_view and self.balance != Balance.SAMPLING:
            raise TrainingError("batches are even by view only where they are sampled by class")

    @classmethod
    def of_sources(
        cls,
        sources: Sequence[str],
        balance: Balance = Balance.SAMPLING,
        *,
        by_view: bool = False,
    ) -> Self:
        """Sample from the named sources only.

        Parameters
        ----------
        sources
            ``NAME=IMAGES`` each: that many images of a batch. Or ``NAME`` each: a batch of the
            default size in the default proportions.

        Raises
        ------
        TrainingError
            If a name is unknown, or only some have a number, or a number is odd.
        """
        default = cls()
        parsed = [source.partition("=") for source in sources]
        names = {hospital_of(name) for name, _, _ in parsed}
        if all(number.isdecimal() for _, _, number in parsed) and names <= set(default.images):
            if odd := [source for source in sources if int(source[-1]) % 2]:
                raise TrainingError(f"{odd[0]}: half of the images are ill; give an even number")
            images = {name: int(number) for name, _, number in parsed}
            return cls(images, balance=balance, by_view=by_view)
        if unknown := sorted(set(sources) - set(default.images)):
            raise TrainingError(f"no source {unknown[0]!r}; there are {', '.join(default.images)}")
        total = sum(default.images.values())
        share = sum(default.images[source] for source in sources)
        images = {source: 2 * (default.images[source] * total // (2 * share)) for source in sources}
        images[sources[0]] += total - sum(images.values())
        return cls(images, balance=balance, by_view=by_view)
