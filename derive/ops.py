"""THE TABLE: one record per pointwise function, one per named composition, one line per named contraction.

A record holds everything the project knows about a function; the tests run over the table and name no function.
The frameworks' convention relu'(0) = 0 holds throughout.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import sympy

from derive.expr import (
    ROW,
    DeriveError,
    Expr,
    ShapeError,
    apply,
    as_expr,
    compose,
    concat,
    det,
    ein,
    exact,
    inverse,
    matmul,
    ones,
    show_operand,
    show_shape,
    transpose,
    zeros,
)

Interval = tuple[float, float]
EVERYWHERE: Interval = (-float("inf"), float("inf"))


@dataclass(frozen=True, eq=False)
class Function:
    """A pointwise function.

    derivative: f'(x) from the argument x and the output y = f(x), in whichever is shorter.
    kernel, oracle: names in `derive.kernels` (NumPy) and in mpmath, or a formula over mpmath.
    exact: the same function in exp, log, sqrt, sign, recip and polynomials, for the judge; None: it has none.
    """

    name: str
    derivative: Callable[[Expr, Expr], Expr]
    oracle: Callable[[Any], Any]
    formula: Callable[[Any], Any]  # the same as a SymPy expression
    latex: str
    text: str = ""
    range: Interval = EVERYWHERE
    domain: Interval = (-2.0, 2.0)
    kinks: tuple[float, ...] = ()
    analytic: bool = True
    opened: bool = True  # f' is shown by its formula (1/x), not as f' (sigma')
    style: str = "call"
    exact: Callable[[Expr], Expr] | None = None
    parameters: tuple[sympy.Expr, ...] = ()
    pieces: tuple[Callable[[Expr], Expr], Callable[[Expr], Expr]] | None = None  # what it is for x < 0, and for x > 0

    def __call__(self, x: Any) -> Expr:
        return apply(self, as_expr(x))

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.parameters))})" if self.parameters else self.name

    __repr__ = __str__

    @property
    def positive(self) -> bool:
        return self.range[0] >= 0

    def at_constant(self, value: sympy.Expr) -> sympy.Expr | None:
        """f(value) where that is a rational number: exp(0) is 1; None where it isn't."""
        if not value.is_Rational or (self.name in ("recip", "log") and value <= 0):
            return None
        result = self.formula(value)
        return result if getattr(result, "is_Rational", False) else None


def _mp(name: str) -> Callable[[Any], Any]:
    def oracle(x: Any) -> Any:
        import mpmath

        return getattr(mpmath, name)(x)

    return oracle


def _ones(x: Expr) -> Expr:
    return ones(x.shape)


# -- elementary functions -----------------------------------------------------------------------------------------

exp: Function = Function(
    "exp", lambda x, y: y, _mp("exp"), sympy.exp, r"\exp", range=(0, float("inf")), style="exp", exact=lambda x: exp(x)
)
log: Function = Function("log", lambda x, y: recip(x), _mp("log"), sympy.log, r"\log", domain=(0.2, 3.0), exact=lambda x: log(x))
sqrt: Function = Function(
    "sqrt",
    lambda x, y: recip(y) / 2,
    _mp("sqrt"),
    sympy.sqrt,
    r"\sqrt",
    style="sqrt",
    range=(0, float("inf")),
    domain=(0.2, 3.0),
    exact=lambda x: sqrt(x),
)
recip: Function = Function(
    "recip",
    lambda x, y: -power(y, 2),
    lambda x: 1 / x,
    lambda x: 1 / x,
    "",
    style="power",
    domain=(0.2, 3.0),
    parameters=(sympy.S.NegativeOne,),
    exact=lambda x: recip(x),
)
sin: Function = Function("sin", lambda x, y: cos(x), _mp("sin"), sympy.sin, r"\sin", range=(-1, 1))
cos: Function = Function("cos", lambda x, y: -sin(x), _mp("cos"), sympy.cos, r"\cos", range=(-1, 1))
erf: Function = Function(
    "erf",
    lambda x, y: exp(-power(x, 2)) * (2 / sympy.sqrt(sympy.pi)),
    _mp("erf"),
    sympy.erf,
    r"\operatorname{erf}",
    range=(-1, 1),
    analytic=False,
)
sign: Function = Function(
    "sign",
    lambda x, y: zeros(x.shape),
    _mp("sign"),
    sympy.sign,
    r"\operatorname{sign}",
    range=(-1, 1),
    kinks=(0.0,),
    analytic=False,
    exact=lambda x: sign(x),
    pieces=(lambda x: -_ones(x), _ones),
)
absolute: Function = Function(
    "abs",
    lambda x, y: sign(x),
    _mp("fabs"),
    sympy.Abs,
    "",
    style="abs",
    range=(0, float("inf")),
    kinks=(0.0,),
    analytic=False,
    exact=lambda x: x * sign(x),
    pieces=(lambda x: -x, lambda x: x),
)
step: Function = Function(
    "step",
    lambda x, y: zeros(x.shape),
    lambda x: 1 if x > 0 else 0,
    lambda x: sympy.Heaviside(x, 0),
    r"\mathbf{1}",
    "1",
    range=(0, 1),
    kinks=(0.0,),
    analytic=False,
    style="step",
    exact=lambda x: (sign(x) + power(sign(x), 2)) / 2,
    pieces=(lambda x: zeros(x.shape), _ones),
)

# -- activations --------------------------------------------------------------------------------------------------

tanh: Function = Function(
    "tanh",
    lambda x, y: 1 - power(y, 2),
    _mp("tanh"),
    sympy.tanh,
    r"\tanh",
    range=(-1, 1),
    exact=lambda x: 1 - 2 * recip(exp(2 * x) + 1),
)
sigmoid: Function = Function(
    "sigmoid",
    lambda x, y: y * (1 - y),
    lambda x: 1 / (1 + _mp("exp")(-x)),
    lambda x: 1 / (1 + sympy.exp(-x)),
    r"\sigma",
    "σ",
    range=(0, 1),
    opened=False,
    exact=lambda x: recip(1 + exp(-x)),
)
relu: Function = Function(
    "relu",
    lambda x, y: step(x),
    lambda x: max(x, 0),
    lambda x: sympy.Max(x, 0),
    r"\operatorname{relu}",
    range=(0, float("inf")),
    kinks=(0.0,),
    analytic=False,
    opened=False,
    exact=lambda x: x * (1 + sign(x)) / 2,
    pieces=(lambda x: zeros(x.shape), lambda x: x),
)
softplus: Function = Function(
    "softplus",
    lambda x, y: sigmoid(x),
    lambda x: _mp("log1p")(_mp("exp")(x)),
    lambda x: sympy.log(1 + sympy.exp(x)),
    r"\operatorname{softplus}",
    range=(0, float("inf")),
    exact=lambda x: log(1 + exp(x)),
)
silu: Function = Function(
    "silu",
    lambda x, y: sigmoid(x) + y * (1 - sigmoid(x)),
    lambda x: x / (1 + _mp("exp")(-x)),
    lambda x: x / (1 + sympy.exp(-x)),
    r"\operatorname{silu}",
    range=(-0.2784645428, float("inf")),
    opened=False,
    exact=lambda x: x * recip(1 + exp(-x)),
)
gelu: Function = Function(
    "gelu",
    lambda x, y: (1 + erf(x / sympy.sqrt(2))) / 2 + x * exp(-power(x, 2) / 2) / sympy.sqrt(2 * sympy.pi),
    lambda x: x * (1 + _mp("erf")(x / _mp("sqrt")(2))) / 2,
    lambda x: x * (1 + sympy.erf(x / sympy.sqrt(2))) / 2,
    r"\operatorname{gelu}",
    range=(-0.16997121, float("inf")),
    analytic=False,
    opened=False,
    exact=lambda x: x * (1 + erf(x / sympy.sqrt(2))) / 2,
)

_CUBIC = sympy.Rational(44715, 1000000)


def _inside_gelu(x: Any, root: Any) -> Any:
    """sqrt(2/pi) (x + 0.044715 x^3), the argument of tanh in the approximation of Hendrycks and Gimpel."""
    return root * (x + _CUBIC * x * x * x)


def _gelu_tanh_derivative(x: Expr, y: Expr) -> Expr:
    root = sympy.sqrt(2 / sympy.pi)
    u = tanh(_inside_gelu(x, root))
    return (1 + u) / 2 + x * (1 - power(u, 2)) * (1 + 3 * _CUBIC * power(x, 2)) * (root / 2)


def _gelu_tanh_oracle(x: Any) -> Any:
    import mpmath

    cubic = mpmath.mpf(44715) / 1000000
    return x * (1 + mpmath.tanh(mpmath.sqrt(2 / mpmath.pi) * (x + cubic * x**3))) / 2


gelu_tanh: Function = Function(
    "gelu_tanh",
    _gelu_tanh_derivative,
    _gelu_tanh_oracle,
    lambda x: x * (1 + sympy.tanh(_inside_gelu(x, sympy.sqrt(2 / sympy.pi)))) / 2,
    r"\operatorname{gelu}_{\tanh}",
    "gelu_tanh",
    range=(-0.1700408, float("inf")),
    opened=False,
    exact=lambda x: x * (1 + tanh(_inside_gelu(x, sympy.sqrt(2 / sympy.pi)))) / 2,
)

# -- families: functions with a parameter, one record for each value ----------------------------------------------

_families: dict[tuple[str, sympy.Expr], Function] = {}


def _member(name: str, parameter: Any, make: Callable[[sympy.Expr], Function]) -> Function:
    value = exact(parameter)
    if (name, value) not in _families:
        _families[name, value] = make(value)
    return _families[name, value]


def power_function(n: Any) -> Function:
    """x ↦ x^n for a constant n; 1/2 and -1 are `sqrt` and `recip`."""

    def make(n: sympy.Expr) -> Function:
        integral, even = bool(n.is_integer), bool(n.is_even)
        return Function(
            "power", lambda x, y: n * power(x, n - 1), lambda x: x ** _number(n), lambda x: x**n, "", style="power",
            domain=(-2.0, 2.0) if integral and n > 0 else (0.2, 3.0), range=(0, float("inf")) if even else EVERYWHERE,
            parameters=(n,), exact=(lambda x: power(x, n)) if integral else None,
        )  # fmt: skip

    return {sympy.S.NegativeOne: recip, sympy.S.Half: sqrt}.get(exact(n)) or _member("power", n, make)


def power(x: Any, n: Any) -> Expr:
    """x^n for a constant n."""
    n = exact(n)
    x = as_expr(x)
    return _ones(x) if n == 0 else x if n == 1 else apply(power_function(n), x)


def leaky_relu(x: Any, alpha: Any = sympy.Rational(1, 100)) -> Expr:
    """x for x > 0, alpha·x otherwise; at 0 the slope is alpha."""

    def make(a: sympy.Expr) -> Function:
        return Function(
            "leaky_relu", lambda x, y: a + (1 - a) * step(x), lambda x: x if x > 0 else _number(a) * x,
            lambda x: sympy.Piecewise((x, x > 0), (a * x, True)), r"\operatorname{leaky}", "leaky_relu",
            kinks=(0.0,), analytic=False, opened=False, parameters=(a,),
            exact=lambda x: x * (1 + a + (1 - a) * sign(x)) / 2, pieces=(lambda x: a * x, lambda x: x),
        )  # fmt: skip

    return _member("leaky_relu", alpha, make)(x)


def elu(x: Any, alpha: Any = 1) -> Expr:
    """x for x > 0, alpha (e^x - 1) otherwise."""

    def make(a: sympy.Expr) -> Function:
        return Function(
            "elu", lambda x, y: step(x) + (1 - step(x)) * (y + a),
            lambda x: x if x > 0 else _number(a) * _mp("expm1")(x),
            lambda x: sympy.Piecewise((x, x > 0), (a * (sympy.exp(x) - 1), True)), r"\operatorname{elu}",
            kinks=() if a == 1 else (0.0,), analytic=False, opened=False, parameters=(a,), range=(min(0.0, -float(a)), float("inf")),
            exact=lambda x: step(x) * x + a * (1 - step(x)) * (exp(x) - 1),
            pieces=(lambda x: a * (exp(x) - 1), lambda x: x),
        )  # fmt: skip

    return _member("elu", alpha, make)(x)


def open_function(name: str, latex: str = "") -> Function:
    """A pointwise function left open, f(z): printed as itself, with f' as its derivative.

    For numbers it is sin(a x + b) + c x² with a, b, c that belong to the name: smooth, and like no other function.
    """

    def make(_: sympy.Expr) -> Function:
        a, b, c = (sympy.Rational(int(d[:6], 16) % 800 + 200, 500) for d in _digests(name))
        return Function(
            name, lambda x, y: a * cos(a * x + b) + 2 * c * x, lambda x: _mp("sin")(_number(a) * x + _number(b)) + _number(c) * x * x,
            lambda x: sympy.sin(a * x + b) + c * x**2, latex or name, style="open", opened=False, parameters=(a, b, c),
            exact=lambda x: sin(a * x + b) + c * power(x, 2),
        )  # fmt: skip

    return _member(f"{name} {latex}", 0, make)


def _digests(name: str) -> list[str]:
    return [hashlib.sha256(f"{name} {k}".encode()).hexdigest() for k in range(3)]


def _number(value: sympy.Expr) -> Any:
    import mpmath

    return mpmath.mpf(value.p) / value.q if value.is_Rational else mpmath.mpf(str(value.evalf(40)))


Expr.table.update(power=power, recip=recip)

POINTWISE: dict[str, Function] = {
    f.name: f
    for f in (exp, log, sqrt, recip, sin, cos, erf, sign, absolute, step, tanh, sigmoid, relu, softplus, silu, gelu,
              gelu_tanh)
}  # fmt: skip

# -- contractions: named constructors of Ein ----------------------------------------------------------------------


def _rank(x: Expr, ranks: tuple[int, ...], name: str) -> Expr:
    if len(x.shape) not in ranks:
        words = " or ".join(("a scalar", "a vector", "a matrix")[r] for r in ranks)
        raise ShapeError(f"{name} takes {words}, not {x} in {show_shape(x.shape)}")
    return x


def inner(a: Expr, b: Expr) -> Expr:
    """Σ of the products of the entries: aᵀb, and tr(AᵀB) for matrices."""
    if a.shape != b.shape:
        raise ShapeError(f"inner takes one shape, not {show_operand(a)} and {show_operand(b)}")
    letters = tuple(range(len(a.shape)))
    return ein([(a, letters), (b, letters)], ())


def outer(a: Expr, b: Expr) -> Expr:
    """a bᵀ of two vectors."""
    return ein([(_rank(a, (1,), "outer"), (0,)), (_rank(b, (1,), "outer"), (1,))], (0, 1))


def trace(a: Expr) -> Expr:
    """Sum of the diagonal of a square matrix."""
    _rank(a, (2,), "trace")
    if a.shape[0] != a.shape[1]:
        raise ShapeError(f"trace takes a square matrix, not {show_shape(a.shape)}")
    return ein([(a, (0, 0))], ())


def diag(a: Expr) -> Expr:
    """The diagonal matrix of a vector; the diagonal of a square matrix."""
    if len(a.shape) == 2 and a.shape[0] != a.shape[1]:
        raise ShapeError(f"diag takes a vector or a square matrix, not {show_shape(a.shape)}")
    return ein([(a, (0,))], (0, 0)) if len(_rank(a, (1, 2), "diag").shape) == 1 else ein([(a, (0, 0))], (0,))


def total(a: Expr) -> Expr:
    """Sum of all entries."""
    return ein([(a, tuple(range(len(a.shape))))], ())


def row_sums(a: Expr) -> Expr:
    """A 1: one sum for each row."""
    return ein([(_rank(a, (2,), "row_sums"), (0, 1))], (0,))


def column_sums(a: Expr) -> Expr:
    """Aᵀ1: one sum for each column."""
    return ein([(_rank(a, (2,), "column_sums"), (0, 1))], (1,))


def rows(v: Expr, count: Any) -> Expr:
    """1 vᵀ: the vector as each of `count` rows (a bias, for a batch with one example a row)."""
    return ein([(_rank(v, (1,), "rows"), (1,))], (0, 1), {0: size_of(count)})


def columns(v: Expr, count: Any) -> Expr:
    """v 1ᵀ: the vector as each of `count` columns."""
    return ein([(_rank(v, (1,), "columns"), (0,))], (0, 1), {1: size_of(count)})


def broadcast(s: Expr, *shape: Any) -> Expr:
    """A scalar as every entry of that shape."""
    sizes = tuple(map(size_of, shape))
    return ein([(_rank(s, (0,), "broadcast"), ())], tuple(range(len(sizes))), dict(enumerate(sizes)))


def ones_of(*shape: Any) -> Expr:
    """A vector or matrix of ones."""
    return ones(tuple(map(size_of, shape)))


def identity(n: Any) -> Expr:
    """The identity matrix."""
    return ein([], (0, 0), {0: size_of(n)})


def mean(a: Expr) -> Expr:
    """Sum of all entries over their number."""
    return total(a) / sympy.Mul(*(d for d in a.shape if d is not ROW))


def size_of(value: Any) -> sympy.Expr:
    """A dimension: a positive integer, or a SymPy symbol or formula for one."""
    size = exact(constant_size(value)) if isinstance(value, Expr) else exact(value)
    if size.is_number and not (size.is_Integer and size > 0):
        raise DeriveError(f"{size} is not a size")
    return size


def constant_size(e: Expr) -> Any:
    raise DeriveError(f"{e} is not a size: sizes are numbers or the names in the brackets of a declaration")


# -- compositions: print as themselves, mean their body -----------------------------------------------------------

Pull = Callable[[Expr, tuple[Expr, ...], Expr], tuple[Expr, ...]]


@dataclass(frozen=True, eq=False)
class Composition:
    """A named composition. `pull`, where there is one, says in the node's own output what its body's pull is."""

    name: str
    body: Callable[..., Expr]
    pull: Pull | None
    latex: str
    style: str = "call"
    positive: bool = False
    kinks: tuple[float, ...] = field(default=())

    def __call__(self, *inputs: Any) -> Expr:
        return compose(self, *map(as_expr, inputs))


def _along_rows(x: Expr, weights: Expr) -> Expr:
    """weights (one for each row, or a scalar) spread over the entries of x."""
    letters = tuple(range(len(x.shape)))
    return ein([(weights, letters[:-1])], letters, dict(enumerate(x.shape)))


def _last_sum(x: Expr, *more: Expr) -> Expr:
    letters = tuple(range(len(x.shape)))
    return ein([(e, letters) for e in (x, *more)], letters[:-1])


def _softmax(z: Expr) -> Expr:
    e = exp(_rank(z, (1, 2), "softmax"))
    return e * _along_rows(e, recip(_last_sum(e)))


softmax: Composition = Composition(
    "softmax", _softmax, lambda p, ins, cot: (p * (cot - _along_rows(p, _last_sum(p, cot))),),
    r"\operatorname{softmax}", positive=True,
)  # fmt: skip
logsumexp: Composition = Composition(
    "logsumexp", lambda z: log(_last_sum(exp(_rank(z, (1, 2), "logsumexp")))),
    lambda y, ins, cot: (softmax(ins[0]) * _along_rows(ins[0], cot),), r"\operatorname{logsumexp}",
)  # fmt: skip
sqnorm: Composition = Composition(
    "sqnorm", lambda v: inner(v, v), lambda y, ins, cot: (2 * cot * ins[0],), "", style="sqnorm", positive=True,
)  # fmt: skip
norm: Composition = Composition(
    "norm", lambda v: sqrt(inner(v, v)), lambda y, ins, cot: (cot * recip(y) * ins[0],), "", style="norm",
    positive=True, kinks=(0.0,),
)  # fmt: skip

COMPOSITIONS: dict[str, Composition] = {c.name: c for c in (softmax, logsumexp, sqnorm, norm)}

# -- what a network may call --------------------------------------------------------------------------------------

CALLABLES: dict[str, Callable[..., Expr]] = {
    **POINTWISE,
    **COMPOSITIONS,
    "power": power, "leaky_relu": leaky_relu, "elu": elu,
    "inner": inner, "dot": inner, "outer": outer, "trace": trace, "diag": diag, "total": total, "row_sums": row_sums,
    "column_sums": column_sums, "rows": rows, "columns": columns, "broadcast": broadcast, "identity": identity,
    "inverse": inverse, "det": det, "ones": ones_of, "mean": mean, "transpose": transpose, "matmul": matmul,
    "concat": concat,
}  # fmt: skip
CONSTANTS: dict[str, sympy.Expr] = {"pi": sympy.pi}

__all__ = sorted({*CALLABLES, "CALLABLES", "COMPOSITIONS", "POINTWISE"} - {"abs", "ones", "dot"})
