from dataclasses import replace

import pytest

from tests.training.conftest import make_sample, save_radiograph
from training.data.cohort import Part, read_cohort, read_unlabelled, remove_duplicates
from training.errors import TrainingError


def test_duplicate_is_kept_once_and_a_contradiction_not_at_all():
    first = make_sample(1, digest="x")
    again = make_sample(2, digest="x", group="b")
    healthy = make_sample(3, digest="y")
    ill = make_sample(4, digest="y", label="PNEUMONIA")
    assert remove_duplicates([first, again, healthy, ill]) == [first]


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


def test_public_layout_distinguishes_patients_by_folder(tmp_path):
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


def test_radiograph_without_a_patient_in_its_name_is_refused(tmp_path):
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
