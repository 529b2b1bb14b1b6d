"""Writes a release's model card: intended use, training data, figures and limits.

This module must not know how anything was measured.
"""

from collections.abc import Sequence
from typing import Any, Final

from pipeline.release import ModelRelease
from training.data.cohort import Part
from training.data.sources import HOME, hospital_of, is_unlabelled
from training.fitting.trained_on import ImageCount, TrainedOn

MODEL_CARD_FILE: Final = "MODEL_CARD.md"

SOURCES: Final = {
    "kermany": (
        "Kermany et al., *Labeled Optical Coherence Tomography and Chest X-Ray Images*, Cell "
        "2018: Guangzhou Women and Children's Medical Center, ages 1-5. CC BY 4.0."
    ),
    "rsna": (
        "RSNA Pneumonia Detection Challenge 2018 (Shih et al., *Augmenting the NIH chest "
        "radiograph dataset with expert annotations of possible pneumonia*, Radiology: "
        "Artificial Intelligence 2019): NIH Clinical Center, mostly adults, labelled by "
        "radiologists. Terms of the RSNA challenge; research use."
    ),
    "nih": (
        "NIH ChestX-ray14 (Wang et al., *ChestX-ray8*, CVPR 2017; "
        "https://nihcc.app.box.com/v/ChestXray-NIHCC; provided by the NIH Clinical Center): "
        "mostly adults, labels mined from reports, noisy. Attribution asked for."
    ),
}
NAMES: Final = {
    "kermany": "kermany (children 1-5, the home population)",
    "rsna": "rsna, all images",
    "rsna_normal_or_opacity": "rsna, normal against opacity",
    "nih": "nih (labels mined from reports)",
}
FIGURES: Final = ("auc", "accuracy", "recall", "specificity", "calibration_error")
THRESHOLDS: Final = {
    "at_one_half": "probability 0.5",
    "at_high_sensitivity": "the high-sensitivity point",
    "at_high_specificity": "the high-specificity point",
}


# The text around the figures.
_TEMPLATE: Final = """\
# Model card: Pneumoscreen {name}

Finds signs of pneumonia in frontal chest radiographs of children, to put the studies that should
be read first at the top of the worklist.

**Intended use.** Triage in research settings. It orders work and rules nothing out; a radiologist
reads every study. Not a medical device.

**Home population.** Ages 1 to 5. Other children are extrapolation, adults are not eligible by
default{why_adults}.

**Network.** {architecture}, {size_px} px, one logit, Platt scaling (slope {slope:.4f}, offset
{offset:.4f}). {beginning} Weights sha256 `{weights_sha256}`.

**Operating points** (calibrated probability, chosen on validation images of the home population):
NEGATIVE below {high_sensitivity:.4f}, POSITIVE from {high_specificity:.4f}, INDETERMINATE between.

## What it learned from

{sources}

Split: {split}.

{counts}

## What it reaches

On the test part, which was in neither training nor calibration, prepared as in serving, scored in
float32. In brackets 95 % intervals of a bootstrap over patients.

{figures}

## Limits

- The home population is one hospital and one age group; its labels are readings of images, not
  laboratory findings. Pneumonia is about three in four of its images, far more than among children
  sent for a radiograph: probabilities are calibrated to that share, and where pneumonia is rarer
  they read too high.
{outside}
- At 128 px small nodules, a thin pneumothorax and lines cannot be seen. It looks for pneumonia and
  nothing else: NEGATIVE does not mean healthy.
- Lateral views and post-operative chests were hardly among the training images.
"""

_WHY_ADULTS: Final = (
    ": radiographs of adults were used in training so that the network learns lungs rather than\n"
    "one hospital's films"
)
_OUTSIDE_MEASURED: Final = """\
- The other hospitals' figures are of hospitals it was trained on, on other patients. A hospital
  that it has never seen will do worse: measure before use."""
_OUTSIDE_UNMEASURED: Final = """\
- It has seen other hospitals through what it began from or was taught by, and was not measured on
  them. Any hospital that is not its home may do worse: measure before use."""
_OUTSIDE_UNSEEN: Final = """\
- It has seen one hospital. Any other will do worse: measure before use."""


def describe_release(release: ModelRelease) -> str:
    """Give the model card as Markdown."""
    trained_on = TrainedOn.from_release(release)
    sources = sorted({count.source for count in trained_on.images} | set(trained_on.recipe.seen))
    elsewhere = set(sources) - {HOME}
    outside = _OUTSIDE_UNMEASURED if elsewhere else _OUTSIDE_UNSEEN
    if set(release.measured) - {HOME}:
        outside = _OUTSIDE_MEASURED
    return _TEMPLATE.format(
        name=release.name,
        architecture=release.architecture,
        size_px=release.preprocessing.size_px,
        slope=release.calibration.slope,
        offset=release.calibration.offset,
        beginning=_describe_beginning(trained_on),
        why_adults=_WHY_ADULTS if elsewhere else "",
        outside=outside,
        weights_sha256=release.weights_sha256,
        high_sensitivity=release.operating_points.high_sensitivity,
        high_specificity=release.operating_points.high_specificity,
        sources="\n".join(
            [f"- **{source}**: {_describe_source(source)}" for source in sources]
            + (
                ["- **lung masks** of kermany: V7 Labs. CC BY 4.0."]
                if trained_on.lung_masks
                else []
            )
        ),
        split=trained_on.split,
        counts=_table(["images", *Part], _count_rows(trained_on.images)),
        figures="\n\n".join(_figures(release.measured, key) for key in THRESHOLDS),
    )


def _describe_source(source: str) -> str:
    if is_unlabelled(source):
        return f"as {hospital_of(source)}, without labels; teachers gave the targets."
    return SOURCES.get(source, source)


def _describe_beginning(trained_on: TrainedOn) -> str:
    recipe = trained_on.recipe
    begun = {"none": "from random weights", "imagenet": "from ImageNet weights"}
    parts = [f"Trained {begun.get(recipe.weights, f'on from `{recipe.weights}`')}"]
    if trained_on.began_from:
        parts = ["Trained on from another run (its recipe is in `release.json`)"]
    if recipe.lung_weight and trained_on.lung_masks:
        parts.append("with an auxiliary lung map, which the release leaves out")
    if recipe.teachers:
        parts.append(
            f"with {len(recipe.teachers)} teacher(s), whose opinion is "
            f"{100 * recipe.teacher_share:.0f} % of each target "
            "(their recipes are in `release.json`)"
        )
    if recipe.kept_share:
        parts.append(f"{100 * recipe.kept_share:.0f} % of every weight kept from the beginning")
    return ", ".join(parts) + "."


def _figures(measured: dict[str, Any], threshold: str) -> str:
    rows = [
        [NAMES.get(subset, subset), f"{figures['images']} ({figures['ill']} ill)"]
        + [_interval(figures[threshold][figure]) for figure in FIGURES]
        for subset, figures in measured.items()
    ]
    heads = ["test images", "number", *(name.replace("_", " ") for name in FIGURES)]
    return f"Called ill from {THRESHOLDS[threshold]}:\n\n{_table(heads, rows)}"


def _interval(figure: dict[str, float]) -> str:
    return f"{figure['value']:.3f} ({figure['low']:.3f}-{figure['high']:.3f})"


def _count_rows(counts: Sequence[ImageCount]) -> list[list[str]]:
    images = {(count.source, count.label, count.part): count.images for count in counts}
    return [
        [f"{source} {label}", *(str(images.get((source, label, part), 0)) for part in Part)]
        for source, label in sorted({(count.source, count.label) for count in counts})
    ]


def _table(heads: list[str], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [heads, ["---"] * len(heads), *rows])
