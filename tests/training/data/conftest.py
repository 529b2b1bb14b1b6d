import pytest

from training.data.cohort import Part
from training.data.images import Radiographs


@pytest.fixture(scope="session")
def training_samples(cohort):
    return [sample for sample in cohort.samples if sample.part == Part.TRAIN]


@pytest.fixture(scope="session")
def radiographs(cohort, training_samples):
    return Radiographs(cohort.data, training_samples)
