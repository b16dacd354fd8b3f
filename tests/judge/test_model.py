"""Values, adjoints and Jacobians of unrolled networks, against automatic differentiation, the engine and differences."""

from __future__ import annotations

from fractions import Fraction

import autograd.numpy as anp
import flint
import mpmath
import numpy as np
import oracles
import pytest
import sympy

import derive
from derive.crosscheck import random_point
from derive.expr import (
    DeriveError,
    Instant,
    Jac,
    MissingRule,
    apply,
    at_time,
    det,
    ein,
    inverse,
    jac,
    opaque,
    over,
    stack,
    unit,
    var,
)
from derive.judge.contraction import contract, plan
from derive.judge.floats import Balls, Doubles, precision
from derive.judge.functions import formula
from derive.judge.given import array, read
from derive.judge.graph import Graph
from derive.judge.model import Guard, Model, coefficients
from derive.judge.nodes import Budget
from derive.network import network
from derive.numeric import Evaluator
from derive.ops import POINTWISE, broadcast, elu, inner, leaky_relu, outer, power_function, relu, sigmoid, softmax, tanh, total
from derive.solution import instant_of

GALLERY = derive.gallery()
LOSSES = [name for name in GALLERY if derive.load(name).system.loss is not None]
every_loss = pytest.mark.parametrize("name", LOSSES)
n, m = sympy.symbols("n m", positive=True, integer=True)
T = Instant("T")


def t(shift=0):
    return Instant("t", shift)


def ell(steps_first):
    """The judge's open function, in the oracles' terms."""

    def f(instant, x):
        a, b, c = coefficients("ell", instant, np.shape(x))
        return anp.sum(a * x**3 + b * x) + anp.sum(c * x) ** 2 / 2

    return f


def model_at(system, values, arithmetic=None):
    given = read(system, (), {k: v for k, v in values.items() if not callable(v)})
    last = given.last if given.last is not None else system.first
    return Model(system, arithmetic or Doubles([0]), given.sizes, last, values=given.values)


def adjoint(model, system, key):
    """As the engine gives it: a sequence along a first axis."""
    v = system.independent[key]
    if v.time is not None and v.time.base:
        return np.stack([model.value(v.adjoint, {"t": k})[0] for k in range(system.first, model.last + 1)])
    return model.value(v.adjoint)[0]


# -- adjoints -----------------------------------------------------------------------------------------------------


@every_loss
@pytest.mark.parametrize("steps", [1, 2, 3, 5])
def test_adjoints_equal_automatic_differentiation(name, steps):
    system = derive.load(name).system
    values = oracles.sample(name, np.random.default_rng(steps), steps)
    if name == "rnn":
        values["ell"] = ell(0)
    wanted = oracles.gradients(name, values, steps)
    model = model_at(system, values)
    np.testing.assert_allclose(model.value(system.loss)[0], oracles.LOSSES[name](values, steps), rtol=1e-12)
    for key, g in wanted.items():
        np.testing.assert_allclose(
            adjoint(model, system, key), g, rtol=1e-10, atol=1e-12 * np.abs(g).max(initial=1e-3), err_msg=key
        )


@every_loss
def test_every_node_and_adjoint_equals_the_engine(name):
    """Computed nodes too, at every instant; in balls, so that the engine's rounding is all there is."""
    system = derive.load(name).system
    values = oracles.sample(name, np.random.default_rng(7), 4)
    if name == "rnn":
        values["ell"] = ell(0)
    run = derive.load(name).solve().run(values, 4 if system.sequential else None)
    with precision(200):
        model = model_at(system, values, Balls([0], 200))
        for key, v in system.nodes.items():
            indexed = v.time is not None and v.time.base
            for k in range(system.first, 5) if indexed and system.sequential else [None]:
                times = {} if k is None else {"t": k}
                for e in (v, v.adjoint):
                    found = np.vectorize(float, otypes=[float])(model.value(e, times)[0])
                    wanted = run.value(e, times)
                    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-11, err_msg=f"{key} {k}")


@every_loss
def test_contributions_of_the_instants_add_up(name):
    system = derive.load(name).system
    if not system.sequential:
        return
    model = Model(system, Doubles([0, 1]), sizes(system), system.first + 3)
    for v in system.declared:
        if v.time is None:
            each = sum(model.value(v.at(t()).adjoint, {"t": k}) for k in range(system.first, model.last + 1))
            if name != "lstm_scalar" or v.name != "y":
                np.testing.assert_allclose(each, model.value(v.adjoint), rtol=1e-12)


def test_the_contribution_of_an_instant_is_that_of_its_equations():
    system = derive.load("rnn_tanh").system
    q = system.nodes
    model = Model(system, Doubles([0]), sizes(system), 4)
    slope = q["h"].adjoint * (1 - q["h"] * q["h"])
    wanted = outer(slope, q["h"].at(t(-1)))
    for k in range(1, 5):
        np.testing.assert_allclose(model.value(q["W_hh"].at(t()).adjoint, {"t": k}), model.value(wanted, {"t": k}), rtol=1e-12)


def test_adjoints_beyond_the_end_are_zero():
    system = derive.load("lstm").system
    model = Model(system, Doubles([0]), sizes(system), 4)
    assert not model.value(system.nodes["h"].at(Instant("T", 1)).adjoint).any()
    assert model.value(system.nodes["h"].at(T).adjoint).all()


def test_adjoint_of_the_loss_and_of_its_terms_is_one():
    system = derive.load("rnn_tanh").system
    model = Model(system, Doubles([0]), sizes(system), 4)
    assert model.value(system.loss.adjoint)[0] == 1
    term = var(system.loss.name, (), t())
    assert model.value(term.adjoint, {"t": 2})[0] == 1
    each = sum(model.value(term, {"t": k}) for k in range(1, 5))
    np.testing.assert_allclose(each, model.value(system.loss))


def test_without_a_loss_the_outputs_have_free_adjoints():
    system = derive.load("layer").system
    q = system.nodes
    model = Model(system, Doubles([0, 1]), sizes(system), 1)
    slope = q["y"] * (1 - q["y"])
    wanted = outer(q["y"].adjoint * slope, q["x"]) + q["z"].adjoint.T @ q["x"].T
    np.testing.assert_allclose(model.value(q["W"].adjoint), model.value(wanted), rtol=1e-12)
    assert model.value(q["y"].adjoint).all() and model.value(q["z"].adjoint).all()


def test_a_recurrence_without_a_loss_has_free_adjoints_at_every_instant():
    system = network(
        "def f(t: Time, x: Sequence[Scalar], w: Scalar):\n    h[0]: Scalar\n    h[t] = tanh(w * h[t - 1] + x[t])"
    ).system
    h, w = system.nodes["h"], system.nodes["w"]
    model = Model(system, Doubles([0]), {}, 4)
    free = model.value(h.adjoint, {"t": 4})
    assert free.all()
    slope = 1 - h.at(t(1)) * h.at(t(1))
    back = [model.value(h.adjoint - h.at(t(1)).adjoint * slope * w, {"t": k})[0] for k in (1, 2, 3)]
    assert len({round(float(b), 9) for b in (*back, free[0])}) == 4


# -- Jacobians ----------------------------------------------------------------------------------------------------


def sizes(system):
    symbols = sorted({s for v in system.quantities.values() for d in v.shape for s in d.free_symbols if str(s) != "1"}, key=str)
    return {s: k + 2 for k, s in enumerate(symbols)}


STEP = Fraction(1, 2**70)


def differences(system, model, top, leaf, times):
    """The Jacobian by central differences with 70 bits, in balls."""
    key = (leaf.name, leaf.time.at(times) if leaf.time is not None else None)
    base = np.vectorize(lambda v: Fraction(str(float(v))), otypes=[object])(
        Model(system, Doubles([0]), model.sizes, model.last).value(leaf, times)
    )
    columns = []
    for place in np.ndindex(base.shape[1:]):
        sides = []
        for sign in (1, -1):
            moved = base.copy()
            moved[(0, *place)] += sign * STEP
            sides.append(
                Model(system, Balls([0]), model.sizes, model.last, values={key: moved}, graph=model.graph).value(top, times)[0]
            )
        columns.append((np.asarray(sides[0]) - np.asarray(sides[1])) * (flint.arb(2) ** 69))
    shape = model.shape(top.shape + leaf.shape)
    return np.moveaxis(np.array(columns, dtype=object), 0, -1).reshape(shape)


CASES = [
    ("lstm", "h[t]", "h[0]"), ("lstm", "c[t]", "W_f"), ("lstm", "h[T]", "x[2]"), ("lstm_scalar", "h[T]", "c[0]"), ("rnn", "h[t]", "W"),
    ("rnn", "L", "x[1]"), ("rnn_tanh", "y[T]", "W_xh"), ("rnn_tanh", "L", "h[0]"), ("mlp", "p", "W1"), ("mlp", "L", "t"),
    ("mlp_batch", "P", "X"), ("residual", "y", "x"), ("relu_sparsity", "L", "w3"), ("log_regression", "L", "t"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "top", "below"), CASES)
def test_total_jacobians_equal_differences(name, top, below):
    system = derive.load(name).system
    top, below = instant_of(system, top), instant_of(system, below)
    times = {"t": system.first + 2, "T": system.first + 3}
    with precision(240):
        model = Model(system, Balls([0]), sizes(system), system.first + 3)
        found = model.value(jac(top, below, False), times)[0]
        wanted = differences(system, model, top, below, times)
        error = [float(abs(a - b).upper()) for a, b in zip(np.ravel(found), np.ravel(wanted), strict=True)]
    assert np.shape(found) == np.shape(wanted)
    assert max(error) < 1e-15


def test_a_total_jacobian_is_the_product_of_the_steps():
    system = derive.load("rnn").system
    h = system.nodes["h"]
    i, k = Instant("i"), Instant("k")
    steps = over("product", jac(h.at(i), h.at(i.shifted(-1)), True), "i", k.shifted(1), t())
    model = Model(system, Doubles(range(3)), sizes(system), 4)
    for late in range(5):
        for early in range(late + 1):
            times = {"t": late, "k": early}
            np.testing.assert_allclose(model.value(jac(h, h.at(k), False), times), model.value(steps, times), rtol=1e-11)


def test_direct_and_total_jacobians_of_the_cell():
    system = derive.load("lstm").system
    q = system.nodes
    values = oracles.sample("lstm", np.random.default_rng(3), 4)
    model = model_at(system, values)
    c, before = q["c"], q["c"].at(t(-1))
    for k in range(1, 5):
        for direct in (True, False):
            wanted = oracles.lstm_cell_jacobian(values, k, not direct)
            np.testing.assert_allclose(model.value(jac(c, before, direct), {"t": k})[0], wanted, rtol=1e-11, atol=1e-13)


def test_a_direct_jacobian_holds_the_other_quantities():
    system = derive.load("residual").system
    q = system.nodes
    model = Model(system, Doubles([0]), sizes(system), 1)
    np.testing.assert_allclose(model.value(jac(q["y"], q["x"], True))[0], np.eye(model.shape(q["x"].shape)[0]))
    assert np.abs(model.value(jac(q["y"], q["x"], False))[0] - np.eye(model.shape(q["x"].shape)[0])).min() > 0


def test_a_quantity_by_itself_is_the_identity_and_later_ones_give_zero():
    system = derive.load("rnn").system
    h = system.nodes["h"]
    model = Model(system, Doubles([0]), sizes(system), 4)
    size = model.shape(h.shape)[0]
    for direct in (True, False):
        np.testing.assert_array_equal(model.value(jac(h, h, direct), {"t": 2})[0], np.eye(size))
        assert not model.value(jac(h, h.at(t(1)), direct), {"t": 2}).any()


def test_the_adjoint_is_the_jacobian_of_the_loss():
    for name in LOSSES:
        system = derive.load(name).system
        model = Model(system, Doubles([0, 1]), sizes(system), system.first + 3)
        for v in system.nodes.values():
            found = model.value(jac(system.loss, v, False), {"t": system.first + 1})
            np.testing.assert_allclose(found, model.value(v.adjoint, {"t": system.first + 1}), rtol=1e-12)


def test_derivatives_with_respect_to_an_expression():
    system = derive.load("residual").system
    q = system.nodes
    inside = q["W2"] @ q["h"]
    model = Model(system, Doubles([0]), sizes(system), 1)
    np.testing.assert_array_equal(model.value(jac(q["y"], q["h"], True)), model.value(q["W2"]))
    z = system.by_name["z"].right
    found = model.value(jac(sigmoid(z), z, True))[0]
    np.testing.assert_allclose(found, np.diag(model.value(q["h"] * (1 - q["h"]))[0]), rtol=1e-12)
    np.testing.assert_allclose(model.value(jac(system.loss, z, False)), model.value(q["z"].adjoint), rtol=1e-12)
    with pytest.raises(MissingRule, match="does not occur"):
        model.value(jac(q["z"], inside, True))


def test_the_use_of_an_expression_inside_a_sequence_is_found():
    system = derive.load("rnn").system
    h, right = system.nodes["h"], system.by_name["h"].right
    inside = right.arg
    model = Model(system, Doubles([0]), sizes(system), 4)
    found = model.value(jac(h, inside, True), {"t": 2})[0]
    np.testing.assert_allclose(found, np.diag(model.value(h * (1 - h), {"t": 2})[0]), rtol=1e-12)


def test_the_derivative_of_a_derivative_has_no_rule():
    system = derive.load("residual").system
    q = system.nodes
    model = Model(system, Doubles([0]), sizes(system), 1)
    with pytest.raises(MissingRule):
        model.value(jac(jac(q["y"], q["x"], True), q["x"], False))


@pytest.mark.parametrize("name", GALLERY)
def test_local_jacobians_equal_the_engine(name):
    system = derive.load(name).system
    at = random_point(system, np.random.default_rng(2), last=system.first + 3)
    run = Evaluator(at).forward()
    numbers = dict(at.sizes)
    given = {}
    for v, a in at.given.items():
        given[v.name, v.time.offset if v.time else None] = np.vectorize(lambda x: Fraction(float(x)), otypes=[object])(
            np.asarray(a)
        )[None]
    model = Model(system, Doubles([0]), numbers, at.last, values=given)
    times = {"t": system.first + 1}
    for equation in system.equations:
        for v in [
            w
            for w in equation.right.atoms()
            if not any(e.kids and w in e.atoms() and type(e).__name__ == "Over" for e in [equation.right])
        ]:
            if name == "rnn" and equation.name == "L":
                continue
            e = jac(equation.left, v, True)
            np.testing.assert_allclose(model.value(e, times)[0], run.value(e, times), rtol=1e-9, atol=1e-12, err_msg=str(e))


# -- kinds of nodes -----------------------------------------------------------------------------------------------


def free(lanes=3, last=3, **more):
    return Model(None, Doubles(range(lanes)), {n: 3, m: 2, **more}, last)


A, B, x, s = var("A", (n, n)), var("B", (n, m)), var("x", (n,)), var("s")


def test_arrays_unit_vectors_inverse_and_determinant():
    model = free()
    a, v = model.value(A), model.value(x)
    np.testing.assert_allclose(model.value(inverse(A)), np.linalg.inv(a))
    np.testing.assert_allclose(model.value(det(A)), np.linalg.det(a))
    np.testing.assert_array_equal(model.value(unit(n, 2) @ x), v[:, 1])
    np.testing.assert_array_equal(model.value(unit(n, n) @ x), v[:, 2])
    two = stack([s, 2 * s, s * s, unit(n, 1) @ x], (2, 2))
    number = model.value(s)
    np.testing.assert_allclose(model.value(two), np.array([[number, 2 * number], [number**2, v[:, 0]]]).transpose(2, 0, 1))


@pytest.mark.parametrize("make", [
    lambda e: inverse(A * e), lambda e: det(A * e), lambda e: stack([e, e * e, s * e, e], (2, 2)), lambda e: softmax(e * x),
    lambda e: total(tanh(e * x)) * x, lambda e: opaque("ell", None, e * x), lambda e: (unit(n, 2) * e) @ A,
    lambda e: inverse(A * e) @ (e * B),
])  # fmt: skip
def test_derivatives_of_the_kinds_equal_differences(make):
    e = make(s)
    with precision(240):
        model = Model(None, Balls([0]), {n: 3, m: 2}, 3)
        wanted = differences(None, model, e, s, {})
        found = model.value(jac(e, s, True))[0]
        assert max(float(abs(a - b).upper()) for a, b in zip(np.ravel(found), np.ravel(wanted), strict=True)) < 1e-15


FUNCTIONS = [
    *POINTWISE.values(),
    leaky_relu(s, "1/5").fn,
    elu(s, 2).fn,
    *(power_function(k) for k in (2, 3, -2, "3/2", "1/3", "-1/2")),
]


@pytest.mark.parametrize("fn", FUNCTIONS, ids=str)
def test_the_judges_own_derivatives_are_those_of_the_table(fn):
    """The two were written apart; a wrong record is found so."""
    model = Model(None, Doubles(range(30, 40)), {n: 3}, 1)
    for order in (1, 2):
        found = model.value(apply(fn, x, order))
        arguments = model.value(x)
        for value, at in zip(np.ravel(found), np.ravel(arguments), strict=True):
            wanted = 0 if fn.name in ("sign", "step") else mpmath.diff(fn.oracle, float(at), order)
            assert float(value) == pytest.approx(float(wanted), rel=1e-5, abs=1e-6)


def test_at_a_kink_the_derivative_is_the_conventional_one():
    zero = {("x", None): array("x", [0, 0, 0])[None]}
    model = Model(None, Doubles([0]), {n: 3}, 1, values=zero)
    for e, wanted in (
        (relu(x), 0),
        (leaky_relu(x, "1/5"), 0.2),
        (elu(x, 2), 2),
        (POINTWISE["abs"](x), 0),
        (POINTWISE["step"](x), 0),
    ):
        np.testing.assert_allclose(model.value(apply(e.fn, x, 1))[0], wanted, rtol=1e-15)


def test_a_mutated_record_is_not_believed():
    """formula() differentiates the exact form: it never reads the record's derivative."""
    from dataclasses import replace

    wrong = replace(tanh, derivative=lambda x, y: 1 - y)
    model = free()
    np.testing.assert_allclose(model.value(apply(wrong, x, 1)), 1 - np.tanh(model.value(x)) ** 2)


def test_a_function_without_an_exact_form_has_no_rule():
    from dataclasses import replace

    with pytest.raises(MissingRule, match="exact form"):
        formula(replace(tanh, exact=None, name="mystery"), 0)
    with pytest.raises(MissingRule, match="exact form"):
        formula(mystery := replace(tanh, exact=lambda x: mystery(x)), 0)


def test_products_over_time_take_the_latest_on_the_left():
    h = var("h", (n, n), Instant("i"))
    model = free(last=4)
    product = over("product", h, "i", Instant("", 1), Instant("", 3))
    parts = [model.value(h, {"i": k}) for k in (1, 2, 3)]
    np.testing.assert_allclose(model.value(product), parts[2] @ parts[1] @ parts[0])
    empty = over("product", h, "i", Instant("", 3), Instant("", 2))
    np.testing.assert_array_equal(model.value(empty)[0], np.eye(3))
    scalar = over("product", var("g", (), Instant("i")), "i", Instant("", 1), Instant("T"))
    np.testing.assert_allclose(
        model.value(scalar), np.prod([model.value(var("g", (), Instant("", k))) for k in range(1, 5)], axis=0)
    )


def test_sums_over_time_bind_their_index():
    h = var("h", (n,), t())
    model = free(last=4)
    both = over("sum", h * over("sum", at_time(h, "t", Instant("k")), "k", Instant("", 1), t()), "t", Instant("", 1), T)
    each = [model.value(h, {"t": k}) for k in range(1, 5)]
    np.testing.assert_allclose(model.value(both), sum(each[k] * sum(each[: k + 1]) for k in range(4)))


def test_weights_may_be_sizes_and_the_number_of_steps():
    model = free(last=4)
    np.testing.assert_allclose(model.value(x * (n / sympy.Symbol("T", positive=True, integer=True))), model.value(x) * 3 / 4)
    np.testing.assert_allclose(model.value(s * sympy.sqrt(sympy.pi)), model.value(s) * np.sqrt(np.pi))


@pytest.mark.parametrize("seed", range(40))
def test_contractions_equal_einsum(seed):
    rng = np.random.default_rng(seed)
    size = [2, 3, 4, 2, 3]
    letters = tuple(tuple(int(i) for i in rng.integers(0, 5, rng.integers(0, 4))) for _ in range(rng.integers(1, 4)))
    known = [i for ls in letters for i in ls]
    out = tuple(rng.permutation(sorted(set(known)))[: rng.integers(0, len(set(known)) + 1)].tolist()) if known else ()
    arrays = [rng.normal(size=(2, *(size[i] for i in ls))) for ls in letters]
    found = contract(Doubles([0, 1]), arrays, letters, out, size, 1, Guard())
    spelled = ",".join("z" + "".join("abcde"[i] for i in ls) for ls in letters) + "->z" + "".join("abcde"[i] for i in out)
    np.testing.assert_allclose(found, np.einsum(spelled, *arrays), rtol=1e-12, atol=1e-13)


def test_contractions_broadcast_and_place_diagonals():
    v = np.arange(1.0, 4.0)[None]
    found = contract(Doubles([0]), [v], ((0,),), (1, 0, 0), [3, 2], 1, Guard())
    np.testing.assert_array_equal(found[0], np.stack([np.diag(v[0])] * 2))
    assert plan(((0, 0, 0),), ()).operands[0].diagonals


def test_a_contraction_with_diagonals_inside_another():
    n = sympy.Symbol("n", positive=True, integer=True)
    a, x = var("a", (n, n)), var("x", (n,))
    inner = ein([(x, (2,)), (a, (0, 1))], (2, 0, 1, 0, 1))
    outer = ein([(inner, (0, 1, 2, 2, 3))], (0, 1, 2, 3))  # x_p δ_qr δ_rs a_qr
    values = Model(None, Doubles([0]), {n: 3}, 1)
    got, a_, x_ = (np.asarray(values.value(e)[0]) for e in (outer, a, x))
    eye = np.eye(3)
    assert np.allclose(got, np.einsum("p,qr,qr,rs->pqrs", x_, a_, eye, eye))


def test_a_contraction_that_is_too_large_at_once_is_made_in_slices():
    n = sympy.Symbol("n", positive=True, integer=True)
    a, b = var("a", (n, n, n, n)), var("b", (n, n, n, n))
    product = ein([(a, (0, 1, 4, 5)), (b, (4, 5, 2, 3))], (0, 1, 2, 3))
    values = Model(None, Doubles(range(30)), {n: 5}, 1)
    got, a_, b_ = (np.asarray(values.value(e)) for e in (product, a, b))
    assert np.allclose(got, np.einsum("labij,lijcd->labcd", a_, b_))


# -- names --------------------------------------------------------------------------------------------------------


def test_unknown_names_are_free_and_differ_by_instant_and_bar():
    system = derive.load("rnn").system
    model = Model(system, Doubles([0]), sizes(system), 4)
    u = var("u", (), t())
    seen = [model.value(e, {"t": k})[0] for k in (1, 2) for e in (u, u.adjoint)] + [model.value(var("u"))[0]]
    assert len(set(seen)) == 5


def test_values_beyond_the_ends_are_free_and_known_to_be_so():
    system = derive.load("rnn").system
    h = system.nodes["h"]
    graph = Graph(system, 4)
    assert graph.node(h.at(t(1)), {"t": 4}) in graph.outside
    assert graph.node(h.at(t(1)) + h, {"t": 4}) in graph.outside
    assert graph.node(h.at(t(-1)), {"t": 0}) not in graph.outside


def test_what_can_not_be_placed_is_refused():
    system = derive.load("rnn").system
    model = Model(system, Doubles([0]), sizes(system), 4)
    with pytest.raises(MissingRule, match="at which instant"):
        model.value(var("h", system.nodes["h"].shape))
    with pytest.raises(MissingRule, match="another shape"):
        model.value(var("W", (n,)))
    with pytest.raises(MissingRule, match="no number for the instant"):
        model.value(system.nodes["h"])


def test_claims_are_taken_off_again():
    system = derive.load("lstm").system
    graph = Graph(system, 4)
    model = Model(system, Doubles([0]), sizes(system), 4, graph=graph)
    h = system.nodes["h"]
    first = model.value(h * h, {"t": 2})
    jacobian = model.value(jac(h, h.at(t(-1)), False), {"t": 2})
    graph.trim()
    model.forget()
    assert len(graph.nodes) == graph.mark
    np.testing.assert_array_equal(model.value(h * h, {"t": 2}), first)
    np.testing.assert_array_equal(model.value(jac(h, h.at(t(-1)), False), {"t": 2}), jacobian)


# -- budgets ------------------------------------------------------------------------------------------------------


def test_what_is_too_large_is_refused_before_it_is_made():
    model = free()
    for e in (var("big", (10**6, 10**6)), broadcast(s, 10**9), unit(10**12, 5), outer(var("u", (3000,)), var("v", (3000,)))):
        with pytest.raises(Budget):
            model.value(e)
    with pytest.raises(Budget):
        model.value(over("sum", var("u", (), Instant("k")), "k", Instant("", 1), Instant("", 10**9)))
    with pytest.raises(Budget):
        Graph(derive.load("lstm").system, 10**7)


def test_a_guard_counts_operations_and_time():
    guard = Guard(seconds=10, cost=100)
    guard.spend(60)
    with pytest.raises(Budget, match="operations"):
        guard.spend(60)
    assert guard.over
    with pytest.raises(Budget, match="time"):
        Guard(seconds=-1).spend(1)


def test_deep_expressions_need_no_recursion():
    e = s
    for _ in range(3000):
        e = tanh(e) * s
    assert np.isfinite(free().value(e)).all()


# -- given values -------------------------------------------------------------------------------------------------


def test_given_values_fix_sizes_and_the_number_of_steps():
    system = derive.load("rnn_tanh").system
    given = read(system, (), {"x": [[1, "0.5"], ["1/3", 2]], "h[0]": [0, 0, 0]})
    assert given.last == 2 and {str(k): v for k, v in given.sizes.items()} == {"d": 2, "n": 3}
    assert given.values["x", 2][0].tolist() == [Fraction(1, 3), 2]
    assert read(None, [x], {"x": [1, 2]}).sizes == {n: 2}
    assert read(None, [var("u", (), t())], {"u": [1, 2, 3], "v": 1}).last == 3


@pytest.mark.parametrize(("values", "says"), [
    ({"x": [[1, 2], [3]]}, "different lengths"), ({"x": [1, 2]}, "nested lists"), ({"y": 1}, "computed"), ({"h[0]": [1], "W_hh": [[1, 2], [3, 4]]}, "entries"),
    ({"W_hh": "import os"}, "not a number"), ({"h[0]": [True]}, "not a number"), ({"h[0]": ["1e999999"]}, "not a number"), ({"h[0]": ["1/0"]}, "not a number"),
    ({"x-y": 1}, "not a name"), ({"x": [[1]], "target": [[1], [2]]}, "as long as"), ({"h[0]": [float("nan")]}, "not a number"), ({"h[0]": []}, "none"),
])  # fmt: skip
def test_given_values_that_do_not_fit_are_named(values, says):
    with pytest.raises(DeriveError, match=says):
        read(derive.load("rnn_tanh").system, (), values)


def test_jacobian_symbols_are_not_children():
    """The model must look into them itself."""
    h = derive.load("rnn").system.nodes["h"]
    assert isinstance(jac(h, h), Jac) and jac(h, h).children() == ()
    assert inner(x, x).children() == (x, x)
