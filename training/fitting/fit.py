"""Trains one network on one split; an interrupted run resumes from its last checkpoint.

This module must not know how an image is augmented, nor how a trained network is evaluated.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.progress import Progress

from training.data.batches import BatchPool
from training.data.cohort import Part, Sample, read_unlabelled
from training.data.images import Radiographs, prepare_all
from training.data.sampling import Sampling
from training.errors import TrainingError
from training.fitting.distillation import Teachers
from training.fitting.provenance import record_provenance
from training.fitting.recipe import Recipe
from training.fitting.run import Run
from training.metrics import area_under_curve


def fit(
    recipe: Recipe, data: Path, samples: Sequence[Sample], folder: Path, *, workers: int = 1
) -> Run:
    """Train, or resume training, until the recipe's last epoch.

    Parameters
    ----------
    recipe
        Written to the folder; a folder that holds a run of another recipe is refused.
    data
        Folder that the samples' paths are relative to.
    samples
        A split cohort; its test part is not read.
    folder
        Of the run: checkpoint, recipe, history.
    workers
        Processes that prepare batches.

    Raises
    ------
    TrainingError
        If the folder holds a run of another recipe; if a source has no radiographs, or one class
        only, or no labels and no teacher; if a teacher or the initial weights were trained by
        another split; or if the loss is not finite.
    """
    recipe = record_provenance(recipe, samples)
    teachers = Teachers(recipe)
    chosen = [sample for sample in samples if sample.source in recipe.sampling.images]
    training = [sample for sample in chosen if sample.part == Part.TRAIN]
    training += read_unlabelled(data, recipe.sampling.images, samples)
    for source in recipe.sampling.images:
        _require_balanced_batches(
            recipe.sampling, source, [each for each in training if each.source == source]
        )
    recipe.require_same_recipe(folder)
    run = Run(recipe)
    # After the network was built: where its weights cannot be loaded, the folder stays free.
    recipe.write(folder)
    run.restore(folder)
    validation = [sample for sample in chosen if sample.part == Part.VALIDATION]
    pixels, positive = prepare_all(Radiographs(data, validation), recipe.preprocessing)
    origin = np.array([sample.source for sample in validation])
    pool = BatchPool(data, training, recipe.batch_plan, workers=workers)
    total = recipe.epochs * recipe.steps_per_epoch
    try:
        with Progress() as progress:
            steps = progress.add_task(
                folder.name, total=total, completed=run.epoch * recipe.steps_per_epoch
            )
            while run.epoch < recipe.epochs:
                run.train_epoch(
                    lambda step: teachers.add_soft_targets(pool.make_batch(step)),
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


def _require_balanced_batches(sampling: Sampling, source: str, samples: Sequence[Sample]) -> None:
    """Refuse batches in which the source, or the view, would predict the class."""
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
    if not sampling.by_view or not classes:
        return
    ill, healthy = ({s.view for s in samples if s.is_positive == each} for each in (True, False))
    if ill != healthy:
        raise TrainingError(f"the ill of {source} are seen in other views than the healthy")
    if sampling.images[source] // 2 % len(ill):
        raise TrainingError(
            f"{sampling.images[source]} images of {source} a batch are not even by class and by "
            f"{len(ill)} views; give a multiple of {2 * len(ill)}"
        )


def _describe(record: dict[str, float]) -> str:
    figures = "  ".join(f"{key} {value:.4g}" for key, value in record.items() if key != "epoch")
    return f"epoch {int(record['epoch'])}: {figures}"
