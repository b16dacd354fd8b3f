import inspect
import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy

from derive import definitions, kernels
from derive.adjoint import _pull_body as pull_through_body
from derive.adjoint import derivative, pull, pulls
from derive.expr import ROW, DeriveError, Map, ShapeError, apply, compose, constant, postorder, var
from derive.numeric import Evaluator, Point
from derive.ops import CALLABLES, COMPOSITIONS, POINTWISE, elu, leaky_relu, power_function

X = var("x")
MEMBERS = [
    *(leaky_relu(X, a).fn for a in ("1/100", "1/5", 2, -1, 0)),
    *(elu(X, a).fn for a in (1, "1/2", 2, 0)),
    *(power_function(n) for n in (2, 3, 4, 5, -2, -3, "1/3", "3/2", "-1/2", "-3/2", "0.7")),
]
FUNCTIONS = [*POINTWISE.values(), *MEMBERS]
KINKED = [f for f in FUNCTIONS if f.kinks]
FAMILIES = {"leaky_relu": leaky_relu, "elu": elu, "power": lambda x, n: apply(power_function(n), x)}
every_function = pytest.mark.parametrize("fn", FUNCTIONS, ids=str)


@pytest.fixture(autouse=True)
def _precisely():
    with mpmath.workdps(40):
        yield


def value(e, **given):
    """The numbers of an expression in explicit sizes, by the evaluator alone."""
    shapes = {v.name: v for n in postorder(e) for v in [n] if not n.children() and hasattr(n, "name")}
    point = Point(None, {shapes[k]: np.asarray(a) for k, a in given.items() if k in shapes}, {}, 0)
    return Evaluator(point).value(e)


def samples(fn):
    """The domain that tests may sample, with both its ends and the middle."""
    return np.linspace(*fn.domain, 41)


def large(fn):
    return np.array([1e-9, 30.0, 1e6] if fn.domain[0] > 0 else [-700.0, -40.0, -8.0, -1e-9, 1e-9, 8.0, 40.0, 700.0])


def smooth(fn, xs):
    """Away from kinks; a function that is not analytic may have a jump in a higher derivative at 0."""
    at = fn.kinks if fn.analytic else (*fn.kinks, 0.0)
    return [float(x) for x in xs if all(abs(x - k) > 0.05 for k in at)]


def oracle(fn, x):
    return float(fn.oracle(mpmath.mpf(float(x))))


# -- pointwise functions ------------------------------------------------------------------------------------------


@every_function
def test_kernel_equals_the_oracle(fn):
    xs = np.concatenate([samples(fn), large(fn)])
    np.testing.assert_allclose(kernels.pointwise(fn, xs), [oracle(fn, x) for x in xs], rtol=1e-13, atol=1e-14)


@every_function
def test_kernel_takes_arrays_of_every_rank(fn):
    xs = samples(fn)[:24]
    for shape in ((), (24,), (4, 6), (2, 3, 4)):
        block = xs[0] if shape == () else xs.reshape(shape)
        assert np.shape(kernels.pointwise(fn, block)) == shape
    assert np.shape(kernels.pointwise(fn, xs[:0])) == (0,)


@every_function
@pytest.mark.parametrize("order", [1, 2, 3])
def test_derivative_equals_the_numeric_one(fn, order):
    for x in smooth(fn, [*samples(fn)[::3], *large(fn)]):
        wanted = float(mpmath.diff(fn.oracle, mpmath.mpf(x), order))
        scale = max(1.0, abs(wanted))
        assert float(value(derivative(fn, order, X), x=x)) == pytest.approx(wanted, rel=1e-9, abs=1e-10 * scale), x
        assert float(value(apply(fn, X, order), x=x)) == pytest.approx(wanted, rel=1e-9, abs=1e-10 * scale), x


@every_function
def test_the_records_own_derivative_is_the_first_one(fn):
    assert derivative(fn, 1, X) is fn.derivative(X, fn(X))
    assert derivative(fn, 0, X) is fn(X)


@every_function
def test_derivative_in_the_output_means_the_same(fn):
    """The output may be a node of its own: h(1 - h), with h standing for sigma(z)."""
    y = var("y")
    for x in smooth(fn, samples(fn)[::4]):
        inside = value(fn.derivative(X, y), x=x, y=oracle(fn, x))
        assert float(inside) == pytest.approx(float(value(derivative(fn, 1, X), x=x)), rel=1e-12, abs=1e-13)


@pytest.mark.parametrize("fn", [f for f in FUNCTIONS if f.exact], ids=str)
def test_exact_rewriting_is_the_same_function(fn):
    xs = [*samples(fn), *([0.0] if fn.domain[0] <= 0 else [])]
    np.testing.assert_allclose([value(fn.exact(X), x=x) for x in xs], kernels.pointwise(fn, np.array(xs)), rtol=1e-12, atol=1e-13)


@every_function
def test_exact_rewriting_ends_in_elementary_functions(fn):
    e, rounds = fn(X), 0
    while True:
        maps = {n for n in postorder(e) if isinstance(n, Map) and n.fn.exact is not None}
        again = e.xreplace({n: n.fn.exact(n.arg) for n in maps})
        if again is e:
            break
        e, rounds = again, rounds + 1
        assert rounds < 6
    kept = {n.fn.name for n in postorder(e) if isinstance(n, Map) and n.fn.exact is not None}
    assert kept <= {"exp", "log", "sqrt", "sign", "recip", "power"}


@every_function
def test_sympy_equals_the_oracle(fn):
    for x in (Fraction(round(40 * x), 40) for x in samples(fn)[::4]):
        exact = sympy.Rational(x.numerator, x.denominator)
        found = sympy.sympify(fn.formula(exact)).evalf(30)
        assert complex(found) == pytest.approx(oracle(fn, float(x)), rel=1e-13, abs=1e-14), x


@every_function
def test_sympys_derivative_is_ours(fn):
    s = sympy.Symbol("s", real=True)
    slope = sympy.diff(fn.formula(s), s)
    for x in smooth(fn, samples(fn)[::5]):
        wanted = complex(slope.subs(s, sympy.Rational(str(x))).evalf(30))
        assert wanted == pytest.approx(float(value(derivative(fn, 1, X), x=x)), rel=1e-9, abs=1e-11)


def extreme(fn, sign):
    """The largest value of sign * f, by zooming in on the best sample."""
    xs = np.unique(np.concatenate([np.linspace(*fn.domain, 401), [] if fn.domain[0] > 0 else np.linspace(-30, 30, 401)]))
    for _ in range(12):
        ys = [sign * fn.oracle(mpmath.mpf(float(x))) for x in xs]
        best = max(range(len(xs)), key=ys.__getitem__)
        xs = np.linspace(xs[max(best - 1, 0)], xs[min(best + 1, len(xs) - 1)], 21)
    return sign * max(ys)


@every_function
def test_range_holds(fn):
    assert fn.range[0] <= extreme(fn, -1)
    assert extreme(fn, 1) <= fn.range[1]


@every_function
def test_range_is_not_wider_than_the_function(fn):
    """A finite bound is one that the function comes near: the judge draws conclusions from it."""
    for sign, bound in ((-1, fn.range[0]), (1, fn.range[1])):
        if math.isfinite(bound) and not (bound == 0 and fn.domain[0] > 0):
            assert float(extreme(fn, sign)) == pytest.approx(bound, abs=1e-6)


@pytest.mark.parametrize("fn", [f for f in FUNCTIONS if f.pieces], ids=str)
def test_pieces_equal_the_function_on_each_side(fn):
    below, above = (piece(X) for piece in fn.pieces)
    for x in smooth(fn, samples(fn)):
        piece = below if x < 0 else above
        assert float(value(piece, x=x)) == pytest.approx(oracle(fn, x), rel=1e-13, abs=1e-15)


@pytest.mark.parametrize("fn", KINKED, ids=str)
def test_slope_at_a_kink_is_between_those_of_its_sides(fn):
    for kink in fn.kinks:
        sides = sorted(
            float(mpmath.diff(fn.oracle, mpmath.mpf(kink) + s * mpmath.mpf("1e-6"), h=mpmath.mpf("1e-12"))) for s in (-1, 1)
        )
        for found in (value(derivative(fn, 1, X), x=kink), value(apply(fn, X, 1), x=kink)):
            assert sides[0] - 1e-5 <= float(found) <= sides[1] + 1e-5


@pytest.mark.parametrize("fn", [f for f in FUNCTIONS if f.domain[0] < 0], ids=str)
def test_kinks_are_where_the_slope_jumps(fn):
    left, right = (mpmath.diff(fn.oracle, s * mpmath.mpf("1e-9"), h=mpmath.mpf("1e-14")) for s in (-1, 1))
    ends = fn.oracle(mpmath.mpf("-1e-12")), fn.oracle(mpmath.mpf("1e-12"))
    smooth_there = abs(left - right) < 1e-6 and abs(ends[0] - ends[1]) < 1e-6
    assert smooth_there or 0.0 in fn.kinks


def test_relu_has_slope_zero_at_zero():
    relu = POINTWISE["relu"]
    assert value(apply(relu, X, 1), x=0.0) == 0
    assert value(derivative(relu, 1, X), x=0.0) == 0
    assert value(pulls(relu(X), var("c"))[0].value, x=0.0, c=3.0) == 0


CONSTANTS = [sympy.Rational(c) for c in ("-4", "-3/2", "-1", "0", "1/4", "1", "2", "4", "8")]


@every_function
@pytest.mark.parametrize("c", CONSTANTS, ids=str)
def test_at_constant_is_exact_or_none(fn, c):
    found = fn.at_constant(c)
    if found is None:
        return
    assert found.is_Rational
    assert found == pytest.approx(float(mpmath.re(fn.oracle(mpmath.mpf(c.p) / c.q))), rel=1e-14)
    assert apply(fn, constant(c, (3,))) is constant(found, (3,))


@pytest.mark.parametrize(
    ("name", "c", "wanted"),
    [("exp", 0, 1), ("log", 1, 0), ("sqrt", 4, 2), ("relu", -3, 0), ("relu", 0, 0), ("tanh", 0, 0), ("sigmoid", 0, "1/2"),
     ("step", 0, 0), ("sign", 0, 0), ("abs", "-3/2", "3/2"), ("recip", 4, "1/4"), ("softplus", 0, None), ("exp", 1, None),
     ("log", 0, None), ("log", -1, None), ("recip", 0, None), ("sqrt", -4, None), ("sqrt", 2, None)],
)  # fmt: skip
def test_at_constant_knows(name, c, wanted):
    found = POINTWISE[name].at_constant(sympy.Rational(c))
    assert found == (None if wanted is None else sympy.Rational(wanted))


@pytest.mark.parametrize("fn", [f for f in FUNCTIONS if f.analytic], ids=str)
def test_kernel_takes_complex_steps(fn):
    """At 0 too: an initial state of zeros is the most common value there is."""
    xs = [*samples(fn)[::4], *([0.0, -1e-9, 30.0, -30.0] if fn.domain[0] <= 0 else [])]
    for x in xs:
        step = kernels.pointwise(fn, np.array(x + 1e-200j)).imag / 1e-200
        assert step == pytest.approx(float(value(derivative(fn, 1, X), x=float(x))), rel=1e-12, abs=1e-14), x


@pytest.mark.parametrize("fn", MEMBERS, ids=str)
def test_one_record_for_one_parameter(fn):
    assert FAMILIES[fn.name](X, fn.parameters[0]).fn is fn


def test_families_meet_the_named_functions():
    assert power_function(-1) is POINTWISE["recip"]
    assert power_function(Fraction(1, 2)) is POINTWISE["sqrt"]
    assert power_function(0.5) is POINTWISE["sqrt"]
    assert leaky_relu(X, 0.01).fn is leaky_relu(X).fn


def test_powers_fold():
    assert X**1 is X
    assert X**0 is constant(1)
    assert (X / 1) is X
    assert (1 / X) is POINTWISE["recip"](X)


# -- compositions -------------------------------------------------------------------------------------------------


def composed(record, rank):
    """The composition of fresh variables of that rank, or None where it takes none such."""
    sizes = (3, 4)[2 - rank :]
    inputs = [var(f"a{k}", sizes) for k in range(len(inspect.signature(record.body).parameters))]
    try:
        return compose(record, *inputs)
    except ShapeError:
        return None


COMPOSED = [c for record in COMPOSITIONS.values() for rank in (0, 1, 2) if (c := composed(record, rank)) is not None]
every_composition = pytest.mark.parametrize("node", COMPOSED, ids=lambda c: f"{c.record.name}-rank{len(c.inputs[0].shape)}")


def draw(node, seed=0, scale=1.0, **more):
    rng = np.random.default_rng(seed)
    shapes = {v.name: tuple(map(int, v.shape)) for v in (*node.inputs, *more.values())}
    return {name: rng.uniform(-scale, scale, shape) for name, shape in shapes.items()}


def test_every_composition_is_tested():
    assert {c.record.name for c in COMPOSED} == set(COMPOSITIONS)


@every_composition
def test_composition_equals_its_body(node):
    for seed in range(3):
        given = draw(node, seed, 2.0)
        np.testing.assert_allclose(value(node, **given), value(node.body, **given), rtol=1e-13)
        assert np.shape(value(node, **given)) == tuple(node.shape)


@every_composition
def test_pull_equals_that_of_the_body(node):
    cot = var("cot", node.shape)
    given = draw(node, 1, cot=cot)
    for own, through in zip(pull(node, cot), pull_through_body(node, cot), strict=True):
        assert own.shape == through.shape
        np.testing.assert_allclose(value(own, **given), value(through, **given), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    "node", [c for c in COMPOSED if c.record.pull], ids=lambda c: f"{c.record.name}-rank{len(c.inputs[0].shape)}"
)
def test_pull_in_the_nodes_own_output(node):
    """Where the output is a node of its own: p (cot - p . cot), with p standing for softmax(z)."""
    out, cot = var("out", node.shape), var("cot", node.shape)
    given = draw(node, 2, cot=cot)
    named = node.record.pull(out, node.inputs, cot)
    for a, b in zip(named, pull_through_body(node, cot), strict=True):
        np.testing.assert_allclose(value(a, out=value(node, **given), **given), value(b, **given), rtol=1e-12, atol=1e-14)


@every_composition
def test_composition_holds_for_large_arguments(node):
    given = draw(node, 3, 700.0)
    found = value(node, **given)
    assert np.isfinite(found).all()
    if node.record.name in ("softmax", "logsumexp"):
        rows = np.atleast_2d(given["a0"])
        exact = [[mpmath.exp(mpmath.mpf(float(z))) for z in row] for row in rows]
        sums = [mpmath.fsum(row) for row in exact]
        wanted = {
            "softmax": [[float(e / s) for e in row] for row, s in zip(exact, sums, strict=True)],
            "logsumexp": [float(mpmath.log(s)) for s in sums],
        }[node.record.name]
        np.testing.assert_allclose(found, np.reshape(wanted, node.shape), rtol=1e-12, atol=1e-300)


@every_composition
def test_positive_compositions_are(node):
    found = np.min(value(node, **draw(node, 4, 3.0)))
    assert found >= 0 or not node.record.positive


# -- contractions -------------------------------------------------------------------------------------------------

p, q, r = 3, 4, 5
a, b, c, s = var("a", (p,)), var("b", (p,)), var("c", (q,)), var("s")
A, B, C, S = var("A", (p, q)), var("B", (q, r)), var("C", (p, q)), var("S", (p, p))
CONTRACTIONS = {
    "inner": [(lambda f: f(a, b), lambda v: v.a @ v.b), (lambda f: f(A, C), lambda v: np.trace(v.A.T @ v.C)),
              (lambda f: f(s, s), lambda v: v.s**2)],
    "dot": [(lambda f: f(a, b), lambda v: v.a @ v.b)],
    "outer": [(lambda f: f(a, c), lambda v: np.outer(v.a, v.c))],
    "trace": [(lambda f: f(S), lambda v: np.trace(v.S)), (lambda f: f(A @ C.T), lambda v: np.trace(v.A @ v.C.T))],
    "diag": [(lambda f: f(a), lambda v: np.diag(v.a)), (lambda f: f(S), lambda v: np.diag(v.S)),
             (lambda f: f(f(a)), lambda v: v.a),
             (lambda f: f(f(S)), lambda v: np.diag(np.diag(v.S))), (lambda f: f(a) @ A, lambda v: v.a[:, None] * v.A)],
    "total": [(lambda f: f(A), lambda v: v.A.sum()), (lambda f: f(a), lambda v: v.a.sum()), (lambda f: f(s), lambda v: v.s)],
    "row_sums": [(lambda f: f(A), lambda v: v.A.sum(1))],
    "column_sums": [(lambda f: f(A), lambda v: v.A.sum(0))],
    "rows": [(lambda f: f(a, q), lambda v: np.tile(v.a, (q, 1)))],
    "columns": [(lambda f: f(a, q), lambda v: np.tile(v.a[:, None], (1, q)))],
    "broadcast": [(lambda f: f(s, p), lambda v: np.full(p, v.s)), (lambda f: f(s, p, q), lambda v: np.full((p, q), v.s))],
    "identity": [(lambda f: f(p), lambda v: np.eye(p)), (lambda f: f(p) @ A, lambda v: v.A),
                 (lambda f: S * f(p), lambda v: np.diag(np.diag(v.S)))],
    "ones": [(lambda f: f(p), lambda v: np.ones(p)), (lambda f: f(p, q), lambda v: np.ones((p, q))),
             (lambda f: a @ f(p), lambda v: v.a.sum())],
    "mean": [(lambda f: f(A), lambda v: v.A.mean()), (lambda f: f(a), lambda v: v.a.mean()), (lambda f: f(s), lambda v: v.s)],
    "transpose": [(lambda f: f(A), lambda v: v.A.T), (lambda f: f(f(A)), lambda v: v.A), (lambda f: f(a), lambda v: v.a[None, :]),
                  (lambda f: f(f(a)), lambda v: v.a), (lambda f: f(s), lambda v: v.s)],
    "matmul": [(lambda f: f(A, B), lambda v: v.A @ v.B), (lambda f: f(A, c), lambda v: v.A @ v.c),
               (lambda f: f(a, A), lambda v: v.a @ v.A),
               (lambda f: f(a, b), lambda v: v.a @ v.b), (lambda f: f(a.T, b), lambda v: v.a @ v.b),
               (lambda f: f(a, c.T), lambda v: np.outer(v.a, v.c)),
               (lambda f: f(a.T, A), lambda v: (v.a @ v.A)[None, :]), (lambda f: f(f(a.T, A), c), lambda v: v.a @ v.A @ v.c),
               (lambda f: f(f(A, B), B.T), lambda v: v.A @ v.B @ v.B.T)],
    "inverse": [(lambda f: f(S), lambda v: np.linalg.inv(v.S)), (lambda f: f(S) @ a, lambda v: np.linalg.solve(v.S, v.a)),
                (lambda f: f(f(S)), lambda v: v.S), (lambda f: f(A @ C.T), lambda v: np.linalg.inv(v.A @ v.C.T))],
    "det": [(lambda f: f(S), lambda v: np.linalg.det(v.S)), (lambda f: f(S.T), lambda v: np.linalg.det(v.S))],
    "concat": [(lambda f: f(a, c), lambda v: np.concatenate([v.a, v.c])), (lambda f: f(a, c, b), lambda v: np.concatenate([v.a, v.c, v.b])),
               (lambda f: f(a), lambda v: v.a)],
}  # fmt: skip


ROWS = {
    "a.T A": lambda: a.T @ A, "a.T 0": lambda: a.T @ (A - A), "0 c.T": lambda: 0 * c.T, "exp(c.T)": lambda: POINTWISE["exp"](c.T),
    "softmax(c.T)": lambda: COMPOSITIONS["softmax"](c.T), "product": lambda: c.T * COMPOSITIONS["softmax"](c.T),
    "difference": lambda: c.T - c.T + POINTWISE["tanh"](c.T), "multiple": lambda: c.T * s / 2,
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_a_row_transposes_to_a_vector_whatever_is_in_it(name):
    """A row that happens to be zero, or a softmax, is no less a row: its shape must not depend on what it simplifies to."""
    row = ROWS[name]()
    assert row.shape == (ROW, q)
    assert row.T.shape == (q,)
    assert row.T.T.shape == (ROW, q)


class Arrays(dict):
    __getattr__ = dict.__getitem__


def test_every_contraction_is_tested():
    functions = {*POINTWISE, *COMPOSITIONS, *FAMILIES}
    assert set(CONTRACTIONS) == set(CALLABLES) - functions


@pytest.mark.parametrize(("name", "k"), [(n, k) for n, cases in CONTRACTIONS.items() for k in range(len(cases))])
def test_contraction_equals_numpy(name, k):
    build, plain = CONTRACTIONS[name][k]
    rng = np.random.default_rng(k)
    given = Arrays({v.name: rng.uniform(-1, 1, tuple(map(int, v.shape))) for v in (a, b, c, s, A, B, C, S)})
    e, wanted = build(CALLABLES[name]), np.asarray(plain(given))
    assert tuple(int(str(d)) for d in e.shape) == wanted.shape
    np.testing.assert_allclose(value(e, **given), wanted, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize(
    ("call", "parts"),
    [(lambda f: f["outer"](A, a), ["outer takes a vector", "R^(3 x 4)"]), (lambda f: f["trace"](A), ["square", "R^(3 x 4)"]),
     (lambda f: f["trace"](a), ["trace takes a matrix", "R^3"]), (lambda f: f["inner"](a, c), ["one shape", "R^3", "R^4"]),
     (lambda f: f["matmul"](A, A), ["R^(3 x 4)"]), (lambda f: f["rows"](A, 3), ["rows takes a vector"]),
     (lambda f: f["softmax"](s), ["softmax takes a vector or a matrix", "a scalar"]),
     (lambda f: f["row_sums"](a), ["row_sums takes a matrix"]),
     (lambda f: f["transpose"](var("Z", (2, 3, 4))), ["transpose"]), (lambda f: A + B, ["add", "R^(3 x 4)", "R^(4 x 5)"]),
     (lambda f: a * c, ["multiply", "R^3", "R^4"]), (lambda f: A * a, ["entry by entry", "`@` is the matrix product"]),
     (lambda f: f["broadcast"](a, 3), ["broadcast takes a scalar"]),
     (lambda f: f["diag"](s), ["diag takes a vector or a matrix"]),
     (lambda f: f["norm"](a) @ a, ["`@` needs vectors or matrices"])],
)  # fmt: skip
def test_shape_errors_name_both_shapes(call, parts):
    with pytest.raises(ShapeError) as error:
        call(CALLABLES)
    assert all(part in str(error.value) for part in parts), error.value


@pytest.mark.parametrize("size", [0, -1, "1/2", 1.5])
def test_sizes_are_positive_integers(size):
    with pytest.raises(DeriveError, match="is not a size"):
        CALLABLES["identity"](size)


def test_letters_of_two_sizes_are_refused():
    n, m = sympy.symbols("n m", positive=True, integer=True)
    with pytest.raises(ShapeError):
        CALLABLES["matmul"](var("P", (p, n)), var("Q", (m, q)))


# -- the textbook definitions -------------------------------------------------------------------------------------


def defined():
    """The definitions, executed: nothing in the package does."""
    space = {name: getattr(math, name) for name in ("exp", "log", "sqrt", "erf", "pi")}
    exec(inspect.getsource(definitions), space)
    return {name: f for name, f in space.items() if inspect.isfunction(f)}


DEFINED = defined()


@pytest.mark.parametrize("name", DEFINED)
def test_definition_is_the_tables_function(name):
    f = DEFINED[name]
    parameters = [()] if len(inspect.signature(f).parameters) == 1 else [(0.01,), (0.5,), (2.0,)]
    for given in parameters:
        fn = FAMILIES[name](X, *given).fn if name in FAMILIES else POINTWISE[name]
        for x in (*samples(fn), 0.0, -5.0, 5.0):
            assert f(float(x), *given) == pytest.approx(float(kernels.pointwise(fn, np.array(x))), rel=1e-12, abs=1e-13)


def test_every_activation_has_a_definition():
    """What is not elementary: a name that a reader of the sheet may not know."""
    elementary = {"exp", "log", "sqrt", "recip", "sin", "cos", "erf", "sign", "abs", "step", "power"}
    assert {f.name for f in FUNCTIONS} - elementary == set(DEFINED)
