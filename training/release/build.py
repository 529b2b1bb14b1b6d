"""Makes a model release of a trained run: weights, calibration, operating points, model card.

All choices are made on validation images, scored by the released weights on the serving path. This
module must not know how a network is trained.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from pipeline.classifier import Classifier
from pipeline.engines.openvino import measure_activations
from pipeline.engines.resnet50v2 import RESNET50V2
from pipeline.engines.weights import Weights
from pipeline.framing.preprocessing import Preprocessing
from pipeline.release import (
    WEIGHTS_FILE,
    Calibration,
    ModelRelease,
    load_release,
    write_release,
)
from pipeline.values.screening import OperatingPoints
from training.data.cohort import Part, Sample, read_unlabelled
from training.data.images import Radiographs, prepare_all
from training.data.sources import HOME
from training.errors import TrainingError
from training.evaluation.by_source import measure_sources
from training.evaluation.calibration import (
    apply_calibration,
    choose_operating_points,
    fit_calibration,
)
from training.fitting.provenance import read_recipe, require_split_of_release
from training.fitting.recipe import Recipe
from training.fitting.run import load_averaged
from training.fitting.trained_on import UNLABELLED, ImageCount, TrainedOn
from training.release.model_card import MODEL_CARD_FILE, describe_release

# 200, 400 and 800 gave the same errors (the largest move of a calibrated logit 0.15, 0.12, 0.13).
CALIBRATING_IMAGES: Final = 400


def make_release(
    run: Path, data: Path, samples: Sequence[Sample], name: str, releases: Path
) -> ModelRelease:
    """Write a release folder for a run's averaged weights.

    Parameters
    ----------
    run
        Folder of a trained run.
    data, samples
        The cohort that it was trained on, with its split.
    name
        Of the release, and of its folder below ``releases``.
    releases
        The folder of all releases.

    Returns
    -------
    ModelRelease
        As written, with the figures measured on the test part.

    Raises
    ------
    TrainingError
        If the run cannot become a release: its network is not served, it was not trained on the
        home population, or by another split; or if there is a release of that name.
    """
    recipe = read_recipe(run, samples)
    if recipe.network != RESNET50V2:
        raise TrainingError(f"{run} is of {recipe.network}; what is served is {RESNET50V2}")
    if HOME not in recipe.sampling.images:
        raise TrainingError(f"{run} never saw {HOME}, by which a release is calibrated")
    if Path(name).name != name or name in {"", ".."}:
        raise TrainingError(f"{name!r} is a path; name the release, its folder is below {releases}")
    if (releases / name).exists():
        raise TrainingError(f"there is a release {releases / name}; name the new one otherwise")
    releases.mkdir(parents=True, exist_ok=True)
    # Written beside its final place and renamed: a folder of this name is always complete.
    with TemporaryDirectory(dir=releases, prefix=".") as partial:
        folder = Path(partial) / name
        folder.mkdir()
        release = _write_release(folder, run, recipe, data, samples)
        folder.rename(releases / name)
    return release


def _write_release(
    folder: Path, run: Path, recipe: Recipe, data: Path, samples: Sequence[Sample]
) -> ModelRelease:
    chosen = [sample for sample in samples if sample.source in recipe.sampling.images]
    weights_sha256 = export_weights(load_averaged(run), folder / WEIGHTS_FILE)
    release = ModelRelease(
        name=folder.name,
        architecture=recipe.network,
        weights_sha256=weights_sha256,
        preprocessing=recipe.preprocessing,
        calibration=Calibration(1.0, 0.0),
        operating_points=OperatingPoints(0.0, 1.0),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        activation_maxima=find_activation_maxima(
            folder / WEIGHTS_FILE, data, chosen, recipe.preprocessing
        ),
        trained_on=_describe_training(
            recipe, [*chosen, *read_unlabelled(data, recipe.sampling.images, samples)]
        ).as_json(),
    )
    write_release(release, folder)
    classifier = Classifier.load(folder)

    validation = [sample for sample in chosen if sample.part == Part.VALIDATION]
    logits, positive = _score(classifier, data, validation)
    sources = [sample.source for sample in validation]
    calibration = fit_calibration(logits, positive, sources)
    home = np.array([source == HOME for source in sources])
    points = choose_operating_points(apply_calibration(calibration, logits[home]), positive[home])
    test = [sample for sample in chosen if sample.part == Part.TEST]
    logits, positive = _score(classifier, data, test)
    release = replace(
        release,
        calibration=calibration,
        operating_points=points,
        measured=measure_sources(test, positive, apply_calibration(calibration, logits), points),
    )
    write_release(release, folder)
    card = describe_release(release)
    (folder / MODEL_CARD_FILE).write_text(card, encoding="utf-8")
    return release


def quantize(folder: Path, data: Path, samples: Sequence[Sample]) -> ModelRelease:
    """Add to a release the activation maxima that an engine needs to compute it in 8 bits.

    Its weights, calibration and figures stay as they are.

    Raises
    ------
    ReleaseError
        If the folder is not a release.
    TrainingError
        If it was trained by another split.
    """
    release = load_release(folder)
    require_split_of_release(folder, release, samples)
    sources = TrainedOn.from_release(release).recipe.sampling.images
    chosen = [sample for sample in samples if sample.source in sources]
    maxima = find_activation_maxima(folder / WEIGHTS_FILE, data, chosen, release.preprocessing)
    release = replace(release, activation_maxima=maxima)
    write_release(release, folder)
    return release


def find_activation_maxima(
    weights: Path, data: Path, samples: Sequence[Sample], preprocessing: Preprocessing
) -> tuple[float, ...]:
    """Find the largest input of each convolution on training radiographs, for 8-bit engines.

    Takes training radiographs at regular intervals, so that all sources and both classes occur.
    """
    training = [sample for sample in samples if sample.part == Part.TRAIN]
    few = training[:: max(1, len(training) // CALIBRATING_IMAGES)]
    pixels, _ = prepare_all(Radiographs(data, few), preprocessing)
    return measure_activations(Weights.read(weights), preprocessing.size_px, pixels)


def export_weights(network: Any, file: Path) -> str:  # noqa: ANN401
    """Write a network's weights by variable path, and give the file's sha256.

    Kernels in float16; vectors (biases and batch statistics) in float32, since their range is wide
    and their size small.
    """
    arrays = {}
    for variable in network.weights:
        values = np.asarray(variable)
        arrays[variable.path] = values.astype(np.float16 if values.ndim > 1 else np.float32)
    save_file(arrays, file)
    file.chmod(0o644)  # safetensors writes 0600, which a service's own user cannot read
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _score(
    classifier: Classifier, data: Path, samples: Sequence[Sample]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    pixels, positive = prepare_all(Radiographs(data, samples), classifier.release.preprocessing)
    return classifier.logits(pixels), positive


def _describe_training(recipe: Recipe, samples: Sequence[Sample]) -> TrainedOn:
    counts = Counter((sample.source, sample.part, sample.label) for sample in samples)
    return TrainedOn(
        images=tuple(
            ImageCount(source, part, label or UNLABELLED, images)
            for (source, part, label), images in sorted(counts.items())
        ),
        split=_describe_split(samples),
        lung_masks=sum(bool(sample.lung_mask) for sample in samples),
        recipe=recipe,
        teachers=tuple(Recipe.read(Path(run)) for run in recipe.teachers),
        began_from=Recipe.read(Path(recipe.weights)) if recipe.continues_run else None,
    )


def _describe_split(samples: Sequence[Sample]) -> str:
    parts: dict[str, set[str]] = defaultdict(set)
    for sample in samples:
        parts[sample.patient_group].add(sample.part)
    if any(len(each) > 1 for each in parts.values()):
        return "80/10/10 by image; patients stand in several parts, which flatters every figure"
    return (
        "80/10/10 by patient, stratified by source, label and subtype. No patient, as its source "
        "names it, and no file digest stands in two parts"
    )
