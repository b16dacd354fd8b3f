"""To SymPy and back: a scalar expression as a SymPy one, a matrix as an explicit Matrix for given sizes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy
from sympy.core.function import UndefinedFunction

from derive.expr import ROW, DeriveError, Expr, Jac, Lin, MissingRule, Opaque, Over, Var, constant, exact, postorder, var
from derive.numeric import Evaluator, Point
from derive.ops import POINTWISE, Function, exp, log, power, relu
from derive.program import TraceKernel
from derive.system import LAST

Sizes = Mapping[Any, int]


class _Algebra:
    """SymPy arithmetic under the names that a straight-line program uses."""

    def add(self, a: Any, b: Any) -> Any:
        return sympy.S.Zero + a + b

    def sub(self, a: Any, b: Any) -> Any:
        return sympy.S.Zero + a - b

    def mul(self, a: Any, b: Any) -> Any:
        return sympy.S.One * a * b


class _SympyKernel(TraceKernel):
    def __init__(self) -> None:
        self.program = _Algebra()  # type: ignore[assignment]

    def weighted_sum(self, terms: Any, shape: tuple[int, ...]) -> Any:
        result = np.full(shape, sympy.S.Zero, dtype=object)
        for c, a in terms:
            result = result + np.asarray(c, dtype=object) * a
        return np.asarray(result, dtype=object)

    def pointwise(self, fn: Function, x: Any) -> Any:
        array = np.asarray(x, dtype=object)
        return np.array([fn.formula(v) for v in array.ravel()], dtype=object).reshape(array.shape)


class _ExactPoint(Point):
    """A point without values: only sizes, and weights kept exact."""

    def number(self, c: sympy.Expr) -> Any:
        return c.xreplace(self.sizes)

    def size(self, dimension: sympy.Expr) -> int:
        size = super().size(dimension) if not (dimension.free_symbols - set(self.sizes) - {ROW}) else None
        if size is None:
            missing = ", ".join(sorted(map(str, dimension.free_symbols)))
            raise DeriveError(f"an explicit form needs sizes: to_sympy({{{missing!r}: 2, …}})")
        return size


class _Symbols(Evaluator):
    """An evaluator in which every name stands for symbols of its own."""

    def __init__(self, at: Point):
        self.at, self.kernel, self.nudges, self.memos = at, _SympyKernel(), {}, {}
        self.named = {}

    def _lookup(self, v: Var, times: dict[str, int]) -> Any:
        label = f"{v.name}{'_bar' if v.bar else ''}{f'[{v.time}]' if v.time is not None else ''}"
        shape = tuple(map(self.at.size, v.shape))
        array = np.empty(shape, dtype=object)
        for place in np.ndindex(*shape):
            array[place] = sympy.Symbol(label + (f"[{','.join(map(str, place))}]" if place else ""))
        return array

    def _opaque(self, node: Opaque, x: Any, times: dict[str, int]) -> Any:
        f = UndefinedFunction(node.name + (f"[{node.time}]" if node.time is not None else ""))
        entries = [*np.asarray(x, dtype=object).ravel()]
        if not node.order:
            return np.array(f(*entries), dtype=object)
        if not all(e.is_Symbol for e in entries):
            raise MissingRule(f"the gradient of the open function {node.name} at a formula has no SymPy form: name its argument")
        slopes = [sympy.Derivative(f(*entries), e) for e in entries]
        return np.array(slopes, dtype=object).reshape(np.shape(x))


def to_sympy(e: Expr, sizes: Sizes | None = None) -> Any:
    """A scalar as a SymPy expression, a vector or matrix as an explicit Matrix.

    sizes: a number for each dimension by name or symbol, and for T where sums over time are to be written out. Entries of
    W are the symbols W[0,1], counted from 0. Raises DeriveError where a size is missing.
    """
    if sizes is not None and not isinstance(sizes, Mapping):
        raise DeriveError(f"sizes are a dictionary, {{'n': 2}}, not {sizes!r}")
    given = {str(k): sympy.Integer(n) for k, n in (sizes or {}).items()}
    symbols = {s for n in postorder(e) for d in n.shape for s in d.free_symbols} | _weights(e)
    at = _ExactPoint(None, {}, {s: given[str(s)] for s in symbols if str(s) in given}, int(given.get(LAST, 0)))  # type: ignore[arg-type]
    if any(isinstance(n, Jac) for n in postorder(e)):
        raise MissingRule("the symbol of a Jacobian has no SymPy form: put its value in first")
    run = _Symbols(at)
    if any(isinstance(n, Over) for n in postorder(e)):
        if LAST not in given:
            raise DeriveError(f"an explicit form of a sum over time needs {LAST}: to_sympy({{{LAST!r}: 3}})")
        e = run.concrete(e, {LAST: int(given[LAST])})
    value = np.asarray(run.value(e), dtype=object)
    if value.ndim > 2:
        raise DeriveError(f"a tensor of rank {value.ndim} is no SymPy Matrix")
    return sympy.S.Zero + value.item() if value.ndim == 0 else sympy.Matrix(value.tolist())


def _weights(e: Expr) -> set:

    return {s for n in postorder(e) if isinstance(n, Lin) for c, _ in n.terms for s in c.free_symbols}


# -- back ---------------------------------------------------------------------------------------------------------

_CLASSES: dict[Any, Function] = {
    sympy.Abs: POINTWISE["abs"],
    **{getattr(sympy, name): POINTWISE[name] for name in ("exp", "log", "sin", "cos", "tanh", "erf", "sign")},
}


def from_sympy(expression: Any, names: Mapping[Any, Expr] | None = None) -> Expr:
    """A scalar SymPy expression as one of ours; a symbol becomes the scalar of its name, or what `names` says it is.

    Raises MissingRule for a function that the table doesn't have. Never takes text.
    """
    if isinstance(expression, str):
        raise DeriveError("from_sympy takes a SymPy expression, not text: text is not evaluated")
    e = expression if isinstance(expression, sympy.Basic) else exact(expression)
    known = {str(k): v for k, v in (names or {}).items()}
    memo: dict[Any, Expr] = {}
    for node in sympy.postorder_traversal(e):
        if node not in memo:
            memo[node] = _back(node, memo, known)
    return memo[e]


def _back(node: Any, memo: dict[Any, Expr], known: Mapping[str, Expr]) -> Expr:
    if node.is_Symbol:
        return known[str(node)] if str(node) in known else var(str(node))
    if node.is_number and not node.has(sympy.Function):
        return constant(node)
    args = [memo[a] for a in node.args]
    if node.is_Add:
        total = args[0]
        for a in args[1:]:
            total = total + a
        return total
    if node.is_Mul:
        product = args[0]
        for a in args[1:]:
            product = product * a
        return product
    if node.is_Pow:
        base, exponent = node.args
        return power(memo[base], exponent) if exponent.is_number else exp(memo[exponent] * log(memo[base]))
    if node.func in _CLASSES:
        return _CLASSES[node.func](args[0])
    if node.func is sympy.Max and len(node.args) == 2 and sympy.S.Zero in node.args:
        return relu(next(a for a, s in zip(args, node.args, strict=True) if s != 0))
    raise MissingRule(f"{node.func.__name__} is not a function of the table")


Expr.table["to_sympy"] = to_sympy

__all__ = ["from_sympy", "to_sympy"]
