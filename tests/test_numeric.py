import itertools
from functools import partial

import mpmath
import numpy as np
import pytest
import sympy

import derive
from derive import kernels, network
from derive.crosscheck import random_point
from derive.expr import Instant, MissingRule, ein, jac, lin, over, var, zeros
from derive.numeric import Evaluator, OpenValue, Point, ValueProblem, open_value, point, smooth_function
from derive.ops import POINTWISE, Function, diag, exp, identity, inner, power, softmax, tanh, total

n, m = sympy.symbols("n m", positive=True, integer=True)
a, W, s = var("a", (n,)), var("W", (m, n)), var("s")
SIZES = {n: 2, m: 3}


def value(e, given, last=0, times=None):
    return Evaluator(Point(None, given, SIZES, last)).value(e, times)


# -- the generalised einsum ---------------------------------------------------------------------------------------


def plain_einsum(operands, out, sizes):
    """Entry by entry, from the definition: sum over what `out` lacks; a repeated output letter is a diagonal."""
    result = np.zeros([sizes[i] for i in out], dtype=complex)
    used = sorted({i for _, ls in operands for i in ls} | set(out))
    for index in itertools.product(*(range(sizes[i]) for i in used)):
        at = dict(zip(used, index, strict=True))
        term = 1
        for array, letters in operands:
            term = term * array[tuple(at[i] for i in letters)]
        result[tuple(at[i] for i in out)] += term
    return result


def random_einsum(seed):
    rng = np.random.default_rng(seed)
    sizes = [int(k) for k in rng.permutation([2, 3, 4, 5])[: rng.integers(1, 4)]]
    factors = [tuple(int(i) for i in rng.integers(len(sizes), size=rng.integers(0, 4))) for _ in range(rng.integers(0, 4))]
    out = tuple(int(i) for i in rng.integers(len(sizes), size=rng.integers(0, 4)))
    return rng, sizes, factors, out


@pytest.mark.parametrize("seed", range(120))
def test_einsum_is_its_definition(seed):
    rng, sizes, factors, out = random_einsum(seed)
    operands = [(rng.uniform(-1, 1, [sizes[i] for i in ls]), ls) for ls in factors]
    np.testing.assert_allclose(
        kernels.einsum(operands, out, sizes), plain_einsum(operands, out, sizes).real, rtol=1e-12, atol=1e-13
    )


@pytest.mark.parametrize("seed", range(60))
def test_einsum_with_batches(seed):
    """One operand with a batch axis in front, complex as in a complex step."""
    rng, sizes, factors, out = random_einsum(seed)
    if not factors:
        factors = [(0,)]
    operands = [(rng.uniform(-1, 1, [sizes[i] for i in ls]), ls) for ls in factors]
    batch = rng.uniform(-1, 1, (6, *operands[0][0].shape)) + 1j * rng.uniform(-1, 1, (6, *operands[0][0].shape))
    found = kernels.einsum([(batch, factors[0]), *operands[1:]], out, sizes)
    for k in range(6):
        wanted = plain_einsum([(batch[k], factors[0]), *operands[1:]], out, sizes)
        np.testing.assert_allclose(found[k], wanted, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("seed", range(120))
def test_ein_nodes_are_their_definition(seed):
    """The constructor's normal form (numbers out, transposes and identities absorbed) changes no value."""
    rng, sizes, factors, out = random_einsum(seed)

    def diagonal_part(e):
        return e * identity(e.shape[0]) if len(e.shape) == 2 and e.shape[0] == e.shape[1] else e

    wrap = [lambda e: e, lambda e: 2 * e, lambda e: e.T.T, diagonal_part, lambda e: diag(e) if len(e.shape) == 1 else e]
    nodes, operands, given = [], [], {}
    for k, ls in enumerate(factors):
        v = var(f"x{k}", [sizes[i] for i in ls])
        given[v] = rng.uniform(-1, 1, [sizes[i] for i in ls])
        e = wrap[int(rng.integers(len(wrap)))](v) if len(ls) < 3 else v
        letters = (*ls, *ls) if len(e.shape) > len(ls) else ls
        nodes.append((e, letters))
        operands.append((np.asarray(value(e, given)), letters))
    node = ein(nodes, out, dict(enumerate(map(sympy.Integer, sizes))))
    assert tuple(node.shape) == tuple(sizes[i] for i in out)
    np.testing.assert_allclose(value(node, given), plain_einsum(operands, out, sizes).real, rtol=1e-12, atol=1e-13)


# -- the evaluator ------------------------------------------------------------------------------------------------


def test_weights_may_be_sizes_and_irrational():
    e = lin([(n, s), (sympy.pi, s), (1 / m, s), (sympy.sqrt(2 / sympy.pi), s)], ())
    assert value(e, {s: 1.0}) == pytest.approx(2 + np.pi + 1 / 3 + np.sqrt(2 / np.pi), rel=1e-15)


def test_the_last_instant_may_be_a_weight():
    last = sympy.Symbol("T", positive=True, integer=True)
    assert value(s * (1 / last), {s: 3.0}, last=4) == pytest.approx(0.75)


def test_empty_sums_and_products():
    one, zero = Instant("", 1), Instant("", 0)
    h = var("h", (n, n), Instant("t"))
    np.testing.assert_array_equal(value(over("sum", h, "t", one, zero), {}), np.zeros((2, 2)))
    np.testing.assert_array_equal(value(over("product", h, "t", one, zero), {}), np.eye(2))
    assert value(over("product", var("c", (), Instant("t")), "t", one, zero), {}) == 1
    assert value(zeros(()), {}) == 0 and value(zeros((n, m)), {}).shape == (2, 3)


def test_products_over_time_have_the_latest_on_the_left():
    h = var("h", (n, n), Instant("t"))
    rng = np.random.default_rng(0)
    matrices = rng.uniform(-1, 1, (3, 2, 2))
    given = {h.at(Instant("", 1 + k)): matrices[k] for k in range(3)}
    found = value(over("product", h, "t", Instant("", 1), Instant("T")), given, last=3)
    np.testing.assert_allclose(found, matrices[2] @ matrices[1] @ matrices[0])


def test_bounds_of_sums_follow_the_outer_index():
    """Σ_t Σ_{k<=t} x_t x_k"""
    x = var("x", (), Instant("t"))
    xs = [2.0, 3.0, 5.0]
    given = {x.at(Instant("", 1 + k)): v for k, v in enumerate(xs)}
    inside = over("sum", x * x.at(Instant("k")), "k", Instant("", 1), Instant("t"))
    found = value(over("sum", inside, "t", Instant("", 1), Instant("T")), given, last=3)
    assert found == sum(xs[t] * xs[k] for t in range(3) for k in range(t + 1))


def test_deep_expressions_need_no_recursion():
    e = a
    for _ in range(5000):
        e = tanh(e) + a
    assert np.isfinite(value(e, {a: np.array([0.1, -0.2])})).all()


def test_shared_parts_are_evaluated_once(monkeypatch):
    calls = []
    monkeypatch.setattr(
        "derive.numeric.NumpyKernel.pointwise", staticmethod(lambda fn, x: calls.append(fn) or kernels.pointwise(fn, x))
    )
    e = s
    for _ in range(40):
        e = tanh(e + e * e)
    value(e, {s: 0.3})
    assert len(calls) == 40


def test_jacobian_symbols_evaluate_through_the_equations():
    net = network("def net(x: Vector[n], W: Matrix[m, n]):\n    z = W @ x\n    y = tanh(z)\n    L = y @ y\n    return L")
    rng = np.random.default_rng(1)
    given = {"x": rng.uniform(-1, 1, 2), "W": rng.uniform(-1, 1, (3, 2))}
    run = Evaluator(point(net.system, given)).forward()
    q = net.system.nodes
    np.testing.assert_allclose(run.value(jac(q["y"], q["z"])), np.diag(1 - np.tanh(given["W"] @ given["x"]) ** 2))
    np.testing.assert_allclose(run.value(jac(q["z"], q["x"])), given["W"])
    np.testing.assert_allclose(run.value(jac(q["z"], q["W"])), np.einsum("ik,j->ikj", np.eye(3), given["x"]))
    assert not run.value(jac(q["L"], q["x"])).any(), "directly, L depends on y alone"
    y = np.tanh(given["W"] @ given["x"])
    try:
        total_slope = run.value(jac(q["L"], q["x"], direct=False))
    except MissingRule:
        return
    np.testing.assert_allclose(total_slope, (2 * y * (1 - y**2)) @ given["W"])


def test_jacobian_symbols_at_an_instant_differ_from_those_at_others():
    """h[t] in L = Σ h² is the entry at this t, not each of them."""
    net = network("def net(t: Time, h: Sequence[Scalar]):\n    L = sum(h[t] ** 2 for t in Time)\n    return L")
    run = Evaluator(point(net.system, {"h": [1.0, 2.0, 4.0]})).forward()
    symbol = jac(net.system.nodes["L"], net.system.nodes["h"])
    assert [float(run.value(symbol, {"t": t})) for t in (1, 2, 3)] == [2.0, 4.0, 8.0]


def test_missing_values_are_named():
    h = var("h", (), Instant("t"))
    with pytest.raises(ValueProblem, match=r"h\[4\] has no value here \(T = 3\)"):
        value(h.at(Instant("t", 1)), {}, last=3, times={"t": 3})
    with pytest.raises(ValueProblem, match="s has no value"):
        value(s, {})


def test_a_function_without_a_kernel_is_named():
    strange = Function("strange", lambda x, y: x, lambda x: x, lambda x: x, "")
    with pytest.raises(MissingRule, match="no numeric kernel for strange"):
        value(strange(s), {s: 1.0})


def test_open_functions_need_values():
    with pytest.raises(ValueProblem, match="no function given for ell"):
        value(derive.expr.opaque("ell", None, a), {a: np.ones(2)})


@pytest.mark.parametrize("fn", POINTWISE.values(), ids=str)
def test_pointwise_maps_evaluate_with_batches(fn):
    rng = np.random.default_rng(2)
    x = rng.uniform(0.2, 1.5, (7, 2))
    found = value(fn(a), {a: x})
    assert found.shape == (7, 2)
    np.testing.assert_allclose(found, [[float(fn.oracle(mpmath.mpf(v))) for v in row] for row in x], rtol=1e-12)


def test_whole_expressions_evaluate_with_batches():
    """As the cross-check does: many perturbed points in one pass, the perturbed value with an axis in front."""
    rng = np.random.default_rng(3)
    w, x = rng.uniform(-1, 1, (5, 3, 2)), rng.uniform(-1, 1, 2)
    e = inner(softmax(W @ a), tanh(W @ a)) + total(exp(W)) / n - power(a @ a, 2)
    singly = [value(e, {W: w[k], a: x}) for k in range(5)]
    np.testing.assert_allclose(value(e, {W: w, a: x}), singly, rtol=1e-13)


# -- values for a network -----------------------------------------------------------------------------------------

RNN = network("""
def net(t: Time, x: Sequence[Vector[d]], W: Matrix[n, n], U: Matrix[n, d], s: Scalar):
    h[0]: Vector[n]
    h[t] = tanh(W @ h[t - 1] + U @ x[t]) * s
    L = sum(sqnorm(h[t]) for t in Time)
    return L
""")
GOOD = {"x": np.ones((3, 2)), "W": np.ones((4, 4)), "U": np.ones((4, 2)), "s": 1.0, "h[0]": np.zeros(4)}


def test_a_point_knows_sizes_and_the_last_instant():
    at = point(RNN.system, GOOD)
    assert {str(k): v for k, v in at.sizes.items()} == {"d": 2, "n": 4} and at.last == 3
    assert point(RNN.system, GOOD, 3).last == 3


def test_lists_and_integers_are_values():
    at = point(RNN.system, {**GOOD, "x": [[1, 2], [3, 4]], "s": 2})
    assert at.last == 2 and at.given[RNN.system.nodes["s"]] == 2.0
    values = {"w_x": 1, "w_h": 2, "w_y": 1, "x": [1, 2], "y": [0, 0], "h[0]": 0}
    assert derive.load("linear_rnn").solve().evaluate(values)["w_h"] == pytest.approx(8.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"q": 1.0}, "net has no input q; it takes x, W, U, s"),
        ({"h": np.zeros(4)}, r"no input h"),
        ({"W": None}, "no value for W"),
        ({"W": np.ones((4, 3))}, "W: its size n is 3, but n = 4 elsewhere"),
        ({"W": np.ones(4)}, r"W: expected shape \(n, n\), got an array of shape \(4,\)"),
        ({"s": [1.0]}, r"s: expected a number, got an array of shape \(1,\)"),
        ({"x": np.ones(3)}, r"x: expected shape \(d\), got an array of shape \(\)"),
        ({"x": np.ones((0, 2))}, "x: a sequence over t = 1 … T has 0 entries"),
        ({"x": 3.0}, "x: a sequence over t = 1 … T has 0 entries"),
        ({"s": float("nan")}, "s: nan is not finite"),
        ({"W": np.full((4, 4), np.inf)}, "(?s)W: .* is not finite"),
        ({"s": "one"}, "s: 'one' is not a number"),
        ({"W": [[1, 2], [3]]}, "W: .* is not a number, or a list of numbers of one length"),
        ({"h[0]": np.zeros(3)}, r"h\[0\]: its size n is 3, but n = 4 elsewhere"),
    ],
)
def test_values_that_do_not_fit_are_named(change, message):
    values = {k: v for k, v in {**GOOD, **change}.items() if v is not None}
    with pytest.raises(ValueProblem, match=message):
        point(RNN.system, values)


def test_a_wrong_T_is_named():
    with pytest.raises(ValueProblem, match="x: a sequence over t = 1 … T has 3 entries, but needs 4 for T = 4"):
        point(RNN.system, GOOD, 4)


def test_sequences_have_one_length():
    values = {"w_x": 1.0, "w_h": 1.0, "w_y": 1.0, "x": [1.0, 2.0], "y": [1.0], "h[0]": 0.0}
    with pytest.raises(ValueProblem, match="different lengths: x has 2, y has 1"):
        point(derive.load("linear_rnn").system, values)


def test_without_a_sequence_T_must_be_given():
    net = network("def net(t: Time, w: Scalar):\n    h[0]: Scalar\n    h[t] = w * h[t - 1]\n    L = h[T]\n    return L")
    with pytest.raises(ValueProblem, match="give T"):
        net.forward({"w": 2.0, "h[0]": 1.0})
    assert net.forward({"w": 2.0, "h[0]": 1.0}, T=5)["L"] == 32.0
    assert net.solve().evaluate({"w": 2.0, "h[0]": 1.0}, T=5)["w"] == pytest.approx(5 * 16.0)


@pytest.mark.parametrize("T", [0, -3])
def test_a_T_before_the_first_instant_is_refused_or_right(T):
    """With no step to take, h[T] is the given h[0], and its gradient is 1."""
    net = network("def net(t: Time, w: Scalar):\n    h[0]: Scalar\n    h[t] = w * h[t - 1]\n    L = h[T]\n    return L")
    try:
        found = net.solve().evaluate({"w": 2.0, "h[0]": 3.0}, T=T)
    except ValueProblem:
        return
    assert found["h[0]"] == 1.0


def test_a_named_row_is_still_a_row():
    """z = (W x)ᵀ, used again: its transpose is the vector W x."""
    net = network(
        "def net(x: Vector[d], W: Matrix[n, d], b: Vector[n]):\n    z = (W @ x).T\n    y = z.T + b\n    L = y @ y\n    return L"
    )
    assert net.solve().crosscheck(points=2).passed


def test_sizes_may_be_formulas():
    net = network(
        "def net(x: Vector[n + 1], W: Matrix[2 * n, n + 1], b: Vector[n]):\n    L = sqnorm(W @ x) + b @ b\n    return L"
    )
    good = {"x": np.ones(4), "W": np.ones((6, 4)), "b": np.ones(3)}
    assert net.forward(good)["L"] == 6 * 16 + 3
    with pytest.raises(ValueProblem, match=r"W: a size of 6 was expected \(2\*n\), not 5"):
        net.forward({**good, "W": np.ones((5, 4))})


# -- open functions -----------------------------------------------------------------------------------------------


def test_open_values_from_callables():
    h = np.array([0.5, -1.0])
    plain, timed, pair = (
        open_value(lambda h: np.sum(h**3)),
        open_value(lambda t, h: t * np.sum(h**3)),
        open_value((lambda h: np.sum(h**2), lambda h: 7 * h)),
    )
    np.testing.assert_allclose(plain.gradient(3, h), 3 * h**2)
    np.testing.assert_allclose(timed.gradient(3, h), 9 * h**2)
    np.testing.assert_allclose(pair.gradient(3, h), 7 * h)
    assert plain.value(0, h) == pytest.approx(-0.875) and timed.value(2, h) == pytest.approx(-1.75)
    assert open_value(plain) is plain


def test_bound_arguments_are_no_time():
    """A function for one instant is often made with a default or a partial: that is no second argument to fill."""
    h = np.array([0.5, -1.0])

    def scaled(k, h):
        return k * np.sum(h**3)

    for f in (partial(scaled, 2.0), lambda h, k=2.0: scaled(k, h)):
        assert open_value(f).value(5, h) == pytest.approx(-1.75)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)], ids=["scalar", "vector", "matrix"])
def test_open_values_of_every_rank(shape):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, shape)
    net = network({(): "def net(x: Scalar, f: Function):\n    L = f(x) ** 2\n    return L",
                   (3,): "def net(x: Vector[n], f: Function):\n    L = f(x) ** 2\n    return L",
                   (2, 3): "def net(x: Matrix[m, n], f: Function):\n    L = f(x) ** 2\n    return L"}[shape])  # fmt: skip
    values = {"x": x, "f": lambda h: np.sum(np.sin(h))}
    assert net.forward(values)["L"] == pytest.approx(np.sin(x).sum() ** 2)
    np.testing.assert_allclose(net.solve().evaluate(values)["x"], 2 * np.sin(x).sum() * np.cos(x), rtol=1e-12)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)], ids=["scalar", "vector", "matrix"])
def test_networks_with_an_open_function_of_every_rank_are_cross_checked(shape):
    kind = {(): "Scalar", (3,): "Vector[n]", (2, 3): "Matrix[m, n]"}[shape]
    net = network(f"def net(x: {kind}, w: {kind}, f: Function):\n    L = f(tanh(w * x)) * 3\n    return L")
    assert net.solve().crosscheck(points=2).require().passed


def test_the_smooth_function_is_another_one_at_each_instant():
    f = smooth_function(np.random.default_rng(0))
    x = np.array([0.3, -0.7, 0.2])
    assert isinstance(f, OpenValue)
    assert len({round(float(f.value(t, x)), 12) for t in range(-1, 4)}) == 5
    assert f.value(2, x) == f.value(2, x)
    stepped = [np.imag(f.value(2, x + 1e-200j * d)) / 1e-200 for d in np.eye(3)]
    np.testing.assert_allclose(f.gradient(2, x), stepped, rtol=1e-12)


# -- passes -------------------------------------------------------------------------------------------------------


def test_forward_computes_in_the_order_that_is_needed():
    net = network("""
def net(t: Time, x: Sequence[Scalar]):
    L = sum(v[t] * x[t] for t in Time)
    v[t] = u[t] / q
    q = 1 + sum(u[t] ** 2 for t in Time)
    u[t] = x[t] + a
    a = x[T]
    return L
""")
    x = np.array([1.0, 2.0, 3.0])
    u = x + 3
    done = net.forward({"x": x})
    assert list(done) == ["x", "L", "v", "q", "u", "a"]
    assert done["q"] == 1 + (u**2).sum()
    assert done["L"] == pytest.approx((u * x).sum() / done["q"])
    assert net.solve().crosscheck(points=2).passed


def test_backward_needs_no_forward_of_its_own():
    """The adjoints come from the formulas: changing a formula changes the number."""
    sol = derive.load("linear_rnn").solve()
    values = {"x": [1.0], "y": [0.0], "w_x": 1.0, "w_h": 1.0, "w_y": 1.0, "h[0]": 1.0}
    run = sol.run(values)
    assert run.collect(sol.system.nodes["L"], bar=True) == 1.0
    np.testing.assert_array_equal(run.collect(sol.system.nodes["h"]), [2.0])
    np.testing.assert_array_equal(run.collect(sol.system.nodes["h"], bar=True), [4.0])


def test_nudges_reach_what_is_computed():
    net = derive.load("residual")
    at = random_point(net.system, np.random.default_rng(0))
    h = net.system.nodes["h"]
    plain, nudged = Evaluator(at).forward(), Evaluator(at, nudges={h: np.full(at.size(h.shape[0]), 0.25)}).forward()
    np.testing.assert_allclose(nudged.named[h], plain.named[h] + 0.25)
    np.testing.assert_allclose(nudged.named[net.system.nodes["z"]], plain.named[net.system.nodes["z"]])
    assert nudged.named[net.system.nodes["E"]] != plain.named[net.system.nodes["E"]]


def test_an_open_function_for_each_instant():
    """A list holds one function for each t, from the first on."""
    net = derive.load("rnn")
    rng = np.random.default_rng(5)
    values = {"x": rng.normal(size=(3, 2)), "W": rng.normal(size=(2, 2)), "h[-1]": rng.normal(size=2)}
    weights = rng.normal(size=(3, 2))
    one = net.solve().evaluate({**values, "ell": lambda t, h: np.sum(weights[t] * h**2)})
    each = net.solve().evaluate({**values, "ell": [lambda h, w=w: np.sum(w * h**2) for w in weights]})
    for name in one:
        np.testing.assert_allclose(one[name], each[name], rtol=1e-14)


def test_a_network_outside_its_domain_says_so():
    net = derive.network("def net(x: Scalar):\n    L = log(-exp(x))\n    return L")
    with pytest.raises(derive.DeriveError, match="no random point"):
        net.solve().crosscheck()
