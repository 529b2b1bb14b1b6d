import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from pipeline.framing import field_of_view
from pipeline.framing.field_of_view import find_field_of_view
from pipeline.values.radiograph import Radiograph


def find(levels):
    return find_field_of_view(Radiograph(np.asarray(levels, dtype=np.float32)))


def test_trims_collimated_borders(levels):
    bordered = np.zeros((200, 240))
    bordered[20:180, 30:210] = 0.5
    box = find(bordered)
    assert box.method == "border_trim"
    for found, expected in (
        (box.top_px, 20),
        (box.bottom_px, 180),
        (box.left_px, 30),
        (box.right_px, 210),
    ):
        assert found == pytest.approx(expected, abs=3)
    assert find(levels).method == "full_frame"


def test_a_letter_on_a_black_border_is_not_exposure():
    bordered = np.zeros((200, 240))
    bordered[40:, :] = 0.5
    bordered[10:20, 200:215] = 1
    assert find(bordered).top_px == pytest.approx(40, abs=3)


def test_keeps_the_whole_frame_where_too_much_would_go():
    mostly_dark = np.zeros((200, 240))
    mostly_dark[80:120, 100:140] = 0.5
    box = find(mostly_dark)
    assert (box.top_px, box.left_px, box.bottom_px, box.right_px) == (0, 0, 200, 240)
    assert box.method == "full_frame"


@given(
    arrays(
        np.float32,
        array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=60),
        elements=st.floats(0, 1, width=32),
    )
)
def test_the_box_lies_inside_and_is_not_empty(levels):
    box = find(levels)
    rows, columns = levels.shape
    assert 0 <= box.top_px < box.bottom_px <= rows
    assert 0 <= box.left_px < box.right_px <= columns


def test_a_radiograph_and_its_smaller_copy_give_the_same_box():
    small = np.zeros((224, 224))
    small[16:200, 24:208] = 0.4
    small_box, large_box = find(small), find(np.kron(small, np.ones((5, 5))))
    assert large_box.top_px / 5 == pytest.approx(small_box.top_px, abs=1)
    assert large_box.right_px / 5 == pytest.approx(small_box.right_px, abs=1)


@given(
    st.integers(112, 300),
    st.integers(112, 300),
    st.lists(st.sampled_from([0, 0, 2, 5]), min_size=4, max_size=4),
    st.sampled_from([0.075, 0.1]),
    st.integers(0, 1000),
)
@example(235, 216, [0, 0, 0, 0], 0.075, 393)  # pixels on the borders of cells decided
def test_the_quick_check_of_the_edges_changes_nothing(rows, columns, dark, brightest, seed):
    """Compared with the thumbnail, which is used where an edge is dark."""
    pixels = (
        np.random.default_rng(seed).uniform(0.03, brightest, (rows, columns)).astype(np.float32)
    )
    pixels[rows // 3 : rows // 2] = 0.5
    top, bottom, left, right = dark
    pixels[:top] = pixels[rows - bottom :] = pixels[:, :left] = pixels[:, columns - right :] = 0
    with pytest.MonkeyPatch.context() as patch:
        quick = find(pixels)
        patch.setattr(field_of_view, "_is_exposed_to_its_edges", lambda _pixels: False)
        assert quick == find(pixels)
