import itertools
from dataclasses import replace

import numpy as np
import oracles
import pytest

import derive
from derive import NetworkError, network
from derive.crosscheck import CrossCheckFailed, analytic, check_jacobian, random_point
from derive.expr import Instant, MissingRule
from derive.numeric import Evaluator, Point, point
from derive.solution import instant_of

STATIC = [name for name in derive.gallery() if not derive.load(name).system.sequential]
SEQUENTIAL = [name for name in derive.gallery() if derive.load(name).system.sequential]


def measured(at, top, below):
    """How top reacts when below alone is moved, everything after it following: by complex steps, or differences."""

    def moved(by):
        if below in at.given:
            return (
                Evaluator(Point(at.system, {**at.given, below: at.given[below] + by}, at.sizes, at.last, at.functions))
                .forward()
                .named[top]
            )
        return Evaluator(at, nudges={below: by}).forward().named[top]

    shape = tuple(map(at.size, below.shape))
    directions = np.eye(int(np.prod(shape))).reshape((-1, *shape))
    if analytic(at.system):
        columns = [np.imag(moved(1e-200j * d)) / 1e-200 for d in directions]
    else:
        columns = [(moved(1e-5 * d) - moved(-1e-5 * d)) / 2e-5 for d in directions]
    return np.moveaxis(np.array(columns), 0, -1).reshape((*map(at.size, top.shape), *shape))


def agrees(found, wanted):
    """Axes of size 1 are the layout of a row, and are dropped."""
    np.testing.assert_allclose(np.squeeze(found), np.squeeze(wanted), rtol=1e-8, atol=1e-9)


def fixed(v, k):
    return v if v.time is None or v.time.base == "" else v.at(Instant("", k))


# -- one layer ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "top", "below"), oracles.JACOBIANS, ids=str)
def test_jacobians_equal_automatic_differentiation(name, top, below):
    net = derive.load(name)
    for seed in range(4):
        values = oracles.sample(name, np.random.default_rng(seed), 1)
        run = Evaluator(point(net.system, values)).forward()
        found = run.value(net.jacobian(top, below).expr)
        np.testing.assert_allclose(found, oracles.JACOBIANS[name, top, below](values), rtol=1e-12, atol=1e-14)


def test_the_layers_jacobian_is_diag_times_W():
    net = derive.load("layer")
    x, W = net.system.nodes["x"], net.system.nodes["W"]
    found = net.jacobian("y", "x")
    slope = derive.expr.apply(derive.sigmoid, W @ x, 1)
    run = Evaluator(point(net.system, oracles.sample("layer", np.random.default_rng(0), 1))).forward()
    np.testing.assert_allclose(run.value(found.expr), run.value(derive.diag(slope) @ W), rtol=1e-13)
    np.testing.assert_allclose(run.value(found.transposed), run.value(found.expr).T, rtol=1e-15)
    assert found.expr.shape == W.shape and found.transposed.shape == W.shape[::-1]


def test_the_jacobian_of_a_row_is_that_of_the_vector():
    net = derive.load("layer")
    W = net.system.nodes["W"]
    assert net.jacobian("z", "x").expr is W
    assert net.jacobian("z", "x").transposed is W.T
    assert net.jacobian("z", "x", direct=True).expr is W


def test_a_tensor_has_no_transpose():
    with pytest.raises(NetworkError, match="tensor of rank 3"):
        _ = derive.load("layer").jacobian("y", "W").transposed
    with pytest.raises(NetworkError, match="tensor of rank 1"):
        _ = derive.load("residual").jacobian("E", "x").transposed


def test_sizes_of_one_are_sizes():
    """A 1 x d weight is a matrix like any other: rows are the output, columns the input."""
    net = network("def net(x: Vector[d], W: Matrix[1, d]):\n    y = tanh(W @ x)")
    x = np.array([0.5, -0.25, 1.0])
    W = np.array([[1.0, 2.0, -1.0]])
    run = Evaluator(point(net.system, {"x": x, "W": W})).forward()
    found = net.jacobian("y", "x").expr
    assert tuple(found.shape) == (1, net.system.nodes["x"].shape[0])
    np.testing.assert_allclose(run.value(found), (1 - np.tanh(W @ x) ** 2)[:, None] * W, rtol=1e-13)


# -- every pair of nodes ------------------------------------------------------------------------------------------


def tops(name):
    return [(name, e.name) for e in derive.load(name).system.equations]


@pytest.mark.parametrize(("name", "top"), [p for name in STATIC for p in tops(name)])
def test_every_jacobian_of_a_static_network(name, top):
    net = derive.load(name)
    at = random_point(net.system, np.random.default_rng(3))
    run = Evaluator(at).forward()
    u = net.system.nodes[top]
    for below, v in net.system.nodes.items():
        if below == top:
            continue
        found = net.jacobian(top, below)
        assert not found.direct and found.top is u and found.below is v
        wanted = measured(at, u, v)
        agrees(run.value(found.expr), wanted)
        if found.along is not None:
            np.testing.assert_allclose(run.value(found.along), wanted, rtol=1e-8, atol=1e-9)
        for symbol, part in found.parts:
            agrees(run.value(part), run.value(symbol))


@pytest.mark.parametrize(("name", "top"), [p for name in STATIC for p in tops(name)])
def test_every_direct_jacobian_of_a_static_network(name, top):
    """In the equation of top alone: below is moved there, and nothing else follows."""
    net = derive.load(name)
    at = random_point(net.system, np.random.default_rng(4))
    run = Evaluator(at).forward()

    def alone(v, by):
        held = Evaluator(at)
        held.named = {**run.named, v: run.named[v] + by}
        return held.value(net[top])

    for below, v in net.system.nodes.items():
        shape = np.shape(run.named[v])
        directions = 1e-5 * np.eye(int(np.prod(shape))).reshape((-1, *shape))
        columns = np.array([(alone(v, d) - alone(v, -d)) / 2e-5 for d in directions])
        wanted = np.moveaxis(columns, 0, -1).reshape((*np.shape(run.named[net.system.nodes[top]]), *shape))
        agrees(run.value(net.jacobian(top, below, direct=True).expr), wanted)


LAST = 4


@pytest.mark.parametrize("name", SEQUENTIAL)
def test_jacobians_between_instants(name):
    """Of every sequence with respect to every other, up to two steps earlier: at numbers, and at a generic t."""
    net = derive.load(name)
    at = random_point(net.system, np.random.default_rng(5), last=LAST)
    run = Evaluator(at).forward()
    sequences = [v for v in net.system.nodes.values() if v.time is not None and v.time.base == "t"]
    computed = [v for v in sequences if v.name in net.system.by_name]
    for u, v, k in itertools.product(computed, sequences, (0, 1, 2)):
        if (u is v and k == 0) or len(u.shape) + len(v.shape) > 3:
            continue
        wanted = measured(at, u.at(Instant("", 3)), v.at(Instant("", 3 - k)))
        generic = net.jacobian(f"{u.name}[t]", f"{v.name}[t-{k}]" if k else f"{v.name}[t]")
        agrees(run.value(generic.expr, {"t": 3}), wanted)
        agrees(run.value(net.jacobian(f"{u.name}[3]", f"{v.name}[{3 - k}]").expr), wanted)
        agrees(run.value(net.jacobian(f"{u.name}[T]", f"{v.name}[T-{k}]" if k else f"{v.name}[T]").expr, {}),
               measured(at, u.at(Instant("", LAST)), v.at(Instant("", LAST - k))))  # fmt: skip
        if generic.along is not None and generic.along.shape == u.shape + v.shape:
            agrees(run.value(generic.along, {"t": 3}), wanted)


@pytest.mark.parametrize("name", SEQUENTIAL)
def test_jacobians_with_respect_to_initial_values(name):
    """h[0] and c[0] are given each on its own: neither follows from the other."""
    net = derive.load(name)
    at = random_point(net.system, np.random.default_rng(6), last=3)
    run = Evaluator(at).forward()
    states = {v.name for v in net.system.initial}
    for initial in net.system.initial:
        for state in sorted(states):
            for t in (net.system.first, net.system.first + 1):
                u = net.system.nodes[state].at(Instant("", t))
                found = net.jacobian(f"{state}[{t}]", initial.key)
                agrees(run.value(found.expr), measured(at, u, initial))


# -- what reaches through all of time: right, or refused ------------------------------------------------------------

TWO_STAGES = """
def net(t: Time, x: Sequence[Scalar], w: Scalar):
    s = sum(x[t] ** 2 for t in Time)
    u[t] = tanh(s * x[t])
    v[t] = sum(x[s] ** 2 for s in Time) * w
    L = sum(u[t] * w * v[t] for t in Time)
    return L
"""
THROUGH_TIME = [
    ("linear_rnn", "L", "w_h"), ("linear_rnn", "L", "h[t]"), ("linear_rnn", "h[t]", "w_h"), ("linear_rnn", "h[3]", "w_h"),
    ("linear_rnn", "yhat[3]", "h[0]"), ("linear_rnn", "L", "h[2]"), ("linear_rnn", "L", "h[0]"), ("linear_rnn", "L", "x[t]"),
    ("rnn_tanh", "h[3]", "W_xh"), ("rnn_tanh", "L", "W_hy"), ("rnn_tanh", "y[T]", "W_hh"), ("lstm_scalar", "L", "c[2]"),
    ("lstm_scalar", "L", "w_fx"), ("lstm_scalar", "h[T]", "c[1]"), ("rnn", "h[2]", "W"), ("two stages", "u[t]", "x[t]"),
    ("two stages", "u[3]", "x[2]"), ("two stages", "u[t]", "s"), ("two stages", "L", "s"), ("two stages", "L", "w"),
    ("two stages", "u[t-1]", "x[t]"), ("two stages", "u[2]", "x[4]"), ("two stages", "v[t-1]", "x[t]"), ("two stages", "v[t]", "x[t-1]"),
    ("two stages", "v[2]", "x[T]"), ("two stages", "v[t]", "x[t]"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "top", "below"), THROUGH_TIME)
def test_jacobians_through_all_of_time_are_right_or_refused(name, top, below):
    """Along every path, says the documentation: a Jacobian that knows the last step alone would be a wrong number."""
    net = network(TWO_STAGES) if name == "two stages" else derive.load(name)
    try:
        found = net.jacobian(top, below)
    except (NetworkError, MissingRule):
        return
    at = random_point(net.system, np.random.default_rng(7), last=4)
    u, v = instant_of(net.system, top), instant_of(net.system, below)
    times = {"t": 3, "T": 4}
    ends = [w if w.time is None else w.at(Instant("", w.time.at(times))) for w in (u, v)]
    agrees(Evaluator(at).forward().value(found.expr, {"t": 3}), measured(at, *ends))


def test_the_order_of_time_is_kept():
    """Nothing reaches back: ∂h[t-1]/∂h[t] is zero."""
    assert derive.expr.is_zero(derive.load("linear_rnn").jacobian("h[t-1]", "h[t]").expr)


def test_what_is_given_has_no_jacobian():
    for top in ("x[t]", "h[0]", "w_h"):
        with pytest.raises(NetworkError, match="has no equation"):
            derive.load("linear_rnn").jacobian(top, "w_x")
    with pytest.raises(NetworkError, match="no quantity 'q'"):
        derive.load("linear_rnn").jacobian("q", "w_x")
    with pytest.raises(NetworkError, match="no fixed distance"):
        derive.load("linear_rnn").jacobian("h[T]", "h[t]")


@pytest.mark.parametrize("name", ["h[t*2]", "h[t-]", "h[1+t]", "h[q!]", "h[]", "h[t][t]"])
def test_instants_that_cannot_be_read_are_refused(name):
    with pytest.raises(NetworkError, match="an instant is t, t-1, T or a number"):
        derive.load("linear_rnn").jacobian("h[t]", name)


# -- the cell of the LSTM -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_the_lstm_cell_direct_and_total(seed):
    net = derive.load("lstm")
    T = 5
    values = oracles.sample("lstm", np.random.default_rng(seed), T)
    run = Evaluator(point(net.system, values, T)).forward()
    direct, total = net.jacobian("c[t]", "c[t-1]", direct=True), net.jacobian("c[t]", "c[t-1]")
    assert direct.direct and not total.direct
    for t in range(1, T + 1):
        held = oracles.lstm_cell_jacobian(values, t, total=False)
        np.testing.assert_allclose(run.value(direct.expr, {"t": t}), held, rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(
            run.value(net.jacobian(f"c[{t}]", f"c[{t - 1}]", direct=True).expr), held, rtol=1e-11, atol=1e-13
        )
    for t in range(2, T + 1):
        along = oracles.lstm_cell_jacobian(values, t, total=True)
        np.testing.assert_allclose(run.value(total.expr, {"t": t}), along, rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(run.value(net.jacobian(f"c[{t}]", f"c[{t - 1}]").expr), along, rtol=1e-11, atol=1e-13)


def test_the_direct_jacobian_of_the_cell_is_the_forget_gate():
    net = derive.load("lstm")
    assert net.jacobian("c[t]", "c[t-1]", direct=True).expr is derive.diag(net.system.nodes["f"])


def test_at_the_first_step_total_and_direct_agree():
    """h[0] is an input of its own there."""
    net = derive.load("lstm")
    values = oracles.sample("lstm", np.random.default_rng(9), 2)
    run = Evaluator(point(net.system, values, 2)).forward()
    found = run.value(net.jacobian("c[1]", "c[0]").expr)
    np.testing.assert_allclose(found, oracles.lstm_cell_jacobian(values, 1, total=True), rtol=1e-11, atol=1e-13)


# -- the sum over paths -------------------------------------------------------------------------------------------

OWN = {
    "a node between": """
        def net(t: Time, x: Sequence[Vector[d]], W: Matrix[n, n], U: Matrix[n, d]):
            h[0]: Vector[n]
            a[t] = W @ h[t - 1] + U @ x[t]
            h[t] = tanh(a[t])
            L = sum(sqnorm(h[t]) / 2 for t in Time)
            return L""",
    "nodes after": """
        def net(t: Time, x: Sequence[Vector[n]], W: Matrix[n, n], V: Matrix[m, n], y: Sequence[Vector[m]]):
            h[0]: Vector[n]
            h[t] = tanh(W @ h[t - 1] + x[t])
            o[t] = V @ h[t]
            p[t] = softmax(o[t])
            L = sum(-(y[t] @ log(p[t])) for t in Time)
            return L""",
    "the last state alone": """
        def net(t: Time, x: Sequence[Vector[n]], W: Matrix[n, n], y: Vector[n]):
            h[0]: Vector[n]
            h[t] = tanh(W @ h[t - 1] + x[t])
            L = sqnorm(h[T] - y) / 2
            return L""",
    "a static node": """
        def net(t: Time, x: Sequence[Vector[n]], W: Matrix[n, n], s: Scalar):
            h[0]: Vector[n]
            g = exp(s)
            h[t] = tanh(g * (W @ h[t - 1]) + x[t])
            L = sum(sqnorm(h[t]) for t in Time)
            return L""",
    "tied to the output": """
        def net(t: Time, x: Sequence[Scalar], w: Scalar):
            h[0]: Scalar
            h[t] = tanh(w * h[t - 1] + x[t])
            L = sum((w * h[t]) ** 2 for t in Time)
            return L""",
    "a loss that sees neighbours": """
        def net(t: Time, x: Sequence[Scalar], w: Scalar):
            h[0]: Scalar
            h[t] = tanh(w * h[t - 1] + x[t])
            L = sum((h[t] - h[t - 1]) ** 2 for t in Time)
            return L""",
    "lag two": """
        def net(t: Time, x: Sequence[Scalar], w: Scalar):
            h[0]: Scalar
            h[-1]: Scalar
            h[t] = tanh(w * h[t - 2] + x[t])
            L = sum(h[t] ** 2 for t in Time)
            return L""",
}  # fmt: skip
MUST = {("rnn", "W"), ("rnn_tanh", "W_hh"), ("rnn_tanh", "W_xh"), ("linear_rnn", "w_h"), ("linear_rnn", "w_x")}


def load(name):
    return network(OWN[name]) if name in OWN else derive.load(name)


def shared(name):
    """Parameters that every step uses: what the sum over paths is a gradient of."""
    return [key for key, v in load(name).system.independent.items() if v.time is None]


PATHS = [(name, key) for name in [*SEQUENTIAL, *OWN] for key in shared(name)]


def try_paths(name, parameter):
    try:
        return load(name).solve().paths(parameter)
    except (NetworkError, MissingRule):
        assert (name, parameter) not in MUST
        return None


def gradient(name, parameter, T, seed=8):
    sol = load(name).solve()
    at = random_point(sol.system, np.random.default_rng([seed, T]), last=T + sol.system.first - 1)
    run = Evaluator(at).forward().backward(sol.sweep)
    return run, run.collect(sol.system.nodes[parameter], bar=True)


def close(found, wanted):
    np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-12 * max(1.0, np.abs(wanted).max()))


@pytest.mark.parametrize(("name", "parameter"), PATHS)
def test_the_double_sum_is_the_gradient_or_is_refused(name, parameter):
    found = try_paths(name, parameter)
    for T in range(1, 7) if found is not None else ():
        run, wanted = gradient(name, parameter, T)
        close(run.value(found.value), wanted)


@pytest.mark.parametrize(("name", "parameter"), PATHS)
def test_the_double_sum_in_symbols_is_the_gradient(name, parameter):
    """What is printed with ∂'s means what it says: each symbol evaluates, and the sum of the products is the gradient."""
    found = try_paths(name, parameter)
    for T in range(1, 5) if found is not None else ():
        run, wanted = gradient(name, parameter, T)
        close(run.value(found.symbols), wanted)


@pytest.mark.parametrize(("name", "parameter"), PATHS)
def test_the_expansion_for_three_steps_sums_to_the_gradient(name, parameter):
    found = try_paths(name, parameter)
    if found is None:
        return
    run, wanted = gradient(name, parameter, 3)
    first = load(name).system.first
    rows = found.expansion(first + 2, first)
    assert rows[-1][0] == first + 2 and len(rows[-1][1]) == 3
    close(sum(run.value(term) for _, terms in rows for term in terms), wanted)


@pytest.mark.parametrize(("name", "parameter"), sorted(MUST))
def test_the_expansion_has_one_term_for_each_pair(name, parameter):
    first = load(name).system.first
    rows = load(name).solve().paths(parameter).expansion(first + 2, first)
    assert [(t, len(terms)) for t, terms in rows] == [(first, 1), (first + 1, 2), (first + 2, 3)]


@pytest.mark.parametrize("name", sorted({name for name, _ in MUST} | {"a node between", "nodes after", "a static node"}))
def test_products_of_steps_are_jacobians(name):
    parameter = next(key for key in shared(name) if try_paths(name, key) is not None)
    found = try_paths(name, parameter)
    run, _ = gradient(name, parameter, 5)
    system = load(name).system
    h, first = found.state, system.first
    for t, k in ((first + 3, first), (first + 2, first + 1), (first + 1, first + 1)):
        wanted = measured(run.at, h.at(Instant("", t)), h.at(Instant("", k)))
        times = {"t": t, "k": k}
        agrees(run.value(found.product, times), wanted)
        agrees(run.value(found.product_symbols, times), wanted)
    agrees(
        run.value(found.step.expr, {"t": first + 2}), measured(run.at, h.at(Instant("", first + 2)), h.at(Instant("", first + 1)))
    )


@pytest.mark.parametrize("name", [*SEQUENTIAL, *OWN])
def test_what_has_no_single_state_is_refused_with_its_states(name):
    if name in ("lstm", "lstm_scalar"):
        with pytest.raises(NetworkError, match=r"one state that carries everything.*has c, h"):
            load(name).solve().paths(shared(name)[-1])
    elif name == "lag two":
        with pytest.raises(NetworkError, match="one state"):
            load(name).solve().paths("w")
    else:
        with pytest.raises(NetworkError, match="no quantity 'nonsense'"):
            load(name).solve().paths("nonsense")


@pytest.mark.parametrize(("name", "top", "below", "direct"), [
    ("layer", "y", "x", False), ("layer", "z", "x", False), ("lstm", "c[t]", "c[t-1]", True), ("lstm", "c[t]", "c[t-1]", False),
    ("lstm", "h[t]", "h[t-1]", False), ("rnn", "h[t]", "h[t-1]", False), ("mlp", "p", "x", False), ("relu_sparsity", "y", "x", False),
])  # fmt: skip
def test_jacobians_of_a_sheet_are_checked(name, top, below, direct):
    net = derive.load(name)
    j = net.jacobian(top, below, direct)
    assert check_jacobian(net.system, j) < 1e-7
    wrong = replace(j, expr=2 * j.expr)
    with pytest.raises(CrossCheckFailed, match="Jacobian"):
        check_jacobian(net.system, wrong)
