"""What notation leaves open: the readings of a relation that are tried, the usual one first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from derive.reader import bigs, braces
from derive.reader.meaning import Reading
from derive.reader.names import WHOLE
from derive.reader.scope import Scope
from derive.reader.statements import Link
from derive.reader.syntax import (
    Big,
    Commas,
    Differential,
    Evaluated,
    Fence,
    Fraction,
    Nabla,
    Node,
    Number,
    Product,
    Scripted,
    Sum,
    Symbol,
    unscripted,
    walk,
)

_ENTRIES = frozenset("⊙∘⋆•")


def readings(scope: Scope, link: Link, repeated: bool = False) -> Iterator[Reading]:
    """The readings to try, the usual one first: only those that can make a difference to this relation."""
    settled = {name: lies for name, lies in scope.lying.items() if LYING[name](link)}
    for reading in _readings(scope, link, repeated):
        if any(getattr(reading, name) is not lies for name, lies in settled.items()):
            continue
        yield replace(reading, numerator=True) if scope.numerator else reading


def _readings(scope: Scope, link: Link, repeated: bool) -> Iterator[Reading]:
    nodes = [*walk(link.left), *walk(link.right)]
    derivative = any(
        isinstance(n, Fraction | Nabla | Differential) or (isinstance(n, Symbol) and n.head == "delta") for n in nodes
    )
    derivative = derivative or any(isinstance(n, Symbol | Scripted) and _introduced(scope, n) for n in nodes)
    layouts = (
        [scope.layout] if scope.layout != "auto" else ["gradient", "jacobian", "denominator"] if derivative else ["gradient"]
    )
    totals = [True, False] if any(isinstance(n, Fraction) for n in nodes) else [True]
    orders = [True, False] if any(isinstance(n, Big) and n.kind == "prod" for n in nodes) else [True]
    widths = [False, True] if any((isinstance(n, Big) and n.own is not None) or _reaches(n) for n in nodes) else [False]
    sums = [True] if repeated else [False]
    for order in orders:
        for total in totals:
            for layout in layouts:
                for s in sums:
                    for wide in widths:
                        yield Reading(layout, total, order, s, wide=wide)
    if any(isinstance(n, Sum) and bigs.whole(n.terms) != n.terms for n in nodes):
        for layout in layouts:
            yield Reading(layout, whole=True)
    barred = any(isinstance(n, Symbol) and "bar" in n.accents for n in nodes)
    if (derivative or barred) and any(isinstance(n, Product) and any(op == "·" for op, _ in n.factors) for n in nodes):
        yield Reading(layouts[0], dotted=True)
    if any(isinstance(n, Symbol) and n.head[:1] == "d" for n in nodes) and scope.loss is not None:
        yield Reading(layouts[0], summed=True)
    if "jacobian" in layouts and any(isinstance(n, Symbol) and n.head == "delta" for n in nodes):
        for total in totals:
            yield Reading("jacobian", total, lying=True)
    if any(isinstance(n, Symbol) and any(known.carried for known in scope.names.get((n.head, n.accents), ())) for n in nodes):
        for total in totals:
            yield Reading(layouts[0], total, carried=True)
    if derivative and any(isinstance(n, Product) and any(op in _ENTRIES or op in scope.elementwise for op, _ in n.factors[1:]) for n in nodes):
        for total in totals:
            yield Reading(layouts[0], total, diagonal=True)
    if any(isinstance(n, Product) and any(_before_brackets(scope, a, op, b) for (_, a), (op, b) in pairwise(n.factors)) for n in nodes):
        for layout in layouts:
            yield Reading(layout, multiplied=True)
    if braces.braced(link.left, link.source) or braces.braced(link.right, link.source):
        for layout in layouts:
            yield Reading(layout, printed=True)
    if any(isinstance(n, Symbol) and _row_or_entry(scope, n) for n in nodes):
        for layout in layouts:
            yield Reading(layout, entries=True)
    if bigs.bare(link.left) or bigs.bare(link.right):
        for total in totals:
            yield Reading(layouts[0], total, batched=True)
    if "d" in scope.sizes and any(isinstance(n, Symbol) and n.head == "d" and not n.accents for n in nodes):
        for layout in layouts:
            yield Reading(layout, sized=True)
    if any(_counts_with_a_size(scope, n) for n in nodes):
        for total in totals:
            yield Reading(layouts[0], total, repeated=repeated, counting=True)
            if not repeated and (scope.summing or scope.implied):
                yield Reading(layouts[0], total, repeated=True, counting=True)
    if _has_lists(link):
        yield Reading(layouts[0], listed=True)
    if _has_rows(link):
        for total in totals:
            yield Reading(layouts[0], total, sliced=True)
    terms = [term for _, term in link.right.terms] if isinstance(link.right, Sum) else []
    if isinstance(link.left, Fraction) and len(terms) > 1 and all(any(isinstance(n, Fraction) for n in walk(t)) for t in terms):
        yield Reading(layouts[0], mixed=True)
    if derivative and scope.layout == "jacobian" and scope.numerator is None:
        for total in totals:
            yield Reading("jacobian", total, numerator=True)
    changing = differentials(link)
    if all(changing) or (any(changing) and any(isinstance(n, Number) and n.text == "0" for n in (link.left, link.right))):
        yield Reading(layouts[0], differential=True)
        yield Reading(layouts[0], differential=True, held=True)
    if derivative and scope.system is not None and scope.system.sequential and any(isinstance(n, Big | Evaluated) for n in nodes):
        for which in (1, 2):
            for layout in layouts:
                yield Reading(layout, immediate=which)
    einstein = scope.summing or _chained(nodes) or (scope.implied and derivative and any(_derives(n) for n in nodes))
    if not repeated and einstein:
        for total in totals:
            yield Reading(layouts[0], total, True, True)


def _counts_with_a_size(scope: Scope, node: Node) -> bool:
    """x_n, where n is a size of the problem."""
    scripts = (node.sub, node.sup) if isinstance(node, Scripted) else ()
    return any(isinstance(n, Symbol) and n.head in scope.sizes and n.head.islower() for s in scripts if s is not None for n in walk(s))


def _has_rows(link: Link) -> bool:
    """W_{i,:}, which may stand or lie."""
    return any(n == WHOLE for side in (link.left, link.right) for n in walk(side))


def _has_lists(link: Link) -> bool:
    """(a, b, c), which may stand or lie."""
    nodes = (n for side in (link.left, link.right) for n in walk(side))
    return any(isinstance(n, Fence) and n.kind in ("paren", "bracket") and isinstance(n.body, Commas) for n in nodes)


LYING = {"sliced": _has_rows, "listed": _has_lists}  # readings that are those of all of a formula, and which relations they are of


def _reaches(node: Node) -> bool:
    """∂/∂x before a product with a sign in it, a · b: it may be of a alone."""
    factors = node.factors if isinstance(node, Product) else ()
    at = next((k for k, (_, n) in enumerate(factors) if bigs.operates(n)), None)
    return at is not None and len(factors) > at + 2 and any(op for op, _ in factors[at + 2 :])


def _chained(nodes: list[Node]) -> bool:
    """∂E/∂y_i ∂y_i/∂z_k ∂z_k/∂x_j: two indices meet themselves, as they do where repeated ones are summed; one may be a lost Σ."""
    for n in nodes:
        parts = [f for _, f in n.factors if isinstance(f, Fraction)] if isinstance(n, Product) else []
        met = 0
        for a, b in pairwise(parts):
            below, above = (d.body if isinstance(d, Differential) else None for d in (a.bottom, b.top))
            met += isinstance(below, Scripted) and below.sub is not None and below == above
        if met > 1:
            return True
    return False


def _derives(node: Node) -> bool:
    """Whether this is a derivative or a name of one; 1/N is none."""
    if isinstance(node, Fraction):
        return any(isinstance(n, Symbol) and (n.head in ("partial", "nabla") or n.head[:1] == "d") for n in walk(node.top))
    return isinstance(node, Nabla | Differential) or (
        isinstance(node, Symbol) and (node.head == "delta" or "bar" in node.accents)
    )


def _before_brackets(scope: Scope, a: Node, op: str, b: Node) -> bool:
    """H (A)^T: the name of an array before one in brackets."""
    base, inside = unscripted(a), unscripted(b)
    if op or not isinstance(base, Symbol) or not isinstance(inside, Fence) or not isinstance(inside.body, Symbol | Scripted):
        return False
    return any(n.expr.shape for n in scope.names.get((base.head, base.accents), ()))


def _row_or_entry(scope: Scope, node: Symbol) -> bool:
    """Whether x_k may be row k of X or entry k of x: both have the letter."""
    found = scope.names.get((node.head, node.accents), [])
    return any(n.axis is not None for n in found) and any(n.axis is None and not n.tag and len(n.expr.shape) == 1 for n in found)


def differentials(link: Link) -> tuple[list[Node], list[Node]]:
    """What stands behind a d on the left and on the right: dF = tr(EᵀdE)."""

    def inside(side: Node) -> list[Node]:
        pairs = [pair for n in walk(side) if isinstance(n, Product) for pair in pairwise(n.factors)]
        return [b for (_, a), (op, b) in pairs if isinstance(a, Symbol) and a.head == "d" and not a.accents and not op]

    return inside(link.left), inside(link.right)


def _introduced(scope: Scope, node: Node) -> bool:
    base = unscripted(node)
    return isinstance(base, Symbol) and any(n.chain is not None for n in scope.names.get((base.head, base.accents), []))
