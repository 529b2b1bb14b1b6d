from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.conftest import make_sample
from training.data.cohort import Part, read_cohort, remove_duplicates
from training.data.split import (
    digest_split,
    read_split,
    split_at_random,
    split_by_group,
    write_split,
)
from training.errors import TrainingError

cohorts = st.lists(
    st.builds(
        make_sample,
        st.integers(0, 10_000),
        group=st.integers(0, 40).map(str),
        label=st.sampled_from(["NORMAL", "PNEUMONIA"]),
        digest=st.integers(0, 60).map(str),
        source=st.sampled_from(["kermany", "rsna"]),
    ),
    min_size=1,
    max_size=120,
)


@given(cohorts, st.integers(0, 100))
def test_no_patient_and_no_digest_crosses_the_split(samples, seed):
    split = split_by_group(remove_duplicates(samples), seed)
    for attribute in ("patient_group", "digest"):
        parts = {(getattr(sample, attribute), sample.part) for sample in split}
        assert len(parts) == len({value for value, _ in parts})


@given(cohorts)
def test_split_depends_on_the_seed_and_on_nothing_else(samples):
    assert split_by_group(samples, 7) == split_by_group(samples, 7)


def test_split_holds_its_fractions_in_images_although_patients_differ():
    samples = [
        make_sample(10 * group + image, group=str(group), label=label)
        for group, label in enumerate(["NORMAL", "PNEUMONIA"] * 100)
        for image in range(1 + group % 7)
    ]
    counts = Counter((s.part, s.label) for s in split_by_group(samples, 1))
    for label in ("NORMAL", "PNEUMONIA"):
        total = sum(counts[part, label] for part in Part)
        assert counts[Part.TRAIN, label] / total == pytest.approx(0.8, abs=0.03)
        assert counts[Part.TEST, label] / total == pytest.approx(0.1, abs=0.03)


def test_random_split_parts_patients_as_the_published_study_did():
    samples = [make_sample(i, group=str(i // 4)) for i in range(400)]
    split = split_at_random(samples, 1)
    assert Counter(s.part for s in split) == {"train": 320, "validation": 40, "test": 40}
    groups = {part: {s.patient_group for s in split if s.part == part} for part in Part}
    assert groups[Part.TRAIN] & groups[Part.TEST]


def test_written_split_reads_back_equal(tmp_path, cohort):
    write_split(cohort.samples, tmp_path / "split.csv")
    assert read_split(tmp_path / "split.csv") == cohort.samples


def test_split_is_not_overwritten_by_another(tmp_path, cohort):
    file = tmp_path / "split.csv"
    write_split(cohort.samples, file)
    write_split(cohort.samples, file)
    with pytest.raises(TrainingError, match="holds another split"):
        write_split(split_by_group(cohort.samples, 2), file)
    assert read_split(file) == cohort.samples


def test_file_that_is_no_split_is_refused(tmp_path):
    (tmp_path / "split.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TrainingError, match="is not a split"):
        read_split(tmp_path / "split.csv")


def test_split_is_known_by_what_is_in_which_part(cohort):
    moved = [replace(sample, path="elsewhere/" + sample.path) for sample in cohort.samples[::-1]]
    assert digest_split(moved) == digest_split(cohort.samples)
    assert digest_split(split_by_group(cohort.samples, 2)) != digest_split(cohort.samples)


def test_missing_split_names_the_command_that_makes_one(tmp_path):
    with pytest.raises(TrainingError, match="training cohort"):
        read_split(tmp_path / "split.csv")


@pytest.mark.data
def test_real_cohort_splits_without_a_crossing(real_data):
    split = split_by_group(read_cohort(real_data), 20261123)
    assert len(split) > 6_000
    for attribute in ("patient_group", "digest"):
        parts = {(getattr(sample, attribute), sample.part) for sample in split}
        assert len(parts) == len({value for value, _ in parts})
