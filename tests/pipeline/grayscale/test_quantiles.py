import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from pipeline.grayscale.quantiles import take_quantiles

VALUES = arrays(
    np.float32,
    array_shapes(min_dims=1, max_dims=3, max_side=20),
    elements=st.floats(-1000, 1000, width=32),
)


@given(VALUES, st.lists(st.floats(0, 1), min_size=1, max_size=4))
def test_gives_what_numpy_gives_along_the_last_axis(values, shares):
    expected = np.moveaxis(np.quantile(values.astype(np.float64), shares, axis=-1), 0, -1)
    np.testing.assert_allclose(take_quantiles(values, shares), expected, rtol=1e-5, atol=1e-3)


def test_interpolates_between_neighbours():
    assert take_quantiles(np.array([30.0, 10.0, 20.0]), (0, 0.25, 1)).tolist() == [10, 15, 30]
