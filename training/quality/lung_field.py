"""Fits the lung locator to human lung masks.

This module must not know labels, nor the classifier.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.framing.lung_field import GRID_PX, LungLocator, shrink_to_grid
from pipeline.framing.preprocessing import Preprocessing, prepare_model_input
from pipeline.values.radiograph import Radiograph
from training.data.cohort import Sample
from training.data.images import Radiographs

RANK: Final = 128
_PENALTY: Final = 300.0
_VARIANTS: Final = 4
# The margins, chosen on validation, suffice for this share of radiographs on each side.
_MARGIN_QUANTILE: Final = 0.985
# Each side may lose this share of the lungs before it counts as cut.
_NEGLIGIBLE: Final = 0.002

Plane = NDArray[np.float32]
Pair = tuple[Plane, Plane]


def prepare_pairs(data: Path, samples: Sequence[Sample]) -> list[Pair]:
    """Give (128, 128) model inputs with their lung masks, cropped alike; only those with a mask."""
    radiographs = Radiographs(data, samples)
    pairs = []
    for index in range(len(radiographs)):
        mask = radiographs.mask(index)
        if mask is None or not mask.any():
            continue
        prepared = prepare_model_input(Radiograph(radiographs.pixels(index)), Preprocessing())
        box = prepared.field_of_view
        cropped = Image.fromarray(mask).resize(
            prepared.pixels.shape,
            Image.Resampling.BOX,
            box=(box.left_px, box.top_px, box.right_px, box.bottom_px),
        )
        pairs.append((prepared.pixels, np.asarray(cropped, dtype=np.float32)))
    return pairs


def fit_locator(pairs: Sequence[Pair], random: np.random.Generator) -> LungLocator:
    """Fit a ridge regression from image to mask, and keep its largest singular vectors.

    Each pair is used as it is and in three variants, slightly zoomed, shifted and rotated.
    """
    varied = list(_vary(pairs, random))
    images = np.stack([shrink_to_grid(image).ravel() for image, _ in varied])
    lungs = np.stack([_cells(mask).ravel() for _, mask in varied])
    mean_image, mean_lungs = images.mean(axis=0), lungs.mean(axis=0)
    images -= mean_image
    gram = images.T @ images + _PENALTY * np.eye(images.shape[1], dtype=np.float32)
    weights = np.linalg.solve(gram, images.T @ (lungs - mean_lungs))
    left, strength, right = np.linalg.svd(weights, full_matrices=False)
    return LungLocator(
        mean_image,
        mean_lungs,
        encoder=left[:, :RANK] * strength[:RANK],
        decoder=right[:RANK],
        margins=np.zeros(4, dtype=np.float32),
    )


def set_margins(locator: LungLocator, pairs: Sequence[Pair]) -> LungLocator:
    """Choose the margins on validation pairs."""
    needed = []
    for image, mask in pairs:
        box = locator.find_box(image)
        if box is not None:
            top, left, bottom, right = find_edges(mask)
            needed.append((box[0] - top, bottom - box[2], box[1] - left, right - box[3]))
    margins = np.maximum(np.quantile(needed, _MARGIN_QUANTILE, axis=0), 0)
    return replace(locator, margins=margins.astype(np.float32))


def measure(locator: LungLocator, pairs: Sequence[Pair]) -> dict[str, float]:
    """Measure the crop: how much of the lungs it keeps, and how much of the rest it removes.

    Returns
    -------
    dict[str, float]
        ``kept_99``: share of images with at least 99 % of lung pixels inside; ``least_kept``: the
        worst image's share; ``removed``: mean share of non-lung area outside; ``unsure``: share of
        images without a box, which count as kept whole.
    """
    kept, removed, unsure = [], [], 0
    for image, mask in pairs:
        side = mask.shape[0]
        box = locator.find_box(image)
        unsure += box is None
        top, left, bottom, right = (round(edge * side) for edge in box or (0.0, 0.0, 1.0, 1.0))
        inside = mask[top:bottom, left:right]
        kept.append(inside.sum() / mask.sum())
        removed.append(1 - (1 - inside).sum() / (1 - mask).sum())
    return {
        "kept_99": float(np.mean(np.array(kept) >= 0.99)),  # noqa: PLR2004 - the measure's name
        "least_kept": float(np.min(kept)),
        "removed": float(np.mean(removed)),
        "unsure": unsure / len(pairs),
    }


def write_locator(locator: LungLocator, file: Path) -> None:
    """Write the locator as plain arrays, the two large ones in half precision."""
    np.savez_compressed(
        file,
        mean_image=locator.mean_image,
        mean_lungs=locator.mean_lungs,
        encoder=locator.encoder.astype(np.float16),
        decoder=locator.decoder.astype(np.float16),
        margins=locator.margins,
    )


def _vary(pairs: Sequence[Pair], random: np.random.Generator) -> Iterator[Pair]:
    for image, mask in pairs:
        yield image, mask
        side = image.shape[0]
        for _ in range(_VARIANTS - 1):
            zoom, angle = random.uniform(0.85, 1.2), np.deg2rad(random.uniform(-6, 6))
            across, along = zoom * np.cos(angle), zoom * np.sin(angle)
            x, y = side / 2 + random.uniform(-0.07, 0.07, 2) * side
            middle = side / 2
            matrix = (
                *(across, -along, x - middle * across + middle * along),
                *(along, across, y - middle * along - middle * across),
            )
            yield _transform(image, matrix), _transform(mask, matrix)


def _transform(plane: Plane, matrix: tuple[float, ...]) -> Plane:
    image = Image.fromarray(plane).transform(
        plane.shape, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR
    )
    return np.asarray(image, dtype=np.float32)


def _cells(mask: Plane) -> Plane:
    block = mask.shape[0] // GRID_PX
    cells: Plane = mask.reshape(GRID_PX, block, GRID_PX, block).mean(axis=(1, 3))
    return cells


def find_edges(mask: Plane) -> tuple[float, float, float, float]:
    """Give the tightest box, in shares of the sides, around all but a negligible part of the lungs.

    The order is top, left, bottom, right.
    """
    edges = []
    for axis in (1, 0):
        share = np.cumsum(mask.sum(axis=axis)) / mask.sum()
        first = int(np.searchsorted(share, _NEGLIGIBLE))
        last = int(np.searchsorted(share, 1 - _NEGLIGIBLE)) + 1
        edges += [first / share.size, last / share.size]
    top, bottom, left, right = edges
    return top, left, bottom, right
