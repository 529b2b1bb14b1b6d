import pytest

from pipeline.eligibility.anatomy import Meaning, names_chest, names_frontal_view


@pytest.mark.parametrize(
    "text", ["CHEST", "thorax", "PORT CHEST AP", "Tórax", "Lungs", "CHEST_PA", "胸部", "CHEST ABD"]
)
def test_recognises_the_chest(text):
    assert names_chest(text) is Meaning.YES


@pytest.mark.parametrize(
    "text",
    ["HIP", "EXTREMITY", "R HAND", "Thoracic spine", "TSPINE", "C-SPINE", "ABDOMEN", "Skull"],
)
def test_recognises_other_parts(text):
    assert names_chest(text) is Meaning.NO


@pytest.mark.parametrize("text", ["", "XRAY", "No Finding", "view: PA", "CHARM"])
def test_does_not_guess_a_part(text):
    assert names_chest(text) is Meaning.UNKNOWN


@pytest.mark.parametrize(
    "text", ["PA", "AP", "AP SUPINE", "view: PA", "antero-posterior", "A.P.", "POSTERO_ANTERIOR"]
)
def test_recognises_a_frontal_view(text):
    assert names_frontal_view(text) is Meaning.YES


@pytest.mark.parametrize(
    "text", ["LL", "RL", "LATERAL", "CHEST LAT", "LLD", "RAO", "left lateral", "latéral"]
)
def test_recognises_other_views(text):
    assert names_frontal_view(text) is Meaning.NO


@pytest.mark.parametrize("text", ["", "PA AND LATERAL", "CHEST", "PAIN", "1"])
def test_does_not_guess_a_view(text):
    assert names_frontal_view(text) is Meaning.UNKNOWN
