"""Every step of every solution, every line, every rule of the table of rewrites passes the judge."""

from __future__ import annotations

import pytest
import sympy

import derive
from derive.adjoint import derivative
from derive.expr import Instant, Jac, apply, ein, jac, ones, rebuild, var
from derive.judge import Court
from derive.ops import COMPOSITIONS, POINTWISE, elu, leaky_relu, open_function, power_function
from derive.simplify import RULES

LOSSES = [name for name in derive.gallery() if derive.load(name).system.loss is not None]
solved = {name: derive.load(name).solve() for name in LOSSES}
courts = {name: Court(solved[name].system) for name in LOSSES}
every_loss = pytest.mark.parametrize("name", LOSSES)
n, m = sympy.symbols("n m", positive=True, integer=True)

STEPS = [(name, k) for name in LOSSES for k in range(len(solved[name].steps))]


@pytest.mark.parametrize(("name", "k"), STEPS)
def test_steps(name, k):
    step = solved[name].steps[k]
    verdict = courts[name].judge(step.before, step.after)
    assert verdict.holds, f"{step}: {verdict}"
    assert verdict.verdict == "proved" or "prime chains" in verdict.bound, f"{step}: {verdict}"


@every_loss
def test_lines(name):
    """The adjoint of each node is its formula, and the shorter one in the nodes' own values."""
    for adjoint in solved[name].sweep.adjoints.values():
        for line in adjoint.lines:
            for e in (line.formula, line.short):
                verdict = courts[name].judge(line.node.adjoint, e)
                assert verdict.holds, f"{line.node.adjoint} = {e}: {verdict}"


@every_loss
def test_closed_forms(name):
    for key, e in solved[name].closed_forms.items():
        if e is not None:
            verdict = courts[name].judge(solved[name].system.nodes[key].adjoint, e)
            assert verdict.holds, f"{key}: {verdict}"


@pytest.mark.parametrize(("name", "parameter"), [("rnn", "W"), ("rnn_tanh", "W_hh"), ("linear_rnn", "w_h")])
def test_double_sums_through_time(name, parameter):
    paths = solved[name].paths(parameter)
    system, court = solved[name].system, courts[name]
    adjoint, h = system.nodes[parameter].adjoint, paths.state
    through = jac(h.at(paths.end), h.at(Instant("k")), False)
    inside = jac(h.at(Instant("k")), system.nodes[parameter], False)
    held = rebuild(paths.symbols, lambda e: jac(e.top, e.below, True) if e is inside else e)
    for left, right in (
        (adjoint, held), (adjoint, paths.value), (through, paths.product), (through, paths.product_symbols),
        (h.at(Instant("k")).adjoint, paths.back),
    ):  # fmt: skip
        verdict = court.judge(left, right)
        assert verdict.holds, f"{left} = {right}: {verdict}"


def test_the_derivative_of_a_state_in_the_double_sum_is_that_of_its_step_alone():
    """∂h[k]/∂W in Σ_t Σ_k holds h[k-1]; along every path it would count the earlier instants again."""
    paths = solved["rnn"].paths("W")
    inside = jac(paths.state.at(Instant("k")), solved["rnn"].system.nodes["W"], False)
    total = rebuild(paths.symbols, lambda e: jac(e.top, e.below, False) if isinstance(e, Jac) and e.below is inside.below else e)
    assert courts["rnn"].judge(solved["rnn"].system.nodes["W"].adjoint, total, explain=False).refuted


JACOBIANS = [
    ("layer", "y", "x"), ("layer", "y", "W"), ("layer", "z", "x"), ("lstm", "c[t]", "c[t-1]"), ("lstm", "h[t]", "h[t-1]"), ("rnn", "h[t]", "h[t-1]"),
    ("mlp", "p", "z3"), ("mlp", "h2", "h1"), ("residual", "y", "x"), ("rnn_tanh", "y[t]", "h[t-1]"), ("lstm_scalar", "c[t]", "h[t-1]"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "top", "below"), JACOBIANS)
@pytest.mark.parametrize("direct", [True, False])
def test_jacobians(name, top, below, direct):
    net = derive.load(name)
    try:
        found = net.jacobian(top, below, direct=direct)
    except derive.DeriveError:
        pytest.skip("the engine has no such Jacobian")
    symbol = jac(derive.solution.instant_of(net.system, top), derive.solution.instant_of(net.system, below), direct)
    if symbol.shape == found.expr.shape:
        assert Court(net.system).judge(symbol, found.expr).holds


@pytest.mark.parametrize("shape", [(), (n,), (n, m)], ids=["scalar", "vector", "matrix"])
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_rules(rule, shape):
    if "softmax" in rule.name and len(shape) != 1:
        return
    a = var("a", shape)
    verdict = Court().judge(rule.left(a), rule.right(a))
    assert verdict.holds, verdict


# -- the table ----------------------------------------------------------------------------------------------------

a = var("a", (n,))
FUNCTIONS = [
    *POINTWISE.values(),
    leaky_relu(a, "1/5").fn,
    elu(a, 2).fn,
    open_function("f"),
    *map(power_function, (2, 3, -2, "3/2", "1/3")),
]
WRONG = {
    "twice": lambda d: lambda x, y: 2 * d(x, y),
    "minus": lambda d: lambda x, y: -d(x, y),
    "one more": lambda d: lambda x, y: d(x, y) + ones(x.shape),
    "a billionth more": lambda d: lambda x, y: d(x, y) * (1 + sympy.Rational(1, 10**9)),
}


@pytest.mark.parametrize("fn", FUNCTIONS, ids=str)
def test_the_derivatives_of_the_table(fn):
    court = Court()
    assert court.judge(apply(fn, a, 1), fn.derivative(a, fn(a))).holds
    assert court.judge(apply(fn, a, 2), derivative(fn, 2, a)).holds


@pytest.mark.parametrize("fn", FUNCTIONS, ids=str)
@pytest.mark.parametrize("wrong", WRONG)
def test_no_wrong_derivative_passes(fn, wrong):
    if fn.name in ("sign", "step") and wrong != "one more":
        return  # their derivative is zero
    stated = WRONG[wrong](fn.derivative)
    assert Court().judge(apply(fn, a, 1), stated(a, fn(a)), explain=False).refuted


@pytest.mark.parametrize("record", COMPOSITIONS.values(), ids=lambda record: record.name)
def test_the_pull_rules_of_compositions(record):
    court = Court()
    value = record(a)
    cot = var("c", value.shape)
    letters = tuple(range(len(value.shape)))
    wanted = ein([(cot, letters), (jac(value, a), (*letters, 9))], (9,))
    stated = record.pull(value, (a,), cot)[0]
    assert court.judge(wanted, stated).holds
    assert court.judge(wanted, stated * 2, explain=False).refuted
    assert court.judge(wanted, stated + a, explain=False).refuted
