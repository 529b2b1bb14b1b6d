"""No decision may depend on an engine's precision."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.engines.guarded import GuardedEngine
from pipeline.engines.names import Precision

CUTOFFS = (-1.0, 0.5)
MARGIN = 0.25


class FirstPixelEngine:
    """Returns each image's first pixel as its logit, rounded to a step."""

    name = "first-pixel"
    precision = Precision.FLOAT32

    def __init__(self, step: float) -> None:
        self.step = step
        self.images = 0

    def warm_up(self, batch_size: int) -> None:
        self.images += batch_size

    def logits(self, pixels: NDArray[np.float32]) -> NDArray[np.float64]:
        self.images += len(pixels)
        exact = pixels[:, 0, 0].astype(np.float64)
        return np.round(exact / self.step) * self.step if self.step else exact


def images(*values: float) -> NDArray[np.float32]:
    return np.array(values, np.float32)[:, None, None]


@given(st.lists(st.floats(-4, 4, width=32), min_size=1, max_size=20), st.floats(0.01, 0.49))
def test_every_image_falls_on_the_side_where_the_exact_engine_sees_it(
    values: list[float], step: float
) -> None:
    exact = FirstPixelEngine(0)
    guarded = GuardedEngine(FirstPixelEngine(step), lambda: exact, CUTOFFS, MARGIN)
    found, true = guarded.logits(images(*values)), FirstPixelEngine(0).logits(images(*values))
    for cutoff in CUTOFFS:
        np.testing.assert_array_equal(found >= cutoff, true >= cutoff)


def test_only_what_is_close_to_a_cutoff_is_run_again() -> None:
    exact = FirstPixelEngine(0)
    GuardedEngine(FirstPixelEngine(0), lambda: exact, CUTOFFS, MARGIN).logits(
        images(-3, -1.2, 0, 0.26, 2)
    )
    assert exact.images == 2


def guard_and_loads() -> tuple[GuardedEngine, list[FirstPixelEngine]]:
    """Return an engine, and the list of the exact engines that it has loaded."""
    loads: list[FirstPixelEngine] = []

    def load() -> FirstPixelEngine:
        loads.append(FirstPixelEngine(0))
        return loads[-1]

    return GuardedEngine(FirstPixelEngine(0), load, CUTOFFS, MARGIN), loads


def test_the_exact_engine_is_loaded_only_when_it_is_needed() -> None:
    guarded, loads = guard_and_loads()
    guarded.logits(images(3))
    assert loads == []
    guarded.warm_up(2)
    guarded.logits(images(-1))
    assert [engine.images for engine in loads] == [3]


def test_the_exact_engine_can_be_loaded_before_it_is_needed_and_once_only() -> None:
    guarded, loads = guard_and_loads()
    guarded.load_exact()
    assert len(loads) == 1
    guarded.load_exact()
    guarded.logits(images(-1))
    assert [engine.images for engine in loads] == [1]


def test_what_is_no_number_stays_so() -> None:
    guarded = GuardedEngine(FirstPixelEngine(0), lambda: FirstPixelEngine(0), CUTOFFS, MARGIN)
    assert np.isnan(guarded.logits(images(np.nan))).all()
