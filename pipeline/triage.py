"""Turns a calibrated probability into a band and a priority.

The release holds the two operating points. This module must not know the network.
"""

from dataclasses import dataclass
from typing import Final

from pipeline.codes import Band, Priority
from pipeline.values.screening import PNEUMONIA, Finding, OperatingPoints

PRIORITY_OF_BAND: Final[dict[Band, Priority]] = {
    Band.POSITIVE: Priority.STAT,
    Band.INDETERMINATE: Priority.HIGH,
    Band.NEGATIVE: Priority.ROUTINE,
}


@dataclass(frozen=True, slots=True)
class TriagePolicy:
    """Assigns bands by a release's operating points."""

    operating_points: OperatingPoints

    def judge(self, probability: float) -> Finding:
        """Return the finding for one calibrated probability in [0, 1].

        The higher the probability, the higher the priority of its band, or the same.

        Raises
        ------
        ValueError
            If the probability is not a number in [0, 1]: the fault of a network must never be
            taken for a negative finding.
        """
        if not 0 <= probability <= 1:
            raise ValueError(f"the classifier gave {probability!r}, not a probability")
        points = self.operating_points
        if probability >= points.high_specificity:
            band, operating_point = Band.POSITIVE, points.high_specificity
        elif probability >= points.high_sensitivity:
            band, operating_point = Band.INDETERMINATE, points.high_sensitivity
        else:
            band, operating_point = Band.NEGATIVE, points.high_sensitivity
        return Finding(PNEUMONIA, probability, band, operating_point)


def priority_of(band: Band) -> Priority:
    """Return the priority in the worklist that a band asks for."""
    return PRIORITY_OF_BAND[band]
