from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.conftest import save_radiograph
from training.data.cohort import Part, Sample, read_cohort, read_unlabelled, remove_duplicates
from training.data.split import (
    digest_split,
    read_split,
    split_at_random,
    split_by_group,
    write_split,
)
from training.errors import TrainingError


def make_sample(index=0, *, group="a", label="NORMAL", digest=None, source="kermany"):
    return Sample(
        path=f"{index}.jpeg",
        source=source,
        label=label,
        subtype="",
        patient_group=group,
        digest=digest or str(index),
    )


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


def test_duplicate_is_kept_once_and_a_contradiction_not_at_all():
    first = make_sample(1, digest="x")
    again = make_sample(2, digest="x", group="b")
    healthy = make_sample(3, digest="y")
    ill = make_sample(4, digest="y", label="PNEUMONIA")
    assert remove_duplicates([first, again, healthy, ill]) == [first]


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


def test_manifests_are_read_with_masks_that_can_be_trusted(cohort):
    by_path = {sample.path: sample for sample in cohort.samples}
    assert len(by_path) == 50  # the unlabelled one is left out
    assert by_path["kermany/NORMAL/4.jpeg"].lung_mask == "kermany/lung_masks/4.png"
    assert by_path["kermany/NORMAL/5.jpeg"].lung_mask == ""
    assert by_path["kermany/NORMAL/0.jpeg"].subtype == ""
    assert by_path["other_hospitals/rsna/1.jpg"].is_positive


def test_unlabelled_radiographs_are_for_training_alone(cohort):
    assert read_unlabelled(cohort.data, {"rsna", "kermany"}, cohort.samples) == []
    (sample,) = read_unlabelled(cohort.data, {"rsna_unlabelled"}, cohort.samples)
    assert (sample.source, sample.label, sample.part) == ("rsna_unlabelled", "", Part.TRAIN)
    assert sample.patient_group not in {each.patient_group for each in cohort.samples}


@pytest.mark.parametrize("shared", ["patient_group", "digest"])
def test_unlabelled_radiograph_of_a_patient_in_the_split_is_left_out(cohort, shared):
    (sample,) = read_unlabelled(cohort.data, {"rsna_unlabelled"}, cohort.samples)
    known = replace(cohort.samples[0], **{shared: getattr(sample, shared)})
    assert read_unlabelled(cohort.data, {"rsna_unlabelled"}, [known]) == []


def save_published(folder, names):
    for seed, name in enumerate(names):
        save_radiograph(folder / name, ill="PNEUMONIA" in name, seed=seed)


def test_public_layout_tells_its_patients_apart_by_folder(tmp_path):
    names = [
        "train/PNEUMONIA/person1_bacteria_1.jpeg",
        "train/PNEUMONIA/person1_virus_2.jpeg",
        "test/PNEUMONIA/person1_virus_6.jpeg",
        "train/NORMAL/NORMAL2-IM-0383-0001.jpeg",
        "train/NORMAL/IM-0115-0001.jpeg",
    ]
    save_published(tmp_path, names)
    (tmp_path / "train" / "NORMAL" / "._IM-0115-0001.jpeg").write_bytes(b"of macOS")
    samples = {sample.path: sample for sample in read_cohort(tmp_path)}
    assert sorted(samples) == sorted(names)
    groups = [samples[name].patient_group for name in names]
    assert groups[0] == groups[1] != groups[2]
    assert samples[names[1]].subtype == "virus"


def test_third_version_of_the_public_layout_is_read_too(tmp_path):
    names = [
        "train/NORMAL/NORMAL-28501-0001.jpeg",
        "train/PNEUMONIA/BACTERIA-7422-0001.jpeg",
        "train/PNEUMONIA/BACTERIA-7422-0002.jpeg",
        "test/PNEUMONIA/VIRUS-9815549-0001.jpeg",
    ]
    save_published(tmp_path, names)
    samples = {sample.path: sample for sample in read_cohort(tmp_path)}
    assert [samples[name].subtype for name in names] == ["", "bacteria", "bacteria", "virus"]
    assert samples[names[1]].patient_group == samples[names[2]].patient_group
    assert len({sample.patient_group for sample in samples.values()}) == 3


def test_radiograph_whose_name_tells_no_patient_is_refused(tmp_path):
    save_radiograph(tmp_path / "train/NORMAL/IM-0115-0001.jpeg", ill=False, seed=1)
    save_radiograph(tmp_path / "train/NORMAL/scan.jpeg", ill=False, seed=2)
    with pytest.raises(TrainingError, match=r"1 of 2 .*train/NORMAL/scan.jpeg"):
        read_cohort(tmp_path)


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ("path,source,label,patient_group,view\nlost.jpg,rsna,NORMAL,a,PA\n", "lost.jpg cannot be"),
        ("path,source,label\n", "no column 'patient_group'"),
    ],
)
def test_manifest_that_does_not_fit_is_refused(tmp_path, manifest, message):
    (tmp_path / "other_hospitals").mkdir()
    (tmp_path / "other_hospitals" / "manifest.csv").write_text(manifest)
    with pytest.raises(TrainingError, match=message):
        read_cohort(tmp_path)


def test_folder_without_radiographs_is_refused(tmp_path):
    with pytest.raises(TrainingError, match="no radiographs"):
        read_cohort(tmp_path)


@pytest.mark.data
def test_real_cohort_splits_without_a_crossing(real_data):
    split = split_by_group(read_cohort(real_data), 20261123)
    assert len(split) > 6_000
    for attribute in ("patient_group", "digest"):
        parts = {(getattr(sample, attribute), sample.part) for sample in split}
        assert len(parts) == len({value for value, _ in parts})
