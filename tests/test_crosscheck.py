import copy
import dataclasses
import re

import numpy as np
import pytest
import sympy

import derive
from derive import crosscheck as module
from derive import network
from derive.crosscheck import KINK_DISTANCE, STEPS, TOLERANCE, CrossCheckFailed, crosscheck, random_point
from derive.expr import Comp, Ein, Lin, Map, Over, Var, ein, is_zero, lin, over, postorder, rebuild, var
from derive.numeric import Evaluator
from derive.ops import CALLABLES, COMPOSITIONS, POINTWISE, log
from derive.sweep import differentiate

LOSSES = [name for name in derive.gallery() if derive.load(name).system.loss is not None]
POINTS = 3
solved = {name: differentiate(derive.load(name).system) for name in LOSSES}
measured = {}


@pytest.fixture(autouse=True)
def _differences_once(monkeypatch):
    """The forward pass knows nothing of a mutated formula: its differences are measured once for each point."""
    plain = module.differences

    def once(sweep, at, v, method):
        key = (
            sweep.system.text,
            at.last,
            v,
            method,
            *(a.tobytes() for a in at.given.values()),
            *(f.value(1, np.ones(2)) for f in at.functions.values()),
        )
        if key not in measured:
            measured[key] = plain(sweep, at, v, method)
        return measured[key]

    monkeypatch.setattr(module, "differences", once)


# -- mutants ------------------------------------------------------------------------------------------------------


def inside(e, node, new):
    return rebuild(e, lambda x: new if x is node else x)


def dropped_terms(e):
    """One term of one sum, wherever it stands; an empty list where there is nothing to drop."""
    for node in postorder(e):
        if isinstance(node, Lin) and len(node.terms) > 1:
            for k in range(len(node.terms)):
                yield inside(e, node, lin(node.terms[:k] + node.terms[k + 1 :], node.shape))


def transposed(e):
    """One square matrix the other way round, or the whole where that is a square matrix: the shapes still fit."""
    for node in postorder(e):
        if isinstance(node, Ein):
            for k, (child, letters) in enumerate(node.factors):
                if isinstance(child, Var) and len(child.shape) == 2 and child.shape[0] == child.shape[1]:
                    turned = [*node.factors[:k], (child, letters[::-1]), *node.factors[k + 1 :]]
                    yield inside(e, node, ein(turned, node.out, dict(enumerate(node.dims))))
    if len(e.shape) == 2 and e.shape[0] == e.shape[1]:
        yield over(e.kind, e.body.T, e.index, e.lo, e.hi) if isinstance(e, Over) else e.T


MUTATIONS = {
    "sign": lambda e: [-e],
    "factor 2": lambda e: [2 * e],
    "factor 1 + 1e-6": lambda e: [sympy.Rational(1000001, 1000000) * e],
    "dropped term": lambda e: list(dropped_terms(e)),
    "transposed": lambda e: list(transposed(e)),
}


def mutants(sweep, kind):
    """(name, sweep with one line of that name's adjoint changed), for each line and each place in it."""
    for key, adjoint in sweep.adjoints.items():
        for k, line in enumerate(adjoint.lines):
            for wrong in MUTATIONS[kind](line.short):
                if wrong is line.short:
                    continue
                changed = dataclasses.replace(line, formula=wrong, short=wrong)
                generic = changed if k == 0 else adjoint.line
                boundary = tuple((when, changed if k == i + 1 else old) for i, (when, old) in enumerate(adjoint.boundary))
                mutant = copy.copy(sweep)
                mutant.adjoints = {**sweep.adjoints, key: dataclasses.replace(adjoint, line=generic, boundary=boundary)}
                yield key, line, mutant


@pytest.mark.parametrize("name", LOSSES)
def test_correct_formulas_pass(name):
    report = crosscheck(solved[name], POINTS, seed=5)
    assert report.require() is report and report.failures == []
    assert report.max_relative_error <= TOLERANCE[report.method]


@pytest.mark.parametrize("kind", MUTATIONS)
@pytest.mark.parametrize("name", LOSSES)
def test_every_mutant_is_caught(name, kind):
    for key, line, mutant in mutants(solved[name], kind):
        report = crosscheck(mutant, POINTS, seed=5)
        assert not report.passed, f"{key}: {line.formula} as {mutant.adjoints[key].lines}"
        assert key in [e.gradient for e in report.failures]
        quoted = re.escape(key)
        place = rf"gradient of {quoted}, entry {quoted}(\[[\d, ]+\])?, point \d: "
        numbers = r"derived \S+, (complex step|central differences) \S+, relative error \S+"
        with pytest.raises(CrossCheckFailed, match=place + numbers):
            report.require()


def test_there_are_mutants_of_every_kind():
    """A harness that mutates nothing passes everything."""
    counts = {kind: sum(1 for name in LOSSES for _ in mutants(solved[name], kind)) for kind in MUTATIONS}
    lines = sum(len(a.lines) for sweep in solved.values() for a in sweep.adjoints.values() if not is_zero(a.formula))
    assert min(counts["sign"], counts["factor 2"], counts["factor 1 + 1e-6"]) >= lines
    assert counts["dropped term"] > 80 and counts["transposed"] > 12


def test_the_message_has_the_worst_entry():
    sweep = copy.copy(solved["residual"])
    adjoint = sweep.adjoints["r"]
    line = dataclasses.replace(adjoint.line, formula=adjoint.short, short=adjoint.short + 3 * adjoint.node)
    sweep.adjoints = {**sweep.adjoints, "r": dataclasses.replace(adjoint, line=line)}
    report = crosscheck(sweep, 1, seed=5)
    (failure,) = report.failures
    assert failure.gradient == "r" and len(failure.index) == 1
    at = random_point(sweep.system, np.random.default_rng([5, 0]))
    run = Evaluator(at).forward()
    h = run.named[sweep.system.nodes["h"]]
    assert failure.measured == pytest.approx(h[failure.index], rel=1e-9)
    assert failure.derived == pytest.approx((h + 3 * at.given[adjoint.node])[failure.index], rel=1e-9)
    assert f"r[{failure.index[0]}]" in str(failure) and f"{failure.derived:.10g}" in str(report)
    assert "FAILED" in str(report)
    with pytest.raises(CrossCheckFailed, match=r"\(seed 5\)"):
        report.require()


def test_what_is_not_a_number_fails():
    """A comparison with NaN is false whichever way it is put."""
    for name in ("residual", "linear_rnn"):
        sweep = copy.copy(solved[name])
        key = "r" if name == "residual" else "w_y"
        adjoint = sweep.adjoints[key]
        wrong = adjoint.short + log(-1 - adjoint.node * adjoint.node)
        line = dataclasses.replace(adjoint.line, formula=wrong, short=wrong)
        sweep.adjoints = {**sweep.adjoints, key: dataclasses.replace(adjoint, line=line)}
        with np.errstate(all="ignore"):
            report = crosscheck(sweep, 2, seed=1)
        assert not report.passed and key in [e.gradient for e in report.failures]
        assert report.max_relative_error == np.inf


# -- mutated records ----------------------------------------------------------------------------------------------

WRONG = {
    "sign": lambda d: lambda x, y: -d(x, y),
    "factor": lambda d: lambda x, y: sympy.Rational(1001, 1000) * d(x, y),
    "argument": lambda d: lambda x, y: d(x * sympy.Rational(11, 10), y * sympy.Rational(11, 10)),
    "one more": lambda d: lambda x, y: d(x, y) + sympy.Rational(1, 100),
}


def net_of(call):
    loss = "h * (a @ x)" if call in ("logsumexp", "sqnorm", "norm") else "h @ a"
    return network(f"def net(x: Vector[n], a: Vector[n]):\n    z = a * x\n    h = {call}(z)\n    L = {loss}\n    return L")


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("name", POINTWISE)
def test_every_mutated_derivative_is_caught(name, wrong, monkeypatch):
    """Twice zero is zero, and a step at 1.1 x is the step at x: there nothing was mutated."""
    fn, x = POINTWISE[name], var("x")
    monkeypatch.setitem(CALLABLES, name, dataclasses.replace(fn, derivative=WRONG[wrong](fn.derivative)))
    the_same = wrong != "one more" and (is_zero(fn.derivative(x, fn(x))) or (wrong == "argument" and bool(fn.kinks)))
    assert net_of(name).solve().crosscheck(points=3).passed is the_same


@pytest.mark.parametrize("name", POINTWISE)
def test_every_record_passes(name):
    assert net_of(name).solve().crosscheck(points=3).require().passed


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_every_mutated_pull_is_caught(name, monkeypatch):
    assert net_of(name).solve().crosscheck(points=3).require().passed
    record = COMPOSITIONS[name]
    for factor in (-1, 2, sympy.Rational(1001, 1000)):

        def pull(out, inputs, cot, factor=factor):
            return tuple(factor * p for p in record.pull(out, inputs, cot))

        monkeypatch.setitem(CALLABLES, name, dataclasses.replace(record, pull=pull))
        assert not net_of(name).solve().crosscheck(points=3).passed


# -- the points ---------------------------------------------------------------------------------------------------

EDGES = network("""
def net(x: Vector[d], W: Matrix[n, d], b: Vector[n], c: Scalar):
    z = W @ x + b
    h = relu(z) + abs(z - 1) + leaky_relu(2 * z) * elu(z, 2)
    g = sqrt(total(h)) + log(total(h)) + 1 / c
    L = norm(x - sqnorm(x) * x) * g
    return L
""")


@pytest.mark.parametrize("seed", range(20))
def test_points_keep_clear_of_kinks_and_edges(seed):
    """No perturbed point may be on another side than the point itself: else the differences would measure the kink."""
    at = random_point(EDGES.system, np.random.default_rng(seed))
    run = Evaluator(at).forward()
    nodes = {n for e in EDGES.system.equations for n in postorder(e.right)}
    kinked = [n for n in nodes if isinstance(n, Map) and (n.fn.kinks or n.fn.domain[0] > 0)]
    assert len(kinked) >= 7
    assert 2 * max(STEPS) < KINK_DISTANCE
    for node in kinked:
        x = run.value(node.arg)
        assert all(np.abs(x - k).min() >= KINK_DISTANCE for k in node.fn.kinks)
        assert node.fn.domain[0] < 0 or x.min() >= KINK_DISTANCE
    for node in nodes:
        if isinstance(node, Comp) and node.record.kinks:
            assert np.abs(run.value(node)).min() >= KINK_DISTANCE
    assert all(np.isfinite(v).all() for v in run.named.values())


@pytest.mark.parametrize("name", LOSSES)
def test_points_of_the_gallery(name):
    system = derive.load(name).system
    for seed in range(8):
        at = random_point(system, np.random.default_rng(seed))
        assert len(set(at.sizes.values())) == len(at.sizes) and all(n >= 2 for n in at.sizes.values())
        assert not system.sequential or at.last >= system.first + 1
        kinked = [n for e in system.equations for n in postorder(e.right) if isinstance(n, Map) and n.fn.kinks]
        run = Evaluator(at).forward()
        for node in kinked:
            assert np.abs(run.value(node.arg)).min() >= KINK_DISTANCE


def test_relu_networks_are_checked_on_both_sides():
    """Avoiding the kink must not mean avoiding a side."""
    system = derive.load("relu_sparsity").system
    runs = [Evaluator(random_point(system, np.random.default_rng([0, seed]))).forward() for seed in range(12)]
    assert {bool(run.named[system.nodes["z1"]] > 0) for run in runs} == {True, False}


def test_a_network_outside_its_domain_has_no_point():
    net = network("def net(x: Scalar):\n    L = log(-exp(x))\n    return L")
    with pytest.raises(ValueError, match="net: no random point keeps clear of the edges"), np.errstate(all="ignore"):
        random_point(net.system, np.random.default_rng(0))


def test_asking_for_a_last_instant():
    for last in (1, 2, 6):
        assert random_point(derive.load("lstm").system, np.random.default_rng(0), last=last).last == last


# -- the report ---------------------------------------------------------------------------------------------------


def test_reports_are_reproducible():
    one, same, other = (crosscheck(solved["mlp"], 2, seed=s) for s in (3, 3, 4))
    assert one.worst == same.worst and one.sizes == same.sizes and one.per_gradient == same.per_gradient
    assert one.sizes != other.sizes or one.worst != other.worst


def test_reports_name_everything():
    sol = derive.load("rnn_tanh").solve()
    report = sol.crosscheck(points=2, seed=1)
    assert report.points == 2 and report.seed == 1 and len(report.sizes) == len(report.lasts) == 2
    assert list(report.per_gradient) == list(sol.system.independent)
    assert list(report.per_node) == [e.name for e in sol.system.equations]
    assert report.max_relative_error == max(*report.per_gradient.values(), *report.per_node.values())
    assert "cross-check passed: 2 points" in str(report) and "W_hh" in str(report)


def test_only_what_was_asked_for_is_compared():
    sol = derive.load("mlp").solve(wrt=["W1", "b3"])
    report = sol.crosscheck(points=1)
    assert list(report.per_gradient) == ["W1", "b3"] and set(report.per_node) == {"z1", "h1", "z2", "h2", "z3", "p", "L"}


def test_methods():
    """Complex steps where every function is analytic; else differences, with their own tolerance."""
    assert crosscheck(solved["mlp"], 1).method == "complex step"
    assert crosscheck(solved["relu_sparsity"], 1).method == "central differences"
    assert EDGES.solve().crosscheck(points=2).require().method == "central differences"


def test_short_sequences_are_compared_too():
    """T = 1 and T = 2, where the ends of time meet."""
    for name in ("linear_rnn", "lstm_scalar", "rnn_tanh"):
        for last in (1, 2):
            sweep = solved[name]
            report = module.Report(1, 0, "complex step")
            module.compare(sweep, random_point(sweep.system, np.random.default_rng(last), last=last), report)
            assert report.require().passed


LONG_MEMORY = """
def net(t: Time, x: Sequence[Scalar], a: Scalar):
    h[0]: Scalar
    h[-1]: Scalar
    h[-2]: Scalar
    h[-3]: Scalar
    h[t] = tanh(a * h[t - 4] + x[t])
    L = sum(h[t] ** 2 for t in Time)
    return L
"""


@pytest.mark.parametrize("kind", ["sign", "dropped term"])
def test_every_printed_line_is_compared(kind):
    """A memory of four steps has its generic line only for T > 4: shorter points would never see it."""
    sweep = differentiate(network(LONG_MEMORY).system)
    assert crosscheck(sweep, POINTS).passed
    missed = [str(line.node) for _, line, mutant in mutants(sweep, kind) if crosscheck(mutant, POINTS).passed]
    assert missed == []
