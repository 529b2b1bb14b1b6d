import csv
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from pipeline.framing.lung_field import load_lung_locator, locate_lung_field
from pipeline.framing.preprocessing import Preprocessing, prepare_model_input
from pipeline.values.radiograph import FieldOfView, ModelInput, Radiograph

WHOLE = FieldOfView(0, 0, 128, 128, "full_frame")


def test_finds_the_lungs_of_a_chest_in_the_radiographs_own_pixels(levels):
    pixels = np.zeros((300, 400), np.float32)
    pixels[30:270, 40:360] = np.asarray(
        Image.fromarray(levels.astype(np.float32)).resize((320, 240)), np.float32
    )
    model_input = prepare_model_input(Radiograph(pixels), Preprocessing())
    box = locate_lung_field(model_input)
    assert box.method == "lung_field"
    outer = model_input.field_of_view
    assert outer.top_px <= box.top_px < 150 < box.bottom_px <= outer.bottom_px
    assert outer.left_px <= box.left_px < 200 < box.right_px <= outer.right_px


def test_gives_the_whole_field_of_view_where_it_finds_no_lungs(levels):
    blind = replace(load_lung_locator(), mean_lungs=np.full(1024, -9, np.float32))
    model_input = prepare_model_input(Radiograph(levels.astype(np.float32)), Preprocessing())
    assert locate_lung_field(model_input, blind) == model_input.field_of_view


@settings(max_examples=50)
@given(arrays(np.float32, (128, 128), elements=st.floats(0, 1, width=32)))
def test_the_box_stays_inside_whatever_the_image(pixels):
    box = locate_lung_field(ModelInput(pixels, WHOLE))
    assert 0 <= box.top_px < box.bottom_px <= 128
    assert 0 <= box.left_px < box.right_px <= 128


@pytest.mark.data
def test_keeps_the_lungs_of_native_radiographs(data_folder):
    """The masks are drawn on the 224 px copies, squashed; shares of the sides are the same."""
    kept, removed = [], []
    with (data_folder / "kermany" / "manifest.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["native_path"] and row["lung_mask"]]
    for row in rows:
        with Image.open(data_folder / "kermany" / row["native_path"]) as image:
            pixels = np.asarray(image.convert("L"), np.float32) / 255
        with Image.open(data_folder / "kermany" / row["lung_mask"]) as image:
            mask = np.asarray(image.convert("L")) > 127
        box = locate_lung_field(prepare_model_input(Radiograph(pixels), Preprocessing()))
        down, across = mask.shape[0] / pixels.shape[0], mask.shape[1] / pixels.shape[1]
        inside = mask[
            round(box.top_px * down) : round(box.bottom_px * down),
            round(box.left_px * across) : round(box.right_px * across),
        ]
        kept.append(inside.sum() / mask.sum())
        removed.append(1 - (~inside).sum() / (~mask).sum())
    assert len(kept) > 30
    assert np.mean(np.array(kept) >= 0.99) >= 0.98
    assert np.mean(removed) > 0.3
