"""The recipe of a run: all that determines it, stored beside its checkpoint.

This module must not know any network or image.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from pipeline.framing.preprocessing import Preprocessing
from training.data.augmentation import Augmentation
from training.data.batches import BatchPlan
from training.data.sampling import Balance, Sampling
from training.data.sources import is_unlabelled
from training.errors import TrainingError

RECIPE_FILE: Final = "recipe.json"
# Fields whose names in recipe.json and release.json are older, and stay: files hold them.
_JSON_NAMES: Final = {"sampling": "mixture", "mixup": "blending"}
_FIELD_NAMES: Final = {json_name: name for name, json_name in _JSON_NAMES.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that determines what a run learns, besides the split.

    Attributes
    ----------
    network
        ``ann``, ``cnn``, ``vgg16``, ``resnet50v2`` or ``efficientnet_lite0``.
    weights
        Initial weights: ``imagenet``, ``none``, the weights file of a release, or the folder of a
        run, whose averaged weights are taken.
    steps_per_epoch
        An epoch is a number of batches, after which the run is measured and saved. Sources are
        sampled at different rates, so there is no single pass over the data.
    average_momentum
        Per step, of the moving average of the weights, which is measured and released.
    lung_weight
        Weight of the lung map's loss beside the label's; 0 leaves the lung head out.
    half_precision
        Compute in bfloat16, keep weights in float32.
    teachers
        Folders of the runs that are distilled; none by default.
    teacher_share
        Share of the teachers' probability in a target, where there is a label.
    kept_share
        Share of the initial weights in the released ones; see
        `training.fitting.weight_averaging`.
    split_sha256, seen
        The split that the run is trained by, and every source that it or a run or release that it
        learns from was trained on; see `training.fitting.provenance`. Empty where unknown.
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
    sampling: Sampling = field(default_factory=Sampling)
    augmentation: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        """Refuse combinations that cannot be trained."""
        for source in self.sampling.images:
            if is_unlabelled(source) and not self.teachers:
                raise TrainingError(f"only a teacher can label {source}; name one")
        if self.augmentation.mixup and self.teachers:
            raise TrainingError("teachers judge whole radiographs, not mixed pairs (--blending)")
        if self.augmentation.mixup and self.sampling.balance == Balance.WEIGHTS:
            raise TrainingError(
                "a mixed pair of both classes has no class weight; balance by sampling"
            )
        steps = self.epochs * self.steps_per_epoch
        if steps <= self.warm_up_steps:
            raise TrainingError(
                f"{steps} steps are no more than the warm-up's {self.warm_up_steps}; "
                "give more epochs, or more steps an epoch"
            )

    @property
    def batch_plan(self) -> BatchPlan:
        """What determines the run's batches."""
        return BatchPlan(self.preprocessing, self.sampling, self.augmentation, self.seed)

    @property
    def continues_run(self) -> bool:
        """Whether ``weights`` names another run."""
        return self.weights not in {"none", "imagenet"} and Path(self.weights).is_dir()

    def as_json(self) -> dict[str, Any]:
        """Give the recipe as recipe.json and release.json hold it."""
        return asdict(self, dict_factory=_with_json_names)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Take a recipe from JSON; a field that did not exist yet gets its default.

        Raises
        ------
        KeyError, TypeError, ValueError
            If the values are not those of a recipe.
        """
        fields = _with_field_names(values)
        return cls(
            **{
                **fields,
                "teachers": tuple(fields.get("teachers", ())),
                "seen": tuple(fields.get("seen", ())),
                "preprocessing": Preprocessing(**fields["preprocessing"]),
                "sampling": Sampling(**fields["sampling"]),
                "augmentation": Augmentation(**_with_field_names(fields["augmentation"])),
            }
        )

    def write(self, folder: Path) -> None:
        """Write the recipe into a run's folder.

        Raises
        ------
        TrainingError
            If the folder holds a run of another recipe.
        """
        self.require_same_recipe(folder)
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.as_json(), indent=2) + "\n"
        (folder / RECIPE_FILE).write_text(text, encoding="utf-8")

    def require_same_recipe(self, folder: Path) -> None:
        """Refuse a folder that holds a run of another recipe; a folder without a run passes."""
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
            return cls.from_json(json.loads((folder / RECIPE_FILE).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise TrainingError(
                f"{folder} is not a run ({error}); train one with `python -m training fit`"
            ) from error


def _with_json_names(items: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    return {_JSON_NAMES.get(name, name): value for name, value in items}


def _with_field_names(values: Mapping[str, Any]) -> dict[str, Any]:
    return {_FIELD_NAMES.get(name, name): value for name, value in values.items()}
