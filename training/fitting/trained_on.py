"""What a release was trained on: the value behind ``trained_on`` in release.json.

This module must not know any network or image.
"""

from dataclasses import dataclass
from typing import Any, Final, Self

from pipeline.release import ModelRelease
from training.errors import TrainingError
from training.fitting.recipe import Recipe

UNLABELLED: Final = "unlabelled"


@dataclass(frozen=True, slots=True)
class ImageCount:
    """How many images of one source, part and label there are."""

    source: str
    part: str
    label: str
    images: int

    @classmethod
    def from_json(cls, key: str, images: int) -> Self:
        """Take a count whose key is ``source part label``."""
        source, part, label = key.split(maxsplit=2)
        return cls(source, part, label, images)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedOn:
    """What a release was trained on.

    Attributes
    ----------
    images
        By source, part and label, ``unlabelled`` where a source has no labels.
    split
        How the cohort was split, in a sentence for people.
    lung_masks
        How many of the images have a lung mask.
    recipe
        Of the run that was released.
    teachers
        The recipes of the recipe's teachers.
    began_from
        The recipe of the run that it continued; None where it continued none.
    """

    images: tuple[ImageCount, ...]
    split: str
    lung_masks: int
    recipe: Recipe
    teachers: tuple[Recipe, ...] = ()
    began_from: Recipe | None = None

    @classmethod
    def from_release(cls, release: ModelRelease) -> Self:
        """Take what a release says it was trained on.

        Raises
        ------
        TrainingError
            If it does not say so, or not in this form.
        """
        values = release.trained_on
        try:
            began_from = values.get("began_from")
            return cls(
                images=tuple(
                    ImageCount.from_json(key, images) for key, images in values["images"].items()
                ),
                split=values["split"],
                lung_masks=values["lung_masks"],
                recipe=Recipe.from_json(values["recipe"]),
                teachers=tuple(Recipe.from_json(each) for each in values.get("teachers", ())),
                began_from=Recipe.from_json(began_from) if began_from else None,
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise TrainingError(
                f"release {release.name} does not say what it was trained on ({error!r}); "
                "make it again with `python -m training release`"
            ) from error

    def as_json(self) -> dict[str, Any]:
        """Give it as release.json holds it."""
        return {
            "images": {
                f"{count.source} {count.part} {count.label}": count.images for count in self.images
            },
            "split": self.split,
            "lung_masks": self.lung_masks,
            "recipe": self.recipe.as_json(),
            "teachers": [recipe.as_json() for recipe in self.teachers],
            "began_from": self.began_from.as_json() if self.began_from else None,
        }
