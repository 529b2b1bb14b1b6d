import pytest

from training.data.sampling import Sampling
from training.errors import TrainingError


@pytest.mark.parametrize(
    ("sources", "images"),
    [
        (["kermany"], {"kermany": 32}),
        (["rsna", "nih"], {"rsna": 22, "nih": 10}),
        (["kermany", "rsna", "nih"], {"kermany": 20, "rsna": 8, "nih": 4}),
    ],
)
def test_fewer_sources_fill_the_batch_with_even_numbers(sources, images):
    assert Sampling.of_sources(sources).images == images


def test_sources_take_numbers_of_images():
    images = {"kermany": 10, "rsna": 4, "rsna_unlabelled": 2}
    assert (
        Sampling.of_sources([f"{name}={number}" for name, number in images.items()]).images
        == images
    )


@pytest.mark.parametrize(
    ("sources", "fault"),
    [
        (["elsewhere"], "no source"),
        (["elsewhere=4"], "no source"),
        (["kermany=4", "rsna"], "no source"),
        (["kermany=4", "rsna=3"], "even number"),
    ],
)
def test_unknown_source_or_odd_number_is_refused(sources, fault):
    with pytest.raises(TrainingError, match=fault):
        Sampling.of_sources(sources)
