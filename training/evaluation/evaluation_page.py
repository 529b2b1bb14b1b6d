"""Composes the page of an evaluation report from its figures.

This module must not know how anything was measured.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from pipeline.release import WEIGHTS_FILE
from training.data.sources import HOME
from training.evaluation import charts
from training.evaluation.by_source import THRESHOLD
from training.evaluation.compare import Comparison, SourceResult
from training.evaluation.evaluation import Evaluation, Scored
from training.evaluation.explain import explain
from training.evaluation.report import Picture, Section, Table, render_page
from training.evaluation.stress import Stress
from training.networks.architecture import build_network, load_weights

SHOWN_WRONG: Final = 64
SHOWN_HEAT: Final = 8


def compose_page(evaluation: Evaluation, figures: dict[str, Any]) -> str:
    """Give the HTML page of an evaluation and its figures."""
    sections = [
        *_section_figures(figures),
        *_section_comparison(evaluation.comparisons, evaluation.history),
        *_section_curves(evaluation.scored, figures),
        *_section_stress(evaluation.stressed, evaluation.lungs, figures),
        *_section_pictures(evaluation),
    ]
    return render_page(f"Pneumoscreen {evaluation.release.name}: evaluation", sections)


def _section_figures(figures: dict[str, Any]) -> list[Section]:
    sources = figures["sources"]
    names = list(next(iter(sources.values()))["at_one_half"])
    titles = {
        "at_one_half": "Called ill from probability 0.5",
        "at_high_sensitivity": "Called ill from the high-sensitivity point",
        "at_high_specificity": "Called ill from the high-specificity point",
    }
    sections = [
        Section(
            title,
            f"Patients of the {figures['part']} part only. "
            "In brackets 95 % intervals of a bootstrap over patients.",
            [
                Table(
                    ["images", "number", *(name.replace("_", " ") for name in names)],
                    [
                        [source, str(values["images"])]
                        + [_interval(values[key][name]) for name in names]
                        for source, values in sources.items()
                    ],
                )
            ],
        )
        for key, title in titles.items()
    ]
    subtypes = figures["subtypes"]
    rows = [
        [name, str(values["ill"]), _interval(values["recall"]), _interval(values["auc"])]
        for name, values in subtypes.items()
    ]
    table = Table(["pneumonia", "images", "recall at 0.5", "AUC against normal"], rows)
    return [*sections, Section("By subtype, home population", content=[table])]


def _interval(figure: Mapping[str, float]) -> str:
    return "{value:.3f} ({low:.3f}-{high:.3f})".format(**figure)


def _section_comparison(
    comparisons: Sequence[Comparison], history: Sequence[Mapping[str, float]]
) -> list[Section]:
    sections = []
    if confusions := [(c.run, c.confusion) for c in comparisons if c.confusion]:
        picture = Picture(charts.draw_confusions(confusions), "confusion matrices")
        text = "Home population, the same patients, each calibrated on validation, at 0.5."
        sections.append(Section("Networks side by side", text, [picture]))
    if comparisons:
        text = (
            "AUC by source (rsna: normal against opacity). A star: never trained on, all its "
            "images measured; else test patients."
        )
        sources = list(comparisons[0].outside)
        rows = [
            [c.run, c.network, " ".join(c.trained_on)]
            + [_describe_outside(c.outside[source]) for source in sources]
            for c in comparisons
        ]
        table = Table(["run", "network", "trained on", *sources], rows)
        sections.append(Section("Trained on, tested on", text, [table]))
    if history:
        picture = Picture(charts.draw_learning(history), "learning curves")
        sections.append(Section("Learning curves", content=[picture]))
    return sections


def _describe_outside(outside: SourceResult) -> str:
    return f"{outside.auc:.3f}{'*' * outside.unseen} ({outside.images})"


def _section_curves(scored: Scored, figures: dict[str, Any]) -> list[Section]:
    sources = sorted({sample.source for sample in scored.radiographs.samples})
    scores = {s: (scored.positive[scored.of(s)], scored.probability[scored.of(s)]) for s in sources}
    home = scored.of(HOME)
    reliability = {
        "before, home population": (scored.positive[home], scored.uncalibrated[home]),
        "after, home population": (scored.positive[home], scored.probability[home]),
        "after, other hospitals": (scored.positive[~home], scored.probability[~home]),
    }
    return [
        Section("ROC and precision-recall", content=[Picture(charts.draw_curves(scores), "ROC")]),
        Section(
            "Calibration",
            "Expected calibration error: "
            f"{figures['calibration_error_before']:.4f} before, "
            f"{figures['calibration_error_after']:.4f} after.",
            [
                Picture(
                    charts.draw_reliability(
                        {name: pair for name, pair in reliability.items() if len(pair[0])}
                    ),
                    "reliability diagrams",
                )
            ],
        ),
    ]


def _section_stress(
    stressed: Sequence[Stress], lungs: Sequence[Stress], figures: dict[str, Any]
) -> list[Section]:
    heads = ["perturbation", "images", "AUC", "fall of AUC", "flips at 0.5", "mean shift"]

    def table(results: Sequence[Stress]) -> Table:
        return Table(
            heads,
            [
                [
                    result.perturbation,
                    str(result.images),
                    f"{result.auc:.4f}",
                    f"{result.auc_fall:+.4f}",
                    str(result.flips),
                    f"{result.shift:.3f}",
                ]
                for result in results
            ],
        )

    native = figures["native_against_copy"]
    return [
        Section("Stress: moderate perturbations", content=[table(stressed)]),
        Section(
            "Stress: lungs",
            "Without lungs the AUC should collapse; with nothing else it should hold.",
            [table(lungs)],
        ),
        Section(
            "Native resolution against 224 px copies",
            f"{native['pairs']} pairs: mean difference {native['mean_absolute_difference']:.4f}, "
            f"largest {native['largest_difference']:.4f}.",
        ),
    ]


def _section_pictures(evaluation: Evaluation) -> list[Section]:
    release, scored = evaluation.release, evaluation.scored
    network = build_network(release.architecture, release.preprocessing.size_px)
    load_weights(network, evaluation.folder / WEIGHTS_FILE)
    samples = scored.radiographs.samples
    captions = [
        f"{sample.source} {sample.label}\n{probability:.2f}"
        for sample, probability in zip(samples, scored.probability, strict=True)
    ]
    error = np.abs(scored.probability - scored.positive)
    wrong = np.flatnonzero((error > THRESHOLD) & scored.of(HOME))
    shown_wrong = wrong[np.argsort(-error[wrong])][:SHOWN_WRONG]
    ill = np.flatnonzero(scored.positive & scored.of(HOME))[: SHOWN_HEAT // 2]
    well = np.flatnonzero(~scored.positive & scored.of(HOME))[: SHOWN_HEAT // 2]
    shown = np.concatenate([ill, well])
    explanations = explain(network, scored.pixels[shown])
    images = [scored.pixels[i] for i in shown]
    return [
        Section(
            "What it got wrong, home population",
            f"{len(wrong)} of {int(scored.of(HOME).sum())} images, the furthest off first.",
            [
                Picture(
                    charts.draw_contact_sheet(
                        [scored.pixels[i] for i in shown_wrong], [captions[i] for i in shown_wrong]
                    ),
                    "images it got wrong",
                )
            ],
        ),
        Section(
            "Where it looks (Grad-CAM)",
            "Red speaks for pneumonia, blue against. The last layer has 4 x 4 places.",
            [
                Picture(
                    charts.draw_heat(images, explanations, [captions[i] for i in shown]),
                    "heat maps",
                )
            ],
        ),
        Section(
            "What its layers answer to",
            "The channels that vary most over one radiograph, shallow to deep.",
            [Picture(charts.draw_activations(images[0], explanations[0]), "activations")],
        ),
    ]
