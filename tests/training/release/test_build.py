"""One small ResNet50V2, hardly begun, walks all the way to a release and a report."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from pipeline.classifier import Classifier
from pipeline.framing.preprocessing import Preprocessing
from pipeline.release import WEIGHTS_FILE, load_release, write_release
from training.__main__ import app, main
from training.command import run_command
from training.data.images import Radiographs
from training.data.sampling import Mixture
from training.data.split import read_split, split_at_random, write_split
from training.errors import TrainingError
from training.evaluation.compare import compare_runs
from training.evaluation.evaluate import evaluate
from training.evaluation.explain import LAYERS, explain
from training.evaluation.stress import PERTURBATIONS, Scorer, blank_lungs, compare_native
from training.fitting.recipe import Recipe
from training.fitting.run import Run, load_averaged, network_logits
from training.release.build import make_release, quantize
from training.release.model_card import describe_release

pytestmark = pytest.mark.tensorflow
SIZE_PX = 32


RECIPE = Recipe(
    half_precision=False,
    preprocessing=Preprocessing(size_px=SIZE_PX),
    mixture=Mixture({"kermany": 6, "rsna": 2}),
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    RECIPE.keep_in(folder)
    begun = Run(RECIPE)
    begun.history = [{"epoch": 1, "loss": 0.7, "auc_kermany": 0.5}]
    begun.save(folder)
    return folder


def copy_run(run, folder, **changed):
    """Copy a run, its recipe changed."""
    shutil.copytree(run, folder)
    (folder / "recipe.json").unlink()
    replace(RECIPE, **changed).keep_in(folder)
    return folder


@pytest.fixture(scope="module")
def release(tmp_path_factory, run, cohort):
    releases = tmp_path_factory.mktemp("releases")
    make_release(run, cohort.data, cohort.samples, "2026.1", releases)
    return releases / "2026.1"


def test_release_scores_as_the_run_did(run, release):
    pixels = np.random.default_rng(1).random((5, SIZE_PX, SIZE_PX), dtype=np.float32)
    logits = Classifier.load(release).logits(pixels)
    expected = network_logits(load_averaged(run), pixels)
    np.testing.assert_allclose(logits, expected, atol=0.02)  # float16 kernels


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({}, "there is a release"),
        ({"network": "cnn"}, "what is served is resnet50v2"),
        ({"mixture": Mixture({"rsna": 8})}, "never saw kermany"),
        ({"split_sha256": "another"}, "trained by another split"),
    ],
)
def test_run_that_can_be_no_release_leaves_nothing(tmp_path, cohort, changed, message):
    replace(RECIPE, **changed).keep_in(tmp_path / "run")
    releases = tmp_path / "releases"
    (releases / "2026.1").mkdir(parents=True)
    with pytest.raises(TrainingError, match=message):
        make_release(tmp_path / "run", cohort.data, cohort.samples, "2026.1", releases)
    assert list(releases.rglob("*")) == [releases / "2026.1"]


@pytest.mark.parametrize("name", ["releases/2026.1", "/srv/2026.1", "..", ""])
def test_release_is_named_not_placed(run, tmp_path, cohort, name):
    with pytest.raises(TrainingError, match="is a path"):
        make_release(run, cohort.data, cohort.samples, name, tmp_path / "releases")


def test_release_of_another_split_is_neither_measured_nor_quantized(tmp_path, release, cohort):
    shutil.copytree(release, tmp_path / "release")
    described = load_release(release)
    recipe = described.trained_on["recipe"] | {"split_sha256": "another"}
    changed = replace(described, trained_on=described.trained_on | {"recipe": recipe})
    write_release(changed, tmp_path / "release")
    with pytest.raises(TrainingError, match="another split"):
        evaluate(tmp_path / "release", [], cohort.data, cohort.samples, tmp_path / "report")
    with pytest.raises(TrainingError, match="another split"):
        quantize(tmp_path / "release", cohort.data, cohort.samples)


def test_broken_off_release_leaves_nothing(run, tmp_path, cohort, monkeypatch):
    monkeypatch.setattr("training.release.build.measure_sources", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        make_release(run, cohort.data, cohort.samples, "2026.2", tmp_path / "releases")
    assert list((tmp_path / "releases").iterdir()) == []


def test_release_describes_itself(release):
    described = load_release(release)
    assert described.name == "2026.1"
    assert described.trained_on["images"]["kermany train NORMAL"] > 0
    assert 0 <= described.measured["kermany"]["at_one_half"]["auc"]["value"] <= 1
    card = (release / "MODEL_CARD.md").read_text()
    assert "2026.1" in card
    assert "CC BY 4.0" in card
    assert described.weights_sha256 in card


def test_card_says_what_the_network_began_from_and_who_taught_it(release):
    described = load_release(release)
    assert "from random weights, with an auxiliary lung map" in describe_release(described)
    recipe = described.trained_on["recipe"] | {
        "weights": "releases/2025/weights.safetensors",
        "teachers": ["runs/one", "runs/two"],
        "teacher_share": 0.25,
        "kept_share": 0.5,
    }
    images = described.trained_on["images"] | {"rsna_unlabelled train unlabelled": 7}
    trained_on = described.trained_on | {"recipe": recipe, "images": images}
    card = describe_release(replace(described, trained_on=trained_on))
    for told in (
        "on from `releases/2025/weights.safetensors`",
        "2 teacher(s), whose opinion is 25 % of each target",
        "50 % of every weight kept",
        "**rsna_unlabelled**: as rsna, without labels",
        "| rsna_unlabelled unlabelled | 7 | 0 | 0 |",
    ):
        assert told in card


def test_card_of_one_hospital_speaks_of_no_other(release):
    described = load_release(release)
    images = {k: v for k, v in described.trained_on["images"].items() if k.startswith("kermany")}
    recipe = described.trained_on["recipe"] | {"mixture": {"images": {"kermany": 8}}}
    trained_on = described.trained_on | {"images": images, "lung_masks": 0, "recipe": recipe}
    measured = {"kermany": described.measured["kermany"]}
    alone = replace(described, trained_on=trained_on, measured=measured)
    card = describe_release(alone)
    assert "It has seen one hospital." in card
    for untold in ("adults were used", "rsna_", "V7 Labs", "lung map", "hospitals it was trained"):
        assert untold not in card
    # Seen through what it began from: to be attributed, and told of.
    recipe["seen"] = ["kermany", "nih"]
    trained_on["began_from"] = {"weights": "none"}
    card = describe_release(alone)
    assert "NIH ChestX-ray14" in card
    assert "has seen other hospitals through" in card
    assert "Trained on from another run" in card


def test_release_by_image_says_that_it_flatters(run, tmp_path, cohort):
    at_random = split_at_random(cohort.samples, 1)
    made = make_release(run, cohort.data, at_random, "2026.2", tmp_path)
    assert "which flatters" in (tmp_path / made.name / "MODEL_CARD.md").read_text()


def test_release_carries_what_8_bits_need(release, cohort):
    described = load_release(release)
    assert len(described.activation_maxima) == 48
    write_release(replace(described, activation_maxima=()), release)
    assert quantize(release, cohort.data, cohort.samples) == described


def test_evaluation_is_one_page_that_needs_nothing_beside_it(tmp_path, run, release, cohort):
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


def test_run_is_tested_on_all_images_of_a_hospital_that_it_never_saw(tmp_path, run, cohort):
    elsewhere = copy_run(run, tmp_path / "elsewhere", mixture=Mixture({"rsna": 8}))
    (comparison,) = compare_runs([elsewhere], cohort.data, cohort.samples)
    assert comparison.confusion is None
    assert comparison.outside["kermany"].unseen
    assert comparison.outside["kermany"].images == 40
    assert not comparison.outside["rsna"].unseen


def test_hospital_known_through_a_teacher_is_not_unseen(tmp_path, run, cohort):
    seen = ("kermany", "rsna")
    pupil = copy_run(run, tmp_path / "pupil", mixture=Mixture({"rsna": 8}), seen=seen)
    (comparison,) = compare_runs([pupil], cohort.data, cohort.samples)
    assert not comparison.outside["kermany"].unseen
    assert comparison.outside["kermany"].images < 40


def test_run_of_another_split_is_not_measured(tmp_path, run, cohort):
    other = copy_run(run, tmp_path / "run", split_sha256="another")
    with pytest.raises(TrainingError, match="trained by another split"):
        compare_runs([other], cohort.data, cohort.samples)


def test_stress_does_without_masks_and_native_files(release, cohort):
    bare = [replace(sample, lung_mask="", native_path="") for sample in cohort.samples]
    classifier = Classifier.load(release)
    scorer = Scorer(classifier.release.preprocessing, classifier.classify)
    assert blank_lungs(scorer, Radiographs(cohort.data, bare), np.zeros(len(bare))) == []
    assert compare_native(scorer, cohort.data, bare).shape == (0, 2)


def test_heat_adds_up_to_the_logit(run):
    network = load_averaged(run)
    pixels = np.random.default_rng(1).random((2, SIZE_PX, SIZE_PX), dtype=np.float32)
    bias = float(np.asarray(network.get_layer("logit").bias)[0])
    for explanation, logit in zip(
        explain(network, pixels), network_logits(network, pixels), strict=True
    ):
        assert explanation.heat.mean() + bias == pytest.approx(logit, abs=1e-3)
        assert set(explanation.activations) == set(LAYERS)


def test_cohort_command_writes_the_split_of_its_seed(tmp_path, cohort):
    split = tmp_path / "split.csv"
    done = CliRunner().invoke(
        app, ["cohort", "--data", str(cohort.data), "--split", str(split), "--seed", "1"]
    )
    assert done.exit_code == 0, done.output
    assert read_split(split) == cohort.samples


def test_augmentation_can_be_looked_at(tmp_path, cohort):
    write_split(cohort.samples, tmp_path / "split.csv")
    arguments = ["--data", str(cohort.data), "--split", str(tmp_path / "split.csv")]
    pictures = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        out = str(tmp_path / f"{name}.png")
        done = CliRunner().invoke(app, ["augment", out, *arguments, f"--seed={seed}", "--images=2"])
        assert done.exit_code == 0, done.output
        pictures.append(np.asarray(Image.open(out)))
    assert pictures[0].shape == (2 * 128, 10 * 128)
    assert (pictures[0] == pictures[1]).all()
    assert (pictures[0] != pictures[2]).any()


def test_network_can_be_looked_at():
    done = CliRunner().invoke(app, ["network", "cnn", "--size-px", "32"])
    assert done.exit_code == 0, done.output
    assert "logit" in done.output
    assert "Total params" in done.output


def test_what_an_error_names_in_brackets_is_kept(capsys):
    def fail():
        raise TrainingError("install pneumoscreen[cpu] or look in /data/[/old]")

    with pytest.raises(SystemExit):
        run_command(fail)
    assert "pneumoscreen[cpu] or look in /data/[/old]" in capsys.readouterr().err


def test_failed_command_is_one_line_that_names_the_mend(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["training", "cohort", "--data", str(tmp_path)])
    with pytest.raises(SystemExit) as exit_info:
        main()
    assert exit_info.value.code == 1
    assert capsys.readouterr().err.startswith("error: no radiographs in")


def test_release_weights_stay_small(release):
    assert (release / WEIGHTS_FILE).stat().st_size < 50_000_000


def test_runs_are_compared_as_a_table(run, cohort, tmp_path):
    split = tmp_path / "split.csv"
    write_split(cohort.samples, split)
    arguments = ["compare", str(run), "--data", str(cohort.data), "--split", str(split)]
    done = CliRunner().invoke(app, [*arguments, "--stress", "--views"])
    assert done.exit_code == 0, done.output
    heading, _, row, _, *by_view = done.output.splitlines()
    named = dict(zip(heading.split(" | "), row.split(" | "), strict=True))
    assert run.name in row
    assert 0 <= float(named["AUC kermany"].rstrip("*")) <= 1
    assert "(" in named["largest fall"]  # the perturbation's name
    assert [line.split(" | ")[1:3] for line in by_view[2:]] == [["rsna", "PA"]]
