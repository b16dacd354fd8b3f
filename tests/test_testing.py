"""assert_gradients: passes what is right, and names what is wrong."""

from __future__ import annotations

import numpy as np
import oracles
import pytest

import derive
from derive.crosscheck import CrossCheckFailed
from derive.testing import assert_gradients


@pytest.mark.parametrize("name", ["residual", "linear_rnn", "lstm", "relu_sparsity"])
def test_an_autodiff_librarys_gradients_pass(name):
    values = oracles.sample(name, np.random.default_rng(0), 3)
    assert_gradients(name, values, oracles.gradients(name, values, 3))
    assert assert_gradients(name, values).passed
    assert assert_gradients(derive.load(name), points=1).passed


def test_a_wrong_gradient_is_named():
    values = oracles.sample("residual", np.random.default_rng(1), 1)
    wrong = oracles.gradients("residual", values, 1)
    wrong["W1"] = wrong["W1"].copy()
    wrong["W1"][1, 0] *= 1.001
    with pytest.raises(CrossCheckFailed, match=r"gradient of W1, entry W1\[1, 0\]: derived .*, given .*, relative error"):
        assert_gradients("residual", values, wrong)


def test_shape_and_nan_are_named():
    values = oracles.sample("residual", np.random.default_rng(1), 1)
    with pytest.raises(CrossCheckFailed, match="its shape is"):
        assert_gradients("residual", values, {"W1": np.zeros((1, 1))})
    with pytest.raises(CrossCheckFailed, match="inf"):
        assert_gradients("residual", values, {"b2": np.full(values["b2"].shape, np.nan)})


def test_calls_that_make_no_sense():
    with pytest.raises(KeyError, match="no gradient of q"):
        assert_gradients("residual", oracles.sample("residual", np.random.default_rng(1), 1), {"q": 1})
    with pytest.raises(TypeError, match="values"):
        assert_gradients("residual", gradients={})


def test_a_function_is_read():
    def net(x, w):
        L = (w * x) ** 2
        return L

    with pytest.raises(derive.NetworkError, match="needs Scalar"):
        assert_gradients(net)
