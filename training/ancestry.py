"""What a run has seen: itself, and through those that it learned from.

A teacher, or the weights that a run begins from, bring along what they were trained on. Were one of
them trained by another split, the pupil would be measured on radiographs that it knows at second
hand. This module must not know any network.
"""

from collections.abc import Iterator, Sequence
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
        If a teacher, or the release whose weights it begins from, was trained by another split.
    """
    seen = {source.removesuffix(UNLABELLED) for source in recipe.mixture.images}
    for name, split_sha256, sources in _ancestors(recipe):
        require_split(name, split_sha256, samples)
        seen |= {source.removesuffix(UNLABELLED) for source in sources}
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
    weights = Path(recipe.weights)
    for run in [*recipe.teachers, *([recipe.weights] if weights.is_dir() else [])]:
        before = Recipe.read(Path(run))
        yield run, before.split_sha256, [*before.mixture.images, *before.seen]
    if weights.is_file() and (weights.parent / DESCRIPTION_FILE).exists():
        released = load_release(weights.parent).trained_on["recipe"]
        sources = [*released["mixture"]["images"], *released.get("seen", ())]
        yield str(weights.parent), released.get("split_sha256", ""), sources
