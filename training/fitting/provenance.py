"""By which split, and on which sources, a run and what it learns from were trained.

A teacher, or the initial weights, may have been trained by another split. Then the student would
learn, through them, of radiographs that it is measured on. This module must not know any network.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.release import DESCRIPTION_FILE, ModelRelease, load_release
from training.data.cohort import Sample
from training.data.sources import hospital_of
from training.data.split import digest_split
from training.errors import TrainingError
from training.fitting.recipe import Recipe
from training.fitting.trained_on import TrainedOn


def record_provenance(recipe: Recipe, samples: Sequence[Sample]) -> Recipe:
    """Give the recipe with its split, and with all sources that the run will have learned from.

    Raises
    ------
    TrainingError
        If the split of a teacher or of the initial weights is another one, or unknown.
    """
    seen = _hospitals(recipe.sampling.images)
    for name, predecessor in _predecessors(recipe):
        if not predecessor.split_sha256:
            raise TrainingError(f"it is not recorded by which split {name} was trained")
        require_split(name, predecessor.split_sha256, samples)
        seen |= _hospitals([*predecessor.sampling.images, *predecessor.seen])
    return replace(recipe, split_sha256=digest_split(samples), seen=tuple(sorted(seen)))


def read_recipe(run: Path, samples: Sequence[Sample]) -> Recipe:
    """Read the recipe of a run that is to be used with this split.

    Raises
    ------
    TrainingError
        If the folder holds no run, or one that was trained by another split.
    """
    recipe = Recipe.read(run)
    require_split(run, recipe.split_sha256, samples)
    return recipe


def require_split_of_release(
    folder: Path, release: ModelRelease, samples: Sequence[Sample]
) -> None:
    """Refuse a release that was trained by another split; see `require_split`."""
    require_split(folder, TrainedOn.from_release(release).recipe.split_sha256, samples)


def require_split(name: str | Path, split_sha256: str, samples: Sequence[Sample]) -> None:
    """Refuse a run or release that was trained by another split; an unknown split passes.

    Raises
    ------
    TrainingError
        If both are known and differ.
    """
    if split_sha256 and split_sha256 != digest_split(samples):
        raise TrainingError(
            f"{name} was trained by another split, and may know what it would be measured on; "
            "give its own (--split)"
        )


def _predecessors(recipe: Recipe) -> Iterator[tuple[str, Recipe]]:
    """Give the name and the recipe of every run and release that a run learns from."""
    for run in [*recipe.teachers, *([recipe.weights] if recipe.continues_run else [])]:
        yield run, Recipe.read(Path(run))
    file = Path(recipe.weights)
    if not file.is_file():
        return
    if not (file.parent / DESCRIPTION_FILE).exists():
        raise TrainingError(f"{file} is in no release folder; what it was trained on is unknown")
    yield str(file.parent), TrainedOn.from_release(load_release(file.parent)).recipe


def _hospitals(sources: Iterable[str]) -> set[str]:
    return {hospital_of(source) for source in sources}
