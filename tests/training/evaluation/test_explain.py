import numpy as np
import pytest

from tests.training.conftest import SIZE_PX
from training.evaluation.explain import LAYERS, explain
from training.fitting.run import load_averaged, network_logits

pytestmark = pytest.mark.tensorflow


def test_heat_adds_up_to_the_logit(run):
    network = load_averaged(run)
    pixels = np.random.default_rng(1).random((2, SIZE_PX, SIZE_PX), dtype=np.float32)
    bias = float(np.asarray(network.get_layer("logit").bias)[0])
    for explanation, logit in zip(
        explain(network, pixels), network_logits(network, pixels), strict=True
    ):
        assert explanation.heat.mean() + bias == pytest.approx(logit, abs=1e-3)
        assert set(explanation.activations) == set(LAYERS)
