"""One-edit mutants of the engine's own lines, made on the page: on the notation, not on the expression, so that one place changes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from page_values import put

from derive.expr import Expr, Var
from derive.network import Network
from derive.printing.express import Speller
from derive.printing.latex import latex
from derive.printing.names import Style, symbol
from derive.printing.notation import PRECEDENCE, Call, Fence, Node, Num, Prod, Ratio, Sum, Sym, Transposed
from derive.simplify import postorder


@dataclass(frozen=True)
class Named(Sym):
    """A symbol that remembers what it stands for."""

    var: Any = None


PRECEDENCE[Named] = PRECEDENCE[Sym]


def named(v: Var, style: Style) -> Sym:
    s = symbol(v, style)
    return Named(**{f.name: getattr(s, f.name) for f in dataclasses.fields(Sym)}, var=v) if isinstance(s, Sym) else s


def notation(e: Expr, style: Style) -> Node:
    return Speller(style, {v: named(v, style) for v in postorder(e) if isinstance(v, Var)}).spell(e)


def places(node: Any, path: tuple = ()) -> Iterator[tuple[tuple, Any]]:
    """Every notation node with its path; scripts of symbols left out."""
    if isinstance(node, Node):
        yield path, node
        if isinstance(node, Sym):
            return
        for f in dataclasses.fields(node):
            yield from places(getattr(node, f.name), (*path, f.name))
    elif isinstance(node, tuple):
        for k, child in enumerate(node):
            yield from places(child, (*path, k))


def mutants(network: Network, e: Expr, style: Style) -> Iterator[tuple[str, str]]:
    """(kind of slip, LaTeX) of every one-edit mutant of a formula."""
    root = notation(e, style)
    spots = list(places(root))
    seen = {latex(root)}
    for path, node in [*spots]:
        for kind, new in edits(network, node, path, root, style):
            text = latex(put(root, path, new))
            if text not in seen:
                seen.add(text)
                yield kind, text


def edits(network: Network, node: Node, path: tuple, root: Node, style: Style) -> Iterator[tuple[str, Node]]:
    whole = not path
    match node:
        case Sum():
            yield from _sums(node)
        case Prod() if node.op == "":
            for k in range(len(node.factors) - 1):
                f = node.factors
                if not any(isinstance(x, Num | Ratio) for x in f[k : k + 2]):
                    yield "order", dataclasses.replace(node, factors=(*f[:k], f[k + 1], f[k], *f[k + 2 :]))
        case Transposed():
            yield "transpose", node.base
        case Call() if isinstance(node.fn, Sym) and node.fn.primes:
            yield "argument", dataclasses.replace(node, fn=dataclasses.replace(node.fn, primes=node.fn.primes - 1))
        case Fence(kind="paren") if _one_minus(node.body) is not None:
            yield "argument", _one_minus(node.body)
    if _one_minus(node) is not None and not whole:
        yield "argument", _one_minus(node)
    if isinstance(node, Named):
        yield from _names(network, node, style)
    if whole and not isinstance(node, Sum):
        yield "sign", Sum(((-1, node),))
    if whole or (path[-1] == 1 and isinstance(path[-2], int) and path[-3:-2] == ("terms",)):
        yield from (
            (kind, new) for kind, new in (("factor", _times(Num("2"), node)), ("factor", _times(Ratio(1, 2), node))) if new
        )


def _times(n: Node, node: Node) -> Node | None:
    if isinstance(node, Sum | Num):
        return None
    return Prod((n, *node.factors), "") if isinstance(node, Prod) and node.op == "" else Prod((n, node), "")


def _sums(node: Sum) -> Iterator[tuple[str, Node]]:
    for k, (sign, term) in enumerate(node.terms):
        rest = node.terms[:k] + node.terms[k + 1 :]
        yield "sign", Sum((*node.terms[:k], (-sign, term), *node.terms[k + 1 :]))
        if rest:
            yield "term", Sum(rest) if len(rest) > 1 or rest[0][0] < 0 else rest[0][1]


def _one_minus(node: Node) -> Node | None:
    """h, where the node is 1 - h."""
    if isinstance(node, Sum) and len(node.terms) == 2 and node.terms[0] == (1, Num("1")) and node.terms[1][0] < 0:
        return node.terms[1][1]
    return None


def _names(network: Network, node: Named, style: Style) -> Iterator[tuple[str, Node]]:
    v, system = node.var, network.system
    if v.time is not None and v.time.base:
        yield "time", named(v.at(v.time.shifted(1)), style)
        yield "time", named(v.at(v.time.shifted(-1)), style)
    for other in system.quantities.values():
        if other.name != v.name and other.shape == v.shape and (other.time is None) == (v.time is None):
            sibling = other.at(v.time)
            yield "symbol", named(sibling.adjoint if v.bar else sibling, style)
    if v.bar:
        yield "bar", named(system.quantities[v.name].at(v.time), style)
    if len(v.shape) == 2:
        yield "transpose", Transposed(node)
