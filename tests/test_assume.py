import numpy as np
import pytest

import derive
from derive import NetworkError, network
from derive.assume import assumption
from derive.crosscheck import random_point
from derive.expr import Instant, Var, constant_value
from derive.numeric import Evaluator

RELU = derive.load("relu_sparsity")


def forced(net, *given):
    return net.solve().zeros(*given)


def written(pairs):
    return [f"{left} = {right}" for left, right in pairs]


# -- the exercise ---------------------------------------------------------------------------------------------------


def test_a_dead_unit_forces_zeros():
    found = forced(RELU, "z1 < 0")
    assert [key for key, f in found.items() if f.zero] == ["w1", "w2"]
    assert not found["w3"].zero and found["w3"].reasons == () and found["w3"].example > 0


def test_the_reasons_lead_back_to_the_assumption():
    found = forced(RELU, "z1 < 0")
    names = {v.name for left, right in found["w1"].reasons for e in (left, right) for v in e.atoms(Var)}
    assert {"w1", "y", "h1", "z1"} <= names
    assert constant_value(found["w1"].reasons[-1][1]) == 0 and constant_value(found["w2"].reasons[-1][1]) == 0
    assert found["w1"].reasons[0][0] is RELU.system.nodes["w1"].adjoint
    assert found["w2"].reasons[0][0] is RELU.system.nodes["w2"].adjoint
    assert "relu′(z₁) = 0" in written(found["w2"].reasons) and "relu(z₁) = 0" in written(found["w1"].reasons)


def test_reasons_are_true():
    """Every equality of a reason holds wherever the assumption does."""
    found = forced(RELU, "z1 < 0")
    sol, checked = RELU.solve(), 0
    for seed in range(30):
        run = Evaluator(random_point(RELU.system, np.random.default_rng(seed))).forward().backward(sol.sweep)
        if run.named[RELU.system.nodes["z1"]] < 0:
            for f in found.values():
                for left, right in f.reasons:
                    assert run.value(left) == pytest.approx(run.value(right), abs=1e-15)
                    checked += 1
    assert checked > 20


def test_an_active_unit_forces_nothing():
    found = forced(RELU, "z1 > 0")
    assert not any(f.zero for f in found.values())
    assert all(f.example > 0 for f in found.values())


def test_two_assumptions():
    found = forced(RELU, "z1 < 0", "z2 < 0")
    assert {key for key, f in found.items() if f.zero} == {"x", "w1", "w2", "w3", "w4", "w5"}
    assert not found["t"].zero


def test_the_other_unit():
    assert {key for key, f in forced(RELU, "z2 < 0").items() if f.zero} == {"w4", "w5"}


def test_a_dead_first_layer_forces_everything_but_the_target():
    """h3 = 0 makes z1 and z2 exactly zero, at their kinks, where relu passes nothing on: no example needs to avoid them."""
    found = forced(RELU, "z3 < 0")
    assert {key for key, f in found.items() if f.zero} == {"x", "w1", "w2", "w3", "w4", "w5"}


def test_the_text():
    found = forced(RELU, "z1 < 0")
    assert str(found["w1"]).startswith("w1: zero, because ")
    assert str(found["w3"]).startswith("w3: not forced to be zero; an example has ")


# -- reading --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "sign"), [("z1<0", -1), (" z1 < 0 ", -1), ("z1 > 0", 1), ("z1>0", 1)])
def test_assumptions_are_read(text, sign):
    read = assumption(RELU.system, text)
    assert read.node is RELU.system.nodes["z1"] and read.sign == sign


@pytest.mark.parametrize("text", ["z1", "z1 = 0", "z1 < 1", "0 > z1", "z1 < 0 < 1", "z1 <= 0", "", "z1 < 0; z2"])
def test_what_is_no_assumption_is_refused(text):
    with pytest.raises(NetworkError, match="an assumption is `name < 0` or `name > 0`"):
        assumption(RELU.system, text)


def test_unknown_names_are_refused():
    with pytest.raises(NetworkError, match="no quantity 'q'"):
        assumption(RELU.system, "q < 0")


def test_impossible_assumptions_are_refused():
    net = network("def net(x: Scalar, w: Scalar):\n    z = exp(w * x)\n    L = relu(z) * w\n    return L")
    with pytest.raises(NetworkError, match="no point was found where z < 0"):
        forced(net, "z < 0")
    with pytest.raises(NetworkError, match="no point was found"):
        forced(RELU, "z1 < 0", "z1 > 0")


# -- never a false zero ---------------------------------------------------------------------------------------------

NETWORKS = {
    "relu vector": ("x: Vector[d], W: Matrix[n, d], v: Vector[n]", "z = W @ x", "h = relu(z)", "L = v @ h + sqnorm(x) / 2"),
    "leaky minus identity": ("x: Vector[n], s: Vector[n]", "z = x * s", "h = leaky_relu(z) - z", "L = h @ s"),
    "leaky minus its slope": ("x: Vector[n], s: Vector[n]", "z = x * s", "h = leaky_relu(z, 0.2) - 0.2 * z", "L = h @ s"),
    "scalar leaky": ("x: Scalar, s: Scalar", "z = x * s", "h = leaky_relu(z, 0.2) - z / 5", "L = h * s"),
    "elu minus identity": ("x: Vector[n], s: Vector[n]", "z = x * s", "h = elu(z) - z", "L = h @ s"),
    "elu": ("x: Vector[n], s: Vector[n]", "z = x * s", "h = elu(z, 2)", "L = h @ s"),
    "scalar elu": ("x: Scalar, s: Scalar", "z = x * s", "h = elu(z, 2) - z", "L = h * s"),
    "abs plus identity": ("x: Vector[n], s: Vector[n]", "z = x * s", "h = abs(z) + z", "L = h @ s"),
    "abs minus identity": ("x: Scalar, s: Scalar", "z = x * s", "h = abs(z) - z", "L = h * s"),
    "sign": ("x: Vector[n], s: Vector[n]", "z = x * s", "h = sign(z) * x", "L = h @ s"),
    "step": ("x: Vector[n], s: Vector[n]", "z = x * s", "h = step(z) * x + z", "L = h @ s"),
    "matrix": ("X: Matrix[m, n], W: Matrix[n, n]", "z = X @ W", "h = relu(z) + leaky_relu(z) - z", "L = sqnorm(h)"),
    "relu of a negative": ("x: Vector[n], s: Vector[n]", "z = x * s", "h = relu(-z) + relu(z)", "L = h @ s"),
    "relu twice": ("x: Vector[n], s: Vector[n]", "z = x * s", "a = relu(z)", "h = relu(a - 1) + a", "L = h @ s"),
    "silu": ("x: Vector[n], s: Vector[n]", "z = x * s", "h = silu(z)", "L = h @ s"),
    "softmax after": ("x: Vector[n], s: Vector[n]", "z = x * s", "h = softmax(relu(z))", "L = h @ s"),
}  # fmt: skip


def static(name):
    declared, *equations = NETWORKS[name]
    return network(f"def net({declared}):\n    " + "\n    ".join(equations) + "\n    return L")


@pytest.mark.parametrize("sign", "<>")
@pytest.mark.parametrize("name", NETWORKS)
def test_a_zero_is_claimed_exactly_where_there_is_one(name, sign):
    """Measured: the gradient at many points where the assumption holds. No claim may be wrong, and none must be missing."""
    net = static(name)
    sol = net.solve()
    z, largest = net.system.nodes["z"], dict.fromkeys(net.system.independent, 0.0)
    for seed in range(40):
        rng = np.random.default_rng([3, seed])
        at = random_point(net.system, rng)
        positive = sign == ">"
        turned = {v: np.abs(a) if v.name in ("x", "X") or positive else -np.abs(a) for v, a in at.given.items()}
        at.given.update(turned)
        run = Evaluator(at).forward().backward(sol.sweep)
        assert np.all(run.named[z] > 0) if positive else np.all(run.named[z] < 0)
        for key, v in net.system.independent.items():
            largest[key] = max(largest[key], float(np.abs(run.named[v.adjoint]).max()))
    found = forced(net, f"z {sign} 0")
    assert {k: f.zero for k, f in found.items()} == {k: g < 1e-13 for k, g in largest.items()}
    assert all(f.zero or f.example > 0 for f in found.values())


# -- in time --------------------------------------------------------------------------------------------------------


def test_a_boundary_case_is_not_forgotten():
    """For t < T relu stops everything, but at T the loss itself sees h."""
    net = network("""
def net(t: Time, x: Sequence[Scalar], u: Scalar, w: Scalar):
    h[t] = u * x[t]
    z[t] = w * h[t]
    r[t] = relu(z[t])
    L = h[T] + sum(r[t] for t in Time)
    return L
""")
    values = {"x": np.array([1.0, 2.0, 3.0]), "u": 0.5, "w": -1.0}
    assert net.solve().evaluate(values)["u"] == 3.0
    try:
        found = forced(net, "z < 0")
    except NetworkError:
        return
    assert not found["u"].zero and not found["x"].zero and found["w"].zero


def test_dead_units_at_every_instant():
    net = network("""
def net(t: Time, x: Sequence[Vector[n]], W: Matrix[n, n], V: Matrix[n, n], y: Vector[n]):
    h[0]: Vector[n]
    z[t] = W @ h[t - 1] + x[t]
    h[t] = relu(z[t])
    o[t] = V @ h[t]
    L = sum(sqnorm(o[t] - y) for t in Time)
    return L
""")
    found = forced(net, "z < 0")
    assert {key for key, f in found.items() if f.zero} >= {"x", "W"}
    assert not found["y"].zero


def test_an_assumption_at_one_instant_says_nothing_about_others():
    net = network("""
def net(t: Time, x: Sequence[Scalar], w: Scalar):
    h[0]: Scalar
    h[t] = relu(w * h[t - 1] + x[t])
    L = sum(h[t] ** 2 for t in Time)
    return L
""")
    assert assumption(net.system, "h[0] < 0").node is net.system.quantities["h"].at(Instant("", 0))
    found = forced(net, "h[0] < 0")
    assert not any(f.zero for f in found.values())
