"""The ladder: what is proved, what agrees, what is refuted and by which example, and what stays undecided."""

from __future__ import annotations

import ast
import re
import time

import mutants
import numpy as np
import pytest
import sympy

import derive
from derive.crosscheck import random_point
from derive.expr import (
    Expr,
    Instant,
    apply,
    constant,
    ein,
    inverse,
    jac,
    lin,
    ones,
    opaque,
    over,
    rebuild,
    stack,
    unit,
    var,
)
from derive.judge import Counterexample, Court, Verdict, judge
from derive.judge.case import Bench, Case, combinations, distinct
from derive.network import network
from derive.numeric import Evaluator, ValueProblem
from derive.ops import (
    broadcast,
    diag,
    exp,
    inner,
    log,
    open_function,
    outer,
    power,
    recip,
    relu,
    sigmoid,
    softmax,
    sqnorm,
    sqrt,
    step,
    tanh,
    total,
    trace,
)

GALLERY = derive.gallery()
LOSSES = [name for name in GALLERY if derive.load(name).system.loss is not None]
solved = {name: derive.load(name).solve() for name in LOSSES}
courts = {name: Court(solved[name].system) for name in LOSSES}
every_loss = pytest.mark.parametrize("name", LOSSES)
n, m, k = sympy.symbols("n m k", positive=True, integer=True)
a, b, s = var("a", (n,)), var("b", (n,)), var("s")
A, B, C = var("A", (n, n)), var("B", (n, n)), var("C", (n, m))
SILENT = {"prove": lambda *args: None}


def t(shift=0):
    return Instant("t", shift)


# -- words --------------------------------------------------------------------------------------------------------


def test_a_verdict_has_three_values_and_no_truth():
    verdict = judge(a, a)
    assert verdict.verdict == "proved" and verdict.holds and not verdict.refuted
    with pytest.raises(TypeError, match="three-valued"):
        bool(verdict)
    assert not Verdict("undecided", "").holds and not Verdict("undecided", "").refuted


@pytest.mark.parametrize(("left", "right", "says"), [
    (a, A, "R^n and R^(n x n)"), (constant(1), a, "a scalar and R^n"), (C, C.T, "R^(n x m) and R^(m x n)"), (a, stack([s, s], (2,)), "R^n and R^2"), (a, a.T, "R^(1 x n)"),
])  # fmt: skip
def test_different_shapes_are_refuted(left, right, says):
    verdict = judge(left, right)
    assert verdict.refuted and "shapes differ" in verdict.reason and says in verdict.reason
    assert verdict.counterexample is None


def test_without_a_proof_the_bound_is_told():
    verdict = Court(**SILENT).judge(tanh(a), 2 * sigmoid(2 * a) - 1)
    assert verdict.verdict == "agrees"
    assert "2 prime chains" in verdict.bound and "3 points" in verdict.bound


def test_what_the_field_can_not_show_is_said_so():
    sin, cos = derive.ops.sin, derive.ops.cos
    verdict = Court(**SILENT).judge(sin(a) * sin(a) + cos(a) * cos(a), ones((n,)))
    assert verdict.verdict == "agrees" and "does not show" in verdict.reason and "prime" not in verdict.bound


def test_a_proof_is_asked_only_of_what_does_not_differ():
    asked = []

    def prove(left, right, system, seconds):
        asked.append((left, right, seconds))
        return "because"

    court = Court(prove=prove)
    assert court.judge(a * b, b * a).verdict == "proved" and len(asked) == 1 and asked[0][2] <= 2.5
    assert court.judge(a * b, b + a).refuted and len(asked) == 1


def test_a_proof_that_fails_loudly_is_no_proof():
    def prove(*_):
        raise derive.DeriveError("too hard")

    assert Court(prove=prove).judge(a * b, b * a).verdict == "agrees"


# -- free quantities ----------------------------------------------------------------------------------------------

TRUE = {
    "diag": (diag(a) @ (A @ b), a * (A @ b)),
    "trace is cyclic": (trace(A @ B), trace(B @ A)),
    "trace of a transpose": (trace(A.T @ B), total(A * B)),
    "transposed product": ((A @ C).T, C.T @ A.T),
    "quadratic form": (inner(a, A @ a), trace(A @ outer(a, a))),
    "softmax pull": (ein([(b, (0,)), (jac(softmax(a), a, True), (0, 1))], (1,)), softmax(a) * (b - inner(softmax(a), b) * ones((n,)))),
    "gradient of log-sum-exp": (jac(log(total(exp(a))), a, True), softmax(a)),
    "inverse": (inverse(A @ B), inverse(B) @ inverse(A)),
    "derivative of an inverse": (jac(inverse(s * A), s, True), -inverse(A) * power(s, -2)),
    "entries": (unit(n, 2) @ (A @ unit(n, 1)), ein([(A, (0, 1)), (unit(n, 2), (0,)), (unit(n, 1), (1,))], ())),
    "open functions": (jac(open_function("f")(a * b), a, True), diag(apply(open_function("f"), a * b, 1) * b)),
    "ones": (inner(ones((n,)), a), total(a)),
    "sizes": (inner(ones((n,)), ones((n,))), constant(n)),
    "open loss": (jac(opaque("ell", None, A @ a), a, True), A.T @ opaque("ell", None, A @ a, 1)),
    "relu": (relu(a), a * step(a)),
    "an index of time": (over("sum", var("x", (), t()), "t", Instant("", 1), Instant("T")), over("sum", var("x", (), Instant("k")), "k", Instant("", 1), Instant("T"))),
    "a sum split": (
        over("sum", var("x", (), Instant("i")), "i", Instant("", 1), Instant("T")),
        over("sum", var("x", (), Instant("i")), "i", Instant("", 1), t()) + over("sum", var("x", (), Instant("i")), "i", t(1), Instant("T")),
    ),
}  # fmt: skip
FALSE = {
    "diag": (diag(a) @ (A @ b), b * (A @ a)),
    "trace": (trace(A @ B), trace(A) * trace(B)),
    "trace of a transpose": (trace(A.T @ B), trace(A @ B)),
    "transposed product": ((A @ B).T, A.T @ B.T),
    "commuted": (A @ B, B @ A),
    "transposed": (A, A.T),
    "softmax": (jac(softmax(a), a, True), diag(softmax(a)) - outer(softmax(a), a)),
    "gradient of log-sum-exp": (jac(log(total(exp(a))), a, True), exp(a)),
    "inverse": (inverse(A @ B), inverse(A) @ inverse(B)),
    "derivative of an inverse": (jac(inverse(s * A), s, True), inverse(A) * power(s, -2)),
    "entries": (unit(n, 2) @ (A @ unit(n, 1)), unit(n, 1) @ (A @ unit(n, 2))),
    "sizes": (constant(n), constant(m)),
    "a number for a size": (constant(n), constant(3)),
    "a size squared": (constant(n) * s, constant(n * n) * s),
    "open loss": (jac(opaque("ell", None, A @ a), a, True), opaque("ell", None, A @ a, 1)),
    "two open losses": (opaque("ell", None, a), opaque("e", None, a)),
    "open loss of another instant": (opaque("ell", t(), a), opaque("ell", t(1), a)),
    "open functions": (open_function("f")(a), open_function("g")(a)),
    "another name": (a, b),
    "another instant": (var("x", (), t()), var("x", (), t(-1))),
    "relu": (relu(a), a),
    "root of a square": (sqrt(power(a, 2)), a),
    "norm": (sqnorm(a + b), sqnorm(a) + sqnorm(b)),
    "shifted sum": (over("sum", var("x", (), t()), "t", Instant("", 1), Instant("T")), over("sum", var("x", (), t()), "t", Instant("", 2), Instant("T"))),
    "order of a product over time": (
        over("product", var("M", (n, n), Instant("i")), "i", t(), t(1)),
        var("M", (n, n), t()) @ var("M", (n, n), t(1)),
    ),
    "adjoint of a free name": (a.adjoint, a),
}  # fmt: skip


@pytest.mark.parametrize("name", TRUE)
@pytest.mark.parametrize("given", [{}, SILENT], ids=["with proofs", "numbers alone"])
def test_true_claims_hold(name, given):
    verdict = Court(**given).judge(*TRUE[name])
    assert verdict.holds, verdict
    assert verdict.verdict == "proved" or "prime" in verdict.bound or name == "open functions"


@pytest.mark.parametrize("name", FALSE)
def test_false_claims_are_refuted_with_an_example(name):
    verdict = judge(*FALSE[name])
    assert verdict.refuted, verdict
    example = verdict.counterexample
    assert isinstance(example, Counterexample) and example.parts
    assert max(example.sizes.values(), default=0) <= 3 and example.times.get("T", 0) <= 4


def test_undefined_everywhere_is_undecided():
    for left, right in ((log(-power(a, 2)), a), (sqrt(-power(s, 2)), s), (recip(s - s), s), (inverse(outer(a, a)), A)):
        verdict = Court(**SILENT).judge(left, right)
        assert verdict.verdict == "undecided" and "undefined" in verdict.reason


def test_a_claim_is_judged_where_both_sides_are_defined():
    assert Court(**SILENT).judge(exp(log(a)), a).holds
    assert Court(**SILENT).judge(log(a * a), 2 * log(a)).holds
    assert Court(**SILENT).judge(log(a), log(-a)).verdict == "undecided"


def test_tiny_differences_are_seen_and_shown_at_a_simple_point():
    verdict = judge(s * a, (1 + sympy.Rational(1, 10**9)) * s * a)
    assert verdict.refuted and verdict.counterexample.values == {"s": 1, "a": [1]}
    assert judge(s * a, (1 + sympy.Rational(1, 10**40)) * s * a).refuted


# -- the gallery --------------------------------------------------------------------------------------------------


def lines(name):
    return [(line.node.adjoint, line.formula) for x in solved[name].sweep.adjoints.values() for line in x.lines]


def truth(name, left, right):
    """Whether two sides are equal, by the engine's own values at several points; None where they have none."""
    sol = solved[name]
    seen = []
    for seed in range(8):
        run = (
            Evaluator(random_point(sol.system, np.random.default_rng([seed, 5]), last=sol.system.first + 4))
            .forward()
            .backward(sol.sweep)
        )
        for at in range(sol.system.first + 1, sol.system.first + 4):
            try:
                with np.errstate(all="ignore"):
                    x, y = run.value(left, {"t": at}), run.value(right, {"t": at})
            except ValueProblem:
                continue
            if np.isfinite(x).all() and np.isfinite(y).all():
                seen.append(np.abs(x - y).max(initial=0) <= 1e-11 * max(np.abs(x).max(initial=0), np.abs(y).max(initial=0)))
    return all(seen) if seen else None


@every_loss
def test_no_mutant_of_a_line_is_accepted(name):
    """What isn't refuted is a true line after all, by the engine's numbers."""
    court, count, undecided = courts[name], 0, 0
    for left, right in lines(name):
        for kind, mutant in mutants.mutants(right, court.system):
            verdict = court.judge(left, mutant, explain=False)
            count += 1
            if verdict.refuted:
                continue
            equal = truth(name, left, mutant)
            if verdict.holds:
                assert equal, f"{kind}: {left} = {mutant}: {verdict}"
            else:
                undecided += 1
                assert equal is None, f"{kind}: {left} = {mutant}: {verdict}"
    assert count >= 100 and undecided <= count // 50


u = var("_u")


def sound(e: Expr, rng) -> Expr:
    """The same value, written another way at every node where there is one."""

    def change(node: Expr) -> Expr:
        kind = rng.integers(6)
        if kind == 0 and len(node.shape) == 2 and str(node.shape[0]) != "1":
            return ein([(node.T + node.T, (1, 0))], (0, 1)) / 2
        if kind == 1:
            return (3 * node + node * exp(u)) * recip(3 + exp(u))
        if kind == 2:
            return node - tanh(a_like(node)) + tanh(a_like(node))
        if kind == 3 and isinstance(node, derive.expr.Lin):
            return lin(node.terms[::-1], node.shape)
        if kind == 4 and isinstance(node, derive.expr.Map) and node.fn is tanh and node.order == 1:
            return (1 - tanh(node.arg)) * (1 + tanh(node.arg))
        if kind == 5 and isinstance(node, derive.expr.Ein) and node.factors:
            return ein(node.factors[::-1], node.out, dict(enumerate(node.dims)))
        return node

    def a_like(node: Expr) -> Expr:
        return broadcast(u, *node.shape) if node.shape and str(node.shape[0]) != "1" else u if not node.shape else node

    return rebuild(e, change)


@every_loss
def test_no_sound_rewrite_of_a_line_is_refuted(name):
    rng = np.random.default_rng(0)
    court = courts[name]
    for left, right in lines(name):
        for _ in range(4):
            verdict = court.judge(left, sound(right, rng))
            assert verdict.holds, f"{left} = {right}: {verdict}"


@every_loss
def test_counterexamples_are_what_they_say(name):
    """The engine finds the same two sides at the same point, where it knows all the names."""
    sol, court, rng = solved[name], courts[name], np.random.default_rng(3)
    every = [(left, x) for left, right in lines(name) for _, x in mutants.mutants(right, sol.system)]
    compared = 0
    for place in rng.permutation(len(every))[:40]:
        left, right = every[place]
        verdict = court.judge(left, right)
        if not verdict.refuted:
            continue
        example = verdict.counterexample
        assert example is not None and example.parts
        try:
            run = sol.run(open_functions(example.values), example.times.get("T"))
            times = {key: at for key, at in example.times.items() if key != "T"}
            with np.errstate(all="ignore"):
                sides = run.value(left, times), run.value(right, times)
        except ValueProblem:  # an adjoint beyond the last instant, or a quantity that isn't there
            continue
        compared += 1
        np.testing.assert_allclose(sides[0], example.left, rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(sides[1], example.right, rtol=1e-8, atol=1e-10)
        sizes = {str(d): x for d, x in run.at.sizes.items()}
        assert sizes == {d: x for d, x in example.sizes.items() if d in sizes}
    assert compared >= 8


def open_functions(values):
    """The open functions of an example, which are told in words, as pairs of functions."""

    def pair(text):
        a, b, c = (np.array(ast.literal_eval(part)) for part in re.findall(r"= (\[.*?\]|-?\d+)(?:,|$)", text))
        return (lambda x: np.sum(a * x**3 + b * x) + np.sum(c * x) ** 2 / 2, lambda x: 3 * a * x**2 + b + c * np.sum(c * x))

    named = {key: value for key, value in values.items() if isinstance(value, str)}
    plain = {key: value for key, value in values.items() if key not in named}
    for name in {key.partition("[")[0] for key in named}:
        at = {int(key.partition("[")[2][:-1]): pair(text) for key, text in named.items() if key.startswith(f"{name}[")}
        plain[name] = (lambda t, x, at=at: at[t][0](x), lambda t, x, at=at: at[t][1](x))
    return plain


@every_loss
def test_verdicts_do_not_depend_on_what_was_judged_before(name):
    claims = [(left, x) for left, right in lines(name)[:4] for _, x in list(mutants.mutants(right, solved[name].system))[::5]]
    later = [(v.verdict, v.reason, v.counterexample) for v in (courts[name].judge(*c) for c in claims)]
    for claim, seen in list(zip(claims, later, strict=True))[::7]:
        fresh = Court(solved[name].system).judge(*claim)
        assert (fresh.verdict, fresh.reason, fresh.counterexample) == seen


@every_loss
def test_quick_never_throws_away_what_holds(name):
    for left, right in lines(name):
        assert courts[name].quick(left, right) is True
        assert courts[name].quick(left, 2 * right + broadcast_like(right)) is False


def broadcast_like(e):
    return ones(e.shape)


# -- time ---------------------------------------------------------------------------------------------------------


def lstm():
    return courts["lstm"], solved["lstm"].system.nodes


def up(v, shift=1):
    return v.at(t(shift))


def test_a_line_holds_at_generic_instants_and_the_boundary_is_named():
    """With the loss at T alone, the adjoint of a state comes from the next step, and at T from the loss."""
    court = courts["lstm_scalar"]
    q = court.system.nodes
    gates = [(q[g], q[f"w_{g}h"], apply(tanh if g == "g" else sigmoid, court.system.by_name[g].right.arg, 1)) for g in "ifog"]
    right = sum(
        (up(v).adjoint * derive.expr.at_time(slope, "t", t(1)) * w for v, w, slope in gates[1:]),
        up(gates[0][0]).adjoint * derive.expr.at_time(gates[0][2], "t", t(1)) * gates[0][1],
    )
    verdict = Court(court.system, **SILENT).judge(q["h"].adjoint, right)
    assert verdict.holds and "at the boundary: t = T" in verdict.reason


def test_boundaries_that_hold_are_not_mentioned():
    court, q = lstm()
    verdict = Court(court.system, **SILENT).judge(
        q["c"].adjoint, q["h"].adjoint * q["o"] * apply(tanh, q["c"], 1) + up(q["c"].adjoint) * up(q["f"])
    )
    assert verdict.holds and "boundary" not in verdict.reason


def test_the_time_slip_is_refuted_at_a_small_instance():
    court, q = lstm()
    verdict = court.judge(q["c"].adjoint, q["h"].adjoint * q["o"] * apply(tanh, q["c"], 1) + up(q["c"].adjoint) * q["f"])
    assert verdict.refuted and verdict.counterexample.times == {"T": 2, "t": 1}
    assert verdict.counterexample.sizes == {"d": 1, "n": 1}


def test_several_free_instants():
    court = courts["rnn"]
    h, W = court.system.nodes["h"], court.system.nodes["W"]
    i, key = Instant("i"), Instant("k")
    slope = diag(h.at(i) * (1 - h.at(i))) @ W
    wanted = over("product", slope, "i", key.shifted(1), t())
    total_ = jac(h, h.at(key), False)
    assert court.judge(total_, wanted).holds
    for lo, hi in ((key, t()), (key.shifted(1), t(-1)), (key.shifted(2), t())):
        assert court.judge(total_, over("product", slope, "i", lo, hi), explain=False).refuted
    assert court.judge(
        total_, over("product", W @ diag(h.at(i) * (1 - h.at(i))), "i", key.shifted(1), t()), explain=False
    ).refuted


def test_sums_over_time_and_contributions():
    court = courts["rnn_tanh"]
    q = court.system.nodes
    first, last = court.system.range
    each = outer(q["h"].adjoint * (1 - q["h"] * q["h"]), up(q["h"], -1))
    assert court.judge(q["W_hh"].adjoint, over("sum", each, "t", first, last)).holds
    assert court.judge(q["W_hh"].at(t()).adjoint, each).holds
    assert court.judge(q["W_hh"].adjoint, over("sum", q["W_hh"].at(t()).adjoint, "t", first, last)).holds
    assert court.judge(q["W_hh"].adjoint, each, explain=False).refuted
    assert court.judge(q["W_hh"].adjoint, over("sum", each, "t", first.shifted(1), last), explain=False).refuted


def test_fixed_instants():
    court = courts["linear_rnn"]
    q = court.system.nodes
    h, w = q["h"], q["w_h"]
    at = lambda number: h.at(Instant("", number))  # noqa: E731
    local = lambda v: q["yhat"].at(v.time).adjoint * q["w_y"]  # noqa: E731
    assert court.judge(at(2).adjoint, local(at(2)) + at(3).adjoint * w).holds
    assert court.judge(at(7).adjoint, local(at(7)) + at(8).adjoint * w).holds
    assert court.judge(at(2).adjoint, at(3).adjoint * w).refuted
    assert court.judge(h.at(Instant("T")).adjoint, local(h.at(Instant("T")))).holds
    assert court.judge(at(0).adjoint, at(1).adjoint * w).holds
    verdict = court.judge(at(10**9).adjoint, at(1).adjoint)
    assert verdict.verdict == "undecided" and "far" in verdict.reason


def test_one_number_of_steps_can_be_asked_for():
    court = courts["linear_rnn"]
    h = court.system.nodes["h"]
    last = h.at(Instant("T"))
    assert court.judge(last, h.at(Instant("", 3)), last=3).holds
    assert court.judge(last, h.at(Instant("", 3)), explain=False).refuted


def test_long_memories_get_enough_steps():
    net = network(
        "def f(t: Time, x: Sequence[Scalar], w: Scalar):\n    h[t] = tanh(w * x[t])\n    L = sum(h[t] * h[t] for t in Time)\n    return L"
    )
    h, x = net.system.nodes["h"], net.system.nodes["x"]
    court = Court(net.system)
    assert court.judge(h.at(t(4)) * h.at(t(-3)), tanh(net.system.nodes["w"] * x.at(t(4))) * h.at(t(-3))).holds


def test_combinations_are_few_and_vary_in_every_index():
    picked = combinations(range(1, 5), 6)
    assert len(picked) == len(set(picked)) <= 40
    assert all(set(column) == {1, 2, 3, 4} for column in zip(*picked, strict=True))
    assert combinations(range(3), 0) == [()]


# -- networks without a loss, names beyond the network --------------------------------------------------------------


def test_adjoints_of_a_network_without_a_loss_are_generic():
    system = derive.load("layer").system
    q, court = system.nodes, Court(system)
    slope = q["y"] * (1 - q["y"])
    right = outer(q["y"].adjoint * slope, q["x"]) + q["z"].adjoint.T @ q["x"].T
    assert court.judge(q["W"].adjoint, right).holds
    assert court.judge(q["W"].adjoint, 2 * right).refuted
    assert court.judge(q["W"].adjoint, outer(q["y"].adjoint * slope, q["x"])).refuted


def test_names_that_the_network_lacks_are_free():
    court = courts["residual"]
    q = court.system.nodes
    delta = var("delta", q["h"].shape)
    assert court.judge(q["h"].adjoint, delta).refuted
    assert court.judge(delta * q["h"], q["h"] * delta).holds
    assert "delta" in court.judge(q["h"].adjoint, delta).counterexample.values


def test_a_network_relates_its_names():
    court = courts["log_regression"]
    q = court.system.nodes
    left = (log(q["y"]) - log(q["t"])) * recip(q["y"]) * exp(q["z"]) * q["x"] * q["x"]
    assert court.judge(left, (log(q["y"]) - log(q["t"])) * q["x"] * q["x"]).holds
    assert Court().judge(left, (log(q["y"]) - log(q["t"])) * q["x"] * q["x"]).refuted


def test_relu_of_nothing():
    """Where z3 < 0 the next z is exactly zero, and relu' there is 0."""
    court = courts["relu_sparsity"]
    q = court.system.nodes
    assert court.judge(q["z1"].adjoint, q["h1"].adjoint * step(q["z1"])).holds
    wrong = q["h1"].adjoint * (1 - step(-q["z1"]))
    verdict = court.judge(q["z1"].adjoint, wrong)
    assert verdict.refuted, "1 at 0 is not the convention, and z1 = 0 half of the time"


# -- given values -------------------------------------------------------------------------------------------------


def test_claims_at_given_values():
    court = courts["linear_rnn"]
    q = court.system.nodes
    values = {"x": [1, "1/2"], "y": [0, 0], "w_x": 2, "w_h": "0.5", "w_y": 1, "h[0]": 1}
    h2 = q["h"].at(Instant("", 2))
    assert court.judge(h2, constant(sympy.Rational(9, 4)), values=values).holds
    verdict = court.judge(h2, constant(sympy.Rational(5, 2)), values=values)
    assert verdict.refuted and verdict.counterexample.left == 2.25 and verdict.counterexample.right == 2.5
    assert verdict.counterexample.times["T"] == 2
    assert court.judge(q["h"].at(Instant("T")), constant(sympy.Rational(9, 4)), values=values).holds
    assert court.judge(h2, constant(sympy.Rational(9, 4))).refuted, "without the values it is no identity"


def test_given_values_fix_the_sizes_of_arrays():
    left = C @ var("v", (m,))
    numbers = stack([constant(5), constant(11)], (2,))
    values = {"C": [[1, 2], [3, 4]], "v": [1, 2]}
    assert judge(left, numbers, values=values).holds
    assert judge(left, numbers).refuted
    assert judge(left, stack([constant(5), constant(12)], (2,)), values=values).counterexample.parts == (("entry 2", 11.0, 12.0),)
    assert "shapes differ" in judge(left, stack([constant(5)] * 3, (3,)), values=values).reason


def test_some_values_may_be_given_alone():
    assert judge(s * a, 2 * a, values={"s": 2}).holds
    assert judge(s * a, 3 * a, values={"s": 2}).refuted


def test_values_that_do_not_fit_leave_it_undecided():
    for values, says in (({"C": [[1], [2, 3]]}, "lengths"), ({"C": 1}, "nested"), ({"s": "x"}, "number")):
        verdict = judge(C * s, s * C, values=values)
        assert verdict.verdict == "undecided" and says in verdict.reason


# -- budgets ------------------------------------------------------------------------------------------------------


def test_every_claim_ends_in_time():
    big = a
    for _ in range(400):
        big = tanh(A @ big) + big
    wide = over(
        "sum",
        over(
            "sum",
            over("sum", var("x", (), Instant("i")) * s, "i", Instant("", 1), Instant("", 300)),
            "k",
            Instant("", 1),
            Instant("", 300),
        ),
        "t",
        Instant("", 1),
        Instant("", 300),
    )
    for left, right in (
        (big, big * 1 + a),
        (wide, wide + s),
        (var("b", (10**7, 10**7)), var("c", (10**7, 10**7))),
        (jac(big, A, True), jac(big, B, True)),
    ):
        start = time.monotonic()
        verdict = judge(left, right, budget=0.5, explain=False)
        assert time.monotonic() - start < 4
        assert verdict.verdict in ("undecided", "refuted"), verdict


def test_reasons_are_words():
    verdict = judge(var("b", (10**7, 10**7)), var("c", (10**7, 10**7)))
    assert verdict.verdict == "undecided" and "too large" in verdict.reason
    verdict = courts["rnn"].judge(
        var("h", solved["rnn"].system.nodes["h"].shape), var("g", solved["rnn"].system.nodes["h"].shape)
    )
    assert verdict.verdict == "undecided" and "at which instant" in verdict.reason


def test_sizes_are_distinct_and_large_enough():
    case = Case(
        Bench(derive.load("mlp_batch").system),
        unit(sympy.Symbol("d", positive=True, integer=True), 5),
        unit(sympy.Symbol("d", positive=True, integer=True), 4),
    )
    assert len(set(case.sizes.values())) == len(case.sizes) == 5
    assert {str(d): x for d, x in case.sizes.items()}["d"] >= 5
    assert distinct(({n: 2, m: 2}, {2, 3})) == {n: 4, m: 5}


def test_the_court_does_not_grow():
    court = Court(solved["mlp"].system)
    q = court.system.nodes
    for number in range(300):
        court.judge(q["W1"].adjoint * number, q["W1"].adjoint * (number + 1), explain=False)
        court.quick(tanh(q["z1"] * number), tanh(q["z1"] * number) * 2)
    assert all(g.claims < 6000 for g in court.bench.graphs.values())
    assert all(len(x.values) < 7000 for x in court.bench.models.values()) and len(court.bench.models) <= 61


def test_speed():
    """A line is judged in under 20 ms at the median with a warm court: the goal, with room for slow machines."""
    spent = []
    for name in LOSSES:
        for left, right in lines(name):
            fresh = rebuild(right, lambda e: e)
            start = time.perf_counter()
            courts[name].judge(left, fresh)
            spent.append(time.perf_counter() - start)
    assert sorted(spent)[len(spent) // 2] < 0.06
