"""A small synthetic cohort (gray rectangles), and a small run and release of it."""

import csv
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.framing.preprocessing import Preprocessing
from tests.development_data import DATA
from training.data.cohort import Sample, read_cohort
from training.data.sampling import Sampling
from training.data.split import split_by_group
from training.fitting.recipe import Recipe

FILE_PX = 48
SIZE_PX = 32
RECIPE = Recipe(
    half_precision=False,
    preprocessing=Preprocessing(size_px=SIZE_PX),
    sampling=Sampling({"kermany": 6, "rsna": 2}),
)
KERMANY_FIELDS = [
    "path",
    "label",
    "subtype",
    "patient_group",
    "native_columns",
    "native_rows",
    "native_sha256",
    "lung_mask",
    "lung_mask_match",
    "native_path",
]


@dataclass(frozen=True)
class Cohort:
    """A data folder, and what was read from it."""

    data: Path
    samples: list[Sample]


def make_sample(index=0, *, group="a", label="NORMAL", digest=None, source="kermany"):
    return Sample(
        path=f"{index}.jpeg",
        source=source,
        label=label,
        subtype="",
        patient_group=group,
        digest=digest or str(index),
    )


def save_radiograph(file: Path, *, ill: bool, seed: int) -> None:
    """Write dark lungs on a gray body; an ill one has a bright patch in one of them."""
    file.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    pixels = np.full((FILE_PX, FILE_PX), 160.0)
    pixels[8:40, 6:20] = pixels[8:40, 28:42] = 60
    if ill:
        pixels[20:38, 30:40] = 200
    pixels += random.normal(0, 8, pixels.shape)
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(file, "PNG")


def save_mask(file: Path) -> None:
    """Write where the lungs are."""
    file.parent.mkdir(parents=True, exist_ok=True)
    mask = np.zeros((FILE_PX, FILE_PX), np.uint8)
    mask[8:40, 6:20] = mask[8:40, 28:42] = 255
    Image.fromarray(mask).save(file, "PNG")


@pytest.fixture(scope="session")
def cohort(tmp_path_factory):
    """20 patients with two images each in one hospital, 10 with one each in another."""
    data = tmp_path_factory.mktemp("data")
    rows = []
    for index in range(40):
        ill, patient = index % 4 > 1, index // 2
        label = "PNEUMONIA" if ill else "NORMAL"
        path, mask = f"{label}/{index}.jpeg", f"lung_masks/{index}.png"
        save_radiograph(data / "kermany" / path, ill=ill, seed=index)
        save_mask(data / "kermany" / mask)
        subtype = "bacteria" if ill else "normal"
        native = ""
        if index < 4:
            native = f"../kermany_native/{label}/{index}.jpeg"
            save_radiograph(data / "kermany" / native, ill=ill, seed=index)
        match = "none" if index == 5 else "unique_size"
        digest = f"{index:064x}"
        rows.append([path, label, subtype, f"person{patient}", 48, 48, digest, mask, match, native])
    with (data / "kermany" / "manifest.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([KERMANY_FIELDS, *rows])
    others = []
    for index in range(10):
        label = "LUNG_OPACITY" if index % 2 else "NORMAL"
        path = f"rsna/{index}.jpg"
        save_radiograph(data / "other_hospitals" / path, ill=index % 2 == 1, seed=100 + index)
        others.append([path, "rsna", label, 50, "F", "PA", f"rsna-{index}"])
    save_radiograph(data / "other_hospitals" / "rsna/unlabelled.jpg", ill=False, seed=200)
    others.append(["rsna/unlabelled.jpg", "rsna", "", 50, "F", "PA", "rsna-unlabelled"])
    with (data / "other_hospitals" / "manifest.csv").open("w", newline="") as stream:
        heads = ["path", "source", "label", "age_years", "sex", "view", "patient_group"]
        csv.writer(stream).writerows([heads, *others])
    return Cohort(data, split_by_group(read_cohort(data), seed=1))


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """The folder of a run of RECIPE with random weights."""
    from training.fitting.run import Run  # noqa: PLC0415 - loads Keras

    folder = tmp_path_factory.mktemp("runs") / "tiny"
    RECIPE.write(folder)
    begun = Run(RECIPE)
    begun.history = [{"epoch": 1, "loss": 0.7, "auc_kermany": 0.5}]
    begun.save(folder)
    return folder


def copy_run(run, folder, **changed):
    """Copy a run, its recipe changed."""
    shutil.copytree(run, folder)
    (folder / "recipe.json").unlink()
    replace(RECIPE, **changed).write(folder)
    return folder


@pytest.fixture(scope="session")
def release(tmp_path_factory, run, cohort):
    """The folder of the run's release."""
    from training.release.build import make_release  # noqa: PLC0415 - loads Keras

    releases = tmp_path_factory.mktemp("releases")
    make_release(run, cohort.data, cohort.samples, "2026.1", releases)
    return releases / "2026.1"


@pytest.fixture(scope="session")
def real_data():
    """The development data; the test is skipped without them."""
    if not (DATA / "kermany" / "manifest.csv").exists():
        pytest.skip("the development data are not at hand (PNEUMOSCREEN_TEST_DATA)")
    return DATA
