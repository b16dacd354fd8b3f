"""Exact evaluation over chains of primes: the chains, the functions as homomorphisms, identities and their near misses."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import sympy

import derive
from derive.expr import apply, det, inverse, var
from derive.judge.case import Bench, Case
from derive.judge.field import POINTS, TARGET, FieldModel, Residues, residues
from derive.judge.primes import CHAINS, LEVELS, generator, logarithms
from derive.ops import (
    absolute,
    broadcast,
    cos,
    elu,
    exp,
    gelu,
    gelu_tanh,
    identity,
    inner,
    leaky_relu,
    log,
    logsumexp,
    norm,
    power,
    recip,
    relu,
    sigmoid,
    sign,
    silu,
    sin,
    softmax,
    softplus,
    sqnorm,
    sqrt,
    step,
    tanh,
    total,
    trace,
)

n, m = sympy.symbols("n m", positive=True, integer=True)
a, b, s = var("a", (n,)), var("b", (n,)), var("s")
A, B, C = var("A", (n, n)), var("B", (n, n)), var("C", (n, m))
half, third = sympy.Rational(1, 2), sympy.Rational(1, 3)


def bits(left, right, seed=0):
    """Bits of agreement in one draw, or None where the sides are seen to differ."""
    model = FieldModel(None, Residues(seed), {n: 3, m: 2}, 1, seed)
    return model.shown(model.graph.node(left, {}), model.graph.node(right, {}))


# -- the chains ---------------------------------------------------------------------------------------------------


def test_the_chains_are_chains_of_primes():
    assert len(CHAINS) == 2 and len(set(CHAINS[0]) | set(CHAINS[1])) == 2 * LEVELS >= 8
    for chain in CHAINS:
        assert all(sympy.isprime(p) for p in chain)
        assert all(p == 2 * q + 1 for p, q in pairwise(chain))
        assert all(p % 8 == 7 for p in chain), "-1 is no square, 2 is one, the root of a square is a square"
        assert 2**30 < chain[TARGET] < chain[0] < 2**32, "products fit into 64 bits"


def test_the_generator_generates_the_squares():
    for chain in CHAINS:
        for p, q in pairwise(chain):
            assert pow(generator(p), q, p) == 1 != generator(p)


def test_logarithms_undo_powers():
    rng = np.random.default_rng(0)
    for chain in CHAINS:
        p, q = chain[0], chain[1]
        exponents = rng.integers(0, q, 20, dtype=np.uint64)
        powers = np.array([pow(generator(p), int(e), p) for e in exponents], dtype=np.uint64)
        np.testing.assert_array_equal(logarithms(p).of_absolute(powers), exponents)
        np.testing.assert_array_equal(logarithms(p).of_absolute(np.uint64(p) - powers), exponents)
    assert logarithms(CHAINS[0][0]).of_absolute(np.zeros(1, dtype=np.uint64)) == 0


def test_arithmetic_is_that_of_python():
    by = Residues()
    rng = np.random.default_rng(1)
    x, y = (rng.integers(0, 2**62, (by.lanes, 5), dtype=np.uint64) % by.modulus(2) for _ in range(2))
    primes = [int(p) for p in by.primes]
    for found, rule in (
        (by.add(x, y), lambda u, v, p: (u + v) % p), (by.subtract(x, y), lambda u, v, p: (u - v) % p),
        (by.multiply(x, y), lambda u, v, p: u * v % p), (by.function("recip", x, 0), lambda u, v, p: pow(u, -1, p)),
        (by.function("power", x, 5), lambda u, v, p: pow(u, 5, p)), (by.function("power", x, -3), lambda u, v, p: pow(u, -3, p)),
        (by.function("sign", x, 0), lambda u, v, p: pow(u, (p - 1) // 2, p)),
    ):  # fmt: skip
        wanted = [[rule(int(u), int(v), p) for u, v in zip(r, t, strict=True)] for r, t, p in zip(x, y, primes, strict=True)]
        np.testing.assert_array_equal(found, np.array(wanted, dtype=np.uint64))
    for c in (sympy.Rational(-7, 3), sympy.Integer(10**30)):
        assert [int(v) for v in by.number(c)] == [int(c.p) * pow(int(c.q), -1, p) % p for p in primes]


def test_exp_takes_the_argument_one_level_below():
    by = Residues()
    x = by.leaf(derive.judge.nodes.Leaf("x", None, False, ()), (), False, 0)
    found = by.function("exp", x, 0)
    for lane, (p, level) in enumerate(zip(by.primes, by.level, strict=True)):
        if level < LEVELS - 1:
            assert int(found[lane]) == pow(generator(int(p)), int(x[lane + POINTS]), int(p))


def test_numbers_with_roots_and_logarithms_keep_their_relations():
    by = Residues()
    two, root = by.number(sympy.Integer(2)), by.number(sympy.sqrt(2))
    np.testing.assert_array_equal(by.multiply(root, root), two)
    np.testing.assert_array_equal(by.number(2 / sympy.sqrt(2)), root)
    target = by.target
    np.testing.assert_array_equal(by.number(2 * sympy.log(3))[target], by.number(sympy.log(9))[target])
    np.testing.assert_array_equal(by.function("exp", by.number(sympy.log(2)), 0)[target], two[target])
    np.testing.assert_array_equal(by.number(sympy.pi**2), by.multiply(by.number(sympy.pi), by.number(sympy.pi)))


def test_the_last_level_still_knows_that_exp_turns_signs_into_inverses():
    by = Residues()
    x = by.leaf(derive.judge.nodes.Leaf("x", None, False, ()), (4,), False, 0)
    minus = by.subtract(by.filled((4,), 0), x)
    product = by.multiply(by.function("exp", x, 0), by.function("exp", minus, 0))
    assert (product == 1).all()


# -- identities ---------------------------------------------------------------------------------------------------

pull = softmax(a) * (b - broadcast(inner(softmax(a), b), n))
TRUE = {
    "tanh in σ": (tanh(a), 2 * sigmoid(2 * a) - 1),
    "σ(-a)": (sigmoid(-a), 1 - sigmoid(a)),
    "log of exp": (log(exp(a)), a),
    "exp of log": (exp(log(a)), a),
    "exp of a sum": (exp(a + b), exp(a) * exp(b)),
    "log of a product": (log(a * b), log(a) + log(b)),
    "log of a power": (log(power(a, 3)), 3 * log(a)),
    "softplus'": (apply(softplus, a, 1), sigmoid(a)),
    "tanh'": (apply(tanh, a, 1), 1 - power(tanh(a), 2)),
    "tanh''": (apply(tanh, a, 2), -2 * tanh(a) * (1 - power(tanh(a), 2))),
    "σ''": (apply(sigmoid, a, 2), sigmoid(a) * (1 - sigmoid(a)) * (1 - 2 * sigmoid(a))),
    "silu'": (apply(silu, a, 1), sigmoid(a) * (1 + a * (1 - sigmoid(a)))),
    "gelu'": (apply(gelu, a, 1), gelu(a) / a + a * exp(-a * a / 2) / sympy.sqrt(2 * sympy.pi)),
    "gelu_tanh'": (apply(gelu_tanh, a, 1), gelu_tanh.derivative(a, gelu_tanh(a))),
    "relu'": (apply(relu, a, 1), step(a)),
    "root squared": (power(sqrt(a), 2), a),
    "root of a square": (sqrt(power(a, 2)), absolute(a)),
    "root of a product": (sqrt(a * b), sqrt(a) * sqrt(b)),
    "a^(3/2)": (power(a, 3 * half), a * sqrt(a)),
    "cube roots": (power(a, third) * power(a, 2 * third), a),
    "relu": (relu(a), a * step(a)),
    "relu of a difference": (relu(a) - relu(-a), a),
    "leaky relu": (leaky_relu(a, "1/10"), relu(a) - relu(-a) / 10),
    "elu": (elu(a, 1), relu(a) + step(-a) * (exp(a) - 1)),
    "square of |a|": (power(absolute(a), 2), a * a),
    "sign": (sign(a) * absolute(a), a),
    "inverse": (inverse(A) @ A, identity(n)),
    "inverse of a product": (inverse(A @ B), inverse(B) @ inverse(A)),
    "det of a product": (det(A @ B), det(A) * det(B)),
    "det of an inverse": (det(inverse(A)), recip(det(A))),
    "trace": (trace(A @ B), trace(B @ A)),
    "softmax by logsumexp": (softmax(a), exp(a - broadcast(logsumexp(a), n))),
    "softmax shifted": (softmax(a + broadcast(s, n)), softmax(a)),
    "softmax sums to one": (total(softmax(C.T)), total(a * recip(a)) * m / n),
    "softmax pull": (pull, softmax.pull(softmax(a), (a,), b)[0]),
    "norm": (norm(a) * norm(a), sqnorm(a)),
    "nested": (tanh(tanh(tanh(a))), 2 * sigmoid(2 * tanh(2 * sigmoid(2 * a) - 1)) - 1),
    "deep": (tanh(exp(sigmoid(tanh(a)))), 2 * sigmoid(2 * exp(sigmoid(tanh(a)))) - 1),
    "sin'": (apply(sin, a, 1), cos(a)),
    "a random function of its value": (sin(a * b + a), sin(a * (b + 1))),
    "powers of sigmoid": (sigmoid(a) * exp(-a), 1 - sigmoid(a)),
}
FALSE = {
    "tanh in σ": (tanh(a), 2 * sigmoid(a) - 1),
    "σ(-a)": (sigmoid(-a), 1 + sigmoid(a)),
    "root of a square": (sqrt(power(a, 2)), a),
    "exp of a sum": (exp(a + b), exp(a) + exp(b)),
    "exp of one": (exp(s), 3 * exp(s - 1)),
    "log of a sum": (log(a + b), log(a) + log(b)),
    "softplus'": (apply(softplus, a, 1), sigmoid(-a)),
    "tanh'": (apply(tanh, a, 1), 1 - tanh(a)),
    "tanh'' sign": (apply(tanh, a, 2), 2 * tanh(a) * (1 - power(tanh(a), 2))),
    "relu'": (apply(relu, a, 1), sign(a)),
    "relu": (relu(a), a),
    "square of |a|": (power(absolute(a), 3), a * a * a),
    "inverse": (inverse(A) @ B, identity(n)),
    "inverse of a product": (inverse(A @ B), inverse(A) @ inverse(B)),
    "transposed inverse": (inverse(A).T, inverse(A)),
    "det of a product": (det(A + B), det(A) + det(B)),
    "det of a multiple": (det(2 * A), 2 * det(A)),
    "softmax pull": (pull, softmax(a) * (b - inner(a, b) * softmax(a))),
    "softmax scaled": (softmax(2 * a), softmax(a)),
    "one in a billion": (a * b, (1 + sympy.Rational(1, 10**9)) * a * b),
    "one in 10^40": (a * b, (1 + sympy.Rational(1, 10**40)) * a * b),
    "two random functions": (sin(a), cos(a)),
    "sines": (sin(a + b), sin(a) + sin(b)),
    "cube roots": (power(a, third), power(a, half)),
}


@pytest.mark.parametrize("name", TRUE)
def test_identities_are_shown(name):
    case = Case(Bench(None), *TRUE[name])
    assert case.field_bits(case.spots(4)) >= 60


@pytest.mark.parametrize("name", TRUE)
@pytest.mark.parametrize("seed", range(4))
def test_identities_are_never_seen_to_differ(name, seed):
    assert bits(*TRUE[name], seed) is not None


@pytest.mark.parametrize("name", FALSE)
@pytest.mark.parametrize("seed", range(4))
def test_near_misses_are_not_shown(name, seed):
    assert bits(*FALSE[name], seed) in (None, 0)


@pytest.mark.parametrize("name", FALSE)
def test_near_misses_are_seen_to_differ(name):
    case = Case(Bench(None), *FALSE[name])
    assert case.field_bits(case.spots(4)) is None


def test_what_needs_more_than_a_random_function_is_left_open():
    assert bits(power(sin(s), 2) + power(cos(s), 2), s / s) is None


def test_the_same_point_is_drawn_again():
    assert np.array_equal(*(FieldModel(None, Residues(), {n: 3}, 1).value(tanh(a) * b) for _ in range(2)))
    assert residues() is residues()


def test_marks_follow_the_levels():
    """The logarithm of what is no square is marked, one level further down; a root where it stands."""
    model = FieldModel(None, Residues(), {n: 3}, 1)
    i = model.graph.node(log(s), {})
    model.at(i)
    free = ~model.by.is_square(model.value(s))
    np.testing.assert_array_equal(model.marks[i], np.roll(free, POINTS))
    j = model.graph.node(sqrt(s) * s, {})
    model.at(j)
    np.testing.assert_array_equal(model.marks[j], free)
    assert not model.marks[j][model.by.positive].any() and model.marks[j].any()


@pytest.mark.parametrize("name", derive.gallery())
def test_gallery_adjoints_are_shown(name):
    """Each adjoint as the engine writes it, at one instant inside."""
    system = derive.load(name).system
    if system.loss is None:
        return
    symbols = sorted({d for v in system.quantities.values() for d in v.shape}, key=str)
    model = FieldModel(system, residues(), {d: k + 2 for k, d in enumerate(symbols)}, system.first + 3)
    for adjoint in derive.load(name).solve().sweep.adjoints.values():
        left, right = (model.graph.node(e, {"t": system.first + 1}) for e in (adjoint.node.adjoint, adjoint.formula))
        if adjoint.node.time is None or adjoint.node.time.base:
            assert model.shown(left, right) == pytest.approx(8 * 30.4, abs=4)
