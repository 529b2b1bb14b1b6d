"""Trains one network on one split; can be cut off anywhere and goes on where it stood.

This module must not know how an image is augmented, nor how a trained network is judged.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.progress import Progress

from training.data.batches import DealerPool
from training.data.cohort import Part, Sample, read_unlabelled
from training.data.images import Radiographs, prepare_all
from training.data.sampling import Mixture
from training.errors import TrainingError
from training.fitting.distillation import Teachers
from training.fitting.provenance import trace
from training.fitting.recipe import Recipe
from training.fitting.run import Run
from training.metrics import area_under_curve


def fit(
    recipe: Recipe, data: Path, samples: Sequence[Sample], folder: Path, *, workers: int = 1
) -> Run:
    """Train, or go on training, until the recipe's last epoch.

    Parameters
    ----------
    recipe
        Kept in the folder; a run that was begun with another one is refused.
    data
        What the samples' paths are relative to.
    samples
        A split; its test part is not touched.
    folder
        Of the run: checkpoint, recipe, history.
    workers
        Processes that prepare batches.

    Raises
    ------
    TrainingError
        If the folder holds a run of another recipe, there is nothing to train on of a source, or
        one class of it alone, or nobody to tell of it, or what it learns from was trained by
        another split, or the loss is no number any more.
    """
    recipe = trace(recipe, samples)
    teachers = Teachers(recipe)
    chosen = [sample for sample in samples if sample.source in recipe.mixture.images]
    training = [sample for sample in chosen if sample.part == Part.TRAIN]
    training += read_unlabelled(data, recipe.mixture.images, samples)
    for source in recipe.mixture.images:
        _require_fair_batches(
            recipe.mixture, source, [each for each in training if each.source == source]
        )
    recipe.require_kept_in(folder)
    run = Run(recipe)
    # Not before there is a network: weights that cannot be had shall not keep the folder.
    recipe.keep_in(folder)
    run.restore(folder)
    validation = [sample for sample in chosen if sample.part == Part.VALIDATION]
    pixels, positive = prepare_all(Radiographs(data, validation), recipe.preprocessing)
    origin = np.array([sample.source for sample in validation])
    pool = DealerPool(data, training, recipe.dealing, workers=workers)
    total = recipe.epochs * recipe.steps_per_epoch
    try:
        with Progress() as progress:
            steps = progress.add_task(
                folder.name, total=total, completed=run.epoch * recipe.steps_per_epoch
            )
            while run.epoch < recipe.epochs:
                run.train_epoch(
                    lambda step: teachers.teach(pool.deal(step)),
                    lambda: progress.advance(steps),
                )
                scores = run.logits(pixels)
                run.history[-1] |= {
                    f"auc_{source}": area_under_curve(
                        positive[origin == source], scores[origin == source]
                    )
                    for source in sorted(set(origin))
                }
                run.save(folder)
                progress.print(_describe(run.history[-1]))
    finally:
        pool.close()
    return run


def _require_fair_batches(mixture: Mixture, source: str, samples: Sequence[Sample]) -> None:
    """Refuse what would let the source, or the view, tell the class."""
    if not samples:
        raise TrainingError(
            f"there are no radiographs of {source} to train on; name what there is by --source"
        )
    classes = {sample.is_positive for sample in samples if sample.label}
    if len(classes) == 1:
        only = "ill" if classes.pop() else "healthy"
        raise TrainingError(
            f"all radiographs of {source} to train on are {only}; leave it out, or add the others"
        )
    if not mixture.by_view or not classes:
        return
    ill, healthy = ({s.view for s in samples if s.is_positive == each} for each in (True, False))
    if ill != healthy:
        raise TrainingError(f"the ill of {source} are seen in other views than the healthy")
    if mixture.images[source] // 2 % len(ill):
        raise TrainingError(
            f"{mixture.images[source]} images of {source} a batch are not even by class and by "
            f"{len(ill)} views; give a multiple of {2 * len(ill)}"
        )


def _describe(record: dict[str, float]) -> str:
    figures = "  ".join(f"{key} {value:.4g}" for key, value in record.items() if key != "epoch")
    return f"epoch {int(record['epoch'])}: {figures}"
