import numpy as np
import pytest
from PIL import Image

from pipeline.quality.appearance import THUMBNAIL_PX, load_appearance_model
from training.quality.flags import CHANGES, FlagCounts, count_flags


@pytest.fixture
def chest():
    """Give the mean chest, 120 x 128."""
    mean = load_appearance_model().mean.reshape(THUMBNAIL_PX, THUMBNAIL_PX)
    smooth = np.asarray(Image.fromarray(mean).resize((128, 120), Image.Resampling.BILINEAR))
    return np.asarray((smooth - smooth.min()) / np.ptp(smooth) * 0.9 + 0.07, np.float32)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("as it is", FlagCounts(2, polarity=0, rotation=0, unusual=0, refused=0)),
        ("inverted", FlagCounts(2, polarity=2, rotation=0, unusual=0, refused=0)),
        ("turned by 180", FlagCounts(2, polarity=0, rotation=2, unusual=0, refused=0)),
    ],
)
def test_counts_what_the_product_would_flag(chest, change, expected):
    counts = count_flags([chest, chest], CHANGES[change])
    assert (counts.images, counts.polarity, counts.rotation, counts.refused) == (
        expected.images,
        expected.polarity,
        expected.rotation,
        expected.refused,
    )


def test_counts_refusals_apart(chest):
    noise = np.random.default_rng(0).random(chest.shape).astype(np.float32)
    assert count_flags([noise], CHANGES["as it is"]) == FlagCounts(1, 0, 0, 0, 1)
