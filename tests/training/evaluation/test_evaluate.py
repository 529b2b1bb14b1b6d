import json

import pytest

from training.evaluation.evaluate import evaluate
from training.evaluation.stress import PERTURBATIONS

pytestmark = pytest.mark.tensorflow


def test_evaluation_is_one_self_contained_page(tmp_path, run, release, cohort):
    figures = evaluate(release, [run], cohort.data, cohort.samples, tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert 'src="data:image/png;base64,' in page
    assert "http" not in page.replace("http-equiv", "")
    written = json.loads((tmp_path / "report.json").read_text())
    assert written["release"] == "2026.1"
    assert len(written["perturbations"]) == len(PERTURBATIONS)
    assert [row["perturbation"] for row in written["lungs"]] == [
        "lungs blanked out",
        "only the lungs left",
    ]
    assert written["native_against_copy"]["pairs"] == 4
    assert written["native_against_copy"]["largest_difference"] == 0  # the copies are the files
    (comparison,) = figures["comparisons"]
    tested = sum(s.source == "kermany" and s.part == "test" for s in cohort.samples)
    assert sum(comparison["confusion"].values()) == comparison["outside"]["kermany"]["images"]
    assert comparison["outside"]["kermany"]["images"] == tested
