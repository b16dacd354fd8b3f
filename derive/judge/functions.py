"""The table's functions in a few primitives, and their derivatives by the chain rule: the judge's own.

Nothing here reads `Function.derivative`: a record whose derivative is wrong is found by comparing with this.
"""

from __future__ import annotations

from functools import lru_cache

import sympy

from derive.expr import (
    Ein,
    Expr,
    Lin,
    Map,
    MissingRule,
    apply,
    constant,
    is_zero,
    lin,
    ones,
    postorder,
    rebuild,
    times,
    var,
    zeros,
)
from derive.ops import Function, absolute, cos, erf, exp, log, power, recip, sign, sin, sqrt

Z = var("_z")
LEFT: Function = Function("left", lambda x, y: zeros(x.shape), lambda x: 1 if x > 0 else -1, sympy.sign, "")
PRIMITIVES: dict[Function, str] = {
    f: f.name for f in (exp, log, sqrt, recip, sign, sin, cos, erf, LEFT)
}  # LEFT is sign, but -1 at 0: what the derivative of a function with a kink at 0 takes there


@lru_cache(maxsize=4096)
def formula(fn: Function, order: int) -> Expr:
    """fn's derivative of that order at the variable `Z`, in primitives. Raises MissingRule where fn has no exact form."""
    if order == 0:
        return _expanded(fn, Z)
    lower = formula(fn, order - 1)
    if order == 1 and fn is not absolute:
        lower = rebuild(lower, lambda n: apply(LEFT, n.arg) if isinstance(n, Map) and n.fn is sign else n)
    return slope(lower)


@lru_cache(maxsize=4096)
def program(fn: Function, order: int) -> tuple[Expr, ...]:
    """The formula as steps, each from the ones before; the last is the value."""
    return tuple(postorder(formula(fn, order)))


def primitive(fn: Function) -> tuple[str, int]:
    """The name by which arithmetics know a primitive, and the exponent of a power."""
    if fn.name == "power":
        return "power", int(fn.parameters[0])
    return PRIMITIVES[fn], 0


@lru_cache(maxsize=4096)
def needs_positive(fn: Function) -> bool:
    """Whether fn takes the logarithm or the root of its argument as it stands."""
    if fn.exact is None and fn.name != "power":
        return False
    return any(isinstance(step, Map) and step.arg is Z and step.fn in (log, sqrt) for step in program(fn, 0))


def _expanded(fn: Function, x: Expr) -> Expr:
    if fn in PRIMITIVES:
        return apply(fn, x)
    if fn.name == "power" and fn.parameters:
        return _power(fn, x)
    value = fn.exact(x) if fn.exact is not None else None
    if value is None or value is apply(fn, x):
        raise MissingRule(f"the judge has no exact form of {fn}")
    return _in_primitives(value)


def _in_primitives(e: Expr) -> Expr:
    return rebuild(e, lambda n: _expanded(n.fn, n.arg) if isinstance(n, Map) and n is not Z else n)


def _power(fn: Function, x: Expr) -> Expr:
    n = fn.parameters[0]
    if n.is_Integer:
        return apply(fn, x)
    if (2 * n).is_Integer:
        return power(sqrt(x), 2 * n)
    return exp(n * log(x))


# -- derivatives --------------------------------------------------------------------------------------------------


def slope(e: Expr) -> Expr:
    """The derivative of a scalar formula in primitives with respect to `Z`."""
    memo: dict[Expr, Expr] = {}
    for node in postorder(e):
        memo[node] = ones(()) if node is Z else _slope(node, memo)
    return memo[e]


def _slope(node: Expr, memo: dict[Expr, Expr]) -> Expr:
    match node:
        case Lin():
            return lin([(c, memo[child]) for c, child in node.terms], ())
        case Ein():
            return lin([(1, _product_rule(node, k, memo)) for k in range(len(node.factors))], ())
        case Map():
            inner = memo[node.arg]
            return inner if is_zero(inner) else times(_primitive_slope(node.fn, node.arg), inner)
    raise MissingRule(f"no derivative of {type(node).__name__} in a table function")


def _product_rule(node: Ein, k: int, memo: dict[Expr, Expr]) -> Expr:
    result = memo[node.factors[k][0]]
    for m, (factor, _) in enumerate(node.factors):
        result = times(result, factor) if m != k else result
    return result


def _primitive_slope(fn: Function, x: Expr) -> Expr:
    name, n = primitive(fn)
    match name:
        case "exp":
            return exp(x)
        case "log":
            return recip(x)
        case "sqrt":
            return recip(sqrt(x)) / 2
        case "recip":
            return -(recip(x) * recip(x))
        case "sign" | "left":
            return zeros(())
        case "power":
            return power(x, n - 1) * n
        case "sin":
            return cos(x)
        case "cos":
            return -sin(x)
        case "erf":
            return exp(-(x * x)) * (2 / sympy.sqrt(sympy.pi))
    raise MissingRule(f"no derivative of {name}")


__all__ = ["LEFT", "Z", "constant", "formula", "primitive", "program", "slope"]
