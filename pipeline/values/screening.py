"""Findings, and the screening of one instance by one release.

This module must not know how a probability is computed, nor where it is stored.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pipeline.codes import Band

PNEUMONIA: Final = "PNEUMONIA"


@dataclass(frozen=True, slots=True)
class OperatingPoints:
    """The two calibrated probabilities that limit the grey zone, chosen on validation data."""

    high_sensitivity: float
    high_specificity: float

    def __post_init__(self) -> None:
        if not 0 <= self.high_sensitivity <= self.high_specificity <= 1:
            raise ValueError("operating points must satisfy 0 <= sensitivity <= specificity <= 1")


@dataclass(frozen=True, slots=True)
class Finding:
    """The result for one finding that the model looks for.

    Attributes
    ----------
    code
        Of the finding, ``PNEUMONIA``.
    probability
        Calibrated, in [0, 1]: of a hundred studies with 0.8, about eighty show the finding.
    operating_point
        The cut-off that decided the band: its lowest probability, or for NEGATIVE the probability
        at which the next band begins.
    """

    code: str
    probability: float
    band: Band
    operating_point: float


@dataclass(frozen=True, slots=True)
class Screening:
    """What one release found in one instance, and when (UTC)."""

    sha256: str
    findings: tuple[Finding, ...]
    model_release: str
    engine: str
    screened_at: datetime
