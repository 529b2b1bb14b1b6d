"""Errors of training: each says what happened, to what, and what to do."""

from pipeline.errors import PneumoscreenError


class TrainingError(PneumoscreenError):
    """Training cannot go on: data, weights or a checkpoint are missing or do not fit."""
