import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.codes import Band, Priority
from pipeline.triage import TriagePolicy, priority_of
from pipeline.values.screening import OperatingPoints

POLICY = TriagePolicy(OperatingPoints(high_sensitivity=0.2, high_specificity=0.7))
PROBABILITIES = st.floats(0, 1)


@pytest.mark.parametrize(
    ("probability", "band", "operating_point"),
    [
        (0.0, Band.NEGATIVE, 0.2),
        (0.19999, Band.NEGATIVE, 0.2),
        (0.2, Band.INDETERMINATE, 0.2),
        (0.69999, Band.INDETERMINATE, 0.2),
        (0.7, Band.POSITIVE, 0.7),
        (1.0, Band.POSITIVE, 0.7),
    ],
)
def test_a_bound_belongs_to_the_higher_band(probability, band, operating_point):
    finding = POLICY.judge(probability)
    assert (finding.band, finding.operating_point) == (band, operating_point)


@given(PROBABILITIES, PROBABILITIES)
def test_priority_never_falls_as_probability_rises(first, second):
    low, high = sorted((first, second))
    ranks = [priority_of(POLICY.judge(probability).band).rank for probability in (low, high)]
    assert ranks[0] >= ranks[1]


@pytest.mark.parametrize("broken", [math.nan, -0.01, 1.01, math.inf])
def test_a_broken_network_is_never_read_as_negative(broken):
    with pytest.raises(ValueError, match="not a probability"):
        POLICY.judge(broken)


def test_every_band_has_a_priority():
    assert [priority_of(band) for band in Band] == [
        Priority.STAT,
        Priority.HIGH,
        Priority.ROUTINE,
    ]


def test_operating_points_out_of_order_are_refused():
    with pytest.raises(ValueError, match="operating points"):
        OperatingPoints(high_sensitivity=0.8, high_specificity=0.2)
