"""One-edit mutants of expressions: the slips of hand derivations, for tests of the judge."""

from __future__ import annotations

from collections.abc import Iterator

import sympy

from derive.expr import Ein, Expr, Lin, Map, Opaque, ShapeError, Var, apply, ein, lin, opaque, postorder, rebuild
from derive.system import System

TINY = 1 + sympy.Rational(1, 10**9)


def mutants(e: Expr, system: System) -> Iterator[tuple[str, Expr]]:
    """(kind of slip, mutant), each with one node changed wherever it occurs."""
    for node in postorder(e):
        for kind, new in edits(node, system):
            if new is not node and new.shape == node.shape:
                try:
                    yield kind, rebuild(e, lambda n, node=node, new=new: new if n is node else n)
                except ShapeError:
                    continue
    yield "factor", 2 * e
    yield "factor", TINY * e
    yield "sign", -e


def edits(node: Expr, system: System) -> Iterator[tuple[str, Expr]]:
    match node:
        case Lin():
            yield from _sums(node)
        case Ein():
            yield from _products(node)
        case Map():
            yield "prime", apply(node.fn, node.arg, node.order + 1)
            if node.order:
                yield "prime", apply(node.fn, node.arg, node.order - 1)
        case Opaque() if node.time is not None:
            yield "time", opaque(node.name, node.time.shifted(1), node.arg, node.order)
        case Var():
            yield from _names(node, system)


def _sums(node: Lin) -> Iterator[tuple[str, Expr]]:
    for k, (c, e) in enumerate(node.terms):
        rest = [t for m, t in enumerate(node.terms) if m != k]
        yield "sign", lin([*rest, (-c, e)], node.shape)
        yield "factor", lin([*rest, (c / 2, e)], node.shape)
        yield "tiny", lin([*rest, (c * TINY, e)], node.shape)
        if rest:
            yield "term", lin(rest, node.shape)


def _products(node: Ein) -> Iterator[tuple[str, Expr]]:
    sizes = dict(enumerate(node.dims))
    for k, (e, letters) in enumerate(node.factors):
        if len(letters) == 2 and e.shape[0] == e.shape[1] and letters[0] != letters[1]:
            yield "transpose", ein([*node.factors[:k], (e, letters[::-1]), *node.factors[k + 1 :]], node.out, sizes)
        if len(node.factors) > 1:
            yield "factor", ein([f for m, f in enumerate(node.factors) if m != k], node.out, sizes)
        for m, (other, ls) in enumerate(node.factors[:k]):
            if other.shape == e.shape and ls != letters and other is not e:
                changed = list(node.factors)
                changed[k], changed[m] = (other, letters), (e, ls)
                yield "order", ein(changed, node.out, sizes)


def _names(v: Var, system: System) -> Iterator[tuple[str, Expr]]:
    if v.time is not None and v.time.base:
        yield "time", v.at(v.time.shifted(1))
        yield "time", v.at(v.time.shifted(-1))
    for other in system.quantities.values():
        if other.name != v.name and other.shape == v.shape and (other.time is None) == (v.time is None):
            sibling = other.at(v.time)
            yield "symbol", sibling.adjoint if v.bar else sibling
    yield "bar", v.at(v.time).adjoint if not v.bar else system.quantities[v.name].at(v.time)
