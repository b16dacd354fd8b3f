"""A matrix network with every size 1: whether a formula is the scalar one, written where matrices stand."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy

from derive.expr import (
    Comp,
    DeriveError,
    Ein,
    Expr,
    Jac,
    Lin,
    Map,
    MissingRule,
    Opaque,
    Over,
    Square,
    Stack,
    Unit,
    Var,
    apply,
    constant,
    ein,
    jac,
    lin,
    opaque,
    over,
    postorder,
    var,
    zeros,
)
from derive.judge import Court
from derive.ops import recip
from derive.reader.scope import Scope
from derive.reader.statements import Link
from derive.system import Equation, System

if TYPE_CHECKING:
    from derive.check.checker import Checker
    from derive.check.settings import Part

_courts: dict[System, Court] = {}  # their guards are set anew for every relation


def scalar_form(checker: Checker, link: Link) -> bool:
    """Whether a relation whose shapes don't fit would be right were every size 1."""
    part = checker.part
    try:
        scope = _scalar_scope(part.scope)
        small = type(checker)([replace(part, scope=scope, values={})], explain=False)
        if scope.system is not None:
            if len(_courts) > 32:
                _courts.clear()
            if scope.system in _courts:
                small.courts[id(scope.system)] = _courts[scope.system]
        scope.until = part.scope.until
        court = small.court()
        court.bench.guard.seconds = small.left  # type: ignore[attr-defined]
        if scope.system is not None:
            _courts[scope.system] = court
        for claim in small.claims(link)[0]:
            says = court.quick(claim.left, zeros(())) is False and not claim.strangers
            if says and court.quick(claim.left, claim.right) and court.judge(claim.left, claim.right, explain=False).holds:
                return True
    except (DeriveError, RecursionError, ArithmeticError):
        return False
    return False


def by_numbers(part: Part) -> Part:
    """The part in scalars where the numbers that are given make every size 1: "one unit each". Else the part as it is."""
    system = part.scope.system
    given = [v for v in (system.declared if system is not None else ()) if v.shape]
    if not given or not all(v.key in part.values and _all_one(part.values[v.key], v) for v in given):
        return part
    values = {k: _flat(v, k) for k, v in part.values.items()}
    lists = {v.name for v in given if v.time is not None}
    try:
        small = _scalar_scope(part.scope)
    except DeriveError:
        return part
    return replace(part, scope=small, values={k: v if k in lists or not isinstance(v, list) else v[0] for k, v in values.items()})


def _all_one(value: Any, v: Var) -> bool:
    shape = np.shape(value)
    return shape[1:] == (1,) * len(v.shape) if v.time is not None else shape == (1,) * len(v.shape)


def _flat(value: Any, key: str) -> Any:
    return np.ravel(np.array(value, dtype=object)).tolist() if isinstance(value, list) else value


def _scalar_scope(scope: Scope) -> Scope:
    small = scope.copy()
    small.system = _scalar_system(scope.system) if scope.system is not None else None
    small.names = {
        k: [replace(n, expr=scalar(n.expr), axis=None, chain=None) for n in found if _has_scalar(n.expr)]
        for k, found in scope.names.items()
    }
    small.sizes = dict.fromkeys(scope.sizes, sympy.Integer(1))
    small.vectors = "column"
    return small


def _has_scalar(e: Expr) -> bool:
    try:
        scalar(e)
    except DeriveError:
        return False
    return True


@lru_cache(maxsize=32)
def _scalar_system(system: System) -> System:
    equations = tuple(Equation(_plain(e.left), scalar(e.right), e.source, e.line) for e in system.equations)
    return replace(
        system,
        declared=tuple(map(_plain, system.declared)),
        initial=tuple(map(_plain, system.initial)),
        equations=equations,
        loss=_plain(system.loss) if system.loss is not None else None,
        returned=_plain(system.returned) if system.returned is not None else None,
    )


def _plain(v: Var) -> Var:
    return var(v.name, (), v.time, v.bar)


def scalar(root: Expr) -> Expr:
    """The expression with every size 1. Raises MissingRule where it has none."""
    done: dict[Expr, Any] = {}
    for e in postorder(root):
        done[e] = _scalar(e, done)
    return done[root]


def _scalar(e: Expr, done: dict[Expr, Any]) -> Expr:
    match e:
        case Var():
            return _plain(e)
        case Lin():
            return lin([(_weight(c), done[x]) for c, x in e.terms], ())
        case Ein():
            return ein([(done[f], ()) for f, _ in e.factors], ())
        case Map():
            return apply(e.fn, done[e.arg], e.order)
        case Comp():
            return scalar(e.body)
        case Opaque():
            return opaque(e.name, e.time, done[e.arg], e.order)
        case Over():
            return over(e.kind, done[e.body], e.index, e.lo, e.hi)
        case Jac():
            return jac(scalar(e.top), scalar(e.below), e.direct)
        case Unit():
            return constant(1)
        case Square():
            return recip(done[e.arg]) if e.fn == "inverse" else done[e.arg]
        case Stack() if len(e.kids) == 1:
            return done[e.kids[0]]
    raise MissingRule(f"{type(e).__name__} has no scalar form")


def _weight(c: sympy.Expr) -> sympy.Expr:
    return c.xreplace({s: sympy.Integer(1) for s in c.free_symbols if s.name != "T"})
