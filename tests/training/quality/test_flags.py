import numpy as np
import pytest
from PIL import Image

from pipeline.quality.appearance import THUMBNAIL_PX, load_appearance_model
from training.quality.flags import CHANGES, Looks, count_looks


@pytest.fixture
def chest():
    """Give the mean chest, 120 x 128."""
    mean = load_appearance_model().mean.reshape(THUMBNAIL_PX, THUMBNAIL_PX)
    smooth = np.asarray(Image.fromarray(mean).resize((128, 120), Image.Resampling.BILINEAR))
    return np.asarray((smooth - smooth.min()) / np.ptp(smooth) * 0.9 + 0.07, np.float32)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("as it is", Looks(2, polarity=0, rotation=0, unusual=0, refused=0)),
        ("inverted", Looks(2, polarity=2, rotation=0, unusual=0, refused=0)),
        ("turned by 180", Looks(2, polarity=0, rotation=2, unusual=0, refused=0)),
    ],
)
def test_counts_what_the_product_would_flag(chest, change, expected):
    looks = count_looks([chest, chest], CHANGES[change])
    assert (looks.images, looks.polarity, looks.rotation, looks.refused) == (
        expected.images,
        expected.polarity,
        expected.rotation,
        expected.refused,
    )


def test_counts_refusals_apart(chest):
    noise = np.random.default_rng(0).random(chest.shape).astype(np.float32)
    assert count_looks([noise], CHANGES["as it is"]) == Looks(1, 0, 0, 0, 1)
