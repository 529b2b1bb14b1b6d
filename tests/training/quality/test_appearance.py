import numpy as np

from pipeline.quality.appearance import load_appearance_model, make_thumbnail
from training.quality.appearance import fit_appearance, write_appearance


def test_fitted_images_are_near_and_others_are_far(tmp_path):
    random = np.random.default_rng(0)
    y, x = np.mgrid[0:1:128j, 0:1:128j]

    def draw(phase):
        noise = random.normal(0, 0.05, x.shape)
        return make_thumbnail((np.sin(6 * x + phase) + y + noise).astype(np.float32))

    model = fit_appearance([draw(phase) for phase in random.uniform(0, 1, 80)], components=6)
    write_appearance(model, tmp_path / "appearance.npz")
    model = load_appearance_model(tmp_path / "appearance.npz")
    assert model.distance(draw(0.5)) < 3
    assert model.distance(draw(0.5)[::-1].copy()) > 10
