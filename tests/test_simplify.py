import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sympy

import derive
from derive.adjoint import derivative
from derive.crosscheck import random_point
from derive.expr import Ein, Instant, apply, ein, is_ones, lin, ones, postorder, var
from derive.numeric import Evaluator, Point
from derive.ops import (
    POINTWISE,
    diag,
    elu,
    exp,
    inner,
    leaky_relu,
    log,
    outer,
    power,
    power_function,
    recip,
    row_sums,
    softmax,
    sqnorm,
    sqrt,
    tanh,
    total,
)
from derive.simplify import BUDGET, NESTED_RULES, PRODUCT_RULES, RULES, open_derivatives, simplify, size

n, m = sympy.symbols("n m", positive=True, integer=True)
SIZES = {n: 3, m: 4}
LOSSES = [name for name in derive.gallery() if derive.load(name).system.loss is not None]
solved = {name: derive.load(name).solve() for name in LOSSES}


def value(e, given):
    return np.asarray(Evaluator(Point(None, given, SIZES, 0)).value(e))


def draw(v, rng, low=0.3, high=1.7):
    return np.asarray(rng.uniform(low, high, tuple(SIZES[d] for d in v.shape)))


# -- the rules ----------------------------------------------------------------------------------------------------

SHAPES = {"scalar": (), "vector": (n,), "matrix": (n, m)}
CASES = [(rule, shape) for rule in RULES for shape in SHAPES if "softmax" not in rule.name or shape == "vector"]
every_rule = pytest.mark.parametrize(("rule", "shape"), CASES, ids=[f"{r.name}, {s}" for r, s in CASES])


def test_rules_have_names_of_their_own():
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert set(RULES) == {*PRODUCT_RULES, *NESTED_RULES}


@every_rule
def test_rule_is_true_under_its_condition(rule, shape):
    a = var("a", SHAPES[shape])
    rng = np.random.default_rng(0)
    for low, high in ((0.05, 3.0), *(() if rule.condition == "a > 0" else ((-3.0, 3.0),))):
        given = {a: draw(a, rng, low, high)}
        np.testing.assert_allclose(value(rule.left(a), given), value(rule.right(a), given), rtol=1e-12)


@every_rule
def test_rule_holds_wherever_its_left_side_has_a_value(rule, shape):
    """The engine asks for no proof of a > 0, so that must be enough: for a < 0 the left side is equal, or undefined."""
    a = var("a", SHAPES[shape])
    given = {a: -draw(a, np.random.default_rng(1))}
    with np.errstate(invalid="ignore"):
        left, right = value(rule.left(a), given), value(rule.right(a), given)
    np.testing.assert_allclose(left, np.where(np.isfinite(left), right, np.nan), rtol=1e-12)


@every_rule
def test_rule_is_applied_and_named(rule, shape):
    a = var("a", SHAPES[shape])
    done = simplify(rule.left(a))
    assert done.expr is rule.right(a)
    assert done.rules == (rule.name,)


@every_rule
def test_rule_shortens(rule, shape):
    a = var("a", SHAPES[shape])
    assert size(rule.right(a)) < size(rule.left(a))


@pytest.mark.parametrize("rule", [r for r in RULES if "softmax" not in r.name], ids=lambda r: r.name)
def test_rule_is_applied_inside(rule):
    a, b = var("a", (n,)), var("b", (n,))
    done = simplify(b * tanh(rule.left(tanh(a) + 2)))
    assert rule.name in done.rules
    rng = np.random.default_rng(2)
    given = {v: draw(v, rng) for v in (a, b)}
    np.testing.assert_allclose(value(done.expr, given), value(b * tanh(rule.left(tanh(a) + 2)), given), rtol=1e-12)


# -- what must not be touched -------------------------------------------------------------------------------------

a, b, s = var("a", (n,)), var("b", (n,)), var("s")
M = var("M", (n, m))
KEPT = {
    "different entries": lambda: outer(a, recip(a)),
    "a sum against a factor": lambda: total(a) * recip(a),
    "a row softmax summed the wrong way": lambda: ein([(softmax(M), (0, 1))], (1,)),
    "softmax with a weight": lambda: softmax(a) @ b,
    "softmax squared": lambda: softmax(a) @ softmax(a),
    "log of a sum": lambda: log(exp(a) + exp(b)),
    "root of a square": lambda: sqrt(power(a, 2)),
    "two bases": lambda: a * recip(b),
    "a derivative that looks like its function": lambda: exp(apply(log, a, 1)),
    "sums are multiplied before, not after": lambda: inner(a, b) * recip(inner(b, a + a)),
    "diagonals": lambda: diag(a) @ diag(recip(b)),
}


@pytest.mark.parametrize("name", KEPT)
def test_look_alikes_keep_their_value(name):
    rng = np.random.default_rng(3)
    given = {v: draw(v, rng) for v in (a, b, M)}
    e = KEPT[name]()
    np.testing.assert_allclose(value(simplify(e).expr, given), value(e, given), rtol=1e-13)
    assert "softmax" not in " ".join(simplify(e).rules)


def test_root_of_a_square_is_kept():
    """It is |a|, not a."""
    assert simplify(sqrt(power(a, 2))).expr is sqrt(power(a, 2))


# -- random expressions -------------------------------------------------------------------------------------------

EXPONENTS = ("-3", "-2", "-1", "-1/2", "1/2", "1", "3/2", "2", "3")


class Maker:
    """Products full of things that cancel, over positive bases."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def pick(self, options):
        return options[int(self.rng.integers(len(options)))]

    def base(self):
        return self.pick((a, b, a + b, exp(a), softmax(a), s * a, 2 * b))

    def factor(self, depth):
        return self.pick((
            lambda: power(self.base(), self.pick(EXPONENTS)),
            lambda: power(self.base(), self.pick(EXPONENTS)),
            lambda: s * power(a, self.pick(EXPONENTS)),
            lambda: power(s, self.pick(EXPONENTS)) * b,
            lambda: recip(recip(self.base())),
            lambda: exp(log(self.base())),
            lambda: recip(power(self.base(), 2)),
            lambda: power(sqrt(self.base()), 2),
            lambda: total(softmax(a)) * b,
            lambda: self.sum(depth) if depth else self.base(),
        ))()  # fmt: skip

    def sum(self, depth):
        terms = [(self.pick((1, -1, 2, "-1/2")), self.product(depth - 1)) for _ in range(self.rng.integers(2, 4))]
        return lin([(sympy.Rational(c), t) for c, t in terms], (n,))

    def product(self, depth):
        parts = [self.factor(depth) for _ in range(self.rng.integers(2, 5))]
        while len(parts) > 1:
            k = int(self.rng.integers(len(parts) - 1))
            parts[k : k + 2] = [parts[k] * parts[k + 1] if self.rng.random() < 0.8 else parts[k] / (parts[k + 1] * parts[k + 1])]
        return parts[0]

    def make(self):
        e = self.product(2)
        return self.pick(
            (lambda: e, lambda: total(e), lambda: inner(e, self.product(1)), lambda: diag(a) @ outer(recip(a), e), lambda: -e)
        )()


def random_case(seed):
    e = Maker(seed).make()
    rng = np.random.default_rng([seed, 1])
    return e, {v: draw(v, rng, 0.6, 1.6) for v in (a, b, s)}


@pytest.mark.parametrize("seed", range(300))
def test_random_expressions_keep_their_value(seed):
    e, given = random_case(seed)
    done = simplify(e)
    assert done.expr.shape == e.shape
    wanted = value(e, given)
    np.testing.assert_allclose(value(done.expr, given), wanted, rtol=1e-9, atol=1e-10 * np.abs(wanted).max())
    assert size(done.expr) <= size(e)


def test_only_rules_of_the_table_are_used():
    """What is not in the table is not proved by the tests of the table."""
    used = {name for seed in range(300) for name in simplify(random_case(seed)[0]).rules}
    assert used <= {rule.name for rule in RULES}


def test_random_expressions_are_simplified_at_once():
    left_over = [seed for seed in range(300) if simplify(once := simplify(random_case(seed)[0]).expr).expr is not once]
    assert left_over == []


def test_a_weight_that_comes_out_does_not_stop_the_rules():
    """exp(log 2b) becomes 2b, and its 2 goes to the front: what remains is a product still."""
    assert simplify(a * (recip(a) * exp(log(2 * b)))).expr is 2 * b
    assert simplify(a * recip(recip(recip(a)) / 2)).expr is 2 * ones((n,))


# -- the gallery --------------------------------------------------------------------------------------------------


def written(name):
    """Every expression that a solution prints."""
    sol = solved[name]
    steps = [e for step in sol.steps for e in (step.before, step.after)]
    return list(dict.fromkeys([*steps, *(e for e in sol.closed_forms.values() if e is not None)]))


@pytest.mark.parametrize("name", LOSSES)
def test_gallery_lines_keep_their_value_and_are_simplified_at_once(name):
    sol = solved[name]
    at = random_point(sol.system, np.random.default_rng(4), last=sol.system.first + 3)
    run = Evaluator(at).forward().backward(sol.sweep)
    times = {"t": sol.system.first + 1}
    for e in written(name):
        done = simplify(e)
        assert simplify(done.expr).expr is done.expr
        np.testing.assert_allclose(run.value(done.expr, times), run.value(e, times), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", LOSSES)
def test_printed_formulas_need_no_more_simplification(name):
    for adjoint in solved[name].sweep.adjoints.values():
        for line in adjoint.lines:
            assert simplify(line.formula).expr is line.formula
            assert simplify(line.short).expr is line.short


PRINT_ALL = """
import derive
for name in derive.gallery():
    net = derive.load(name)
    print(net)
    if net.system.loss is not None:
        sol = net.solve()
        print(sol, *sol.steps, *sol.closed_forms.items(), sep="\\n")
"""


def test_derivations_are_the_same_in_every_process():
    """Nodes hash by identity: an order taken from a set would differ from run to run."""
    texts = set()
    for seed in ("1", "2", "77"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"}
        done = subprocess.run(
            [sys.executable, "-c", PRINT_ALL],
            env=environment,
            cwd=Path(derive.__file__).parents[1],
            capture_output=True,
            check=True,
        )
        texts.add(done.stdout)
    assert len(texts) == 1


# -- derivatives, size --------------------------------------------------------------------------------------------

FUNCTIONS = [*POINTWISE.values(), leaky_relu(s, "1/5").fn, elu(s, 2).fn, *(power_function(k) for k in (2, 3, -2, "3/2"))]


@pytest.mark.parametrize("fn", FUNCTIONS, ids=str)
@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("which", ["all", "notation"])
def test_opened_derivatives_keep_their_value(fn, order, which):
    e = b * apply(fn, a * b, order)
    rng = np.random.default_rng(5)
    given = {v: draw(v, rng) for v in (a, b)}
    opened = open_derivatives(e, which)
    np.testing.assert_allclose(value(opened, given), value(e, given), rtol=1e-13)
    if which == "all" and fn.opened and order == 1:
        assert opened is b * derivative(fn, 1, a * b)


def test_named_derivatives_stay_closed():
    sigmoid = POINTWISE["sigmoid"]
    assert open_derivatives(apply(sigmoid, a, 1)) is apply(sigmoid, a, 1)
    assert open_derivatives(apply(tanh, a, 1), "notation") is apply(tanh, a, 1)


def test_size_counts_what_is_written():
    assert size(a) == 1
    assert size(ones((n,))) == 0
    assert size(a * a) == size(a * b) == 3
    u = tanh(a)
    assert size(u + u * u) > size(u + a * b)


def test_expressions_beyond_the_budget_are_left_alone():
    big = lin([(1, tanh((k + 1) * a)) for k in range(BUDGET)], (n,)) * (a * recip(a))
    done = simplify(big)
    assert done.expr is big and done.rules == ()


def test_long_chains_are_simplified_without_recursion():
    e = a
    for _ in range(1200):
        e = tanh(e)
    assert simplify(e).expr is e


def test_the_leading_term_is_positive():
    assert str(simplify(b - a - a * b).expr) == str(simplify(-a + b - a * b).expr)
    assert simplify(-a - b).expr is -a - b


def test_instants_are_part_of_a_base():
    """h[t] and h[t-1] are two quantities: nothing cancels."""
    h = var("h", (n,), Instant("t"))
    before = h.at(Instant("t", -1))
    e = h * recip(before)
    assert simplify(e).expr is e
    assert is_ones(simplify(h * recip(h)).expr)


def test_ones_left_by_a_cancellation_are_counted():
    assert simplify(inner(a, recip(a))).expr is lin([(n, ones(()))], ())
    assert simplify(row_sums(M * recip(M))).expr is lin([(m, ones((n,)))], (n,))


def test_nothing_that_is_no_product_is_opened():
    norm = sqnorm(a) * recip(sqnorm(a) + 1)
    assert simplify(norm).expr is norm
    assert isinstance(norm, Ein) and list(postorder(norm))
