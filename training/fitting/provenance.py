"""What a run has seen: itself, and through those that it learned from.

A teacher, or the weights that a run begins from, bring along what they were trained on. Were one of
them trained by another split, the pupil would be measured on radiographs that it knows at second
hand. This module must not know any network.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.release import DESCRIPTION_FILE, ModelRelease, load_release
from training.data.cohort import UNLABELLED, Sample
from training.data.split import digest_split
from training.errors import TrainingError
from training.fitting.recipe import Recipe


def trace(recipe: Recipe, samples: Sequence[Sample]) -> Recipe:
    """Give a recipe that says by which split it is trained, and which sources it will have seen.

    Raises
    ------
    TrainingError
        If a teacher, or what it begins from, was trained by another split, or nothing tells what it
        was trained on.
    """
    seen = set(_hospitals(recipe.mixture.images))
    for name, split_sha256, sources in _ancestors(recipe):
        if not split_sha256:
            raise TrainingError(f"nothing tells by which split {name} was trained")
        require_split(name, split_sha256, samples)
        seen |= set(_hospitals(sources))
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
    require_split(folder, release.trained_on["recipe"].get("split_sha256", ""), samples)


def require_split(name: str | Path, split_sha256: str, samples: Sequence[Sample]) -> None:
    """Refuse what was trained by another split than this one; an unknown one passes.

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


def _ancestors(recipe: Recipe) -> Iterator[tuple[str, str, Sequence[str]]]:
    runs = [*recipe.teachers, *([recipe.weights] if recipe.goes_on_from_run else [])]
    for run in runs:
        before = Recipe.read(Path(run))
        yield run, before.split_sha256, [*before.mixture.images, *before.seen]
    file = Path(recipe.weights)
    if not file.is_file():
        return
    if not (file.parent / DESCRIPTION_FILE).exists():
        raise TrainingError(f"{file} stands in no release, so that nothing tells what it has seen")
    released = load_release(file.parent).trained_on["recipe"]
    sources = [*released["mixture"]["images"], *released.get("seen", ())]
    yield str(file.parent), released.get("split_sha256", ""), sources


def _hospitals(sources: Iterable[str]) -> list[str]:
    return [source.removesuffix(UNLABELLED) for source in sources]
