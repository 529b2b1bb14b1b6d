"""Cuts chests so that a known share of their lungs lies outside the frame.

This module must not know the network that is fitted to them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from pipeline.framing.lung_field import load_lung_locator, shrink_to_grid
from pipeline.framing.preprocessing import Preprocessing, prepare_model_input
from pipeline.values.radiograph import Radiograph
from training.data.cohort import Sample
from training.data.images import Radiographs
from training.quality.lung_field import find_edges

_VARIANTS: Final = 7
_LIKELY_LUNG: Final = 0.3
# The lungs of a published radiograph count as at least this far inside, whatever was located.
_LEAST_INSIDE: Final = 0.03
_LARGEST_OVERHANG: Final = 0.25

Plane = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Chest:
    """A radiograph and its lung mask, (224, 224) in [0, 1] each."""

    source: str
    pixels: Plane
    lungs: Plane

    def find_margins(self) -> NDArray[np.float64]:
        """Give the share of the side that lies above, below, left and right of the lungs, (4,)."""
        top, left, bottom, right = find_edges(self.lungs)
        return np.array([top, 1 - bottom, left, 1 - right])


@dataclass(frozen=True, slots=True)
class Example:
    """An input of the network, (1024,), and its target: the overhang at the four borders."""

    grid: Plane
    overhang: Plane


def read_chests(data: Path, samples: Sequence[Sample]) -> Iterator[Chest]:
    """Read radiographs with their lungs, from the mask or, without one, by the locator."""
    radiographs = Radiographs(data, samples)
    for index, sample in enumerate(radiographs.samples):
        pixels, mask = radiographs.pixels(index), radiographs.mask(index)
        lungs = _locate_lungs(pixels) if mask is None else mask
        if lungs.any():
            yield Chest(sample.source, pixels, lungs)


def cut(chest: Chest, shares: NDArray[np.float64], fill: float = 0.0) -> Chest:
    """Cut shares of the side away above, below, left and right; negative shares add a border."""
    side = chest.pixels.shape[0]
    top, bottom, left, right = shares * side
    extent = (left, top, side - right, side - bottom)

    def extract(plane: Plane, outside: float) -> Plane:
        image = Image.fromarray(plane).transform(
            plane.shape,
            Image.Transform.EXTENT,
            extent,
            Image.Resampling.BILINEAR,
            fillcolor=outside,
        )
        return np.asarray(image, np.float32)

    return replace(chest, pixels=extract(chest.pixels, fill), lungs=extract(chest.lungs, 0.0))


def cut_lungs(chest: Chest, border: int, share: float) -> Chest:
    """Cut so that this share of the lungs lies beyond one border."""
    axis, is_far = (1, 1, 0, 0)[border], border % 2
    profile = chest.lungs.sum(axis=axis)
    lost = np.cumsum(profile[::-1] if is_far else profile) / profile.sum()
    shares = np.zeros(4)
    shares[border] = (np.searchsorted(lost, share) + 1) / profile.size
    return cut(chest, shares)


def make_example(chest: Chest, shares: NDArray[np.float64], fill: float = 0.0) -> Example:
    """Cut a chest, and give the network's input and target."""
    margins = chest.find_margins()
    is_whole = not shares.any()
    varied = chest if is_whole else cut(chest, shares, fill)
    prepared = prepare_model_input(Radiograph(varied.pixels), Preprocessing())
    box = prepared.field_of_view
    height, width = chest.pixels.shape
    # Distances in the cut frame, then in the field of view that was found in it.
    top, bottom, left, right = margins - shares
    rows, columns = 1 - shares[:2].sum(), 1 - shares[2:].sum()
    seen_rows = (box.bottom_px - box.top_px) / height
    seen_columns = (box.right_px - box.left_px) / width
    inside = np.array(
        [
            (top / rows - box.top_px / height) / seen_rows,
            (bottom / rows - 1 + box.bottom_px / height) / seen_rows,
            (left / columns - box.left_px / width) / seen_columns,
            (right / columns - 1 + box.right_px / width) / seen_columns,
        ]
    )
    if is_whole:
        inside = np.maximum(inside, _LEAST_INSIDE)
    overhang = np.clip(-inside, -_LARGEST_OVERHANG / 2, _LARGEST_OVERHANG)
    return Example(shrink_to_grid(prepared.pixels).ravel(), overhang.astype(np.float32))


def make_variants(chest: Chest, random: np.random.Generator) -> Iterator[Example]:
    """Give a chest as it is, and variants that are cut, bordered and changed in contrast."""
    yield make_example(chest, np.zeros(4))
    margins = chest.find_margins()
    for _ in range(_VARIANTS):
        shares = np.zeros(4)
        may_cut = random.random() < 0.6  # noqa: PLR2004 - of the variants
        for border, margin in enumerate(margins):
            kind = random.random()
            if kind < 0.3:  # noqa: PLR2004 - a border is added
                shares[border] = -random.uniform(0, 0.15)
            elif kind < 0.5:  # noqa: PLR2004 - something but no lung is cut away
                shares[border] = random.uniform(0, max(margin, 0.005))
            elif kind < 0.8 and may_cut:  # noqa: PLR2004 - lung is
                shares[border] = margin + random.uniform(0, 0.22)
        changed = replace(chest, pixels=_change_contrast(chest.pixels, random))
        yield make_example(changed, shares, float(random.choice([0, 0, 0.02, 0.3, 0.6])))


def _locate_lungs(pixels: Plane) -> Plane:
    """Give the lung mask that the locator finds, in the radiograph's own pixels."""
    prepared = prepare_model_input(Radiograph(pixels), Preprocessing())
    box = prepared.field_of_view
    size = box.right_px - box.left_px, box.bottom_px - box.top_px
    found = Image.fromarray(load_lung_locator().map_lungs(prepared.pixels)).resize(
        size, Image.Resampling.BILINEAR
    )
    lungs = np.zeros_like(pixels)
    lungs[box.top_px : box.bottom_px, box.left_px : box.right_px] = np.asarray(found) > _LIKELY_LUNG
    return lungs


def _change_contrast(pixels: Plane, random: np.random.Generator) -> Plane:
    """Change contrast, shading, noise and sharpness, as between hospitals."""
    changed = pixels ** np.float32(np.exp(random.uniform(-0.5, 0.5)))
    y, x = np.mgrid[-1 : 1 : 1j * pixels.shape[0], -1 : 1 : 1j * pixels.shape[1]]
    across, along = random.uniform(-0.1, 0.1, 2)
    changed = changed + across * x + along * y
    if random.random() < 0.3:  # noqa: PLR2004 - of the variants
        changed = changed + random.normal(0, 0.03, pixels.shape)
    bytes_ = np.rint(np.clip(changed, 0, 1) * 255).astype(np.uint8)
    if random.random() < 0.3:  # noqa: PLR2004 - of the variants
        blur = ImageFilter.GaussianBlur(random.uniform(0.5, 2))
        bytes_ = np.asarray(Image.fromarray(bytes_).filter(blur))
    return np.asarray(bytes_ / np.float32(255), np.float32)
