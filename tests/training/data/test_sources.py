import pytest

from training.data.sources import hospital_of, is_unlabelled, unlabelled_source


@pytest.mark.parametrize("hospital", ["kermany", "rsna", "nih"])
def test_part_without_labels_belongs_to_its_hospital(hospital):
    source = unlabelled_source(hospital)
    assert is_unlabelled(source)
    assert not is_unlabelled(hospital)
    assert hospital_of(source) == hospital_of(hospital) == hospital
