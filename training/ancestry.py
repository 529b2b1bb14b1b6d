"""What a run has seen: itself, and through those that it learned from.

A teacher, or the weights that a run begins from, bring along what they were trained on. Were one of
them trained by another split, the pupil would be measured on radiographs that it knows at second
hand. This module must not know any network.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.release import DESCRIPTION_FILE, load_release
from training.cohort import UNLABELLED, Sample
from training.errors import TrainingError
from training.recipe import Recipe
from training.split import digest_split


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
