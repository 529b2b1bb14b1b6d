"""Apart from the networks' other tests, which run on every backend of Keras."""

import keras
import numpy as np
import pytest

from training.networks.network import with_fused_normalization

pytestmark = pytest.mark.tensorflow


def test_fused_normalization_computes_what_keras_computes():
    plain = keras.Sequential([keras.Input((6, 6, 3)), keras.layers.BatchNormalization()])
    fused = with_fused_normalization(plain)
    fused.set_weights(plain.get_weights())
    pixels = np.random.default_rng(1).normal(2, 3, (64, 6, 6, 3)).astype(np.float32)
    for training in (True, False):
        answers = [np.asarray(net(pixels, training=training)) for net in (plain, fused)]
        np.testing.assert_allclose(*answers, atol=1e-3)
    for ours, theirs in zip(fused.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-3)
