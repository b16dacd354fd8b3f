import numpy as np
import pytest
import sympy

from derive.adjoint import chain_term, composition_rule, derivative, jacobians, local_jacobian, pull, pulls
from derive.expr import Ein, Expr, Instant, Jac, Map, MissingRule, ein, is_zero, jac, opaque, over, postorder, rebuild, var, zeros
from derive.numeric import Evaluator, Point
from derive.ops import (
    COMPOSITIONS,
    POINTWISE,
    Composition,
    broadcast,
    column_sums,
    columns,
    diag,
    elu,
    exp,
    identity,
    inner,
    leaky_relu,
    log,
    logsumexp,
    matmul,
    mean,
    norm,
    ones_of,
    outer,
    power,
    recip,
    relu,
    row_sums,
    rows,
    sigmoid,
    sin,
    softmax,
    sqnorm,
    sqrt,
    tanh,
    total,
    trace,
)


def value(e, given, sizes=None, last=0):
    return np.asarray(Evaluator(Point(None, given, sizes or {}, last)).value(e))


# -- against SymPy on explicit entries ----------------------------------------------------------------------------

a, b, s = var("a", (2,)), var("b", (3,)), var("s")
A, B, S, Q = var("A", (2, 3)), var("B", (3, 2)), var("S", (3, 3)), var("Q", (2, 3))
LEAVES = (a, b, s, A, B, S, Q)


def entries(f, *matrices):
    return sympy.Matrix(*matrices[0].shape, lambda i, j: f(*(m[i, j] for m in matrices)))


def total_of(m):
    return sum(m)


def soft(v):
    return v.applyfunc(sympy.exp) / sum(v.applyfunc(sympy.exp))


def gram(v):
    return sum(x**2 for x in v)


# (the engine's expression, the same in explicit SymPy matrices; a vector is a column there)
CASES = {
    "matmul": (lambda: A @ b, lambda v: v.A * v.b),
    "matmul of matrices": (lambda: A @ S @ B, lambda v: v.A * v.S * v.B),
    "row by matrix": (lambda: (a.T @ A) @ b, lambda v: v.a.T * v.A * v.b),
    "vector by matrix": (lambda: a @ A, lambda v: (v.a.T * v.A).T),
    "outer": (lambda: outer(a, b), lambda v: v.a * v.b.T),
    "column by row": (lambda: a @ b.T, lambda v: v.a * v.b.T),
    "transpose": (lambda: (A.T @ a) * b, lambda v: (v.A.T * v.a).multiply_elementwise(v.b)),
    "transposed row": (lambda: (b.T @ S).T, lambda v: v.S.T * v.b),
    "hadamard": (lambda: A * Q * A, lambda v: entries(lambda x, y: x * y * x, v.A, v.Q)),
    "scalar by matrix": (lambda: s * A + 3 * Q / 7, lambda v: v.s[0] * v.A + 3 * v.Q / 7),
    "trace": (lambda: trace(A @ B) * trace(S @ S), lambda v: sympy.Matrix([(v.A * v.B).trace() * (v.S * v.S).trace()])),
    "trace of a transpose": (lambda: trace(S.T @ S), lambda v: sympy.Matrix([(v.S.T * v.S).trace()])),
    "diag of a vector": (lambda: diag(a) @ A, lambda v: sympy.diag(*v.a) * v.A),
    "diag of a matrix": (lambda: diag(S @ S), lambda v: (v.S * v.S).diagonal().T),
    "diag of diag": (lambda: diag(diag(S)) @ S, lambda v: sympy.diag(*v.S.diagonal()) * v.S),
    "diag between": (lambda: A @ diag(b) @ B, lambda v: v.A * sympy.diag(*v.b) * v.B),
    "identity": (lambda: (identity(3) + S) @ (identity(3) - 2 * S), lambda v: (sympy.eye(3) + v.S) * (sympy.eye(3) - 2 * v.S)),
    "diagonal part": (lambda: S * identity(3), lambda v: sympy.diag(*v.S.diagonal())),
    "rows": (lambda: rows(b, 2) * A, lambda v: entries(lambda x, y: x * y, sympy.ones(2, 1) * v.b.T, v.A)),
    "columns": (lambda: columns(a, 3) * A + columns(a, 3),
        lambda v: entries(lambda x, y: x * y + x, v.a * sympy.ones(1, 3), v.A)),
    "broadcast": (lambda: broadcast(s * s, 2, 3) + A, lambda v: v.A + v.s[0] ** 2 * sympy.ones(2, 3)),
    "sums": (lambda: total(A) * row_sums(A) + A @ ones_of(3), lambda v: (sum(v.A) + 1) * v.A * sympy.ones(3, 1)),
    "column sums": (lambda: column_sums(A * A), lambda v: entries(lambda x, y: x * y, v.A, v.A).T * sympy.ones(2, 1)),
    "mean": (lambda: mean(A * Q) * mean(s), lambda v: sympy.Matrix([sum(entries(lambda x, y: x * y, v.A, v.Q)) * v.s[0] / 6])),
    "inner of matrices": (lambda: inner(A, Q) ** 2, lambda v: sympy.Matrix([sum(entries(lambda x, y: x * y, v.A, v.Q)) ** 2])),
    "quadratic form": (lambda: b @ S @ b, lambda v: v.b.T * v.S * v.b),
    "tanh of affine": (lambda: tanh(A @ b + a), lambda v: (v.A * v.b + v.a).applyfunc(sympy.tanh)),
    "nested maps": (lambda: sin(exp(tanh(A))), lambda v: v.A.applyfunc(lambda x: sympy.sin(sympy.exp(sympy.tanh(x))))),
    "a map of itself": (lambda: sigmoid(A * sigmoid(A)),
        lambda v: v.A.applyfunc(lambda x: 1 / (1 + sympy.exp(-x / (1 + sympy.exp(-x)))))),
    "quotient": (lambda: a / (1 + a * a), lambda v: v.a.applyfunc(lambda x: x / (1 + x**2))),
    "scalar over scalar": (lambda: (a @ a) / (1 + b @ b), lambda v: sympy.Matrix([gram(v.a) / (1 + gram(v.b))])),
    "powers": (lambda: (2 + A) ** 3 - (2 + A) ** "-1/2", lambda v: v.A.applyfunc(lambda x: (2 + x) ** 3 - 1 / sympy.sqrt(2 + x))),
    "logarithm": (lambda: log(2 + A) * sqrt(3 + A), lambda v: v.A.applyfunc(lambda x: sympy.log(2 + x) * sympy.sqrt(3 + x))),
    "softmax": (lambda: softmax(S @ b), lambda v: soft(v.S * v.b)),
    "softmax by rows": (lambda: softmax(A), lambda v: sympy.Matrix([soft(v.A[i, :]) for i in range(2)])),
    "softmax twice": (lambda: softmax(softmax(b) * 3 + b), lambda v: soft(3 * soft(v.b) + v.b)),
    "cross-entropy": (lambda: -(b @ log(softmax(S @ b))), lambda v: -v.b.T * soft(v.S * v.b).applyfunc(sympy.log)),
    "logsumexp": (lambda: logsumexp(S @ b), lambda v: sympy.Matrix([sympy.log(sum((v.S * v.b).applyfunc(sympy.exp)))])),
    "logsumexp by rows": (lambda: logsumexp(A),
        lambda v: sympy.Matrix([sympy.log(sum(v.A[i, :].applyfunc(sympy.exp))) for i in range(2)])),
    "sqnorm": (lambda: sqnorm(A @ b - a) / 2, lambda v: sympy.Matrix([gram(v.A * v.b - v.a) / 2])),
    "sqnorm of a matrix": (lambda: sqnorm(A @ S), lambda v: sympy.Matrix([gram(v.A * v.S)])),
    "norm": (lambda: norm(A @ b) * a, lambda v: sympy.sqrt(gram(v.A * v.b)) * v.a),
    "normalised": (lambda: a / norm(a), lambda v: v.a / sympy.sqrt(gram(v.a))),
    "attention": (lambda: softmax(A @ S @ A.T) @ A,
        lambda v: sympy.Matrix([soft((v.A * v.S * v.A.T)[i, :]) for i in range(2)]) * v.A),
    "shared node": (lambda: (lambda u: u @ u.T @ u)(tanh(A)), lambda v: (lambda u: u * u.T * u)(v.A.applyfunc(sympy.tanh))),
    "constant": (lambda: 5 + 0 * (a @ a), lambda v: sympy.Matrix([5])),
}  # fmt: skip


class Explicit(dict):
    __getattr__ = dict.__getitem__


def explicit(leaf):
    shape = (*map(int, leaf.shape), 1, 1)[:2]
    return sympy.Matrix(*shape, lambda i, j: sympy.Symbol(f"{leaf.name}_{i}_{j}", real=True))


def sympy_jacobian(build, given):
    """Entry by entry with sympy.diff, then numbers: leaf -> array of the entries' shape, then the leaf's."""
    symbols = Explicit({v.name: explicit(v) for v in LEAVES})
    point = {x: float(n) for v in LEAVES for x, n in zip(symbols[v.name], np.ravel(given[v]), strict=True)}
    out = list(build(symbols))
    flat = {v: list(symbols[v.name]) for v in LEAVES}
    tables = {v: [[sympy.diff(f, x) for x in xs] for f in out] for v, xs in flat.items()}
    numbers = sympy.lambdify(list(point), [[*out], *tables.values()], "numpy", cse=True)(*point.values())
    return np.array(numbers[0], float), {v: np.array(n, float) for v, n in zip(tables, numbers[1:], strict=True)}


@pytest.mark.parametrize("name", CASES)
def test_pulls_and_jacobians_equal_sympys(name):
    build, plain = CASES[name]
    rng = np.random.default_rng(7)
    given = {v: rng.uniform(-0.9, 0.9, tuple(map(int, v.shape))) for v in LEAVES}
    e = build()
    cot = var("cot", e.shape)
    weights = rng.uniform(-1, 1, tuple(map(int, e.shape)))
    entries_, wanted = sympy_jacobian(plain, given)
    np.testing.assert_allclose(value(e, given).ravel(), entries_, rtol=1e-12, atol=1e-13)
    pulled = {p.leaf: p.value for p in pulls(e, cot)}
    for v in LEAVES:
        J = local_jacobian(e, v)
        assert tuple(J.shape) == tuple(e.shape) + tuple(v.shape)
        table = wanted[v].reshape(weights.shape + given[v].shape)
        np.testing.assert_allclose(value(J, given), table, rtol=1e-11, atol=1e-12)
        gradient = np.tensordot(weights, table, weights.ndim)
        back = pulled.get(v, zeros(v.shape))
        assert back.shape == v.shape
        np.testing.assert_allclose(value(back, {**given, cot: weights}), gradient, rtol=1e-11, atol=1e-12)


def test_pulls_come_in_order_of_appearance():
    assert [p.leaf for p in pulls(A @ b + a + A @ b, var("c", (2,)))] == [A, b, a]


def test_a_quantity_whose_uses_cancel_collects_nothing():
    assert pulls(a - a + zeros((2,)), var("c", (2,))) == []
    assert [p.leaf for p in pulls(0 * a @ a + s, var("c"))] == [s]


def test_pulls_with_a_zero_cotangent_are_none():
    assert pulls(A @ b, zeros((2,))) == []


def test_jacobian_of_what_does_not_occur_is_zero():
    found = jacobians(A @ b, [a, s])
    assert is_zero(found[a]) and found[a].shape == (2, 2)
    assert is_zero(found[s]) and found[s].shape == (2,)


def test_jacobian_of_itself_is_the_identity():
    np.testing.assert_array_equal(value(local_jacobian(a, a), {}), np.eye(2))
    np.testing.assert_array_equal(value(local_jacobian(A, A), {}).reshape(6, 6), np.eye(6))
    assert value(local_jacobian(s, s), {}) == 1


# -- random expressions -------------------------------------------------------------------------------------------

n, m, k = sympy.symbols("n m k", positive=True, integer=True)
SEEDS = 400
SIZES = {n: 2, m: 3, k: 4}
DIMENSIONS = tuple(SIZES)
SMOOTH = [f for f in POINTWISE.values() if f.analytic and f.domain[0] < 0]
POSITIVE = [f for f in POINTWISE.values() if f.domain[0] > 0]


class Grower:
    """Random expressions of a wanted shape; what needs a positive argument gets one."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.leaves = {}

    def pick(self, options):
        return options[int(self.rng.integers(len(options)))]

    def leaf(self, shape):
        name = f"v{self.rng.integers(3)}_" + "".join(map(str, shape))
        return self.leaves.setdefault(name, var(name, shape))

    def grow(self, shape, depth):
        if depth == 0 or self.rng.random() < 0.1:
            return self.leaf(shape)
        return self.pick((self.any_rank, self.any_rank, (self.scalar, self.vector, self.matrix)[len(shape)]))(shape, depth - 1)

    def positive(self, shape, depth):
        return self.pick((lambda e: exp(e / 2), lambda e: 1 + e * e, lambda e: sigmoid(e) + sympy.Rational(1, 3)))(
            self.grow(shape, depth)
        )

    def any_rank(self, shape, depth):
        one, two = (lambda: self.grow(shape, depth)), (lambda: self.grow(shape, depth - 1 if depth else 0))
        return self.pick((
            lambda: one() + self.pick((1, -1, 2, sympy.Rational(-2, 3))) * two(),
            lambda: one() * two(),
            lambda: tanh(one()) * self.grow((), 0),
            lambda: self.pick(SMOOTH)(tanh(one())),
            lambda: self.pick(POSITIVE)(self.positive(shape, depth)),
            lambda: two() / self.positive(shape, depth),
            lambda: power(self.positive(shape, depth), self.pick((2, 3, -2, "1/3", "-1/2"))),
            lambda: 1 - one(),
        ))()  # fmt: skip

    def scalar(self, shape, depth):
        d, c = self.pick(DIMENSIONS), self.pick(DIMENSIONS)
        return self.pick((
            lambda: inner(self.grow((d,), depth), self.grow((d,), depth)),
            lambda: trace(self.grow((d, d), depth)),
            lambda: trace(matmul(self.grow((d, c), depth), self.grow((c, d), depth))),
            lambda: mean(self.grow((d, c), depth)),
            lambda: total(self.grow((d,), depth)),
            lambda: self.grow((d,), depth) @ self.grow((d, c), depth) @ self.grow((c,), depth),
            lambda: sqnorm(self.grow((d, c), depth)) / 3,
            lambda: norm(self.positive((d,), depth)),
            lambda: ein([(self.grow((d,), depth), (0,)), (self.grow((d, c), depth), (0, 1)), (self.grow((c,), depth), (1,))], ()),
            lambda: logsumexp(self.grow((d,), depth)),
        ))()  # fmt: skip

    def vector(self, shape, depth):
        d, c = shape[0], self.pick(DIMENSIONS)
        return self.pick((
            lambda: self.grow((d, c), depth) @ self.grow((c,), depth),
            lambda: self.grow((c,), depth) @ self.grow((c, d), depth),
            lambda: (self.leaf((c,)).T @ self.leaf((c, d))).T * self.grow(shape, depth),
            lambda: diag(self.grow((d, d), depth)),
            lambda: row_sums(self.grow((d, c), depth)),
            lambda: column_sums(self.grow((c, d), depth)),
            lambda: softmax(self.grow((d,), depth)),
            lambda: logsumexp(self.grow((d, c), depth)),
            lambda: broadcast(self.grow((), depth), d),
            lambda: self.grow((), depth) * self.grow((d,), depth),
        ))()  # fmt: skip

    def matrix(self, shape, depth):
        (d, c), e = shape, self.pick(DIMENSIONS)
        square = [lambda: diag(self.grow((d,), depth)), lambda: identity(d) - self.grow(shape, depth)] if d == c else []
        return self.pick((
            lambda: self.grow((d, e), depth) @ self.grow((e, c), depth),
            lambda: self.grow((c, d), depth).T,
            lambda: outer(self.grow((d,), depth), self.grow((c,), depth)),
            lambda: softmax(self.grow(shape, depth)),
            lambda: rows(self.grow((c,), depth), d),
            lambda: columns(self.grow((d,), depth), c),
            lambda: ein(
                [(self.grow((d, c), depth), (0, 1)), (self.grow((d, d), depth), (0, 0)), (self.grow((c,), depth), (1,))], (0, 1)
            ),
            lambda: diag(self.grow((d,), depth)) @ self.grow(shape, depth),
            lambda: broadcast(self.grow((), depth), d, c),
            *square,
        ))()  # fmt: skip


@pytest.mark.parametrize("seed", range(SEEDS))
def test_random_expressions(seed):
    """<cot, J v> from the forward mode, from the reverse mode, and from a complex step of the value itself."""
    grower = Grower(seed)
    rank = seed % 3
    e = grower.grow(tuple(grower.pick(DIMENSIONS) for _ in range(rank)), 3)
    rng = np.random.default_rng([seed, 1])

    def draw(v):
        return np.asarray(rng.uniform(-0.8, 0.8, tuple(SIZES[d] for d in v.shape)))

    given = {v: draw(v) for v in grower.leaves.values()}
    cot = var("cot", e.shape)
    weights = draw(cot)
    pulled = {p.leaf: p.value for p in pulls(e, cot)}
    assert set(pulled) <= e.atoms()
    for v in e.atoms():
        direction = draw(v)
        forward = np.tensordot(value(local_jacobian(e, v), given, SIZES), direction, direction.ndim)
        back = value(pulled.get(v, zeros(v.shape)), {**given, cot: weights}, SIZES)
        stepped = value(e, {**given, v: given[v] + 1e-200j * direction}, SIZES).imag / 1e-200
        scale = max(1.0, np.abs(stepped).max(initial=0))
        np.testing.assert_allclose(forward, stepped, rtol=1e-10, atol=1e-12 * scale)
        np.testing.assert_allclose((back * direction).sum(), (weights * stepped).sum(), rtol=1e-10, atol=1e-12 * scale)


def test_random_expressions_meet_every_kind_of_einsum():
    """The generator would be worth little if it never made a diagonal, a broadcast or a repeated letter."""
    seen = set()
    for seed in range(SEEDS):
        grower = Grower(seed)
        for node in postorder(grower.grow(tuple(grower.pick(DIMENSIONS) for _ in range(seed % 3)), 3)):
            if isinstance(node, Ein):
                used = {i for _, ls in node.factors for i in ls}
                seen |= {"diagonal"} if len(set(node.out)) < len(node.out) else set()
                seen |= {"broadcast"} if set(node.out) - used else set()
                seen |= {"repeated"} if any(len(set(ls)) < len(ls) for _, ls in node.factors) else set()
                seen |= {"summed"} if node.summed else set()
                seen |= {"three"} if len(node.factors) > 2 else set()
            seen.add(type(node).__name__)
            seen |= {node.fn.name} if isinstance(node, Map) else set()
    assert {"diagonal", "broadcast", "repeated", "summed", "three", "Comp", "Lin", "Map", "Var"} <= seen
    assert {f.name for f in SMOOTH + POSITIVE} <= seen


# -- functions with kinks, and second derivatives -----------------------------------------------------------------


@pytest.mark.parametrize("fn", [*POINTWISE.values(), leaky_relu(s, "1/5").fn, elu(s, 2).fn], ids=str)
def test_pull_of_a_map_is_its_formula(fn):
    x = np.array([0.3, 1.7]) if fn.domain[0] > 0 else np.array([-0.7, 1.3])
    c = var("c", (2,))
    (found,) = pulls(fn(a), c) or [None]
    back = zeros((2,)) if found is None else found.value
    wanted = value(derivative(fn, 1, a), {a: x}) * [2.0, -3.0]
    np.testing.assert_allclose(value(back, {a: x, c: np.array([2.0, -3.0])}), wanted, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(value(local_jacobian(fn(a), a), {a: x}), np.diag(wanted / [2.0, -3.0]), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize(
    "name", ["tanh of affine", "softmax", "norm", "quadratic form", "cross-entropy", "powers", "diag between"]
)
def test_pulls_of_pulls(name):
    """A gradient is an expression like any other: its Jacobian is symmetric, and a complex step's."""
    e = CASES[name][0]()
    rng = np.random.default_rng(3)
    given = {v: rng.uniform(-0.9, 0.9, tuple(map(int, v.shape))) for v in LEAVES}
    loss = inner(e, e)
    gradient = {p.leaf: p.value for p in pulls(loss, 1 + 0 * s)}
    leaf = next(iter(gradient))
    hessian = value(local_jacobian(gradient[leaf], leaf), given)
    size = given[leaf].size
    np.testing.assert_allclose(hessian.reshape(size, size), hessian.reshape(size, size).T, rtol=1e-9, atol=1e-10)
    direction = rng.uniform(-1, 1, given[leaf].shape)
    stepped = value(gradient[leaf], {**given, leaf: given[leaf] + 1e-200j * direction}).imag / 1e-200
    np.testing.assert_allclose(np.tensordot(hessian, direction, direction.ndim), stepped, rtol=1e-9, atol=1e-10)


# -- compositions -------------------------------------------------------------------------------------------------


def test_inputs_that_hold_one_another():
    """Through the body of two inputs where one stands inside the other."""
    gap = Composition("gap", lambda u, v: sqnorm(u - v * v), None, "")
    e = gap(a, tanh(a * a))
    x = np.array([0.4, -0.7])
    stepped = [value(e, {a: x + 1e-200j * d}).imag / 1e-200 for d in np.eye(2)]
    c = var("c")
    np.testing.assert_allclose(value(pulls(e, c)[0].value, {a: x, c: 1.0}), stepped, rtol=1e-12)
    np.testing.assert_allclose(value(local_jacobian(e, a), {a: x}), stepped, rtol=1e-12)


def test_the_same_input_twice():
    dot = Composition("dot", inner, None, "")
    x, c = np.array([0.4, -0.7]), var("c")
    np.testing.assert_allclose(value(pulls(dot(a, a), c)[0].value, {a: x, c: 1.0}), 2 * x)
    np.testing.assert_allclose(value(local_jacobian(dot(a, a), a), {a: x}), 2 * x)


@pytest.mark.parametrize("record", COMPOSITIONS.values(), ids=lambda r: r.name)
def test_composition_rule(record):
    node = record(A @ b)
    (v, plain), (u_bar, back) = composition_rule(node)
    u = plain.inputs[0]
    assert u_bar is u.adjoint and plain.record is record
    x, cot = np.array([0.3, -0.8]), np.random.default_rng(0).uniform(-1, 1, tuple(map(int, v.shape)))
    out = value(plain, {u: x})
    stepped = [(cot * value(plain, {u: x + 1e-200j * d}).imag / 1e-200).sum() for d in np.eye(2)]
    np.testing.assert_allclose(value(back, {u: x, v: out, v.adjoint: cot}), stepped, rtol=1e-12)


# -- time, open functions -----------------------------------------------------------------------------------------

T, ONE = Instant("T"), Instant("", 1)
x_t, w = var("x", (), Instant("t")), var("w")


def sequence(numbers):
    return {x_t.at(Instant("", 1 + i)): np.asarray(v) for i, v in enumerate(numbers)}


def test_sums_over_time_bind():
    e = over("sum", w * tanh(w * x_t), "t", ONE, T)
    found = {p.leaf: p for p in pulls(e, var("c"))}
    assert found[x_t].binder == ("t", ONE, T) and found[w].binder == ("t", ONE, T)
    given = {**sequence([0.3, -0.5, 0.9]), w: 0.7}
    stepped = value(e, {**given, w: 0.7 + 1e-200j}, last=3).imag / 1e-200
    back = over("sum", found[w].value, *found[w].binder)
    assert value(back, {**given, var("c"): 1.0}, last=3) == pytest.approx(stepped, rel=1e-13)
    assert value(local_jacobian(e, w), given, last=3) == pytest.approx(stepped, rel=1e-13)


def test_a_use_inside_a_sum_and_one_outside_stay_apart():
    found = pulls(w * over("sum", w * x_t, "t", ONE, T), var("c"))
    assert sorted(p.binder is None for p in found if p.leaf is w) == [False, True]


def test_a_bound_instant_is_not_a_free_one():
    """The t of a sum over t is the sum's own: the Jacobian with respect to x[t] at a free t isn't the sum of all slopes."""
    given = sequence([0.3, -0.5, 0.9])
    try:
        J = local_jacobian(over("sum", x_t * x_t, "t", ONE, T), x_t)
    except MissingRule:
        return
    found = Evaluator(Point(None, given, {}, 3)).value(J, {"t": 2})
    assert float(found) == pytest.approx(-1.0)


def test_open_functions():
    ell = opaque("ell", None, tanh(A @ b))
    c = var("c")
    back = {p.leaf: p.value for p in pulls(ell, c)}
    slope = opaque("ell", None, tanh(A @ b), 1)
    by_hand = {p.leaf: p.value for p in pulls(tanh(A @ b), c * slope)}
    assert back == by_hand
    assert local_jacobian(ell, s) is zeros(())


def test_chain_term_means_the_pull():
    c = var("c", (2,))
    z = A @ b
    given = {A: np.arange(6.0).reshape(2, 3), b: np.array([1.0, -2.0, 0.5]), c: np.array([2.0, -1.0])}
    for p in pulls(z, c):
        opened = rebuild(chain_term(c, var("z", (2,)), p.leaf), lambda e: e)
        assert opened.shape == p.leaf.shape
        jacobian = local_jacobian(z, p.leaf)
        letters = tuple(range(1, 1 + len(p.leaf.shape)))
        np.testing.assert_allclose(value(ein([(c, (0,)), (jacobian, (0, *letters))], letters), given), value(p.value, given))


# -- what has no rule ---------------------------------------------------------------------------------------------


class Strange(Expr):
    """A kind that nobody has written a rule for."""

    __slots__ = ("inside",)

    def children(self):
        return (self.inside,)

    def with_children(self, children):
        return strange(*children)


def strange(inside):
    node = super(Expr, Strange).__new__(Strange)
    node.inside, node.shape = inside, inside.shape
    return node


@pytest.mark.parametrize("depth", [0, 1])
def test_a_kind_without_a_rule_raises(depth):
    e = strange(a) if depth == 0 else 2 * a + strange(a)
    with pytest.raises(MissingRule, match="Strange"):
        pulls(e, var("c", (2,)))
    with pytest.raises(MissingRule, match="Strange"):
        local_jacobian(e, a)
    with pytest.raises(MissingRule, match="Strange"):
        value(e, {a: np.ones(2)})


def test_products_over_time_have_no_rule():
    product = over("product", w * x_t, "t", ONE, T)
    with pytest.raises(MissingRule, match="product over time"):
        pulls(2 * product, var("c"))
    with pytest.raises(MissingRule, match="Over"):
        local_jacobian(2 * product, w)


def test_sums_inside_sums_have_no_pull():
    twice = over("sum", over("sum", x_t * var("y", (), Instant("s")), "s", ONE, T), "t", ONE, T)
    with pytest.raises(MissingRule, match="an equation of its own"):
        pulls(twice, var("c"))


def test_symbols_of_jacobians_have_no_rule():
    """Nothing ever falls back to zero: du/da depends on a in ways that the symbol doesn't show."""
    symbol = jac(var("u", (2,)), a)
    assert isinstance(symbol, Jac)
    with pytest.raises(MissingRule, match="Jac"):
        pull(symbol, var("c", (2, 2)))
    with pytest.raises(MissingRule, match="Jac"):
        local_jacobian(diag(symbol), a)


def test_open_functions_have_one_derivative():
    with pytest.raises(MissingRule, match="second derivative of the open function ell"):
        pulls(opaque("ell", None, a, 1), var("c", (2,)))
    with pytest.raises(MissingRule):
        local_jacobian(opaque("ell", None, a, 1), a)


def test_kinks_have_the_table_slope():
    given = {a: np.array([0.0, 0.0]), var("c", (2,)): np.ones(2)}
    for fn, slope in ((relu, 0), (POINTWISE["abs"], 0), (POINTWISE["sign"], 0), (recip, None), (leaky_relu(s, "1/5").fn, 0.2)):
        if slope is not None:
            found = pulls(fn(a), var("c", (2,)))
            back = value(found[0].value, given) if found else np.zeros(2)
            np.testing.assert_array_equal(back, [slope, slope])
