from dataclasses import replace

import numpy as np
import pytest

from pipeline.classifier import Classifier
from training.data.images import Radiographs
from training.evaluation.stress import Scorer, blank_lungs, compare_native

pytestmark = pytest.mark.tensorflow


def test_stress_does_without_masks_and_native_files(release, cohort):
    bare = [replace(sample, lung_mask="", native_path="") for sample in cohort.samples]
    classifier = Classifier.load(release)
    scorer = Scorer(classifier.release.preprocessing, classifier.classify)
    assert blank_lungs(scorer, Radiographs(cohort.data, bare), np.zeros(len(bare))) == []
    assert compare_native(scorer, cohort.data, bare).shape == (0, 2)
