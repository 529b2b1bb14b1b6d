"""What comes out: findings, and the screening of one instance by one release.

This module must not know how a probability was computed or where it will be stored.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pipeline.codes import Band

PNEUMONIA: Final = "PNEUMONIA"


@dataclass(frozen=True, slots=True)
class OperatingPoints:
    """The two calibrated probabilities that bound the grey zone, chosen on validation data."""

    high_sensitivity: float
    high_specificity: float

    def __post_init__(self) -> None:
        if not 0 <= self.high_sensitivity <= self.high_specificity <= 1:
            raise ValueError("operating points must satisfy 0 <= sensitivity <= specificity <= 1")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a model looked for.

    Attributes
    ----------
    code
        What was looked for, ``PNEUMONIA``.
    probability
        Calibrated, in [0, 1]: of a hundred studies given 0.8, about eighty show it.
    operating_point
        The bound that decided the band: the lowest probability that would still give it
        (for NEGATIVE: the probability at which it would end).
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
