"""What decides a run: its recipe, kept beside its checkpoint.

This module must not know any network or image.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, Self

from pipeline.framing.preprocessing import Preprocessing
from training.data.augmentation import Augmentation
from training.data.batches import Dealing
from training.data.cohort import UNLABELLED
from training.data.sampling import Balance, Mixture
from training.errors import TrainingError

RECIPE_FILE: Final = "recipe.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides what a run will learn, besides the split.

    Attributes
    ----------
    network
        ``ann``, ``cnn``, ``vgg16``, ``resnet50v2`` or ``efficientnet_lite0``.
    weights
        ``imagenet``, ``none``, the file of weights of a release, or the folder of a run, whose
        average is gone on from.
    steps_per_epoch
        An epoch is a number of batches, after which the run is measured and saved; sources are
        sampled at different rates, so there is no pass over "the" data.
    average_momentum
        Per step, of the average of weights that is measured and released.
    lung_weight
        Of the lung map's loss beside the label's; 0 leaves the lung head out.
    half_precision
        Compute in bfloat16, keep weights in float32.
    teachers
        Folders of runs whose opinion of each image is part of its target; none by default.
    teacher_share
        How much of a target that is, where there is a label.
    kept_share
        Of the initial weights, in what is released; see `training.fitting.weight_averaging`.
    split_sha256, seen
        By which split it is trained, and every source that it or what it learns from has seen; see
        `training.fitting.provenance`. Empty where that is not known.
    """

    network: str = "resnet50v2"
    weights: str = "none"
    seed: int = 1
    epochs: int = 30
    steps_per_epoch: int = 120
    peak_learning_rate: float = 1e-3
    warm_up_steps: int = 200
    weight_decay: float = 0.05
    average_momentum: float = 0.998
    lung_weight: float = 0.3
    half_precision: bool = True
    teachers: tuple[str, ...] = ()
    teacher_share: float = 0.3
    kept_share: float = 0.0
    split_sha256: str = ""
    seen: tuple[str, ...] = ()
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    mixture: Mixture = field(default_factory=Mixture)
    augmentation: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        """Refuse a run that would end before its rate has come up, or has nothing to learn from."""
        for source in self.mixture.images:
            if source.endswith(UNLABELLED) and not self.teachers:
                raise TrainingError(f"only a teacher can tell of {source}; name one")
        if self.augmentation.blending and self.teachers:
            raise TrainingError("teachers tell of whole radiographs, not of blended ones")
        if self.augmentation.blending and self.mixture.balance == Balance.WEIGHTS:
            raise TrainingError("a blend of both classes has no weight; balance by sampling")
        steps = self.epochs * self.steps_per_epoch
        if steps <= self.warm_up_steps:
            raise TrainingError(
                f"{steps} steps are no more than the warm-up's {self.warm_up_steps}; "
                "give more epochs, or more steps an epoch"
            )

    @property
    def dealing(self) -> Dealing:
        """What the run's batches are made by."""
        return Dealing(self.preprocessing, self.mixture, self.augmentation, self.seed)

    @property
    def goes_on_from_run(self) -> bool:
        """Whether ``weights`` names another run."""
        return self.weights not in {"none", "imagenet"} and Path(self.weights).is_dir()

    def keep_in(self, folder: Path) -> None:
        """Write the recipe into a run's folder.

        Raises
        ------
        TrainingError
            If the folder holds a run of another recipe.
        """
        self.require_kept_in(folder)
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(asdict(self), indent=2) + "\n"
        (folder / RECIPE_FILE).write_text(text, encoding="utf-8")

    def require_kept_in(self, folder: Path) -> None:
        """Refuse a folder that holds a run of another recipe; one that holds none passes."""
        if (folder / RECIPE_FILE).exists() and Recipe.read(folder) != self:
            raise TrainingError(
                f"{folder} holds a run of another recipe; choose another folder, or remove it"
            )

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the recipe of a run.

        Raises
        ------
        TrainingError
            If the folder holds none.
        """
        try:
            values = json.loads((folder / RECIPE_FILE).read_text(encoding="utf-8"))
            return cls(
                **{
                    **values,
                    "teachers": tuple(values.get("teachers", ())),
                    "seen": tuple(values.get("seen", ())),
                    "preprocessing": Preprocessing(**values["preprocessing"]),
                    "mixture": Mixture(**values["mixture"]),
                    "augmentation": Augmentation(**values["augmentation"]),
                }
            )
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise TrainingError(
                f"{folder} is not a run ({error}); train one with `python -m training fit`"
            ) from error
