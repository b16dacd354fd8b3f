import numpy as np
import oracles
import pytest

import derive
from derive.expr import Instant

NAMES = derive.gallery()
LOSSES = [name for name in NAMES if derive.load(name).system.loss is not None]
solved = {name: derive.load(name).solve() for name in LOSSES}
every_loss = pytest.mark.parametrize("name", LOSSES)


def lasts(name):
    """T from 1 to 6; a network without time has one."""
    return range(1, 7) if derive.load(name).system.sequential else (1,)


CASES = [(name, T, seed) for name in LOSSES for T in lasts(name) for seed in range(3 if len(lasts(name)) > 1 else 12)]


def sample(name, T, seed):
    return oracles.sample(name, np.random.default_rng([seed, T]), T)


def given_T(name, T):
    return T if derive.load(name).system.sequential else None


def test_every_network_has_an_oracle():
    assert set(NAMES) == set(oracles.LOSSES) | {name for name, *_ in oracles.JACOBIANS}
    assert set(LOSSES) == set(oracles.LOSSES)


@pytest.mark.parametrize(("name", "T", "seed"), CASES)
def test_gradients_equal_automatic_differentiation(name, T, seed):
    values = sample(name, T, seed)
    wanted = oracles.gradients(name, values, T)
    found = solved[name].evaluate(values, given_T(name, T))
    assert set(found) == set(wanted)
    for key, g in wanted.items():
        assert np.shape(found[key]) == g.shape, key
        np.testing.assert_allclose(found[key], g, rtol=1e-10, atol=1e-12 * np.abs(g).max(initial=1e-3), err_msg=key)


@pytest.mark.parametrize(("name", "T", "seed"), CASES)
def test_forward_values_equal_the_oracle(name, T, seed):
    values = sample(name, T, seed)
    done = derive.load(name).forward(values, given_T(name, T))
    loss = derive.load(name).system.loss.name
    assert float(done[loss]) == pytest.approx(float(oracles.LOSSES[name](values, T)), rel=1e-12)


@every_loss
def test_forward_has_every_node_in_its_shape(name):
    T = 4
    values = sample(name, T, 0)
    system = derive.load(name).system
    done = derive.load(name).forward(values, given_T(name, T))
    assert list(done) == list(system.nodes)
    assert set(oracles.SHAPES[name]) | {e.name for e in system.equations} == set(done)
    sizes = {
        str(d): n
        for v, k in ((v, k) for k, v in system.independent.items())
        for d, n in zip(v.shape, np.shape(values[k])[-len(v.shape) :], strict=False)
    }
    for key, v in system.nodes.items():
        shape = tuple(sizes[str(d)] for d in v.shape)
        indexed = v.time is not None and v.time.base == "t"
        assert np.shape(done[key]) == ((T - system.first + 1, *shape) if indexed else shape), key
        assert isinstance(done[key], np.ndarray | np.floating | float), key
        if key in values:
            np.testing.assert_array_equal(done[key], values[key])


@every_loss
def test_evaluate_has_the_gradients_that_were_asked_for(name):
    T = 3
    values = sample(name, T, 1)
    system = derive.load(name).system
    everything = solved[name].evaluate(values, given_T(name, T))
    assert list(everything) == list(system.independent)
    for key in system.independent:
        only = derive.load(name).solve(wrt=[key])
        assert list(only.gradients) == [key]
        found = only.evaluate(values, given_T(name, T))
        assert list(found) == [key]
        np.testing.assert_array_equal(found[key], everything[key])
        assert np.shape(found[key]) == np.shape(values[key])


def test_gradients_of_computed_nodes_are_evaluated_too():
    """What was asked for has a formula; it must have a value."""
    sol = derive.load("residual").solve(wrt=["h", "W1"])
    assert list(sol.gradients) == ["h", "W1"]
    values = oracles.sample("residual", np.random.default_rng(0), 1)
    found = sol.evaluate(values)
    assert list(found) == ["h", "W1"]
    y = derive.load("residual").forward(values)["y"]
    np.testing.assert_allclose(found["h"], values["W2"].T @ (y - values["s"]) + values["r"], rtol=1e-12)


@every_loss
def test_T_follows_from_the_sequences(name):
    """Where a sequence is given its length tells T; giving T as well changes nothing."""
    values = sample(name, 3, 2)
    for key, g in solved[name].evaluate(values).items():
        np.testing.assert_array_equal(g, solved[name].evaluate(values, given_T(name, 3))[key])


@every_loss
def test_gradients_pass_their_own_check(name):
    report = solved[name].crosscheck(points=2, seed=7)
    assert report.require() is report and report.passed
    assert list(report.per_gradient) == list(solved[name].system.independent)
    assert report.max_relative_error < 1e-7


def test_the_linear_rnn_of_the_exercise():
    sol = solved["linear_rnn"]
    values = {"w_x": 0.1, "w_h": 1.0, "w_y": 2.0, "h[0]": 1.0, "x": [10.0, 10.0], "y": [5.0, 5.0]}
    run = sol.run(values)
    forward = derive.load("linear_rnn").forward(values)
    np.testing.assert_allclose(forward["h"], [2.0, 3.0], rtol=1e-15)
    np.testing.assert_allclose(forward["yhat"], [4.0, 6.0], rtol=1e-15)
    assert forward["L"] == pytest.approx(2.0, rel=1e-15)
    h = sol.system.nodes["h"]
    assert run.named[h.at(Instant("", 1)).adjoint] == pytest.approx(0.0, abs=1e-15)
    assert run.named[h.at(Instant("", 2)).adjoint] == pytest.approx(4.0, rel=1e-15)
    gradients = sol.evaluate(values)
    assert gradients["w_h"] == pytest.approx(8.0, rel=1e-15)
    assert gradients["w_y"] == pytest.approx(2 * -1 * 2 + 2 * 1 * 3, rel=1e-15)
    np.testing.assert_allclose(gradients["x"], [0.0, 0.4], atol=1e-15)
    np.testing.assert_allclose(gradients["y"], [2.0, -2.0], rtol=1e-15)


def test_the_cross_entropy_gradient_is_p_times_the_mass_minus_t():
    sol = solved["mlp"]
    values = oracles.sample("mlp", np.random.default_rng(3), 1)
    run = sol.run(values)
    p = run.collect(sol.system.nodes["p"])
    z3 = run.collect(sol.system.nodes["z3"], bar=True)
    np.testing.assert_allclose(z3, values["t"].sum() * p - values["t"], rtol=1e-12)


def test_the_batch_is_the_mean_of_its_rows():
    values = oracles.sample("mlp_batch", np.random.default_rng(4), 1)
    whole = solved["mlp_batch"].evaluate(values)
    rows = [{**values, "x": x, "t": t} for x, t in zip(values["X"], values["Y"], strict=True)]
    singly = [solved["mlp"].evaluate({k: v for k, v in row.items() if k not in ("X", "Y")}) for row in rows]
    for key in ("W1", "b1", "W2", "b2", "W3", "b3"):
        np.testing.assert_allclose(whole[key], np.mean([g[key] for g in singly], axis=0), rtol=1e-11)


def test_states_of_zeros_are_values_like_any_other():
    for name in ("lstm", "rnn_tanh", "linear_rnn", "lstm_scalar"):
        values = {k: np.zeros_like(v) if k.endswith("[0]") else v for k, v in sample(name, 4, 5).items()}
        wanted = oracles.gradients(name, values, 4)
        for key, g in solved[name].evaluate(values).items():
            np.testing.assert_allclose(g, wanted[key], rtol=1e-10, atol=1e-13, err_msg=key)


def test_gradients_of_everything_zero():
    """sigma(0), tanh'(0) and relu'(0) are exact, and relu passes nothing on at 0."""
    zeros = {k: np.zeros(np.shape(v)) for k, v in oracles.sample("relu_sparsity", np.random.default_rng(0), 1).items()}
    assert not any(np.any(g) for g in solved["relu_sparsity"].evaluate({**zeros, "x": 1.0, "w1": 1.0, "w2": 1.0}).values())
    values = {k: np.zeros(np.shape(v)) for k, v in sample("lstm", 2, 0).items()}
    values["y"] = np.ones_like(values["y"])
    wanted = oracles.gradients("lstm", values, 2)
    for key, g in solved["lstm"].evaluate(values).items():
        np.testing.assert_allclose(g, wanted[key], atol=1e-15, err_msg=key)


@pytest.mark.parametrize("scale", [30.0, 300.0])
@pytest.mark.parametrize("name", ["lstm", "rnn_tanh", "residual", "mlp"])
def test_saturated_networks_stay_finite(name, scale):
    """Arguments of hundreds, as an unlucky initialisation gives them: no overflow, no 0/0."""
    values = {k: v if k in ("t", "y", "target", "s") else v * scale for k, v in sample(name, 3, 6).items()}
    if name == "mlp":
        values = {k: v / scale if k in ("W3", "b3") else v for k, v in values.items()}
    assert all(np.isfinite(g).all() for g in solved[name].evaluate(values).values())


@pytest.mark.parametrize("name", NAMES)
def test_networks_have_a_title(name):
    """It is printed on the sheet."""
    net = derive.load(name)
    assert net.name == name and net.title[0].isupper() and not net.title.endswith(".")


def test_unknown_names_are_refused_with_those_there_are():
    with pytest.raises(derive.NetworkError, match="no quantity 'W9'; it has x, W1, b1"):
        derive.load("residual").solve(wrt=["W9"])
    with pytest.raises(derive.DeriveError, match=r"no network .resnet.: .*residual"):
        derive.load("resnet")
    with pytest.raises(derive.NetworkError, match="no equation for 'x'; it defines z, h, y"):
        derive.load("residual")["x"]


def test_a_solution_shows_itself():
    for sol in solved.values():
        for text in (str(sol), sol.to_latex(), sol.to_html(), sol._repr_latex_(), sol._repr_html_()):
            assert isinstance(text, str) and len(text) > 50
