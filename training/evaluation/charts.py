"""Draws the charts of an evaluation report, each a PNG as a data URI.

This module must not know where its arrays come from.
"""

import base64
from collections.abc import Mapping, Sequence
from io import BytesIO

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve, roc_curve

from training.evaluation.explain import LAYERS, Explanation
from training.metrics import Confusion, bin_of

Pixels = NDArray[np.float32]
Scores = Mapping[str, tuple[NDArray[np.bool_], NDArray[np.float64]]]


def draw_confusions(confusions: Sequence[tuple[str, Confusion]]) -> str:
    """Draw confusion matrices side by side."""
    figure = Figure(figsize=(3 * len(confusions), 3.2), layout="constrained")
    axes = figure.subplots(1, len(confusions), squeeze=False)[0]
    for ax, (name, counts) in zip(axes, confusions, strict=True):
        cells = np.array(
            [
                [counts.true_negative, counts.false_positive],
                [counts.false_negative, counts.true_positive],
            ]
        )
        ax.imshow(cells / cells.sum(axis=1, keepdims=True), cmap="Blues", vmin=0, vmax=1)
        for (row, column), count in np.ndenumerate(cells):
            dark = count > cells[row].sum() / 2
            ax.text(column, row, str(count), ha="center", va="center", color="wk"[not dark])
        ax.set_xticks([0, 1], ["normal", "pneumonia"])
        ax.set_yticks([0, 1], ["normal", "pneumonia"], rotation=90, va="center")
        ax.set(title=f"{name}: {counts.accuracy:.1%}", xlabel="called", ylabel="is")
    return _encode(figure)


def draw_learning(history: Sequence[Mapping[str, float]]) -> str:
    """Draw losses and validation AUC by epoch."""
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    losses, aucs = figure.subplots(1, 2)
    epochs = [record["epoch"] for record in history]
    for name in history[-1]:
        values = [record[name] for record in history]
        if name.startswith("auc_"):
            aucs.plot(epochs, values, label=name.removeprefix("auc_"))
        elif name.endswith("loss"):
            losses.plot(epochs, values, label=name)
    losses.set(title="training loss, augmented images", xlabel="epoch")
    aucs.set(title="validation AUC, averaged weights", xlabel="epoch")
    losses.legend()
    aucs.legend()
    return _encode(figure)


def draw_curves(scores: Scores) -> str:
    """Draw ROC and precision-recall curves of several sets of images."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    roc, recall = figure.subplots(1, 2)
    for name, (positive, probability) in scores.items():
        false_positive_rate, true_positive_rate, _ = roc_curve(positive, probability)
        roc.plot(false_positive_rate, true_positive_rate, label=name)
        precisions, recalls, _ = precision_recall_curve(positive, probability)
        recall.plot(recalls, precisions, label=name)
    roc.set(title="ROC", xlabel="1 - specificity", ylabel="recall")
    recall.set(title="precision by recall", xlabel="recall", ylabel="precision", ylim=(0, 1.02))
    roc.legend()
    recall.legend()
    return _encode(figure)


def draw_reliability(scores: Scores) -> str:
    """Draw the share of pneumonia by predicted probability, one panel a set."""
    figure = Figure(figsize=(3.6 * len(scores), 3.6), layout="constrained")
    axes = figure.subplots(1, len(scores), squeeze=False)[0]
    for ax, (name, (positive, probability)) in zip(axes, scores.items(), strict=True):
        bins = bin_of(probability)
        filled = np.unique(bins)
        ax.plot([0, 1], [0, 1], color="0.7")
        ax.scatter(
            [probability[bins == b].mean() for b in filled],
            [positive[bins == b].mean() for b in filled],
            s=[10 + 300 * np.mean(bins == b) for b in filled],
        )
        ax.set(title=name, xlabel="mean probability", ylabel="share of pneumonia")
    return _encode(figure)


def draw_contact_sheet(images: Sequence[Pixels], captions: Sequence[str], columns: int = 8) -> str:
    """Draw radiographs with captions."""
    rows = max(1, -(-len(images) // columns))
    figure = Figure(figsize=(1.7 * columns, 2 * rows), layout="constrained")
    for ax in _bare(figure, rows, columns):
        ax.set_visible(False)
    for ax, image, caption in zip(figure.axes, images, captions, strict=False):
        ax.set_visible(True)
        ax.imshow(image, cmap="gray", vmin=0, vmax=1)
        ax.set_title(caption, fontsize=7)
    return _encode(figure)


def draw_heat(
    images: Sequence[Pixels], explanations: Sequence[Explanation], captions: Sequence[str]
) -> str:
    """Draw radiographs with class activation maps: red for pneumonia, blue against."""
    figure = Figure(figsize=(2 * len(images), 2.3), layout="constrained")
    for ax, image, explanation, caption in zip(
        _bare(figure, 1, len(images)), images, explanations, captions, strict=True
    ):
        reach = float(np.abs(explanation.heat).max())
        size = image.shape[0]
        ax.imshow(image, cmap="gray", vmin=0, vmax=1)
        ax.imshow(
            explanation.heat,
            cmap="seismic",
            vmin=-reach,
            vmax=reach,
            alpha=0.35,
            interpolation="bicubic",
            extent=(-0.5, size - 0.5, size - 0.5, -0.5),
        )
        ax.set_title(caption, fontsize=7)
    return _encode(figure)


def draw_activations(image: Pixels, explanation: Explanation) -> str:
    """Draw one radiograph and, for each layer, the channels that vary most over it."""
    channels = max(len(maps) for maps in explanation.activations.values())
    figure = Figure(figsize=(1.6 * (channels + 1), 1.75 * len(LAYERS)), layout="constrained")
    axes = iter(_bare(figure, len(LAYERS), channels + 1))
    for name in LAYERS:
        first = next(axes)
        first.imshow(image, cmap="gray", vmin=0, vmax=1)
        first.set_title(f"{name}, {len(explanation.activations[name][0])} px", fontsize=7)
        for channel in explanation.activations[name]:
            next(axes).imshow(channel, cmap="viridis")
    return _encode(figure)


def _bare(figure: Figure, rows: int, columns: int) -> list[Axes]:
    axes = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    for ax in axes:
        ax.set_axis_off()
    return list(axes)


def _encode(figure: Figure) -> str:
    file = BytesIO()
    figure.savefig(file, format="png", dpi=110)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")
